"""A lending shelf: books, where they stand, and who has them at home.

The application is small, its migration history is not: see ``migrations/versions``.
It runs on SQLite with nothing set, and on PostgreSQL or MariaDB with ``DATABASE_URL``.
"""

from __future__ import annotations

import os
import typing as t

import sqlalchemy as sa
from flask import Flask

from flask_batchmigrate import BatchMigrate

from . import seed
from . import views
from .models import db
from .models import enforce_foreign_keys

migrate = BatchMigrate()


def create_app(config: dict[str, t.Any] | None = None) -> Flask:
    """Make the application.

    :param config: settings that win over the environment, for tests.
    :return: the application, with ``flask db`` and ``flask seed`` on its command line.
    """
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get(
        "DATABASE_URL", "sqlite:///example.sqlite"
    )
    app.config.update(config or {})

    db.init_app(app)
    with app.app_context():
        sa.event.listen(db.engine, "connect", enforce_foreign_keys)
    migrate.init_app(app, db)
    app.register_blueprint(views.bp)
    app.cli.add_command(seed.seed_command)
    return app

"""Indexes that foreign keys of MySQL and MariaDB share, and those that they leave."""

from __future__ import annotations

import pathlib

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from tests.servers import new_database

pytestmark = pytest.mark.servers


def _app(url: str, folder: pathlib.Path, *keys: tuple[str, ...]) -> Flask:
    """An application whose table ``c`` has foreign keys on these columns."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app)
    parent = sa.UniqueConstraint("a", "b", name="uq_p")
    db.Table("p", *[sa.Column(c, sa.Integer, primary_key=True) for c in "ab"], parent)
    db.Table(
        "c",
        sa.Column("id", sa.Integer, primary_key=True),
        *[sa.Column(name, sa.Integer) for name in "ab"],
        *[
            sa.ForeignKeyConstraint(
                key, [f"p.{name}" for name in key], name=f"fk_{''.join(key)}"
            )
            for key in keys
        ],
    )
    fb.BatchMigrate(app, db, directory=folder / "migrations")
    return app


@pytest.mark.parametrize(("left", "indexes"), [([], set()), ([("a",)], {"fk_ab"})])
def test_index_of_a_dropped_foreign_key(
    tmp_path: pathlib.Path, left: list[tuple[str, ...]], indexes: set[str]
) -> None:
    """It is dropped as well, unless another foreign key uses its first columns."""
    with new_database("mariadb") as url:
        with _app(url, tmp_path, ("a", "b"), *left).app_context():
            fb.migrate()
            fb.upgrade()
        with _app(url, tmp_path, *left).app_context():
            fb.migrate()
            fb.upgrade()
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        assert {key["name"] for key in inspector.get_foreign_keys("c")} == {
            f"fk_{''.join(key)}" for key in left
        }
        assert {index["name"] for index in inspector.get_indexes("c")} == indexes
        engine.dispose()

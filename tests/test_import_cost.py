"""What a process pays that only sets the extension up."""

from __future__ import annotations

import pytest

from tests.processes import python

SETUP = """
import sys
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
{imports}
app = Flask("an_app")
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
migrate = BatchMigrate(include_schemas=True)
migrate.init_app(app, SQLAlchemy(app))
with app.app_context():
    app.extensions["migrate"].configure_args
    app.extensions["migrate"].metadata
heavy = {{name.partition(".")[0] for name in sys.modules}} & {{"alembic", "mako"}}
print(sorted(heavy))
working = ("project", "environment", "locks", "sqlite.ddl", "sqlite.transaction")
prefixes = tuple(f"flask_batchmigrate.{{package}}." for package in working)
print(sorted(name for name in sys.modules if name.startswith(prefixes)))
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from flask_batchmigrate import BatchMigrate",
        "from flask_batchmigrate import Migrate as BatchMigrate",
        "from flask_batchmigrate import BatchMigrate\n"
        "from flask_batchmigrate.cli import db",
    ],
)
def test_no_alembic_before_a_command(imports: str) -> None:
    """Importing and setting up load neither Alembic nor what commands work with."""
    assert python(None, SETUP.format(imports=imports)) == "[]\n[]\n"


def test_alembic_with_a_command() -> None:
    """The first name that needs Alembic loads it."""
    code = "import sys, flask_batchmigrate; flask_batchmigrate.migrate\n"
    code += "print('alembic' in sys.modules)"
    assert python(None, code) == "True\n"

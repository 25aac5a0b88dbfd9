"""What a process loads that sets the extension up, or runs one command."""

from __future__ import annotations

import pathlib

import pytest

from tests.cli_project import APP
from tests.cli_project import USER
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
prefixes += ("flask_batchmigrate.results", "flask_batchmigrate.status")
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


REVISION = """
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {down_revision!r}
branch_labels = None
depends_on = None

def upgrade():
    {upgrade}

def downgrade():
    op.drop_table("user")
"""
MAKES_TABLES = (
    "op.create_table('user', sa.Column('id', sa.Integer(), primary_key=True),"
    " sa.Column('name', sa.String(128)))\n"
    "    op.execute('INSERT INTO user (name) VALUES (1)')"
)
CHANGES_A_TABLE = (
    "with op.batch_alter_table('user') as batch:\n"
    "        batch.add_column(sa.Column('age', sa.Integer(), nullable=False,"
    " server_default='0'))"
)
OTHER = "class Other(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
LOADED = """
import contextlib, io, sys
from flask.cli import cli

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(sys.stdout):
    cli.main(["--app", "app", "db", {command!r}], standalone_mode=False)
heavy = {heavy!r}
print(" ".join(name for name in heavy if name in sys.modules))
"""

COMPARING = "flask_batchmigrate.autogenerate.tables.compare"
ADAPTER = "flask_batchmigrate.sqlite.adapter.impl"
TRANSACTION = "flask_batchmigrate.sqlite.transaction.migration"
CHANGES = "flask_batchmigrate.sqlite.plan.engine"
HEAVY = ("alembic", COMPARING, ADAPTER, TRANSACTION, CHANGES)
"""What is loaded for a purpose, each with the many modules that it stands for."""


class Folder:
    """A project whose database is at its first revision, which makes a table."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.models(USER)
        (path / "migrations" / "versions").mkdir(parents=True)
        self.revision("a", None, MAKES_TABLES)

    def models(self, models: str) -> None:
        text = APP.format(database=self.path / "app.db", binds={}) + models
        (self.path / "app.py").write_text(text)

    def revision(self, revision: str, down_revision: str | None, upgrade: str) -> None:
        text = REVISION.format(
            revision=revision, down_revision=down_revision, upgrade=upgrade
        )
        (self.path / f"migrations/versions/{revision}.py").write_text(text)

    def loads(self, command: str) -> list[str]:
        """Run a command in a process of its own, and return what of HEAVY it loads."""
        return python(self.path, LOADED.format(command=command, heavy=HEAVY)).split()


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Folder:
    """A project that is not migrated yet."""
    return Folder(tmp_path)


def test_making_tables(folder: Folder) -> None:
    """Revisions that make tables and run SQL do without what changes tables."""
    assert folder.loads("upgrade") == ["alembic", ADAPTER, TRANSACTION]


def test_changing_a_table(folder: Folder) -> None:
    """What changes tables is loaded by a revision that changes one."""
    folder.revision("b", "a", CHANGES_A_TABLE)
    assert folder.loads("upgrade") == ["alembic", ADAPTER, TRANSACTION, CHANGES]


def test_looking(folder: Folder) -> None:
    """What only looks loads no part of the engine; the plain case not even Alembic."""
    folder.loads("upgrade")
    assert folder.loads("upgrade") == []
    assert folder.loads("current") == []
    assert folder.loads("heads") == []
    assert folder.loads("history") == ["alembic"]


def test_an_env_of_ones_own(folder: Folder) -> None:
    """An upgrade with nothing to do opens no transaction, whoever runs it."""
    folder.loads("upgrade")
    text = "from flask_batchmigrate.environment import run\nrun()\n"
    (folder.path / "migrations" / "env.py").write_text(text)
    assert folder.loads("upgrade") == ["alembic", ADAPTER]
    assert folder.loads("current") == ["alembic"]


def test_comparing(folder: Folder) -> None:
    """Comparing loads nothing that changes a table; ``check`` runs the revisions."""
    folder.loads("upgrade")
    assert folder.loads("check") == ["alembic", COMPARING, ADAPTER, TRANSACTION]
    assert folder.loads("migrate") == ["alembic", COMPARING, ADAPTER]


def test_writing_a_revision(folder: Folder) -> None:
    """A revision is proven on a scratch database, with all that it takes to run it."""
    folder.loads("upgrade")
    folder.models(USER + OTHER)
    loaded = folder.loads("migrate")
    assert loaded == ["alembic", COMPARING, ADAPTER, TRANSACTION, CHANGES]

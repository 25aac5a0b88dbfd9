"""What scripts of real projects do, and what they were written against."""

from __future__ import annotations

import pathlib

import flask
import flask_sqlalchemy
import pytest
import sqlalchemy as sa
from alembic.operations import Operations

import flask_batchmigrate

from .alembic_door import database
from .alembic_door import MakeDatabase

__all__ = ["database"]

INSPECTING = """
import sqlalchemy as sa
from alembic import op
from flask import current_app

revision = "two"
down_revision = "one"

def upgrade():
    names = sa.inspect(current_app.extensions["sqlalchemy"].engine).get_table_names()
    op.add_column("note", sa.Column("seen", sa.Text()))
    op.execute(sa.text("UPDATE note SET seen = :seen").bindparams(seen=str(names)))
"""
FIRST = """
from alembic import op

revision = "one"
down_revision = None

def upgrade():
    op.execute("CREATE TABLE note (id INTEGER PRIMARY KEY)")
    op.execute("INSERT INTO note VALUES (1)")
"""


@pytest.mark.xfail(
    strict=True,
    reason="a second connection that reads is refused, not lent the migration's",
)
def test_a_script_that_inspects_the_engine(tmp_path: pathlib.Path) -> None:
    """It sees the database as the migration has made it so far, as it always did."""
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "one.py").write_text(FIRST)
    (versions / "two.py").write_text(INSPECTING)
    app = flask.Flask("an_app")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'app.db'}"
    db = flask_sqlalchemy.SQLAlchemy(app)
    flask_batchmigrate.BatchMigrate(app, db, directory=str(versions.parent))
    with app.app_context():
        try:
            flask_batchmigrate.upgrade()
            with db.engine.connect() as connection:
                seen = connection.execute(sa.text("SELECT seen FROM note")).scalar()
        finally:
            db.engine.dispose()
    assert "'note'" in str(seen)


@pytest.mark.xfail(
    strict=True,
    reason="Alembic's copy gives rows the column's default= where nothing else does",
)
def test_a_default_of_python_for_rows(database: MakeDatabase) -> None:
    """A required column of a block that copies is filled with the script's default."""
    db = database("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t", recreate="always") as batch:
            new = sa.Column("c", sa.Integer(), nullable=False, default=7)
            batch.add_column(new)

    db.run(upgrade)
    assert db.query("SELECT a, b, c FROM t") == [(1, 2, 7)]

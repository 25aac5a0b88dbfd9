"""What scripts of real projects do, and what they were written against."""

from __future__ import annotations

import pathlib

import flask
import flask_sqlalchemy
import pytest
import sqlalchemy as sa
from alembic.operations import Operations

import flask_batchmigrate
from tests.sqlite.alembic_file import MakeDatabase

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


def test_a_default_of_python_for_rows(database: MakeDatabase) -> None:
    """A required column of a block that copies is filled with the script's default."""
    db = database("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t", recreate="always") as batch:
            new = sa.Column("c", sa.Integer(), nullable=False, default=7)
            batch.add_column(new)

    db.run(upgrade)
    assert db.query("SELECT a, b, c FROM t") == [(1, 2, 7)]


def test_a_default_of_python_says_nothing_of_rows(database: MakeDatabase) -> None:
    """Where Alembic would not copy, it is for new rows only, as on PostgreSQL."""
    db = database("CREATE TABLE t (a INT); INSERT INTO t VALUES (1);")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.add_column(sa.Column("b", sa.Integer(), default=7))
        op.add_column("t", sa.Column("c", sa.Integer(), default=8))

    db.run(upgrade)
    assert db.query("SELECT a, b, c FROM t") == [(1, None, None)]


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        (sa.Column("b", sa.String(9), default="it's"), "it's"),
        (sa.Column("b", sa.Boolean(), default=True), 1),
        (sa.Column("b", sa.Numeric(5, 2), default=10.5), 10.5),
        (sa.Column("b", sa.Integer(), default=7, server_default="8"), 8),
        (sa.Column("b", sa.Integer(), default=lambda: 7), None),
    ],
)
def test_which_defaults_of_python_fill_rows(
    database: MakeDatabase, column: sa.Column[object], stored: object
) -> None:
    """A plain value does, unless the database has one of its own."""
    db = database("CREATE TABLE t (a INT, b TEXT); INSERT INTO t VALUES (1, 'old');")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_column("b")
            batch.add_column(column)

    db.run(upgrade)
    assert db.query("SELECT a, b FROM t") == [(1, stored)]

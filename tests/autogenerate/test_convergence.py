"""What SQLite cannot have is no difference: one migration reaches the models."""

from __future__ import annotations

import pathlib
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb

Columns = t.Callable[[], list[t.Any]]


def key(type_: t.Any = sa.Integer, *args: t.Any) -> sa.Column[t.Any]:
    return sa.Column("id", type_, *args, primary_key=True)


def also(type_: t.Any = sa.Integer, *args: t.Any, **kw: t.Any) -> Columns:
    return lambda: [key(), sa.Column("c", type_, *args, **kw)]


MODELS: dict[str, Columns] = {
    "rowid BIGINT": lambda: [key(sa.BigInteger)],
    "rowid SMALLINT": lambda: [key(sa.SmallInteger)],
    "rowid BIGINT identity": lambda: [key(sa.BigInteger, sa.Identity(start=3))],
    "rowid identity": lambda: [key(sa.Integer, sa.Identity(always=True))],
    "rowid sequence": lambda: [key(sa.BigInteger, sa.Sequence("s"))],
    "rowid nullable": lambda: [
        sa.Column("id", sa.Integer, primary_key=True, nullable=True)
    ],
    "two keys": lambda: [
        key(sa.BigInteger),
        sa.Column("k", sa.BigInteger, primary_key=True),
    ],
    "identity": also(sa.Integer, sa.Identity()),
    "comment": also(sa.Integer, comment="said of it"),
    "BINARY": also(sa.BINARY(16)),
    "VARBINARY": also(sa.VARBINARY(16)),
    "CLOB": also(sa.CLOB),
    "DOUBLE PRECISION": also(sa.Double),
    "variant": also(sa.BigInteger().with_variant(sa.CLOB(), "sqlite")),
    "collation": also(sa.String(9, collation="NOCASE")),
    "enum": also(sa.Enum("x", "y", name="e", create_constraint=True)),
    "uuid": also(sa.Uuid),
    "no text": also(sa.String(5), server_default=""),
    "apostrophe": also(sa.String(5), server_default="it's"),
    "parentheses": also(sa.String(5), server_default="(x)"),
    "two lines": also(sa.String(5), server_default="a\nb"),
    "clock": also(sa.DateTime, server_default=sa.func.now()),
}
BEFORE = {
    "by the models": None,
    "rowid": "CREATE TABLE t (id INTEGER PRIMARY KEY)",
    "rowid of the table": "CREATE TABLE t (id INTEGER NOT NULL, PRIMARY KEY (id))",
    "numbered": "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "other table": "CREATE TABLE o (x INTEGER PRIMARY KEY)",
}


class Migrations:
    """An application with one table, its file and its scripts."""

    def __init__(self, path: pathlib.Path, columns: Columns) -> None:
        self.path = path
        self.app = Flask("an_app", root_path=str(path))
        self.app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path / 'app.db'}"
        self.db = SQLAlchemy(self.app)
        sa.Table("t", self.db.metadata, *columns())
        fb.BatchMigrate(
            self.app,
            self.db,
            directory=str(path / "migrations"),
            compare_server_default=True,
        )

    def generate(self, name: str) -> list[str]:
        """Write a script if anything differs; return the names of all."""
        with self.app.app_context():
            fb.migrate(message=name)
        return sorted(p.name[12:] for p in self.path.glob("migrations/versions/*.py"))

    def upgrade(self) -> None:
        with self.app.app_context():
            fb.upgrade()

    def check(self) -> None:
        with self.app.app_context():
            fb.check()


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("model", MODELS)
def test_one_migration_is_enough(
    tmp_path: pathlib.Path, model: str, before: str
) -> None:
    """After it nothing differs any more, whoever made the table."""
    made = Migrations(tmp_path, MODELS[model])
    if BEFORE[before] is not None:
        with sqlite3.connect(tmp_path / "app.db") as connection:
            connection.execute(str(BEFORE[before]))
        connection.close()
    first = made.generate("first")
    if first:
        made.upgrade()
        made.check()
    assert made.generate("second") == first
    with made.app.app_context():
        made.db.engine.dispose()


def test_another_type_is_a_difference(tmp_path: pathlib.Path) -> None:
    """A key that is not the rowid can be a BIGINT; another default is another one."""
    script = (
        "CREATE TABLE t (id INTEGER, k INTEGER, d TEXT DEFAULT 'it''s',"
        " PRIMARY KEY (id, k))"
    )
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute(script)
    connection.close()
    made = Migrations(
        tmp_path,
        lambda: [
            key(sa.BigInteger),
            sa.Column("k", sa.BigInteger, primary_key=True),
            sa.Column("d", sa.Text, server_default="it's not"),
        ],
    )
    assert made.generate("first") == ["_first.py"]
    made.upgrade()
    with sqlite3.connect(tmp_path / "app.db") as connection:
        rows = connection.execute("PRAGMA table_info(t)").fetchall()
    connection.close()
    assert [(row[2], row[4]) for row in rows] == [
        ("BIGINT", None),
        ("BIGINT", None),
        ("TEXT", "'it''s not'"),
    ]
    assert made.generate("second") == ["_first.py"]
    with made.app.app_context():
        made.db.engine.dispose()

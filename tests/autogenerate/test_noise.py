"""What is only stored in another way is no difference."""

from __future__ import annotations

import contextlib
import sqlite3
import warnings

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.tables.virtual_tables import internal_tables
from flask_batchmigrate.sqlite.schema.catalogue import read_catalogue
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from tests.apps import Apps

AS_STORED = """
CREATE TABLE "owner" (id INTEGER PRIMARY KEY, "name" varchar ( 50 ) DEFAULT ('x'));
CREATE TABLE IF NOT EXISTS pet (
  id integer PRIMARY KEY AUTOINCREMENT NOT NULL, -- its number
  owner_id INTEGER REFERENCES owner ON DELETE CASCADE ON UPDATE NO ACTION,
  legs INTEGER NOT NULL DEFAULT '4' CHECK (legs>=0),
  tag TEXT UNIQUE COLLATE BINARY,
  place GEOMETRY, born DATETIME DEFAULT (CURRENT_TIMESTAMP),
  UNIQUE (owner_id, "legs")
);
CREATE INDEX "ix_tag" ON pet(lower( tag ), legs ASC);
CREATE TABLE typeless (x);
CREATE VIRTUAL TABLE words USING fts5(word);
CREATE VIRTUAL TABLE boxes USING rtree(id, a, b);
"""


class Geometry(sa.types.UserDefinedType[bytes]):
    """A type that SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "GEOMETRY"


def define(metadata: sa.MetaData) -> None:
    sa.Table(
        "owner",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), server_default="x"),
    )
    pet = sa.Table(
        "pet",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.ForeignKey("owner.id", ondelete="CASCADE")),
        sa.Column("legs", sa.Integer, nullable=False, server_default=sa.text("4")),
        sa.Column("tag", sa.Text, unique=True),
        sa.Column("place", Geometry),
        sa.Column("born", sa.DateTime, server_default=sa.func.current_timestamp()),
        sa.UniqueConstraint("owner_id", "legs"),
        sa.CheckConstraint("legs >= 0"),
        sqlite_autoincrement=True,
    )
    sa.Index("ix_tag", sa.func.lower(pet.c.tag), pet.c.legs)
    sa.Table("typeless", metadata, sa.Column("x", Anything))


class Anything(sa.types.UserDefinedType[object]):
    """No type at all."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return ""


def test_other_spelling(apps: Apps) -> None:
    """Nothing is written, nothing is warned of, and ``check`` agrees."""
    with contextlib.closing(sqlite3.connect(apps.path / "app.db")) as connection:
        try:
            connection.executescript(AS_STORED)
        except sqlite3.OperationalError as error:
            pytest.skip(f"this SQLite library lacks a module: {error}")
    app = apps.make({None: []})
    define(app.extensions["sqlalchemy"].metadata)
    with app.app_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fb.migrate() == []
        (apps.path / "migrations" / "versions").mkdir(parents=True)
        assert fb.check() is True


@pytest.mark.parametrize("module", ["vec0(x float[4])", "nobody_knows"])
def test_virtual_tables_of_modules_that_are_not_loaded(module: str) -> None:
    """Neither they nor the tables that they own are any model's."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            "CREATE TABLE docs_chunks (x); CREATE TABLE docs_vector_chunks00 (x);"
            "CREATE TABLE mine (x); PRAGMA writable_schema = ON;"
            "INSERT INTO sqlite_master VALUES"
            f" ('table', 'docs', 'docs', 0, 'CREATE VIRTUAL TABLE docs USING {module}')"
        )
        catalogue = read_catalogue(DirectDatabase(connection), "main")
    internal = internal_tables(catalogue)
    assert internal == {"docs", "docs_chunks", "docs_vector_chunks00"}


def test_a_virtual_table_in_the_way(apps: Apps) -> None:
    """Beside a virtual table of an unknown module, the models are compared as ever."""
    with contextlib.closing(sqlite3.connect(apps.path / "app.db")) as connection:
        connection.executescript(
            "CREATE TABLE docs_chunks (x); CREATE TABLE theirs (x);"
            "PRAGMA writable_schema = ON;"
            "INSERT INTO sqlite_master VALUES"
            " ('table', 'docs', 'docs', 0, 'CREATE VIRTUAL TABLE docs USING unknown')"
        )
    app = apps.make()
    with app.app_context():
        assert len(fb.migrate()) == 1
        fb.upgrade()
        assert fb.check() is True
        (found,) = app.extensions["migrate"].migrate.status(compare=True)
    assert found.differing == ()


def test_a_comparison_of_ones_own_decides(apps: Apps) -> None:
    """Where the user compares types, that comparison is asked and has its way."""
    with apps.make().app_context():
        fb.migrate()
        fb.upgrade()
    asked: list[str] = []

    def same(_: object, column: sa.Column[object], *rest: object) -> bool:
        asked.append(column.name)
        return False

    app = apps.make({None: []}, compare_type=same)
    app.extensions["sqlalchemy"].Table(
        "user",
        app.extensions["sqlalchemy"].metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Integer),
    )
    with app.app_context():
        assert fb.check() is True
    assert set(asked) == {"id", "name"}


@pytest.mark.parametrize("kind", ["check_constraint", "index", "column"])
def test_filters_are_asked(apps: Apps, kind: str) -> None:
    """What ``include_object`` leaves out is no difference, whoever found it."""
    with apps.make().app_context():
        fb.migrate()
        fb.upgrade()
    wanted = {
        "check_constraint": [sa.CheckConstraint("name <> ''")],
        "index": [sa.Index("ix", sa.text("name DESC"))],
        "column": [sa.Column("twice", sa.Integer, sa.Computed("id * 2"))],
    }[kind]
    asked: list[str] = []

    def include(obj: object, name: object, type_: str, *rest: object) -> bool:
        asked.append(type_)
        return type_ != kind

    app = apps.make({None: []}, include_object=include)
    metadata = app.extensions["sqlalchemy"].metadata
    columns = (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50)),
    )
    sa.Table("user", metadata, *columns, *wanted)
    with app.app_context():
        assert fb.check() is True
    assert kind in asked

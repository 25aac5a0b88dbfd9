"""Drivers of SQLite other than the standard library's, on local files."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import importlib
import pathlib
import sqlite3
import textwrap
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask

import flask_batchmigrate as fb
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.apps import Apps
from tests.apps import write_revision

TABLES = """\
op.execute("CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, -- kept\\n"
    "name VARCHAR(20) COLLATE NOCASE, age TEXT, CHECK (age <> ''))")
op.execute("CREATE TABLE book (id INTEGER PRIMARY KEY,"
    " author_id INTEGER REFERENCES author(id) ON DELETE CASCADE)")
op.execute("INSERT INTO author VALUES (1, 'Ada', '36'), (7, 'Bob', '40')")
op.execute("DELETE FROM author WHERE id = 7")
op.execute("INSERT INTO book VALUES (10, 1)")
"""

CHANGES = """\
with op.batch_alter_table('author') as batch:
    batch.alter_column('name', nullable=False)
    batch.add_column(sa.Column('email', sa.String(50), server_default='x'))
with op.batch_alter_table('author', recreate='always') as batch:
    batch.alter_column('age', type_=sa.Integer)
op.create_unique_constraint('uq_name', 'author', ['name'])
op.execute("UPDATE author SET email = 'ada@x.org'")
op.get_bind().commit()
"""


class Database:
    """A file that only its own driver may be able to read."""

    def __init__(self, apps: Apps, kind: str) -> None:
        self.folder = apps.path / "migrations"
        file = apps.path / "app.db"
        options: dict[str, t.Any] = {}
        if kind == "libsql":
            pytest.importorskip("sqlalchemy_libsql")
            self.url = f"sqlite+libsql:///{file}"
        else:
            pytest.importorskip("sqlcipher3")
            options["module"] = importlib.import_module("sqlcipher3")
            # By default there is one connection for each thread.
            options["poolclass"] = sa.QueuePool
            self.url = f"sqlite+pysqlcipher://:secret@/{file}"
        self.file = file
        self._apps = apps
        self._config = {
            "SQLALCHEMY_DATABASE_URI": self.url,
            "SQLALCHEMY_ENGINE_OPTIONS": options,
        }

    @contextlib.contextmanager
    def app(self) -> cabc.Iterator[Flask]:
        app = self._apps.make({None: ["author name age email"]}, config=self._config)
        with app.app_context():
            yield app

    def write(self, revision: str, down: str | None, script: str) -> pathlib.Path:
        lines = textwrap.indent(script, "    ").strip()
        return write_revision(self.folder, revision, down, lines)

    def upgrade(self) -> None:
        with self.app():
            fb.upgrade()

    def query(self, sql: str) -> list[t.Any]:
        with (
            self.app() as app,
            app.extensions["sqlalchemy"].engine.connect() as connection,
        ):
            return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.fixture(params=["libsql", "sqlcipher"])
def database(apps: Apps, request: pytest.FixtureRequest) -> Database:
    """An empty database for each driver that is installed."""
    made = Database(apps, request.param)
    made.write("aaaa", None, TABLES)
    return made


def test_nothing_is_lost(database: Database) -> None:
    """Tables are changed as with the standard library's driver."""
    database.upgrade()
    database.write("bbbb", "aaaa", CHANGES)
    database.upgrade()
    ((sql,),) = database.query("SELECT sql FROM sqlite_master WHERE name = 'author'")
    for kept in ("AUTOINCREMENT", "-- kept", "COLLATE NOCASE", "CHECK (age <> '')"):
        assert kept in sql
    assert "age INTEGER" in sql
    assert database.query("SELECT * FROM author") == [(1, "Ada", 36, "ada@x.org")]
    assert database.query("SELECT * FROM book") == [(10, 1)]
    assert database.query("SELECT seq FROM sqlite_sequence") == [(7,)]
    assert database.query("SELECT version_num FROM alembic_version") == [("bbbb",)]


FAILURES = {
    "script": "1 / 0",
    "statement": "op.execute('INSERT INTO book VALUES (10, 1)')",
    "COMMIT": "op.execute('/* now */ COMMIT')",
    "rows": "op.execute(\"INSERT INTO author VALUES (2, 'ADA', 3, 'x')\")",
    "engine": "op.create_check_constraint('ck', 'author', 'age > 100')",
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_is_undone(database: Database, how: str) -> None:
    """Nothing stays of a revision that failed, and the message names its line."""
    database.upgrade()
    everything = "SELECT name, sql FROM sqlite_master ORDER BY name"
    before = database.query(everything)
    path = database.write("bbbb", "aaaa", CHANGES + FAILURES[how])
    with pytest.raises(fb.RevisionFailed) as caught:
        database.upgrade()
    number = path.read_text().split("\n").index("    " + FAILURES[how]) + 1
    assert f"'{path}', line {number}" in str(caught.value)
    assert "Nothing was changed." in str(caught.value)
    assert database.query(everything) == before
    assert database.query("SELECT * FROM author") == [(1, "Ada", "36")]
    assert database.query("SELECT version_num FROM alembic_version") == [("aaaa",)]


def test_a_refusal_is_caught(database: Database) -> None:
    """By the clauses that scripts have, whatever classes the driver has."""
    database.upgrade()
    database.write(
        "bbbb",
        "aaaa",
        "import contextlib\n"
        "with contextlib.suppress(sa.exc.OperationalError):\n"
        "    op.drop_column('author', 'nothing')\n"
        "with contextlib.suppress(ValueError):\n"
        "    op.drop_constraint('nothing', 'author')\n"
        "with contextlib.suppress(sa.exc.IntegrityError):\n"
        "    op.create_check_constraint('ck', 'author', 'age > 100')",
    )
    database.upgrade()
    assert database.query("SELECT version_num FROM alembic_version") == [("bbbb",)]


def test_foreign_keys_are_enforced(database: Database) -> None:
    """A listener that switches them on, on each connection, is in nobody's way."""
    database.write("bbbb", "aaaa", CHANGES)
    with database.app() as app:
        engine = app.extensions["sqlalchemy"].engine

        @sa.event.listens_for(engine, "connect")
        def enforce(dbapi: t.Any, record: object) -> None:
            with contextlib.closing(dbapi.cursor()) as cursor:
                cursor.execute("PRAGMA foreign_keys = ON")

        fb.upgrade()
        with engine.connect() as connection:
            (row,) = connection.exec_driver_sql("PRAGMA foreign_keys")
            assert row[0] == 1
    assert database.query("SELECT * FROM book") == [(10, 1)]
    assert database.query("SELECT version_num FROM alembic_version") == [("bbbb",)]


ENGINES = {
    "application": "current_app.extensions['sqlalchemy'].engine",
    "script": "sa.create_engine(op.get_bind().engine.url)",
    "configured": "sa.create_engine(op.get_context().config.get_main_option("
    "'sqlalchemy.url'), poolclass=sa.NullPool)",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_connection_that_reads(database: Database, engine: str) -> None:
    """An engine that the script finds or makes is lent a connection."""
    database.upgrade()
    database.write(
        "bbbb",
        "aaaa",
        "from flask import current_app\n"
        "op.execute('CREATE TABLE more (id INTEGER)')\n"
        f"engine = {ENGINES[engine]}\n"
        "assert sa.inspect(engine).has_table('more')\n"
        "engine.dispose()",
    )
    database.upgrade()
    assert database.query("SELECT * FROM more") == []


def test_the_cipher_stays(apps: Apps) -> None:
    """A migrated file cannot be read without the key."""
    database = Database(apps, "sqlcipher")
    database.write("aaaa", None, TABLES + CHANGES)
    database.upgrade()
    with (
        contextlib.closing(sqlite3.connect(database.file)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        connection.execute("SELECT * FROM sqlite_master")


class Silent(sqlite3.Connection):
    """A connection of a driver that does not tell of its transactions."""

    @property
    def in_transaction(self) -> bool:
        raise AttributeError("in_transaction")


class Warnings(Reporter):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def test_a_driver_that_tells_too_little(apps: Apps) -> None:
    """Alembic's own operations do the work, and a warning says what that means."""
    write_revision(
        apps.path / "migrations",
        "aaaa",
        None,
        "op.create_table('author', sa.Column('id', sa.Integer, primary_key=True))\n"
        "    with op.batch_alter_table('author') as batch:\n"
        "        batch.add_column(sa.Column('name', sa.String(20)))",
    )
    options = {"connect_args": {"factory": Silent}}
    app = apps.make(config={"SQLALCHEMY_ENGINE_OPTIONS": options})
    heard = Warnings()
    with app.app_context(), reporting_to(heard):
        fb.upgrade()
        engine = app.extensions["sqlalchemy"].engine
        assert [c["name"] for c in sa.inspect(engine).get_columns("author")] == [
            "id",
            "name",
        ]
        assert [each.heads for each in fb.current()] == [("aaaa",)]
    (text,) = heard.texts
    assert "is migrated as Alembic does it" in text
    assert "whether a transaction is open" in text

"""An ``env.py`` that used its connection before Alembic was configured."""

from __future__ import annotations

import collections.abc as cabc
import contextlib

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.servers import new_database
from tests.servers import SERVERS

KINDS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS)]

START = """
from alembic import context
from flask import current_app
import sqlalchemy as sa
engine = current_app.extensions["migrate"].db.engine
def migrate(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
def read(connection):
    connection.execute(sa.text("SELECT 1"))
"""

CONNECT = "with engine.connect() as c:\n    "

ENVS = {
    "select": CONNECT + "read(c)\n    migrate(c)\n",
    "driver sql": CONNECT + "c.exec_driver_sql('SELECT 1')\n    migrate(c)\n",
    "scalar": CONNECT + "c.scalar(sa.select(1))\n    migrate(c)\n",
    "inspect": CONNECT + "sa.inspect(c).get_table_names()\n    migrate(c)\n",
    "savepoint": CONNECT + "with c.begin_nested():\n        read(c)\n    migrate(c)\n",
    "own engine": "engine = sa.create_engine(engine.url, poolclass=sa.NullPool)\n"
    + CONNECT
    + "read(c)\n    migrate(c)\n",
    "after a commit": CONNECT
    + "read(c)\n    c.commit()\n    read(c)\n    migrate(c)\n",
    "after a transaction": CONNECT
    + "with c.begin():\n        read(c)\n"
    + "    read(c)\n    migrate(c)\n",
    "no with": "c = engine.connect()\nread(c)\nmigrate(c)\nc.close()\n",
    "no block": CONNECT
    + "read(c)\n    context.configure(connection=c)\n    context.run_migrations()\n",
    "commits": CONNECT + "read(c)\n    migrate(c)\n    c.commit()\n",
    "begin": "with engine.begin() as c:\n    read(c)\n    migrate(c)\n",
    "transaction": CONNECT + "with c.begin():\n        read(c)\n        migrate(c)\n",
    "by hand": CONNECT + "t = c.begin()\n    read(c)\n    migrate(c)\n    t.commit()\n",
}
"""Ways to use the connection first, that all end with everything stored."""

UNDONE = {
    "begin": "try:\n    with engine.begin() as c:\n        read(c)\n"
    "        migrate(c)\n        raise KeyError\nexcept KeyError:\n    pass\n",
    "by hand": "with engine.connect() as c:\n    t = c.begin()\n    read(c)\n"
    "    migrate(c)\n    t.rollback()\n",
}
"""Transactions that ``env.py`` began, and rolls back."""


@contextlib.contextmanager
def database(kind: str, apps: Apps) -> cabc.Iterator[sa.Engine]:
    """An empty database."""
    with contextlib.ExitStack() as stack:
        url = apps.url("app.db")
        if kind != "sqlite":
            url = stack.enter_context(new_database(kind))
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        yield engine
        apps.close()


def stored(engine: sa.Engine) -> tuple[set[str], set[str]]:
    """The tables of a database, and its revisions."""
    with engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            return tables, set()
        rows = connection.execute(sa.text("SELECT * FROM alembic_version"))
        return tables - {"alembic_version"}, {name for (name,) in rows}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("env", ENVS)
def test_everything_is_stored(apps: Apps, kind: str, env: str) -> None:
    """What is announced as done is in the database."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"), "op.drop_table('x')")
    (folder / "env.py").write_text(START + ENVS[env])
    with database(kind, apps) as engine:
        url = engine.url.render_as_string(hide_password=False)
        with apps.make(config={"SQLALCHEMY_DATABASE_URI": url}).app_context():
            assert [each.revision for each in fb.upgrade()] == ["aa11"]
            assert stored(engine) == ({"x"}, {"aa11"})
            assert [each.is_head for each in fb.current()] == [True]
            fb.downgrade()
            assert stored(engine) == (set(), set())
            fb.stamp()
            assert stored(engine) == (set(), {"aa11"})


@pytest.mark.parametrize("env", ["select", "own engine", "begin"])
def test_a_failure_leaves_nothing(apps: Apps, env: str) -> None:
    """It is rolled back with what was read before."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, f"{create('x')}\n    1 / 0")
    (folder / "env.py").write_text(START + ENVS[env])
    with database("sqlite", apps) as engine, apps.make().app_context():
        with pytest.raises(fb.RevisionFailed):
            fb.upgrade()
        assert stored(engine) == (set(), set())


@pytest.mark.servers
@pytest.mark.parametrize("env", UNDONE)
def test_an_explicit_transaction_is_its_owners(apps: Apps, env: str) -> None:
    """A transaction that ``env.py`` began is not committed over its head."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"))
    (folder / "env.py").write_text(START + UNDONE[env])
    with database("postgresql", apps) as engine:
        url = engine.url.render_as_string(hide_password=False)
        with apps.make(config={"SQLALCHEMY_DATABASE_URI": url}).app_context():
            # What comes of a run that was rolled back is not the point here.
            with contextlib.suppress(fb.BatchMigrateError):
                fb.upgrade()
            assert stored(engine) == (set(), set())


def test_looking_commits_nothing(apps: Apps) -> None:
    """What ``env.py`` wrote before a command that only reads is rolled back."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"))
    write = "c.exec_driver_sql('INSERT INTO seen VALUES (1)')"
    (folder / "env.py").write_text(
        f"{START}with engine.connect() as c:\n    {write}\n    migrate(c)\n"
    )
    with database("sqlite", apps) as engine, apps.make().app_context():
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE seen (id INTEGER)")
        fb.current()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT * FROM seen").all() == []

"""What a migration may wait for and take on a server, and how often it tries again."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import threading
import time
import typing as t

import pytest
import sqlalchemy as sa
from flask import current_app
from flask import Flask

import flask_batchmigrate as fb
from flask_batchmigrate.locks import hold
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision

pytestmark = pytest.mark.servers

ALTER = "op.add_column('busy', sa.Column('extra', sa.Integer))"
VARIABLES = {
    "postgresql": "SELECT current_setting('lock_timeout'),"
    " current_setting('statement_timeout')",
    "mariadb": "SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout,"
    " @@max_statement_time",
}
SLEEP = {"postgresql": "SELECT pg_sleep(20)", "mariadb": "SELECT SLEEP(20)"}


@pytest.fixture
def make(apps: Apps, url: str) -> cabc.Iterator[t.Callable[..., Flask]]:
    """Makes applications on one database, with a table that is going to be busy."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("busy"))

    def made(*lines: str, retries: int = 0, **config: t.Any) -> Flask:
        write_revision(folder, "bb22", "aa11", create("before"))
        write_revision(folder, "cc33", "bb22", "\n    ".join(lines))
        app = apps.make(
            config={
                "SQLALCHEMY_DATABASE_URI": url,
                "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 1, "max_overflow": 0},
                "BATCHMIGRATE_SERVER_LOCK_RETRIES": retries,
                **config,
            }
        )
        with app.app_context():
            fb.upgrade(revision="aa11")
        return app

    yield made
    apps.close()


class Waits(Reporter):
    """Keeps what is waited for, and frees the table when it is told of it."""

    def __init__(self, free: cabc.Callable[[], object] = lambda: None) -> None:
        self.texts: list[str] = []
        self._free = free

    def waiting(self, text: str) -> None:
        self.texts.append(text)
        self._free()


@contextlib.contextmanager
def busy(url: str) -> cabc.Iterator[cabc.Callable[[], None]]:
    """Read the table in a transaction that stays open, as a request may."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM busy").all()
        yield connection.rollback


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def columns(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [each["name"] for each in sa.inspect(connection).get_columns("busy")]


def settings(kind: str) -> tuple[t.Any, ...]:
    """What holds on the only connection of the application's pool."""
    with current_app.extensions["sqlalchemy"].engine.connect() as connection:
        return tuple(connection.exec_driver_sql(VARIABLES[kind]).one())


def test_a_table_that_stays_busy(
    make: t.Callable[..., Flask], url: str, kind: str
) -> None:
    """The migration gives up, and the application goes on."""
    app = make(ALTER, BATCHMIGRATE_SERVER_LOCK_TIMEOUT=1, retries=1)
    waits = Waits()
    with app.app_context(), busy(url), reporting_to(waits):
        before = settings(kind)
        start = time.monotonic()
        with pytest.raises(fb.errors.RevisionFailed, match=r"[Ll]ock"):
            fb.upgrade()
        assert time.monotonic() - start > 2
        assert settings(kind) == before
    assert columns(url) == ["id"]
    assert len(waits.texts) == 1
    assert ("before" in tables(url)) == (kind == "mariadb")


@pytest.mark.parametrize("per_migration", [False, True])
def test_a_table_that_becomes_free(
    make: t.Callable[..., Flask], url: str, kind: str, per_migration: bool
) -> None:
    """The migration is tried again, and each of its steps is told of once."""
    app = make(
        ALTER,
        retries=5,
        BATCHMIGRATE_SERVER_LOCK_TIMEOUT=1,
        BATCHMIGRATE_TRANSACTION_PER_MIGRATION=per_migration,
    )
    with app.app_context(), busy(url) as free:
        before = settings(kind)
        waits = Waits(free)
        with reporting_to(waits):
            applied = fb.upgrade()
        assert settings(kind) == before
    assert [each.revision for each in applied] == ["bb22", "cc33"]
    assert columns(url) == ["id", "extra"]
    assert len(waits.texts) == 1
    assert "more than 1 s" in waits.texts[0]


def test_what_was_committed_is_not_done_twice(
    make: t.Callable[..., Flask], url: str, kind: str
) -> None:
    """A revision of which something is there to stay is not tried again."""
    first = create("first")
    if kind == "postgresql":
        first = f"with op.get_context().autocommit_block():\n        {first}"
    app = make(first, ALTER, retries=5, BATCHMIGRATE_SERVER_LOCK_TIMEOUT=1)
    waits = Waits()
    with (
        app.app_context(),
        busy(url),
        reporting_to(waits),
        pytest.raises(fb.errors.RevisionFailed) as caught,
    ):
        fb.upgrade()
    assert "Nothing was changed" not in str(caught.value)
    assert waits.texts == []
    assert "first" in tables(url)
    assert columns(url) == ["id"]


def test_rows_in_use(make: t.Callable[..., Flask], url: str) -> None:
    """It holds for rows as well as for tables."""
    app = make(
        "op.execute('UPDATE busy SET id = id + 100')",
        BATCHMIGRATE_SERVER_LOCK_TIMEOUT=1,
    )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO busy VALUES (1)")
    with app.app_context(), engine.connect() as other:
        other.exec_driver_sql("UPDATE busy SET id = 2")
        with pytest.raises(fb.errors.RevisionFailed, match=r"[Ll]ock"):
            fb.upgrade()
        other.rollback()
        fb.upgrade()


def test_a_statement_that_takes_long(
    make: t.Callable[..., Flask], url: str, kind: str
) -> None:
    """It is stopped, and not tried again."""
    app = make(
        f"op.execute({SLEEP[kind]!r})", BATCHMIGRATE_STATEMENT_TIMEOUT=0.5, retries=3
    )
    with app.app_context():
        before = settings(kind)
        with pytest.raises(fb.errors.RevisionFailed, match="statement"):
            fb.upgrade()
        assert settings(kind) == before


def test_an_autocommit_block_has_its_time(
    make: t.Callable[..., Flask], url: str, kind: str
) -> None:
    """On PostgreSQL, what runs outside of transactions is not cut short."""
    if kind != "postgresql":
        pytest.skip("an autocommit block is a transaction there")
    app = make(
        "with op.get_context().autocommit_block():",
        "    op.execute('SELECT pg_sleep(1)')",
        "    op.create_index('ix', 'busy', ['id'], postgresql_concurrently=True)",
        "assert op.get_bind().scalar(sa.text('SHOW statement_timeout')) == '500ms'",
        BATCHMIGRATE_STATEMENT_TIMEOUT=0.5,
    )
    with app.app_context():
        assert [each.revision for each in fb.upgrade()] == ["bb22", "cc33"]


def test_another_process_waits_for_the_retries(
    make: t.Callable[..., Flask], url: str
) -> None:
    """The migration lock is kept while the migration tries again."""
    app = make(
        ALTER,
        retries=5,
        BATCHMIGRATE_SERVER_LOCK_TIMEOUT=1,
        BATCHMIGRATE_LOCK_TIMEOUT=0.1,
    )
    errors: list[type[Exception]] = []
    with busy(url) as free:

        def compete() -> None:
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            database = hold.Lockable(engine, "x", "alembic_version")
            try:
                with hold.held([database], 0.1):
                    pass
            except fb.errors.LockTimeout as error:
                errors.append(type(error))
            free()

        def told() -> None:
            thread = threading.Thread(target=compete)
            thread.start()
            thread.join(30)

        with app.app_context(), reporting_to(Waits(told)):
            fb.upgrade()
    assert errors == [fb.errors.LockTimeout]

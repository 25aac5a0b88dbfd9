"""What a library forbids, what a driver can switch, and what comes back."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sqlite3
import sys
import typing as t

import pytest
import sqlalchemy as sa

from flask_batchmigrate.sqlite.transaction import migration
from flask_batchmigrate.sqlite.transaction.driver import Driver
from tests.sqlite.transaction.driver_setups import Application
from tests.sqlite.transaction.driver_setups import SETUPS

BY_NAME = {setup.name: setup for setup in SETUPS}

needs_configuration = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="setconfig() came with Python 3.12"
)


@pytest.fixture
def app(tmp_path: pathlib.Path) -> cabc.Iterator[Application]:
    """A file whose application enforces foreign keys."""
    application = Application(BY_NAME["foreign-keys"], tmp_path)
    yield application
    application.engine.dispose()


def driver_of(connection: sa.Connection) -> t.Any:
    """The connection of Python's sqlite3."""
    return connection.connection.driver_connection


def test_the_schema_can_be_written(app: Application) -> None:
    """The probe says yes, and an edit of the schema rolls back with the rest."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        assert transaction.can_write_schema
        transaction.execute("PRAGMA writable_schema = ON")
        transaction.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'name', 'title')"
        )
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


@needs_configuration
def test_defensive_mode_is_lifted_and_comes_back(app: Application) -> None:
    """A library that forbids writing the schema allows it during the migration."""
    with app.engine.connect() as connection:
        driver = driver_of(connection)
        driver.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        for end in ("commit", "rollback"):
            transaction = migration.begin(connection)
            assert transaction.can_write_schema
            assert transaction.execute("PRAGMA foreign_keys") == [(1,)]
            transaction.execute("PRAGMA writable_schema = ON")
            transaction.execute("UPDATE sqlite_master SET sql = sql")
            getattr(connection, end)()
            assert driver.getconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
            transaction.finish()
        assert driver.execute("PRAGMA writable_schema").fetchone() == (0,)


def test_enforcement_is_off_where_the_library_allows_nothing_else(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With neither way it is off from the beginning, with a note, and comes back."""
    with app.engine.connect() as connection:
        forbid_schema_writing(monkeypatch)
        monkeypatch.setattr(Driver, "can_configure", lambda self: False)
        notes: list[str] = []
        transaction = migration.begin(connection, note=notes.append)
        assert not transaction.can_write_schema
        assert transaction.execute("PRAGMA foreign_keys") == [(0,)]
        connection.exec_driver_sql("DELETE FROM parent")
        assert connection.exec_driver_sql("SELECT count(*) FROM child").scalar() == 3
        connection.rollback()
        transaction.finish()
        assert driver_of(connection).execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert len(notes) == 1
    assert "Foreign keys" in notes[0]


def forbid_schema_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer as a library in defensive mode does, which 3.11 cannot switch on."""
    genuine = Driver.execute

    def execute(
        self: Driver, sql: str, parameters: cabc.Sequence[t.Any] = ()
    ) -> list[tuple[t.Any, ...]]:
        if "UPDATE main.sqlite_master" in sql:
            raise sqlite3.OperationalError("table sqlite_master may not be modified")
        return genuine(self, sql, parameters)

    monkeypatch.setattr(Driver, "execute", execute)


def test_autocommit_for_a_while(app: Application) -> None:
    """What a script does under AUTOCOMMIT is stored at once, as it asked."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.exec_driver_sql("CREATE TABLE earlier(a)")
        connection.commit()
        level = connection.get_isolation_level()
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("CREATE TABLE amid(a)")
        assert not transaction.in_progress
        connection.commit()
        connection.execution_options(isolation_level=level)
        connection.begin()
        connection.exec_driver_sql("CREATE TABLE later(a)")
        assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert app.tables() == {"parent", "child", "earlier", "amid"}


def test_a_level_cannot_change_inside(app: Application) -> None:
    """A change of the isolation level in the transaction is an error, not a commit."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.exec_driver_sql("CREATE TABLE made(a)")
        with pytest.raises(sa.exc.InvalidRequestError):
            connection.execution_options(isolation_level="AUTOCOMMIT")
        if not isinstance(getattr(driver_of(connection), "autocommit", None), bool):
            with pytest.raises(sqlite3.DatabaseError) as caught:
                driver_of(connection).isolation_level = None
            assert transaction.explain(caught.value) is not None
        assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


def test_an_authorizer_of_the_application_comes_back(tmp_path: pathlib.Path) -> None:
    """The pool makes its connection anew after a migration, with all it is given."""
    app = Application(BY_NAME["plain"], tmp_path)

    @sa.event.listens_for(app.engine, "connect")
    def connect(dbapi: t.Any, record: object) -> None:
        dbapi.set_authorizer(forbid_drop)

    app.engine.dispose()
    try:
        with app.engine.connect() as connection:
            transaction = migration.begin(connection)
            connection.exec_driver_sql("CREATE TABLE made(a)")
            connection.commit()
            transaction.finish()
        with app.engine.connect() as connection:
            with pytest.raises(sa.exc.DatabaseError, match="not authorized"):
                connection.exec_driver_sql("DROP TABLE made")
            connection.rollback()
    finally:
        app.engine.dispose()
    assert "made" in app.tables()


def forbid_drop(action: int, *_: object) -> int:
    """Let everything pass but DROP TABLE."""
    forbidden = action == sqlite3.SQLITE_DROP_TABLE
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def test_other_errors_speak_for_themselves(app: Application) -> None:
    """An error of the script's own is not explained away."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        with pytest.raises(sa.exc.OperationalError) as caught:
            connection.exec_driver_sql("SELECT * FROM missing")
        assert transaction.explain(caught.value) is None
        assert transaction.explain(LookupError("not the driver's")) is None
        connection.rollback()
        transaction.finish()


def test_a_failing_check_after_the_next_begin(app: Application) -> None:
    """What is checked with the lock of the next revision stops it, unchanged."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.commit()
        before = app.dump()

        def refuse() -> None:
            raise LookupError("another migration came in between")

        transaction.after_begin.append(refuse)
        with pytest.raises(LookupError, match="in between"):
            connection.exec_driver_sql("CREATE TABLE made(a)")
        connection.rollback()
        transaction.finish()
    assert app.dump() == before

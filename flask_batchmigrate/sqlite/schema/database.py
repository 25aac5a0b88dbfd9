"""Declares what the engine needs of a connection, and wraps one of ``sqlite3``."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import sqlite3
import typing as t

from ..error_codes import is_busy
from ..error_codes import is_verdict
from ..errors import UnsupportedLibrary

Row = tuple[t.Any, ...]

OLDEST_LIBRARY: t.Final = (3, 31, 0)
"""The first release with generated columns, and the oldest that is tested."""

WRITE_NOTHING: t.Final = "UPDATE main.sqlite_master SET sql = sql WHERE 0"
"""A statement that needs the right to write the schema, and changes nothing."""


class Runner(t.Protocol):
    """An object that runs a statement."""

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement and return all of its rows."""


class Readable(Runner, t.Protocol):
    """A connection that the schema can be read from."""

    @property
    def driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library behind the connection."""


class Database(Readable, t.Protocol):
    """A connection in an open transaction that the engine does not end."""

    @property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection."""


class DirectDatabase:
    """A plain :class:`sqlite3.Connection` as the engine uses it.

    The caller owns the transaction: begin one before a change, commit it afterwards.

    :param connection: an open connection; its settings are not changed.
    """

    driver_error: t.ClassVar[type[Exception]] = sqlite3.Error

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @functools.cached_property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    @functools.cached_property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection."""
        return probe_schema_writing(self)

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement and return all of its rows."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


def library_version(db: Runner) -> tuple[int, int, int]:
    """Ask the connection for the version of its SQLite library."""
    major, minor, patch = (
        int(part) for part in db.execute("SELECT sqlite_version()")[0][0].split(".")[:3]
    )
    return major, minor, patch


def check_library(version: tuple[int, int, int]) -> None:
    """Refuse a SQLite library that is too old for the engine.

    :raises UnsupportedLibrary: it is older than :data:`OLDEST_LIBRARY`.
    """
    if version < OLDEST_LIBRARY:
        raise UnsupportedLibrary(
            f"The SQLite library is version {'.'.join(map(str, version))}, and"
            f" migrations need {'.'.join(map(str, OLDEST_LIBRARY[:2]))} or newer",
            "install a newer library, or a Python that comes with one",
        )


def probe_schema_writing(db: Database) -> bool:
    """Try whether ``sqlite_master`` may be written, without writing anything.

    A library in defensive mode forbids it, for instance the one of macOS:
    https://www.sqlite.org/c3ref/c_dbconfig_defensive.html
    """
    with schema_writing(db):
        try:
            db.execute(WRITE_NOTHING)
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            return False
        return True


@contextlib.contextmanager
def schema_writing(db: Runner) -> cabc.Iterator[None]:
    """Allow writes to ``sqlite_master`` inside the block, and only there."""
    try:
        db.execute("PRAGMA writable_schema = ON")
        yield
    finally:
        # It is off before the next statement is prepared: while it is on, SQLite skips
        # definitions that it cannot read, and reports none of them.
        db.execute("PRAGMA writable_schema = OFF")


@contextlib.contextmanager
def legacy_alter_table(db: Database, enable: bool) -> cabc.Iterator[None]:
    """Choose whether SQLite's ``ALTER TABLE`` follows names inside the block.

    See https://www.sqlite.org/pragma.html#pragma_legacy_alter_table
    """
    before = db.execute("PRAGMA legacy_alter_table")[0][0]
    try:
        db.execute(f"PRAGMA legacy_alter_table = {int(enable)}")
        yield
    finally:
        db.execute(f"PRAGMA legacy_alter_table = {before}")


@contextlib.contextmanager
def savepoint(db: Database, name: str) -> cabc.Iterator[None]:
    """Undo what the block did if it raises an error; the transaction stays open.

    :param name: a name no other savepoint of the engine has.
    """
    db.execute(f"SAVEPOINT {name}")
    try:
        yield
        db.execute(f"RELEASE {name}")
    except BaseException as error:
        _undo(db, name, error)
        raise


@contextlib.contextmanager
def trial(db: Database, name: str) -> cabc.Iterator[None]:
    """Undo what the block did, whether or not it raises an error.

    :param name: a name no other savepoint of the engine has.
    """
    db.execute(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException as error:
        _undo(db, name, error)
        raise
    _undo(db, name)


@contextlib.contextmanager
def temporary(db: Database, name: str, *tables: str) -> cabc.Iterator[None]:
    """Undo what the block did, which creates these temporary tables and nothing else.

    They are dropped where that is enough: after a rollback SQLite would read the whole
    schema again.

    :param name: a name no other savepoint of the engine has.
    :param tables: their names for use in SQL, each with its schema.
    """
    was_empty = _is_temp_empty(db)
    db.execute(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException as error:
        _undo(db, name, error)
        raise
    if was_empty and _have_gone(db, tables):
        db.execute(f"RELEASE {name}")
    else:
        _undo(db, name)


def _have_gone(db: Database, tables: cabc.Iterable[str]) -> bool:
    """Drop temporary tables, and tell whether nothing temporary is left."""
    try:
        for table in tables:
            db.execute(f"DROP TABLE {table}")
    except db.driver_error as error:
        # SQLite drops no table while a query is open, and none that was not created.
        if not (is_verdict(error) or is_busy(error)):
            raise
        return False
    # AUTOINCREMENT makes a table of its own, which stays.
    return _is_temp_empty(db)


def _is_temp_empty(db: Database) -> bool:
    return not db.execute("SELECT 1 FROM temp.sqlite_master LIMIT 1")


def _undo(db: Database, name: str, error: BaseException | None = None) -> None:
    """Undo what a savepoint encloses, and remove it.

    :param error: the error that the block has raised.
    """
    try:
        db.execute(f"ROLLBACK TO {name}")
        db.execute(f"RELEASE {name}")
    except db.driver_error:
        # An interrupt ends the whole transaction. Then there is no savepoint left, and
        # the error of the block says more than this one. But an error that the engine
        # takes for an answer must not hide that the savepoint is left.
        stops = isinstance(error, db.driver_error) and not is_verdict(error)
        if error is None or (isinstance(error, Exception) and not stops):
            raise

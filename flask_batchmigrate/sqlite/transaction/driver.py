"""Works on the driver connection below a SQLAlchemy connection.

It runs plain SQL through the driver's own cursor: no event of SQLAlchemy fires, and no
attribute that controls the driver's transactions is ever assigned, because assigning
one inside a transaction commits it
(https://docs.python.org/3/library/sqlite3.html#transaction-control).
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import os
import pathlib
import sqlite3
import typing as t

from ..ddl.quoting import always_quoted
from ..error_codes import BUSY
from ..error_codes import is_busy
from ..schema.database import library_version
from ..schema.database import Row

if t.TYPE_CHECKING:
    import sqlalchemy as sa


Authorizer = cabc.Callable[
    [int, "str | None", "str | None", "str | None", "str | None"], int
]


Identity = tuple[object, ...]
Parameters = t.Union["cabc.Sequence[t.Any]", "dict[str, t.Any]"]


class _Stop(Exception):
    """Raised to end a backup after its first step."""


def database_identity(dbapi: t.Any) -> Identity:
    """Return what driver connections to the same database have in common.

    :param dbapi: a driver connection as SQLAlchemy's pool knows it.
    """
    with contextlib.closing(dbapi.cursor()) as cursor:
        cursor.execute("PRAGMA database_list")
        files = {row[1]: row[2] for row in cursor.fetchall()}
    if files.get("main"):
        with contextlib.suppress(OSError):
            status = pathlib.Path(files["main"]).stat()
            return ("file", status.st_dev, status.st_ino)
    return ("memory", id(dbapi))


_error_classes: dict[type, type[Exception]] = {}


def _error_class(declared: type[Exception], dbapi: t.Any) -> type[Exception]:
    """Find out what a driver raises: libSQL's declares one class and raises another.

    :param declared: the class ``Error`` of its module.
    :param dbapi: a connection.
    """
    kind = type(dbapi)
    if kind not in _error_classes:
        _error_classes[kind] = declared
        with contextlib.closing(dbapi.cursor()) as cursor:
            try:
                cursor.execute("SELECT batchmigrate()")
            except declared:
                pass
            except Exception as error:
                _error_classes[kind] = type(error)
    return _error_classes[kind]


class Driver:
    """The driver connection that a SQLAlchemy connection has checked out.

    :param connection: an open connection of a SQLite engine.
    """

    def __init__(self, connection: sa.Connection) -> None:
        proxied = connection.connection
        dbapi = connection.dialect.loaded_dbapi
        #: what SQLAlchemy talks to, and what the pool's events hand over
        self.dbapi: t.Any = proxied.dbapi_connection
        #: the real connection, below an adapter for an asynchronous driver
        self.native: t.Any = proxied.driver_connection
        self._synchronous = self.native is self.dbapi
        #: the base class of what it raises
        self.driver_error = _error_class(dbapi.Error, self.dbapi)

    def execute(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Run one statement on the driver and return all of its rows."""
        cursor = self.dbapi.cursor()
        try:
            if self._synchronous and hasattr(cursor, "row_factory"):
                # The rows are tuples, whatever row factory the application has set.
                cursor.row_factory = None
            named = isinstance(parameters, dict)
            cursor.execute(sql, parameters if named else tuple(parameters))
            # libSQL describes no statement without rows.
            return list(map(tuple, cursor.fetchall())) if cursor.description else []
        finally:
            cursor.close()

    @functools.cached_property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    def pragma(self, name: str) -> t.Any:
        """Read a setting of the connection."""
        rows = self.execute(f"PRAGMA {name}")
        return rows[0][0] if rows else None

    def set_pragma(self, name: str, value: object) -> None:
        """Change a setting of the connection."""
        self.execute(f"PRAGMA {name} = {value}")

    @property
    def in_transaction(self) -> bool:
        """Whether SQLite has a transaction open; a closed connection has none."""
        try:
            return bool(getattr(self.native, "in_transaction", False))
        except (self.driver_error, ValueError):
            return False

    @property
    def lack(self) -> str | None:
        """What a migration needs and the driver lacks, as a clause; else ``None``."""
        if not self._synchronous or hasattr(self.native, "in_transaction"):
            return None
        module = type(self.native).__module__
        return f"its driver ('{module}') does not tell whether a transaction is open"

    @property
    def is_open(self) -> bool:
        """Whether the driver connection can still be used."""
        try:
            self.dbapi.cursor().close()
        except (self.driver_error, ValueError):
            return False
        return True

    @property
    def keeps_open_transaction(self) -> bool:
        """Whether the driver itself begins a transaction after each one that ends.

        It is the mode ``autocommit=False`` of Python 3.12 and later.
        """
        return getattr(self.native, "autocommit", None) is False

    def databases(self) -> dict[str, str]:
        """Map the names of all attached databases to their files, or to ``''``."""
        return {row[1]: row[2] or "" for row in self.execute("PRAGMA database_list")}

    def identity(self) -> Identity:
        """Return what connections to the same database have in common."""
        return database_identity(self.dbapi)

    def describe(self) -> str:
        """Name the database as messages do."""
        path = self.databases().get("main", "")
        return f"'{path}'" if path else "the in-memory database"

    def journal_modes(self) -> dict[str, str]:
        """Map each database, the temporary one left out, to its journal mode."""
        return {
            name: str(self.pragma(f"{always_quoted(name)}.journal_mode")).lower()
            for name in self.databases()
            if name != "temp"
        }

    def has_changes(self) -> bool:
        """Whether the open transaction may have changed something."""
        return self.holds_write_lock() and not self.has_unwritten_transaction()

    def holds_write_lock(self) -> bool:
        """Whether the open transaction has begun to write, in any of its databases.

        SQLite has no function that says so, but a backup refuses to read from a
        connection in a write transaction
        (https://www.sqlite.org/c3ref/backup_finish.html#sqlite3backupstep).
        A driver that offers no backup is taken to write.
        """
        return any(self._is_writing(name) for name in self.databases())

    def _is_writing(self, name: str) -> bool:
        try:
            # Once this read succeeds, no other connection can keep the backup waiting.
            self.execute(f"SELECT 1 FROM {always_quoted(name)}.sqlite_master LIMIT 1")
        except self.driver_error as error:
            if is_busy(error):
                return False
            raise
        if not self._synchronous or not hasattr(self.native, "backup"):
            return True
        status: list[int] = []

        def stop(code: int, remaining: int, total: int) -> None:
            status.append(code)
            raise _Stop

        target = type(self.native)(":memory:")
        with contextlib.closing(target), contextlib.suppress(_Stop):
            self.native.backup(target, pages=1, progress=stop, name=name)
        return status[0] & 0xFF in BUSY

    def has_unwritten_transaction(self) -> bool:
        """Whether the open write transaction is known to have changed nothing yet.

        A rollback journal is created when the first page changes
        (https://www.sqlite.org/atomiccommit.html), so with one that is absent or
        empty nothing was written. In every other journal mode the answer is no.
        """
        modes = set(self.journal_modes().values())
        if "temp" in self.databases() or not modes <= _WITH_JOURNAL_FILES:
            return False
        return all(
            file and not _has_content(f"{file}-journal")
            for file in self.databases().values()
        )

    def can_configure(self) -> bool:
        """Whether the driver offers ``sqlite3_db_config()``, as Python 3.12 does."""
        return self._synchronous and hasattr(self.native, "setconfig")

    def configured(self, option: str) -> bool:
        """Read a switch of ``sqlite3_db_config()`` by the constant's name."""
        return bool(self.native.getconfig(getattr(sqlite3, option)))

    def configure(self, option: str, enable: bool) -> None:
        """Set a switch of ``sqlite3_db_config()``, also inside a transaction."""
        self.native.setconfig(getattr(sqlite3, option), enable)

    def can_authorize(self) -> bool:
        """Whether statements can be refused before they run."""
        return self._synchronous and hasattr(self.native, "set_authorizer")

    def set_authorizer(self, authorizer: Authorizer | None) -> None:
        """Have a function approve each statement; ``None`` approves all."""
        if authorizer is None:
            try:
                self.native.set_authorizer(None)
                # Before Python 3.11 None was called like a function, which
                # refuses every statement.
                self.native.execute("SELECT 1").close()
            except (self.driver_error, TypeError):
                self.native.set_authorizer(_approve)
        else:
            self.native.set_authorizer(authorizer)


_WITH_JOURNAL_FILES = frozenset({"delete", "truncate"})


def _approve(*_: object) -> int:
    return sqlite3.SQLITE_OK


def _has_content(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0  # noqa: PTH116
    except OSError:
        return False

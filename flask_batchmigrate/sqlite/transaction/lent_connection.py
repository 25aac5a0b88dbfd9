"""Lends the migration's connection to second connections that only read.

A script may ask ``inspect(db.engine)`` which tables there are. A connection of its own
would meet the migration's lock, or see the database as it was before. So in the thread
that migrates, an engine on the migrated file gets a driver connection that reads by the
migration's own and writes nothing. So does ``sqlite3.connect()``.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import sqlite3
import threading
import typing as t

from ..callsite import calling_script
from ..ddl.statements import is_begin
from ..ddl.statements import is_savepoint
from ..ddl.statements import only_reads
from ..ddl.statements import sets_up
from . import running

if t.TYPE_CHECKING:
    from .running import Running


class LentConnection:
    """A driver connection that reads what the migration has made so far.

    :param transaction: the migration that it is lent by.
    """

    #: Not the migration's: the borrower has begun nothing.
    in_transaction = False

    def __init__(self, transaction: Running) -> None:
        self._transaction = transaction
        #: makes the rows, where the borrower sets it
        self.row_factory: t.Any = None

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._transaction.driver.dbapi, name)

    def __enter__(self) -> LentConnection:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: there is nothing of its own to commit or undo."""

    @property
    def lender(self) -> Running:
        """The migration."""
        return self._transaction

    def cursor(self, *args: t.Any) -> LentCursor:
        """Open a cursor."""
        if not self._transaction.in_progress:
            raise sqlite3.ProgrammingError(
                "This connection was lent by a migration that is over: open another."
            )
        cursor = self._transaction.driver.dbapi.cursor(*args)
        if self.row_factory is not None:
            cursor.row_factory = self.row_factory
        return LentCursor(self._transaction, cursor)

    def execute(self, sql: str, *parameters: t.Any) -> t.Any:
        """Run a statement that reads."""
        return self.cursor().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: t.Any) -> t.Any:
        """Refuse: statements that are run many times write."""
        return self.cursor().executemany(sql, *parameters)

    def executescript(self, sql: str) -> t.Any:
        """Refuse: a script of statements is no reader."""
        return self.cursor().executescript(sql)

    def backup(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Refuse: it would wait for the migration to end.

        :raises TransactionError: always.
        """
        raise self._transaction.describe_second(calling_script())

    def create_function(self, *args: t.Any, **options: t.Any) -> None:
        """Make a function known, where the driver can: libSQL's has none."""
        create = getattr(self._transaction.driver.dbapi, "create_function", None)
        if create is not None:
            create(*args, **options)

    def set_authorizer(self, *args: t.Any) -> None:
        """Do nothing: the migration's connection has one."""

    def set_progress_handler(self, *args: t.Any) -> None:
        """Do nothing: the migration's connection has one."""

    def commit(self) -> None:
        """Do nothing: there is nothing of its own to commit."""

    def rollback(self) -> None:
        """Do nothing: there is nothing of its own to undo."""

    def close(self) -> None:
        """Do nothing: the connection is the migration's."""


class LentCursor:
    """A cursor that runs what reads, passes over settings, and refuses the rest.

    :param transaction: the migration that it is lent by.
    :param cursor: the driver's cursor.
    """

    def __init__(self, transaction: Running, cursor: t.Any) -> None:
        self._transaction = transaction
        self._cursor = cursor

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> t.Iterator[t.Any]:
        return iter(self._cursor)

    def __next__(self) -> t.Any:
        return next(self._cursor)

    def execute(self, sql: str, *parameters: t.Any) -> LentCursor:
        """Run a statement that reads.

        What a listener sets up on each connection, and a transaction of its own, are
        not for the migration's connection.

        :raises TransactionError: it could write.
        """
        if is_begin(sql) or is_savepoint(sql) or sets_up(sql):
            self._cursor.execute("SELECT 1 WHERE 0")
        elif only_reads(sql):
            self._cursor.execute(sql, *parameters)
        else:
            raise self._transaction.describe_second(calling_script())
        return self

    def executemany(self, sql: str, *parameters: t.Any) -> t.Any:
        """Refuse: statements that are run many times write.

        :raises TransactionError: always.
        """
        raise self._transaction.describe_second(calling_script())

    def executescript(self, sql: str) -> t.Any:
        """Refuse: a script of statements is no reader.

        :raises TransactionError: always.
        """
        raise self._transaction.describe_second(calling_script())


def lend(database: object) -> LentConnection | None:
    """Lend a connection to a file that a migration of this thread has in progress.

    :param database: the file's path, or its URI, as the driver is given it.
    :return: ``None`` where there is none, to connect as ever.
    """
    transaction = running.with_file(database)
    if transaction is None or not transaction.in_progress:
        return None
    return LentConnection(transaction)


class _Module:
    """Has ``sqlite3.connect()`` lend connections while migrations go on.

    Python offers no other way to hear of a connection before it is made. Threads that
    do not migrate connect as ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._migrations = 0

    @contextlib.contextmanager
    def lends(self) -> cabc.Iterator[None]:
        """Lend inside the block."""
        with self._lock:
            self._migrations += 1
            if self._migrations == 1:
                self._exchange()
        try:
            yield
        finally:
            with self._lock:
                self._migrations -= 1
                if not self._migrations:
                    self._put_back()

    def _exchange(self) -> None:
        modules = (sqlite3, sqlite3.dbapi2)
        self._originals = [(module, vars(module)["connect"]) for module in modules]
        original = sqlite3.connect

        def connect(database: t.Any, *args: t.Any, **options: t.Any) -> t.Any:
            return lend(database) or original(database, *args, **options)

        self._connect = connect
        for module, _ in self._originals:
            vars(module)["connect"] = connect

    def _put_back(self) -> None:
        for module, original in self._originals:
            # Somebody else may have exchanged it since.
            if vars(module)["connect"] is self._connect:
                vars(module)["connect"] = original


lends_raw_connections: t.Final = _Module().lends

"""Lends the migration's connection to second connections that only read.

A script may ask ``inspect(db.engine)`` which tables there are. A connection of its own
would be stopped by the migration's lock, or see the database as it was before. So in
the thread that migrates, an engine on the migrated file gets a driver connection that
reads through the migration's own and writes nothing. So does ``sqlite3.connect()``.
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

    :param transaction: the migration that lends it.
    """

    #: That of the borrower, which has begun nothing.
    in_transaction = False

    def __init__(self, transaction: Running) -> None:
        self._transaction = transaction
        #: the function that makes the rows, where the borrower sets one
        self.row_factory: t.Any = None

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._transaction.driver.dbapi, name)

    def __enter__(self) -> LentConnection:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: the borrower has nothing to commit or undo."""

    @property
    def lender(self) -> Running:
        """The migration that lends it."""
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
        """Run one statement that reads."""
        return self.cursor().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: t.Any) -> t.Any:
        """Refuse: statements that are run many times write."""
        return self.cursor().executemany(sql, *parameters)

    def executescript(self, sql: str) -> t.Any:
        """Refuse: a script may write."""
        return self.cursor().executescript(sql)

    def backup(self, *args: t.Any, **options: t.Any) -> t.Any:
        """Refuse: a backup would wait for the migration to end.

        :raises TransactionError: always.
        """
        raise self._transaction.describe_second(calling_script())

    def create_function(self, *args: t.Any, **options: t.Any) -> None:
        """Add a function, where the driver can: libSQL's cannot."""
        create = getattr(self._transaction.driver.dbapi, "create_function", None)
        if create is not None:
            create(*args, **options)

    def set_authorizer(self, *args: t.Any) -> None:
        """Do nothing: the migration's connection has one of its own."""

    def set_progress_handler(self, *args: t.Any) -> None:
        """Do nothing: the migration's connection has one of its own."""

    def commit(self) -> None:
        """Do nothing: the borrower has nothing to commit."""

    def rollback(self) -> None:
        """Do nothing: the borrower has nothing to undo."""

    def close(self) -> None:
        """Do nothing: the connection belongs to the migration."""


class LentCursor:
    """A cursor that runs what reads, ignores settings, and refuses all else.

    :param transaction: the migration that lends it.
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

        Statements that set up a connection or begin a transaction are ignored: they are
        not meant for the migration's connection.

        :raises TransactionError: the statement could write.
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
        """Refuse: a script may write.

        :raises TransactionError: always.
        """
        raise self._transaction.describe_second(calling_script())


def lend(database: object) -> LentConnection | None:
    """Lend a connection to a file that a migration of this thread has in progress.

    :param database: the file's path or URI, as the caller hands it to the driver.
    :return: ``None`` where there is no such migration, so the driver has to connect.
    """
    transaction = running.with_file(database)
    if transaction is None or not transaction.in_progress:
        return None
    return LentConnection(transaction)


class _Module:
    """Has ``sqlite3.connect()`` lend connections while migrations are in progress.

    Python offers no other way to learn of a connection before it is made. In threads
    that do not migrate it connects as usual.
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
                self._replace()
        try:
            yield
        finally:
            with self._lock:
                self._migrations -= 1
                if not self._migrations:
                    self._restore()

    def _replace(self) -> None:
        modules = (sqlite3, sqlite3.dbapi2)
        self._originals = [(module, vars(module)["connect"]) for module in modules]
        original = sqlite3.connect

        def connect(database: t.Any, *args: t.Any, **options: t.Any) -> t.Any:
            return lend(database) or original(database, *args, **options)

        self._connect = connect
        for module, _ in self._originals:
            vars(module)["connect"] = connect

    def _restore(self) -> None:
        for module, original in self._originals:
            # Another library may have replaced it since.
            if vars(module)["connect"] is self._connect:
                vars(module)["connect"] = original


lends_raw_connections: t.Final = _Module().lends

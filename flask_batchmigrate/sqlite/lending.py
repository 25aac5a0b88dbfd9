"""Lends the migration's connection to second connections that only read.

A script may ask ``inspect(db.engine)`` which tables there are. A connection of its own
would meet the migration's lock, or see the database as it was before. So in the thread
that migrates, an engine on the migrated file gets a driver connection that reads by the
migration's own and writes nothing.
"""

from __future__ import annotations

import sqlite3
import typing as t

from .callsite import calling_script
from .statements import is_begin
from .statements import is_savepoint
from .statements import only_reads
from .statements import sets_up

if t.TYPE_CHECKING:
    from .transaction import MigrationTransaction


class LentConnection:
    """A driver connection that reads what the migration has made so far.

    :param transaction: the migration that it is lent by.
    """

    def __init__(self, transaction: MigrationTransaction) -> None:
        self._transaction = transaction

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._transaction.driver.dbapi, name)

    @property
    def lender(self) -> MigrationTransaction:
        """The migration."""
        return self._transaction

    def cursor(self, *args: t.Any) -> LentCursor:
        """Open a cursor."""
        if not self._transaction.in_progress:
            raise sqlite3.ProgrammingError(
                "This connection was lent by a migration that is over: open another."
            )
        return LentCursor(
            self._transaction, self._transaction.driver.dbapi.cursor(*args)
        )

    def execute(self, sql: str, *parameters: t.Any) -> t.Any:
        """Run a statement that reads."""
        return self.cursor().execute(sql, *parameters)

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

    def __init__(self, transaction: MigrationTransaction, cursor: t.Any) -> None:
        self._transaction = transaction
        self._cursor = cursor

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> t.Iterator[t.Any]:
        return iter(self._cursor)

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

"""What a second connection meets while a migration holds the database.

The migration's lock would keep it waiting for its whole timeout, for a lock that its
own caller holds. So in the thread that migrates, and only there, a second connection
that needs the lock fails at once and says where it was opened.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import threading
import typing as t

import sqlalchemy as sa

from .callsite import calling_script
from .driver import database_identity
from .driver import is_busy
from .listeners import Listeners

if t.TYPE_CHECKING:
    from .transaction import MigrationTransaction


@contextlib.contextmanager
def second_connections(
    transaction: MigrationTransaction, engines: cabc.Iterable[sa.Engine] = ()
) -> cabc.Iterator[None]:
    """Make second connections to the migration's database fail instead of wait.

    A connection that reads an older state in WAL mode disturbs nobody and works.
    Connections of other threads wait as they always do.

    :param transaction: the migration.
    :param engines: further engines of the application that may use the same database;
        the one of the migration's connection is always watched.
    """
    guard = _Guard(transaction)
    try:
        for engine in {transaction.connection.engine, *engines}:
            guard.watch(engine)
        yield
    finally:
        guard.leave()


class _Guard:
    def __init__(self, transaction: MigrationTransaction) -> None:
        self._transaction = transaction
        self._listeners = Listeners()
        #: driver connections that do not wait, with the timeout they had
        self._impatient: dict[int, tuple[t.Any, int]] = {}
        #: connections refused to the script, kept until closing them is harmless
        self._parked: list[sa.Connection] = []

    def watch(self, engine: sa.Engine) -> None:
        add = self._listeners.add
        add(engine, "engine_connect", self._on_connection)
        add(engine, "handle_error", self._on_error)
        add(engine.pool, "connect", self._on_driver_connect, insert=True)
        add(engine.pool, "checkout", self._on_checkout)
        add(engine.pool, "checkin", self._on_checkin)

    def leave(self) -> None:
        self._listeners.remove_all()
        for key in list(self._impatient):
            self._restore(key)
        while self._parked:
            self._parked.pop().close()

    def _concerns(self, dbapi: t.Any) -> bool:
        """Whether a driver connection is a second one to the migration's database."""
        transaction = self._transaction
        return (
            transaction.owner == threading.get_ident()
            and transaction.in_progress
            and dbapi is not transaction.driver.dbapi
            and database_identity(dbapi) == transaction.identity
        )

    def _on_driver_connect(self, dbapi: t.Any, record: object) -> None:
        # Before the application's own listeners, which may need a lock already.
        self._on_checkout(dbapi, record, None)

    def _on_checkout(self, dbapi: t.Any, record: object, proxy: object) -> None:
        if id(dbapi) not in self._impatient and self._concerns(dbapi):
            timeout = _run(dbapi, "PRAGMA busy_timeout")
            self._impatient[id(dbapi)] = (dbapi, timeout)
            _run(dbapi, "PRAGMA busy_timeout = 0")

    def _on_checkin(self, dbapi: t.Any, record: object) -> None:
        self._restore(id(dbapi))

    def _restore(self, key: int) -> None:
        if key not in self._impatient:
            return
        dbapi, timeout = self._impatient.pop(key)
        # The script may have closed it; then it has no timeout any more.
        with contextlib.suppress(self._transaction.driver_error):
            _run(dbapi, f"PRAGMA busy_timeout = {timeout}")

    def _on_connection(self, connection: sa.Connection) -> None:
        """Refuse a second use of the very driver connection that migrates.

        A pool with one connection for all hands it out again; a commit there would
        commit the migration, and giving it back would roll it back.
        """
        transaction = self._transaction
        if (
            transaction.owner == threading.get_ident()
            and transaction.in_progress
            and connection.connection.dbapi_connection is transaction.driver.dbapi
        ):
            self._parked.append(connection)
            raise transaction.describe_second(calling_script())

    def _on_error(self, context: sa.engine.ExceptionContext) -> None:
        transaction = self._transaction
        if (
            context.connection is not transaction.connection
            and transaction.owner == threading.get_ident()
            and transaction.in_progress
            and is_busy(context.original_exception)
        ):
            raise transaction.describe_second(
                calling_script()
            ) from context.original_exception


def _run(dbapi: t.Any, sql: str) -> t.Any:
    with contextlib.closing(dbapi.cursor()) as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        return row[0] if row else None

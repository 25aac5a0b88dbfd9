"""Handles second connections to a database that a migration has locked.

A second connection would wait for its whole timeout, for a lock that its own caller
has. So in the thread that migrates, and only there, a second connection that needs the
lock fails at once, and the error says where the script opened it. One that reads an
older state in WAL mode works.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import threading
import typing as t
import weakref

import sqlalchemy as sa

from ..callsite import calling_script
from ..error_codes import is_busy
from . import running
from .busy_timeouts import BusyTimeouts
from .driver import database_identity
from .lent_connection import lend
from .lent_connection import lends_raw_connections
from .lent_connection import LentConnection
from .messages import at

if t.TYPE_CHECKING:
    from .running import Running

_watched: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
_watching = threading.Lock()
_local = threading.local()


def watch(engine: sa.Engine) -> None:
    """Have second connections of an engine fail instead of wait for a migration.

    To be called once for each engine of the application that may use the database of
    a migration, best before other threads use it; a second call does nothing. The
    listeners are never removed, and do nothing in a thread that does not migrate:
    removing one raises an error in every thread that is waiting in the same event, and
    threads that wait for the migration do so.

    :param engine: a SQLite engine; for others nothing is done.
    """
    with _watching:
        if engine in _watched or engine.dialect.name != "sqlite":
            return
        _watched.add(engine)
        if not sa.event.contains(sa.Pool, "checkin", _take_back):
            # A script may make engines of its own, which may outlive the migration.
            sa.event.listen(sa.Engine, "do_connect", _on_do_connect)
            sa.event.listen(sa.Pool, "checkin", _take_back)
        # One object for each engine: SQLAlchemy identifies a listener by the addresses
        # of its engine and its function, so with one function for all it would confuse
        # an engine with a later one at the same address.
        _Watch().begin(engine)


def refuse_second_uses(engine: sa.Engine) -> None:
    """Refuse second connections of an engine that would commit by themselves.

    A pool with one connection for all hands out the driver connection that migrates a
    second time: a commit there would commit the migration, and returning it to the pool
    would roll the migration back. And once the transaction is lost, any connection may
    write, because the lock is lost as well.

    :param engine: the engine; its listener is never removed.
    """

    def on_connection(connection: sa.Connection) -> None:
        for transaction in running.here():
            if (
                transaction.in_progress
                and connection.connection.dbapi_connection is transaction.driver.dbapi
            ):
                transaction.seconds.park(connection)
                raise transaction.describe_second(calling_script())
        if running.here():
            dbapi = connection.connection.dbapi_connection
            lost = running.with_identity(database_identity(dbapi))
            if lost is not None and lost.is_lost:
                raise lost.describe_loss()

    sa.event.listen(engine, "engine_connect", on_connection)


@contextlib.contextmanager
def second_connections(
    transaction: Running, engines: cabc.Iterable[sa.Engine] = ()
) -> cabc.Iterator[None]:
    """Watch further engines during a migration, and explain the errors of the block.

    Where the migration's lock or authorizer has caused an error below SQLAlchemy, in a
    connection that the script made for instance, the block raises one that says so.

    :param transaction: the migration; its own engine is watched already.
    :param engines: the other engines of the application.
    :raises TransactionError: for an error of the driver that the migration caused.
    """
    for engine in (transaction.connection.engine, *engines):
        watch(engine)
    try:
        with lends_raw_connections():
            yield
    except Exception as error:
        explained = transaction.explain(error)
        if explained is None:
            raise
        raise explained.with_traceback(error.__traceback__) from error


@contextlib.contextmanager
def patient(timeout: float) -> cabc.Iterator[None]:
    """Have the connections that are opened for a run wait as long as a migration.

    A listener of the application may take the write lock as soon as a connection
    begins, before :func:`~.migration.begin` is called; without this it would give up
    after the application's own timeout. Only the watched engines and this thread are
    concerned.

    :param timeout: how long to wait for the locks of others, in seconds.
    """
    waits = BusyTimeouts(round(timeout * 1000))
    before = getattr(_local, "waits", None)
    _local.waits = waits
    try:
        yield
    finally:
        _local.waits = before
        waits.leave()


def discard_later(connection: sa.Connection) -> None:
    """Have the pool replace the driver connection after the migration.

    The authorizer that the application set when it connected was replaced. Only a pool
    that connects again can restore it.

    :param connection: a connection to a file; no other database outlives it.
    """
    if isinstance(connection.engine.pool, sa.QueuePool):
        connection.connection.invalidate(soft=True)


def _on_do_connect(
    dialect: sa.Dialect, record: object, cargs: t.Any, cparams: object
) -> t.Any:
    """Lend a connection instead of connecting, in the thread that migrates.

    It works for every driver; ``sqlite3.connect()`` itself lends one, too.

    :return: a connection that reads through the migration's; ``None`` to connect.
    """
    return lend(cargs[0]) if cargs and dialect.name == "sqlite" else None


def _take_back(dbapi: object, record: t.Any) -> None:
    """Let no pool keep a connection that was lent."""
    if isinstance(dbapi, LentConnection):
        record.invalidate()


def _can_lend(transaction: Running, record: t.Any) -> bool:
    """Tell whether a pool is to connect again, so that it is lent a connection.

    That is tried once: a pool with a ``creator`` of its own cannot be lent one.

    :param record: the pool's record of the connection.
    """
    if not transaction.in_progress or transaction.identity[0] != "file":
        return False
    before = record.record_info.get(_LENT)
    record.record_info[_LENT] = weakref.ref(transaction)
    return before is None or before() is not transaction


_LENT = "flask_batchmigrate.lent"


class _Watch:
    """Listens to one engine."""

    def begin(self, engine: sa.Engine) -> None:
        listen = sa.event.listen
        refuse_second_uses(engine)
        listen(engine, "handle_error", self._on_error)
        # Before the application's own listeners, which may need a lock already.
        listen(engine.pool, "connect", self._on_driver_connect, insert=True)
        listen(engine.pool, "checkout", self._on_checkout, insert=True)
        listen(engine.pool, "checkin", self._on_checkin)
        listen(engine.pool, "reset", self._on_reset)

    def _on_driver_connect(self, dbapi: t.Any, record: object) -> None:
        self._on_checkout(dbapi, record, None)

    def _on_checkout(self, dbapi: t.Any, record: t.Any, proxy: object) -> None:
        if isinstance(dbapi, LentConnection):
            if not dbapi.lender.in_progress:
                raise sa.exc.DisconnectionError("the migration that lent it is over")
            return
        if running.here():
            transaction = running.with_identity(database_identity(dbapi))
            if transaction is not None:
                if dbapi is not transaction.driver.dbapi:
                    if proxy is not None and _can_lend(transaction, record):
                        # The pool connects again, and is lent a connection then.
                        raise sa.exc.DisconnectionError("in use by a migration")
                    transaction.seconds.impatient.change(dbapi)
                return
        waits = getattr(_local, "waits", None)
        if waits is not None:
            waits.change(dbapi)

    def _on_checkin(self, dbapi: t.Any, record: t.Any) -> None:
        if isinstance(dbapi, LentConnection):
            return
        for transaction in running.here():
            transaction.seconds.impatient.restore(dbapi)
        waits = getattr(_local, "waits", None)
        if waits is not None:
            waits.restore(dbapi)

    def _on_reset(self, dbapi: object, record: object, state: object) -> None:
        """Notice that the driver connection that migrates returns to its pool.

        The pool rolls it back now. That has to work, or the pool would close it.
        """
        for transaction in running.here():
            if dbapi is transaction.driver.dbapi and transaction.in_progress:
                transaction.abandon(
                    f"a second use of its connection was closed{at(calling_script())}, "
                    "use 'op.get_bind()'"
                )

    def _on_error(self, context: sa.engine.ExceptionContext) -> None:
        error, transaction = context.original_exception, _migration_of(context)
        if transaction is None:
            return
        explained = None
        if not is_busy(error):
            explained = transaction.explain(error)
        elif not _is_on(transaction, context.connection):
            explained = transaction.describe_second(calling_script())
        if explained is not None:
            raise explained from error


def _migration_of(context: sa.engine.ExceptionContext) -> Running | None:
    """Find the migration on whose connection, or on whose database, an error arose."""
    connection = context.connection
    if connection is not None and not (connection.closed or connection.invalidated):
        migration = running.with_driver(connection.connection.dbapi_connection)
        if migration is not None:
            return migration
    return None if context.engine is None else running.with_engine(context.engine)


def _is_on(transaction: Running, connection: sa.Connection | None) -> bool:
    """Tell whether a connection is on the driver connection of a migration."""
    if connection is None or connection.closed or connection.invalidated:
        return connection is transaction.connection
    return connection.connection.dbapi_connection is transaction.driver.dbapi

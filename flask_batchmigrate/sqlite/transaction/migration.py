"""Makes one migration one transaction, on the application's own connection.

Python's driver and SQLAlchemy leave open when a SQLite transaction begins and what
ends it (https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions).
Here the real ``BEGIN``, ``COMMIT`` and ``ROLLBACK`` are plain SQL. They run when
SQLAlchemy announces its own by the public events of the connection, so the code that
opened the connection can use it as before.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import typing as t

import sqlalchemy as sa

from ..ddl.statements import is_begin
from ..ddl.statements import may_change
from ..errors import TransactionError
from ..schema.database import check_library
from ..schema.database import library_version
from ..schema.database import Row
from ..schema.progress import Listener
from ..schema.progress import ticking
from . import running
from .begin_commit import DriverTransaction
from .busy_timeouts import SecondConnections
from .deferral import Deferred
from .driver import Driver
from .enforcement import Enforcement
from .events import Listeners
from .lock_wait import Notify
from .second_connections import discard_later
from .second_connections import refuse_second_uses
from .second_connections import watch


def begin(
    connection: sa.Connection,
    *,
    timeout: float = 300.0,
    wait: Notify | None = None,
    note: Notify | None = None,
) -> MigrationTransaction:
    """Begin the transaction of a migration on a connection.

    The transaction has the write lock from now on, so another migration of the same
    file waits here, and finds nothing to do once it has the lock. SQLAlchemy's
    ``commit()`` and ``rollback()`` on the connection end the transaction, and its next
    ``begin()`` opens the next one.

    A second call for the same connection, or for another connection of this thread to
    the same database, returns the transaction that is open: use the attribute
    :attr:`MigrationTransaction.connection` of the result, not the connection passed.
    On the same driver connection, a call between two transactions opens the next one.

    What the connection has written in a transaction of its own becomes part of the
    migration. An empty transaction is rolled back, to begin with the right lock.

    :param connection: a SQLite connection, whether or not it has begun.
    :param timeout: how long to wait for the locks of others, in seconds.
    :param wait: called with a text when the migration waits for another connection.
    :param note: called with what is done differently because the library lacks
        something.
    :return: the transaction; call :meth:`MigrationTransaction.finish` in the end.
    :raises TransactionError: when the lock is not free in time, or the database
        cannot be written. Nothing was changed.
    :raises UnsupportedLibrary: the SQLite library is too old.
    """
    driver = Driver(connection)
    existing = _own(running.with_driver(driver.dbapi))
    if existing is not None:
        existing.share(connection)
        existing.resume()
        return existing
    joined = _own(running.with_identity(driver.identity()))
    if joined is not None:
        joined.share(connection)
        return joined
    check_library(library_version(driver))
    watch(connection.engine)
    transaction = MigrationTransaction(
        connection, driver, DriverTransaction(driver, timeout, wait, note)
    )
    try:
        transaction.resume()
    except BaseException:
        transaction.finish()
        raise
    return transaction


def active_for(connection: sa.Connection) -> MigrationTransaction | None:
    """Find the open migration transaction of this thread on a database.

    :param connection: any connection to the database, also the transaction's own.
    """
    driver = Driver(connection)
    on_it = running.with_driver(driver.dbapi)
    if on_it is None or not on_it.is_begun:
        on_it = running.with_identity(driver.identity())
    return _own(on_it)


def _own(migration: running.Running | None) -> MigrationTransaction | None:
    """Return a running migration as one of the class below, which all of them are."""
    assert migration is None or isinstance(migration, MigrationTransaction)
    return migration


def explain(error: BaseException) -> TransactionError | None:
    """Explain an error that a migration of this thread has caused.

    An error of the driver does not say which database it is about. Databases are
    migrated one after the other, so the migration that began last is asked first.

    :param error: an error of a migration script, also one that SQLAlchemy has wrapped.
    :return: the error to raise from it, or ``None`` where it needs no explanation.
    """
    latest = reversed(running.here())
    explained = (transaction.explain(error) for transaction in latest)
    return next(filter(None, explained), None)


class MigrationTransaction:
    """The transaction of a migration, by which the engine uses the database.

    :func:`begin` makes it. It satisfies :class:`~.database.Database`.

    :param connection: the connection that everything runs on.
    :param driver: the driver connection below it.
    :param inner: what begins and ends the transactions on it.
    """

    def __init__(
        self, connection: sa.Connection, driver: Driver, inner: DriverTransaction
    ) -> None:
        #: the connection that everything must run on
        self.connection = connection
        #: the driver connection below it
        self.driver = driver
        #: the database, as messages name it
        self.name = inner.name
        #: the value that all connections to the same database have in common
        self.identity = driver.identity()
        #: called with the progress of long statements of the engine
        self.listener: Listener | None = None
        #: counts the statements on this connection that may have changed something
        self.writes = 0
        #: the statements that wait for the commit
        self.deferred = Deferred(driver)
        #: other connections of the script to the same database
        self.seconds = SecondConnections()
        #: called before each COMMIT; an error of one rolls everything back
        self.before_commit: list[cabc.Callable[[], object]] = []
        #: called after each BEGIN but the first, with the lock held; an error of one
        #: rolls back
        self.after_begin: list[cabc.Callable[[], object]] = []
        #: called after each COMMIT that succeeded
        self.after_commit: list[cabc.Callable[[], object]] = []
        #: called after each ROLLBACK
        self.after_rollback: list[cabc.Callable[[], object]] = []
        #: called when a session has committed, which ends no transaction
        self.after_session_commit: list[cabc.Callable[[], object]] = []
        self._inner = inner
        self._enforcement = Enforcement(self, driver, inner)
        self._admitted: set[sa.Connection] = set()
        self._beginning = False
        self._finished = False
        self._level = connection.get_execution_options().get("isolation_level")
        # Listeners of this connection alone: those of an engine cannot be added and
        # removed while other threads use it.
        self._listeners = Listeners()
        self._listeners.add(connection, "begin", self._on_begin)
        self._listeners.add(connection, "commit", self._on_commit)
        self._listeners.add(connection, "rollback", self._on_rollback)
        self._listen_to_statements(connection)
        running.add(self)

    # For the engine.

    @property
    def driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""
        return self.driver.driver_error

    @functools.cached_property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    @property
    def in_progress(self) -> bool:
        """Whether the transaction is open."""
        return self._inner.in_progress

    @property
    def is_begun(self) -> bool:
        """Whether the transaction is open, or was lost before the migration ended."""
        return self._inner.is_begun

    @property
    def is_lost(self) -> bool:
        """Whether the transaction has ended before the migration did.

        SQLite itself rolls one back after an interrupt, for instance.
        """
        return self._inner.is_lost

    @property
    def number(self) -> int:
        """How many transactions were begun; with one per revision, several."""
        return self._inner.number

    @property
    def commits(self) -> int:
        """How many transactions were committed."""
        return self._inner.commits

    @property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection."""
        return self._inner.settings.can_write_schema

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement on the driver and return all of its rows.

        No event of SQLAlchemy fires.
        """
        self._open_next()
        self._count(sql)
        return self.driver.execute(sql, parameters)

    def ticking(
        self, tick: cabc.Callable[[], object], steps: int
    ) -> contextlib.AbstractContextManager[None]:
        """Call a function every ``steps`` steps of SQLite, inside the block."""
        if not hasattr(self.driver.native, "set_progress_handler"):
            return contextlib.nullcontext()
        return ticking(self.driver.native, tick, steps)

    # For the environment of the migration.

    def resume(self) -> None:
        """Open the transaction unless it is open.

        :raises TransactionError: when the lock is not free in time.
        """
        if not self.connection.in_transaction():
            self._beginning = True
            try:
                self.connection.begin()
            finally:
                self._beginning = False
        self._open_next()

    def share(self, connection: sa.Connection) -> None:
        """Let another connection to the same database take part in the transaction.

        Nothing may run on it; only its commit and rollback count.

        :param connection: another connection of the same thread. Nothing is done for
            the transaction's own, or for one that ends no transaction.
        """
        if connection is self.connection or connection in self._admitted:
            return
        if connection.connection.dbapi_connection is self.driver.dbapi:
            # Its commit is one of the same driver connection.
            self._listeners.add(connection, "commit", self._on_commit)
            self._listeners.add(connection, "rollback", self._on_rollback)
        else:
            self._listeners.add(connection, "rollback", self._on_shared_rollback)

    def admit(self, connection: sa.Connection) -> None:
        """Allow a script's connection on the same driver connection what this may do.

        :param connection: one that ends no transaction by itself.
        """
        self._admitted.add(connection)
        self._listen_to_statements(connection)
        refuse_second_uses(connection.engine)

    def explain(self, error: BaseException) -> TransactionError | None:
        """Explain an error of the driver that a migration script raised.

        :param error: the error, also one that SQLAlchemy has wrapped.
        :return: the error to raise from it, or ``None`` where it needs no explanation.
        """
        return self._inner.explain(error)

    def describe_loss(self) -> TransactionError:
        """Make the error for a transaction that has ended too early."""
        return self._inner.describe_loss()

    def describe_second(self, script: str | None) -> TransactionError:
        """Make the error for a second connection that the migration's lock stops.

        :param script: the line of the script that opened it.
        """
        return self._inner.describe_second(script)

    def abandon(self, reason: str) -> None:
        """Roll back now, and let every later statement fail.

        :param reason: why, for the message.
        """
        self._inner.abandon(reason)

    def finish(self) -> None:
        """Roll back what is not committed, and leave the connection as it was.

        A second call does nothing.
        """
        self._finished = True
        try:
            if self._inner.is_begun:
                self._roll_back()
            self._inner.release()
        finally:
            self._listeners.remove_all()
            running.remove(self)
            self.seconds.leave()

    # SQLAlchemy's events.

    def _on_begin(self, connection: sa.Connection) -> None:
        # The listeners of the application, which may emit a BEGIN, run after this one.
        # The first statement begins; one that bypasses SQLAlchemy is refused.
        if not (self._beginning or self._is_autocommitting()):
            self._inner.forbid_early_writes()

    def _listen_to_statements(self, connection: sa.Connection) -> None:
        name = "before_cursor_execute"
        self._listeners.add(connection, name, self._on_statement, retval=True)

    def _on_statement(self, *event: t.Any) -> tuple[str, t.Any]:
        _, _, statement, parameters, *_ = event
        if not (self._beginning or is_begin(statement)):
            if self.is_lost:
                raise self.describe_loss()
            self._open_next()
            self._count(statement)
            if self._inner.is_begun:
                self._enforcement.check_statement(statement, parameters)
                statement = self.deferred.stand_in(statement, self.commits)
        return statement, parameters

    def _on_commit(self, connection: sa.Connection) -> None:
        if self._inner.is_begun:
            self._inner.commit(self.before_commit)
            for callback in self.after_commit:
                callback()
            self.deferred.run()
        else:
            self._inner.release()

    def _on_rollback(self, connection: sa.Connection) -> None:
        if self._inner.is_begun:
            self._roll_back()
        else:
            self._inner.release()

    def _on_shared_rollback(self, connection: sa.Connection) -> None:
        self.abandon("a second connection to the same database was rolled back")

    def _roll_back(self) -> None:
        self.deferred.forget()
        self._inner.roll_back()
        for callback in self.after_rollback:
            callback()

    def _open_next(self) -> None:
        if self._inner.is_begun or self._finished or self._is_autocommitting():
            return
        self._inner.begin()
        try:
            if self._inner.replaces_authorizer and self.identity[0] == "file":
                discard_later(self.connection)
            if self.number > 1:
                for callback in self.after_begin:
                    callback()
        except BaseException:
            self._roll_back()
            raise

    def _is_autocommitting(self) -> bool:
        """Tell whether the script has set AUTOCOMMIT, as autocommit_block() does."""
        level = self.connection.get_execution_options().get("isolation_level")
        return level == "AUTOCOMMIT" and level != self._level

    def _count(self, sql: str) -> None:
        self.writes += may_change(sql)

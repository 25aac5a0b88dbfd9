"""One migration is one transaction, on the application's own connection.

Python's driver and SQLAlchemy leave open when a SQLite transaction begins and what
ends it (https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions).
Here the real ``BEGIN``, ``COMMIT`` and ``ROLLBACK`` are plain SQL, run when SQLAlchemy
announces its own by the public events of the connection, so that whoever opened the
connection goes on using it as before.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import itertools
import pathlib
import threading
import typing as t

import sqlalchemy as sa
from sqlalchemy.engine.base import OptionEngine

from . import telling
from .callsite import calling_script
from .conditions import Conditions
from .database import library_version
from .database import Row
from .database import savepoint
from .driver import Driver
from .driver import Identity
from .driver import is_busy
from .errors import TransactionError
from .gate import Gate
from .listeners import Listeners
from .statements import is_begin
from .statements import is_read
from .statements import is_savepoint
from .waiting import LockTimeout
from .waiting import Notify
from .waiting import Waiting

_numbers = itertools.count(1)
_registry: dict[tuple[int, Identity], MigrationTransaction] = {}


def begin(
    connection: sa.Connection,
    *,
    timeout: float = 300.0,
    notify: Notify | None = None,
) -> MigrationTransaction:
    """Make what happens on a connection one transaction, until it is finished.

    The transaction holds the write lock from here on, so another migration of the
    same file waits here, and finds the work done once it has the lock. Afterwards
    SQLAlchemy's ``commit()`` and ``rollback()`` on the connection end it, and its
    next ``begin()`` opens the next one.

    Call it again for the same connection, or for another connection of this thread
    to the same database, and it answers with the transaction that is open: use
    :attr:`MigrationTransaction.connection` of the result, not the one passed.

    What the connection had written in a transaction of its own becomes part of the
    migration; an empty transaction is left for one with the right lock.

    :param connection: a SQLite connection, whether or not it has begun.
    :param timeout: how long to wait for the locks of others, in seconds.
    :param notify: told what is being waited for, and what is done differently
        because the library lacks something.
    :return: the transaction; call :meth:`MigrationTransaction.finish` in the end.
    :raises TransactionError: when the lock is not free in time, or the database
        cannot be written. Nothing was changed.
    """
    driver = Driver(connection)
    existing = _registry.get((threading.get_ident(), driver.identity()))
    if existing is not None and existing.connection is connection:
        existing.resume()
        return existing
    if existing is not None and existing.in_progress:
        existing.share(connection)
        return existing
    transaction = MigrationTransaction(
        connection, driver, timeout=timeout, notify=notify
    )
    try:
        transaction.resume()
    except BaseException:
        transaction.finish()
        raise
    return transaction


def active_for(connection: sa.Connection) -> MigrationTransaction | None:
    """Find the open migration transaction of this thread on a database.

    :param connection: any connection to the database, the transaction's own too.
    """
    found = _registry.get((threading.get_ident(), Driver(connection).identity()))
    return found if found is not None and found.in_progress else None


def active_on(engine: sa.Engine) -> MigrationTransaction | None:
    """Find the open migration transaction of this thread on an engine's database.

    :param engine: any engine; it is not connected to.
    """
    if engine.dialect.name != "sqlite":
        return None
    identity: Identity = ()
    with contextlib.suppress(OSError, ValueError):
        found = pathlib.Path(engine.url.database or "").stat()
        identity = ("file", found.st_dev, found.st_ino)
    for transaction in list(_registry.values()):
        if (
            transaction.owner == threading.get_ident()
            and transaction.in_progress
            and (
                transaction.connection.engine.pool is engine.pool
                or transaction.identity == identity
            )
        ):
            return transaction
    return None


class MigrationTransaction:
    """The transaction of a migration; a door to the database for the engine.

    Made by :func:`begin`. Satisfies :class:`~.database.Database`.

    :param connection: the connection that everything runs on.
    :param driver: the driver connection below it.
    :param timeout: how long to wait for the locks of others, in seconds.
    :param notify: told what the user may want to know.
    """

    def __init__(
        self,
        connection: sa.Connection,
        driver: Driver,
        *,
        timeout: float,
        notify: Notify | None,
    ) -> None:
        #: the connection that everything must run on
        self.connection = connection
        #: the driver connection below it
        self.driver = driver
        #: the database, as messages name it
        self.name = driver.describe()
        #: what other connections to the same database have in common with this one
        self.identity = driver.identity()
        #: the thread that migrates
        self.owner = threading.get_ident()
        #: counts the transactions that were opened
        self.number = 0
        #: counts the transactions that were committed; with one per revision, several
        self.commits = 0
        #: counts the statements on this connection that may have changed something
        self.writes = 0
        #: called before each COMMIT; what one raises rolls everything back
        self.before_commit: list[cabc.Callable[[], object]] = []
        #: called after each BEGIN but the first, with the lock held; what one raises
        #: rolls back
        self.after_begin: list[cabc.Callable[[], object]] = []
        #: called after each ROLLBACK
        self.after_rollback: list[cabc.Callable[[], object]] = []
        self._waiting = Waiting(driver, timeout, notify)
        self._conditions = Conditions(driver, notify)
        self._gate = Gate(driver)
        self._listeners = Listeners()
        self._opened = False
        self._beginning = False
        self._finished = False
        self._lost: str | None = None
        self._level = connection.get_execution_options().get("isolation_level")
        self._listen()
        _registry[self.owner, self.identity] = self

    # What the engine asks.

    @property
    def driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""
        return self.driver.error

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    @property
    def in_progress(self) -> bool:
        """Whether the transaction is open."""
        return self._opened and self.driver.in_transaction

    @property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection."""
        return self._conditions.can_write_schema

    @property
    def foreign_keys(self) -> bool:
        """Whether foreign keys are enforced now."""
        return self._conditions.foreign_keys

    @property
    def can_switch_foreign_keys(self) -> bool:
        """Whether :meth:`foreign_keys_off` can do what it says."""
        return self._conditions.can_switch_foreign_keys

    def foreign_keys_off(self) -> contextlib.AbstractContextManager[None]:
        """Enforce no foreign key inside the block, within the open transaction.

        ``PRAGMA foreign_keys`` does nothing inside a transaction
        (https://www.sqlite.org/pragma.html#pragma_foreign_keys); the library's
        configuration call works there, and Python has it since 3.12.

        :raises TransactionError: where the driver cannot do it.
        """
        return self._conditions.foreign_keys_off()

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement on the driver and return all of its rows.

        No event of SQLAlchemy fires.
        """
        self._open_next()
        self._count(sql)
        return self.driver.execute(sql, parameters)

    @contextlib.contextmanager
    def savepoint(self) -> cabc.Iterator[None]:
        """Undo what the block did if it raises, and leave the transaction open."""
        with savepoint(self, f"batchmigrate_{next(_numbers)}"):
            yield

    # What the environment of the migration asks.

    def resume(self) -> None:
        """Open the transaction unless it is open.

        :raises TransactionError: when the lock is not free in time.
        """
        if not self.connection.in_transaction():
            # An error inside the event would leave the connection half begun.
            self._beginning = True
            try:
                self.connection.begin()
            finally:
                self._beginning = False
        self._open_next()

    def share(self, connection: sa.Connection) -> None:
        """Let another connection to the same database take part in the transaction.

        Nothing may run on it; it only tells when its owner gives up.

        :param connection: another connection of the same thread.
        """
        if Driver(connection).native is self.driver.native:
            # Its commit is that of the very same driver connection.
            self._listeners.add(connection, "commit", self._on_commit)
            self._listeners.add(connection, "rollback", self._on_rollback)
        else:
            self._listeners.add(connection, "rollback", self._on_shared_rollback)

    def explain(self, error: BaseException) -> TransactionError | None:
        """Say what an error of the driver means that left a migration script.

        :param error: what was raised, as it is or wrapped by SQLAlchemy.
        :return: the error to raise from it, or ``None`` where it speaks for itself.
        """
        original = getattr(error, "orig", None) or error
        if not isinstance(original, self.driver.error):
            return None
        if "not authorized" in str(original):
            if self._lost or (self._opened and not self.driver.in_transaction):
                return self.describe_loss()
            if self._gate.refusal is not None:
                return TransactionError(
                    telling.refused(self.name, self._gate.refusal, self.commits)
                )
        if is_busy(original):
            return self.describe_second(calling_script(error))
        return None

    def abandon(self, reason: str) -> None:
        """Roll back now, and let everything that follows fail.

        :param reason: why, as the user is to read it.
        """
        if self.in_progress:
            with self._gate.permit():
                self.driver.execute("ROLLBACK")
            self._lost = reason

    def finish(self) -> None:
        """Roll back what was not committed, and leave the connection as it was.

        A second call does nothing.
        """
        self._finished = True
        try:
            if self._opened:
                self._undo()
        finally:
            self._listeners.remove_all()
            if _registry.get((self.owner, self.identity)) is self:
                del _registry[self.owner, self.identity]

    # Beginning.

    def _listen(self) -> None:
        connection = self.connection
        add = self._listeners.add
        # On the engine, so that it comes after the application's own listeners,
        # which may emit a BEGIN: those of the connection come before them.
        add(connection.engine, "begin", self._on_begin)
        add(connection.engine, "handle_error", self._on_error)
        add(connection.engine.pool, "reset", self._on_reset)
        add(connection, "commit", self._on_commit)
        add(connection, "rollback", self._on_rollback)
        add(connection, "before_cursor_execute", self._on_statement)

    def _on_begin(self, connection: sa.Connection) -> None:
        # With an engine that only adds options to another, the listeners of the
        # other are still to come, so there the first statement opens it.
        if connection is self.connection and not (
            self._beginning or isinstance(connection.engine, OptionEngine)
        ):
            self._open_next()

    def _on_statement(
        self, connection: sa.Connection, cursor: object, statement: str, *_: object
    ) -> None:
        if not (self._beginning or is_begin(statement)):
            self._open_next()
            self._count(statement)

    def _open_next(self) -> None:
        if not (self._opened or self._finished or self._is_autocommitting()):
            self._open()

    def _is_autocommitting(self) -> bool:
        """Whether the script asked for AUTOCOMMIT since, as autocommit_block() does."""
        level = self.connection.get_execution_options().get("isolation_level")
        return level == "AUTOCOMMIT" and level != self._level

    def _count(self, sql: str) -> None:
        self.writes += not (is_read(sql) or is_savepoint(sql))

    def _open(self) -> None:
        """Begin, or take over a transaction in which something was written."""
        driver = self.driver
        self._lost = None
        try:
            if driver.in_transaction and not driver.has_changes():
                driver.execute("ROLLBACK")
            if driver.in_transaction:
                self._conditions.remember()
            else:
                self._waiting.run(
                    self._begin, f"waiting for another connection to {self.name}"
                )
            self._opened = True
            self._gate.close()
            self._discard_connection_later()
            self._conditions.check_writable()
            self.number += 1
            if self.number > 1:
                for callback in self.after_begin:
                    callback()
        except LockTimeout as error:
            self._settle()
            raise TransactionError(
                telling.locked(self.name, self._waiting.timeout, self.commits)
            ) from error.__cause__
        except BaseException:
            self._undo()
            raise

    def _begin(self) -> None:
        """Begin with the lock that lets the COMMIT succeed.

        In rollback-journal mode it is exclusive: with a lesser one a reader would
        make the COMMIT fail after all the work. In WAL mode readers are in nobody's
        way (https://www.sqlite.org/lang_transaction.html).
        """
        self._conditions.prepare()
        modes = self.driver.journal_modes().values()
        kind = "IMMEDIATE" if set(modes) == {"wal"} else "EXCLUSIVE"
        self.driver.execute(f"BEGIN {kind}")

    def _discard_connection_later(self) -> None:
        """Have the pool replace the driver connection after the migration.

        The gate took the place of an authorizer the application may have set when
        it connected. Only a pool that makes its connections anew can give it back,
        and only a file outlives its connections.
        """
        pooled = isinstance(self.connection.engine.pool, sa.QueuePool)
        if self._gate.exists and pooled and self.identity[0] == "file":
            self.connection.connection.invalidate(soft=True)

    # Ending.

    def _on_commit(self, connection: sa.Connection) -> None:
        if not self._opened:
            return
        try:
            self._check_open()
            for callback in self.before_commit:
                callback()
            self._check_open()
            with self._gate.permit():
                self._waiting.run(
                    lambda: self.driver.execute("COMMIT"),
                    f"waiting for a reader of {self.name}",
                )
        except LockTimeout as error:
            self._undo()
            raise TransactionError(
                telling.locked(self.name, self._waiting.timeout, self.commits)
            ) from error.__cause__
        except self.driver.error as error:
            self._undo()
            raise TransactionError(
                telling.uncommittable(self.name, error, self.commits)
            ) from error
        except BaseException:
            self._undo()
            raise
        self.commits += 1
        self._settle()

    def _check_open(self) -> None:
        if not self.in_progress:
            raise self.describe_loss()

    def _on_rollback(self, connection: sa.Connection) -> None:
        if self._opened:
            self._undo()

    def _on_shared_rollback(self, connection: sa.Connection) -> None:
        self.abandon("a second connection to the same database was rolled back")

    def _on_reset(self, dbapi: object, record: object, state: object) -> None:
        """Notice that a pool hands the same driver connection to several.

        The pool rolls it back now, and that must work, or the pool would close it.
        """
        if dbapi is self.driver.dbapi and self.in_progress:
            self.abandon(
                "a second use of its connection was closed"
                f"{telling.at(calling_script())}, use 'op.get_bind()'"
            )

    def _undo(self) -> None:
        try:
            if self.driver.in_transaction:
                with self._gate.permit():
                    self.driver.execute("ROLLBACK")
        finally:
            self._settle()
        for callback in self.after_rollback:
            callback()

    def _settle(self) -> None:
        """Leave the connection as it was, now that the transaction is over."""
        self._opened = False
        driver = self.driver
        if driver.is_open:
            self._gate.open()
            self._conditions.restore()
            if driver.keeps_open_transaction and not driver.in_transaction:
                driver.execute("BEGIN")

    # Telling.

    def _on_error(self, context: sa.engine.ExceptionContext) -> None:
        error = context.original_exception
        if self.owner == threading.get_ident() and not is_busy(error):
            explained = self.explain(error)
            if explained is not None:
                raise explained from error

    def describe_loss(self) -> TransactionError:
        """Make the error for a transaction that has ended too early."""
        if self._lost is None and not self._gate.exists:
            return TransactionError(telling.ended(self.name))
        reason = self._lost or "SQLite did so itself, after an error or an interrupt"
        return TransactionError(telling.lost(self.name, reason, self.commits))

    def describe_second(self, script: str | None) -> TransactionError:
        """Make the error for a second connection that met the migration's lock.

        :param script: where the script opened it.
        """
        return TransactionError(telling.second(self.name, script, self.commits))

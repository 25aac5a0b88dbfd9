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
import threading
import typing as t

import sqlalchemy as sa

from .callsite import calling_script
from .database import Row
from .database import library_version
from .database import savepoint
from .database import schema_writing
from .driver import Driver
from .driver import is_busy
from .driver import is_read_only
from .errors import TransactionError
from .gate import Gate
from .listeners import Listeners
from .waiting import LockTimeout
from .waiting import Notify
from .waiting import Waiting

#: Settings of a connection that a migration or its script may change on the way.
_SETTINGS = (
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "recursive_triggers",
    "writable_schema",
)
_DEFENSIVE = "SQLITE_DBCONFIG_DEFENSIVE"
_ENABLE_FKEY = "SQLITE_DBCONFIG_ENABLE_FKEY"

_numbers = itertools.count(1)
_registry: dict[tuple[object, ...], MigrationTransaction] = {}
_registry_lock = threading.Lock()


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
    identity = driver.identity()
    with _registry_lock:
        existing = _registry.get(identity)
    if existing is not None and existing.owner == threading.get_ident():
        if existing.connection is connection:
            existing.resume()
            return existing
        if existing.in_progress:
            existing.share(connection)
            return existing
    transaction = MigrationTransaction(
        connection, driver, identity, timeout=timeout, notify=notify
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
    found = _find(Driver(connection).identity())
    return found if found is not None and found.in_progress else None


def _find(identity: tuple[object, ...]) -> MigrationTransaction | None:
    with _registry_lock:
        found = _registry.get(identity)
    return found if found and found.owner == threading.get_ident() else None


class MigrationTransaction:
    """The transaction of a migration; a door to the database for the engine.

    Made by :func:`begin`. Satisfies :class:`~.database.Database`.
    """

    def __init__(
        self,
        connection: sa.Connection,
        driver: Driver,
        identity: tuple[object, ...],
        *,
        timeout: float,
        notify: Notify | None,
    ) -> None:
        #: the connection that everything must run on
        self.connection = connection
        #: the thread that migrates
        self.owner = threading.get_ident()
        #: how many transactions were committed; with one per revision, several
        self.commits = 0
        #: how many statements that may change something ran on the connection
        self.writes = 0
        #: called before each COMMIT; what one raises rolls everything back
        self.before_commit: list[cabc.Callable[[], object]] = []
        #: called after each BEGIN, with the lock held; what one raises ends the run
        self.after_begin: list[cabc.Callable[[], object]] = []
        #: called after each ROLLBACK
        self.after_rollback: list[cabc.Callable[[], object]] = []
        self._driver = driver
        self._identity = identity
        self._notify = notify
        self._name = driver.describe()
        self._waiting = Waiting(driver, timeout, notify)
        self._gate = Gate(driver)
        self._listeners = Listeners()
        self._opened = False
        self._beginning = False
        self._lost: str | None = None
        self._can_write_schema: bool | None = None
        self._settings: dict[str, t.Any] = {}
        self._defensive = False
        self._level = connection.get_execution_options().get("isolation_level")
        self._listen()
        with _registry_lock:
            _registry[identity] = self

    # -- what the engine asks ---------------------------------------------------

    @property
    def driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""
        return self._driver.error

    @property
    def driver(self) -> Driver:
        """The driver connection below :attr:`connection`."""
        return self._driver

    @property
    def name(self) -> str:
        """The database, as messages name it."""
        return self._name

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    @property
    def in_progress(self) -> bool:
        """Whether the transaction is open."""
        return self._opened and self._driver.in_transaction

    @property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection."""
        if self._can_write_schema is None:
            self._can_write_schema = self._probe_schema_writing()
        return self._can_write_schema

    @property
    def foreign_keys(self) -> bool:
        """Whether foreign keys are enforced now."""
        return bool(self._driver.pragma("foreign_keys"))

    @property
    def can_switch_foreign_keys(self) -> bool:
        """Whether :meth:`foreign_keys_off` can do what it says."""
        return not self.foreign_keys or self._driver.can_configure()

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement on the driver and return all of its rows.

        No event of SQLAlchemy fires.
        """
        self._count(sql)
        return self._driver.execute(sql, parameters)

    @contextlib.contextmanager
    def savepoint(self) -> cabc.Iterator[None]:
        """Undo what the block did if it raises, and leave the transaction open."""
        with savepoint(self, f"batchmigrate_{next(_numbers)}"):
            yield

    @contextlib.contextmanager
    def foreign_keys_off(self) -> cabc.Iterator[None]:
        """Enforce no foreign key inside the block, within the open transaction.

        ``PRAGMA foreign_keys`` does nothing inside a transaction
        (https://www.sqlite.org/pragma.html#pragma_foreign_keys); the library's
        configuration call works there, and Python has it since 3.12.

        :raises TransactionError: where the driver cannot do it.
        """
        if not self.foreign_keys:
            yield
            return
        if not self._driver.can_configure():
            raise TransactionError(
                f"Foreign keys of {self._name} cannot be switched off inside a "
                "transaction before Python 3.12: switch them off before the "
                "migration, or use a newer Python. Nothing was changed."
            )
        self._driver.configure(_ENABLE_FKEY, False)
        try:
            yield
        finally:
            self._driver.configure(_ENABLE_FKEY, True)

    # -- what the migration's environment asks ----------------------------------

    def resume(self) -> None:
        """Open the transaction unless it is open.

        :raises TransactionError: when the lock is not free in time.
        """
        if self._opened or self._is_autocommitting():
            return
        if not self.connection.in_transaction():
            # An error inside the event would leave the connection half begun.
            self._beginning = True
            try:
                self.connection.begin()
            finally:
                self._beginning = False
        self._open()

    def share(self, connection: sa.Connection) -> None:
        """Let another connection to the same database take part in the transaction.

        Nothing may be run on it; it only tells when its owner gives up.

        :param connection: another connection of the same thread.
        """
        if Driver(connection).native is self._driver.native:
            self._listeners.add(connection, "commit", self._on_commit)
            self._listeners.add(connection, "rollback", self._on_rollback)
        else:
            self._listeners.add(connection, "rollback", self._on_shared_rollback)

    def explain(self, error: BaseException) -> TransactionError | None:
        """Say what an error of the driver means during this migration.

        :param error: what a script raised, as it is or wrapped by SQLAlchemy.
        :return: the error to raise from it, or ``None`` where it speaks for itself.
        """
        original = getattr(error, "orig", None) or error
        if not isinstance(original, self._driver.error):
            return None
        if "not authorized" in str(original):
            if self._lost is not None or (
                self._opened and not self._driver.in_transaction
            ):
                return TransactionError(self._describe_loss())
            if self._gate.refusal is not None:
                return TransactionError(self._describe_refusal())
        if is_busy(original):
            return TransactionError(self.describe_second(calling_script(error)))
        return None

    def finish(self) -> None:
        """Roll back what was not committed, and leave the connection as it was.

        A second call does nothing.
        """
        try:
            if self._opened:
                self._undo()
        finally:
            self._listeners.remove_all()
            with _registry_lock:
                if _registry.get(self._identity) is self:
                    del _registry[self._identity]

    # -- beginning --------------------------------------------------------------

    def _listen(self) -> None:
        add = self._listeners.add
        add(self.connection, "begin", self._on_begin)
        add(self.connection, "commit", self._on_commit)
        add(self.connection, "rollback", self._on_rollback)
        add(self.connection, "before_cursor_execute", self._on_statement)
        add(self.connection.engine, "handle_error", self._on_error)
        add(self.connection.engine.pool, "reset", self._on_reset)

    def _on_begin(self, connection: sa.Connection) -> None:
        if not (self._opened or self._beginning or self._is_autocommitting()):
            self._open()

    def _is_autocommitting(self) -> bool:
        """Whether the script asked for AUTOCOMMIT since, as autocommit_block() does."""
        level = self.connection.get_execution_options().get("isolation_level")
        return level == "AUTOCOMMIT" and level != self._level

    def _open(self) -> None:
        """Begin, or take over a transaction in which something was written.

        In rollback-journal mode the lock is exclusive: with a lesser one a reader
        would make the COMMIT fail after all the work. In WAL mode readers are in
        nobody's way (https://www.sqlite.org/lang_transaction.html).
        """
        driver = self._driver
        self._lost = None
        try:
            if driver.in_transaction and not self._is_worth_keeping():
                driver.execute("ROLLBACK")
            if driver.in_transaction:
                self._remember_settings()
            else:
                self._waiting.run(
                    self._begin, f"waiting for another connection to {self._name}"
                )
            self._opened = True
            self._gate.close()
            self._discard_connection_later()
            self._check_writable()
            for callback in self.after_begin:
                callback()
        except LockTimeout as error:
            self._settle()
            raise TransactionError(
                f"{self._name} was in use by another connection for "
                f"{self._waiting.timeout:g} seconds: stop the program that reads or "
                "writes it, or wait longer. Nothing was changed."
            ) from error.__cause__
        except BaseException:
            self._undo()
            raise

    def _begin(self) -> None:
        self._remember_settings()
        if (
            self.foreign_keys
            and not self.can_write_schema
            and not self._driver.can_configure()
        ):
            self._driver.set_pragma("foreign_keys", "OFF")
            if self._notify is not None:
                self._notify(
                    f"foreign keys of {self._name} are not enforced during the "
                    "migration: this SQLite library forbids to edit the schema"
                )
        modes = self._driver.journal_modes().values()
        kind = "IMMEDIATE" if set(modes) == {"wal"} else "EXCLUSIVE"
        self._driver.execute(f"BEGIN {kind}")

    def _is_worth_keeping(self) -> bool:
        """Whether a transaction that is open already may hold changes."""
        driver = self._driver
        return driver.holds_write_lock() and not driver.has_unwritten_transaction()

    def _remember_settings(self) -> None:
        if not self._settings:
            self._settings = {name: self._driver.pragma(name) for name in _SETTINGS}

    def _probe_schema_writing(self) -> bool:
        if self._try_schema_writing():
            return True
        if self._driver.can_configure() and self._driver.configured(_DEFENSIVE):
            self._driver.configure(_DEFENSIVE, False)
            self._defensive = True
            return self._try_schema_writing()
        return False

    def _try_schema_writing(self) -> bool:
        """Ask without a lock: EXPLAIN only prepares the statement."""
        with schema_writing(self):
            try:
                self._driver.execute(f"EXPLAIN {_WRITE_NOTHING}")
            except self._driver.error as error:
                if is_busy(error):
                    raise
                return False
            return True

    def _check_writable(self) -> None:
        if not self.can_write_schema:
            return  # the first change will tell
        with schema_writing(self):
            try:
                self._driver.execute(_WRITE_NOTHING)
            except self._driver.error as error:
                if not is_read_only(error):
                    raise
                raise TransactionError(
                    f"{self._name} is read-only: give the program write access to "
                    "the file and its folder. Nothing was changed."
                ) from error

    def _discard_connection_later(self) -> None:
        """Have the pool replace the driver connection after the migration.

        The gate took the place of an authorizer the application may have set when
        it connected. Only a pool that makes its connections anew can give it back,
        and only a file outlives its connections.
        """
        pooled = isinstance(self.connection.engine.pool, sa.QueuePool)
        if self._gate.exists and pooled and self._identity[0] == "file":
            self.connection.connection.invalidate(soft=True)

    # -- ending -----------------------------------------------------------------

    def _on_commit(self, connection: sa.Connection) -> None:
        if not self._opened:
            return
        if not self.in_progress:
            message = self._describe_loss()
            self._settle()
            raise TransactionError(message)
        try:
            for callback in self.before_commit:
                callback()
            if not self.in_progress:
                raise TransactionError(self._describe_loss())
            with self._gate.permit():
                self._waiting.run(
                    lambda: self._driver.execute("COMMIT"),
                    f"waiting for a reader of {self._name}",
                )
        except LockTimeout as error:
            self._undo()
            raise TransactionError(
                f"{self._name} was being read by another connection for "
                f"{self._waiting.timeout:g} seconds, so the migration could not be "
                "committed: stop the program that reads it, or wait longer. "
                f"{self._state()}"
            ) from error.__cause__
        except self._driver.error as error:
            self._undo()
            raise TransactionError(
                f"The migration of {self._name} could not be committed: {error}. "
                f"{self._state()}"
            ) from error
        except BaseException:
            self._undo()
            raise
        self.commits += 1
        self._settle()

    def _on_rollback(self, connection: sa.Connection) -> None:
        if self._opened:
            self._undo()

    def _on_shared_rollback(self, connection: sa.Connection) -> None:
        self._abandon("a second connection to the same database was rolled back")

    def _on_reset(self, dbapi: object, record: object, state: object) -> None:
        """Notice that a pool hands the same driver connection to several.

        The pool rolls it back now, and that must work, or it would close it.
        """
        if dbapi is self._driver.dbapi and self.in_progress:
            script = calling_script()
            self._abandon(
                "a second use of its connection was closed"
                + (f" ({script})" if script else "")
            )

    def _abandon(self, reason: str) -> None:
        """Roll back now, and let everything that follows fail."""
        if self.in_progress:
            with self._gate.permit():
                self._driver.execute("ROLLBACK")
            self._lost = reason

    def _undo(self) -> None:
        try:
            if self._driver.in_transaction:
                with self._gate.permit():
                    self._driver.execute("ROLLBACK")
        finally:
            self._settle()
        for callback in self.after_rollback:
            callback()

    def _settle(self) -> None:
        """Leave the connection as it was, now that the transaction is over."""
        self._opened = False
        driver = self._driver
        self._gate.open()
        if not driver.is_open:
            return
        for name, value in self._settings.items():
            driver.set_pragma(name, value)
        self._settings = {}
        if self._defensive:
            driver.configure(_DEFENSIVE, True)
            self._defensive = False
            self._can_write_schema = None
        if driver.keeps_open_transaction and not driver.in_transaction:
            driver.execute("BEGIN")

    # -- telling ----------------------------------------------------------------

    def _on_statement(
        self, connection: sa.Connection, cursor: object, statement: str, *_: object
    ) -> None:
        self._count(statement)

    def _count(self, sql: str) -> None:
        self.writes += not is_read(sql)

    def _on_error(self, context: sa.engine.ExceptionContext) -> None:
        if context.connection is not self.connection:
            return
        explained = self.explain(context.original_exception)
        if explained is not None:
            raise explained from context.original_exception

    def _state(self) -> str:
        if not self.commits:
            return "Nothing was changed."
        return (
            f"What was committed before ({self.commits} "
            f"{'transaction' if self.commits == 1 else 'transactions'}) stays; nothing "
            "else was changed."
        )

    def _describe_loss(self) -> str:
        if self._lost is not None:
            why = f"was rolled back because {self._lost}"
        elif self._gate.exists:
            why = "was rolled back by SQLite itself, after an error or an interrupt"
        else:
            return (
                f"The transaction of the migration of {self._name} was ended by a "
                "statement of the script: what ran before it may be committed. Use "
                "'op.execute()' without COMMIT, ROLLBACK and 'executescript()'."
            )
        return (
            f"The transaction of the migration of {self._name} {why}. {self._state()}"
        )

    def _describe_refusal(self) -> str:
        refusal = self._gate.refusal
        assert refusal is not None
        where = f" ({refusal.script})" if refusal.script else ""
        return (
            f"The script ran {refusal.statement}{where}, which would end the "
            f"transaction of the migration of {self._name} half-way: run single "
            "statements with 'op.execute()', and use 'op.get_bind().begin_nested()' "
            "instead of a transaction. 'executescript()' and a change of the "
            f"isolation level commit, too. {self._state()}"
        )

    def describe_second(self, script: str | None) -> str:
        """Say that a second connection met the lock of this migration."""
        where = f" ({script})" if script else ""
        return (
            f"The script uses a second connection{where} to {self._name}, which the "
            "migration has locked: use the connection 'op.get_bind()' or 'db.session'. "
            f"{self._state()}"
        )


_WRITE_NOTHING = "UPDATE main.sqlite_master SET sql = sql WHERE 0"
_READING = ("SELECT", "PRAGMA", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "VALUES")


def is_read(sql: str) -> bool:
    """Whether a statement is known to change no row and no table."""
    return sql.lstrip().upper().startswith(_READING)

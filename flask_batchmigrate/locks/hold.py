"""Acquires the migration locks of databases, waits for them, and releases them."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import random
import time
import typing as t

import sqlalchemy as sa

from ..errors import DatabaseError
from ..errors import DatabaseUnavailable
from ..errors import LockTimeout
from ..errors import UNCHANGED
from ..errors import words
from ..reporting import reporter
from ..value_classes import value_class
from .mechanism import Mechanism
from .mysql import NamedLock
from .postgresql import AdvisoryLock

_MECHANISMS: t.Final[dict[str, Mechanism]] = {
    "postgresql": AdvisoryLock(),
    "mysql": NamedLock(),
    "mariadb": NamedLock(),
}

#: Waiting shorter than this is not worth a message, in seconds.
_PATIENCE: t.Final = 0.3
#: The time between two attempts grows from the first to the second, in seconds.
_PAUSES: t.Final = (0.02, 0.5)
#: How long an attempt may wait inside a server, in seconds; Python handles signals
#: between attempts.
_SLICE: t.Final = 1


@value_class
class Lockable:
    """A database to lock.

    :param engine: the application's engine for it.
    :param name: the database as messages name it.
    :param version_table: the table that stores the revision, with its schema.
    """

    engine: sa.Engine
    name: str
    version_table: str

    @property
    def _order(self) -> tuple[str, ...]:
        """The sort key of databases, since all processes lock them in one order."""
        url = self.engine.url
        parts = (url.get_backend_name(), url.database, url.port, url.host)
        return tuple(str(part or "") for part in parts)


class NothingLeft(Exception):
    """Another process did all the work before the lock was free."""


def _never() -> bool:
    return False


def can_lock(dialect: sa.Dialect) -> bool:
    """Return whether there is a migration lock for databases of this kind."""
    return dialect.name in _MECHANISMS


@contextlib.contextmanager
def held(
    databases: cabc.Iterable[Lockable],
    timeout: float,
    is_done: cabc.Callable[[], bool] = _never,
) -> cabc.Iterator[None]:
    """Hold the migration locks of all databases inside the block.

    Each lock has its own session outside the application's pool. All processes take the
    locks in the same order.

    :param timeout: how long to wait for all locks together, in seconds.
    :param is_done: returns, during the wait, whether no work is left.
    :raises NothingLeft: no work is left.
    :raises LockTimeout: another process held a lock for longer.
    :raises DatabaseError: a server does not support such locks.
    :raises DatabaseUnavailable: a server cannot be reached.
    """
    deadline = time.monotonic() + timeout
    sessions: set[cabc.Hashable] = set()
    with contextlib.ExitStack() as stack:
        for database in sorted(databases, key=lambda each: each._order):
            try:
                connection = stack.enter_context(
                    _connection_of_its_own(database.engine)
                )
            except sa.exc.DBAPIError as error:
                raise _unavailable(database, error) from error
            lock = _Lock(database, connection, is_done)
            if lock.take(sessions, deadline, timeout):
                stack.callback(lock.release)
        yield


@contextlib.contextmanager
def _connection_of_its_own(engine: sa.Engine) -> cabc.Iterator[sa.Connection]:
    """Open a connection as the engine's pool would, but outside the pool.

    The pool may be too small for two connections, and a commit or rollback of the
    migration must not affect this one.
    """
    # It connects with the same function, and has the same listeners.
    pool = engine.pool.recreate()
    try:
        apart = sa.Engine(pool, engine.dialect, engine.url)
        with apart.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
    finally:
        pool.dispose()


def _unavailable(database: Lockable, error: sa.exc.DBAPIError) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"Database '{database.name}' cannot be reached: {words(error)}",
        "Check that the server runs, that its address and the password are right, and "
        "that the database exists.",
        state=UNCHANGED,
    )


class _Lock:
    """The migration lock of one database, on a connection."""

    def __init__(
        self,
        database: Lockable,
        connection: sa.Connection,
        is_done: cabc.Callable[[], bool],
    ) -> None:
        self._database = database
        self._is_done = is_done
        self._connection = connection
        self._mechanism = _MECHANISMS[database.engine.dialect.name]
        self._key: str | int = ""

    def take(
        self, sessions: set[cabc.Hashable], deadline: float, timeout: float
    ) -> bool:
        """Wait for the lock.

        :param sessions: the sessions of this process that hold locks; the new session
            is added.
        :param deadline: when to give up, by the monotonic clock.
        :param timeout: the whole time in seconds, for the message.
        :return: False if one of these sessions already has this lock, since two engines
            may have different names for one database.
        """
        try:
            self._mechanism.prepare(self._connection)
            self._key = self._mechanism.key(
                self._connection, self._database.version_table
            )
            own = self._mechanism.session(self._connection)
            taken = self._acquire(0) or self._wait(sessions, deadline, timeout)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise _unavailable(self._database, error) from error
            raise DatabaseError(
                f"The migration lock of database '{self._database.name}' cannot be "
                f"taken: {words(error)}",
                "Where only one process migrates at a time, set 'BATCHMIGRATE_LOCK' to "
                "False.",
                state=UNCHANGED,
            ) from error
        sessions.add(own)
        return taken

    def _acquire(self, wait: int) -> bool:
        return self._mechanism.acquire(self._connection, self._key, wait)

    def _wait(
        self, sessions: cabc.Set[cabc.Hashable], deadline: float, timeout: float
    ) -> bool:
        holder = self._mechanism.holder(self._connection, self._key)
        if holder is not None and holder.session in sessions:
            return False
        message_at = time.monotonic() + _PATIENCE
        pause, longest = _PAUSES
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._timed_out(timeout)
            time.sleep(min(left, random.uniform(pause / 2, pause)))
            pause = min(longest, pause * 1.5)
            if self._acquire(min(_SLICE, int(left))):
                return True
            if self._is_done():
                raise NothingLeft
            if message_at and time.monotonic() >= message_at:
                message_at = 0.0
                reporter().waiting(
                    f"Waiting for another migration of '{self._database.name}' "
                    f"({self._holder()})."
                )

    def _holder(self) -> str:
        """Return a description of the session that has the lock."""
        holder = self._mechanism.holder(self._connection, self._key)
        return "now finished" if holder is None else holder.description

    def _timed_out(self, timeout: float) -> LockTimeout:
        return LockTimeout(
            f"Database '{self._database.name}' was being migrated by another process "
            f"for all of {timeout:g} s ({self._holder()})",
            "Try again later, or wait longer: 'BATCHMIGRATE_LOCK_TIMEOUT'.",
            state=UNCHANGED,
        )

    def release(self) -> None:
        """Release the lock, and warn if it had been lost before."""
        try:
            was_held = self._mechanism.release(self._connection, self._key)
        except sa.exc.DBAPIError:
            was_held = False
        if not was_held:
            reporter().warning(
                f"The migration lock of '{self._database.name}' was lost before the "
                "migration was over: the session that held it has ended, or a proxy "
                "gives sessions to several clients. Another process may have migrated "
                "at the same time. Connect to the server itself for migrations, or set "
                "'BATCHMIGRATE_LOCK' to False and run one at a time."
            )

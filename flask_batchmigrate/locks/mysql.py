"""The migration lock on MySQL and MariaDB: a named lock of a session.

https://dev.mysql.com/doc/refman/8.4/en/locking-functions.html
"""

from __future__ import annotations

import collections.abc as cabc

import sqlalchemy as sa

from .mechanism import described
from .mechanism import digest
from .mechanism import Holder
from .mechanism import NAMESPACE

# The server ends idle sessions, and the session with the lock is idle. A larger number
# is out of range on Windows.
_LAST = sa.text("SET SESSION wait_timeout = 2147483")
_ACQUIRE = sa.text("SELECT GET_LOCK(:key, :wait)")
_RELEASE = sa.text("SELECT RELEASE_LOCK(:key)")
_SESSION = sa.text("SELECT @@hostname, @@port, CONNECTION_ID()")
_HOLDER = sa.text("SELECT @@hostname, @@port, IS_USED_LOCK(:key)")
# Without the PROCESS privilege it shows the sessions of the same user.
_DETAILS = sa.text(
    "SELECT user, host, time FROM information_schema.processlist WHERE id = :id"
)


class NamedLock:
    """Waits inside the server, where a waiting session blocks no other."""

    def prepare(self, connection: sa.Connection) -> None:
        """Prevent the server from ending the session."""
        connection.execute(_LAST)

    def key(self, connection: sa.Connection, version_table: str) -> str:
        """Return a name that contains the database, since a name is for all of them."""
        database = connection.scalar(sa.text("SELECT DATABASE()")) or ""
        # A name may have 64 characters.
        return f"{NAMESPACE}:{digest(database, version_table).hex()[:32]}"

    def acquire(self, connection: sa.Connection, key: str | int, wait: int) -> bool:
        """Try to get the lock, for some seconds."""
        return bool(connection.scalar(_ACQUIRE, {"key": key, "wait": wait}))

    def release(self, connection: sa.Connection, key: str | int) -> bool:
        """Release the lock; return False if the session no longer has it."""
        return bool(connection.scalar(_RELEASE, {"key": key}))

    def session(self, connection: sa.Connection) -> cabc.Hashable:
        """Return the server and the number of the session there."""
        return tuple(connection.execute(_SESSION).one())

    def holder(self, connection: sa.Connection, key: str | int) -> Holder | None:
        """Return the session that has the lock."""
        host, port, number = connection.execute(_HOLDER, {"key": key}).one()
        if number is None:
            return None
        details = connection.execute(_DETAILS, {"id": number}).first()
        user, address, seconds = details or (None, None, None)
        return Holder(
            (host, port, number),
            described(
                connection=number,
                user=user and f"'{user}'",
                from_=address,
                since=None if seconds is None else f"{seconds} s",
            ),
        )

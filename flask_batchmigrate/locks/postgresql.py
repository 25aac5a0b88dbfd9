"""The migration lock on PostgreSQL: a session's advisory lock.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import collections.abc as cabc
import os
import platform

import sqlalchemy as sa

from .mechanism import described
from .mechanism import digest
from .mechanism import Holder
from .mechanism import NAMESPACE

_NAME = sa.text("SELECT set_config('application_name', :name, false)")
# A server may end idle sessions, and the session with the lock is idle.
_LAST = sa.text(
    "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name IN ('idle_session_timeout', 'statement_timeout')"
)
_ACQUIRE = sa.text("SELECT pg_try_advisory_lock(CAST(:key AS bigint))")
_RELEASE = sa.text("SELECT pg_advisory_unlock(CAST(:key AS bigint))")
_SESSION = sa.text("SELECT CAST(pg_postmaster_start_time() AS text), pg_backend_pid()")
_HOLDER = sa.text(
    "SELECT CAST(pg_postmaster_start_time() AS text), pg_locks.pid, usename,"
    " application_name, host(client_addr),"
    " CAST(extract(epoch FROM clock_timestamp() - state_change) AS integer)"
    " FROM pg_locks LEFT JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid"
    " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND CAST(classid AS bigint) = :high AND CAST(objid AS bigint) = :low"
)


class AdvisoryLock:
    """A lock that is polled, since a session that waits in the server blocks others.

    Such a session holds a snapshot. ``CREATE INDEX CONCURRENTLY``, in the migration
    that has the lock, would wait until the snapshot ends.
    """

    def prepare(self, connection: sa.Connection) -> None:
        """Keep the server from ending the session, and give the session a name."""
        connection.execute(_LAST)
        name = f"{NAMESPACE} on {platform.node()[:30]}, process {os.getpid()}"
        connection.execute(_NAME, {"name": name})

    def key(self, connection: sa.Connection, version_table: str) -> int:
        """Return the number of the lock; each database has its own locks."""
        return int.from_bytes(digest(version_table)[:8], "big", signed=True)

    def acquire(self, connection: sa.Connection, key: str | int, wait: int) -> bool:
        """Try to get the lock, without waiting."""
        return bool(connection.scalar(_ACQUIRE, {"key": key}))

    def release(self, connection: sa.Connection, key: str | int) -> bool:
        """Release the lock; return False if the session no longer has it."""
        return bool(connection.scalar(_RELEASE, {"key": key}))

    def session(self, connection: sa.Connection) -> cabc.Hashable:
        """Return the time of the server's start, to identify it, and the process id."""
        return tuple(connection.execute(_SESSION).one())

    def holder(self, connection: sa.Connection, key: str | int) -> Holder | None:
        """Return the session that has the lock."""
        unsigned = int(key) % 2**64
        halves = {"high": unsigned >> 32, "low": unsigned % 2**32}
        row = connection.execute(_HOLDER, halves).first()
        if row is None:
            return None
        server, pid, user, application, address, seconds = row
        return Holder(
            (server, pid),
            described(
                server_process=pid,
                user=user and f"'{user}'",
                application=application and f"'{application}'",
                from_=address,
                since=None if seconds is None else f"{seconds} s",
            ),
        )

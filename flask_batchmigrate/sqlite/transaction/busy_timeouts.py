"""Shortens the lock waits of second connections during a migration."""

from __future__ import annotations

import contextlib
import sqlite3
import typing as t

import sqlalchemy as sa

_CLOSED: t.Final = (sqlite3.ProgrammingError, ValueError)


class BusyTimeouts:
    """Driver connections that have another timeout for a while.

    :param timeout: how long they wait for locks, in milliseconds.
    """

    def __init__(self, timeout: int) -> None:
        self._timeout = timeout
        self._before: dict[int, tuple[t.Any, int]] = {}

    def change(self, dbapi: t.Any) -> None:
        """Give a driver connection this timeout."""
        # It is read each time, because a listener of the application may have set it.
        timeout = run_pragma(dbapi, "PRAGMA busy_timeout")
        if timeout != self._timeout:
            self._before[id(dbapi)] = (dbapi, timeout)
            run_pragma(dbapi, f"PRAGMA busy_timeout = {self._timeout}")

    def restore(self, dbapi: t.Any) -> None:
        """Give a driver connection its own timeout again."""
        if id(dbapi) in self._before:
            _, timeout = self._before.pop(id(dbapi))
            # The script may have closed it; then there is nothing to put back.
            with contextlib.suppress(*_CLOSED):
                run_pragma(dbapi, f"PRAGMA busy_timeout = {timeout}")

    def leave(self) -> None:
        """Restore the timeouts of all connections."""
        for dbapi, _ in list(self._before.values()):
            self.restore(dbapi)


class SecondConnections:
    """The second connections that a migration has met."""

    def __init__(self) -> None:
        #: the connections that do not wait
        self.impatient = BusyTimeouts(0)
        #: connections refused to the script, kept until closing them is harmless
        self._parked: list[sa.Connection] = []

    def park(self, connection: sa.Connection) -> None:
        """Keep a connection that must not return to its pool yet."""
        self._parked.append(connection)

    def leave(self) -> None:
        """Restore the timeouts, and close what was kept, after the migration."""
        self.impatient.leave()
        while self._parked:
            self._parked.pop().close()


def run_pragma(dbapi: t.Any, sql: str) -> t.Any:
    """Run a pragma on a driver connection; return what it answers, if anything."""
    with contextlib.closing(dbapi.cursor()) as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        return row[0] if row else None

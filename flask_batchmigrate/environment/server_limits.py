"""Limits how long a migration's statements may wait and run, on servers.

The limits end with the migration's transactions, so the connections return to the
application's pool unchanged.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import math
import typing as t

import sqlalchemy as sa

from ..value_classes import value_class

_Listeners: t.TypeAlias = "dict[str, cabc.Callable[[sa.Connection], None]]"

_POSTGRESQL_CODE: t.Final = "55P03"
# Lock wait timeout, of rows and of tables; a statement with NOWAIT.
_MYSQL_CODES: t.Final = (1205, 3572)


@value_class
class Limits:
    """How long statements may wait and run.

    :param lock: seconds that a statement may wait for a table or row; None means the
        server's own limit.
    :param statement: seconds that a statement may take; None means the server's own
        limit.
    """

    lock: float | None
    statement: float | None


def limit(
    connection: sa.Connection, limits: Limits, cleanup: contextlib.ExitStack
) -> None:
    """Limit the transactions of a connection.

    :param cleanup: ends it.
    """
    name = connection.dialect.name
    if name == "postgresql":
        listeners: _Listeners = {"begin": functools.partial(_set_local, limits)}
    elif name in ("mysql", "mariadb"):
        listeners = _Variables(connection, limits).listeners
    else:
        return
    if connection.in_transaction():
        listeners["begin"](connection)
    for event, function in listeners.items():
        sa.event.listen(connection, event, function)
        cleanup.callback(sa.event.remove, connection, event, function)


def is_lock_timeout(error: BaseException | None) -> bool:
    """Return whether a statement failed because it waited too long for a lock."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    if original is None:
        return False
    # The drivers of PostgreSQL have no common name for it.
    codes = [getattr(original, name, None) for name in ("sqlstate", "pgcode")]
    first = original.args[0] if original.args else None
    codes.append(first.get("C") if isinstance(first, dict) else None)
    return _POSTGRESQL_CODE in codes or first in _MYSQL_CODES


def _set_local(limits: Limits, connection: sa.Connection) -> None:
    """Set the limits for the transaction that begins.

    They do not apply in an ``autocommit_block``: if a ``CREATE INDEX CONCURRENTLY`` is
    cut short, it leaves an invalid index, and it blocks no other statement.
    https://www.postgresql.org/docs/current/runtime-config-client.html
    """
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    for name, seconds in (
        ("lock_timeout", limits.lock),
        ("statement_timeout", limits.statement),
    ):
        if seconds is not None:
            milliseconds = max(1, round(seconds * 1000))
            connection.exec_driver_sql(f"SET LOCAL {name} = {milliseconds}")


class _Variables:
    """Sets variables of a MySQL or MariaDB session, and restores them.

    The server does not restore them at the end of a transaction.

    https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html
    https://mariadb.com/kb/en/server-system-variables/
    """

    def __init__(self, connection: sa.Connection, limits: Limits) -> None:
        self._values: dict[str, float] = {}
        self._before: tuple[t.Any, ...] = ()
        if limits.lock is not None:
            whole = max(1, math.ceil(limits.lock))
            self._values["lock_wait_timeout"] = whole
            self._values["innodb_lock_wait_timeout"] = whole
        if limits.statement is not None and _is_mariadb(connection.dialect):
            self._values["max_statement_time"] = limits.statement
        elif limits.statement is not None:
            whole = max(1, round(limits.statement * 1000))
            self._values["max_execution_time"] = whole

    @property
    def listeners(self) -> _Listeners:
        """The function to call at each event of the connection."""
        return {
            "begin": self._set,
            "commit": self._put_back,
            "rollback": self._put_back,
        }

    def _set(self, connection: sa.Connection) -> None:
        names = ", ".join(f"@@SESSION.{name}" for name in self._values)
        self._before = tuple(connection.exec_driver_sql(f"SELECT {names}").one())
        self._write(connection, self._values.values())

    def _put_back(self, connection: sa.Connection) -> None:
        before, self._before = self._before, ()
        if before and not (connection.invalidated or connection.closed):
            try:
                self._write(connection, before)
            except sa.exc.DBAPIError:
                # The pool must not get it back with these limits.
                connection.invalidate()

    def _write(self, connection: sa.Connection, values: cabc.Iterable[float]) -> None:
        pairs = zip(self._values, values, strict=True)
        text = ", ".join(f"{name} = {value}" for name, value in pairs)
        connection.exec_driver_sql(f"SET SESSION {text}")


def _is_mariadb(dialect: sa.Dialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))

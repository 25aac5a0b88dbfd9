"""Calls a listener for each statement that runs through SQLAlchemy.

The SQLite engine's own statements go past SQLAlchemy, so these are those of scripts and
of Alembic.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import typing as t

import sqlalchemy as sa

#: Called with the connection, the statement, and how many rows it has changed.
Listener = cabc.Callable[[sa.Connection, str, int], None]

_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar(
    "flask_batchmigrate_statements", default=None
)


@contextlib.contextmanager
def listening(listener: Listener) -> cabc.Iterator[None]:
    """Call a listener for the statements inside the block, in this thread."""
    if not sa.event.contains(sa.Engine, "after_cursor_execute", _on_statement):
        # It stays: a listener cannot be removed safely while other threads work.
        sa.event.listen(sa.Engine, "after_cursor_execute", _on_statement)
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def _on_statement(
    connection: sa.Connection, cursor: t.Any, sql: str, *_: t.Any
) -> None:
    listener = _listener.get()
    if listener is not None:
        listener(connection, sql, cursor.rowcount)

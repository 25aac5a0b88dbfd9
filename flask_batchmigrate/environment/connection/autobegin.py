"""Finds connections whose transaction SQLAlchemy began implicitly.

SQLAlchemy begins a transaction with the first statement on a connection:
https://docs.sqlalchemy.org/en/20/core/connections.html#commit-as-you-go. If one is open
when Alembic is configured, Alembic assumes that its caller began it and will commit it:
https://alembic.sqlalchemy.org/en/latest/api/runtime.html. An ``env.py`` that only read
something before does not expect to have to commit.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import functools
import inspect
import sys
import typing as t
import weakref

import sqlalchemy as sa

_Connections: t.TypeAlias = "weakref.WeakSet[sa.Connection]"

_seen: contextvars.ContextVar[_Connections | None] = contextvars.ContextVar(
    "flask_batchmigrate_autobegun", default=None
)


@contextlib.contextmanager
def watched() -> cabc.Iterator[None]:
    """Watch the connections that this thread begins on in the ``with`` block."""
    _listen()
    token = _seen.set(weakref.WeakSet())
    try:
        yield
    finally:
        _seen.reset(token)


def autobegun(connection: t.Any) -> sa.Connection | None:
    """Return a watched connection if its open transaction began implicitly."""
    seen = _seen.get()
    if seen is None or not isinstance(connection, sa.Connection):
        return None
    return connection if connection in seen and connection.in_transaction() else None


@contextlib.contextmanager
def committed(
    inner: contextlib.AbstractContextManager[t.Any], connection: sa.Connection
) -> cabc.Iterator[t.Any]:
    """Commit the transaction of a connection if the block ends without an error.

    :param inner: another context manager, which the block runs in.
    """
    with inner as entered:
        yield entered
    connection.commit()


@functools.cache
def _listen() -> None:
    """Listen to all engines of the process, because an ``env.py`` may make one.

    The listeners are never removed, which is not safe while other threads use an
    engine. Outside :func:`watched` they do nothing.
    """
    sa.event.listen(sa.Engine, "begin", _on_begin)


def _on_begin(connection: sa.Connection) -> None:
    seen = _seen.get()
    if seen is None:
        return
    if _began_by_itself():
        seen.add(connection)
    else:
        seen.discard(connection)


def _began_by_itself() -> bool:
    """Return whether SQLAlchemy itself called ``Connection.begin()``, for a statement.

    SQLAlchemy has no public flag for it. If this cannot be found out, the answer is
    False, and the caller that began the transaction has to commit it, as with Alembic.
    """
    begin = sa.Connection.begin.__code__
    by_engine = inspect.unwrap(sa.Engine.begin).__code__
    frame = sys._getframe()
    while frame.f_back is not None:
        caller = frame.f_back
        if frame.f_code is begin:
            same_file = caller.f_code.co_filename == begin.co_filename
            return same_file and caller.f_code is not by_engine
        frame = caller
    return False

"""Knows the connections that are in a transaction which nobody began.

SQLAlchemy begins one with the first statement on a connection, as if by itself:
https://docs.sqlalchemy.org/en/20/core/connections.html#commit-as-you-go. Alembic takes
a transaction that is open when it is configured for its caller's, and leaves the commit
to them: https://alembic.sqlalchemy.org/en/latest/api/runtime.html. An ``env.py`` that
has only read something before does not know that it is to commit.
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
    """Return a watched connection if its open transaction began by itself."""
    seen = _seen.get()
    if seen is None or not isinstance(connection, sa.Connection):
        return None
    return connection if connection in seen and connection.in_transaction() else None


@contextlib.contextmanager
def committed(
    inner: contextlib.AbstractContextManager[t.Any], connection: sa.Connection
) -> cabc.Iterator[t.Any]:
    """Commit what a connection did when a block ends well.

    :param inner: what the block is in besides.
    """
    with inner as entered:
        yield entered
    connection.commit()


@functools.cache
def _listen() -> None:
    """Listen to the engines of the process, of which an ``env.py`` may make one.

    Once and for all: listeners of all engines cannot be removed while other threads
    use one. Outside of :func:`watched` they do nothing.
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
    """Tell who called ``Connection.begin()``: SQLAlchemy, for a statement, or others.

    There is no public mark of it. Should the answer ever be wrong, it is 'others', and
    whoever began the transaction has to commit it, as in Alembic.
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

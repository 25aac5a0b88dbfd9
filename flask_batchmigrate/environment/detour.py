"""Leads the connections that a thread opens to another SQLite database.

A look at a database that does not exist would make it, and a rehearsal must not touch
the one that it is about. The scripts and a user's ``env.py`` have the application's own
engine; so it is the engine that leads elsewhere, for one thread and for a while.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import threading
import typing as t

import sqlalchemy as sa

from ..project.binds import Bind
from ..sqlite.transaction.second_connections import watch

MEMORY: t.Final = ":memory:"
_MARK: t.Final = "flask_batchmigrate.detour"


@contextlib.contextmanager
def without_making(binds: cabc.Iterable[Bind]) -> cabc.Iterator[None]:
    """Have SQLite files that do not exist look like empty databases, and not be made.

    :param binds: the binds whose databases are about to be looked at.
    """
    with contextlib.ExitStack() as stack:
        for bind in binds:
            if can_be_made(bind):
                stack.enter_context(detour(bind.engine, MEMORY))
        yield


def can_be_made(bind: Bind) -> bool:
    """Tell whether to connect would make a SQLite file."""
    file = bind.file
    return file is not None and not file.exists() and file.parent.is_dir()


@contextlib.contextmanager
def detour(engine: sa.Engine, path: str) -> cabc.Iterator[None]:
    """Lead an engine's connections to another database, in this thread.

    The connections are made with the engine's own arguments, and the application's
    listeners set them up. Other threads go on with the engine's own database.

    :param engine: an engine of SQLite that makes its connections by itself.
    :param path: the other database.
    """
    thread = threading.get_ident()

    def is_ours() -> bool:
        return threading.get_ident() == thread

    def connect(
        dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
    ) -> t.Any:
        return dialect.connect(path, **keywords) if is_ours() else None

    def mark(dbapi: t.Any, record: t.Any) -> None:
        record.info[_MARK] = is_ours()

    def refuse_others(dbapi: t.Any, record: t.Any, proxy: t.Any) -> None:
        if record.info.get(_MARK) != is_ours():
            # The pool closes it, and makes one in this thread instead.
            raise sa.exc.DisconnectionError

    # Its listeners are set once for each engine, on the pool that it has then.
    watch(engine)
    usual, other = engine.pool, engine.pool.recreate()
    sa.event.listen(other, "connect", mark, insert=True)
    sa.event.listen(other, "checkout", refuse_others, insert=True)
    # https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    sa.event.listen(engine, "do_connect", connect)
    engine.pool = other
    try:
        yield
    finally:
        engine.pool = usual
        sa.event.remove(engine, "do_connect", connect)
        other.dispose()

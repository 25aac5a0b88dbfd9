"""Redirects an engine's connections to another SQLite database, in one thread.

Reading a database that does not exist would create it, and a rehearsal must not touch
the application's database. Scripts and a user's ``env.py`` use the application's own
engine. So the engine itself connects to another database, for one thread and a while.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import pathlib
import sqlite3
import threading
import typing as t

import sqlalchemy as sa

from ...errors import NotSupported
from ...project.binds import Bind
from ...project.binds import file_of
from ...sqlite.transaction.driver import Driver
from ...sqlite.transaction.second_connections import watch

MEMORY: t.Final = ":memory:"
_MARK: t.Final = "flask_batchmigrate.detour"


@contextlib.contextmanager
def without_making(binds: cabc.Iterable[Bind]) -> cabc.Iterator[None]:
    """Make missing SQLite files look like empty databases, without creating them.

    :param binds: the binds whose databases are about to be read.
    """
    with contextlib.ExitStack() as stack:
        for bind in binds:
            if can_be_made(bind):
                stack.enter_context(detour(bind.engine, MEMORY))
        yield


def can_be_made(bind: Bind) -> bool:
    """Tell whether connecting to a bind would create a SQLite file."""
    file = bind.file
    return file is not None and not file.exists() and file.parent.is_dir()


Factory = cabc.Callable[[t.Any], t.Any]


class _Redirect(t.NamedTuple):
    """The database that connections go to instead, and their class."""

    path: str
    factory: Factory | None


_redirects: contextvars.ContextVar[dict[t.Hashable, _Redirect]] = (
    contextvars.ContextVar(
        "flask_batchmigrate_detours",
        default={},  # noqa: B039 - no code changes it
    )
)


@contextlib.contextmanager
def detour(
    engine: sa.Engine, path: str, factory: Factory | None = None
) -> cabc.Iterator[None]:
    """Connect an engine to another database, in this thread, inside the block.

    The connections are opened with the engine's own arguments, and the application's
    listeners set them up. An engine that an ``env.py`` or a script makes for the same
    file is connected to the other database, too. Other threads still use the original.

    :param engine: an SQLite engine that opens its connections itself.
    :param path: the other database.
    :param factory: returns the class of the connections, made from the class of the
        application's own connections.
    """
    thread = threading.get_ident()

    def mark(dbapi: t.Any, record: t.Any) -> None:
        record.info[_MARK] = threading.get_ident() == thread

    def refuse_others(dbapi: t.Any, record: t.Any, proxy: t.Any) -> None:
        if record.info.get(_MARK) != (threading.get_ident() == thread):
            # The pool closes this connection, and opens one in this thread instead.
            raise sa.exc.DisconnectionError

    # The watch sets its listeners once for each engine, on the present pool.
    watch(engine)
    if not sa.event.contains(sa.Engine, "do_connect", _connect):
        # The listener stays: removing it is not safe while other threads work.
        sa.event.listen(sa.Engine, "do_connect", _connect)
    own, other = engine.pool, engine.pool.recreate()
    sa.event.listen(other, "connect", mark, insert=True)
    sa.event.listen(other, "checkout", refuse_others, insert=True)
    redirect = _Redirect(path, factory)
    file = file_of(engine.url)
    keys = [id(engine.dialect), *([file] if file is not None else [])]
    token = _redirects.set({**_redirects.get(), **dict.fromkeys(keys, redirect)})
    engine.pool = other
    try:
        yield
    finally:
        engine.pool = own
        _redirects.reset(token)
        other.dispose()


def _connect(
    dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
) -> t.Any:
    """Connect to another database, if there is a detour for this one.

    https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    """
    redirects = _redirects.get()
    if not redirects or dialect.name != "sqlite":
        return None
    redirect = redirects.get(id(dialect))
    if redirect is None and args and isinstance(args[0], str):
        redirect = redirects.get(pathlib.Path(args[0]).resolve())
    if redirect is None:
        return None
    if redirect.factory is not None:
        own_class = keywords.get("factory", sqlite3.Connection)
        keywords = {**keywords, "factory": redirect.factory(own_class)}
    return dialect.connect(redirect.path, **keywords)


def refuse_unredirected(connection: sa.Connection) -> None:
    """Refuse a connection that avoids the detours and reaches an original database.

    :raises NotSupported: the connection does so.
    """
    paths = {redirect.path for redirect in _redirects.get().values()} - {MEMORY}
    if not paths or connection.dialect.name != "sqlite":
        return
    file = Driver(connection).databases().get("main", "")
    if pathlib.Path(file).resolve() not in {pathlib.Path(p).resolve() for p in paths}:
        raise NotSupported(
            f"'env.py' opens its own connection to '{file or MEMORY}', and "
            "cannot be redirected to a copy",
            "Let it use the application's engine, or delete it to use the packaged "
            "environment.",
        )

"""Leads the connections that a thread opens to another SQLite database.

A look at a database that does not exist would make it, and a rehearsal must not touch
the one that it is about. The scripts and a user's ``env.py`` have the application's own
engine; so it is the engine that leads elsewhere, for one thread and for a while.
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

from ..errors import NotSupported
from ..project.binds import Bind
from ..project.binds import file_of
from ..sqlite.transaction.driver import Driver
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


Factory = cabc.Callable[[t.Any], t.Any]


class _Lead(t.NamedTuple):
    """Where connections are led to, and what class they are of."""

    path: str
    factory: Factory | None


_leads: contextvars.ContextVar[dict[t.Hashable, _Lead]] = contextvars.ContextVar(
    "flask_batchmigrate_detours",
    default={},  # noqa: B039 - it is never changed
)


@contextlib.contextmanager
def detour(
    engine: sa.Engine, path: str, factory: Factory | None = None
) -> cabc.Iterator[None]:
    """Lead the connections to an engine's database to another one, in this thread.

    The connections are made with the engine's own arguments, and the application's
    listeners set them up. An engine that an ``env.py`` or a script makes for the same
    file is led there, too. Other threads go on with the database itself.

    :param engine: an engine of SQLite that makes its connections by itself.
    :param path: the other database.
    :param factory: makes the class of the connections from the one that the
        application has them of.
    """
    thread = threading.get_ident()

    def mark(dbapi: t.Any, record: t.Any) -> None:
        record.info[_MARK] = threading.get_ident() == thread

    def refuse_others(dbapi: t.Any, record: t.Any, proxy: t.Any) -> None:
        if record.info.get(_MARK) != (threading.get_ident() == thread):
            # The pool closes it, and makes one in this thread instead.
            raise sa.exc.DisconnectionError

    # Its listeners are set once for each engine, on the pool that it has then.
    watch(engine)
    if not sa.event.contains(sa.Engine, "do_connect", _connect):
        # It stays: a listener cannot be removed safely while other threads work.
        sa.event.listen(sa.Engine, "do_connect", _connect)
    own, other = engine.pool, engine.pool.recreate()
    sa.event.listen(other, "connect", mark, insert=True)
    sa.event.listen(other, "checkout", refuse_others, insert=True)
    lead = _Lead(path, factory)
    file = file_of(engine.url)
    keys = [id(engine.dialect), *([file] if file is not None else [])]
    token = _leads.set({**_leads.get(), **dict.fromkeys(keys, lead)})
    engine.pool = other
    try:
        yield
    finally:
        engine.pool = own
        _leads.reset(token)
        other.dispose()


def _connect(
    dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
) -> t.Any:
    """Connect to another database, if there is a detour for this one.

    https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    """
    leads = _leads.get()
    if not leads or dialect.name != "sqlite":
        return None
    lead = leads.get(id(dialect))
    if lead is None and args and isinstance(args[0], str):
        lead = leads.get(pathlib.Path(args[0]).resolve())
    if lead is None:
        return None
    if lead.factory is not None:
        usual = keywords.get("factory", sqlite3.Connection)
        keywords = {**keywords, "factory": lead.factory(usual)}
    return dialect.connect(lead.path, **keywords)


def refuse_strayed(connection: sa.Connection) -> None:
    """Refuse a connection past the detours, which would reach a database itself.

    :raises NotSupported: it is one.
    """
    paths = {lead.path for lead in _leads.get().values()} - {MEMORY}
    if not paths or connection.dialect.name != "sqlite":
        return
    file = Driver(connection).databases().get("main", "")
    if pathlib.Path(file).resolve() not in {pathlib.Path(p).resolve() for p in paths}:
        raise NotSupported(
            f"'env.py' connects to '{file or MEMORY}' in a way of its own, that cannot "
            "be led to a copy",
            "Let it use the application's engine, or delete it to use the packaged "
            "environment.",
        )

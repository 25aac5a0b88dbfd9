"""Connects an application to empty scratch databases on servers.

Revisions run there as they would on the application's databases, with any ``env.py``.
So the engines themselves connect to the scratch databases, in one thread and for a
while, and any other connection to a server is refused meanwhile.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import threading
import typing as t

import sqlalchemy as sa

from ..errors import DatabaseUnavailable
from ..errors import NotSupported
from ..errors import UNCHANGED
from ..errors import words
from ..locks.hold import held
from ..locks.hold import Lockable
from ..project.binds import Bind
from ..project.binds import by_database
from ..project.binds import display
from .scratch_contents import contents
from .scratch_contents import drop_contents
from .scratch_contents import identity
from .scratch_contents import surroundings

DIALECTS: t.Final = ("postgresql", "mysql", "mariadb")
_LOCK: t.Final = "flask_batchmigrate scratch"
_SCHEMA: t.Final = {"postgresql": "current_schema()"}
_MARK: t.Final = "flask_batchmigrate.scratch"


class _Lead(t.NamedTuple):
    """Where connections go.

    :param original: the arguments that lead to the application's database.
    :param url: the scratch database.
    """

    original: tuple[str, ...]
    url: sa.URL


_leads: contextvars.ContextVar[tuple[_Lead, ...]] = contextvars.ContextVar(
    "flask_batchmigrate_scratch", default=()
)


@contextlib.contextmanager
def scratch_servers(
    urls: cabc.Mapping[Bind, sa.URL],
    everything: cabc.Iterable[Bind],
    timeout: float,
) -> cabc.Iterator[None]:
    """Connect the engines of servers to empty scratch databases, inside the block.

    The scratch databases are empty again afterwards.

    :param urls: the scratch database of each bind.
    :param everything: all binds of the application, whose databases are none.
    :param timeout: how many seconds to wait for others who use a scratch database.
    :raises NotSupported: a scratch database is one of the application's, is not of the
        same kind, or is not empty.
    :raises DatabaseUnavailable: a scratch database cannot be reached.
    :raises LockTimeout: another process used a scratch database for too long.
    """
    own = [bind for bind in everything if bind.dialect in DIALECTS]
    groups = by_database(urls)
    chosen = {group[0]: urls[group[0]] for group in groups}
    _refuse_by_url(chosen, own)
    originals = _identities(own)
    with contextlib.ExitStack() as stack:
        leads = tuple(_Lead(_arguments(bind.engine), urls[bind]) for bind in urls)
        for bind in urls:
            try:
                stack.enter_context(_led(bind.engine, leads))
            except sa.exc.DBAPIError as error:
                raise _unavailable(urls[bind], error) from error
        locks = [Lockable(b.engine, display(url), _LOCK) for b, url in chosen.items()]
        stack.enter_context(held(locks, timeout))
        for bind, url in chosen.items():
            stack.enter_context(_emptied(bind, url, originals))
        yield


def _refuse_by_url(
    chosen: cabc.Mapping[Bind, sa.URL], own: cabc.Sequence[Bind]
) -> None:
    """Refuse scratch databases that cannot be used, as their URLs show."""
    seen: set[tuple[t.Any, ...]] = {_place(bind.engine.url) for bind in own}
    places = dict.fromkeys(seen, "the application's own database")
    for bind, url in chosen.items():
        if url.get_backend_name() != bind.engine.url.get_backend_name():
            raise _refused(
                url,
                f"it is of {url.get_backend_name()}, and that of the application of "
                f"{bind.engine.url.get_backend_name()}",
            )
        if _place(url) in places:
            raise _refused(url, f"it is {places[_place(url)]}")
        places[_place(url)] = "that of another bind"


def _place(url: sa.URL) -> tuple[t.Any, ...]:
    return url.get_backend_name(), url.host, url.port, url.database


def _refused(url: sa.URL, why: str) -> NotSupported:
    return NotSupported(
        f"'{display(url)}' cannot be the scratch database: {why}",
        "Let 'BATCHMIGRATE_SCRATCH_URL' name an empty database that nothing else uses.",
        state=UNCHANGED,
    )


def _unavailable(url: sa.URL, error: sa.exc.DBAPIError) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"Scratch database '{display(url)}' cannot be reached: {words(error)}",
        "Correct 'BATCHMIGRATE_SCRATCH_URL', or create the database.",
        state=UNCHANGED,
    )


def _identities(binds: cabc.Iterable[Bind]) -> set[tuple[str, ...]]:
    found = set()
    for bind in binds:
        with bind.engine.connect() as connection:
            found.add(identity(connection))
    return found


@contextlib.contextmanager
def _emptied(
    bind: Bind, url: sa.URL, originals: cabc.Container[tuple[str, ...]]
) -> cabc.Iterator[None]:
    """Require an empty scratch database, and leave it empty."""
    with _connection(bind) as connection:
        if identity(connection) in originals:
            raise _refused(url, "it is the application's own database")
        found = contents(connection)
        if found:
            names = ", ".join(f"{kind.lower()} {name}" for kind, name in found[:3])
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise _refused(url, f"it is not empty, but has {names}{more}")
        before = surroundings(connection)
    try:
        yield
    finally:
        with _connection(bind) as connection:
            drop_contents(connection, before)


@contextlib.contextmanager
def _connection(bind: Bind) -> cabc.Iterator[sa.Connection]:
    """Open a connection that stores each statement at once."""
    with bind.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextlib.contextmanager
def _led(engine: sa.Engine, leads: tuple[_Lead, ...]) -> cabc.Iterator[None]:
    """Let connections follow the leads, and an engine open new ones."""
    thread = threading.get_ident()

    def mark(dbapi: t.Any, record: t.Any) -> None:
        record.info[_MARK] = threading.get_ident() == thread

    def refuse_others(dbapi: t.Any, record: t.Any, proxy: t.Any) -> None:
        if record.info.get(_MARK) != (threading.get_ident() == thread):
            # The pool closes this connection, and opens one in this thread instead.
            raise sa.exc.DisconnectionError

    if not sa.event.contains(sa.Engine, "do_connect", _connect):
        # The listener stays: removing it is not safe while other threads work.
        sa.event.listen(sa.Engine, "do_connect", _connect)
    own, other = engine.pool, engine.pool.recreate()
    sa.event.listen(other, "connect", mark, insert=True)
    sa.event.listen(other, "checkout", refuse_others, insert=True)
    token = _leads.set(leads)
    engine.pool = other
    dialect = engine.dialect
    schema = dialect.default_schema_name
    try:
        # SQLAlchemy asks for it once only, and on MySQL reflects tables by it.
        question = f"SELECT {_SCHEMA.get(dialect.name, 'DATABASE()')}"
        with engine.connect() as connection:
            found = connection.exec_driver_sql(question).scalar_one()
        dialect.default_schema_name = found
        yield
    finally:
        dialect.default_schema_name = schema
        engine.pool = own
        _leads.reset(token)
        other.dispose()


def _arguments(engine: sa.Engine) -> tuple[str, ...]:
    """Return what identifies the database in the arguments of a connection."""
    args, keywords = engine.dialect.create_connect_args(engine.url)
    return _target(args, keywords)


def _target(args: cabc.Sequence[t.Any], keywords: t.Any) -> tuple[str, ...]:
    names = ("host", "port", "dbname", "database", "db", "unix_socket", "dsn")
    return (*map(str, args), *(str(keywords.get(name)) for name in names))


def _connect(
    dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
) -> t.Any:
    """Connect to a scratch database in the place of the application's.

    https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    """
    leads = _leads.get()
    if not leads or dialect.name == "sqlite":
        return None
    target = _target(args, keywords)
    lead = next((lead for lead in leads if lead.original == target), None)
    if lead is None:
        raise NotSupported(
            "A script or 'env.py' connects to a database that has no scratch database "
            f"in its place ({dialect.name})",
            "Name one for each bind in 'BATCHMIGRATE_SCRATCH_URL'.",
            state=UNCHANGED,
        )
    own = dialect.create_connect_args(lead.url)
    # What the application's engine was given besides its URL stays.
    url_names = {"user", "username", "password", "passwd", "host", "port", "dbname"}
    url_names |= {"database", "db", "unix_socket", "dsn"}
    kept = {name: value for name, value in keywords.items() if name not in url_names}
    return dialect.connect(*own[0], **{**kept, **own[1]})

"""Makes a SQLite database in memory, in which migrations are tried."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re
import threading
import typing as t

import sqlalchemy as sa

from ...sqlite.ddl.quoting import always_quoted
from ...sqlite.schema.catalogue import Catalogue
from ...sqlite.transaction.driver import Driver
from .virtual_tables import internal_tables

#: The beginning of every statement that SQLite stores, before the object's name:
#: https://www.sqlite.org/schematab.html
_BEGINNING: t.Final = re.compile(
    r"CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s+", re.IGNORECASE
)


@contextlib.contextmanager
def scratch(
    engine: sa.Engine, catalogues: cabc.Iterable[Catalogue]
) -> cabc.Iterator[sa.Connection]:
    """Yield a connection to a copy of schemas without rows, gone after the block.

    The connection has the functions, collations and settings that the application gives
    its connections by listening to the pool.

    :param engine: the application's engine, whose own database is not touched, nor are
        the databases that the application attaches.
    :param catalogues: the catalogues of the main database and the attached ones.
    """
    catalogues = list(catalogues)
    url = sa.URL.create(engine.url.drivername)
    dbapi = _connect(engine)
    if dbapi is None:
        # The engine was given a function that makes the connections.
        memory_engine = sa.create_engine(url, poolclass=sa.StaticPool)
    else:
        memory_engine = sa.create_engine(
            url, poolclass=sa.StaticPool, creator=lambda: dbapi
        )
    try:
        with memory_engine.connect() as connection:
            _attach_empty(connection, [c.schema for c in catalogues])
            for catalogue in catalogues:
                copy_schema(catalogue, connection)
            yield connection
    finally:
        memory_engine.dispose()


def _connect(engine: sa.Engine) -> t.Any:
    """Return a connection to a database in memory, made as the engine makes its own.

    :return: the connection; None if the engine was given a function that makes them.
    """
    thread = threading.get_ident()

    def in_memory(
        dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
    ) -> t.Any:
        if threading.get_ident() != thread:
            return None
        return dialect.connect(":memory:", **keywords)

    connections: list[t.Any] = []

    def connect(*arguments: t.Any) -> t.Any:
        connection = in_memory(*arguments)
        if connection is not None:
            connections.append(connection)
        return connection

    # https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    sa.event.listen(engine, "do_connect", connect)
    try:
        pool = engine.pool.recreate()
        proxied = pool.connect()
    finally:
        sa.event.remove(engine, "do_connect", connect)
    if not connections:
        proxied.close()
        pool.dispose()
        return None
    proxied.detach()
    return proxied.dbapi_connection


def _attach_empty(connection: sa.Connection, schemas: cabc.Iterable[str]) -> None:
    """Put empty databases in memory in the place of those that are attached.

    The application's listeners have attached its own files.

    :param schemas: the databases to attach, also if no listener attached them.
    """
    driver = Driver(connection)
    own = ("main", "temp")
    attached = [name for name in driver.databases() if name not in own]
    begun = driver.in_transaction
    if begun:
        # SQLite attaches and detaches outside of transactions only.
        driver.execute("ROLLBACK")
    for name in attached:
        driver.execute(f"DETACH DATABASE {always_quoted(name)}")
    for name in dict.fromkeys((*attached, *schemas)):
        if name not in own:
            driver.execute(f"ATTACH DATABASE ':memory:' AS {always_quoted(name)}")
    if begun:
        driver.execute("BEGIN")


def copy_schema(catalogue: Catalogue, connection: sa.Connection) -> None:
    """Create everything that a database holds, without rows, in an empty database.

    Virtual tables are left out, and so is what depends on them.
    """
    driver = Driver(connection)
    internal = internal_tables(catalogue)
    place = "" if catalogue.schema == "main" else f"{always_quoted(catalogue.schema)}."
    kinds = ("table", "index", "view", "trigger")
    for kind in kinds:
        for item in catalogue.of_type(kind):
            if item.sql is None or item.name.lower().startswith("sqlite_"):
                continue
            if item.name in internal:
                continue
            with contextlib.suppress(driver.driver_error):
                driver.execute(_BEGINNING.sub(rf"\g<0>{place}", item.sql, count=1))

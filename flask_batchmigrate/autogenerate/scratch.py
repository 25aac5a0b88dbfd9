"""A SQLite database in memory, in which migrations are tried."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import threading
import typing as t

import sqlalchemy as sa

from ..sqlite.schema.catalogue import Catalogue
from ..sqlite.transaction.driver import Driver
from .virtual_tables import internal_tables


@contextlib.contextmanager
def scratch(engine: sa.Engine) -> cabc.Iterator[sa.Connection]:
    """Yield a connection to a new, empty database, and forget it after.

    It has the functions, collations and settings that the application gives its
    connections by listening to the pool.

    :param engine: the application's engine, whose own database is not touched.
    """
    url = sa.URL.create(engine.url.drivername)
    dbapi = _connect(engine)
    if dbapi is None:
        # The application makes its connections by itself.
        made = sa.create_engine(url, poolclass=sa.StaticPool)
    else:
        made = sa.create_engine(url, poolclass=sa.StaticPool, creator=lambda: dbapi)
    try:
        with made.connect() as connection:
            yield connection
    finally:
        made.dispose()


def _connect(engine: sa.Engine) -> t.Any:
    """Return a connection to memory made as the engine makes its own.

    :return: None where the engine was given a function that makes them.
    """
    thread = threading.get_ident()

    def in_memory(
        dialect: sa.Dialect, record: t.Any, args: t.Any, keywords: dict[str, t.Any]
    ) -> t.Any:
        if threading.get_ident() != thread:
            return None
        return dialect.connect(":memory:", **keywords)

    made: list[t.Any] = []

    def connect(*arguments: t.Any) -> t.Any:
        found = in_memory(*arguments)
        if found is not None:
            made.append(found)
        return found

    # https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect
    sa.event.listen(engine, "do_connect", connect)
    try:
        pool = engine.pool.recreate()
        proxied = pool.connect()
    finally:
        sa.event.remove(engine, "do_connect", connect)
    if not made:
        proxied.close()
        pool.dispose()
        return None
    proxied.detach()
    return proxied.dbapi_connection


def copy_schema(catalogue: Catalogue, connection: sa.Connection) -> None:
    """Make everything that a database holds, without rows, in an empty one.

    Virtual tables come without their modules' help, and what needs one is left out.
    """
    driver = Driver(connection)
    internal = internal_tables(catalogue)
    kinds = ("table", "index", "view", "trigger")
    for kind in kinds:
        for each in catalogue.of_type(kind):
            if each.sql is None or each.name.lower().startswith("sqlite_"):
                continue
            if each.name in internal:
                continue
            with contextlib.suppress(driver.error):
                driver.execute(each.sql)

"""New, empty databases on the servers that tests may use.

``BATCHMIGRATE_TEST_POSTGRESQL_URL`` and ``BATCHMIGRATE_TEST_MARIADB_URL`` say where
they are.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import uuid

import pytest
import sqlalchemy as sa

SERVERS = {
    "postgresql": (
        "BATCHMIGRATE_TEST_POSTGRESQL_URL",
        "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    ),
    "mariadb": (
        "BATCHMIGRATE_TEST_MARIADB_URL",
        "mysql+pymysql://root@127.0.0.1:3306/test",
    ),
}


@contextlib.contextmanager
def new_database(kind: str) -> cabc.Iterator[str]:
    """Yield the URL of a new database, and drop it; skip where no server answers."""
    variable, default = SERVERS[kind]
    url = sa.make_url(os.environ.get(variable, default))
    name = f"batchmigrate_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(
        url, connect_args={"connect_timeout": 3}, isolation_level="AUTOCOMMIT"
    )
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError:
        server.dispose()
        pytest.skip(f"no server answers at {url!r}; {variable} names another")
    try:
        made = url.set(database=name)
        if made.drivername == "mysql+pymysql":
            # Otherwise each connection loads all the certificates of the system.
            made = made.update_query_dict({"ssl_disabled": "true"})
        yield made.render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            # Of a test that failed, connections may be open.
            force = " WITH (FORCE)" if kind == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
        server.dispose()

"""The example's history on PostgreSQL and MariaDB, from the same scripts.

``BATCHMIGRATE_TEST_POSTGRESQL_URL`` and ``BATCHMIGRATE_TEST_MARIADB_URL`` say where the
servers are. Each test makes a database of its own there and drops it.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import uuid

import pytest
import sqlalchemy as sa

from example_app.seed import seed
from flask_batchmigrate import upgrade
from tests import example_history as history

SERVERS = {
    "postgresql": (
        "BATCHMIGRATE_TEST_POSTGRESQL_URL",
        "postgresql+psycopg://postgres@127.0.0.1:5432/test",
        {"connect_timeout": 3},
    ),
    "mariadb": (
        "BATCHMIGRATE_TEST_MARIADB_URL",
        "mysql+pymysql://root@127.0.0.1:3306/test",
        {"connect_timeout": 3},
    ),
}

pytestmark = pytest.mark.servers


@pytest.fixture(params=SERVERS)
def database(request: pytest.FixtureRequest) -> cabc.Iterator[str]:
    """The URL of a new, empty database, within the context of the example."""
    variable, default, connect_args = SERVERS[request.param]
    url = sa.make_url(os.environ.get(variable, default))
    name = f"batchmigrate_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(
        url, connect_args=connect_args, isolation_level="AUTOCOMMIT"
    )
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError:
        server.dispose()
        pytest.skip(f"no server answers at {url!r}; {variable} names another")

    new = url.set(database=name).render_as_string(hide_password=False)
    try:
        with history.example(new):
            yield new
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        server.dispose()


@pytest.mark.usefixtures("database")
def test_old_rows_arrive_at_the_head() -> None:
    """Rows of old revisions are carried through every change of their tables."""
    history.walk_up_with_old_rows()
    history.head_works()


@pytest.mark.usefixtures("database")
def test_down_and_up_again_with_rows() -> None:
    """Both directions of every revision work with rows in the tables."""
    upgrade()
    seed()
    history.down_and_up_again()
    history.head_works()
    history.to_base_and_up_again()

"""The example's history on SQLite, PostgreSQL and MariaDB, from the same scripts."""

from __future__ import annotations

import collections.abc as cabc
import pathlib

import pytest

from example_app.seed import seed
from flask_batchmigrate import upgrade
from tests.example import history
from tests.servers import new_database
from tests.servers import SERVERS

KINDS = ["sqlite", *(pytest.param(s, marks=pytest.mark.servers) for s in SERVERS)]


@pytest.fixture(params=KINDS)
def database(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> cabc.Iterator[str]:
    """The URL of a new, empty database, within the context of the example."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'example.sqlite'}"
        with history.example(url):
            yield url
    else:
        with new_database(request.param) as url, history.example(url):
            yield url


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

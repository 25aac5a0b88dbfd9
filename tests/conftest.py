"""Fixtures that all tests may use, and how examples are drawn.

Each run draws the same examples. ``HYPOTHESIS_PROFILE=random`` draws others each time,
and is needed for ``--hypothesis-seed`` to count. No example has a deadline: how long
one takes is up to the machine.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import pathlib

import hypothesis
import pytest

from tests.apps import Apps
from tests.servers import new_database
from tests.servers import SERVERS

hypothesis.settings.register_profile(
    "same", deadline=None, derandomize=True, database=None
)
hypothesis.settings.register_profile("random", deadline=None, derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture
def apps(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> cabc.Iterator[Apps]:
    """Makes applications in an empty current directory, and closes their engines."""
    monkeypatch.chdir(tmp_path)
    made = Apps(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of server in turn."""
    return str(request.param)


@pytest.fixture
def url(kind: str) -> cabc.Iterator[str]:
    """The URL of a new database."""
    with new_database(kind) as made:
        yield made

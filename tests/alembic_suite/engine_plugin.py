"""A pytest plugin: the engine is active around every test.

Loaded by name beside Alembic's own tests, with this folder on the path.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import alembic
import pytest
from differences import ALEMBIC
from differences import DIFFERENCES
from differences import plain_name

from flask_batchmigrate.sqlite import adapter


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the tests of the list to fail.

    In other releases than the list speaks of, some of them pass for reasons that are
    none: there they may.
    """
    strict = alembic.__version__.startswith(f"{ALEMBIC}.")
    reasons = {d.test: d.reason for d in DIFFERENCES}
    for item in items:
        reason = reasons.get(plain_name(item.nodeid))
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=strict))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> cabc.Generator[None, t.Any, t.Any]:
    """Run a test, its fixtures included, as a run of the project."""
    with adapter.activate():
        return (yield)

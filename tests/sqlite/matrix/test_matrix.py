"""Whatever a table has survives whatever is asked of it."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import sqlite3

import pytest

from tests.sqlite.matrix.features import Feature
from tests.sqlite.matrix.features import FEATURES
from tests.sqlite.matrix.matrix_cells import cells
from tests.sqlite.matrix.matrix_cells import Laboratory
from tests.sqlite.matrix.matrix_cells import REFUSED
from tests.sqlite.matrix.operations import Operation
from tests.sqlite.matrix.operations import OPERATIONS
from tools.docs import matrix_page

PUBLISHED = matrix_page.PAGE.read_text(encoding="utf-8")
OUTCOMES = matrix_page.read(PUBLISHED)
VERSION = matrix_page.version_of(PUBLISHED)


@pytest.fixture(scope="module")
def laboratories(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[bool, Laboratory]:
    """An application that enforces foreign keys, and one that does not."""
    return {
        enforce: Laboratory(tmp_path_factory.mktemp("matrix"), enforce)
        for enforce in (False, True)
    }


def missing(cell: Feature | Operation) -> str | None:
    """Say what the SQLite library in use lacks for a feature or an operation."""
    if sqlite3.sqlite_version_info < cell.minimum:
        return f"it came with SQLite {'.'.join(map(str, cell.minimum))}"
    if isinstance(cell, Operation) or cell.module is None:
        return None
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        modules = {row[0] for row in connection.execute("PRAGMA module_list")}
    if cell.module in modules:
        return None
    return f"this SQLite library was built without {cell.module}"


def parameters() -> cabc.Iterator[object]:
    """Every cell; in both modes where it is about foreign keys, else in turns."""
    lacking = {name: missing(feature) for name, feature in FEATURES.items()}
    for number, (feature, operation) in enumerate(cells()):
        reason = lacking[feature] or missing(OPERATIONS[operation])
        skip = pytest.mark.skipif(reason is not None, reason=str(reason))
        for enforce in (False, True):
            always = FEATURES[feature].both_modes or number % 2 == enforce
            marks = [skip] if always else [skip, pytest.mark.long]
            name = f"{feature}-{operation}-{'enforced' if enforce else 'plain'}"
            yield pytest.param(feature, operation, enforce, id=name, marks=marks)


@pytest.mark.parametrize(("feature", "operation", "enforce"), list(parameters()))
def test_cell(
    laboratories: dict[bool, Laboratory], feature: str, operation: str, enforce: bool
) -> None:
    """The feature is kept or changed as asked; or nothing is changed, and why is said.

    That is also what the documentation says of this cell.
    """
    outcome = laboratories[enforce].run(feature, operation)
    published = OUTCOMES[feature, operation]
    assert outcome.result == published.result, outcome.reason
    assert bool(outcome.reason) == (outcome.result == REFUSED)
    if sqlite3.sqlite_version == VERSION:
        assert outcome.reason == published.reason


def test_page() -> None:
    """The page of the documentation has every cell, and nothing but the cells."""
    assert set(OUTCOMES) == set(cells())
    assert matrix_page.render(OUTCOMES, VERSION) == PUBLISHED

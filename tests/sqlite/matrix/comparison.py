"""Holds what a migration made of a database against what it was to make of it."""

from __future__ import annotations

import copy
import re
import typing as t

from tests.oracles.database_state import ANY_ROWID
from tests.oracles.database_state import State
from tests.oracles.database_state import Table
from tests.oracles.matrix_oracle import mentions
from tests.oracles.matrix_oracle import the_table
from tests.sqlite.matrix.features import Feature
from tests.sqlite.matrix.operations import Step


def squeezed(text: str) -> str:
    """Return a text without what an edit may move around."""
    return re.sub(r"[\s,]+", "", text)


def respelled(text: str) -> str:
    """Return a text with plain names unquoted, as SQLite's own RENAME quotes them."""
    return re.sub(r'["`\[](\w+)["`\]]', r"\1", text)


def compare(
    before: State, found: State, step: Step, feature: Feature, text: str
) -> None:
    """Assert that one direction of an operation did what it was to do.

    :param text: how the table's text is compared.
    """
    expected = copy.deepcopy(before)
    step.expect(expected)
    if text == "names":
        for state in (expected, found := copy.deepcopy(found)):
            _respell(state)
    else:
        wanted, actual = the_table(expected), the_table(found)
        _compare_text(wanted.sql, actual.sql, step, feature, text)
        wanted.sql = actual.sql
    assert list(found.tables) == list(expected.tables)
    for name, table in expected.tables.items():
        _compare_table(table, found.tables[name])
    assert found.objects == expected.objects
    assert found.sequence == expected.sequence
    assert found.statistics == expected.statistics
    problems = found.problems
    if any(row[1:2] == (None,) for row in expected.problems):
        # Rows without rowids are orphans without a name.
        problems = [(row[0], None, *row[2:]) for row in problems]
        expected.problems = [(row[0], None, *row[2:]) for row in expected.problems]
    assert problems == expected.problems


def _respell(state: State) -> None:
    for table in state.tables.values():
        table.sql = respelled(table.sql)
    state.objects = {
        name: (type_, table, sql and respelled(sql))
        for name, (type_, table, sql) in state.objects.items()
    }


def _compare_table(wanted: Table, found: Table) -> None:
    assert found.columns == wanted.columns
    assert list(found.columns) == list(wanted.columns)
    assert found.indexes == wanted.indexes
    assert found.keys == wanted.keys
    rows = found.rows
    rowid = wanted.rows[0][0] if wanted.rows else 0
    if rowid in (None, ANY_ROWID):
        # Without rowids there is no order but that of the key.
        assert all((found_rowid is None) is (rowid is None) for found_rowid, _ in rows)
        rows, wanted.rows = _unordered(rows), _unordered(wanted.rows)
    assert rows == wanted.rows
    assert found.sql == wanted.sql


def _unordered(rows: list[t.Any]) -> list[t.Any]:
    return sorted(((None, row) for _, row in rows), key=repr)


def _compare_text(
    before: str, after: str, step: Step, feature: Feature, how: str
) -> None:
    if how == "order":
        assert _words(after) == _words(before)
        return
    if how == "gone":
        kept = [line for line in _lines(before) if not mentions(line, "feat")]
        assert not mentions(after, "feat")
        assert _lines(after) == kept
        return
    key = re.escape(squeezed(feature.key))
    removed = [pattern.replace("{key}", key) for pattern in step.removed]
    rest = _without(squeezed(before), removed)
    assert rest & _without(squeezed(after), list(step.added)), (before, after)


def _words(text: str) -> list[str]:
    return sorted(re.split(r"[\s,()]+", text))


def _lines(text: str) -> list[str]:
    """Return the lines; SQLite's own ADD COLUMN begins none."""
    text = re.sub(r", (?=(?:late|later|feat) )|(?=\)$)", "\n", text)
    text = re.sub(r",(?=\s*--)", "", text)
    return [x for line in text.splitlines() if (x := line.strip().rstrip(","))]


def _without(text: str, patterns: list[str]) -> set[str]:
    """Return every text that is left when each pattern is taken out once."""
    left = {text}
    for pattern in patterns:
        left = {
            one[: found.start()] + one[found.end() :]
            for one in left
            for found in re.finditer(pattern, one, re.I)
        }
    return left

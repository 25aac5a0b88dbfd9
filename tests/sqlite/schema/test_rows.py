"""One look at the rows of a table answers many questions."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.rows import any_row
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import Make


# Found by a random block.
def test_more_rules_than_sqlite_nests(connection: sqlite3.Connection) -> None:
    """One look at the rows for all rules is no expression of a thousand levels."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1), (NULL)")
    door = DirectDatabase(connection)
    rules = ["a = 2 -- no )"] * 1200
    assert not any_row(door, "t", rules)
    assert any_row(door, "t", [*rules, "a"])


@pytest.mark.parametrize(
    ("terms", "rows"),
    [
        ("(1)", "3 rows: 1 (3 times)"),
        ("(-0), a", "2 rows: 0, 'x' (2 times)"),
        ("(2) COLLATE nocase DESC", "3 rows: 2 (3 times)"),
        ("'a', [b] COLLATE binary", "2 rows: 'x', 2 (2 times)"),
        ("'a' COLLATE nocase ASC", "3 rows: 'x' (3 times)"),
        ("lower('a'), (a || '')", "2 rows: 'a', 'x' (2 times)"),
    ],
)
def test_equal_rows_under_a_unique_index(make: Make, terms: str, rows: str) -> None:
    """Rows are told by their values, whatever an indexed term looks like."""
    file = make("CREATE TABLE t (a, b); INSERT INTO t VALUES ('x',2),('x',2),('X',3);")
    index = changes.CreateIndex("i", f"CREATE UNIQUE INDEX i ON t ({terms})")
    assert f"{rows} are equal" in file.refuse(index)

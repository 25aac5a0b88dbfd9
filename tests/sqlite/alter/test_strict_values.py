"""Computed columns of STRICT tables, whose values SQLite does not look at."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import Make

pytestmark = [
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="no STRICT"),
    pytest.mark.parametrize("kept", ["STORED", "VIRTUAL"]),
]
ROWS = "INSERT INTO t (id, a, n) VALUES (1, 'x', 1), (2, '3', 2), (3, NULL, NULL);"
PLAIN = f"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INT) STRICT; {ROWS}"
MADE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INT, g {type} AS ({by}) {kept})"
)


@pytest.mark.parametrize("type_", ["INT", "INTEGER", "REAL", "BLOB"])
def test_added(make: Make, kept: str, type_: str) -> None:
    """A value of another type is refused, with its row."""
    add = changes.AddColumn("g", f"g {type_} AS (a) {kept}")
    message = make(PLAIN).refuse(add)
    assert f"{type_} of a STRICT table does not hold" in message
    assert "id=1 ('x')" in message


@pytest.mark.parametrize("definition", ["TEXT AS (n)", "ANY AS (a)", "REAL AS (n)"])
def test_added_where_it_fits(make: Make, kept: str, definition: str) -> None:
    """What SQLite converts fits, and so does everything in a column of ANY."""
    file = make(PLAIN)
    file.alter(changes.AddColumn("g", f"g {definition} {kept}"))
    assert file.query("SELECT count(g) FROM t") == [(2,)]


@pytest.mark.parametrize("index", ["", "CREATE INDEX i ON t (g);"])
def test_the_table_becomes_strict(make: Make, kept: str, index: str) -> None:
    """The values that were let in before are looked at."""
    script = MADE.format(type="INTEGER", by="a", kept=kept)
    message = make(f"{script}; {ROWS} {index}").refuse(changes.SetOptions(strict=True))
    assert "column 'g' is computed" in message
    file = make(f"DROP TABLE t; {script}; {ROWS} DELETE FROM t WHERE a = 'x';")
    file.alter(changes.SetOptions(strict=True))


@pytest.mark.parametrize("type_", ["INTEGER", "BLOB"])
def test_its_type_changes(make: Make, kept: str, type_: str) -> None:
    """Another type is held against what it is computed to."""
    file = make(f"{MADE.format(type='TEXT', by='a', kept=kept)} STRICT; {ROWS}")
    assert "id=1 ('x')" in file.refuse(changes.SetType("g", type_))
    file.alter(changes.SetType("g", "ANY"))


def test_what_it_is_computed_from_changes(make: Make, kept: str) -> None:
    """The converted values of another column make it one that does not fit."""
    file = make(
        f"{MADE.format(type='INT', by='a', kept=kept)} STRICT;"
        "INSERT INTO t (id, a) VALUES (1, '4');"
    )
    message = file.refuse(changes.SetType("a", "TEXT", using="a || 'q'"))
    assert "id=1 ('4q')" in message
    file.alter(changes.SetType("a", "TEXT", using="a || '2'"))
    assert file.query("SELECT g FROM t") == [(42,)]

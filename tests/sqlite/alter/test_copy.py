"""How a copy makes sure that every row fits."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import File
from tests.sqlite.engine_file import Make

GOOD = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT, price INTEGER);"
    "INSERT INTO t VALUES (1, '42', 7), (2, NULL, NULL);"
)
BAD = GOOD + "INSERT INTO t VALUES (3, '43', -7);"
with contextlib.closing(sqlite3.connect(":memory:")) as _connection:
    MAY_WRITE_SCHEMA = DirectDatabase(_connection).can_write_schema

BLOCK = (
    changes.SetType("c", "INTEGER"),
    changes.AddConstraint("CONSTRAINT ck_price CHECK (t.price >= 0)"),
)
"""The condition names its table, which the table that is copied to is not called."""


def statements(file: File, *block: changes.Change, recreate: str) -> list[str]:
    """Alter the table and return the statements that did it."""
    seen: list[str] = []
    file.connection.set_trace_callback(seen.append)
    file.alter(*block, recreate=recreate)
    file.connection.set_trace_callback(None)
    return seen


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 32), reason="a CHECK came before the conversion"
)
def test_rows_are_read_once(make: Make) -> None:
    """What does not fit is found while it is copied, not by another look."""
    block = (
        changes.SetType("c", "INTEGER"),
        changes.AddConstraint("CHECK (price >= 0)"),
    )
    seen = statements(make(GOOD), *block, recreate="always")
    reading = [s for s in seen if "_batchmigrate_copy_1" in s and "SELECT" in s]
    assert len(reading) == 1
    assert reading[0].startswith("INSERT")
    made = [s for s in seen if s.startswith("CREATE") and "_batchmigrate_copy_1" in s]
    assert made[0].count("CHECK") == 1, "many of them would be read one by one"


def test_a_condition_that_names_its_table(make: Make) -> None:
    """Where SQLite does not take a condition for the copy, the rows are looked at."""
    file = make(GOOD)
    report = file.alter(*BLOCK, recreate="always")
    assert report.way is Way.COPY
    assert file.query("SELECT id, typeof(c) FROM t") == [(1, "integer"), (2, "null")]
    assert "t.price >= 0" in file.sql()


@pytest.mark.parametrize("ignored", [False, True])
def test_rows_that_do_not_fit(make: Make, ignored: bool) -> None:
    """They are found whatever the application has set, and named."""
    file = make(BAD)
    file.query(f"PRAGMA ignore_check_constraints = {int(ignored)}")
    message = file.refuse(*BLOCK)
    assert "CHECK 'ck_price' does not hold for 1 row: id=3." in message
    message = file.refuse(
        changes.SetType("c", "INTEGER"), changes.AddConstraint("CHECK (price > 0)")
    )
    assert "CHECK (price > 0) does not hold for 1 row: id=3." in message


def test_the_copy_does_not_keep_the_conditions(make: Make) -> None:
    """They hold for the rows that were there, not for those to come."""
    file = make(GOOD)
    file.alter(changes.SetType("c", "INTEGER"))
    file.query("INSERT INTO t (c) VALUES ('no integer')")
    assert "CHECK" not in file.sql()


@pytest.mark.skipif(
    not MAY_WRITE_SCHEMA,
    reason="this SQLite library does not let its schema be written",
)
@pytest.mark.parametrize(
    "index", ["(c)", "(d, c)", "(c DESC)", "(c, -d)", "(c) WHERE d > 0"]
)
@pytest.mark.parametrize(
    ("type_", "value"),
    [("TEXT", "42"), ("INTEGER", "'42'"), ("NUMERIC", "4.0"), ("REAL", "'4.5'")],
)
def test_a_copy_heals_what_was_stored_by_another_type(
    make: Make, type_: str, value: str, index: str
) -> None:
    """An index is not kept whose column stores something else when it is written.

    Somebody has edited the type and left the rows; SQLite's check may even be silent.
    """
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c BLOB, d);"
        f"INSERT INTO t VALUES (1, {value}, 1), (2, NULL, 2);"
        f"CREATE INDEX ic ON t {index}; CREATE INDEX id ON t (d);"
        "PRAGMA writable_schema = ON;"
        f"UPDATE sqlite_master SET sql = replace(sql, 'c BLOB', 'c {type_}');"
        "PRAGMA writable_schema = OFF; PRAGMA schema_version = 99;"
    )
    report = file.alter(changes.Reorder((("d", "c"),)))
    assert report.way is Way.COPY
    indexed = file.query(
        "SELECT c, typeof(c) FROM t INDEXED BY ic WHERE c >= -9e999 AND d > 0"
    )
    assert indexed == file.query("SELECT c, typeof(c) FROM t NOT INDEXED WHERE id = 1")
    assert file.query("SELECT count(*) FROM t WHERE c = (SELECT c FROM t WHERE id = 1)")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a TEXT PRIMARY KEY, b TEXT, c", ["B", "a", "c"]),
        ("a TEXT PRIMARY KEY DESC, b TEXT, c", ["c", "a", "B"]),
        ("a TEXT, b TEXT, c, PRIMARY KEY (a COLLATE NOCASE)", ["a", "B", "c"]),
        ("a TEXT, b TEXT, c, PRIMARY KEY (b DESC, a)", ["B", "a", "c"]),
    ],
)
def test_rows_are_numbered_in_the_order_of_their_key(
    make: Make, key: str, expected: list[str]
) -> None:
    """They keep their order where the table gets rowids, whatever indexes it has."""
    file = make(
        f"CREATE TABLE t ({key}) WITHOUT ROWID; CREATE INDEX i ON t (c, b);"
        "INSERT INTO t VALUES ('c', '1', 1), ('B', '3', 2), ('a', '2', 3);"
    )
    file.alter(changes.SetOptions(without_rowid=False))
    assert [a for (a,) in file.query("SELECT a FROM t ORDER BY rowid")] == expected

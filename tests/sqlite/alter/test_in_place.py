"""Columns are added and dropped where the table stands, or by a copy."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter
from tests.sqlite.engine_file import Make


# Found by a random block.
def test_stored_generated_column_is_dropped_from_the_rows(
    connection: sqlite3.Connection,
) -> None:
    """A stored column takes room in each row: without its text, rows read wrongly."""
    connection.execute("CREATE TABLE t (a, s GENERATED ALWAYS AS (a || 'x') STORED, b)")
    connection.execute("INSERT INTO t VALUES (1, 2)")
    alter(connection, changes.DropColumn("s"))
    assert connection.execute("SELECT * FROM t").fetchall() == [(1, 2)]


# Found by a random block.
def test_column_that_the_table_takes_only_after_the_block(
    connection: sqlite3.Connection,
) -> None:
    """A column may be of a type that goes with the table as it will be."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    connection.execute("CREATE TABLE t (a INTEGER) STRICT")
    connection.execute("INSERT INTO t VALUES (1)")
    alter(
        connection,
        changes.SetOptions(strict=False),
        changes.AddColumn("b", "b DATETIME DEFAULT '2020-01-31'"),
    )
    assert connection.execute("SELECT * FROM t").fetchall() == [(1, "2020-01-31")]


# Found by a random block.
@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_column_that_goes_with_what_is_computed_from_it(
    connection: sqlite3.Connection, kind: str
) -> None:
    """Also where a view has to be asked whether it needs the column."""
    connection.execute(f"CREATE TABLE t (a, g AS (a) {kind}, b)")
    connection.execute("CREATE VIEW v AS SELECT b FROM t")
    connection.execute("INSERT INTO t (a, b) VALUES (1, 2)")
    alter(connection, changes.DropColumn("g"), changes.DropColumn("a"))
    assert connection.execute("SELECT * FROM t").fetchall() == [(2,)]


# Found by a random block.
@pytest.mark.parametrize("first", ["column", "key"])
def test_column_that_goes_with_the_key_that_refers_to_it(
    make: Make, first: str
) -> None:
    """A trigger is judged by the table at the end of the block, not on the way."""
    file = make(
        "CREATE TABLE t (a REFERENCES t (b), b UNIQUE, c);"
        "CREATE TABLE u (d); CREATE TRIGGER r AFTER UPDATE ON u"
        " BEGIN DELETE FROM t WHERE a = new.d; END;"
        "INSERT INTO t VALUES (1, 1, 2), (NULL, 5, 6); INSERT INTO u VALUES (0);"
        "PRAGMA foreign_keys = ON;"
    )
    column = changes.DropColumn("b")
    key = changes.DropConstraint(None, ConstraintKind.FOREIGN_KEY, ("a",))
    assert "foreign key mismatch" in file.refuse(column)
    file.alter(*((column, key) if first == "column" else (key, column)))
    file.query("UPDATE u SET d = 1")
    assert file.query("SELECT a, c FROM t") == [(None, 6)]

"""Which difference needs its rows written anew, seen by what the rows are then."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
def test_key_of_another_type_without_rowid(connection: sqlite3.Connection) -> None:
    """An INTEGER key shifts the numbers by which automatic indexes are found."""
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE) WITHOUT ROWID")
    connection.execute("INSERT INTO t VALUES (1, 'x')")
    for type_ in ("NUMERIC", "INTEGER"):
        alter(connection, changes.SetType("a", type_))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Found by a random block.
def test_collation_of_an_indexed_column(connection: sqlite3.Connection) -> None:
    """An index is sorted anew where its column is compared in another way."""
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute("CREATE INDEX ix ON t (a)")
    connection.execute("INSERT INTO t VALUES ('B'), ('a'), ('A'), ('b')")
    alter(connection, changes.SetType("a", "TEXT COLLATE NOCASE"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = connection.execute("SELECT count(*) FROM t WHERE a = 'a'").fetchone()
    assert found == (2,)


# Found by a random block.
def test_generated_column_and_a_default(connection: sqlite3.Connection) -> None:
    """No row of a generated column is older than its default: it can have none."""
    connection.execute("CREATE TABLE t (a, b AS (a))")
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ChangeRefused, match="DEFAULT on a generated column"):
        alter(connection, changes.SetDefault("b", "5"))
    alter(connection, changes.ReplaceColumn("b", "b INTEGER DEFAULT 5"))
    connection.execute("INSERT INTO t (a) VALUES (2)")
    assert connection.execute("SELECT a, b FROM t WHERE a = 2").fetchall() == [(2, 5)]


# Found by a random block.
@pytest.mark.parametrize(
    "block",
    [
        [changes.AddColumn("g", "g AS (a) UNIQUE")],
        [changes.AddColumn("g", "g AS (a)"), changes.AddConstraint("UNIQUE (a, g)")],
    ],
)
def test_key_on_a_new_virtual_column(
    connection: sqlite3.Connection, block: list[changes.Change]
) -> None:
    """Its index holds what is computed, and not the name of the column as a text."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1)")
    alter(connection, *block)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT a FROM t WHERE g = 1").fetchall() == [(1,)]


# Found by a random block.
def test_default_that_a_strict_column_does_not_hold(
    connection: sqlite3.Connection,
) -> None:
    """SQLite's own ALTER TABLE would let the rows that are there read it."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    connection.execute("CREATE TABLE t (a INT) STRICT")
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(RowsRefused, match="cannot store INT value in BLOB column"):
        alter(connection, changes.AddColumn("b", "b BLOB DEFAULT 5"))
    assert alter(connection, changes.AddColumn("b", "b INT DEFAULT 5")).way is Way.ALTER

"""A block speaks of columns by the names they have at that point."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
def test_text_before_a_rename_speaks_of_the_names_before_it(
    connection: sqlite3.Connection,
) -> None:
    """A condition follows a rename that comes after it, as on other databases."""
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute("INSERT INTO t VALUES (1, -1)")
    alter(
        connection,
        changes.AddConstraint("CONSTRAINT ck CHECK (a > 0)"),
        changes.CreateIndex("ix", "CREATE INDEX ix ON t (a) WHERE a > 5"),
        changes.RenameColumn("a", "spare"),
        changes.RenameColumn("b", "a"),
    )
    connection.execute("UPDATE t SET a = -7")
    with pytest.raises(sqlite3.IntegrityError, match="ck"):
        connection.execute("UPDATE t SET spare = -7")
    index = connection.execute("PRAGMA index_xinfo(ix)").fetchall()
    assert index[0][2] == "spare"


# Found by a random block.
def test_two_columns_of_one_name_are_dropped(connection: sqlite3.Connection) -> None:
    """A column takes the name of one that is gone, and goes as well."""
    connection.execute("CREATE TABLE t (a, b, c)")
    connection.execute("INSERT INTO t VALUES (1, 2, 3)")
    alter(
        connection,
        changes.DropColumn("b"),
        changes.RenameColumn("a", "b"),
        changes.DropColumn("a"),
    )
    assert connection.execute("SELECT * FROM t").fetchall() == [(3,)]


# Found by a random block.
def test_an_index_of_a_renamed_column_that_goes(connection: sqlite3.Connection) -> None:
    """An index that the block makes goes with its column, by the name it has then."""
    connection.execute("CREATE TABLE t (a, b)")
    alter(
        connection,
        changes.RenameColumn("a", "c"),
        changes.CreateIndex("i", 'CREATE INDEX i ON t ("c", b)'),
        changes.DropColumn("c"),
    )
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]

"""SQLite is asked whether it accepts a new definition."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
def test_definition_that_sqlite_does_not_accept(connection: sqlite3.Connection) -> None:
    """What SQLite says of a new definition is passed on in terms of the table."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    connection.execute("CREATE TABLE t (a INTEGER, b JSON)")
    with pytest.raises(ChangeRefused, match=r"'t'.*unknown datatype for t\.b"):
        alter(connection, changes.SetOptions(strict=True))
    with pytest.raises(ChangeRefused, match=r"'t'.*no such column: missing"):
        alter(connection, changes.AddConstraint("CHECK (missing > 0)"))


# Found by a random block.
def test_columns_that_are_computed_from_one_another(
    connection: sqlite3.Connection,
) -> None:
    """SQLite makes such a table, and cannot read it."""
    connection.execute("CREATE TABLE t (a, g AS (a + 1))")
    with pytest.raises(ChangeRefused, match="generated column loop"):
        alter(
            connection,
            changes.DropColumn("a"),
            changes.AddColumn("a", "a AS (g + 1)"),
            changes.AddColumn("c", "c"),
        )

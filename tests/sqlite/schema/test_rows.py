"""One look at the rows of a table answers many questions."""

from __future__ import annotations

import sqlite3

from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.rows import any_row


# Found by a random block.
def test_more_rules_than_sqlite_nests(connection: sqlite3.Connection) -> None:
    """One look at the rows for all rules is no expression of a thousand levels."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1), (NULL)")
    door = DirectDatabase(connection)
    rules = ["a = 2 -- no )"] * 1200
    assert not any_row(door, "t", rules)
    assert any_row(door, "t", [*rules, "a"])

"""A comment stays with the column that it describes."""

from __future__ import annotations

import sqlite3

from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
def test_comment_stays_with_its_column(connection: sqlite3.Connection) -> None:
    """A comment behind the comma is not taken for that of what comes next."""
    for sql in (
        "CREATE TABLE t (a INT, /* one */\nb INT\n, CONSTRAINT ck CHECK (a <> 1))",
        "CREATE TABLE t (a INT, /* one */\nb INT, CONSTRAINT ck CHECK (a <> 1))",
    ):
        connection.execute(sql)
        alter(connection, changes.DropColumn("b"), changes.DropConstraint("ck"))
        (text,) = connection.execute("SELECT sql FROM sqlite_master").fetchone()
        assert "/* one */" in text
        connection.execute("DROP TABLE t")


# Found by a random block.
def test_comment_before_a_new_column_on_its_line(
    connection: sqlite3.Connection,
) -> None:
    """It stays with the column that it describes, and does not go with the new one."""
    sql = "CREATE TABLE t (a, /* about a */\nb, UNIQUE (a), UNIQUE (b), CHECK (a))"
    connection.execute(sql)
    alter(connection, changes.AddColumn("c", "c INT", after="a"))
    found = connection.execute("SELECT sql FROM sqlite_master").fetchone()[0]
    assert "a /* about a */, c INT," in found
    alter(connection, changes.DropColumn("c"))
    found = connection.execute("SELECT sql FROM sqlite_master").fetchone()[0]
    assert "a /* about a */," in found

"""Foreign keys hold after a block as they did before."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
@pytest.mark.parametrize(
    ("parent", "block"),
    [
        ("a TEXT PRIMARY KEY, b TEXT", [changes.SetType("a", "TEXT", "a || '!'")]),
        (
            "a TEXT PRIMARY KEY, b TEXT",
            [changes.AddConstraint("PRIMARY KEY (b)")],
        ),
        (
            "a TEXT PRIMARY KEY, b TEXT",
            [changes.RenameColumn("a", "c"), changes.RenameColumn("b", "a")],
        ),
    ],
)
def test_children_keep_their_parents(
    connection: sqlite3.Connection, parent: str, block: list[changes.Change]
) -> None:
    """Enforced keys hold after the block, or it is refused."""
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"CREATE TABLE t ({parent})")
    connection.execute("CREATE TABLE child (p REFERENCES t)")
    connection.execute("INSERT INTO t VALUES ('x', 'y')")
    connection.execute("INSERT INTO child VALUES ('x')")
    connection.execute("BEGIN")
    with contextlib.suppress(ChangeRefused):
        alter(connection, *block)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("SELECT p FROM child").fetchall() == [("x",)]


# Found by a random block.
def test_a_new_index_is_the_key_of_a_parent(connection: sqlite3.Connection) -> None:
    """A table that refers to itself may exchange its key for a unique index."""
    connection.execute("CREATE TABLE o (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY REFERENCES t (a))")
    connection.execute("INSERT INTO o VALUES (1)")
    connection.execute("INSERT INTO t VALUES (1)")
    alter(
        connection,
        changes.DropConstraint(kind=ConstraintKind.PRIMARY_KEY),
        changes.AddConstraint("FOREIGN KEY (a) REFERENCES o (id)"),
        changes.CreateIndex("i", "CREATE UNIQUE INDEX i ON t (a)"),
    )
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

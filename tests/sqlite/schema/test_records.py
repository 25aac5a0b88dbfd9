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


@pytest.mark.parametrize(
    "temporary",
    [
        "",
        "CREATE TEMP TABLE other (x); INSERT INTO temp.other VALUES (1)",
        "CREATE TEMP TABLE t (x); INSERT INTO temp.t VALUES (1)",
    ],
    ids=["none", "another", "of the same name"],
)
@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE main.t (a INTEGER PRIMARY KEY, b TEXT)",
        "CREATE TABLE main.t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)",
        "CREATE TABLE main.t (a INTEGER PRIMARY KEY, b TEXT REFERENCES t (b))",
    ],
    ids=["plain", "AUTOINCREMENT", "with a key to itself"],
)
@pytest.mark.parametrize("enforced", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        changes.SetNotNull("b", True),
        changes.AddConstraint("CONSTRAINT uq UNIQUE (b)"),
        changes.AddConstraint("CONSTRAINT ck CHECK (b <> '')"),
        changes.SetType("b", "VARCHAR(9)"),
        changes.SetDefault("b", "'x'"),
    ],
    ids=["NOT NULL", "UNIQUE", "CHECK", "type", "default"],
)
def test_nothing_temporary_is_left(
    connection: sqlite3.Connection,
    temporary: str,
    table: str,
    enforced: bool,
    change: changes.Change,
) -> None:
    """What SQLite is asked by temporary tables leaves no trace of them."""
    connection.executescript(temporary)
    connection.execute(table)
    connection.execute("INSERT INTO main.t VALUES (1, NULL)")
    connection.execute("UPDATE main.t SET b = 'b'")
    connection.execute(f"PRAGMA foreign_keys = {int(enforced)}")
    rows = "SELECT name, sql FROM temp.sqlite_master ORDER BY name"
    before = connection.execute(rows).fetchall()
    connection.execute("BEGIN")
    alter(connection, change)
    connection.execute("COMMIT")
    assert connection.execute(rows).fetchall() == before
    for name, _ in before:
        assert connection.execute(f"SELECT x FROM temp.{name}").fetchall() == [(1,)]
    assert connection.execute("SELECT * FROM main.t").fetchall() == [(1, "b")]


def test_while_a_query_is_open(connection: sqlite3.Connection) -> None:
    """SQLite drops no temporary table then, and none is left all the same."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("CREATE TABLE o (x)")
    connection.executemany("INSERT INTO o VALUES (?)", [(1,), (2,)])
    cursor = connection.execute("SELECT x FROM o")
    cursor.fetchone()
    alter(connection, changes.SetNotNull("a", True))
    cursor.close()
    assert connection.execute("SELECT 1 FROM temp.sqlite_master").fetchall() == []
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO t VALUES (NULL)")

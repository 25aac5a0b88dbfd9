"""Rows that do not fit a new definition are found before it is in force."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter

needs_strict = pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)


# Found by a random block.
def test_primary_key_column_that_holds_null(connection: sqlite3.Connection) -> None:
    """SQLite lets NULL into a primary key, so NOT NULL is looked at by itself."""
    connection.execute("CREATE TABLE t (a REAL PRIMARY KEY, b)")
    connection.execute("INSERT INTO t VALUES (NULL, 1)")
    drop = changes.DropConstraint(None, ConstraintKind.PRIMARY_KEY, ("a",))
    for block in (
        [changes.SetNotNull("a", True)],
        [changes.SetNotNull("a", True), drop],
    ):
        with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
            alter(connection, *block)
    assert connection.execute("SELECT a, b FROM t").fetchall() == [(None, 1)]


# Found by a random block.
@pytest.mark.parametrize("kind", ["VIRTUAL", "STORED"])
def test_generated_column_is_looked_at_like_any_other(
    connection: sqlite3.Connection, kind: str
) -> None:
    """NOT NULL and CHECK hold for the values that generated columns compute."""
    connection.execute(f"CREATE TABLE t (a, g GENERATED ALWAYS AS (a + 1) {kind})")
    connection.execute("INSERT INTO t VALUES (NULL), (5)")
    for change in (
        changes.SetNotNull("g", True),
        changes.AddColumn("h", "h AS (a * 2) NOT NULL"),
        changes.AddColumn("h", "h AS (a * 2) CHECK (h < 5)"),
        changes.AddConstraint("CHECK (g < 5)"),
    ):
        with pytest.raises(RowsRefused):
            alter(connection, change)
    with pytest.raises(RowsRefused):
        alter(
            connection,
            changes.AddColumn("h", 'h AS ("a" * 2)'),
            changes.AddConstraint('CHECK ("h" < 5)'),
        )
    assert connection.execute("SELECT a, g FROM t").fetchall() == [(None, None), (5, 6)]


# Found by a random block.
def test_check_of_what_is_computed_from_a_changed_column(
    connection: sqlite3.Connection,
) -> None:
    """A CHECK is asked again where a generated column it names gets other values."""
    connection.execute(
        "CREATE TABLE t (a VARCHAR(9), g AS (typeof(a)), CHECK (g <> 'integer'))"
    )
    connection.execute("INSERT INTO t VALUES ('42')")
    with pytest.raises(RowsRefused, match="g <> 'integer'"):
        alter(connection, changes.SetType("a", "INTEGER"))


# Found by a random block.
@pytest.mark.parametrize(
    ("definition", "change"),
    [
        ("a INT PRIMARY KEY, b", changes.SetType("a", "INTEGER")),
        ("a INTEGER, b", changes.AddConstraint("PRIMARY KEY (a)")),
    ],
)
def test_null_does_not_become_a_number(
    connection: sqlite3.Connection, definition: str, change: changes.Change
) -> None:
    """A column that becomes the rowid keeps its values; SQLite would number NULL."""
    connection.execute(f"CREATE TABLE t ({definition})")
    connection.execute("INSERT INTO t VALUES (7, 'x'), (NULL, 'y')")
    with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
        alter(connection, change)
    connection.execute("DELETE FROM t WHERE a IS NULL")
    alter(connection, change)
    assert connection.execute("SELECT rowid, a, b FROM t").fetchall() == [(7, 7, "x")]


# Found by a random block.
def test_rule_that_cannot_be_computed(connection: sqlite3.Connection) -> None:
    """SQLite's own error about it does not hide that another rule is broken."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES ('{'), (NULL)")
    check = changes.AddConstraint("CHECK (json_extract(a, '$.b') = 1)")
    with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
        alter(connection, changes.SetNotNull("a", True), check)


@pytest.mark.parametrize(
    ("old", "using", "options"),
    [
        ("id INTEGER PRIMARY KEY", "id + 5000000000", ""),
        ("id VARCHAR(20) PRIMARY KEY", None, ""),
        ("id VARCHAR(20) PRIMARY KEY", "id || '0'", ""),
        pytest.param("id TEXT, v TEXT", None, "STRICT", marks=needs_strict),
    ],
)
def test_integer_where_sqlite_takes_no_bigint(
    connection: sqlite3.Connection, old: str, using: str | None, options: str
) -> None:
    """It holds 64 bits: a BIGINT of the models is declared like this, too."""
    connection.execute(f"CREATE TABLE t ({old}) {options}")
    connection.execute("INSERT INTO t (id) VALUES ('5000000000')")
    before = connection.execute("SELECT id FROM t").fetchall()
    alter(connection, changes.SetType("id", "INTEGER", using=using))
    expression = f"SELECT CAST(({using or 'id'}) AS INTEGER) FROM (SELECT ? AS id)"
    expected = connection.execute(expression, before[0]).fetchall()
    assert connection.execute("SELECT id FROM t").fetchall() == expected
    with pytest.raises(RowsRefused):
        alter(connection, changes.SetType("id", "INTEGER", using="id + 0.5"))
    assert connection.execute("SELECT id FROM t").fetchall() == expected


def test_integer_of_a_key_that_is_no_rowid(connection: sqlite3.Connection) -> None:
    """It holds 32 bits, as in any other column."""
    connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.execute("INSERT INTO t VALUES ('5000000000')")
    with pytest.raises(RowsRefused, match="cannot become INTEGER"):
        alter(connection, changes.SetType("id", "INTEGER"))

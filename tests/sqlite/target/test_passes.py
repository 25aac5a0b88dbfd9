"""A block speaks of columns by the names they have at that point."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.ddl.constraints import ConstraintKind
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


# Found by a random block.
@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        (
            changes.AddConstraint("CONSTRAINT x UNIQUE (b)"),
            "SELECT i.name FROM pragma_index_list('t') l, pragma_index_info(l.name) i",
        ),
        (
            changes.AddConstraint("CONSTRAINT x CHECK (b > 0)"),
            "SELECT substr(sql, instr(sql, 'CHECK') + 7, 1) FROM sqlite_master",
        ),
        (
            changes.AddConstraint("CONSTRAINT x FOREIGN KEY (b) REFERENCES t (id)"),
            "SELECT \"from\" FROM pragma_foreign_key_list('t')",
        ),
        (
            changes.CreateIndex("x", "CREATE INDEX x ON t (b)"),
            "SELECT name FROM pragma_index_info('x')",
        ),
    ],
    ids=["unique", "check", "foreign key", "index"],
)
@pytest.mark.parametrize("is_renamed_before", [False, True])
def test_a_new_column_takes_the_name_of_one_that_a_constraint_is_on(
    connection: sqlite3.Connection,
    is_renamed_before: bool,
    change: changes.Change,
    concerned: str,
) -> None:
    """The constraint is on the column that had the name at that point of the script."""
    name = "a" if is_renamed_before else "b"
    connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {name} INTEGER)")
    connection.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    alter(
        connection,
        *([changes.RenameColumn("a", "b")] if is_renamed_before else []),
        change,
        changes.RenameColumn("b", "c"),
        changes.AddColumn("b", "b INTEGER DEFAULT -1"),
    )
    assert connection.execute(concerned).fetchall() == [("c",)]
    assert connection.execute("SELECT c, b FROM t").fetchall() == [(1, -1), (2, -1)]


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(
    ("made", "dropped"),
    [
        (
            changes.AddConstraint("CONSTRAINT x UNIQUE (b)"),
            changes.DropConstraint("x", ConstraintKind.UNIQUE),
        ),
        (
            changes.AddConstraint("CONSTRAINT x CHECK (b > 0)"),
            changes.DropConstraint("X"),
        ),
        (
            changes.AddConstraint("FOREIGN KEY (b) REFERENCES t (a)"),
            changes.DropConstraint(None, ConstraintKind.FOREIGN_KEY, ("B",)),
        ),
        (changes.CreateIndex("x", "CREATE INDEX x ON t (b)"), changes.DropIndex("x")),
    ],
    ids=["unique", "check", "foreign key", "index"],
)
def test_made_and_dropped_before_its_column_is_added(
    connection: sqlite3.Connection,
    made: changes.Change,
    dropped: changes.Change,
    copied: bool,
) -> None:
    """Nothing is left of it; and what is made again after that stays."""
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    order = [changes.Reorder((("b", "a"),))] if copied else []
    added = changes.AddColumn("b", "b INTEGER")
    alter(connection, made, dropped, added, *order)
    columns = "b INTEGER, a INTEGER PRIMARY KEY"
    columns = columns if copied else "a INTEGER PRIMARY KEY, b INTEGER"
    sql = "SELECT sql FROM sqlite_master"
    assert connection.execute(sql).fetchall() == [(f"CREATE TABLE t ({columns})",)]
    connection.execute("DROP TABLE t")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    alter(connection, made, dropped, made, added, *order)
    text = str(connection.execute(sql).fetchall()).replace('"', "")
    assert ("UNIQUE (b)" in text) is ("UNIQUE (b)" in str(made))
    assert text.count("(b)") + text.count("(b >") == 1


def test_constraints_that_wait_for_a_column_keep_their_order(
    connection: sqlite3.Connection,
) -> None:
    """They are written as the script has them, the first one first."""
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    checks = [f"CONSTRAINT c{n} CHECK (b > {n})" for n in range(3)]
    alter(
        connection,
        *map(changes.AddConstraint, checks),
        changes.AddColumn("b", "b INTEGER"),
    )
    ((text,),) = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    assert text.endswith(f", {', '.join(checks)})")


# Found by a random block.
@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_new_column_is_made_in_one_pass(
    connection: sqlite3.Connection, is_renamed: bool
) -> None:
    """Rows read its last default, whether or not it gets another name in between."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1)")
    rename = [changes.RenameColumn("b", "c")] if is_renamed else []
    alter(
        connection,
        changes.AddColumn("b", "b INTEGER"),
        *rename,
        changes.SetDefault("c" if is_renamed else "b", "7"),
    )
    assert connection.execute("SELECT * FROM t").fetchall() == [(1, 7)]


def test_an_expression_before_a_rename_speaks_of_the_names_before_it(
    connection: sqlite3.Connection,
) -> None:
    """So does the value of a new column."""
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute("INSERT INTO t VALUES (1, 2)")
    alter(
        connection,
        changes.AddColumn("c", "c INTEGER", fill="a + 10"),
        changes.RenameColumn("a", "spare"),
        changes.RenameColumn("b", "a"),
    )
    found = connection.execute("SELECT spare, a, c FROM t").fetchall()
    assert found == [(1, 2, 11)]

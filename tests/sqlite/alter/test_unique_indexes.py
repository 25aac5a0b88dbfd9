"""A UNIQUE that comes or goes takes its index along and leaves the rows alone."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import File
from tests.sqlite.engine_file import Make

TABLE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT COLLATE NOCASE,"
    " c INTEGER, CONSTRAINT uq_c UNIQUE (c DESC));"
    "INSERT INTO t VALUES (1, 'x', 'q', 1), (2, 'y', 'r', 2), (3, NULL, NULL, 3);"
)


def add(definition: str) -> changes.AddConstraint:
    return changes.AddConstraint(definition)


def drop(*columns: str) -> changes.DropConstraint:
    return changes.DropConstraint(columns=columns)


def roots(file: File) -> dict[str, int]:
    """Where the table and its indexes begin: what was not written stays there."""
    rows = file.query("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")
    return dict(rows)


def unique(file: File, table: str = "t", schema: str = "main") -> list[str]:
    """The columns of the automatic indexes, in the order of their numbers."""
    names = file.connection.execute(
        "SELECT name FROM pragma_index_list(?, ?) WHERE origin = 'u' ORDER BY name",
        (table, schema),
    )
    terms = "SELECT name FROM pragma_index_xinfo(?, ?) WHERE key"
    return [
        " ".join(name for (name,) in file.connection.execute(terms, (index, schema)))
        for (index,) in names.fetchall()
    ]


def refused(file: File, statement: str) -> bool:
    """Whether SQLite refuses a row because it is not unique."""
    try:
        file.query(statement)
    except sqlite3.IntegrityError as error:
        assert "UNIQUE constraint failed" in str(error)
        return True
    return False


def test_added(make: Make) -> None:
    """Its index is built and holds; the table and its other indexes stay in place."""
    file = make(TABLE)
    before = roots(file)
    report = file.alter(add("CONSTRAINT uq_b UNIQUE (b, c)"), add("UNIQUE (b)"))
    assert report.way is Way.EDIT
    assert unique(file) == ["a", "c", "b c", "b"]
    assert before.items() <= roots(file).items()
    assert refused(file, "INSERT INTO t (b) VALUES ('Q')")
    assert not refused(file, "INSERT INTO t (b) VALUES (NULL), ('Z')")


@pytest.mark.parametrize(("column", "left"), [("a", ["c"]), ("c", ["a"])])
def test_dropped(make: Make, column: str, left: list[str]) -> None:
    """Its index goes; the next one gets its number, and its page stays."""
    file = make(TABLE)
    pages = roots(file)
    number = ["a", "c"].index(left[0]) + 1
    report = file.alter(drop(column))
    assert report.way is Way.EDIT
    assert unique(file) == left
    assert roots(file) == {
        "t": pages["t"],
        "sqlite_autoindex_t_1": pages[f"sqlite_autoindex_t_{number}"],
    }
    assert not refused(file, f"INSERT INTO t ({column}) SELECT {column} FROM t")
    assert refused(file, f"UPDATE t SET {left[0]} = 1")


def test_exchanged(make: Make) -> None:
    """One goes and another comes in a block, and both count for what follows."""
    file = make(TABLE)
    report = file.alter(drop("a"), add("UNIQUE (b)"))
    assert report.way is Way.EDIT
    assert unique(file) == ["c", "b"]
    file.alter(drop("c"), drop("b"), add("UNIQUE (a)"))
    assert unique(file) == ["a"]
    file.query("VACUUM")
    assert file.query("PRAGMA integrity_check") == [("ok",)]
    assert unique(file) == ["a"]


def test_rows_that_are_equal(make: Make) -> None:
    """They are counted and named, in the collation of the column."""
    file = make(TABLE + "INSERT INTO t (b) VALUES ('Q'), ('R'), ('s');")
    message = file.refuse(add("CONSTRAINT uq_b UNIQUE (b)"))
    assert "UNIQUE 'uq_b' cannot be added: 4 rows: " in message
    file.alter(add("CONSTRAINT uq_b UNIQUE (b COLLATE BINARY)"))
    assert not refused(file, "INSERT INTO t (b) VALUES ('qQ'), ('Qq')")


def test_with_columns(make: Make) -> None:
    """A column comes with a UNIQUE of its own, and goes with it."""
    file = make(TABLE)
    report = file.alter(changes.AddColumn("d", "d TEXT UNIQUE ON CONFLICT IGNORE"))
    assert report.way is Way.EDIT
    assert unique(file) == ["a", "d", "c"]
    file.query("UPDATE t SET d = 'one' WHERE id = 1")
    file.query("INSERT INTO t (d) VALUES ('one')")
    assert file.query("SELECT count(*) FROM t") == [(3,)]
    report = file.alter(changes.DropColumn("d"), changes.DropColumn("a"))
    can_drop = sqlite3.sqlite_version_info >= (3, 35, 5)
    assert report.way is (Way.EDIT if can_drop else Way.COPY)
    assert unique(file) == ["c"]
    assert file.query("SELECT * FROM t")[0] == (1, "q", 1)


def test_statistics_follow(make: Make) -> None:
    """What ANALYZE has found out stays with its index, whatever its number is."""
    file = make(TABLE + "INSERT INTO t (c) VALUES (4), (5), (6); ANALYZE;")
    stat = dict(file.query("SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 't'"))
    file.alter(drop("a"))
    after = dict(file.query("SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 't'"))
    assert after == {"sqlite_autoindex_t_1": stat["sqlite_autoindex_t_2"]}


@pytest.mark.parametrize("schema", ["temp", "other"])
def test_in_another_schema(make: Make, schema: str) -> None:
    """Temporary tables and those of attached databases are no exception."""
    file = make("")
    file.query("ATTACH ':memory:' AS other")
    file.query(f"CREATE TABLE {schema}.t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
    file.query(f"INSERT INTO {schema}.t (a, b) VALUES (1, 2), (3, 4)")
    report = file.alter(add("UNIQUE (a, b)"), schema=schema)
    assert report.way is Way.EDIT
    assert unique(file, schema=schema) == ["a b"]
    assert refused(file, f"INSERT INTO {schema}.t (a, b) VALUES (1, 2)")
    file.alter(drop("a", "b"), schema=schema)
    assert unique(file, schema=schema) == []


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("a TEXT PRIMARY KEY, b TEXT) WITHOUT ROWID", add("UNIQUE (b)")),
        ("a TEXT PRIMARY KEY, b TEXT)", add("PRIMARY KEY (b)")),
        ("a INTEGER PRIMARY KEY, b TEXT UNIQUE)", drop("a")),
    ],
)
def test_other_keys_are_copied(make: Make, table: str, change: changes.Change) -> None:
    """Where the rows are stored by the key, they are written anew."""
    file = make(f"CREATE TABLE t ({table}; INSERT INTO t VALUES (1, 'x');")
    assert file.alter(change).way is Way.COPY
    assert file.query("SELECT count(*) FROM t") == [(1,)]


def test_a_key_that_shares_an_index(make: Make) -> None:
    """Two constraints on the same columns have one index, which stays for the other."""
    file = make("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT);")
    file.alter(add("CONSTRAINT second UNIQUE (a)"))
    assert unique(file) == ["a"]
    file.alter(changes.DropConstraint(name="second"))
    assert unique(file) == ["a"]
    assert not refused(file, "INSERT INTO t (a) VALUES (1)")
    assert refused(file, "INSERT INTO t (a) VALUES (1)")


def test_a_key_that_others_refer_to(make: Make) -> None:
    """A UNIQUE that a foreign key needs is refused to go, and can come for one."""
    file = make(TABLE + "CREATE TABLE child (a TEXT REFERENCES t (a));")
    message = file.refuse(drop("a"))
    assert "table 'child'" in message
    file.alter(add("UNIQUE (b)"))
    file.query("CREATE TABLE other (b TEXT REFERENCES t (b))")
    assert "table 'other'" in file.refuse(drop("b"))


@pytest.mark.parametrize("recreate", ["auto", "never"])
def test_other_changes_in_the_block(make: Make, recreate: str) -> None:
    """Beside other schema edits, in one pass, with names that need quotes."""
    file = make(
        'CREATE TABLE "o\'t ""1" (id INTEGER PRIMARY KEY, "a b" TEXT, "c]" TEXT);'
        'INSERT INTO "o\'t ""1" VALUES (1, 2, 3);'
        'CREATE INDEX i ON "o\'t ""1" ("c]");'
    )
    name = "o't \"1"
    report = file.alter(
        add('UNIQUE ("a b", "c]")'),
        changes.SetNotNull("a b", True),
        changes.SetType("c]", "VARCHAR(9)"),
        table=name,
        recreate=recreate,
    )
    assert report.way is Way.EDIT
    assert unique(file, name) == ["a b c]"]
    file.alter(drop("a b", "c]"), table=name, recreate=recreate)
    assert unique(file, name) == []

"""What a change must not take with it: the cases that were once lost."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import Make

needs_strict = pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)


def test_a_comment_stays_with_its_column(make: Make) -> None:
    """A column added at the end and dropped again takes no other's comment."""
    text = (
        "CREATE TABLE t (\n  id INTEGER PRIMARY KEY, -- the key\n  a TEXT -- the a\n)"
    )
    file = make(text)
    file.alter(changes.AddColumn("b", "b TEXT"))
    assert "a TEXT, -- the a\n" in file.sql()
    file.alter(changes.DropColumn("b"))
    assert file.sql() == text


def test_statistics_follow_the_name(make: Make) -> None:
    """What ANALYZE found out about a table is known under its new name."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);"
        "INSERT INTO t (a) VALUES ('x'), ('y'); CREATE INDEX i ON t (a); ANALYZE;"
    )
    before = file.query("SELECT idx, stat FROM sqlite_stat1")
    file.alter(changes.RenameTable("u"))
    assert file.query("SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 'u'") == before


@needs_strict
def test_any_value_stays_as_it_is_without_strict(make: Make) -> None:
    """An ANY column keeps text that looks like a number when STRICT goes, and back."""
    text = "CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT"
    file = make(f"{text}; INSERT INTO t (v) VALUES ('007'), (5.0), (x'00'), (NULL);")
    before = file.query("SELECT typeof(v), v FROM t")
    (note,) = file.alter(changes.SetOptions(strict=False)).notes
    assert "ANY" in note
    assert file.query("SELECT typeof(v), v FROM t") == before
    file.alter(changes.SetOptions(strict=True))
    assert file.query("SELECT typeof(v), v FROM t") == before
    assert file.sql() == text


BAD_TEXT = (
    "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT);"
    "INSERT INTO t VALUES (CAST(x'ff41' AS TEXT), CAST(x'fe42' AS TEXT)),"
    " ('k', CAST(x'fe42' AS TEXT));"
)


@pytest.mark.parametrize(
    ("change", "example"),
    [
        (changes.SetType("a", "INTEGER"), r"id='k' ('\\xfeB')"),
        (changes.AddConstraint("UNIQUE (a)"), r"'\\xfeB' (2 times)"),
        (changes.AddConstraint("CHECK (a IS NULL)"), r"id='\\xffA'"),
    ],
)
def test_text_that_is_no_utf8_can_be_shown(
    make: Make, change: changes.Change, example: str
) -> None:
    """Rows are named in the message whatever bytes their text has."""
    assert example in make(BAD_TEXT).refuse(change)


def test_text_of_a_utf16_database_can_be_shown(make: Make) -> None:
    """Rows are named in the message whatever the database's encoding is."""
    file = make(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id TEXT PRIMARY KEY, a);"
        "INSERT INTO t VALUES ('größe', 'x');"
    )
    assert "id='größe' ('x')" in file.refuse(changes.SetType("a", "INTEGER"))


def test_text_that_is_no_utf8_is_kept(make: Make) -> None:
    """Bytes that are no UTF-8 go through a copy unharmed."""
    file = make(BAD_TEXT)
    before = file.query("SELECT typeof(a), hex(a), hex(id) FROM t ORDER BY rowid")
    file.alter(changes.SetNotNull("a", True), recreate="always")
    assert (
        file.query("SELECT typeof(a), hex(a), hex(id) FROM t ORDER BY rowid") == before
    )


def test_statistics_of_a_table_without_rowid_stay(make: Make) -> None:
    """Its primary key is the table itself, and has statistics under that name."""
    file = make(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a, b) WITHOUT ROWID;"
        "CREATE INDEX i ON t (a); INSERT INTO t VALUES ('x', 1, 2), ('y', 1, 3);"
        "ANALYZE;"
    )
    before = sorted(file.query("SELECT * FROM sqlite_stat1"))
    assert ("t", "t", "2 1") in before
    file.alter(changes.Reorder((("b", "a"),)))
    assert sorted(file.query("SELECT * FROM sqlite_stat1")) == before

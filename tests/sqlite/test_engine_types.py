"""What a change of type does to the values, and which of them stop it."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite import changes

from . import types_page
from .engine_door import Make
from .engine_door import make

__all__ = ["make"]


@pytest.mark.parametrize(
    ("type_", "value"),
    [(name, value) for name, fits in types_page.TYPES.items() for value in fits.held],
)
def test_it_holds(type_: str, value: str) -> None:
    """What the documentation says a type holds is carried over."""
    assert types_page.change(value, "", type_) is not None


@pytest.mark.parametrize(
    ("type_", "value"),
    [(name, v) for name, fits in types_page.TYPES.items() for v in fits.refused],
)
def test_it_does_not_hold(type_: str, value: str) -> None:
    """What the documentation says a type does not hold stops the migration."""
    assert types_page.change(value, "", type_) is None


def test_page() -> None:
    """The page of the documentation is what the engine does."""
    assert types_page.PAGE.read_text(encoding="utf-8") == types_page.render()


FIVE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); INSERT INTO t (id, c) VALUES"
    " (1, '42'), (2, 'k'), (3, NULL), (4, 'l'), (5, 'm'), (6, 'n');"
)


def test_misfits_are_counted_and_shown(make: Make) -> None:
    """The message has the number of misfits, and three of them with their keys."""
    message = make(FIVE).refuse(changes.SetType("c", "INTEGER"))
    assert "4 rows: id=2 ('k'), id=4 ('l'), id=5 ('m'), ..." in message
    assert "Table 't': column 'c' cannot become INTEGER" in message


def test_the_script_may_say_how_values_convert(make: Make) -> None:
    """An expression makes the value; what it makes is held against the type."""
    file = make(FIVE)
    file.refuse(changes.SetType("c", "INTEGER", using="c || '!'"))
    file.alter(changes.SetType("c", "INTEGER", using="unicode(c)"))
    assert file.query("SELECT c FROM t")[:3] == [(52,), (107,), (None,)]


def test_the_script_may_keep_misfits(make: Make) -> None:
    """Misfits stay as they are when the script says so; the others are carried."""
    file = make(FIVE)
    file.alter(changes.SetType("c", "INTEGER", keep_misfits=True))
    assert file.query("SELECT c FROM t")[:3] == [(42,), ("k",), (None,)]


@pytest.mark.parametrize(
    "key",
    ["c TEXT UNIQUE ON CONFLICT REPLACE", "c TEXT PRIMARY KEY ON CONFLICT IGNORE"],
)
def test_values_that_become_equal(make: Make, key: str) -> None:
    """No conflict clause drops a row; those that would be equal are named."""
    file = make(
        f"CREATE TABLE t ({key}, d);INSERT INTO t VALUES ('1', 1), ('01', 2), ('2', 3);"
    )
    message = file.refuse(changes.SetType("c", "INTEGER"))
    assert "would not hold: 2 rows: 1 (2 times) are equal." in message


def test_a_value_that_was_a_misfit_before_is_carried(make: Make) -> None:
    """A longer VARCHAR does not look for what the shorter one should not have had."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c VARCHAR(2));"
        "INSERT INTO t (c) VALUES ('much too long'), (x'00');"
    )
    before = file.query("SELECT typeof(c), c FROM t")
    file.alter(changes.SetType("c", "VARCHAR(4)"))
    assert file.query("SELECT typeof(c), c FROM t") == before
    file.refuse(changes.SetType("c", "VARCHAR(3)"))


def test_the_rowid_keeps_its_type(make: Make) -> None:
    """BIGINT for the key would end the numbering of rows, so it stays INTEGER."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); INSERT INTO t (c) VALUES (1);"
    )
    (note,) = file.alter(changes.SetType("id", "BIGINT")).notes
    assert "'t.id' stays INTEGER" in note
    file.query("INSERT INTO t DEFAULT VALUES")
    assert file.query("SELECT id FROM t") == [(1,), (2,)]


def test_two_answers_to_one_conflict_are_refused(make: Make) -> None:
    """Where the rowid's key would get the index of a key with another ON CONFLICT."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, c TEXT,"
        " UNIQUE (id) ON CONFLICT IGNORE); INSERT INTO t VALUES (1, 'a'), (2, 'b');"
    )
    message = file.refuse(changes.SetType("id", "TEXT"))
    assert "SQLite does not accept the new definition: conflicting" in message


@pytest.mark.parametrize("type_", ["", "TEXT"])
def test_a_key_that_shares_an_index_gets_its_own(make: Make, type_: str) -> None:
    """What was taken for the rowid forgot its collation and order; now they count."""
    file = make(
        "CREATE TABLE t (id INTEGER, PRIMARY KEY (id COLLATE NOCASE DESC), UNIQUE (id))"
        " WITHOUT ROWID; INSERT INTO t VALUES (1), (2);"
    )
    assert len(file.query("PRAGMA index_list(t)")) == 1
    file.alter(changes.SetType("id", type_))
    assert len(file.query("PRAGMA index_list(t)")) == 2
    assert file.query("SELECT CAST(id AS INTEGER) FROM t") == [(2,), (1,)]
    with pytest.raises(sqlite3.IntegrityError):
        file.query("INSERT INTO t VALUES (2)")


def test_a_collation_comes_with_the_type(make: Make) -> None:
    """A type with COLLATE changes both, and indexes follow the new order."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); CREATE INDEX i ON t (c);"
        "INSERT INTO t (c) VALUES ('b'), ('A'), ('a');"
    )
    file.alter(changes.SetType("c", "VARCHAR(5) COLLATE NOCASE"))
    assert file.query("SELECT count(*) FROM t INDEXED BY i WHERE c = 'A'") == [(2,)]


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)
def test_a_strict_table_is_called_by_its_name(make: Make) -> None:
    """SQLite's own refusal of a row names the table, not the one copied to."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT) STRICT;"
        "INSERT INTO t (c) VALUES ('k');"
    )
    message = file.refuse(changes.SetType("c", "INTEGER", keep_misfits=True))
    assert "t.c" in message


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)
@pytest.mark.parametrize("schema", ["main", "temp"])
def test_a_definition_that_sqlite_does_not_accept(make: Make, schema: str) -> None:
    """What is wrong with it is said, of temporary tables too."""
    file = make("")
    file.query(f"CREATE TABLE {schema}.t (c CHAR(1), CHECK (c <> 'x'))")
    message = file.refuse(changes.SetOptions(strict=True), schema=schema)
    assert "SQLite does not accept the new definition: unknown datatype" in message
    file.alter(changes.SetNotNull("c", True), schema=schema)

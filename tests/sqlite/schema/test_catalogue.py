"""The catalogue is read anew, whatever was read of it before."""

from __future__ import annotations

import sqlite3

import pytest

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.schema.catalogue import find_table
from flask_batchmigrate.sqlite.schema.catalogue import read_catalogue
from flask_batchmigrate.sqlite.schema.database import DirectDatabase


def test_another_text_without_another_version(connection: sqlite3.Connection) -> None:
    """A script that edits the catalogue by itself is noticed."""
    connection.execute("CREATE TABLE t (a)")
    db = DirectDatabase(connection)
    read_catalogue(db, "main")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE t (b)'")
    connection.execute("PRAGMA writable_schema = OFF")
    row = read_catalogue(db, "main").table("t")
    assert row is not None
    assert row.sql == "CREATE TABLE t (b)"


def test_same_version_after_a_rollback(connection: sqlite3.Connection) -> None:
    """Two tables that were the first after the same moment are told apart."""
    db = DirectDatabase(connection)
    for name in ("first", "second"):
        connection.execute("SAVEPOINT s")
        connection.execute(f"CREATE TABLE {name} (a)")
        assert [o.name for o in read_catalogue(db, "main").objects] == [name]
        connection.execute("ROLLBACK TO s")


def test_schemas(connection: sqlite3.Connection) -> None:
    """Equal texts in two schemas belong to two catalogues."""
    connection.execute("CREATE TABLE t (a)")
    connection.execute("ATTACH ':memory:' AS other")
    connection.execute("CREATE TABLE other.t (a)")
    db = DirectDatabase(connection)
    for schema in ("main", "other", "main"):
        assert read_catalogue(db, schema).schema == schema


def test_names_are_found_in_any_case(connection: sqlite3.Connection) -> None:
    """Indexes and triggers belong to a table however its name is written."""
    connection.execute("CREATE TABLE Item (a)")
    connection.execute("CREATE INDEX i ON ITEM (a)")
    for name, table in (("x", "item"), ("y", "ITEM"), ("z", "Item")):
        connection.execute(
            f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN SELECT 1; END"
        )
    catalogue = read_catalogue(DirectDatabase(connection), "main")
    for name in ("item", "ITEM", "Item"):
        found = catalogue.table(name)
        assert found is not None
        assert found.name == "Item"
        indexes = catalogue.of_table(name, "index")
        assert [o.name for o in indexes] == ["i"]
        triggers = catalogue.of_table(name, "trigger")
        assert [o.name for o in triggers] == ["x", "y", "z"]
    assert catalogue.find("x") is None


def test_shadow_tables_are_looked_for_each_time(
    connection: sqlite3.Connection,
) -> None:
    """Which tables belong to a virtual table depends on more than their texts."""
    try:
        connection.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite library has no FTS5")
    db = DirectDatabase(connection)
    for _ in range(2):
        catalogue = read_catalogue(db, "main")
        assert catalogue.has_virtual_tables
        with pytest.raises(ChangeRefused, match="belongs to the virtual table 'f'"):
            find_table(catalogue, "f_data")

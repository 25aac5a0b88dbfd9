"""Drops a table that others refer to, and nothing of it stays."""

from __future__ import annotations

import warnings

import pytest

from flask_batchmigrate.sqlite.alter.drop import drop_table
from flask_batchmigrate.sqlite.alter.pending_keys import PendingKeys
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from tests.sqlite.engine_file import Make

SCHEMA = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE, a);"
    "CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE);"
    "CREATE TABLE c (p_id INTEGER REFERENCES p);"
    "CREATE INDEX i ON p (a); INSERT INTO p (code) VALUES ('x'), ('y');"
    "INSERT INTO other (code) VALUES ('x'); ANALYZE;"
)


@pytest.mark.parametrize("enforced", [False, True])
def test_nothing_stays_of_a_dropped_table(make: Make, enforced: bool) -> None:
    """Neither the last number nor what ANALYZE found out; of others both do."""
    file = make(SCHEMA)
    file.query(f"PRAGMA foreign_keys = {enforced:d}")
    file.query("BEGIN IMMEDIATE")
    db = DirectDatabase(file.connection)
    drop_table(db, "main", "p", PendingKeys(db, warnings.warn))
    file.query("COMMIT")
    assert file.query("SELECT * FROM sqlite_sequence") == [("other", 1)]
    assert {name for (name,) in file.query("SELECT tbl FROM sqlite_stat1")} == {"other"}

"""Reads the corpus of DDL."""

from __future__ import annotations

import pathlib
import sqlite3
import sys
import typing as t

import pytest

FOLDER = pathlib.Path(__file__).parent / "corpus"
FILES = sorted(FOLDER.glob("*.sql"))


def statements(path: pathlib.Path) -> t.Iterator[str]:
    """The statements of one file."""
    pending = ""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    assert not pending.strip(), f"{path.name}: {pending}"


def skip_unreadable(path: pathlib.Path) -> None:
    """Skip the test where the library or the driver in use cannot run the file."""
    if path.name == "since_3_37.sql" and sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("needs SQLite 3.37")
    if path.name == "collations.sql" and sys.version_info < (3, 11):
        pytest.skip("before Python 3.11 a collation's name is made of ASCII letters")

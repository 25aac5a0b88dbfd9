"""Reads the corpus of DDL."""

from __future__ import annotations

import pathlib
import sqlite3
import typing as t

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


def needs_newer_library(path: pathlib.Path) -> bool:
    """Whether the SQLite in use cannot run the file."""
    return path.name == "since_3_37.sql" and sqlite3.sqlite_version_info < (3, 37)

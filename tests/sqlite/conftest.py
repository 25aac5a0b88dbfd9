"""Fixtures of the engine's tests: real files, altered by the engine or by scripts."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3
import typing as t

import pytest

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.engine_file import File
from tests.sqlite.engine_file import Make


@pytest.fixture
def make(tmp_path: pathlib.Path) -> cabc.Iterator[Make]:
    """Make files from scripts."""
    with contextlib.ExitStack() as stack:

        def one(script: str) -> File:
            file = File(tmp_path / "app.db", script)
            stack.callback(file.connection.close)
            return file

        yield one


@pytest.fixture
def database(tmp_path: pathlib.Path) -> cabc.Iterator[MakeDatabase]:
    """Make databases from scripts."""
    with contextlib.ExitStack() as stack:

        def one(script: str, **kw: t.Any) -> Database:
            made = Database(tmp_path / "app.db", script, **kw)
            stack.callback(made.engine.dispose)
            return made

        yield one


@pytest.fixture
def connection() -> cabc.Iterator[sqlite3.Connection]:
    """A connection to a new database in memory, in an open transaction."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("BEGIN")
        yield made

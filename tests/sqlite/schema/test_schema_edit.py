"""A schema that is edited is read again."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import pytest

from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter


# Found by a random block.
def test_another_connection_notices(tmp_path: pathlib.Path) -> None:
    """A connection that has read the schema before reads it again after the block."""
    path = tmp_path / "app.db"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        connection.execute("CREATE TABLE t (a, b DEFAULT 1)")
        other.execute("INSERT INTO t (a) VALUES (1)")
        connection.execute("BEGIN IMMEDIATE")
        alter(connection, changes.SetNotNull("a", True))
        connection.execute("COMMIT")
        with pytest.raises(sqlite3.IntegrityError, match=r"t\.a"):
            other.execute("INSERT INTO t (a) VALUES (NULL)")

"""The engine on a real file, without SQLAlchemy."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sqlite3
import typing as t

import pytest

from flask_batchmigrate.sqlite.errors import EngineError
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.engine import Report
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes
from tests.oracles.database_state import read_state


class File:
    """A database file and one connection to it.

    :param path: where it is.
    :param script: what makes it.
    """

    def __init__(self, path: pathlib.Path, script: str) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.executescript(script)

    def query(self, sql: str) -> list[t.Any]:
        """Run one statement and return its rows."""
        return self.connection.execute(sql).fetchall()

    def sql(self, name: str = "t") -> str:
        """The stored text of a table."""
        ((text,),) = self.connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", (name,)
        )
        return str(text)

    def alter(
        self,
        *block: changes.Change,
        table: str = "t",
        schema: str = "main",
        **options: t.Any,
    ) -> Report:
        """Change a table in a transaction of its own."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            report = alter_table(
                DirectDatabase(self.connection),
                table,
                block,
                schema=schema,
                options=Options(**options),
            )
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        assert self.query("PRAGMA integrity_check") == [("ok",)]
        return report

    def refuse(
        self,
        *block: changes.Change,
        table: str = "t",
        schema: str = "main",
        **options: t.Any,
    ) -> str:
        """Make sure that a block is refused, and that nothing is changed by it.

        :return: the message.
        """
        before = read_state(self.path)
        self.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(EngineError) as caught:
            alter_table(
                DirectDatabase(self.connection),
                table,
                block,
                schema=schema,
                options=Options(**options),
            )
        # The savepoint alone has undone everything.
        self.connection.execute("COMMIT")
        assert read_state(self.path) == before
        message = str(caught.value)
        assert message.endswith(" Nothing was changed.")
        assert "_batchmigrate_" not in message
        return message


Make = cabc.Callable[[str], File]


def alter(connection: sqlite3.Connection, *block: changes.Change) -> Report:
    """Change the table ``t`` in the transaction that is open."""
    return alter_table(DirectDatabase(connection), "t", block)

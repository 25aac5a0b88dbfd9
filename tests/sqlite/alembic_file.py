"""Migration scripts on a real file, as Alembic runs them with the engine."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from flask_batchmigrate.sqlite.adapter import impl as adapter
from flask_batchmigrate.sqlite.errors import EngineError
from tests.oracles.database_state import read_state

Script = cabc.Callable[[Operations], object]


class Database:
    """A database file, and an application's engine for it.

    :param path: where it is.
    :param script: what makes it.
    :param convention: the naming convention of the models.
    :param enforce: whether foreign keys are enforced.
    """

    def __init__(
        self,
        path: pathlib.Path,
        script: str,
        convention: dict[str, str] | None = None,
        enforce: bool = False,
    ) -> None:
        self.path = path
        self.notes: list[str] = []
        self.metadata = sa.MetaData(naming_convention=convention)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        self.engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)

        @sa.event.listens_for(self.engine, "connect")
        def connect(dbapi: t.Any, record: object) -> None:
            dbapi.execute("PRAGMA synchronous = OFF").close()
            if enforce:
                dbapi.execute("PRAGMA foreign_keys = ON").close()

    def run(self, script: Script) -> None:
        """Run a script in a transaction."""
        settings = adapter.RunOptions(note=self.notes.append, warn=self.notes.append)
        with adapter.activate(settings), self.engine.connect() as connection:
            options = {"target_metadata": self.metadata}
            context = MigrationContext.configure(connection, opts=options)
            script(Operations(context))
            connection.commit()
        assert self.query("PRAGMA integrity_check") == [("ok",)]

    def refuse(self, script: Script) -> str:
        """Make sure that a script is refused, and that nothing is changed by it.

        :return: the message.
        """
        before = read_state(self.path)
        with pytest.raises(EngineError) as caught:
            self.run(script)
        assert read_state(self.path) == before
        message = str(caught.value)
        assert message.endswith(" Nothing was changed.")
        return message

    def query(self, sql: str, enforce: bool = False) -> list[t.Any]:
        """Run one statement with a connection of its own and return its rows."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA foreign_keys = {'ON' if enforce else 'OFF'}")
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows

    def sql(self, name: str = "t") -> str:
        """The stored text of an object."""
        query = "SELECT sql FROM sqlite_master WHERE name = "
        ((text,),) = self.query(f"{query}'{name}'")
        return str(text)

    def line(self, word: str, name: str = "t") -> str:
        """The one line of a table's text that has a word in it."""
        (found,) = [x for x in self.sql(name).splitlines() if word in x]
        return found.strip().rstrip(",")


MakeDatabase = cabc.Callable[..., Database]

"""The newest SQLite library there is on PyPI, by its driver APSW."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import apsw

from flask_batchmigrate.sqlite.schema.database import library_version
from flask_batchmigrate.sqlite.schema.database import probe_schema_writing
from tests.sqlite.random_example import Library


class ApswDatabase:
    """The engine's door to a connection of APSW."""

    driver_error = apsw.Error

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return library_version(self)

    @property
    def can_write_schema(self) -> bool:
        """Whether the schema may be written."""
        return probe_schema_writing(self)

    def execute(
        self, sql: str, parameters: cabc.Sequence[t.Any] = ()
    ) -> list[tuple[t.Any, ...]]:
        """Run one statement and return all of its rows."""
        return list(self._connection.execute(sql, tuple(parameters)))


class Defensive(ApswDatabase):
    """The door to a library in defensive mode."""

    can_write_schema = False  # type: ignore[assignment]


def connect(path: str | pathlib.Path) -> apsw.Connection:
    """Open a database."""
    return apsw.Connection(str(path))


NEWEST: t.Final = Library(
    connect,
    apsw.Error,
    ApswDatabase,
    Defensive,
    tuple(int(part) for part in apsw.sqlite_lib_version().split(".")),
    lambda connection: connection.serialize("main"),
)

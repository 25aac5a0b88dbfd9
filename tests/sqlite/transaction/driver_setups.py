"""The ways in which applications set up SQLite below SQLAlchemy."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import sqlite3
import sys
import typing as t

import pytest
import sqlalchemy as sa

SCHEMA = """
CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE child(
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES parent(id) ON DELETE CASCADE
);
INSERT INTO parent VALUES (1, 'one'), (2, 'two');
INSERT INTO child VALUES (10, 1), (11, 1), (20, 2);
"""

Build = cabc.Callable[[pathlib.Path], sa.Engine]


@dataclasses.dataclass(frozen=True)
class Setup:
    """One way, with the name that the test report shows."""

    name: str
    build: Build
    in_memory: bool = False
    minimum: tuple[int, int] = (3, 10)


def _url(path: pathlib.Path) -> str:
    return f"sqlite:///{path}"


def _engine(**options: t.Any) -> Build:
    return lambda path: sa.create_engine(_url(path), **options)


def _connecting(*statements: str, **options: t.Any) -> Build:
    def build(path: pathlib.Path) -> sa.Engine:
        engine = sa.create_engine(_url(path), **options)

        @sa.event.listens_for(engine, "connect")
        def connect(dbapi: t.Any, record: object) -> None:
            for statement in statements:
                dbapi.execute(statement.format(path=path)).close()

        return engine

    return build


def _beginning(statement: str, *pragmas: str) -> Build:
    """Take transactions from the driver, as SQLAlchemy's manual shows it."""

    def build(path: pathlib.Path) -> sa.Engine:
        engine = sa.create_engine(_url(path))

        @sa.event.listens_for(engine, "connect")
        def connect(dbapi: t.Any, record: object) -> None:
            dbapi.isolation_level = None
            for pragma in pragmas:
                dbapi.execute(pragma).close()

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(statement)

        return engine

    return build


def _with_options(build: Build) -> Build:
    return lambda path: build(path).execution_options(anything="at all")


def _memory(**options: t.Any) -> Build:
    return lambda path: sa.create_engine("sqlite://", **options)


def _shared_cache(path: pathlib.Path) -> sa.Engine:
    name = path.parent.name
    url = f"sqlite:///file:{name}?mode=memory&cache=shared&uri=true"
    return sa.create_engine(url, poolclass=sa.QueuePool)


def _row_factory(path: pathlib.Path) -> sa.Engine:
    engine = sa.create_engine(_url(path))

    @sa.event.listens_for(engine, "connect")
    def connect(dbapi: t.Any, record: object) -> None:
        dbapi.row_factory = sqlite3.Row

    return engine


SETUPS = (
    Setup("plain", _engine()),
    Setup("null-pool", _engine(poolclass=sa.NullPool)),
    Setup("static-pool", _engine(poolclass=sa.StaticPool)),
    Setup("singleton-pool", _engine(poolclass=sa.pool.SingletonThreadPool)),
    Setup("autocommit-level", _engine(isolation_level="AUTOCOMMIT")),
    Setup("serializable-level", _engine(isolation_level="SERIALIZABLE")),
    Setup("driver-immediate", _engine(connect_args={"isolation_level": "IMMEDIATE"})),
    Setup("driver-exclusive", _engine(connect_args={"isolation_level": "EXCLUSIVE"})),
    Setup("driver-none", _engine(connect_args={"isolation_level": None})),
    Setup("foreign-keys", _connecting("PRAGMA foreign_keys = ON")),
    Setup("wal", _connecting("PRAGMA journal_mode = WAL")),
    Setup("attached", _connecting("ATTACH '{path}.other' AS other")),
    Setup("row-factory", _row_factory),
    Setup("begin-listener", _beginning("BEGIN")),
    Setup("begin-immediate", _beginning("BEGIN IMMEDIATE")),
    Setup("begin-exclusive", _beginning("BEGIN EXCLUSIVE")),
    Setup(
        "begin-immediate-wal",
        _beginning("BEGIN IMMEDIATE", "PRAGMA journal_mode = WAL"),
    ),
    Setup(
        "begin-immediate-persist",
        _beginning("BEGIN IMMEDIATE", "PRAGMA journal_mode = PERSIST"),
    ),
    Setup("engine-with-options", _with_options(_beginning("BEGIN"))),
    Setup("memory", _memory(), in_memory=True),
    Setup("memory-static", _memory(poolclass=sa.StaticPool), in_memory=True),
    Setup("memory-shared", _shared_cache, in_memory=True),
    Setup(
        "autocommit-false",
        _engine(connect_args={"autocommit": False}),
        minimum=(3, 12),
    ),
    Setup(
        "autocommit-true",
        _engine(connect_args={"autocommit": True}),
        minimum=(3, 12),
    ),
    Setup(
        "autocommit-false-memory",
        _memory(connect_args={"autocommit": False}, poolclass=sa.StaticPool),
        in_memory=True,
        minimum=(3, 12),
    ),
)


class Application:
    """A database as one of the set-ups sees it, filled with a few rows."""

    def __init__(self, setup: Setup, folder: pathlib.Path) -> None:
        self.setup = setup
        self.path = folder / "app.db"
        self.engine = setup.build(self.path)
        sa.event.listen(self.engine.pool, "connect", self._hurry)
        with self.engine.connect() as connection:
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
            connection.commit()

    def _hurry(self, dbapi: t.Any, record: object) -> None:
        """Do not wait for the disk, where the connection can still be told."""
        if not dbapi.in_transaction:
            with contextlib.suppress(sqlite3.OperationalError):
                dbapi.execute("PRAGMA synchronous = OFF").close()

    def dump(self) -> list[str]:
        """Everything that is stored, as another connection sees it where it can."""
        if not self.setup.in_memory:
            return dump(self.path)
        with self.engine.connect() as connection:
            return list(connection.connection.driver_connection.iterdump())

    def tables(self) -> set[str]:
        """The names of the tables."""
        return {
            line.split()[2].strip('"(').partition("(")[0]
            for line in self.dump()
            if line.startswith("CREATE TABLE")
        }


def dump(path: pathlib.Path) -> list[str]:
    """Everything that a file stores, read by a connection of its own."""
    connection = sqlite3.connect(path, timeout=0)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def parameters() -> list[t.Any]:
    """The set-ups, for :func:`pytest.mark.parametrize`."""
    return [
        pytest.param(
            setup,
            id=setup.name,
            marks=pytest.mark.skipif(
                sys.version_info < setup.minimum,
                reason=f"this mode came with Python {setup.minimum[0]}."
                f"{setup.minimum[1]}",
            ),
        )
        for setup in SETUPS
    ]

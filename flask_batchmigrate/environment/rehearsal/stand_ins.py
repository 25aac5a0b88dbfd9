"""Replaces SQLite databases by copies, on which a migration is rehearsed.

The databases themselves are only read, by connections that write neither to the file
nor to the log and journal beside it. So nothing can change them.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import pathlib
import sqlite3
import tempfile
import typing as t

import sqlalchemy as sa

from ...autogenerate.tables.scratch import copy_schema
from ...errors import NotSupported
from ...project.binds import Bind
from ...project.binds import by_database
from ...sqlite.schema.catalogue import qualified
from ...sqlite.schema.catalogue import read_catalogue
from ...sqlite.schema.database import DirectDatabase
from ...sqlite.transaction.driver import Driver
from .detour import can_be_made
from .detour import detour
from .recording import Recording
from .recording import recording_connection

#: The number of rows of each table, by bind and table.
RowCounts = dict[str, dict[str, int]]


@contextlib.contextmanager
def stand_ins(
    binds: cabc.Iterable[Bind], with_rows: bool, version_table: str
) -> cabc.Iterator[RowCounts]:
    """Connect the engines of SQLite databases to copies, inside the block.

    :param binds: all binds of the application.
    :param with_rows: whether to copy the rows; if not, only the schema and the stored
        revision are copied.
    :param version_table: the table that the revision is stored in.
    :return: the numbers of rows that the copies lack.
    """
    counts: RowCounts = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flask-batchmigrate-")
        )
        sqlite = [bind for bind in binds if bind.dialect == "sqlite"]
        for number, group in enumerate(by_database(sqlite)):
            path = pathlib.Path(folder) / f"{number}.db"
            with _original(group[0]) as original:
                if with_rows:
                    _copy_rows(original, path)
                for bind in group:
                    stack.enter_context(detour(bind.engine, str(path)))
                    _refuse_others(bind, path)
                lacking = {} if with_rows else _make_schema(original, group[0].engine)
                if not with_rows:
                    _copy_table(original, path, version_table)
            counts.update((bind.key, lacking) for bind in group)
        yield counts


@contextlib.contextmanager
def empty_stand_ins(
    binds: cabc.Iterable[Bind],
) -> cabc.Iterator[dict[str, sa.Connection]]:
    """Connect the engines of SQLite databases to new, empty ones, inside the block.

    :param binds: the binds whose databases are replaced.
    :return: for each bind, a connection that reads the database itself.
    """
    originals: dict[str, sa.Connection] = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flask-batchmigrate-")
        )
        for number, group in enumerate(by_database(binds)):
            path = pathlib.Path(folder) / f"{number}.db"
            original = stack.enter_context(_original(group[0]))
            connection = stack.enter_context(_wrapped(original))
            for bind in group:
                originals[bind.key] = connection
                stack.enter_context(detour(bind.engine, str(path)))
                _refuse_others(bind, path)
        yield originals


@contextlib.contextmanager
def recorded_stand_ins(
    binds: cabc.Iterable[Bind],
) -> cabc.Iterator[dict[str, Recording]]:
    """Connect the engines of SQLite databases to new, empty ones, and record on them.

    :param binds: the binds whose databases are replaced.
    :return: for each bind, the recording of the statements on its stand-in.
    """
    recordings: dict[str, Recording] = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flask-batchmigrate-")
        )
        for number, group in enumerate(by_database(binds)):
            path = pathlib.Path(folder) / f"{number}.db"
            recording = Recording()
            kind = functools.partial(recording_connection, recording)
            for bind in group:
                recordings[bind.key] = recording
                stack.enter_context(detour(bind.engine, str(path), kind))
                _refuse_others(bind, path)
        yield recordings


@contextlib.contextmanager
def _wrapped(reading: sqlite3.Connection) -> cabc.Iterator[sa.Connection]:
    """Yield an SQLAlchemy connection that uses a connection of Python's driver."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: reading, poolclass=sa.StaticPool
    )
    with engine.connect() as connection:
        yield connection


def _refuse_others(bind: Bind, path: pathlib.Path) -> None:
    """Make sure that an engine's connections reach only the copy.

    :raises NotSupported: the application opens its connections itself, or attaches
        databases.
    """
    with bind.engine.connect() as connection:
        files = Driver(connection).databases()
    files.pop("temp", None)
    others = {name: file for name, file in files.items() if file}
    if pathlib.Path(others.pop("main", "")).resolve() != path.resolve():
        raise NotSupported(
            f"The application opens the connections to '{bind.database}' by itself, so "
            "they cannot be redirected to a copy to rehearse on",
            "Rehearse with an application that is configured for a copy.",
            bind=bind.key,
        )
    if others:
        names = ", ".join(f"'{file}'" for file in others.values())
        raise NotSupported(
            f"The connections to '{bind.database}' attach {names}, which a rehearsal "
            "might change",
            "Rehearse with an application that is configured for copies.",
            bind=bind.key,
        )


@contextlib.contextmanager
def _original(bind: Bind) -> cabc.Iterator[sqlite3.Connection]:
    """Yield a connection that reads a database and writes nothing.

    :raises NotSupported: the database has another driver than Python's own.
    """
    if bind.engine.dialect.driver != "pysqlite":
        raise NotSupported(
            f"'{bind.database}' is opened by the driver '{bind.engine.dialect.driver}',"
            " which cannot make a copy to rehearse on",
            "Run 'flask db upgrade --verbose' on a copy of your own.",
            bind=bind.key,
        )
    file = bind.file
    if file is None:
        with bind.engine.connect() as connection:
            yield t.cast(sqlite3.Connection, connection.connection.driver_connection)
    elif can_be_made(bind):
        with contextlib.closing(sqlite3.connect(":memory:")) as empty:
            yield empty
    else:
        with contextlib.closing(_reading(file)) as connection:
            yield connection


def _reading(file: pathlib.Path) -> sqlite3.Connection:
    """Open a database file for reading.

    In WAL mode, even a reader creates the files beside the database if they are
    missing. If they are, no change is waiting in them, and the file alone is read:
    https://www.sqlite.org/uri.html#uriimmutable
    """
    uri = f"{file.absolute().as_uri()}?mode=ro"
    if not pathlib.Path(f"{file}-wal").exists() and _has_log(uri):
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True)


def _has_log(uri: str) -> bool:
    """Tell whether a file is in WAL mode, which SQLite cannot read without locks.

    Opening the file in any other way would release this process's locks on it:
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    with contextlib.closing(sqlite3.connect(f"{uri}&nolock=1", uri=True)) as connection:
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            return "unable to open" in str(error)
    return False


def _copy_rows(original: sqlite3.Connection, path: pathlib.Path) -> None:
    """Copy a database page by page, so that every row is stored as in the original."""
    with contextlib.closing(sqlite3.connect(path)) as copy:
        original.backup(copy)


def _make_schema(original: sqlite3.Connection, engine: sa.Engine) -> dict[str, int]:
    """Create the tables without rows, and return how many rows the original ones have.

    The engine's own connection creates them, since it has the application's functions.
    """
    catalogue = read_catalogue(DirectDatabase(original), "main")
    with engine.begin() as connection:
        copy_schema(catalogue, connection)
    counts = {}
    for table in catalogue.of_type("table"):
        with contextlib.suppress(sqlite3.Error):
            # The rows of a virtual table cannot be counted without its module.
            query = f"SELECT count(*) FROM {qualified('main', table.name)}"
            (counts[table.name.lower()],) = original.execute(query).fetchone()
    return counts


def _copy_table(original: sqlite3.Connection, path: pathlib.Path, name: str) -> None:
    """Copy the rows of one table, if it exists."""
    table = qualified("main", name)
    try:
        rows = original.execute(f"SELECT * FROM {table}").fetchall()
    except sqlite3.OperationalError:
        return
    with contextlib.closing(sqlite3.connect(path)) as copy, copy:
        for row in rows:
            places = ", ".join("?" * len(row))
            copy.execute(f"INSERT INTO {table} VALUES ({places})", row)

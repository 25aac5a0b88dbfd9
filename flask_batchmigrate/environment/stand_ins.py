"""Has SQLite databases stood in for by copies, on which a migration is rehearsed.

The databases themselves are only read, by connections that write nothing: not to the
file, nor to the log and journal beside it. So they are untouched whatever happens.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3
import tempfile
import typing as t

import sqlalchemy as sa

from ..autogenerate.scratch import copy_schema
from ..errors import NotSupported
from ..project.binds import Bind
from ..project.binds import by_database
from ..sqlite.schema.catalogue import qualified
from ..sqlite.schema.catalogue import read_catalogue
from ..sqlite.schema.database import DirectDatabase
from ..sqlite.transaction.driver import Driver
from .detour import can_be_made
from .detour import detour

#: For each bind, how many rows each of its tables has.
RowCounts = dict[str, dict[str, int]]


@contextlib.contextmanager
def stand_ins(
    binds: cabc.Iterable[Bind], with_rows: bool, version_table: str
) -> cabc.Iterator[RowCounts]:
    """Lead the engines of SQLite databases to copies, inside the block.

    :param binds: all binds of the application.
    :param with_rows: copy the rows; without, only the schema and the stored revision.
    :param version_table: the table that the revision is stored in.
    :return: the rows of the databases that the copies lack.
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
    """Lead the engines of SQLite databases to new, empty ones, inside the block.

    :param binds: the binds whose databases are stood in for.
    :return: for each bind, a connection that reads the database itself.
    """
    originals: dict[str, sa.Connection] = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flask-batchmigrate-")
        )
        for number, group in enumerate(by_database(binds)):
            path = pathlib.Path(folder) / f"{number}.db"
            reading = stack.enter_context(_original(group[0]))
            connection = stack.enter_context(_wrapped(reading))
            for bind in group:
                originals[bind.key] = connection
                stack.enter_context(detour(bind.engine, str(path)))
                _refuse_others(bind, path)
        yield originals


@contextlib.contextmanager
def _wrapped(reading: sqlite3.Connection) -> cabc.Iterator[sa.Connection]:
    """Yield SQLAlchemy's connection on one of Python's, which stays open."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: reading, poolclass=sa.StaticPool
    )
    with engine.connect() as connection:
        yield connection


def _refuse_others(bind: Bind, path: pathlib.Path) -> None:
    """Make sure that an engine's connections are to the copy and nothing else.

    :raises NotSupported: the application makes them by itself, or attaches databases.
    """
    with bind.engine.connect() as connection:
        files = Driver(connection).databases()
    files.pop("temp", None)
    others = {name: file for name, file in files.items() if file}
    if pathlib.Path(others.pop("main", "")).resolve() != path.resolve():
        raise NotSupported(
            f"The application makes the connections to '{bind.database}' by itself, so "
            "they cannot be led to a copy to rehearse on",
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

    :raises NotSupported: it is one of another driver than Python's own.
    """
    if bind.engine.dialect.driver != "pysqlite":
        raise NotSupported(
            f"'{bind.database}' is opened by the driver '{bind.engine.dialect.driver}',"
            " by which no copy can be made to rehearse on",
            "Use 'flask db upgrade --verbose' on a copy that you make.",
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
    """Open a file to read it.

    In WAL mode even a reader makes the files beside it where they are missing; then
    there is nothing in them, and the file alone is the database:
    https://www.sqlite.org/uri.html#uriimmutable
    """
    uri = f"{file.absolute().as_uri()}?mode=ro"
    if not pathlib.Path(f"{file}-wal").exists() and _has_log(uri):
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True)


def _has_log(uri: str) -> bool:
    """Tell whether a file is in WAL mode, which SQLite cannot read without locks.

    To open the file in any other way would take this process's locks off it:
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    with contextlib.closing(sqlite3.connect(f"{uri}&nolock=1", uri=True)) as connection:
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            return "unable to open" in str(error)
    return False


def _copy_rows(original: sqlite3.Connection, path: pathlib.Path) -> None:
    """Copy a database page by page, so that every row is stored as it is there."""
    with contextlib.closing(sqlite3.connect(path)) as copy:
        original.backup(copy)


def _make_schema(original: sqlite3.Connection, engine: sa.Engine) -> dict[str, int]:
    """Make the tables without rows; return how many rows each has in the original.

    Made by the engine's own connection, which has the application's functions.
    """
    catalogue = read_catalogue(DirectDatabase(original), "main")
    with engine.begin() as connection:
        copy_schema(catalogue, connection)
    counts = {}
    for table in catalogue.of_type("table"):
        with contextlib.suppress(sqlite3.Error):
            # One of a module that is not loaded has no rows that could be counted.
            query = f"SELECT count(*) FROM {qualified('main', table.name)}"
            (counts[table.name.lower()],) = original.execute(query).fetchone()
    return counts


def _copy_table(original: sqlite3.Connection, path: pathlib.Path, name: str) -> None:
    """Copy the rows of one table, if it is there."""
    table = qualified("main", name)
    try:
        rows = original.execute(f"SELECT * FROM {table}").fetchall()
    except sqlite3.OperationalError:
        return
    with contextlib.closing(sqlite3.connect(path)) as copy, copy:
        for row in rows:
            places = ", ".join("?" * len(row))
            copy.execute(f"INSERT INTO {table} VALUES ({places})", row)

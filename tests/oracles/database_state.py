"""Everything that a database file holds, read by means of SQLite alone."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import re
import sqlite3
import typing as t

BOOKKEEPING: t.Final = "alembic_version"
STATISTICS: t.Final = ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")
ANY_ROWID: t.Final = "any"


@dataclasses.dataclass
class Column:
    """What ``PRAGMA table_xinfo`` says."""

    type: str
    not_null: bool
    default: str | None
    key: int
    hidden: int


@dataclasses.dataclass
class Table:
    """One table: its text, its columns, what SQLite makes of it, and its rows.

    :param indexes: origin, unique, partial, name (of those with a text) and terms.
    :param keys: foreign keys; parent, actions, MATCH and pairs of columns.
    :param rows: the rowid (``None`` without) and the values with their classes.
    """

    sql: str
    columns: dict[str, Column]
    indexes: list[tuple[t.Any, ...]]
    keys: list[tuple[t.Any, ...]]
    rows: list[tuple[t.Any, dict[str, tuple[str, t.Any]]]]


@dataclasses.dataclass
class State:
    """A database.

    :param objects: type, table and text of everything that is no plain table.
    """

    objects: dict[str, tuple[str, str, str | None]]
    tables: dict[str, Table]
    sequence: dict[str, int]
    statistics: list[tuple[str, str | None, str]]
    problems: list[tuple[t.Any, ...]]


@contextlib.contextmanager
def opened(path: pathlib.Path, enforce: bool = False) -> cabc.Iterator[t.Any]:
    """Open a file with a connection of our own."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.text_factory = bytes
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if enforce else 'OFF'}")
        yield connection


def read_state(path: pathlib.Path) -> State:
    """Read everything but Alembic's own table."""
    with opened(path) as connection:
        schema = [
            tuple(_text(v) for v in row)
            for row in connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
            )
        ]
        schema = [r for r in schema if r[2] != BOOKKEEPING]
        plain = [
            r[1]
            for r in schema
            if r[0] == "table"
            and r[1] not in STATISTICS
            and not r[3].lower().startswith("create virtual")
        ]
        return State(
            objects={
                r[1]: (r[0], r[2], r[3])
                for r in schema
                if r[1] not in plain
                and r[1] != "sqlite_sequence"
                and not r[1].startswith("sqlite_autoindex_")
            },
            tables={
                name: _table(
                    connection, name, next(r[3] for r in schema if r[1] == name)
                )
                for name in plain
            },
            sequence=_sequence(connection, schema),
            statistics=_statistics(connection, schema),
            problems=_problems(connection),
        )


def _text(value: t.Any) -> t.Any:
    return value.decode() if isinstance(value, bytes) else value


def _rows(connection: t.Any, sql: str) -> list[tuple[t.Any, ...]]:
    return [tuple(_text(v) for v in row) for row in connection.execute(sql)]


def _table(connection: t.Any, name: str, sql: str) -> Table:
    columns = {
        row[1].lower(): Column(row[2], bool(row[3]), row[4], row[5], row[6])
        for row in _rows(connection, f'PRAGMA table_xinfo("{name}")')
    }
    return Table(
        sql,
        columns,
        _indexes(connection, name),
        _keys(connection, name),
        _values(connection, name, columns),
    )


def _indexes(connection: t.Any, table: str) -> list[tuple[t.Any, ...]]:
    found = []
    for _, name, unique, origin, partial in _rows(
        connection, f'PRAGMA index_list("{table}")'
    ):
        quoted = name.replace('"', '""')
        terms = tuple(
            (column and column.lower(), descending, collation)
            for _, _, column, descending, collation, key in _rows(
                connection, f'PRAGMA index_xinfo("{quoted}")'
            )
            if key
        )
        made = None if name.startswith("sqlite_autoindex_") else name
        found.append((origin, unique, partial, made, terms))
    return sorted(found, key=repr)


def _keys(connection: t.Any, table: str) -> list[tuple[t.Any, ...]]:
    found: dict[int, list[t.Any]] = {}
    for row in _rows(connection, f'PRAGMA foreign_key_list("{table}")'):
        number, _, parent, child_column, parent_column, update, delete, match = row
        key = found.setdefault(number, [(parent, update, delete, match)])
        key.append((child_column.lower(), parent_column and parent_column.lower()))
    return sorted((tuple(key) for key in found.values()), key=repr)


def _values(
    connection: t.Any, table: str, columns: dict[str, Column]
) -> list[tuple[t.Any, dict[str, tuple[str, t.Any]]]]:
    names = ['"' + name.replace('"', '""') + '"' for name in columns]
    pairs = ", ".join(f"typeof({name}), {name}" for name in names)
    try:
        rows = connection.execute(
            f'SELECT rowid, {pairs} FROM "{table}" NOT INDEXED ORDER BY rowid'
        ).fetchall()
    except sqlite3.OperationalError as error:
        if "rowid" not in str(error):
            raise
        rows = connection.execute(f'SELECT NULL, {pairs} FROM "{table}"').fetchall()
    return [
        (
            row[0],
            {
                name: (_text(row[2 * i + 1]), row[2 * i + 2])
                for i, name in enumerate(columns)
            },
        )
        for row in rows
    ]


def _sequence(connection: t.Any, schema: list[t.Any]) -> dict[str, int]:
    if not any(row[1] == "sqlite_sequence" for row in schema):
        return {}
    return dict(_rows(connection, "SELECT name, seq FROM sqlite_sequence"))


def _statistics(
    connection: t.Any, schema: list[t.Any]
) -> list[tuple[str, str | None, str]]:
    if not any(row[1] == "sqlite_stat1" for row in schema):
        return []
    rows = _rows(connection, "SELECT tbl, idx, stat FROM sqlite_stat1")
    return sorted((t.cast(t.Any, r) for r in rows if r[0] != BOOKKEEPING), key=repr)


def _problems(connection: t.Any) -> list[tuple[t.Any, ...]]:
    """What SQLite itself finds wrong."""
    broken = [r for r in _rows(connection, "PRAGMA integrity_check") if r != ("ok",)]
    orphans = _rows(
        connection, "SELECT [table], rowid, parent FROM pragma_foreign_key_check"
    )
    return broken + sorted(orphans, key=repr)


@dataclasses.dataclass(frozen=True)
class Names:
    """What the table and its columns are called by now.

    :param thing: the table.
    :param xcol: the column that operations work on.
    :param feat: the column of the feature, ``None`` where it is dropped.
    """

    thing: str = "thing"
    xcol: str | None = "xcol"
    feat: str | None = "feat"


def probe(
    path: pathlib.Path, scripts: cabc.Iterable[str], names: Names, enforce: bool
) -> list[t.Any]:
    """Run each script in a transaction that is rolled back, and return its rows.

    Names are reported as they were at first.
    """
    with opened(path, enforce) as connection:
        return [_run(connection, script, names) for script in scripts]


def _run(connection: t.Any, script: str, names: Names) -> list[t.Any]:
    found: list[t.Any] = []
    connection.execute("BEGIN")
    try:
        for statement in script.split("; "):
            found += connection.execute(_statement(connection, statement, names))
    except sqlite3.Error as error:
        found.append(_first_names(str(error), names))
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return found


def _statement(connection: t.Any, statement: str, names: Names) -> str:
    written = re.fullmatch(r"@insert (\S+) (.*)", statement)
    if written is None:
        return statement.format(**dataclasses.asdict(names))
    columns = {"id": written[1], "q": "1", "y": "'p'"}
    columns |= {names.xcol or "": "'101'", names.feat or "": written[2]}
    columns.pop("", None)
    if written[2] == "-":
        columns.pop(names.feat or "", None)
    present = {
        row[1].lower()
        for row in _rows(connection, f'PRAGMA table_info("{names.thing}")')
    }
    used = [name for name in columns if name in present]
    values = ", ".join(columns[name] for name in used)
    return f"INSERT INTO {names.thing} ({', '.join(used)}) VALUES ({values})"


def _first_names(text: str, names: Names) -> str:
    # SQLite's own RENAME quotes a name, and that changes what the message quotes.
    text = re.sub(r"(CHECK constraint failed).*", r"\1", text)
    for first, now in dataclasses.asdict(names).items():
        text = re.sub(rf"\b{now}\b", first, text)
    return text

"""What SQLite says of its tables, without names that nobody chose."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import re
import sqlite3
import typing as t

import sqlalchemy as sa

Names = cabc.Set[str]


def schema_of(path: pathlib.Path) -> dict[str, t.Any]:
    """Return what SQLite tells of each table of a file, but Alembic's."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return schema_of_connection(connection, "main")


def schema_of_models(tables: sa.MetaData) -> dict[str, t.Any]:
    """Return the same of what ``create_all()`` makes."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    tables.create_all(engine)
    with engine.connect() as connection:
        dbapi = t.cast(sqlite3.Connection, connection.connection.dbapi_connection)
        made = schema_of_connection(dbapi, "main")
    engine.dispose()
    return made


def schema_of_connection(
    connection: sqlite3.Connection, schema: str, names: Names = frozenset()
) -> dict[str, t.Any]:
    """Return the same of one database of a connection.

    :param names: the names of constraints that somebody chose.
    """
    rows = connection.execute(
        f"SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    ).fetchall()
    return {
        name: _table(connection, schema, name, sql, {n.lower() for n in names})
        for name, sql in rows
    }


def _table(
    connection: sqlite3.Connection, schema: str, name: str, sql: str, names: Names
) -> dict[str, t.Any]:
    columns = {}
    collations = dict(re.findall(r"[\s(,]\"?(\w+)\"? [^,]*?COLLATE \"?(\w+)", sql))
    for _, column, type_, not_null, default, key, hidden in connection.execute(
        f'PRAGMA {schema}.table_xinfo("{name}")'
    ):
        collation = collations.get(column, "BINARY")
        value = _bare(default)
        if value is not None and re.search("CHAR|TEXT|CLOB", type_):
            # A number becomes a text there.
            value = re.sub(r"^[\d.]+$", r"'\g<0>'", value)
        columns[column] = (type_, not_null, value, key, hidden, collation)
    return {
        "columns": columns,
        "indexes": sorted(_indexes(connection, schema, name)),
        "keys": sorted(_keys(connection, schema, name)),
        "deferred": sorted(re.findall(r"\b(?:NOT )?DEFERRABLE[A-Z ]*", sql)),
        "conflicts": sorted(re.findall(r"ON CONFLICT (\w+)", sql)),
        "computed": sorted(
            re.sub(r"[\s\"]+", "", text)
            for text in re.findall(r"GENERATED ALWAYS AS (.*?)[\n,]", sql)
        ),
        "checks": sorted(_checks(sql)),
        "names": sorted(
            name
            for name in re.findall(r"CONSTRAINT \"?(\w+)", sql)
            if name.lower() in names
        ),
        "options": sorted(
            word
            for word in ("AUTOINCREMENT", "STRICT", "WITHOUT ROWID")
            if re.search(rf"\b{word}\b", sql)
        ),
    }


def _bare(default: str | None) -> str | None:
    while default and re.fullmatch(r"\([^()]*(\([^()]*\)[^()]*)*\)", default):
        default = default[1:-1]
    # SQLite stores the same for both, in a column of any type.
    return {"true": "1", "false": "0"}.get(default, default) if default else default


def _indexes(
    connection: sqlite3.Connection, schema: str, table: str
) -> t.Iterator[t.Any]:
    for _, name, unique, origin, _ in connection.execute(
        f'PRAGMA {schema}.index_list("{table}")'
    ).fetchall():
        terms = [
            (column, down, collation)
            for _, place, column, down, collation, is_key in connection.execute(
                f'PRAGMA {schema}.index_xinfo("{name}")'
            )
            if is_key
        ]
        # The primary key of a WITHOUT ROWID table has no row of its own.
        texts = connection.execute(
            f"SELECT sql FROM {schema}.sqlite_master WHERE name = ?", [name]
        ).fetchall()
        text = re.sub(r"[\s\"]+", "", "".join(sql or "" for (sql,) in texts)).lower()
        yield (name if origin == "c" else origin, unique, repr(terms), text)


def _keys(connection: sqlite3.Connection, schema: str, table: str) -> t.Iterator[t.Any]:
    found: dict[int, t.Any] = {}
    for id_, _, parent, column, to, update, delete, _ in connection.execute(
        f'PRAGMA {schema}.foreign_key_list("{table}")'
    ):
        found.setdefault(id_, []).append((parent, column, to, update, delete))
    return iter(found.values())


def _checks(sql: str) -> t.Iterator[str]:
    for start in re.finditer(r"\bCHECK\s*\(", sql):
        depth, end = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        yield re.sub(r"[\s\"]+", "", sql[start.end() : end - 1])

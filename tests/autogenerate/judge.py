"""What a SQLite file says of its tables, without names that nobody chose."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sqlite3
import typing as t

import sqlalchemy as sa


def schema_of(path: pathlib.Path) -> dict[str, t.Any]:
    """Return what SQLite tells of each table but Alembic's."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        ).fetchall()
        return {name: _table(connection, name, sql) for name, sql in rows}


def schema_of_models(tables: sa.MetaData, path: pathlib.Path) -> dict[str, t.Any]:
    """Return the same of what ``create_all()`` makes."""
    engine = sa.create_engine(f"sqlite:///{path}")
    tables.create_all(engine)
    engine.dispose()
    made = schema_of(path)
    path.unlink()
    return made


def _table(connection: sqlite3.Connection, name: str, sql: str) -> dict[str, t.Any]:
    columns = {}
    collations = dict(re.findall(r"[\s(,]\"?(\w+)\"? [^,]*?COLLATE \"?(\w+)", sql))
    for _, column, type_, not_null, default, key, hidden in connection.execute(
        f'PRAGMA table_xinfo("{name}")'
    ):
        collation = collations.get(column, "BINARY")
        columns[column] = (type_, not_null, _bare(default), key, hidden, collation)
    return {
        "columns": columns,
        "indexes": sorted(_indexes(connection, name)),
        "keys": sorted(_keys(connection, name)),
        "checks": sorted(_checks(sql)),
        "options": sorted(
            word
            for word in ("AUTOINCREMENT", "STRICT", "WITHOUT ROWID")
            if re.search(rf"\b{word}\b", sql)
        ),
    }


def _bare(default: str | None) -> str | None:
    while default and re.fullmatch(r"\([^()]*(\([^()]*\)[^()]*)*\)", default):
        default = default[1:-1]
    return default


def _indexes(connection: sqlite3.Connection, table: str) -> t.Iterator[t.Any]:
    for _, name, unique, origin, _ in connection.execute(
        f'PRAGMA index_list("{table}")'
    ).fetchall():
        terms = [
            (column, down, collation)
            for _, place, column, down, collation, is_key in connection.execute(
                f'PRAGMA index_xinfo("{name}")'
            )
            if is_key
        ]
        ((sql,),) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", [name]
        )
        text = re.sub(r"[\s\"]+", "", sql or "").lower()
        yield (name if origin == "c" else origin, unique, repr(terms), text)


def _keys(connection: sqlite3.Connection, table: str) -> t.Iterator[t.Any]:
    found: dict[int, t.Any] = {}
    for id_, _, parent, column, to, update, delete, _ in connection.execute(
        f'PRAGMA foreign_key_list("{table}")'
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

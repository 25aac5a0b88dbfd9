"""Reads a SQLite schema with any names, as SQLite itself and its texts tell it."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sqlite3
import typing as t

import sqlalchemy as sa

Schema = dict[str, dict[str, t.Any]]

_TOKEN: t.Final = re.compile(
    r"""\s+|--[^\n]*|(?P<string>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^]]*\])"""
    r"""|(?P<word>[^\W\d][\w$]*)|(?P<other>\d[\w.]*|.)"""
)


def read(path: pathlib.Path) -> Schema:
    """Return what a file holds, but Alembic's table; the file is not changed."""
    with (
        contextlib.closing(sqlite3.connect(path)) as stored,
        contextlib.closing(sqlite3.connect(":memory:")) as connection,
    ):
        stored.backup(connection)
        return _read(connection)


def wanted(define: t.Callable[[sa.MetaData], None]) -> Schema:
    """Return what ``create_all()`` makes."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata = sa.MetaData()
    define(metadata)
    metadata.create_all(engine)
    with engine.connect() as connection:
        made = _read(connection.connection.dbapi_connection)
    engine.dispose()
    return made


def difference(found: Schema, expected: Schema) -> list[str]:
    """Return a line for each thing that differs; chosen names have to be there."""
    lines = []
    for name in sorted(found.keys() ^ expected.keys()):
        lines.append(f"table {name!r}: {'more' if name in found else 'missing'}")
    for name in sorted(found.keys() & expected.keys()):
        for part, value in expected[name].items():
            other = found[name][part]
            if part == "names":
                # A name that several constraints have tells nothing.
                labels = [label.lower() for label, *_ in value]
                own = {each for each in value if labels.count(each[0].lower()) == 1}
                if not own <= set(other):
                    lines.append(f"{name!r} {part}: {other} lacks {own - set(other)}")
            elif value != other:
                lines.append(f"{name!r} {part}:\n  is     {other}\n  wanted {value}")
    return lines


def _read(connection: t.Any) -> Schema:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    ).fetchall()
    return {name: _table(connection, name, sql) for name, sql in rows}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(connection: t.Any, name: str, sql: str) -> dict[str, t.Any]:
    words = _words(sql)
    infos = connection.execute(f"PRAGMA table_xinfo({_quoted(name)})").fetchall()
    is_rowid = _has_rowid_alias(infos, words)
    columns = {
        column: (
            " ".join(type_.upper().split()),
            bool(not_null) and not (key and is_rowid),
            _default(type_, default),
            key,
            hidden,
            _collation(connection, name, column),
        )
        for _, column, type_, not_null, default, key, hidden in infos
    }
    keys: dict[int, list[t.Any]] = {}
    for id_, place, *rest in connection.execute(
        f"PRAGMA foreign_key_list({_quoted(name)})"
    ):
        keys.setdefault(id_, []).append((place, *rest))
    clauses = list(_clauses(words))
    return {
        "columns": columns,
        "indexes": sorted(_indexes(connection, name)),
        "keys": sorted(map(repr, keys.values())),
        # What is not said is so by itself.
        "deferred": sorted(
            re.findall(r"(?<!NOT )DEFERRABLE(?: INITIALLY DEFERRED)?", sql)
        ),
        "conflicts": sorted(re.findall(r"ON CONFLICT (\w+)", sql)),
        "matches": sorted(re.findall(r"MATCH (\w+)", sql)),
        "checks": sorted(text for kind, _, text in clauses if kind == "CHECK"),
        "computed": sorted(text for kind, _, text in clauses if kind == "AS"),
        "names": [
            (label, kind, text)
            for kind, label, text in clauses
            if label is not None and kind in ("CHECK", "UNIQUE")
        ],
        "options": sorted(
            option
            for option in ("AUTOINCREMENT", "STRICT", "WITHOUT ROWID")
            if f" {option} " in f" {' '.join(words)} "
        ),
    }


def _has_rowid_alias(infos: list[t.Any], words: list[str]) -> bool:
    keys = [info for info in infos if info[5]]
    if "WITHOUT ROWID" in " ".join(words):
        return False
    return len(keys) == 1 and keys[0][2].upper() == "INTEGER"


def _default(type_: str, default: str | None) -> t.Any:
    """Return what a row gets, or the text where that is another thing each time."""
    if default is None:
        return None
    if "CURRENT" in default.upper():
        return default.strip("()").upper()
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t (c {type_} DEFAULT ({default}))")
        connection.execute("INSERT INTO t DEFAULT VALUES")
        value = connection.execute("SELECT typeof(c), quote(c) FROM t").fetchone()
    return None if value[1] == "NULL" else tuple(value)


def _collation(connection: t.Any, table: str, column: str) -> str:
    """Return the order of a column's values, by an index made on it."""
    connection.execute("SAVEPOINT looked")
    connection.execute(f'CREATE INDEX "-" ON {_quoted(table)} ({_quoted(column)})')
    found = connection.execute('PRAGMA index_xinfo("-")').fetchone()[4]
    connection.execute("ROLLBACK TO looked")
    connection.execute("RELEASE looked")
    return str(found)


def _indexes(connection: t.Any, table: str) -> t.Iterator[t.Any]:
    for _, name, unique, origin, partial in connection.execute(
        f"PRAGMA index_list({_quoted(table)})"
    ).fetchall():
        terms = [
            (column, down, collation)
            for _, _, column, down, collation, is_key in connection.execute(
                f"PRAGMA index_xinfo({_quoted(name)})"
            )
            if is_key
        ]
        texts = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", [name]
        ).fetchall()
        sql = "".join(text or "" for (text,) in texts)
        words = " ".join(_words(sql[sql.find("(") :])) if origin == "c" else ""
        yield (name if origin == "c" else origin, unique, partial, repr(terms), words)


def _words(sql: str) -> list[str]:
    """Return the words of a text: keywords in capitals, names as they are."""
    words = []
    for found in _TOKEN.finditer(sql):
        kind, text = found.lastgroup, found[0]
        if kind == "name":
            words.append(text[1:-1].replace('""', '"'))
        elif kind == "word":
            words.append(text.upper() if text.upper() in _KEYWORDS else text)
        elif kind is not None:
            words.append(text)
    return words


_KEYWORDS: t.Final = frozenset(
    {
        *("CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "KEY", "FOREIGN", "AS", "STORED"),
        *("GENERATED", "ALWAYS", "VIRTUAL", "AUTOINCREMENT", "STRICT", "WITHOUT"),
        *("ROWID", "AND", "OR", "NOT", "IN", "IS", "NULL", "ON", "CONFLICT"),
    }
)


def _clauses(words: list[str]) -> t.Iterator[tuple[str, str | None, str]]:
    """Yield CHECKs, UNIQUEs and computations: the kind, the name and the text."""
    for place, word in enumerate(words):
        if word not in ("CHECK", "UNIQUE", "AS") or words[place + 1 :][:1] != ["("]:
            continue
        depth, end = 1, place + 2
        while depth:
            depth += {"(": 1, ")": -1}.get(words[end], 0)
            end += 1
        named = place > 1 and words[place - 2] == "CONSTRAINT"
        after = words[end : end + 1] if word == "AS" else []
        inside = words[place + 2 : end - 1]
        while inside[:1] == ["("] and inside[-1:] == [")"] and _balanced(inside[1:-1]):
            inside = inside[1:-1]
        text = " ".join([*inside, *after])
        yield word, words[place - 1] if named else None, text


def _balanced(words: list[str]) -> bool:
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0:
            return False
    return depth == 0

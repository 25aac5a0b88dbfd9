"""Asks SQLite what a statement means, to compare with what was read from it."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import typing as t

from flask_batchmigrate.sqlite.ddl.table import ColumnText
from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.ddl.table import ConstraintText
from flask_batchmigrate.sqlite.ddl.table import parse_table
from flask_batchmigrate.sqlite.ddl.table import TableText
from flask_batchmigrate.sqlite.ddl.tokens import quote
from flask_batchmigrate.sqlite.ddl.tokens import same_name
from flask_batchmigrate.sqlite.ddl.tokens import upper

COLLATIONS = ("LOCALIZED", "NOACCENTS", "unicode", "ICU", "Über")


@contextlib.contextmanager
def memory() -> t.Iterator[sqlite3.Connection]:
    """An empty database that knows the collations of the corpus."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for name in COLLATIONS:
            if sys.version_info < (3, 11) and not name.isascii():
                continue  # its sqlite3 module takes only plain names
            connection.create_collation(name, lambda a, b: (a > b) - (a < b))
        for name in ("unicode_lower", "regexp", "x y"):
            connection.create_function(name, -1, lambda *a: None, deterministic=True)
        yield connection
    finally:
        connection.close()


def accepts(*statements: str) -> bool:
    """Whether SQLite runs these statements on an empty database."""
    with memory() as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except sqlite3.Error:
            return False
    return True


def stored(connection: sqlite3.Connection, name: str) -> str:
    """The statement of one object as the catalogue keeps it."""
    row = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name = ?", (name,)
    ).fetchone()
    assert row is not None, name
    return str(row[0])


def columns_of(connection: sqlite3.Connection, table: str) -> list[tuple[t.Any, ...]]:
    """Each column: name, type, whether NULL is refused, default, key place, hidden."""
    rows = connection.execute(f"PRAGMA table_xinfo({quote(table)})").fetchall()
    return [(r[1], upper(r[2]), bool(r[3]), r[4], r[5], r[6]) for r in rows]


def foreign_keys_of(
    connection: sqlite3.Connection, table: str
) -> list[tuple[t.Any, ...]]:
    """Each foreign key in the statement's order: parent, pairs of columns, actions."""
    rows = connection.execute(f"PRAGMA foreign_key_list({quote(table)})").fetchall()
    keys: dict[int, list[t.Any]] = {}
    for number, _, parent, child, to, on_update, on_delete, _ in rows:
        key = keys.setdefault(number, [parent, [], on_update, on_delete])
        key[1].append((child, to))
    return [
        (parent, tuple(pairs), on_update, on_delete)
        for _, (parent, pairs, on_update, on_delete) in sorted(keys.items())[::-1]
    ]


def automatic_indexes_of(
    connection: sqlite3.Connection, table: str
) -> list[tuple[t.Any, ...]]:
    """Each index made for a key, in order: origin, and its columns with collation."""
    found = []
    rows = connection.execute(f"PRAGMA index_list({quote(table)})").fetchall()
    for _, name, unique, origin, _ in rows:
        if origin == "c":
            continue
        assert unique, name
        members = connection.execute(f"PRAGMA index_xinfo({quote(name)})").fetchall()
        keys = tuple((m[2], upper(m[4]), bool(m[3])) for m in members if m[5])
        found.append((name, origin, keys))
    return [(origin, keys) for _, origin, keys in sorted(found, key=_number)]


def _number(index: tuple[str, str, object]) -> int:
    return int(index[0].rpartition("_")[2])


def forbids_null(table: TableText, column: ColumnText) -> bool:
    """Tell whether a column refuses NULL, by ``NOT NULL`` or by its primary key.

    A primary key does so in WITHOUT ROWID and STRICT tables, unless it is the rowid
    (https://www.sqlite.org/stricttables.html).
    """
    if column.not_null:
        return True
    if not table.without_rowid and (not table.strict or table.rowid_alias):
        return False
    return any(same_name(column.name, member) for member in table.primary_key)


def expected_columns(table: TableText) -> list[tuple[t.Any, ...]]:
    """What the text says, in the form of :func:`columns_of`."""
    rows = []
    for column in table.columns:
        default = column.effective(ConstraintKind.DEFAULT)
        value = None
        if default is not None:
            value = default.value if default.expression is None else default.expression
        place = 0
        for index, name in enumerate(table.primary_key, start=1):
            if same_name(name, column.name):
                place = place or index
        hidden = 0
        if column.generated is not None:
            hidden = 3 if column.generated.stored else 2
        rows.append(
            (
                column.name,
                upper(column.type),
                forbids_null(table, column),
                value,
                place,
                hidden,
            )
        )
    return rows


def expected_foreign_keys(table: TableText) -> list[tuple[t.Any, ...]]:
    """What the text says, in the form of :func:`foreign_keys_of`."""
    keys = []
    for constraint in table.of_kind(ConstraintKind.FOREIGN_KEY):
        key = constraint.references
        assert key is not None
        children = [table.column(name).name for name in constraint.columns]
        parents = key.columns or (None,) * len(children)
        pairs = tuple(zip(children, parents, strict=True))
        actions = (key.on_update or "NO ACTION", key.on_delete or "NO ACTION")
        keys.append((key.table, pairs, *actions))
    return keys


def _key_members(
    table: TableText, key: ConstraintText
) -> tuple[tuple[str, str, bool], ...]:
    members: dict[tuple[str, str], bool] = {}
    terms = key.terms or (None,)
    for name, term in zip(key.columns, terms, strict=True):
        column = table.column(name)
        collation = column.collation or "BINARY"
        descending = key.order == "DESC"
        if term is not None:
            descending = term.order == "DESC"
            # SQLite forgets the collation where it first took the key for the rowid.
            if not _was_rowid(table, key):
                collation = term.collation or collation
        members.setdefault((column.name, upper(collation)), descending)
    return tuple((name, coll, desc) for (name, coll), desc in members.items())


def _was_rowid(table: TableText, key: ConstraintText) -> bool:
    is_primary = key.kind is ConstraintKind.PRIMARY_KEY
    if not is_primary or not table.without_rowid or len(key.columns) > 1:
        return False
    if key.order == "DESC":  # behind the column itself, where it does count
        return False
    return upper(table.column(key.columns[0]).type) == "INTEGER"


def expected_automatic_indexes(table: TableText) -> list[tuple[t.Any, ...]]:
    """What the text says, in the form of :func:`automatic_indexes_of`.

    SQLite makes one index for keys of the same columns and collations: the first one,
    with its order. What it first took for the rowid comes behind all other keys.
    """
    found: dict[tuple[t.Any, ...], tuple[t.Any, ...]] = {}
    keys = table.of_kind(ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)
    for key in sorted(keys, key=lambda key: _was_rowid(table, key)):
        is_primary = key.kind is ConstraintKind.PRIMARY_KEY
        if is_primary and table.rowid_alias is not None:
            continue
        members = _key_members(table, key)
        same = tuple(member[:2] for member in members)
        origin = "pk" if is_primary else "u"
        if same not in found:
            found[same] = (origin, members)
        elif is_primary:
            found[same] = ("pk", found[same][1])
    return list(found.values())


def assert_agrees(connection: sqlite3.Connection, name: str) -> TableText:
    """Assert that a table of a database was read as SQLite reads it."""
    table = parse_table(stored(connection, name))
    assert columns_of(connection, name) == expected_columns(table)
    assert foreign_keys_of(connection, name) == expected_foreign_keys(table)
    actual = automatic_indexes_of(connection, name)
    expected = expected_automatic_indexes(table)
    assert sorted(actual, key=repr) == sorted(expected, key=repr)
    if sqlite3.sqlite_version_info >= (3, 37):
        row = connection.execute(f"PRAGMA main.table_list({quote(name)})").fetchone()
        assert (bool(row[4]), bool(row[5])) == (table.without_rowid, table.strict)
    return table

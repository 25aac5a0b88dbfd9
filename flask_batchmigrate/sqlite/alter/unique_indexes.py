"""Replaces the text of a table together with the automatic indexes of its keys.

SQLite finds the index of a ``UNIQUE`` by its name, ``sqlite_autoindex_<table>_<n>``,
numbered in the order of the text, and stores it like any other unique index. So a new
index is built like one that a script creates, by sorting, and gets that name
afterwards; an index that is no longer needed is turned into such an index, and dropped.
No row of the table is written.

See https://www.sqlite.org/fileformat2.html#representation_of_sql_indices.
"""

from __future__ import annotations

import typing as t

from ...value_classes import value_class
from ..ddl.quoting import always_quoted
from ..ddl.table import TableText
from ..schema.catalogue import automatic_name
from ..schema.catalogue import qualified
from ..schema.catalogue import read_with_scratch
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.progress import run_long
from ..schema.records import automatic_indexes
from ..schema.records import AutomaticIndex
from ..schema.records import wanted_indexes
from ..schema.schema_edit import NewRow
from ..schema.schema_edit import replace_with_indexes
from .indexes import drop_indexes


class IndexesDiffer(Exception):
    """The automatic indexes are not what SQLite itself would make of the text."""


class Shown(t.NamedTuple):
    """The table whose name progress is reported under.

    :param table: the table that the script changes.
    :param rows: the number of its rows, if it is known.
    """

    table: StoredTable
    rows: int | None


@value_class
class _Moves:
    """The changes of a table's automatic indexes.

    :param kept: the new numbers of the indexes that stay, by their old numbers.
    :param built: the indexes to build, by number.
    :param dropped: the indexes to drop, by number.
    """

    kept: dict[int, int]
    built: dict[int, AutomaticIndex]
    dropped: dict[int, AutomaticIndex]


def replace_definition(
    db: Database, stored: StoredTable, text: TableText, shown: Shown | None = None
) -> None:
    """Replace the text of a table, and build and drop the indexes of its keys.

    :param stored: the table as it is stored now.
    :param text: a text that every stored record is valid for, apart from uniqueness,
        which is checked here.
    :param shown: the table that progress is reported for, if it is another one.
    :raises IndexesDiffer: more than UNIQUE constraints differ, or SQLite would
        store the keys in another way.
    """
    present = automatic_indexes(db, stored.schema, stored.name)
    wanted = wanted_indexes(db, text)
    moves = _compare(present, wanted)
    catalogue = read_with_scratch(db, stored.schema, stored.name)
    stored_names = {o.name for o in catalogue.of_table(stored.name, "index")}
    names = {n: automatic_name(stored.name, n) for n in (*present, *wanted)}
    if not _only_unique(stored.text, text, moves) or not stored_names.issuperset(
        names[n] for n in present
    ):
        raise IndexesDiffer
    built = {n: catalogue.free_name(f"_batchmigrate_new_{n}_") for n in moves.built}
    dropped = {n: catalogue.free_name(f"_batchmigrate_old_{n}_") for n in moves.dropped}
    shown = shown or Shown(stored, None)
    for number, name in built.items():
        statement = _create(stored, name, moves.built[number], stored.schema)
        run_long(db, shown.table, "building the index of a key", statement, shown.rows)
    moved = [NewRow(name, names[n], None) for n, name in built.items()]
    for n, name in dropped.items():
        moved.append(NewRow(names[n], name, _create(stored, name, moves.dropped[n])))
    for old, new in moves.kept.items():
        if old != new:
            moved.append(NewRow(names[old], names[new], None))
    replace_with_indexes(db, stored.schema, stored.name, text.sql, moved)
    drop_indexes(db, stored.schema, dropped.values())
    if automatic_indexes(db, stored.schema, stored.name) != wanted:
        raise IndexesDiffer


def _compare(
    present: dict[int, AutomaticIndex], wanted: dict[int, AutomaticIndex]
) -> _Moves:
    unmatched = dict(present)
    kept: dict[int, int] = {}
    built: dict[int, AutomaticIndex] = {}
    for number, index in wanted.items():
        old = next((n for n, other in unmatched.items() if other == index), None)
        if old is None:
            built[number] = index
        else:
            kept[old] = number
            del unmatched[old]
    return _Moves(kept, built, unmatched)


def _only_unique(before: TableText, after: TableText, moves: _Moves) -> bool:
    """Tell whether only UNIQUE constraints differ, and all their columns exist.

    For a column that a table does not have, SQLite would index its name, as text.
    """
    changed = [*moves.built.values(), *moves.dropped.values()]
    keys = [term for index in moves.built.values() for term in index.terms]
    columns = [term.column for term in keys if term.is_key]
    return (
        not before.without_rowid
        and not after.without_rowid
        and all(index.origin == "u" for index in changed)
        and all(name is not None and before.has_column(name) for name in columns)
    )


def _create(
    stored: StoredTable, name: str, index: AutomaticIndex, schema: str | None = None
) -> str:
    """Write the statement that creates an index like an automatic one.

    :param schema: the schema to run it in; a stored text names none.
    """
    terms = ", ".join(
        f"{always_quoted(term.column)} COLLATE {always_quoted(term.collation)}"
        + (" DESC" if term.descending else "")
        for term in index.terms
        if term.is_key and term.column is not None
    )
    path = always_quoted(name) if schema is None else qualified(schema, name)
    return f"CREATE UNIQUE INDEX {path} ON {always_quoted(stored.name)} ({terms})"

"""Replaces the text of a table together with the automatic indexes of its keys.

SQLite finds the index of a ``UNIQUE`` by its name, ``sqlite_autoindex_<table>_<n>``,
numbered in the order of the text, and stores it like any other unique index. So a new
one is built as an index of its own, by sorting, and gets that name afterwards; one
that goes becomes an index of its own and is dropped. No row of the table is written.

See https://www.sqlite.org/fileformat2.html#representation_of_sql_indices.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .catalogue import read_catalogue
from .catalogue import StoredTable
from .database import Database
from .judge import automatic_indexes
from .judge import AutomaticIndex
from .judge import wanted_indexes
from .progress import run_long
from .quoting import always_quoted
from .storage import NewRow
from .storage import replace_with_indexes
from .table import TableText
from .tokens import quote


class NotSettled(Exception):
    """The automatic indexes are not what SQLite itself would make of the text."""


class Told(t.NamedTuple):
    """What who listens to the progress is told of.

    :param table: the table that is changed.
    :param rows: how many rows it has, where that is known.
    """

    table: StoredTable
    rows: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Moves:
    """Which automatic index becomes which.

    :param kept: the new numbers of those that stay, by the number they have.
    :param built: those that are to be built, by number.
    :param dropped: those that go, by number.
    """

    kept: dict[int, int]
    built: dict[int, AutomaticIndex]
    dropped: dict[int, AutomaticIndex]


def replace_definition(
    db: Database, stored: StoredTable, text: TableText, told: Told | None = None
) -> None:
    """Give a table a new text, and its keys the indexes that go with it.

    :param stored: the table as it is stored now.
    :param text: a text for which every stored record is valid; what is unique is found
        out here.
    :param told: what listeners are told of, where it is not the table itself.
    :raises NotSettled: it is more than a UNIQUE that differs, or SQLite would store the
        keys in another way.
    """
    present = automatic_indexes(db, stored.schema, stored.name)
    wanted = wanted_indexes(db, text)
    moves = _compare(present, wanted)
    changed = [*moves.built.values(), *moves.dropped.values()]
    without_rowid = stored.text.without_rowid or text.without_rowid
    if without_rowid or any(index.origin != "u" for index in changed):
        raise NotSettled
    if not all(_stands_on(stored.text, index) for index in moves.built.values()):
        raise NotSettled
    catalogue = read_catalogue(db, stored.schema)
    stored_names = {o.name for o in catalogue.of_table(stored.name, "index")}
    if not stored_names.issuperset(_automatic(stored, number) for number in present):
        raise NotSettled
    built = {n: catalogue.free_name(f"_batchmigrate_new_{n}_") for n in moves.built}
    dropped = {n: catalogue.free_name(f"_batchmigrate_old_{n}_") for n in moves.dropped}
    shown = told or Told(stored, None)
    for number, name in built.items():
        statement = _create(stored, name, moves.built[number], stored.schema)
        run_long(db, shown.table, "building the index of a key", statement, shown.rows)
    moved = [NewRow(name, _automatic(stored, n), None) for n, name in built.items()]
    for number, name in dropped.items():
        sql = _create(stored, name, moves.dropped[number])
        moved.append(NewRow(_automatic(stored, number), name, sql))
    for old, new in moves.kept.items():
        if old != new:
            moved.append(NewRow(_automatic(stored, old), _automatic(stored, new), None))
    replace_with_indexes(db, stored.schema, stored.name, text.sql, moved)
    for name in dropped.values():
        db.execute(f"DROP INDEX {quote(stored.schema)}.{always_quoted(name)}")
    if automatic_indexes(db, stored.schema, stored.name) != wanted:
        raise NotSettled


def _compare(
    present: dict[int, AutomaticIndex], wanted: dict[int, AutomaticIndex]
) -> _Moves:
    left = dict(present)
    kept: dict[int, int] = {}
    built: dict[int, AutomaticIndex] = {}
    for number, index in wanted.items():
        old = next((n for n, other in left.items() if other == index), None)
        if old is None:
            built[number] = index
        else:
            kept[old] = number
            del left[old]
    return _Moves(kept, built, left)


def _stands_on(text: TableText, index: AutomaticIndex) -> bool:
    """Tell whether a table has the columns; SQLite would index a text for another."""
    names = [term.column for term in index.terms if term.is_key]
    return all(name is not None and text.has_column(name) for name in names)


def _automatic(stored: StoredTable, number: int) -> str:
    return f"sqlite_autoindex_{stored.name}_{number}"


def _create(
    stored: StoredTable, name: str, index: AutomaticIndex, schema: str | None = None
) -> str:
    """Write the statement that creates an index like an automatic one.

    :param schema: where it is to run; the stored text has none.
    """
    terms = ", ".join(
        f"{always_quoted(term.column)} COLLATE {always_quoted(term.collation)}"
        + (" DESC" if term.descending else "")
        for term in index.terms
        if term.is_key and term.column is not None
    )
    path = always_quoted(name)
    if schema is not None:
        path = f"{quote(schema)}.{path}"
    return f"CREATE UNIQUE INDEX {path} ON {always_quoted(stored.name)} ({terms})"

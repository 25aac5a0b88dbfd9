"""What each kind of change does to a state, worked out without the engine.

Each function takes the state before and turns it into the one that is expected after.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re
import sqlite3
import typing as t

from tests.oracles.database_state import ANY_ROWID
from tests.oracles.database_state import Column
from tests.oracles.database_state import State
from tests.oracles.database_state import Table

Expect = cabc.Callable[[State], None]
THING: t.Final = "thing"


def the_table(state: State) -> Table:
    """The table that operations work on, under the name it has by then."""
    return next(t for name, t in state.tables.items() if name.startswith(THING))


def unchanged(state: State) -> None:
    """Expect nothing to change."""


def all_of(*expected: Expect) -> Expect:
    """Expect several changes."""

    def expect(state: State) -> None:
        for one in expected:
            one(state)

    return expect


def added(
    name: str,
    column: Column,
    value: tuple[str, t.Any] = ("null", None),
    after: str | None = None,
) -> Expect:
    """Expect a new column, with the same value in every row."""

    def expect(state: State) -> None:
        table = the_table(state)
        names = list(table.columns)
        place = len(names) if after is None else names.index(after) + 1
        items = list(table.columns.items())
        items.insert(place, (name, column))
        table.columns = dict(items)
        for _, row in table.rows:
            row[name] = value

    return expect


def dropped(name: str) -> Expect:
    """Expect a column to be gone, with what of its table mentions it."""

    def expect(state: State) -> None:
        table = the_table(state)
        if table.columns.pop(name).key:
            _no_key(table)
        for _, row in table.rows:
            del row[name]
        gone = {
            index
            for index, (type_, _, sql) in state.objects.items()
            if type_ == "index" and mentions(sql or "", name)
        }
        for index in gone:
            del state.objects[index]
        table.indexes = [
            i
            for i in table.indexes
            if i[3] not in gone and not any(term[0] == name for term in i[4])
        ]
        lost = [key for key in table.keys if any(p[0] == name for p in key[1:])]
        table.keys = [key for key in table.keys if key not in lost]
        parents = {key[0][0] for key in lost}
        state.problems = [
            row for row in state.problems if not (row[0] == THING and row[2] in parents)
        ]
        state.statistics = [row for row in state.statistics if row[1] not in gone]

    return expect


def _no_key(table: Table) -> None:
    for column in table.columns.values():
        column.key = 0
    table.indexes = [i for i in table.indexes if i[0] != "pk"]


def renamed(old: str, new: str) -> Expect:
    """Expect the name of a column or of the table to be followed everywhere."""

    def follow(text: t.Any) -> t.Any:
        if not isinstance(text, str):
            return text
        return re.sub(rf"\b{old}\b", new, text, flags=re.I)

    def expect(state: State) -> None:
        state.objects = {
            name: (type_, follow(table), follow(sql))
            for name, (type_, table, sql) in state.objects.items()
        }
        for table in state.tables.values():
            table.sql = follow(table.sql)
            table.keys = sorted(
                (
                    tuple(tuple(follow(part) for part in one) for one in key)
                    for key in table.keys
                ),
                key=repr,
            )
        state.tables = {follow(name): table for name, table in state.tables.items()}
        table = the_table(state)
        table.columns = {follow(n): column for n, column in table.columns.items()}
        table.indexes = sorted(
            (
                (*index[:4], tuple((follow(n), *rest) for n, *rest in index[4]))
                for index in table.indexes
            ),
            key=repr,
        )
        table.rows = [
            (rowid, {follow(n): value for n, value in row.items()})
            for rowid, row in table.rows
        ]
        state.sequence = {follow(name): seq for name, seq in state.sequence.items()}
        state.statistics = sorted(
            ((follow(name), index, stat) for name, index, stat in state.statistics),
            key=repr,
        )
        state.problems = sorted(
            (tuple(follow(part) for part in row) for row in state.problems), key=repr
        )

    return expect


def typed(name: str, type_: str, using: str | None = None) -> Expect:
    """Expect another type; a table of its own shows what becomes of each value."""

    def expect(state: State) -> None:
        table = the_table(state)
        strict = " STRICT" if re.search(r"\)\s*STRICT", table.sql) else ""
        with contextlib.closing(sqlite3.connect(":memory:")) as scratch:
            scratch.text_factory = bytes
            scratch.execute(f"CREATE TABLE old ({name} {table.columns[name].type})")
            scratch.execute(f"CREATE TABLE new ({name} {type_}){strict}")
            for _, row in table.rows:
                scratch.execute("DELETE FROM old")
                scratch.execute("DELETE FROM new")
                class_, value = row[name]
                if class_ == "text":
                    scratch.execute("INSERT INTO old SELECT CAST(? AS TEXT)", (value,))
                else:
                    scratch.execute("INSERT INTO old VALUES (?)", (value,))
                scratch.execute(f"INSERT INTO new SELECT {using or name} FROM old")
                ((class_, value),) = scratch.execute(
                    f"SELECT typeof({name}), {name} FROM new"
                )
                row[name] = (class_.decode(), value)
        table.columns[name].type = type_

    return expect


def not_null(name: str, wanted: bool) -> Expect:
    """Expect NOT NULL to be set or gone."""

    def expect(state: State) -> None:
        the_table(state).columns[name].not_null = wanted

    return expect


def default(name: str, value: str | None) -> Expect:
    """Expect another default; no row changes."""

    def expect(state: State) -> None:
        the_table(state).columns[name].default = value

    return expect


def foreign_key(parent: str, column: str, parent_column: str, there: bool) -> Expect:
    """Expect a foreign key to be there or gone."""
    key = ((parent, "NO ACTION", "NO ACTION", "NONE"), (column, parent_column))

    def expect(state: State) -> None:
        table = the_table(state)
        if there:
            table.keys = sorted([*table.keys, key], key=repr)
        else:
            table.keys.remove(key)

    return expect


def unique(name: str, there: bool) -> Expect:
    """Expect the index of a UNIQUE constraint to be there or gone."""

    def expect(state: State) -> None:
        table = the_table(state)
        one = ("u", 1, 0, None, _terms(table, name))
        # SQLite makes no second index for a constraint that says the same.
        same = [i for i in table.indexes if i == one]
        twice = re.search(
            rf"\b{name}\b[^\n]* UNIQUE ON CONFLICT|{name} TEXT UNIQUE", table.sql
        )
        if not (same and twice):
            _index(table, one, there)

    return expect


def index(index_name: str, name: str, sql: str, there: bool) -> Expect:
    """Expect an index to be there or gone."""

    def expect(state: State) -> None:
        table = the_table(state)
        _index(table, ("c", 0, 0, index_name, _terms(table, name)), there)
        if there:
            state.objects[index_name] = ("index", THING, sql)
        else:
            del state.objects[index_name]

    return expect


def _terms(table: Table, *names: str) -> tuple[tuple[t.Any, ...], ...]:
    terms = []
    for name in names:
        found = re.search(rf"^\s*{name}\b.*collate (\w+)", table.sql, re.I | re.M)
        terms.append((name, 0, found[1] if found else "BINARY"))
    return tuple(terms)


def _index(table: Table, one: tuple[t.Any, ...], there: bool) -> None:
    if there:
        table.indexes = sorted([*table.indexes, one], key=repr)
    else:
        table.indexes.remove(one)


def is_rowid(table: Table) -> bool:
    """Tell whether the column ``id`` is the rowid: then its key needs no index."""
    return table.columns["id"].key > 0 and not any(i[0] == "pk" for i in table.indexes)


def primary_key(*names: str) -> Expect:
    """Expect another primary key, or none; the rows keep their rowids."""

    def expect(state: State) -> None:
        table = the_table(state)
        without_rowid = "WITHOUT ROWID" in table.sql
        implied = without_rowid or "STRICT" in table.sql
        for name, column in table.columns.items():
            if column.key and implied and name not in names:
                column.not_null = bool(re.search(rf"\b{name}\b.*NOT NULL", table.sql))
        _no_key(table)
        state.sequence.pop(THING, None)
        for number, name in enumerate(names, 1):
            table.columns[name].key = number
            if implied:
                table.columns[name].not_null = True
        integer = table.columns["id"].type.upper() == "INTEGER"
        if names == ("id",) and integer and not without_rowid:
            table.rows = [(row["id"][1], row) for _, row in table.rows]
            table.columns["id"].not_null = False
        elif names:
            _index(table, ("pk", 1, 0, None, _terms(table, *names)), True)

    return expect


def moved(*first: str) -> Expect:
    """Expect the columns in another order, these next to each other."""

    def expect(state: State) -> None:
        table = the_table(state)
        rest = [n for n in table.columns if n not in first or n == first[0]]
        place = rest.index(first[0])
        rest[place : place + 1] = first
        table.columns = {name: table.columns[name] for name in rest}

    return expect


def strict(wanted: bool) -> Expect:
    """Expect what STRICT has: a key that is NOT NULL, and ANY for any value."""

    def expect(state: State) -> None:
        table = the_table(state)
        for column in table.columns.values():
            if column.type == ("" if wanted else "ANY"):
                column.type = "ANY" if wanted else ""
        if is_rowid(table) or "WITHOUT ROWID" in table.sql:
            return
        for name, column in table.columns.items():
            if column.key:
                own = re.search(rf"\b{name}\b.*NOT NULL", table.sql)
                column.not_null = wanted or bool(own)

    return expect


def without_rowid(wanted: bool) -> Expect:
    """Expect rows without rowids, or with some again."""

    def expect(state: State) -> None:
        table = the_table(state)
        if ("WITHOUT ROWID" in table.sql) is wanted:
            return
        keys = sorted((c.key, n) for n, c in table.columns.items() if c.key)
        names = [name for _, name in keys]
        if wanted:
            if is_rowid(table):
                _index(table, ("pk", 1, 0, None, _terms(table, *names)), True)
            table.rows = [(None, row) for _, row in table.rows]
            state.problems = [
                (row[0], None, row[2]) if row[0] == THING else row
                for row in state.problems
            ]
            for name in names:
                table.columns[name].not_null = True
            return
        alias = names == ["id"] and table.columns["id"].type == "INTEGER"
        quirk = re.search(r"INTEGER PRIMARY KEY DESC", table.sql)
        for name in names:
            column = re.search(rf"\b{name}\b.*NOT NULL", table.sql)
            table.columns[name].not_null = bool(column)
        if alias and not quirk:
            table.indexes = [i for i in table.indexes if i[0] != "pk"]
            rows = [(row["id"][1], row) for _, row in table.rows]
            table.rows = sorted(rows, key=lambda pair: pair[0])
        else:
            table.rows = [(ANY_ROWID, row) for _, row in table.rows]

    return expect


def autoincrement(wanted: bool) -> Expect:
    """Expect new rows to be counted, from the largest key on, or not any more."""

    def expect(state: State) -> None:
        if not wanted:
            state.sequence.pop(THING, None)
        elif THING not in state.sequence and is_rowid(the_table(state)):
            rows = the_table(state).rows
            state.sequence[THING] = max(rowid for rowid, _ in rows)

    return expect


def mentions(text: str, name: str) -> bool:
    """Tell whether a name stands in a text."""
    return re.search(rf"\b{name}\b", text, re.I) is not None

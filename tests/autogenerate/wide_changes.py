"""Random changes of random models."""

from __future__ import annotations

import copy
import typing as t

from .wide_models import Column
from .wide_models import COLUMNS
from .wide_models import CONVENTIONS
from .wide_models import Maker
from .wide_models import Models
from .wide_models import Table
from .wide_models import TABLES
from .wide_types import KINDS


def changed(maker: Maker, models: Models) -> Models:
    """Return other models, made of some by a few changes."""
    after = copy.deepcopy(models)
    for _ in range(maker.random.choice([1, 1, 2, 3, 5])):
        change(maker, models, after)
    return after


def change(maker: Maker, before: Models, after: Models) -> None:
    """Change one thing of models.

    :param before: the models that the database has.
    :param after: changed in place.
    """
    pick = maker.random.choice
    if maker.maybe(0.12) or not after.tables:
        _whole(maker, before, after)
        return
    table = pick(after.tables)
    pick(
        [
            _column_added,
            _column_dropped,
            _column_changed,
            _column_changed,
            _column_changed,
            _column_renamed,
            _rest,
            _rest,
        ]
    )(maker, before, after, table)


def _whole(maker: Maker, before: Models, after: Models) -> None:
    what = maker.random.choice(["add", "drop", "rename", "convention"])
    if what == "add" or not after.tables:
        made = maker.table([*after.tables, *before.tables])
        after.tables += [made] if made else []
    elif what == "convention":
        after.convention = maker.random.randrange(len(CONVENTIONS))
    elif what == "drop":
        gone = maker.random.choice(after.tables)
        after.tables.remove(gone)
    else:
        table = maker.random.choice(after.tables)
        taken = {t_.name for t_ in (*after.tables, *before.tables)}
        free = [n for n in TABLES if n not in taken]
        if free and table.renamed_from is None and before.table(table.name):
            old, table.name = table.name, maker.random.choice(free)
            table.renamed_from = old
            for other in after.tables:
                for key in other.keys:
                    key.parent = table.name if key.parent == old else key.parent


def _of(before: Models, table: Table) -> Table | None:
    return before.table(table.renamed_from or table.name)


def _column_added(maker: Maker, before: Models, after: Models, table: Table) -> None:
    old = _of(before, table)
    names = [c.name for t_ in (table, old) if t_ for c in t_.columns]
    made = maker.column(names)
    table.columns += [made] if made else []


def _column_dropped(maker: Maker, before: Models, after: Models, table: Table) -> None:
    able = [column for column in table.columns if column.swapped_with is None]
    if able:
        table.columns.remove(maker.random.choice(able))


def _column_renamed(maker: Maker, before: Models, after: Models, table: Table) -> None:
    old = _of(before, table)
    able = [
        c
        for c in table.columns
        if c.former == c.name and old is not None and old.column(c.name)
    ]
    if not able or old is None:
        return
    column = maker.random.choice(able)
    if len(able) > 1 and maker.maybe(0.2):
        other = maker.random.choice([c for c in able if c is not column])
        if {":", "."} & {*column.name, *other.name}:
            # These separate names in --rename.
            return
        column.swapped_with, other.swapped_with = column.name, other.name
        column.name, other.name = other.name, column.name
        return
    taken = [c.name for t_ in (table, old) for c in t_.columns]
    free = [n for n in COLUMNS if n not in taken]
    if not free:
        return
    others = [c for c in able if c is not column]
    if others and maker.maybe(0.2):
        # A chain: one gets a new name, and another one the name that it had.
        other = maker.random.choice(others)
        _rename(table, other, maker.random.choice(free))
        _rename(table, column, str(other.renamed_from))
    else:
        _rename(table, column, maker.random.choice(free))


def _rename(table: Table, column: Column, name: str) -> None:
    column.renamed_from, column.name = column.name, name
    for each in (*table.indexes, *table.uniques, *table.pairs):
        each.columns = [name if n == column.renamed_from else n for n in each.columns]


def _column_changed(maker: Maker, before: Models, after: Models, table: Table) -> None:
    if not table.columns:
        return
    column = maker.random.choice(table.columns)
    pick = maker.random.choice
    what = pick(
        [
            "kind",
            "kind",
            "family",
            "nullable",
            "default",
            "default",
            "unique",
            "index",
            "check",
            "computed",
            "comment",
            "conflict",
        ]
    )
    if what == "kind":
        column.kind = pick(list(KINDS))
    elif what == "family":
        family = KINDS[column.kind].family
        column.kind = pick([k for k, v in KINDS.items() if v.family == family])
    elif what == "default":
        column.default = pick([None, maker.random.randrange(20)])
    elif what == "check":
        column.check = pick([None, maker.check()])
    elif what == "computed":
        column.computed = pick([None, True, False])
    elif what == "conflict":
        column.conflict = pick([None, "IGNORE", "REPLACE"])
    elif what == "comment":
        column.comment = pick([None, "other"])
    else:
        setattr(column, what, not getattr(column, what))


def _rest(maker: Maker, before: Models, after: Models, table: Table) -> None:
    pick = maker.random.choice
    what = pick(
        [
            "keys",
            "keys",
            "indexes",
            "indexes",
            "uniques",
            "uniques",
            "options",
            "pairs",
            "key_form",
            "comment",
        ]
    )
    if what == "options":
        table.options = maker.options(table)
    elif what == "key_form":
        is_parent = any(k.parent == table.name for t_ in after.tables for k in t_.keys)
        if not is_parent and not table.options:
            table.key_form = pick(["id", "text", "two"])
    elif what == "comment":
        table.comment = pick([None, "other"])
    else:
        items: list[t.Any] = getattr(table, what)
        if items and maker.maybe(0.5):
            gone = pick(items)
            items.remove(gone)
            if maker.maybe(0.5):
                return
        made = {
            "keys": lambda: maker.key(table, after.tables),
            "pairs": lambda: maker.pair(table),
            "indexes": lambda: maker.index(table),
            "uniques": lambda: maker.unique(table),
        }[what]()
        items += [copy.deepcopy(made)] if made else []

"""Removes constraints from a table, or renames them.

See :mod:`~flask_batchmigrate.sqlite.ddl.edits`, which offers these functions too.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from .constraints import ConstraintKind
from .constraints import ConstraintText
from .pieces import cut
from .pieces import join
from .pieces import replace
from .reader import Span
from .sheet import alone
from .sheet import Sheet
from .sheet import sheet_of
from .sheet import whole
from .table import ColumnText
from .table import TableText
from .tokens import quote
from .tokens import upper


def drop_constraint(table: TableText, constraint: ConstraintText) -> str:
    """Remove a constraint of the table or of a column, with its name.

    A separate ``DEFERRABLE`` of a column's foreign key is removed with it.

    :param table: the table.
    :param constraint: one of ``table.all_constraints``.
    :return: the new statement.
    :raises KeyError: if the constraint is not this table's.
    """
    item, index = _find(table, constraint)
    if constraint.column is None:
        return sheet_of(table).without(item).statement()
    return _without(sheet_of(table), item, {index}).statement()


def drop_constraints(
    table: TableText, unwanted: cabc.Callable[[ConstraintText], bool]
) -> str:
    """Remove every unwanted constraint.

    :param table: the table.
    :param unwanted: tells whether to remove a constraint.
    :return: the new statement, which may be the present one.
    """
    sheet = sheet_of(table)
    is_changed = False
    for item in range(len(sheet.parts) - 1, -1, -1):
        part = sheet.parts[item]
        if isinstance(part, ConstraintText):
            if unwanted(part):
                sheet, is_changed = sheet.without(item), True
            continue
        places = {i for i, c in enumerate(part.constraints) if unwanted(c)}
        if places:
            sheet, is_changed = _without(sheet, item, places), True
    return sheet.statement() if is_changed else table.sql


def drop_unique(table: TableText) -> str:
    """Remove every UNIQUE.

    :param table: the table.
    :return: the new statement.
    """
    return drop_constraints(table, lambda c: c.kind is ConstraintKind.UNIQUE)


def without_unique(column: ColumnText) -> str:
    """Write a column without its UNIQUE.

    :param column: the column.
    :return: its definition.
    """
    column = alone(column)
    places = {
        index
        for index, constraint in enumerate(column.constraints)
        if constraint.kind is ConstraintKind.UNIQUE
    }
    return cut_constraints(column, places) if places else column.text


def _without(sheet: Sheet, item: int, places: set[int]) -> Sheet:
    """Remove constraints of one column, with each ``DEFERRABLE`` of theirs."""
    column = alone(t.cast(ColumnText, sheet.parts[item]))
    own = set(places)
    for index in places:
        if column.constraints[index].kind is ConstraintKind.FOREIGN_KEY:
            own |= _deferrables(column.constraints, index)
    return sheet.rewritten(item, cut_constraints(column, own))


def _deferrables(siblings: cabc.Sequence[ConstraintText], index: int) -> set[int]:
    """Return the places of each separate ``DEFERRABLE`` of a foreign key."""
    places = set()
    for place in range(index + 1, len(siblings)):
        if siblings[place].kind is ConstraintKind.FOREIGN_KEY:
            break
        if siblings[place].kind is ConstraintKind.DEFERRABLE:
            places.add(place)
    return places


def cut_constraints(column: ColumnText, places: cabc.Set[int]) -> str:
    """Remove constraints of one column.

    Names without a constraint before them are removed, too, where the next constraint
    would get them.

    :param column: the column by itself, as :func:`alone` returns it.
    :param places: the places of the constraints to remove.
    :return: the new text of the column.
    """
    siblings = column.constraints
    spans: list[Span] = []
    follower: ConstraintText | None = None
    cutting = False
    for index in range(len(siblings) - 1, -1, -1):
        constraint = siblings[index]
        is_stray = constraint.kind is ConstraintKind.NAME_ONLY
        inherits = cutting and follower is not None and follower.name is None
        if index in places or (is_stray and inherits):
            spans.append(constraint.span)
            cutting = True
        else:
            follower = constraint
            cutting = False
    return cut(column.text, spans)


def rename_constraint(
    table: TableText, constraint: ConstraintText, new: str | None
) -> str:
    """Give a constraint another name, a first one, or none.

    :param table: the table.
    :param constraint: one of ``table.all_constraints``.
    :param new: the name, or ``None`` for none.
    :return: the new statement.
    :raises KeyError: if the constraint is not this table's.
    """
    place = table.all_constraints.index(constraint)
    item, index = _find(table, constraint)
    if table.sheet is not None:
        table = whole(table)
        constraint = table.all_constraints[place]
    siblings = table.constraints
    if constraint.column is not None:
        siblings = table.columns[item].constraints
    sql = table.sql
    if new is not None:
        if constraint.name_span is not None:
            return replace(sql, constraint.name_span, quote(new))
        start = constraint.span.start
        return join((sql[:start], f"CONSTRAINT {quote(new)} ", sql[start:]))
    if constraint.kind is ConstraintKind.NAME_ONLY:
        return drop_constraint(table, constraint)
    if constraint.name is None:
        return sql
    first = index
    while first and _is_stray_before(table, siblings, first):
        first -= 1
    start = siblings[first].span.start
    return join((sql[:start], sql[constraint.body_span.start :]))


def _is_stray_before(
    table: TableText, siblings: cabc.Sequence[ConstraintText], index: int
) -> bool:
    """Tell whether a name without a constraint precedes, with no comma between."""
    stray = siblings[index - 1]
    if stray.kind is not ConstraintKind.NAME_ONLY:
        return False
    between = range(stray.span.end, siblings[index].span.start)
    return not any(k.is_symbol(",") and k.start in between for k in table.tokens)


def _find(table: TableText, constraint: ConstraintText) -> tuple[int, int]:
    """Find a constraint: the item that is it or contains it, and its place there.

    :raises KeyError: the constraint is not this table's.
    """
    if constraint.column is None:
        siblings, item = table.constraints, -1
    else:
        item = table.places[upper(constraint.column)]
        siblings = table.columns[item].constraints
    for alike in (_is_same, _is_equal):
        for index, sibling in enumerate(siblings):
            if alike(sibling, constraint):
                return (item if item >= 0 else len(table.columns) + index), index
    raise KeyError(constraint.text)


def _is_same(one: ConstraintText, other: ConstraintText) -> bool:
    return one is other or (one == other and one.span == other.span)


def _is_equal(one: ConstraintText, other: ConstraintText) -> bool:
    return one == other

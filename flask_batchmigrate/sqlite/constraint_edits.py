"""Takes constraints out of a table, or gives them other names.

See :mod:`~flask_batchmigrate.sqlite.edits`, which offers these functions too.
"""

from __future__ import annotations

import collections.abc as cabc

from .constraints import ConstraintKind
from .constraints import ConstraintText
from .layout import take_apart
from .reader import Span
from .splice import cut
from .splice import join
from .splice import replace
from .table import parse_table
from .table import TableText
from .tokens import quote


def drop_constraint(table: TableText, constraint: ConstraintText) -> str:
    """Take a constraint out, of the table or of a column, with its name.

    The foreign key of a column takes a ``DEFERRABLE`` that stands apart with it.

    :param table: the table.
    :param constraint: one of ``table.all_constraints``.
    :return: the new statement.
    :raises KeyError: if the constraint is not this table's.
    """
    siblings, index = _find(table, constraint)
    if constraint.column is None:
        return take_apart(table).without(len(table.columns) + index).render()
    gone = {index}
    if constraint.kind is ConstraintKind.FOREIGN_KEY:
        for place in range(index + 1, len(siblings)):
            if siblings[place].kind is ConstraintKind.FOREIGN_KEY:
                break
            if siblings[place].kind is ConstraintKind.DEFERRABLE:
                gone.add(place)
    return cut_constraints(table, siblings, gone)


def drop_constraints(
    table: TableText, unwanted: cabc.Callable[[ConstraintText], bool]
) -> str:
    """Take constraints out, one after the other, until none is unwanted.

    :param table: the table.
    :param unwanted: tells of a constraint whether it is to go.
    :return: the new statement; the same where all stay.
    """
    while found := next(filter(unwanted, table.all_constraints), None):
        table = parse_table(drop_constraint(table, found))
    return table.sql


def drop_unique(table: TableText) -> str:
    """Take every UNIQUE out.

    :param table: the table.
    :return: the new statement.
    """
    return drop_constraints(table, lambda c: c.kind is ConstraintKind.UNIQUE)


def cut_constraints(
    table: TableText,
    siblings: cabc.Sequence[ConstraintText],
    gone: cabc.Set[int],
) -> str:
    """Take constraints of one column out.

    Names before them that name nothing go too, where they would pass to the
    constraint that comes next.

    :param table: the table.
    :param siblings: all constraints of the column.
    :param gone: which of them to take out.
    :return: the new statement.
    """
    spans: list[Span] = []
    follower: ConstraintText | None = None
    cutting = False
    for index in range(len(siblings) - 1, -1, -1):
        constraint = siblings[index]
        is_stray = constraint.kind is ConstraintKind.NAME_ONLY
        inherits = cutting and follower is not None and follower.name is None
        if index in gone or (is_stray and inherits):
            spans.append(constraint.span)
            cutting = True
        else:
            follower = constraint
            cutting = False
    return cut(table.sql, spans)


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
    siblings, index = _find(table, constraint)
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
    """Tell whether a name that names nothing stands before, with no comma between."""
    stray = siblings[index - 1]
    if stray.kind is not ConstraintKind.NAME_ONLY:
        return False
    between = range(stray.span.end, siblings[index].span.start)
    return not any(k.is_symbol(",") and k.start in between for k in table.tokens)


def _find(
    table: TableText, constraint: ConstraintText
) -> tuple[tuple[ConstraintText, ...], int]:
    """Find a constraint among those it stands with, on its column or the table."""
    siblings = table.constraints
    if constraint.column is not None:
        siblings = table.column(constraint.column).constraints
    for index, sibling in enumerate(siblings):
        if sibling == constraint and sibling.span == constraint.span:
            return siblings, index
    raise KeyError(constraint.text)

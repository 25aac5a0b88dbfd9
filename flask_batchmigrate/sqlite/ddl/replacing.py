"""Writes the definition of a column anew without losing what stands on it."""

from __future__ import annotations

import collections.abc as cabc

from . import edits
from .meaning import DROPPABLE
from .meaning import same_label
from .meaning import same_meaning
from .pieces import replace
from .table import ConstraintKind
from .table import ConstraintText
from .table import parse_column
from .table import parse_table
from .table import TableText


def replace_column(
    table: TableText, name: str, definition: str, type_: str | None = None
) -> str:
    """Write a column anew; its keys, CHECKs and foreign keys stay.

    Where the new definition says the same as one of them, or has one of its name, it
    takes its place.

    :param table: the table.
    :param name: the column.
    :param definition: the new column as SQL.
    :param type_: the type to declare in the place of the definition's.
    :return: the new statement.
    """
    column = table.column(name)
    wanted = parse_column(definition)
    if type_ is not None and wanted.type_span is not None:
        definition = replace(definition, wanted.type_span, type_)
    new = wanted.of_kind(*DROPPABLE)
    own = [
        c.text
        for c in column.of_kind(*DROPPABLE, ConstraintKind.DEFERRABLE)
        if not _is_said(c, new)
    ]
    sql = edits.drop_constraints(
        table, lambda c: c.column is None and c.kind in DROPPABLE and _is_said(c, new)
    )
    anew = " ".join((definition, *own))
    return edits.replace_column(parse_table(sql), column.name, anew)


def _is_said(constraint: ConstraintText, new: cabc.Sequence[ConstraintText]) -> bool:
    return any(same_meaning(constraint, c) or same_label(constraint, c) for c in new)

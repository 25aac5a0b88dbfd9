"""Replaces the definition of a column without losing its constraints."""

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


def redefine_column(
    table: TableText, name: str, definition: str, type_: str | None = None
) -> str:
    """Replace the definition of a column; its keys, CHECKs and foreign keys stay.

    A constraint of the new definition replaces one that says the same, and one of the
    same name.

    :param table: the table.
    :param name: the column.
    :param definition: the new column as SQL.
    :param type_: the type to declare instead of that of the definition.
    :return: the new statement.
    """
    column = table.column(name)
    wanted = parse_column(definition)
    if type_ is not None and wanted.type_span is not None:
        definition = replace(definition, wanted.type_span, type_)
    new = wanted.of_kind(*DROPPABLE)
    staying = [
        c.text
        for c in column.of_kind(*DROPPABLE, ConstraintKind.DEFERRABLE)
        if not _is_in(c, new)
    ]
    sql = edits.drop_constraints(
        table, lambda c: c.column is None and c.kind in DROPPABLE and _is_in(c, new)
    )
    text = " ".join((definition, *staying))
    return edits.replace_column(parse_table(sql), column.name, text)


def _is_in(constraint: ConstraintText, new: cabc.Sequence[ConstraintText]) -> bool:
    return any(same_meaning(constraint, c) or same_label(constraint, c) for c in new)

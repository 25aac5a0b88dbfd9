"""Tells which values rows have in columns that a script adds or fills."""

from __future__ import annotations

import re
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ..choices.fill_values import Clock
from ..choices.fill_values import default_value
from ..choices.fill_values import Expression
from ..choices.fill_values import TypedValue
from ..choices.fills import FillColumn
from ..choices.stored_names import Place
from ..script.operations import plain_text

#: SQL that has the same value in every row of one statement.
_CONSTANT: t.Final = re.compile(
    r"\(*\s*([-+]?[0-9.]+(e[-+]?[0-9]+)?|'(?:[^']|'')*'|true|false"
    r"|(current_(timestamp|date|time)|now)(\s*\(\s*\))?)\s*\)*",
    re.IGNORECASE,
)


class RowValues:
    """The values of columns that a script adds to tables with rows, or fills.

    :param upgrade: the operations.
    """

    def __init__(self, upgrade: ops.UpgradeOps) -> None:
        self._added: dict[tuple[Place, str], sa.Column[t.Any]] = {}
        self._filled: dict[tuple[Place, str], object] = {}
        self._retyped: set[tuple[Place, str]] = set()
        for operation in upgrade.ops:
            if isinstance(operation, FillColumn):
                table = operation.schema, operation.table_name
                self._filled[table, operation.column_name] = operation.value
            inner = operation.ops if isinstance(operation, ops.ModifyTableOps) else ()
            for each in inner:
                if isinstance(each, ops.AddColumnOp):
                    table = each.schema, each.table_name
                    self._added[table, str(each.column.name)] = each.column
                elif isinstance(each, ops.AlterColumnOp) and each.modify_type:
                    table = each.schema, each.table_name
                    self._retyped.add((table, str(each.column_name)))

    def is_given(self, table: Place, column: str) -> bool:
        """Tell whether the script gives rows a value for a column."""
        return {(table, column)} <= self._added.keys() | self._filled.keys()

    def value(
        self, table: Place, column: str, stored: sa.ColumnElement[t.Any]
    ) -> sa.ColumnElement[t.Any] | None:
        """Return the value that rows have in a column after the script.

        :param stored: the column by the name that the database has.
        :return: the value; None if it may differ from row to row.
        """
        place = table, column
        constant: sa.ColumnElement[t.Any] | None = sa.null()
        if place in self._filled:
            constant = _constant(self._filled[place])
        elif place in self._added:
            default = self._added[place].server_default
            if isinstance(default, sa.DefaultClause):
                constant = _constant(default_value(default))
            elif default is not None:
                constant = None
        if constant is None or place in self._added:
            return constant
        if place not in self._filled:
            return stored
        if place in self._retyped:
            # The two have different types before the script.
            stored, constant = (sa.cast(each, sa.String) for each in (stored, constant))
        return sa.func.coalesce(stored, constant)


def _constant(value: object) -> sa.ColumnElement[t.Any] | None:
    """Return a value as SQL; None if it may differ from row to row."""
    if isinstance(value, TypedValue):
        return sa.literal(value.value, value.type)
    if isinstance(value, Clock):
        return sa.literal_column("CURRENT_TIMESTAMP")
    if not isinstance(value, Expression):
        return sa.literal(value)
    if not _CONSTANT.fullmatch(value.sql):
        return None
    return sa.literal_column(plain_text(value.sql).text)

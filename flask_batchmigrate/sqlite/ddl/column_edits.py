"""Changes the clauses of one column: its type, default, NOT NULL and the like.

See :mod:`~flask_batchmigrate.sqlite.ddl.edits`, which offers these functions too.
"""

from __future__ import annotations

import collections.abc as cabc
import functools

from ..errors import SqlTextError
from .constraint_edits import cut_constraints
from .constraints import ConstraintKind
from .pieces import cut
from .pieces import insert
from .pieces import replace
from .sheet import alone
from .sheet import next_table
from .sheet import sheet_of
from .table import ColumnText
from .table import parse_column
from .table import TableText
from .tokens import quote
from .tokens import upper


def set_type(table: TableText, name: str, type: str) -> str:
    """Declare another type for a column.

    :param table: the table.
    :param name: the column.
    :param type: the type with its sizes, or ``''`` for none.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    :raises SqlTextError: if ``type`` is not a type and nothing else.
    """
    type = type.strip()
    probe = parse_column(f"x {type}")
    if probe.constraints or (type and not probe.type):
        raise SqlTextError("Expected a type and no more", type, 0)

    def change(column: ColumnText) -> str:
        if column.type_span is None:
            return insert(column.text, column.name_span.end, type)
        if not type:
            return cut(column.text, (column.type_span,))
        return replace(column.text, column.type_span, type)

    return _edited(table, name, change)


def set_any(table: TableText, strict: bool) -> str:
    """Spell the type of columns that keep every value as it is.

    A STRICT table calls it ANY; in other tables such a column has no type. An ANY there
    would turn '007' into 7: https://www.sqlite.org/stricttables.html

    :param table: the table.
    :param strict: whether the table becomes STRICT.
    :return: the new statement.
    """
    old, new = ("", "ANY") if strict else ("ANY", "")
    for column in table.columns:
        if upper(column.type) == old:
            table = next_table(set_type(table, column.name, new))
    return table.sql


def set_default(table: TableText, name: str, value: str | None) -> str:
    """Give a column another default, or none.

    :param table: the table.
    :param name: the column.
    :param value: the default as SQL, with or without the parentheses that it may need
        (:func:`default_value`); ``None`` removes the default.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    :raises SqlTextError: if ``value`` is no default.
    """
    if value is None:
        return _without_kind(table, name, ConstraintKind.DEFAULT)
    text = default_value(value)

    def change(column: ColumnText) -> str:
        present = column.effective(ConstraintKind.DEFAULT)
        if present is not None and present.detail_span is not None:
            return replace(column.text, present.detail_span, text)
        return _append(column, f"DEFAULT {text}")

    return _edited(table, name, change)


@functools.lru_cache(maxsize=256)
def default_value(text: str) -> str:
    """Write a default as SQLite needs it: all but literals are in parentheses.

    :param text: an expression: ``"0"``, ``"'x'"``, ``"CURRENT_TIMESTAMP"``,
        ``"datetime('now')"``. A bare word stays one, which SQLite takes for text.
    :return: the text after ``DEFAULT``.
    :raises SqlTextError: if it is no expression.
    """
    text = text.strip()
    try:
        if _is_default(text):
            return text
    except SqlTextError:
        pass
    wrapped = f"({text})"
    if text and _is_default(wrapped):
        return wrapped
    raise SqlTextError("Expected the value of a DEFAULT", text, 0)


def _is_default(text: str) -> bool:
    constraints = parse_column(f"x DEFAULT {text}").constraints
    return len(constraints) == 1 and constraints[0].value == text


def set_not_null(table: TableText, name: str, flag: bool) -> str:
    """Forbid NULL in a column, or allow it.

    Allowing it removes ``NOT NULL`` with its name and its ``ON CONFLICT``.

    :param table: the table.
    :param name: the column.
    :param flag: whether NULL is forbidden.
    :return: the new statement, which may be the present one.
    :raises KeyError: if there is no such column.
    """
    if not flag:
        return _without_kind(table, name, ConstraintKind.NOT_NULL)
    if table.column(name).not_null:
        return table.sql

    def change(column: ColumnText) -> str:
        allowed = column.effective(ConstraintKind.NULL)
        if allowed is not None:
            return replace(column.text, allowed.body_span, "NOT NULL")
        return _append(column, "NOT NULL")

    return _edited(table, name, change)


def set_collation(table: TableText, name: str, collation: str | None) -> str:
    """Give a column another collation.

    :param table: the table.
    :param name: the column.
    :param collation: the collation's name, or ``None`` to remove ``COLLATE``.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    """
    if collation is None:
        return _without_kind(table, name, ConstraintKind.COLLATE)
    spelled = quote(collation)

    def change(column: ColumnText) -> str:
        present = column.effective(ConstraintKind.COLLATE)
        if present is not None and present.detail_span is not None:
            return replace(column.text, present.detail_span, spelled)
        return _append(column, f"COLLATE {spelled}")

    return _edited(table, name, change)


def set_generated(
    table: TableText, name: str, expression: str | None, *, stored: bool = False
) -> str:
    """Make a column a generated one with this expression, or a plain one.

    :param table: the table.
    :param name: the column.
    :param expression: the expression, without the outer parentheses; ``None`` makes it
        a plain column.
    :param stored: whether the value is stored.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    :raises SqlTextError: if ``expression`` is not one expression.
    """
    if expression is None:
        return _without_kind(table, name, ConstraintKind.GENERATED)
    kind = "STORED" if stored else "VIRTUAL"
    clause = f"GENERATED ALWAYS AS ({expression}) {kind}"
    if len(parse_column(f"x {clause}").constraints) != 1:
        raise SqlTextError("Expected one expression", expression, 0)

    def change(column: ColumnText) -> str:
        present = column.generated
        if present is not None:
            return replace(column.text, present.body_span, clause)
        return _append(column, clause)

    return _edited(table, name, change)


def _edited(
    table: TableText, name: str, change: cabc.Callable[[ColumnText], str]
) -> str:
    """Change the text of one column.

    :param change: returns the new text of a column whose spans count from its start.
    """
    sheet = sheet_of(table)
    column = table.column(name)
    text = change(alone(column))
    if text == column.text:
        return table.sql
    return sheet.rewritten(sheet.places[upper(name)], text).statement()


def _append(column: ColumnText, clause: str) -> str:
    """Write a clause at a column's end, before trailing names without a constraint."""
    end = column.type_span.end if column.type_span else column.name_span.end
    for constraint in column.constraints:
        if constraint.kind is not ConstraintKind.NAME_ONLY:
            end = constraint.span.end
    return insert(column.text, end, clause)


def _without_kind(table: TableText, name: str, kind: ConstraintKind) -> str:
    def change(column: ColumnText) -> str:
        places = enumerate(column.constraints)
        unwanted = frozenset(i for i, c in places if c.kind is kind)
        return cut_constraints(column, unwanted)

    return _edited(table, name, change)

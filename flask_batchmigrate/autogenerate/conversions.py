"""Finds the conversion of stored values to another type."""

from __future__ import annotations

import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

_FAMILIES: t.Final = (
    (sa.Enum, "enum"),
    (sa.String, "text"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "number"),
    (sa.Numeric, "number"),
    (sa.DateTime, "moment"),
    (sa.Date, "moment"),
)


class AlterColumn(ops.AlterColumnOp):
    """A change of a column that converts its values where a database asks how."""


def convert(operations: ops.OpContainer) -> None:
    """Let every change of a type say how values are converted.

    :param operations: for any database; changed in place.
    """
    for position, each in enumerate(operations.ops):
        if isinstance(each, ops.OpContainer):
            convert(each)
        elif type(each) is ops.AlterColumnOp and each.modify_type is not None:
            altered = copy.copy(each)
            altered.__class__ = AlterColumn
            operations.ops[position] = altered


def postgresql_using(
    column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]
) -> str | None:
    """Return the expression by which PostgreSQL converts a column, if it needs one.

    It converts within a family of types, and everything to text, by itself:
    https://www.postgresql.org/docs/current/typeconv-query.html

    :param old: the type that the column has.
    :param new: the type that it gets.
    """
    before, after = _family(old), _family(new)
    if after == "text" or before is None or (before == after and before != "enum"):
        return None
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.quote(column)
    try:
        type_ = new.compile(dialect=dialect)
    except sa.exc.CompileError:
        return None
    through = "::text" if "enum" in (before, after) else ""
    if "boolean" in (before, after) and "number" in (before, after):
        # There is a cast for whole numbers only.
        through = "::integer"
    return f"{name}{through}::{type_}"


def _family(type_: t.Any) -> str | None:
    if isinstance(type_, sa.TypeDecorator):
        type_ = type_.impl
    for kind, family in _FAMILIES:
        if isinstance(type_, kind):
            return family
    return type(type_).__name__.lower()


@renderers.dispatch_for(AlterColumn)
def _render(autogen_context: t.Any, operation: AlterColumn) -> str:
    """Render it as Alembic does, and say how values are converted."""
    plain: t.Any = copy.copy(operation)
    plain.__class__ = ops.AlterColumnOp
    text = str(renderers.dispatch(plain)(autogen_context, plain))
    new = t.cast("sa.types.TypeEngine[t.Any]", operation.modify_type)
    using = postgresql_using(operation.column_name, operation.existing_type, new)
    if using is None:
        return text
    return f"{text.removesuffix(')')},\n{' ' * 11}postgresql_using={using!r})"

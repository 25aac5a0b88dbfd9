"""Finds the expression that converts stored values to another type."""

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
    """A change of a column's type, with the conversion that PostgreSQL requires."""


def convert(operations: ops.OpContainer) -> None:
    """Add the conversion of values to every change of a type.

    :param operations: the operations, for any database; changed in place.
    """
    for position, operation in enumerate(operations.ops):
        if isinstance(operation, ops.OpContainer):
            convert(operation)
        elif type(operation) is ops.AlterColumnOp and operation.modify_type is not None:
            altered = copy.copy(operation)
            altered.__class__ = AlterColumn
            operations.ops[position] = altered


def postgresql_using(
    column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]
) -> str | None:
    """Return the expression by which PostgreSQL converts a column, if it needs one.

    PostgreSQL itself converts within a family of types, and everything to text:
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
        # PostgreSQL casts only whole numbers.
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
    """Render the operation as Alembic does, and add the conversion of values."""
    plain: t.Any = copy.copy(operation)
    plain.__class__ = ops.AlterColumnOp
    text = str(renderers.dispatch(plain)(autogen_context, plain))
    new = t.cast("sa.types.TypeEngine[t.Any]", operation.modify_type)
    using = postgresql_using(operation.column_name, operation.existing_type, new)
    if using is None:
        return text
    return f"{text.removesuffix(')')},\n{' ' * 11}postgresql_using={using!r})"

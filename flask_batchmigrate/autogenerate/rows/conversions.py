"""Finds the expression that converts stored values to another type."""

from __future__ import annotations

import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from ..choices.fills import Nothing
from ..script.operations import plain_text
from ..script.rendering import type_text

_FAMILIES: t.Final = (
    (sa.Enum, "enum"),
    (sa.String, "text"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Numeric, "number"),
    (sa.Float, "number"),
    (sa.DateTime, "moment"),
    (sa.Date, "date"),
    (sa.Time, "time"),
    (sa.LargeBinary, "binary"),
    (sa.types.BINARY, "binary"),
    (sa.types.VARBINARY, "binary"),
    (sa.Uuid, "uuid"),
    (sa.JSON, "json"),
)
#: Families between which PostgreSQL converts by itself.
_KIN: t.Final = {"integer": "number", "date": "moment"}
MYSQL: t.Final = ("mysql", "mariadb")


class AlterColumn(ops.AlterColumnOp):
    """A change of a column's type, with the conversion that databases require."""

    #: The expression that a person gave for the values; None for the usual one.
    using: str | None = None

    def converted(self, dialect: str) -> str | None:
        """Return the expression that converts the values on a kind of database.

        :return: the expression, in SQL; None if the database needs none.
        """
        new = t.cast("sa.types.TypeEngine[t.Any]", self.modify_type)
        if dialect == "postgresql":
            return postgresql_using(
                self.column_name, self.existing_type, new, self.using
            )
        if dialect == "sqlite":
            usual = sqlite_using(self.column_name, self.existing_type, new)
            return self.using or usual
        if self.using is None and dialect in MYSQL:
            return mysql_using(self.column_name, self.existing_type, new)
        return self.using


class ConvertOnMysql(ops.MigrateOperation):
    """Converts the values of a column on MySQL, before its type changes.

    MySQL has no such expression in a change of a type, so the column is made one of
    text for as long as it takes.

    :param alteration: the change of the type.
    """

    def __init__(self, alteration: AlterColumn) -> None:
        self.alteration = alteration

    def reverse(self) -> Nothing:
        """Return an operation that does nothing: the old type needs no conversion."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        place = self.alteration
        return ("convert_values", place.schema, place.table_name, place.column_name)


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


def convert_on_mysql(upgrade: ops.UpgradeOps) -> None:
    """Add the conversions that MySQL and MariaDB do not make by themselves.

    :param upgrade: the operations, for any database; changed in place.
    """
    operations: list[ops.MigrateOperation] = []
    for block in upgrade.ops:
        inner = block.ops if isinstance(block, ops.ModifyTableOps) else ()
        operations += [
            ConvertOnMysql(each)
            for each in inner
            if isinstance(each, AlterColumn) and each.converted("mysql") is not None
        ]
        operations.append(block)
    upgrade.ops[:] = operations


def postgresql_using(
    column: str,
    old: t.Any,
    new: sa.types.TypeEngine[t.Any],
    given: str | None = None,
) -> str | None:
    """Return the expression by which PostgreSQL converts a column, if it needs one.

    PostgreSQL itself converts within a family of types, and everything to text:
    https://www.postgresql.org/docs/current/typeconv-query.html

    :param old: the type that the column has.
    :param new: the type that it gets.
    :param given: an expression that a person gave; its result is cast to the type.
    """
    before, after = family(old), family(new)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.quote(column)
    if given is None:
        if before == "binary" and after == "text":
            return f"convert_from({name}, 'UTF8')"
        if before == "text" and after == "binary":
            return f"convert_to({name}, 'UTF8')"
        is_same = _KIN.get(before or "", before) == _KIN.get(after or "", after)
        if after == "text" or before is None or (is_same and before != "enum"):
            return None
    try:
        type_ = generic(new).compile(dialect=dialect)
    except sa.exc.CompileError:
        return given
    through = "::text" if "enum" in (before, after) else ""
    if given is not None:
        return f"({given}){through}::{type_}"
    if {before, after} in ({"boolean", "number"}, {"boolean", "integer"}):
        # PostgreSQL casts only whole numbers.
        through = "::integer"
    return f"{name}{through}::{type_}"


def sqlite_using(
    column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]
) -> str | None:
    """Return the expression by which SQLite converts a column, if it needs one.

    It gives what PostgreSQL makes of a value. Values that have no such form stay as
    they are, so that the engine refuses them.
    """
    dialect = sqlite.dialect()
    name = dialect.identifier_preparer.quote(column)
    return {
        ("text", "boolean"): _truth(name),
        ("moment", "date"): (
            f"CASE WHEN substr({name}, 11) IN (' 00:00:00.000000', ' 00:00:00') "
            f"THEN substr({name}, 1, 10) ELSE {name} END"
        ),
        ("text", "uuid"): (
            f"CASE WHEN length({name}) = 36 THEN lower(replace({name}, '-', '')) "
            f"ELSE {name} END"
        ),
        ("text", "binary"): f"CAST({name} AS BLOB)",
        ("binary", "text"): f"CAST({name} AS TEXT)",
    }.get((family(old) or "", family(new) or ""))


def mysql_using(column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]) -> str | None:
    """Return the expression by which MySQL converts a column, if it needs one."""
    name = mysql.dialect().identifier_preparer.quote(column)
    return {
        ("text", "boolean"): _truth(name),
        # Where the server has no type for it, the column has room for the digits only.
        ("text", "uuid"): (
            f"CASE WHEN char_length({name}) = 36 "
            f"THEN lower(replace({name}, '-', '')) ELSE {name} END"
        ),
    }.get((family(old) or "", family(new) or ""))


def _truth(name: str) -> str:
    """Return the expression that reads a text as PostgreSQL reads a Boolean."""
    return (
        f"CASE WHEN lower(trim({name})) IN ('true', 't', 'yes', 'y', 'on') THEN 1 "
        f"WHEN lower(trim({name})) IN ('false', 'f', 'no', 'n', 'off') THEN 0 "
        f"ELSE {name} END"
    )


def family(type_: t.Any) -> str | None:
    """Return the family of a type, such as ``text``; its name if it is in none."""
    if isinstance(type_, sa.TypeDecorator):
        type_ = type_.impl
    for kind, name in _FAMILIES:
        if isinstance(type_, kind):
            return name
    return type(type_).__name__.lower()


#: Types of SQLite and MySQL that PostgreSQL does not have by these names.
_NOT_OF_POSTGRESQL: t.Final = (sa.DATETIME, sa.BLOB, sa.DOUBLE)


def generic(type_: sa.types.TypeEngine[t.Any]) -> sa.types.TypeEngine[t.Any]:
    """Return a type that every database has, in the place of a reflected one."""
    if type(type_) in _NOT_OF_POSTGRESQL:
        return type_.as_generic()
    return type_


@renderers.dispatch_for(AlterColumn)
def _render(autogen_context: t.Any, operation: AlterColumn) -> str:
    """Render the operation as Alembic does, and add the conversion of values."""
    plain: t.Any = copy.copy(operation)
    plain.__class__ = ops.AlterColumnOp
    text = str(renderers.dispatch(plain)(autogen_context, plain))
    for dialect in ("postgresql", "sqlite"):
        using = operation.converted(dialect)
        if using is not None:
            text = f"{text.removesuffix(')')},\n{' ' * 11}{dialect}_using={using!r})"
    return text


@renderers.dispatch_for(ConvertOnMysql)
def _render_on_mysql(autogen_context: t.Any, operation: ConvertOnMysql) -> list[str]:
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    change = operation.alteration
    lines = [f"if {prefix}get_context().dialect.name in {MYSQL!r}:"]
    if family(change.existing_type) not in ("text", "enum"):
        schema = f", schema={str(change.schema)!r}" if change.schema else ""
        existing = type_text(
            autogen_context, t.cast("sa.types.TypeEngine[t.Any]", change.existing_type)
        )
        text = type_text(autogen_context, sa.String(255))
        lines.append(
            f"{prefix}alter_column({str(change.table_name)!r}, "
            f"{str(change.column_name)!r}, existing_type={existing}, type_={text}"
            f"{schema})"
        )
    quote = mysql.dialect().identifier_preparer.quote
    named = [part for part in (change.schema, change.table_name) if part]
    table = ".".join(quote(str(part)) for part in named)
    column = quote(str(change.column_name))
    update = f"UPDATE {table} SET {column} = {change.converted('mysql')}"
    # A colon in it is no parameter.
    lines.append(f"{prefix}execute({plain_text(update).text!r})")
    return [*lines, ""]

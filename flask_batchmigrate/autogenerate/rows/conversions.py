"""Adds the conversions of stored values to changes of types."""

from __future__ import annotations

import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..choices.fills import Nothing
from ..script.enums import Tables
from ..script.operations import plain_text
from ..script.rendering import type_text
from .conversion_expressions import family
from .conversion_expressions import mysql_using
from .conversion_expressions import needs_using
from .conversion_expressions import postgresql_using
from .conversion_expressions import quote_on_mysql
from .conversion_expressions import sqlite_using

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
        """Return an operation that does nothing: it would come after the change."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        place = self.alteration
        return ("convert_values", place.schema, place.table_name, place.column_name)


class ConvertBackOnMysql(ops.MigrateOperation):
    """Stands for the conversion that the downgrade needs before it restores a type.

    :param alteration: the restoration of the type.
    """

    def __init__(self, alteration: AlterColumn) -> None:
        self.alteration = alteration

    def reverse(self) -> ConvertOnMysql:
        """Return the conversion."""
        return ConvertOnMysql(self.alteration)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        return ("convert_values_back", *self.reverse().to_diff_tuple()[1:])


def convert(operations: ops.OpContainer, tables: Tables) -> None:
    """Add the conversion of values to every change of a type.

    :param operations: the operations, for any database; changed in place.
    :param tables: the tables of the models.
    """
    converted: list[ops.MigrateOperation] = []
    for operation in operations.ops:
        if isinstance(operation, ops.OpContainer):
            convert(operation, tables)
        elif type(operation) is ops.AlterColumnOp and operation.modify_type is not None:
            altered = copy.copy(operation)
            altered.__class__ = AlterColumn
            converted += _without_default(t.cast("AlterColumn", altered), tables)
            continue
        converted.append(operation)
    operations.ops[:] = converted


def _without_default(altered: AlterColumn, tables: Tables) -> list[ops.AlterColumnOp]:
    """Return the change of a type between the removal and the return of the default.

    PostgreSQL converts no default along with the values, up or down.

    :param altered: the change of the type; changed in place.
    """
    old: t.Any = altered.existing_server_default
    new: t.Any = altered.modify_server_default
    if new is False:
        table = tables.get((altered.schema, altered.table_name))
        columns = () if table is None else table.columns
        found = (c.server_default for c in columns if c.name == altered.column_name)
        new = next(found, None)
    own = (sa.Computed, sa.Identity)
    plain = [None if each is False else each for each in (old, new)]
    if plain == [None, None] or isinstance(old, own) or isinstance(new, own):
        return [altered]
    ends = (altered.existing_type, altered.modify_type)
    if not any(
        needs_using(family(a) or "", family(b) or "") for a, b in (ends, ends[::-1])
    ):
        return [altered]
    first = _default_change(altered, plain[0], None)
    last = _default_change(altered, None, plain[1])
    last.existing_type = altered.modify_type
    if altered.modify_comment is not False:
        last.existing_comment = altered.modify_comment
    if altered.modify_nullable is not None:
        last.existing_nullable = altered.modify_nullable
    altered.existing_server_default = altered.modify_server_default = False
    return [
        *([first] if plain[0] is not None else []),
        altered,
        *([last] if plain[1] is not None else []),
    ]


def _default_change(altered: AlterColumn, old: t.Any, new: t.Any) -> ops.AlterColumnOp:
    """Return the change of the default of a column that gets another type."""
    return ops.AlterColumnOp(
        altered.table_name,
        altered.column_name,
        schema=altered.schema,
        existing_type=altered.existing_type,
        existing_nullable=altered.existing_nullable,
        existing_server_default=old,
        existing_comment=altered.existing_comment,
        modify_server_default=new,
    )


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
        operations += [
            ConvertBackOnMysql(back)
            for each in inner
            if isinstance(each, AlterColumn)
            and isinstance(back := each.reverse(), AlterColumn)
            and back.converted("mysql") is not None
        ]
    upgrade.ops[:] = operations


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


@renderers.dispatch_for(ConvertBackOnMysql)
def _render_nothing(autogen_context: t.Any, operation: t.Any) -> list[str]:
    return []


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
    named = [part for part in (change.schema, change.table_name) if part]
    table = ".".join(quote_on_mysql(str(part)) for part in named)
    column = quote_on_mysql(str(change.column_name))
    update = f"UPDATE {table} SET {column} = {change.converted('mysql')}"
    # A colon in it is no parameter.
    lines.append(f"{prefix}execute({plain_text(update).text!r})")
    return [*lines, ""]

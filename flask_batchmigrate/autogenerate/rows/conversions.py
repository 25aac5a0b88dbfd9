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
from ..script.enums import Tables
from ..script.operations import plain_text
from ..script.rendering import type_text

_FAMILIES: t.Final = (
    (sa.Interval, "interval"),
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
#: Families, and those to which PostgreSQL converts their values when it is told to:
#: https://www.postgresql.org/docs/current/catalog-pg-cast.html
_CAST: t.Final = {
    "integer": {"integer", "number", "boolean"},
    "number": {"integer", "number", "boolean"},
    "boolean": {"integer", "number", "boolean"},
    "moment": {"moment", "date", "time"},
    "date": {"moment", "date"},
    "time": {"time", "interval"},
    "interval": {"interval", "time"},
    "binary": {"binary"},
    "uuid": {"uuid"},
    "json": {"json"},
    "array": {"array"},
}
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
        _needs_using(family(a) or "", family(b) or "") for a, b in (ends, ends[::-1])
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
    before, after = family(old) or "", family(new) or ""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.quote(column)
    if given is None and not _needs_using(before, after):
        return None
    try:
        type_ = generic(new).compile(dialect=dialect)
    except sa.exc.CompileError:
        return given
    through = "::text" if "enum" in (before, after) else ""
    if given is not None:
        return f"({given}){through}::{type_}"
    if "binary" in (before, after) and "text" in (before, after):
        function = "convert_from" if before == "binary" else "convert_to"
        return f"{function}({name}, 'UTF8')"
    return f"{_castable(name, before, after)}{through}::{type_}"


def _needs_using(before: str, after: str) -> bool:
    """Tell whether PostgreSQL has to be told how it converts."""
    if before == "binary" and after == "text":
        return True
    is_same = _KIN.get(before, before) == _KIN.get(after, after)
    return not (
        after == "text" or not before or (is_same and before not in ("enum", "array"))
    )


def _castable(name: str, before: str, after: str) -> str:
    """Return a column's values as PostgreSQL casts them to a type.

    Where it converts no value, NULL becomes NULL and any value is refused, so that the
    type of a column without values changes. (A value is not read as a text that happens
    to fit, as 20240229 would as a date.)
    """
    if {before, after} in ({"boolean", "number"}, {"boolean", "integer"}):
        # PostgreSQL casts only whole numbers.
        return f"{name}::integer"
    if before not in _CAST or after not in _CAST or after in _CAST[before]:
        return name
    if after == "json" and before in ("integer", "number", "boolean", "array"):
        return f"to_json({name})"
    if before == "json" and after in ("integer", "number", "boolean"):
        return f"{name}::text"
    # Bytes are read from any text that does not begin so.
    start = r"\x " if after == "binary" else ""
    return f"('{start}cannot convert ' || {name}::text)"


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
    before, after = family(old) or "", family(new) or ""
    if "uuid" in (before, after) and not {before, after} & {"text", "binary"}:
        # MariaDB has the values as text between the two types.
        return None if before == after else name
    return {
        ("text", "boolean"): _truth(name),
        # Where the server has no type for it, the column has room for the digits only.
        ("text", "uuid"): (
            f"CASE WHEN char_length({name}) = 36 "
            f"THEN lower(replace({name}, '-', '')) ELSE {name} END"
        ),
    }.get((before, after))


def _truth(name: str) -> str:
    """Return the expression that reads a text as PostgreSQL reads a Boolean."""
    return (
        f"CASE WHEN lower(trim({name})) IN ('true', 't', 'yes', 'y', 'on') THEN 1 "
        f"WHEN lower(trim({name})) IN ('false', 'f', 'no', 'n', 'off') THEN 0 "
        f"ELSE {name} END"
    )


def family(type_: t.Any) -> str | None:
    """Return the family of a type, such as ``text``; its name if it is in none."""
    if isinstance(type_, sa.TypeDecorator) and not isinstance(type_, sa.Interval):
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
    quote = mysql.dialect().identifier_preparer.quote
    named = [part for part in (change.schema, change.table_name) if part]
    table = ".".join(quote(str(part)) for part in named)
    column = quote(str(change.column_name))
    update = f"UPDATE {table} SET {column} = {change.converted('mysql')}"
    # A colon in it is no parameter.
    lines.append(f"{prefix}execute({plain_text(update).text!r})")
    return [*lines, ""]

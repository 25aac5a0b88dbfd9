"""Finds the value that existing rows get in a new column that must not be NULL.

The value is chosen when the script is generated, not on the database that the script
runs on. The script writes the value in a form that every database accepts, and leaves
no default behind that the model does not have.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import datetime
import decimal
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ...value_classes import value_class
from ..request import Request
from ..script.copies import copy_table
from ..script.rendering import type_text
from .fill_values import Clock
from .fill_values import Expression
from .fill_values import says_null
from .fill_values import TypedValue
from .stored_names import Place
from .stored_names import StoredNames
from .value_choice import NO_VALUE
from .value_choice import Values
from .value_texts import value_text


class FillColumn(ops.MigrateOperation):
    """Gives a value for a column to every row that has none.

    :param value: the value, as a Python object.
    :param replaces: whether the rows that have a value get this one, too.
    """

    def __init__(
        self,
        table: str,
        column: str,
        value: object,
        schema: str | None,
        replaces: bool = False,
    ) -> None:
        self.table_name = table
        self.column_name = column
        self.value = value
        self.schema = schema
        self.replaces = replaces

    def reverse(self) -> Nothing:
        """Return an operation that does nothing: the rows keep their values."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        return ("fill_column", self.schema, self.table_name, self.column_name)


class Nothing(ops.MigrateOperation):
    """An operation that does nothing: the reverse of one that cannot be reversed."""

    def reverse(self) -> Nothing:
        """Return the same operation."""
        return self


@renderers.dispatch_for(FillColumn)
def _render(autogen_context: t.Any, operation: FillColumn) -> list[str]:
    """Render an UPDATE as an expression of SQLAlchemy, which fits every database."""
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    sa_ = autogen_context.opts["sqlalchemy_module_prefix"] or ""
    name = repr(operation.column_name)
    column = name
    given = operation.value
    if isinstance(given, (Clock, TypedValue)):
        column = f"{name}, {type_text(autogen_context, given.type)}"
    if isinstance(given, Clock):
        autogen_context.imports.add("import datetime")
        value = given.python
    elif isinstance(given, TypedValue):
        value = value_text(given.value, autogen_context.imports)
    else:
        value = _value_text(given, sa_, autogen_context.imports)
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    table = f"{sa_}table({operation.table_name!r}, {sa_}column({column}){schema})"
    where = "" if operation.replaces else f".where(rows.c[{name}].is_(None))"
    return [
        f"rows = {table}",
        f"{prefix}execute(rows.update(){where}.values({{{name}: {value}}}))",
    ]


def _value_text(value: object, prefix: str, imports: set[str]) -> str:
    """Return the text of a value in a script.

    :param prefix: the prefix of what is SQLAlchemy's.
    :param imports: gets the imports that the text needs.
    """
    if isinstance(value, Expression):
        return f"{prefix}text({value.sql!r})"
    if isinstance(value, bool):
        return f"{prefix}{'true' if value else 'false'}()"
    text = value_text(value, imports)
    if isinstance(value, (datetime.date, datetime.time, decimal.Decimal)):
        return f"{prefix}literal({text})"
    return text


@renderers.dispatch_for(Nothing)
def _render_nothing(autogen_context: t.Any, operation: Nothing) -> list[str]:
    return []


@value_class
class Rows:
    """Counts rows of the database that was compared.

    :param connection: a connection to that database.
    """

    connection: sa.Connection

    def without_value(self, table: str, column: str | None, schema: str | None) -> int:
        """Return how many rows have no value for a column; all rows if it is None."""
        described = sa.table(
            table, *([sa.column(column)] if column else []), schema=schema
        )
        query = sa.select(sa.func.count()).select_from(described)
        if column is not None:
            query = query.where(described.c[column].is_(None))
        return int(self.connection.execute(query).scalar_one())


Tables: t.TypeAlias = "cabc.Mapping[Place, sa.Table]"


def fill(upgrade: ops.UpgradeOps, request: Request, rows: Rows, tables: Tables) -> None:
    """Give existing rows values for columns that must not be NULL.

    :param upgrade: the operations; changed in place.
    :param rows: counts the rows that need a value.
    :param tables: the tables of the models.
    :raises BatchMigrateError: no value is known, or an option is wrong.
    """
    created = {
        (operation.schema, str(operation.table_name))
        for operation in upgrade.ops
        if isinstance(operation, ops.CreateTableOp)
    }
    values = Values(request, rows.connection.dialect, created)
    operations: list[ops.MigrateOperation] = []
    stored = StoredNames(upgrade.ops)
    for operation in upgrade.ops:
        if isinstance(operation, ops.ModifyTableOps):
            operations += _in_steps(operation, values, rows, stored, tables)
        else:
            operations.append(operation)
    values.conclude()
    upgrade.ops[:] = operations


def _in_steps(
    block: ops.ModifyTableOps,
    values: Values,
    rows: Rows,
    stored: StoredNames,
    tables: Tables,
) -> list[ops.MigrateOperation]:
    """Return a block, split where rows are filled: add columns, fill, set NOT NULL."""
    first: list[ops.MigrateOperation] = []
    fills: list[ops.MigrateOperation] = []
    last: list[ops.MigrateOperation] = []
    place = block.schema, block.table_name
    table, computed = tables.get(place), _computed(block)
    for operation in block.ops:
        if isinstance(operation, ops.AddColumnOp) and operation.column.name in computed:
            first.append(_filled(operation, computed, fills, last))
            continue
        column, model = _tightened(operation, table)
        if column is None and (fill := _preferred(operation, values, rows, stored)):
            first.append(operation)
            fills.append(fill)
            continue
        if column is None or model is None:
            (last if fills else first).append(operation)
            continue
        is_new = isinstance(operation, ops.AddColumnOp)
        filled = None if is_new else stored.column(place, column)
        number = rows.without_value(stored.table(place), filled, block.schema)
        value = values.choose(block.table_name, model, number)
        if value is NO_VALUE:
            (last if fills else first).append(operation)
            continue
        fills.append(FillColumn(block.table_name, column, value, block.schema))
        if isinstance(operation, ops.AddColumnOp):
            loose, tight = _loosened(operation)
            first.append(loose)
            last.append(tight)
        elif isinstance(operation, ops.AlterColumnOp) and (
            operation.modify_type is not None
        ):
            # The value is one of the new type.
            retyped, tight = _retyped_first(operation)
            first.append(retyped)
            last.append(tight)
        else:
            last.append(operation)
    return _split(block, first, fills, last) if fills else [block]


def _split(
    block: ops.ModifyTableOps,
    first: list[ops.MigrateOperation],
    fills: list[ops.MigrateOperation],
    last: list[ops.MigrateOperation],
) -> list[ops.MigrateOperation]:
    """Return a block in two parts, with the operations that fill rows between them."""
    parts = [
        ops.ModifyTableOps(block.table_name, part, schema=block.schema)
        for part in (first, last)
    ]
    return [*(parts[:1] if first else ()), *fills, *(parts[1:] if last else ())]


def _computed(block: ops.ModifyTableOps) -> dict[str, Expression]:
    """Return the expressions of computed columns that become plain, by name."""
    dropped = {
        o.column_name: o.to_column().computed
        for o in block.ops
        if isinstance(o, ops.DropColumnOp)
    }
    return {
        str(o.column.name): Expression(str(t.cast(t.Any, clause.sqltext).text))
        for o in block.ops
        if isinstance(o, ops.AddColumnOp) and o.column.computed is None
        for clause in [dropped.get(str(o.column.name))]
        if clause is not None
    }


def _filled(
    operation: ops.AddColumnOp,
    computed: cabc.Mapping[str, Expression],
    fills: list[ops.MigrateOperation],
    last: list[ops.MigrateOperation],
) -> ops.AddColumnOp:
    """Have a plain column hold the values that it had while it was computed.

    :param computed: the expressions of such columns.
    :param fills: gets the operation that fills the column.
    :param last: gets the one that forbids NULL.
    :return: the operation that adds the column.
    """
    name, schema = str(operation.column.name), operation.schema
    fills.append(FillColumn(operation.table_name, name, computed[name], schema, True))
    if operation.column.nullable or operation.column.server_default is not None:
        return operation
    loose, tight = _loosened(operation)
    last.append(tight)
    return loose


def _preferred(
    operation: ops.MigrateOperation, values: Values, rows: Rows, stored: StoredNames
) -> FillColumn | None:
    """Return what fills a new column that needs no value, if an option gives one."""
    if not isinstance(operation, ops.AddColumnOp):
        return None
    column, table, schema = operation.column, operation.table_name, operation.schema
    computed = isinstance(column.server_default, (sa.Computed, sa.Identity))
    if computed or not values.has_option(table, column):
        return None
    number = rows.without_value(stored.table((schema, table)), None, schema)
    value = values.choose(table, column, number)
    return FillColumn(table, str(column.name), value, schema, replaces=True)


def _tightened(
    operation: ops.MigrateOperation, table: sa.Table | None
) -> tuple[str | None, sa.Column[t.Any] | None]:
    """Return the column that an operation makes NOT NULL, if it has to be filled."""
    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        computed = isinstance(column.server_default, (sa.Computed, sa.Identity))
        default = column.server_default
        if column.nullable or computed:
            return None, None
        if default is not None and not says_null(default):
            return None, None
        return str(column.name), column
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_nullable is False:
        name = str(operation.column_name)
        columns = [] if table is None else [c for c in table.columns if c.name == name]
        return name, columns[0] if columns else None
    return None, None


def _loosened(
    operation: ops.AddColumnOp,
) -> tuple[ops.AddColumnOp, ops.AlterColumnOp]:
    """Split an operation: add the column without NOT NULL, then set NOT NULL."""
    column = operation.column
    table: t.Any = column.table
    copied = copy_table(table).columns[column.key]
    copied.type = column.type
    copied.nullable = True
    loose = ops.AddColumnOp(operation.table_name, copied, schema=operation.schema)
    tight = ops.AlterColumnOp(
        operation.table_name,
        str(column.name),
        schema=operation.schema,
        existing_type=column.type,
        existing_comment=column.comment,
        existing_nullable=True,
        modify_nullable=False,
    )
    return loose, tight


def _retyped_first(
    operation: ops.AlterColumnOp,
) -> tuple[ops.AlterColumnOp, ops.AlterColumnOp]:
    """Split an operation: change the type, then set NOT NULL."""
    retyped = copy.copy(operation)
    retyped.modify_nullable = None
    default, comment = operation.modify_server_default, operation.modify_comment
    tight = ops.AlterColumnOp(
        operation.table_name,
        operation.column_name,
        schema=operation.schema,
        existing_type=operation.modify_type,
        existing_nullable=operation.existing_nullable,
        existing_comment=operation.existing_comment if comment is False else comment,
        existing_server_default=(
            operation.existing_server_default if default is False else default
        ),
        modify_nullable=False,
    )
    return retyped, tight

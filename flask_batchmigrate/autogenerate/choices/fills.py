"""Finds the value that existing rows get in a new column that must not be NULL.

The value is chosen when the script is generated, not on the database that the script
runs on. The script writes the value in a form that every database accepts, and leaves
no default behind that the model does not have.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import dataclasses
import datetime
import decimal
import enum
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...sqlite.errors import counted
from ..request import Request
from ..script.copies import copy_table
from .fill_values import converted
from .fill_values import default_value
from .fill_values import Expression
from .stored_names import Place
from .stored_names import StoredNames


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
    value = repr(operation.value)
    if isinstance(operation.value, (datetime.date, datetime.time)):
        autogen_context.imports.add("import datetime")
        value = f"{sa_}literal({value})"
    elif isinstance(operation.value, decimal.Decimal):
        autogen_context.imports.add("import decimal")
        value = f"{sa_}literal(decimal.{value})"
    elif isinstance(operation.value, Expression):
        value = f"{sa_}text({operation.value.sql!r})"
    elif isinstance(operation.value, bool):
        value = f"{sa_}{'true' if operation.value else 'false'}()"
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    table = f"{sa_}table({operation.table_name!r}, {sa_}column({name}){schema})"
    where = "" if operation.replaces else f".where(rows.c[{name}].is_(None))"
    return [
        f"rows = {table}",
        f"{prefix}execute(rows.update(){where}.values({{{name}: {value}}}))",
    ]


@renderers.dispatch_for(Nothing)
def _render_nothing(autogen_context: t.Any, operation: Nothing) -> list[str]:
    return []


@dataclasses.dataclass(frozen=True, slots=True)
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
    defaults = dict(_parse(text) for text in request.defaults)
    operations: list[ops.MigrateOperation] = []
    stored = StoredNames(upgrade.ops)
    for operation in upgrade.ops:
        if isinstance(operation, ops.ModifyTableOps):
            operations += _in_steps(operation, defaults, request, rows, stored, tables)
        else:
            operations.append(operation)
    if defaults:
        places = ", ".join(f"'{place}'" for place in defaults)
        raise BatchMigrateError(
            f"'--default' for {places}: this revision neither adds such a "
            "column without a value nor makes it NOT NULL",
            "Correct the option.",
            state=NOTHING_WRITTEN,
        )
    upgrade.ops[:] = operations


def _parse(text: str) -> tuple[str, str]:
    place, equals, value = text.partition("=")
    if not equals or "." not in place:
        raise BatchMigrateError(
            f"'--default {text}' is not understood",
            "Write '<table>.<column>=<value>'.",
            state=NOTHING_WRITTEN,
        )
    return place, value


def _in_steps(
    block: ops.ModifyTableOps,
    defaults: dict[str, str],
    request: Request,
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
        if column is None or model is None:
            (last if fills else first).append(operation)
            continue
        is_new = isinstance(operation, ops.AddColumnOp)
        filled = None if is_new else stored.column(place, column)
        number = rows.without_value(stored.table(place), filled, block.schema)
        value = _value(block.table_name, model, number, defaults, request)
        if value is _NONE:
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


def _tightened(
    operation: ops.MigrateOperation, table: sa.Table | None
) -> tuple[str | None, sa.Column[t.Any] | None]:
    """Return the column that an operation makes NOT NULL, if it has to be filled."""
    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        computed = isinstance(column.server_default, (sa.Computed, sa.Identity))
        if column.nullable or column.server_default is not None or computed:
            return None, None
        return str(column.name), column
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_nullable is False:
        name = str(operation.column_name)
        columns = [] if table is None else [c for c in table.columns if c.name == name]
        return name, columns[0] if columns else None
    return None, None


class _None:
    """The mark for a column that has no value and needs none."""


_NONE: t.Final = _None()


def _value(
    table: str,
    model: sa.Column[t.Any],
    rows: int,
    defaults: dict[str, str],
    request: Request,
) -> object:
    """Return the value for the rows that have none."""
    place = f"{table}.{model.name}"
    if place in defaults:
        return converted(defaults.pop(place), model, place)
    if isinstance(model.server_default, sa.DefaultClause):
        return default_value(model.server_default)
    default = t.cast(t.Any, model.default)
    if default is not None and default.is_scalar:
        value = default.arg.name if isinstance(default.arg, enum.Enum) else default.arg
        if isinstance(
            value,
            (bool, int, float, str, decimal.Decimal, datetime.date, datetime.time),
        ):
            return value
    if not rows:
        return _NONE
    answer = request.questioner.value_for(place, str(model.type))
    if answer is not None:
        return converted(answer, model, place)
    raise BatchMigrateError(
        f"Column '{place}' is NOT NULL, and {counted(rows, 'row')} of the "
        "database would have no value for it",
        f"Run the command with '--default {place}=<value>', or give the column a "
        "default.",
        state=NOTHING_WRITTEN,
    )


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

"""Finds the value that existing rows get in a new column that must not be NULL.

What a row gets is decided when the script is generated, not on the database that it is
run on. The script says it so that it is right on every database, and leaves no default
behind that the model does not have.
"""

from __future__ import annotations

import ast
import collections.abc as cabc
import dataclasses
import datetime
import decimal
import enum
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..errors import BatchMigrateError
from ..errors import NOTHING_WRITTEN
from .request import Request


class FillColumn(ops.MigrateOperation):
    """Gives every row without one a value for a column.

    :param value: the value, as Python.
    """

    def __init__(
        self, table: str, column: str, value: object, schema: str | None
    ) -> None:
        self.table_name = table
        self.column_name = column
        self.value = value
        self.schema = schema

    def reverse(self) -> Nothing:
        """Return nothing to do: what the rows have is theirs."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return what is done."""
        return ("fill_column", self.schema, self.table_name, self.column_name)


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """A value that the database works out.

    :param sql: its text.
    """

    sql: str


class Nothing(ops.MigrateOperation):
    """The opposite of what has none."""

    def reverse(self) -> Nothing:
        """Return nothing."""
        return self


@renderers.dispatch_for(FillColumn)
def _render(autogen_context: t.Any, operation: FillColumn) -> list[str]:
    """Render an UPDATE in SQLAlchemy's terms, which fit every database."""
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
    return [
        f"rows = {table}",
        f"{prefix}execute(rows.update().where(rows.c[{name}].is_(None))"
        f".values({{{name}: {value}}}))",
    ]


@renderers.dispatch_for(Nothing)
def _render_nothing(autogen_context: t.Any, operation: Nothing) -> list[str]:
    return []


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """Counts rows of the database that was compared.

    :param connection: a connection to it.
    """

    connection: sa.Connection

    def without_value(self, table: str, column: str | None, schema: str | None) -> int:
        """Return how many rows have no value for a column; None: all rows."""
        described = sa.table(
            table, *([sa.column(column)] if column else []), schema=schema
        )
        query = sa.select(sa.func.count()).select_from(described)
        if column is not None:
            query = query.where(described.c[column].is_(None))
        return int(self.connection.execute(query).scalar_one())


Tables: t.TypeAlias = "cabc.Mapping[tuple[str | None, str], sa.Table]"


def fill(upgrade: ops.UpgradeOps, request: Request, rows: Rows, tables: Tables) -> None:
    """Give the rows that are there values for columns that must not be NULL.

    :param upgrade: changed in place.
    :param tables: those of the models.
    :param rows: counts those that need one.
    :raises BatchMigrateError: nobody says which value, or an option is wrong.
    """
    given = dict(_parse(text) for text in request.defaults)
    made: list[ops.MigrateOperation] = []
    names: dict[str, str] = {}
    for each in upgrade.ops:
        old = getattr(each, "new_table_name", None)
        if old is not None:
            names[old] = t.cast(t.Any, each).table_name
        if isinstance(each, ops.ModifyTableOps):
            made += _in_steps(each, given, request, rows, names, tables)
        else:
            made.append(each)
    if given:
        named = ", ".join(f"'{place}'" for place in given)
        raise BatchMigrateError(
            f"'--default' for {named}: no such column is added without a value or made "
            "NOT NULL",
            "Correct the option.",
            state=NOTHING_WRITTEN,
        )
    upgrade.ops[:] = made


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
    given: dict[str, str],
    request: Request,
    rows: Rows,
    renamed: cabc.Mapping[str, str],
    tables: Tables,
) -> list[ops.MigrateOperation]:
    """Return a block, in three where rows are filled between: add, fill, tighten."""
    first: list[ops.MigrateOperation] = []
    fills: list[ops.MigrateOperation] = []
    last: list[ops.MigrateOperation] = []
    names = {
        str(o.modify_name): o.column_name
        for o in block.ops
        if isinstance(o, ops.AlterColumnOp) and o.modify_name is not None
    }
    stored = renamed.get(block.table_name, block.table_name)
    table = tables.get((block.schema, block.table_name))
    for each in block.ops:
        column, model = _tightened(each, table)
        if column is None or model is None:
            (last if fills else first).append(each)
            continue
        counted = (
            None if isinstance(each, ops.AddColumnOp) else names.get(column, column)
        )
        number = rows.without_value(stored, counted, block.schema)
        value = _value(block.table_name, model, number, given, request)
        if value is _NONE:
            (last if fills else first).append(each)
            continue
        fills.append(FillColumn(block.table_name, column, value, block.schema))
        if isinstance(each, ops.AddColumnOp):
            loose, tight = _loosened(each)
            first.append(loose)
            last.append(tight)
        else:
            last.append(each)
    if not fills:
        return [block]
    parts = [
        ops.ModifyTableOps(block.table_name, p, schema=block.schema)
        for p in (first, last)
    ]
    return [*([parts[0]] if first else []), *fills, parts[1]]


def _tightened(
    operation: ops.MigrateOperation, table: sa.Table | None
) -> tuple[str | None, sa.Column[t.Any] | None]:
    """Return the column that an operation forbids NULL in, if it has to be filled."""
    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        computed = isinstance(column.server_default, (sa.Computed, sa.Identity))
        if column.nullable or column.server_default is not None or computed:
            return None, None
        return str(column.name), column
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_nullable is False:
        name = str(operation.column_name)
        found = [] if table is None else [c for c in table.columns if c.name == name]
        return name, found[0] if found else None
    return None, None


class _None:
    """There is no value, and none is needed."""


_NONE: t.Final = _None()


def _value(
    table: str,
    model: sa.Column[t.Any],
    rows: int,
    given: dict[str, str],
    request: Request,
) -> object:
    """Return the value for the rows without one."""
    place = f"{table}.{model.name}"
    if place in given:
        return _converted(given.pop(place), model, place)
    if isinstance(model.server_default, sa.DefaultClause):
        said = model.server_default.arg
        return said if isinstance(said, str) else Expression(str(said))
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
        return _converted(answer, model, place)
    raise BatchMigrateError(
        f"Column '{place}' is NOT NULL, and {rows} row{'s' if rows > 1 else ''} of the "
        "database would have no value for it",
        f"Run the command with '--default {place}=<value>', or give the column a "
        "default.",
        state=NOTHING_WRITTEN,
    )


def _converted(text: str, model: sa.Column[t.Any], place: str) -> object:
    """Return what somebody wrote as a value of the column's type."""
    try:
        python = model.type.python_type
    except NotImplementedError:
        python = str
    try:
        if python is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if python in (int, float, decimal.Decimal):
            return python(text)
        if python in (datetime.date, datetime.time, datetime.datetime):
            return python.fromisoformat(text)
    except (ValueError, KeyError, decimal.InvalidOperation):
        raise BatchMigrateError(
            f"'{text}' is no value for column '{place}' ({model.type})",
            "Give another one.",
            state=NOTHING_WRITTEN,
        ) from None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return ast.literal_eval(text)
    return text


def _loosened(
    operation: ops.AddColumnOp,
) -> tuple[ops.AddColumnOp, ops.AlterColumnOp]:
    """Return the operation without NOT NULL, and the one that sets it."""
    column = operation.column
    table: t.Any = column.table
    copied = table.to_metadata(sa.MetaData()).columns[column.key]
    copied.type = column.type
    copied.nullable = True
    loose = ops.AddColumnOp(operation.table_name, copied, schema=operation.schema)
    tight = ops.AlterColumnOp(
        operation.table_name,
        str(column.name),
        schema=operation.schema,
        existing_type=column.type,
        existing_nullable=True,
        modify_nullable=False,
    )
    return loose, tight

"""Operations of generated scripts that Alembic cannot render or fully reverse.

They are subclasses of Alembic's operations, so that a user's rewriter meets the classes
that it knows. The renderers registered here affect no other use of Alembic.
See https://alembic.sqlalchemy.org/en/latest/api/autogenerate.html#autogen-custom-ops.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

#: A colon that SQLAlchemy would take for the beginning of a parameter.
_PARAMETER: t.Final = re.compile(r"(?<![:\w\\]):(?=\w+(?![:\w]))")


class DropConstraint(ops.DropConstraintOp):
    """The removal of a constraint that is known in full.

    :param create: the operation that adds it again.
    :param type_: its kind, as ``drop_constraint`` takes it.
    """

    def __init__(
        self, create: ops.AddConstraintOp, table: str, type_: str, schema: str | None
    ) -> None:
        name = t.cast(t.Any, create).constraint_name
        super().__init__(name, table, type_, schema=schema)
        self.create = create

    def reverse(self) -> ops.AddConstraintOp:
        """Return the operation that adds the constraint again."""
        return self.create

    def to_constraint(self) -> sa.Constraint:
        """Return the constraint."""
        return self.create.to_constraint()


class AddCheck(ops.CreateCheckConstraintOp):
    """A new CHECK, described by its SQL text.

    :param name: its name.
    :param expression: the expression in its parentheses.
    """

    def __init__(
        self, name: str, table: str, expression: str, schema: str | None
    ) -> None:
        super().__init__(name, table, plain_text(expression), schema=schema)
        self.expression = expression

    def reverse(self) -> ops.DropConstraintOp:
        """Return the operation that drops the CHECK."""
        return DropConstraint(self, self.table_name, "check", self.schema)


class AddPrimaryKey(ops.CreatePrimaryKeyOp):
    """A new primary key of a table that exists."""

    def reverse(self) -> ops.DropConstraintOp:
        """Return the operation that drops the primary key."""
        return DropConstraint(self, self.table_name, "primary", self.schema)


class DropIndex(ops.DropIndexOp):
    """The removal of an index that is known in full.

    :param create: the operation that creates it again.
    """

    def __init__(self, create: ops.CreateIndexOp) -> None:
        name = t.cast("str", create.index_name)
        super().__init__(name, create.table_name, schema=create.schema)
        self.create = create

    def reverse(self) -> ops.CreateIndexOp:
        """Return the operation that creates the index again."""
        return self.create

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("remove_index", self.create.to_index())


class DropColumn(ops.DropColumnOp):
    """The removal of a column that is known in full.

    :param column: the column as the database has it.
    """

    def __init__(
        self, table: str, column: sa.Column[t.Any], schema: str | None
    ) -> None:
        super().__init__(table, str(column.name), schema=schema)
        self.column = column

    def reverse(self) -> ops.AddColumnOp:
        """Return the operation that adds the column again."""
        return ops.AddColumnOp(self.table_name, self.column, schema=self.schema)

    def to_column(self, migration_context: t.Any = None) -> sa.Column[t.Any]:
        """Return the column."""
        return self.column

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("remove_column", self.schema, self.table_name, self.column)


class DropTable(ops.DropTableOp):
    """The removal of a table that is known in full.

    :param table: the table as the database has it.
    """

    def __init__(self, table: sa.Table) -> None:
        super().__init__(str(table.name), schema=table.schema)
        self.table = table

    def reverse(self) -> ops.CreateTableOp:
        """Return the operation that creates the table again."""
        return ops.CreateTableOp.from_table(self.table)

    def to_table(self, migration_context: t.Any = None) -> sa.Table:
        """Return the table."""
        return self.table


class SetTableOptions(ops.MigrateOperation):
    """A change of a SQLite table's options: STRICT, WITHOUT ROWID, AUTOINCREMENT.

    :param options: as ``table_kwargs`` of ``batch_alter_table`` takes them.
    :param before: the previous values of these options.
    """

    def __init__(
        self,
        table: str,
        options: dict[str, bool],
        before: dict[str, bool],
        schema: str | None,
    ) -> None:
        self.table_name = table
        self.options = options
        self.before = before
        self.schema = schema

    def reverse(self) -> SetTableOptions:
        """Return the operation that restores the options."""
        return SetTableOptions(self.table_name, self.before, self.options, self.schema)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("modify_options", self.schema, self.table_name, self.options)


def plain_text(sql: str) -> sa.TextClause:
    """Return SQL as SQLAlchemy's text, in which a colon is no parameter.

    A comment at its end does not reach what is written after it.
    """
    end = "\n" if "--" in sql.rpartition("\n")[2] else ""
    return sa.text(_PARAMETER.sub(r"\:", sql) + end)


def stored_default(sql: str | None) -> t.Any:
    """Return a default of the database as Alembic's operations take it."""
    return None if sql is None else sa.DefaultClause(plain_text(sql))


def _in_block(autogen_context: t.Any) -> bool:
    """Tell whether operations of a table are rendered in a batch block."""
    return bool(autogen_context.opts.get("render_as_batch"))


def call(
    autogen_context: t.Any,
    operation: t.Any,
    method: str,
    first: str,
    arguments: cabc.Sequence[str],
) -> str:
    """Write a call on ``batch_op``, or on ``op`` with the table as second argument."""
    if _in_block(autogen_context):
        return f"batch_op.{method}({', '.join((first, *arguments))})"
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    parts = [first, repr(str(operation.table_name)), *arguments]
    if operation.schema:
        parts.append(f"schema={str(operation.schema)!r}")
    return f"{prefix}{method}({', '.join(parts)})"


def _name(autogen_context: t.Any, operation: t.Any) -> str:
    """Write a name as final, so that no naming convention applies to it again."""
    name = operation.constraint_name
    if name is None:
        return "None"
    prefix = "batch_op." if _in_block(autogen_context) else "op."
    return f"{prefix}f({str(name)!r})"


@renderers.dispatch_for(AddCheck)
def _render_check(autogen_context: t.Any, operation: AddCheck) -> str:
    condition = repr(plain_text(operation.expression).text)
    name = _name(autogen_context, operation)
    return call(
        autogen_context, operation, "create_check_constraint", name, [condition]
    )


@renderers.dispatch_for(AddPrimaryKey)
def _render_primary_key(autogen_context: t.Any, operation: AddPrimaryKey) -> str:
    columns = repr([str(column) for column in operation.columns])
    name = _name(autogen_context, operation)
    return call(autogen_context, operation, "create_primary_key", name, [columns])


@renderers.dispatch_for(SetTableOptions)
def _render_options(autogen_context: t.Any, operation: SetTableOptions) -> list[str]:
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    schema = f", schema={str(operation.schema)!r}" if operation.schema else ""
    head = f"with {prefix}batch_alter_table({operation.table_name!r}{schema}, "
    return [f"{head}table_kwargs={operation.options!r}):", "pass", ""]

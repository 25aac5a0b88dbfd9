"""Defines renames, and the operations that carry them out."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.autogenerate import renderers
from alembic.operations import ops

from ...value_classes import value_class


@value_class
class Rename:
    """The rename of one table or column.

    :param table: the table of a column, by its name in the models; None for the
        rename of a table.
    :param old: the name in the database.
    :param new: the name in the models.
    :param schema: the schema of the table.
    """

    table: str | None
    old: str
    new: str
    schema: str | None = None

    @property
    def option(self) -> str:
        """The value of ``--rename`` for this rename."""
        schema = f"{self.schema}." if self.schema else ""
        if self.table is None:
            return f"{schema}{self.old}:{schema}{self.new}"
        return f"{schema}{self.table}.{self.old}:{self.new}"

    @property
    def what(self) -> str:
        """The kind of what is renamed: a table or a column."""
        return "table" if self.table is None else "column"


class RenameTable(ops.RenameTableOp):
    """An operation that renames a table."""

    def reverse(self) -> RenameTable:
        """Return the rename back to the old name."""
        return RenameTable(self.new_table_name, self.table_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("rename_table", self.schema, self.table_name, self.new_table_name)


class RenameColumn(ops.AlterColumnOp):
    """An operation that renames a column."""

    def reverse(self) -> RenameColumn:
        """Return the rename back to the old name."""
        return RenameColumn(
            self.table_name,
            t.cast("str", self.modify_name),
            schema=self.schema,
            modify_name=self.column_name,
            existing_type=self.existing_type,
            existing_nullable=self.existing_nullable,
            existing_server_default=self.existing_server_default,
            existing_comment=self.existing_comment,
            **self.kw,
        )

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        names = self.column_name, self.modify_name
        return ("rename_column", self.schema, self.table_name, *names)


@renderers.dispatch_for(RenameTable)
def _render(autogen_context: t.Any, operation: RenameTable) -> str:
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    schema = f", schema={str(operation.schema)!r}" if operation.schema else ""
    names = f"{str(operation.table_name)!r}, {str(operation.new_table_name)!r}"
    return f"{prefix}rename_table({names}{schema})"


Stored: t.TypeAlias = cabc.Callable[[str | None, str], "cabc.Collection[str] | None"]
"""Returns the columns of a table of the database; None if it has no such table."""

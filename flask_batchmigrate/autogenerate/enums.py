"""Makes the types of PostgreSQL that Enum columns have.

``op.create_table()`` makes them along with the table; ``op.add_column()`` does not.
"""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from .rendering import type_text


class MakeEnumType(ops.MigrateOperation):
    """Creates the type of an Enum where the database has such types, or drops it.

    :param column: the operation that adds a column of the type.
    :param creates: create it, else drop it.
    """

    def __init__(self, column: ops.AddColumnOp, creates: bool = True) -> None:
        self.column = column
        self.creates = creates

    def reverse(self) -> MakeEnumType:
        """Return the opposite."""
        return MakeEnumType(self.column, not self.creates)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        return ("add_type" if self.creates else "remove_type", self.column.column.type)


def add_enum_types(operations: ops.UpgradeOps) -> None:
    """Create the types of the Enum columns that are added, before they are added.

    A type that another table has already is there, and stays when the column goes.

    :param operations: for any database; changed in place.
    """
    made: list[ops.MigrateOperation] = []
    seen: set[str] = set()
    for each in operations.ops:
        if isinstance(each, ops.ModifyTableOps):
            for added in each.ops:
                if not isinstance(added, ops.AddColumnOp):
                    continue
                name = _own_type(added)
                if name is not None and name not in seen:
                    seen.add(name)
                    made.append(MakeEnumType(added))
        made.append(each)
    operations.ops[:] = made


def _own_type(added: ops.AddColumnOp) -> str | None:
    """Return the name of a column's Enum type, if no other column has it."""
    type_, table = added.column.type, added.column.table
    if not isinstance(type_, sa.Enum) or not type_.native_enum or not type_.name:
        return None
    types = [c.type for x in table.metadata.tables.values() for c in x.columns]
    same = [x for x in types if isinstance(x, sa.Enum) and x.name == type_.name]
    return str(type_.name) if len(same) <= 1 else None


@renderers.dispatch_for(MakeEnumType)
def _render(autogen_context: t.Any, operation: MakeEnumType) -> str:
    """Render it by the type that Alembic renders in the column."""
    text = type_text(
        autogen_context, _plain(t.cast("sa.Enum", operation.column.column.type))
    )
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    verb = "create" if operation.creates else "drop"
    return f"{text}.{verb}({prefix}get_bind(), checkfirst=True)"


def _plain(type_: sa.Enum) -> sa.Enum:
    """Return the type without the check that other databases get for it."""
    copied: t.Any = type_.copy()  # type: ignore[no-untyped-call]
    copied.create_constraint = False
    return t.cast("sa.Enum", copied)

"""Finds the operations that drop computed columns."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops


def drops_of(
    computed: cabc.Container[str], operations: cabc.Sequence[t.Any]
) -> list[ops.MigrateOperation]:
    """Return the operations that drop computed columns, and what is on them.

    PostgreSQL changes the type of a column only when none is computed from it any more.

    :param computed: the computed columns of the table.
    :param operations: those of the table that Alembic found.
    """
    names = {
        str(o.column_name)
        for o in operations
        if isinstance(o, ops.DropColumnOp) and o.column_name in computed
    }
    return [
        o
        for o in operations
        if (isinstance(o, ops.DropColumnOp) and o.column_name in names)
        or (
            isinstance(o, (ops.DropIndexOp, ops.DropConstraintOp))
            and not names.isdisjoint(_columns_of(o))
        )
    ]


def _columns_of(operation: ops.DropIndexOp | ops.DropConstraintOp) -> set[str]:
    """Return the columns of what an operation drops."""
    if isinstance(operation, ops.DropIndexOp):
        return {str(column.name) for column in operation.to_index().columns}
    columns = getattr(operation.to_constraint(), "columns", ())
    return {str(column.name) for column in columns}

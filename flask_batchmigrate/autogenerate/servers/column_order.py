"""Orders the drops of columns, which Alembic has in another order each time."""

from __future__ import annotations

import collections.abc as cabc

from alembic.operations import ops


def last_columns_first(
    operations: cabc.Sequence[ops.MigrateOperation],
) -> list[ops.MigrateOperation]:
    """Drop the last columns first, so that the downgrade adds the first ones first."""
    drops = [each for each in operations if isinstance(each, ops.DropColumnOp)]
    ordered = iter(sorted(drops, key=_place, reverse=True))
    return [
        next(ordered) if isinstance(each, ops.DropColumnOp) else each
        for each in operations
    ]


def _place(operation: ops.DropColumnOp) -> int:
    """Return the place of a column in its table."""
    column = operation.to_column()
    return [each.name for each in column.table.columns].index(column.name)

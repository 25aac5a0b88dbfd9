"""Compares two definitions of a table, and says it in Alembic's operations.

What Alembic's own comparison sees of columns is taken over: it knows the user's
filters and the comparison of types that the user chose. Everything else comes from the
definitions.
"""

from __future__ import annotations

from alembic.operations import ops

from . import constructors
from .alembic_findings import Seen
from .columns import add_column
from .columns import altered_columns
from .columns import drop_column
from .columns import in_order
from .columns import recomputed
from .columns import Types
from .constraints import changed_constraints
from .constraints import changed_indexes
from .constraints import changed_key
from .constraints import index_meaning
from .constraints import is_key
from .definition import Definition
from .operations import DropIndex
from .operations import SetTableOptions


def equal(before: Definition, after: Definition) -> bool:
    """Tell at a glance that two definitions say the same.

    False may also mean that it takes a closer look.
    """
    return (
        before.text.columns == after.text.columns
        and before.constraints == after.constraints
        and before.text.constraints == after.text.constraints
        and before.options == after.options
        and sorted(map(index_meaning, before.indexes))
        == sorted(map(index_meaning, after.indexes))
    )


def differences(
    before: Definition, after: Definition, seen: Seen
) -> list[ops.MigrateOperation]:
    """Return the operations that lead from one definition of a table to another.

    What other things need comes first: constraints go before the columns they cover,
    and come after them; foreign keys go first and come last, since MySQL lets go of an
    index only without them.
    """
    dropped = in_order(before, [o.column_name for o in seen.of(ops.DropColumnOp)])
    added = [str(op.column.name) for op in seen.of(ops.AddColumnOp)]
    again = recomputed(before, after, seen)
    old, new = changed_constraints(before, after, seen)
    types = Types(before, after, old, new)
    old = [each for each in old if not types.makes(each)]
    new = [each for each in new if not types.makes(each)]
    old_key, new_key = changed_key(before, after)
    old_indexes, new_indexes = changed_indexes(before, after, seen, again)
    names = constructors.Names(after)
    return [
        *(constructors.drop_constraint(before, each) for each in old if is_key(each)),
        *(
            constructors.drop_constraint(before, each)
            for each in old
            if not is_key(each)
        ),
        *(DropIndex(constructors.create_index(before, each)) for each in old_indexes),
        *(constructors.drop_constraint(before, each) for each in old_key),
        *(drop_column(before, name, types) for name in again),
        *(add_column(after, name) for name in (*again, *added)),
        *altered_columns(before, after, seen, again, types),
        *(names.create(each) for each in new_key),
        *(names.create(each) for each in new if not is_key(each)),
        *(constructors.create_index(after, each) for each in new_indexes),
        *(names.create(each) for each in new if is_key(each)),
        *(drop_column(before, name, types) for name in dropped),
    ]


def options(
    before: Definition, after: Definition
) -> tuple[list[SetTableOptions], list[SetTableOptions]]:
    """Return the operations that change the options of a table.

    An option that goes, goes before anything else changes: the columns and the primary
    key of the table may be what it does not allow. One that comes is set in the end.

    :return: what comes before the other changes, and what comes after them.
    """
    changed = [k for k, v in after.options.items() if before.options[k] != v]
    gone = [k for k in changed if after.options[k] is constructors.USUAL[k]]
    new = [k for k in changed if k not in gone]
    return _set(before, after, gone), _set(before, after, new)


def _set(
    before: Definition, after: Definition, names: list[str]
) -> list[SetTableOptions]:
    if not names:
        return []
    wanted = {name: after.options[name] for name in names}
    was = {name: before.options[name] for name in names}
    return [SetTableOptions(after.name, wanted, was, after.schema)]

"""Compares two definitions of a table, and returns Alembic's operations.

The columns that Alembic's own comparison adds, drops and alters are used: it applies
the user's filters and the user's comparison of types. Everything else comes from the
definitions.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from alembic.operations import ops

from ...sqlite.ddl.table import ConstraintText
from ..script.operations import DropIndex
from ..script.operations import SetTableOptions
from . import constructors
from .alembic_findings import AlembicFindings
from .columns import add_column
from .columns import altered_columns
from .columns import computed_apart
from .columns import drop_column
from .columns import in_order
from .columns import recomputed
from .columns import TypeChecks
from .constraints import changed_constraints
from .constraints import changed_indexes
from .constraints import changed_primary_key
from .constraints import index_meaning
from .constraints import is_foreign_key
from .definition import Definition


def equal(before: Definition, after: Definition) -> bool:
    """Tell whether a quick look shows that two definitions are equal.

    After False, only a full comparison can tell.
    """
    return (
        before.text.columns == after.text.columns
        and _same_apart_from_names(before.constraints, after.constraints)
        and _same_apart_from_names(before.text.constraints, after.text.constraints)
        and before.options == after.options
        and sorted(map(index_meaning, before.indexes))
        == sorted(map(index_meaning, after.indexes))
    )


def _same_apart_from_names(
    before: cabc.Sequence[ConstraintText], after: cabc.Sequence[ConstraintText]
) -> bool:
    """Tell whether constraints are equal; one that has no name may get any name."""
    return len(before) == len(after) and all(
        old == new or (new.name is None and _unnamed(old) == _unnamed(new))
        for old, new in zip(before, after, strict=True)
    )


def _unnamed(constraint: ConstraintText) -> ConstraintText:
    body = constraint.text[constraint.body_span.start - constraint.span.start :]
    return dataclasses.replace(constraint, name=None, text=body)


def differences(
    before: Definition, after: Definition, seen: AlembicFindings
) -> list[ops.MigrateOperation]:
    """Return the operations that lead from one definition of a table to another.

    Constraints are dropped before the columns that they cover, and added after them.
    Foreign keys are dropped first and added last, since MySQL does not drop an index
    that a foreign key needs.
    """
    dropped = in_order(before, [o.column_name for o in seen.of(ops.DropColumnOp)])
    added = [str(op.column.name) for op in seen.of(ops.AddColumnOp)]
    recomputed_columns = recomputed(before, after, seen)
    old, new = changed_constraints(before, after, seen)
    types = TypeChecks(before, after, old, new)
    kept = [item for item in before.constraints if item not in old]
    old = [item for item in old if not types.makes(item)]
    new = [item for item in new if not types.makes(item)]
    old_key, new_key = changed_primary_key(before, after)
    old_indexes, new_indexes = changed_indexes(before, after, seen, recomputed_columns)
    names = constructors.Names(after, kept)
    return [
        *(
            constructors.drop_constraint(before, item)
            for item in old
            if is_foreign_key(item)
        ),
        *(
            constructors.drop_constraint(before, item)
            for item in old
            if not is_foreign_key(item)
        ),
        *(DropIndex(constructors.create_index(before, item)) for item in old_indexes),
        *(constructors.drop_constraint(before, item) for item in old_key),
        *(drop_column(before, name, types) for name in recomputed_columns),
        *computed_apart(
            [add_column(after, name, names) for name in (*recomputed_columns, *added)]
        ),
        *altered_columns(before, after, seen, recomputed_columns, types, names),
        *(names.create(item) for item in new_key),
        *(names.create(item) for item in new if not is_foreign_key(item)),
        *(constructors.create_index(after, item) for item in new_indexes),
        *(names.create(item) for item in new if is_foreign_key(item)),
        *(drop_column(before, name, types) for name in dropped),
    ]


def options(
    before: Definition, after: Definition
) -> tuple[list[SetTableOptions], list[SetTableOptions]]:
    """Return the operations that change the options of a table.

    An option is removed before anything else changes, since it may not allow the new
    columns or the new primary key. An option is set after all other changes.

    :return: the operations before the other changes, and those after them.
    """
    changed = [
        name for name, value in after.options.items() if before.options[name] != value
    ]
    removed = [
        name
        for name in changed
        if after.options[name] is constructors.DEFAULT_OPTIONS[name]
    ]
    new = [name for name in changed if name not in removed]
    return _set(before, after, removed), _set(before, after, new)


def _set(
    before: Definition, after: Definition, names: list[str]
) -> list[SetTableOptions]:
    if not names:
        return []
    wanted = {name: after.options[name] for name in names}
    previous = {name: before.options[name] for name in names}
    return [SetTableOptions(after.name, wanted, previous, after.schema)]

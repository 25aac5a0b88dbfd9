"""Takes out of generated operations what a column of SQLite cannot have."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops


def remove_identities(directives: cabc.Iterable[t.Any]) -> None:
    """Remove changes to and from an identity.

    SQLite numbers an ``INTEGER PRIMARY KEY`` by itself, and no other column
    (https://www.sqlite.org/autoinc.html). An identity is what other databases make of
    the model, so it is no difference.

    :param directives: the revisions to be written, of a SQLite database; changed in
        place.
    """
    for script in directives:
        # The last ones are those of this database.
        _remove(script.upgrade_ops_list[-1])
        _remove(script.downgrade_ops_list[-1])


def _remove(operations: ops.OpContainer) -> None:
    left: list[ops.MigrateOperation] = []
    for each in operations.ops:
        if isinstance(each, ops.OpContainer):
            _remove(each)
            if each.is_empty():
                continue
        elif isinstance(each, ops.AlterColumnOp) and _is_identity(each):
            each.modify_server_default = False
            if not each.has_changes():
                continue
        left.append(each)
    operations.ops[:] = left


def _is_identity(operation: ops.AlterColumnOp) -> bool:
    defaults = (operation.modify_server_default, operation.existing_server_default)
    return any(isinstance(default, sa.Identity) for default in defaults)

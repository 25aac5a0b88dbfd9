"""Gives scripts names for what MySQL and MariaDB have numbered or named for a column.

A name such as ``pet_ibfk_1``, ``CONSTRAINT_1`` or ``email`` does not say what it means
in a database that scripts made. A script says the name that scripts give, by which the
constraint is found in either database (:mod:`.called_otherwise`).
"""

from __future__ import annotations

import collections
import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ..script.names import default_name
from ..script.names import free
from ..script.operations import DropConstraint
from .called_otherwise import constraints
from .called_otherwise import generated_name
from .called_otherwise import is_made_up
from .called_otherwise import Stored


def say_usual_names(
    connection: sa.Connection, blocks: cabc.Iterable[ops.ModifyTableOps]
) -> None:
    """Have operations drop constraints by the names that scripts give.

    :param blocks: the operations on each table; changed in place.
    """
    for block in blocks:
        if any(
            isinstance(o, (ops.DropConstraintOp, ops.DropIndexOp)) for o in block.ops
        ):
            names = usual_names(connection, block.table_name, block.schema)
            block.ops[:] = [_renamed(operation, names) for operation in block.ops]


def usual_names(
    connection: sa.Connection, table: str, schema: str | None
) -> dict[str, str]:
    """Return the names that scripts give, by the stored ones.

    Where two constraints would have one name, both keep theirs.
    """
    stored = [
        each
        for each in constraints(connection, table, schema, None)
        if each.kind != "primary"
    ]
    given = {each.name: _usual(each, table) for each in stored}
    often = collections.Counter(name.lower() for name in given.values())
    return {old: new for old, new in given.items() if often[new.lower()] == 1}


def _usual(stored: Stored, table: str) -> str:
    made_up = is_made_up(stored, table, True)
    return generated_name(stored, table) if made_up else stored.name


def _renamed(
    operation: ops.MigrateOperation, names: cabc.Mapping[str, str]
) -> ops.MigrateOperation:
    """Return an operation that drops what it dropped, by another name."""
    is_index = isinstance(operation, ops.DropIndexOp)
    attribute = "index_name" if is_index else "constraint_name"
    name = getattr(operation, attribute, None)
    if not (is_index or isinstance(operation, ops.DropConstraintOp)) or (
        names.get(str(name), name) == name
    ):
        return operation
    renamed: t.Any = copy.copy(operation)
    setattr(renamed, attribute, names[str(name)])
    if isinstance(renamed, DropConstraint):
        renamed.create = copy.copy(renamed.create)
        t.cast(t.Any, renamed.create).constraint_name = names[str(name)]
    return t.cast("ops.MigrateOperation", renamed)


def free_check_name(
    connection: sa.Connection, table: str, column: str, schema: str | None
) -> str:
    """Return a name that scripts give the CHECK of a column, and that is not taken."""
    checks = sa.inspect(connection).get_check_constraints(table, schema=schema)
    taken = {str(each["name"]).lower() for each in checks}
    return free(default_name("check", table, [column]), taken)

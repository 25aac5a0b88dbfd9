"""Orders the tables that a script makes and drops by the keys between them.

A foreign key of a new table may refer to a table that is made after it, as where two
tables refer to one another. Such a key is made when all tables are there, and dropped
before the first of them. ``op.create_table()`` leaves out a key with ``use_alter``.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from .choices.drops import Loss
from .script.enums import EnumType
from .script.operations import DropConstraint

Place: t.TypeAlias = tuple[str | None, str]
Operations: t.TypeAlias = list[ops.MigrateOperation]


def in_order(operations: cabc.Iterable[ops.MigrateOperation]) -> Operations:
    """Return operations that make and drop tables so that every key has its parent.

    :param operations: the operations of an upgrade or a downgrade.
    """
    return _drops_in_order(_creates_in_order(list(operations)))


def _creates_in_order(operations: Operations) -> Operations:
    """Move keys to tables that are made later behind the last new table."""
    pending = [place_of(o) for o in operations if isinstance(o, ops.CreateTableOp)]
    late: Operations = []
    end = 0
    ordered: Operations = []
    for operation in operations:
        if isinstance(operation, ops.CreateTableOp):
            pending.remove(place_of(operation))
            keys = [
                each
                for each in operation.columns
                if isinstance(each, sa.ForeignKeyConstraint)
                and (each.use_alter or parent_of(each) in pending)
            ]
            if keys:
                operation = without(operation, keys)
                late.append(making(place_of(operation), keys))
            end = len(ordered) + 1
        ordered.append(operation)
    return [*ordered[:end], *late, *ordered[end:]]


def place_of(operation: t.Any) -> Place:
    """Return the schema and name of an operation's table."""
    return operation.schema, str(operation.table_name)


def parent_of(key: sa.ForeignKeyConstraint) -> Place:
    """Return the schema and name of the table that a key refers to."""
    path = key.elements[0].target_fullname.split(".")[:-1]
    return ".".join(path[:-1]) or None, path[-1]


def without(
    operation: ops.CreateTableOp, keys: cabc.Iterable[t.Any]
) -> ops.CreateTableOp:
    """Return an operation that makes a table without some of its foreign keys."""
    changed = copy.copy(operation)
    # Columns cannot be compared with '=='.
    gone = set(map(id, keys))
    changed.columns = [each for each in operation.columns if id(each) not in gone]
    return changed


def making(
    place: Place, keys: cabc.Iterable[sa.ForeignKeyConstraint]
) -> ops.ModifyTableOps:
    """Return the operations that make foreign keys of a table."""
    made = [making_one(place, key) for key in keys]
    return ops.ModifyTableOps(place[1], made, schema=place[0])


def making_one(child: Place, key: sa.ForeignKeyConstraint) -> ops.CreateForeignKeyOp:
    """Return the operation that makes a key; its parent need not be known."""
    schema, parent = parent_of(key)
    options = {
        "source_schema": child[0],
        "referent_schema": schema,
        "ondelete": key.ondelete,
        "onupdate": key.onupdate,
        "deferrable": key.deferrable,
        "initially": key.initially,
        "match": key.match,
        **key.dialect_kwargs,
    }
    return ops.CreateForeignKeyOp(
        t.cast("str | None", key.name),
        child[1],
        parent,
        [str(name) for name in key.column_keys],
        [each.target_fullname.rpartition(".")[2] for each in key.elements],
        **{name: value for name, value in options.items() if value is not None},
    )


def _drops_in_order(operations: Operations) -> Operations:
    """Drop the tables that refer to others first, and keys in both directions before.

    Comments stay with the drop of their table. Its indexes go along with it: MySQL does
    not drop an index by itself that a foreign key of the table needs. PostgreSQL does
    not drop a type that a table has, so types come last.
    """
    rest: Operations = []
    types: Operations = []
    groups: dict[Place, Operations] = {}
    tables: dict[Place, sa.Table] = {}
    end = 0
    for operation in operations:
        if isinstance(operation, EnumType) and not operation.creates:
            types.append(operation)
            continue
        if not isinstance(operation, ops.DropTableOp):
            rest.append(operation)
            continue
        place = place_of(operation)
        group: Operations = [operation]
        while rest and belongs(rest[-1], place):
            belonging = rest.pop()
            if isinstance(belonging, Loss):
                group.insert(0, belonging)
        groups[place], tables[place] = group, operation.to_table()
        end = len(rest)
    ordered, unlinked = _children_first(tables, dropped_keys(rest))
    dropped = [each for place in ordered for each in groups[place]]
    return [*rest[:end], *unlinked, *dropped, *rest[end:], *types]


def belongs(operation: ops.MigrateOperation, place: Place) -> bool:
    """Tell whether an operation goes along with the drop of a table after it."""
    return isinstance(operation, Loss) or (
        isinstance(operation, ops.ModifyTableOps)
        and place_of(operation) == place
        and all(isinstance(inner, ops.DropIndexOp) for inner in operation.ops)
    )


def dropped_keys(operations: Operations) -> set[tuple[Place, str]]:
    """Return the tables and names of the foreign keys that are dropped by name."""
    return {
        (place_of(inner), str(inner.constraint_name))
        for operation in operations
        if isinstance(operation, ops.ModifyTableOps)
        for inner in operation.ops
        if isinstance(inner, ops.DropConstraintOp)
    }


def _children_first(
    tables: cabc.Mapping[Place, sa.Table], gone: set[tuple[Place, str]]
) -> tuple[list[Place], Operations]:
    """Return the order of drops, and the drops of keys for which there is no order.

    :param gone: the tables and names of the keys that are dropped before.
    """
    keys = {
        child: [
            key
            for key in table.foreign_key_constraints
            if (child, str(key.name)) not in gone
        ]
        for child, table in tables.items()
    }
    pending = dict(tables)
    ordered: list[Place] = []
    unlinked: Operations = []
    while pending:
        parents = {
            parent_of(key): child
            for child in pending
            for key in keys[child]
            if parent_of(key) != child
        }
        free = [place for place in pending if place not in parents]
        if not free:
            free = list(pending)[:1]
            unlinked += [
                dropping(child, key)
                for child in pending
                for key in keys[child]
                if child != free[0] and parent_of(key) == free[0]
            ]
        ordered += [place for place in free if pending.pop(place) is not None]
    return ordered, unlinked


def dropping(child: Place, key: sa.ForeignKeyConstraint) -> ops.ModifyTableOps:
    """Return the operation that drops a foreign key of a table."""
    made = making_one(child, key)
    drop = DropConstraint(made, child[1], "foreignkey", child[0])
    return ops.ModifyTableOps(child[1], [drop], schema=child[0])

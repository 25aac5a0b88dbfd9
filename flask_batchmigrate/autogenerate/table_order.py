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
from .script.operations import DropConstraint

_Place: t.TypeAlias = tuple[str | None, str]
_Operations: t.TypeAlias = list[ops.MigrateOperation]


def in_order(operations: cabc.Iterable[ops.MigrateOperation]) -> _Operations:
    """Return operations that make and drop tables so that every key has its parent.

    :param operations: the operations of an upgrade or a downgrade.
    """
    return _drops_in_order(_creates_in_order(list(operations)))


def _creates_in_order(operations: _Operations) -> _Operations:
    """Move keys to tables that are made later behind the last new table."""
    pending = [_place(o) for o in operations if isinstance(o, ops.CreateTableOp)]
    late: _Operations = []
    end = 0
    ordered: _Operations = []
    for operation in operations:
        if isinstance(operation, ops.CreateTableOp):
            pending.remove(_place(operation))
            keys = [
                each
                for each in operation.columns
                if isinstance(each, sa.ForeignKeyConstraint)
                and (each.use_alter or _parent(each) in pending)
            ]
            if keys:
                operation = _without(operation, keys)
                late.append(_making(_place(operation), keys))
            end = len(ordered) + 1
        ordered.append(operation)
    return [*ordered[:end], *late, *ordered[end:]]


def _place(operation: t.Any) -> _Place:
    return operation.schema, str(operation.table_name)


def _parent(key: sa.ForeignKeyConstraint) -> _Place:
    """Return the schema and name of the table that a key refers to."""
    path = key.elements[0].target_fullname.split(".")[:-1]
    return ".".join(path[:-1]) or None, path[-1]


def _without(
    operation: ops.CreateTableOp, keys: cabc.Iterable[t.Any]
) -> ops.CreateTableOp:
    """Return an operation that makes a table without some of its foreign keys."""
    changed = copy.copy(operation)
    # Columns cannot be compared with '=='.
    gone = set(map(id, keys))
    changed.columns = [each for each in operation.columns if id(each) not in gone]
    return changed


def _making(
    place: _Place, keys: cabc.Iterable[sa.ForeignKeyConstraint]
) -> ops.ModifyTableOps:
    made = [_making_one(place, key) for key in keys]
    return ops.ModifyTableOps(place[1], made, schema=place[0])


def _making_one(child: _Place, key: sa.ForeignKeyConstraint) -> ops.CreateForeignKeyOp:
    """Return the operation that makes a key; its parent need not be known."""
    schema, parent = _parent(key)
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


def _drops_in_order(operations: _Operations) -> _Operations:
    """Drop the tables that refer to others first, and keys in both directions before.

    Comments stay with the drop of their table. Its indexes go along with it: MySQL does
    not drop an index by itself that a foreign key of the table needs.
    """
    rest: _Operations = []
    groups: dict[_Place, _Operations] = {}
    tables: dict[_Place, sa.Table] = {}
    end = 0
    for operation in operations:
        if not isinstance(operation, ops.DropTableOp):
            rest.append(operation)
            continue
        place = _place(operation)
        group: _Operations = [operation]
        while rest and _belongs(rest[-1], place):
            belonging = rest.pop()
            if isinstance(belonging, Loss):
                group.insert(0, belonging)
        groups[place], tables[place] = group, operation.to_table()
        end = len(rest)
    ordered, unlinked = _children_first(tables)
    dropped = [each for place in ordered for each in groups[place]]
    return [*rest[:end], *unlinked, *dropped, *rest[end:]]


def _belongs(operation: ops.MigrateOperation, place: _Place) -> bool:
    return isinstance(operation, Loss) or (
        isinstance(operation, ops.ModifyTableOps)
        and _place(operation) == place
        and all(isinstance(inner, ops.DropIndexOp) for inner in operation.ops)
    )


def _children_first(
    tables: cabc.Mapping[_Place, sa.Table],
) -> tuple[list[_Place], _Operations]:
    """Return the order of drops, and the drops of keys for which there is no order."""
    pending = dict(tables)
    ordered: list[_Place] = []
    unlinked: _Operations = []
    while pending:
        parents = {
            _parent(key): child
            for child, table in pending.items()
            for key in table.foreign_key_constraints
            if _parent(key) != child
        }
        free = [place for place in pending if place not in parents]
        if not free:
            free = list(pending)[:1]
            unlinked += [
                _dropping(child, key)
                for child, table in pending.items()
                for key in table.foreign_key_constraints
                if child != free[0] and _parent(key) == free[0]
            ]
        ordered += [place for place in free if pending.pop(place) is not None]
    return ordered, unlinked


def _dropping(child: _Place, key: sa.ForeignKeyConstraint) -> ops.ModifyTableOps:
    made = _making_one(child, key)
    drop = DropConstraint(made, child[1], "foreignkey", child[0])
    return ops.ModifyTableOps(child[1], [drop], schema=child[0])

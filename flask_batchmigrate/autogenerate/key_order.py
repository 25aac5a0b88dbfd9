"""Orders foreign keys by the changes of the keys that they refer to.

A foreign key needs a primary key, a UNIQUE or a unique index on the columns that it
refers to, and their table. Where a revision makes that as well, or gives a column
another type, it makes the foreign key afterwards; where it drops that, it drops the
foreign key before. Between two tables that are both made or dropped,
:mod:`.table_order` does it.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from .rows.misfits import Misfit
from .table_order import belongs
from .table_order import dropped_keys
from .table_order import dropping
from .table_order import making
from .table_order import Operations
from .table_order import parent_of
from .table_order import Place
from .table_order import place_of
from .table_order import without

_KEYS: t.Final = (
    ops.CreateUniqueConstraintOp,
    ops.CreatePrimaryKeyOp,
    ops.CreateIndexOp,
)
#: A table, and the columns of a key.
_Key: t.TypeAlias = tuple[Place, frozenset[str]]
#: Operations, each with the place that it is moved to.
_Moved: t.TypeAlias = cabc.Sequence[tuple[int, ops.ModifyTableOps]]


def keys_in_order(operations: cabc.Iterable[ops.MigrateOperation]) -> Operations:
    """Return operations in which foreign keys go before, and come after, their parents.

    :param operations: the operations of an upgrade or a downgrade.
    """
    return _drops_first(_creates_last(list(operations)))


def _creates_last(operations: Operations) -> Operations:
    """Move foreign keys behind the operations that make what they refer to."""
    ordered: Operations = []
    late: list[tuple[int, ops.ModifyTableOps]] = []
    for number, operation in enumerate(operations):
        kept = operation
        for key in _created_keys(operation):
            end = _last(operations, number, _needed(key))
            if end is not None:
                kept = _taken_out(kept, key)
                late.append((end, _late(operation, key)))
        ordered.append(kept)
    return _with_moved(ordered, after=late)


def _drops_first(operations: Operations) -> Operations:
    """Move drops of foreign keys before the operations that drop what they refer to."""
    first: list[tuple[int, ops.ModifyTableOps]] = []
    ordered: Operations = []
    by_name = dropped_keys(operations)
    for number, operation in enumerate(operations):
        kept = operation
        for key in _dropped_keys(operation, by_name):
            start = _first(operations, number, _needed(key))
            if start is not None:
                kept = _taken_out(kept, key)
                first.append((start, _early(operation, key)))
        ordered.append(kept)
    return _with_moved(ordered, before=first)


def _with_moved(
    operations: Operations, before: _Moved = (), after: _Moved = ()
) -> Operations:
    """Return operations without the empty ones, and with those that were moved.

    :param before: those to put before the operation at a place.
    :param after: those to put behind it.
    """
    result: Operations = []
    for number, operation in enumerate(operations):
        result += [moved for place, moved in before if place == number]
        if not _is_empty(operation):
            result.append(operation)
        result += [moved for place, moved in after if place == number]
    return result


def _last(operations: Operations, number: int, needed: _Key) -> int | None:
    """Return the place of the last later operation that makes a needed key."""
    in_table = isinstance(operations[number], ops.ModifyTableOps)
    for later in range(len(operations) - 1, number, -1):
        operation = operations[later]
        if in_table and isinstance(operation, ops.CreateTableOp):
            if place_of(operation) == needed[0]:
                return later
        elif any(_touches(key, needed) for key in _made_keys(operation)):
            return later
    return None


def _first(operations: Operations, number: int, needed: _Key) -> int | None:
    """Return the place of the first earlier operation that drops a needed key."""
    in_table = isinstance(operations[number], ops.ModifyTableOps)
    for earlier in range(number):
        operation = operations[earlier]
        if in_table and isinstance(operation, ops.DropTableOp):
            if place_of(operation) == needed[0]:
                while earlier and belongs(operations[earlier - 1], needed[0]):
                    earlier -= 1
                return earlier
        elif any(_touches(key, needed) for key in _gone_keys(operation)):
            return earlier
    return None


def _touches(key: _Key, needed: _Key) -> bool:
    """Tell whether a foreign key needs a key, or a column alone."""
    return key[0] == needed[0] and (key[1] == needed[1] or _is_column(key, needed))


def _is_column(key: _Key, needed: _Key) -> bool:
    return len(key[1]) == 1 and key[1] < needed[1]


def _needed(key: t.Any) -> _Key:
    """Return the table and the columns that a foreign key refers to."""
    if isinstance(key, sa.ForeignKeyConstraint):
        columns = [each.target_fullname.rpartition(".")[2] for each in key.elements]
        return parent_of(key), frozenset(columns)
    made: t.Any = key.reverse() if isinstance(key, ops.DropConstraintOp) else key
    target = made.kw.get("referent_schema"), str(made.referent_table)
    return target, frozenset(map(str, made.remote_cols))


def _created_keys(operation: t.Any) -> list[t.Any]:
    if isinstance(operation, ops.CreateTableOp):
        return [c for c in operation.columns if isinstance(c, sa.ForeignKeyConstraint)]
    if isinstance(operation, ops.ModifyTableOps):
        return [o for o in operation.ops if isinstance(o, ops.CreateForeignKeyOp)]
    return []


def _dropped_keys(operation: t.Any, by_name: set[tuple[Place, str]]) -> list[t.Any]:
    """Return the foreign keys that an operation drops.

    :param by_name: those that are dropped by name, before their table.
    """
    if isinstance(operation, ops.DropTableOp):
        child = place_of(operation)
        keys = operation.to_table().foreign_key_constraints
        return [key for key in keys if (child, str(key.name)) not in by_name]
    if isinstance(operation, ops.ModifyTableOps):
        return [
            o
            for o in operation.ops
            if isinstance(o, ops.DropConstraintOp)
            and isinstance(o.reverse(), ops.CreateForeignKeyOp)
        ]
    return []


def _made_keys(operation: t.Any) -> cabc.Iterator[_Key]:
    """Yield the keys and columns that an operation makes in a table that is there."""
    inner = operation.ops if isinstance(operation, ops.ModifyTableOps) else []
    for each in inner:
        columns: cabc.Iterable[t.Any] = ()
        if isinstance(each, ops.AddColumnOp):
            columns = [each.column]
        elif isinstance(each, ops.AlterColumnOp) and each.modify_type is not None:
            # Some servers want both columns of a foreign key to have one type.
            columns = [each.column_name]
        elif isinstance(each, _KEYS) and _is_whole(each):
            columns = each.columns
        names = frozenset(str(getattr(c, "name", c)) for c in columns)
        yield place_of(operation), names


def _is_whole(operation: t.Any) -> bool:
    """Tell whether all rows are in a key: it is no plain and no partial index."""
    partial = any(name.endswith("_where") for name in operation.kw)
    return getattr(operation, "unique", True) and not partial


def _gone_keys(operation: t.Any) -> cabc.Iterator[_Key]:
    """Yield the keys and columns that an operation drops from a table that stays."""
    if isinstance(operation, ops.ModifyTableOps):
        reversible = (
            ops.DropConstraintOp,
            ops.DropIndexOp,
            ops.DropColumnOp,
            ops.AlterColumnOp,
        )
        opposite = [o.reverse() for o in operation.ops if isinstance(o, reversible)]
        schema, table = place_of(operation)
        yield from _made_keys(ops.ModifyTableOps(table, opposite, schema=schema))


def _taken_out(operation: t.Any, key: t.Any) -> t.Any:
    """Return an operation without a foreign key; a table's drop stays as it is."""
    if isinstance(operation, ops.CreateTableOp):
        return without(operation, [key])
    if isinstance(operation, ops.ModifyTableOps):
        gone = _with_comment(operation, key)
        rest = [each for each in operation.ops if each not in gone]
        return ops.ModifyTableOps(operation.table_name, rest, schema=operation.schema)
    return operation


def _with_comment(operation: ops.ModifyTableOps, key: t.Any) -> Operations:
    """Return the operation of a foreign key, with the comment on rows before it."""
    number = operation.ops.index(key)
    start = number - isinstance(operation.ops[max(number - 1, 0)], Misfit)
    return list(operation.ops[start : number + 1])


def _late(operation: t.Any, key: t.Any) -> ops.ModifyTableOps:
    if isinstance(key, sa.ForeignKeyConstraint):
        return making(place_of(operation), [key])
    moved = _with_comment(operation, key)
    return ops.ModifyTableOps(operation.table_name, moved, schema=operation.schema)


def _early(operation: t.Any, key: t.Any) -> ops.ModifyTableOps:
    if isinstance(key, sa.ForeignKeyConstraint):
        return dropping(place_of(operation), key)
    return ops.ModifyTableOps(operation.table_name, [key], schema=operation.schema)


def _is_empty(operation: ops.MigrateOperation) -> bool:
    return isinstance(operation, ops.ModifyTableOps) and not operation.ops

"""Corrects Alembic's operations on indexes of MySQL and MariaDB.

A foreign key creates an index of its name if it finds no other, and leaves the index
behind when it is dropped: https://mariadb.com/kb/en/foreign-keys/. SQLAlchemy does not
reflect the order of an index's columns, so an index with DESC seems to differ from its
model.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects.mysql import dialect

from ..script.names import default_name
from ..script.operations import DropIndex

_ORDERS: t.Final = sa.text(
    "SELECT column_name, collation FROM information_schema.statistics"
    " WHERE table_schema = coalesce(:schema, database()) AND table_name = :table"
    " AND index_name = :index ORDER BY seq_in_index"
)

#: A column in an index, with or without the name of its table.
_TERM: t.Final = re.compile(
    r"(`?[^`.]+`?\.)?`?(?P<name>[^`.()]+?)`?(?P<order>\s+DESC)?(\s+ASC)?",
    re.IGNORECASE,
)


class KeyIndex(ops.MigrateOperation):
    """Stands for the index that a new foreign key creates, which the downgrade drops.

    :param key: the operation that creates the foreign key.
    """

    def __init__(self, key: ops.CreateForeignKeyOp) -> None:
        self.key = key

    def reverse(self) -> DropIndex:
        """Return the operation that drops the index after the foreign key."""
        key = self.key
        create = ops.CreateIndexOp(
            str(key.constraint_name),
            key.source_table,
            key.local_cols,
            schema=key.kw.get("source_schema"),
        )
        return DropIndex(create)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the index."""
        return ("key_index", self.key.source_table, *self.key.local_cols)


class LeftIndex(DropIndex):
    """The removal of the index that a foreign key leaves behind."""


@renderers.dispatch_for(KeyIndex)
def _render(autogen_context: t.Any, operation: KeyIndex) -> list[str]:
    return []


def add_key_indexes(connection: sa.Connection, upgrade: ops.UpgradeOps) -> None:
    """Have the downgrade drop the indexes that new foreign keys create.

    :param upgrade: the operations, whose constraints all have names; changed in place.
    """
    inspector = sa.inspect(connection)
    for block in upgrade.ops:
        if isinstance(block, ops.ModifyTableOps):
            block.ops[:] = [
                more
                for operation in block.ops
                for more in (
                    *_key_index(inspector, block, operation),
                    operation,
                )
            ]


def _key_index(
    inspector: sa.Inspector, block: ops.ModifyTableOps, operation: t.Any
) -> list[KeyIndex]:
    """Return the index that an operation creates: a foreign key that finds none."""
    if not isinstance(operation, ops.CreateForeignKeyOp) or not inspector.has_table(
        block.table_name, schema=block.schema
    ):
        return []
    table, schema = block.table_name, block.schema
    added = {o.column.name for o in block.ops if isinstance(o, ops.AddColumnOp)}
    created = [
        [str(column.name) for column in o.to_index().columns]
        for o in block.ops
        if isinstance(o, ops.CreateIndexOp)
    ]
    uniques = [
        [str(getattr(column, "name", column)) for column in o.columns]
        for o in block.ops
        if isinstance(o, ops.CreateUniqueConstraintOp)
    ]
    dropped = {
        getattr(o, "index_name", None) or getattr(o, "constraint_name", None)
        for o in block.ops
        if isinstance(o, (ops.DropIndexOp, ops.DropConstraintOp))
    }
    stored: list[list[t.Any]] = [
        list(each["column_names"])
        for each in inspector.get_indexes(table, schema=schema)
        if each["name"] not in dropped
    ]
    key = inspector.get_pk_constraint(table, schema=schema)["constrained_columns"]
    columns = list(operation.local_cols)
    served = any(
        index[: len(columns)] == columns for index in (*created, *uniques, *stored, key)
    )
    # A column takes its index along.
    return [] if served or added >= set(columns) else [KeyIndex(operation)]


def correct_indexes(
    connection: sa.Connection, blocks: cabc.Iterable[ops.ModifyTableOps]
) -> None:
    """Drop foreign keys first, and their indexes, and keep unchanged indexes.

    The downgrade creates dropped indexes with the order of their columns.

    :param blocks: the operations on each table; changed in place.
    """
    for block in blocks:
        equal = _equal_indexes(connection, block)
        block.ops[:] = [
            more
            for operation in block.ops
            if getattr(operation, "index_name", None) not in equal
            for more in (
                _with_order(connection, block, operation),
                *_left_behind(connection, block, operation),
            )
        ]
        # A key needs an index for as long as it is there; a new one makes its own.
        block.ops.sort(key=lambda each: (not _drops_key(each), not _is_left(each)))


def _equal_indexes(
    connection: sa.Connection, block: ops.ModifyTableOps
) -> frozenset[object]:
    """Return the names of indexes that would be dropped and created unchanged."""
    dropped = {o.index_name: o for o in block.ops if isinstance(o, ops.DropIndexOp)}
    created = [o for o in block.ops if isinstance(o, ops.CreateIndexOp)]
    return frozenset(
        operation.index_name
        for operation in created
        if operation.index_name in dropped
        and _orders(operation) == _stored_orders(connection, block, operation)
        and bool(operation.unique)
        == bool(dropped[operation.index_name].to_index().unique)
    )


def _orders(operation: ops.CreateIndexOp) -> list[tuple[str, str]] | None:
    """Return the columns of an index with their order; None if it has expressions."""
    orders = []
    for term in operation.to_index().expressions:
        parsed = _TERM.fullmatch(_text(term))
        if parsed is None:
            return None
        orders.append((parsed["name"], "D" if parsed["order"] else "A"))
    return orders


def _text(term: t.Any) -> str:
    return str(term.compile(dialect=dialect()))


def _stored_orders(
    connection: sa.Connection, block: ops.ModifyTableOps, operation: ops.CreateIndexOp
) -> list[tuple[str, str]]:
    values = {
        "schema": block.schema,
        "table": block.table_name,
        "index": operation.index_name,
    }
    rows = connection.execute(_ORDERS, values)
    return [(str(name), str(order)) for name, order in rows]


def _with_order(
    connection: sa.Connection, block: ops.ModifyTableOps, operation: t.Any
) -> ops.MigrateOperation:
    """Return the removal of an index that knows the order of the index's columns."""
    if not isinstance(operation, ops.DropIndexOp):
        return t.cast("ops.MigrateOperation", operation)
    create = operation.reverse()
    orders = dict(_stored_orders(connection, block, create))
    if "D" not in orders.values():
        return operation
    terms = [
        sa.text(f"{name} DESC") if order == "D" else name
        for name, order in orders.items()
    ]
    described = copy.copy(create)
    described.columns = terms
    return DropIndex(described)


def _drops_key(operation: ops.MigrateOperation) -> bool:
    """Tell whether an operation drops a foreign key."""
    kinds = ("foreignkey", "foreignkey_constraint")
    return (
        isinstance(operation, ops.DropConstraintOp)
        and operation.constraint_type in kinds
    )


def _is_left(operation: ops.MigrateOperation) -> bool:
    """Tell whether an operation drops the index that a foreign key has left."""
    return isinstance(operation, LeftIndex)


def _takes_over(
    operation: t.Any, columns: list[str], indexes: cabc.Container[str]
) -> bool:
    """Tell whether a new foreign key takes the place of an old one, and its index.

    :param columns: the columns of the old key.
    :param indexes: the names of its indexes.
    """
    if not isinstance(operation, ops.CreateForeignKeyOp):
        return False
    if list(operation.local_cols) != columns:
        return False
    table, parent = operation.source_table, operation.referent_table
    usual = default_name("foreignkey", table, columns, parent)
    return columns[0] in indexes or (operation.constraint_name or usual) in indexes


def _left_behind(
    connection: sa.Connection,
    block: ops.ModifyTableOps,
    operation: ops.MigrateOperation,
) -> cabc.Iterator[LeftIndex]:
    """Yield the removal of the index that a dropped foreign key leaves behind."""
    if not isinstance(operation, ops.DropConstraintOp) or not _drops_key(operation):
        return
    name = operation.constraint_name
    inspector = sa.inspect(connection)
    table, schema = block.table_name, block.schema
    keys = inspector.get_foreign_keys(table, schema=schema)
    (dropped_key,) = [key for key in keys if key["name"] == name]
    columns = dropped_key["constrained_columns"]
    served = [
        str(index["name"])
        for index in inspector.get_indexes(table, schema=schema)
        if index["name"] == name
        # Without a name, a foreign key names its index for its first column.
        or (index["column_names"] == columns and index["name"] == columns[0])
    ]
    if not served:
        return
    if name not in served:
        name = default_name("foreignkey", table, columns, dropped_key["referred_table"])
    dropped = {o.column_name for o in block.ops if isinstance(o, ops.DropColumnOp)}
    # An index serves every foreign key whose columns are its first ones.
    is_needed = any(
        columns[: len(key["constrained_columns"])] == key["constrained_columns"]
        for key in keys
        if key is not dropped_key
    ) or any(_takes_over(o, columns, served) for o in block.ops)
    if not dropped.issuperset(columns) and not is_needed:
        create = ops.CreateIndexOp(
            str(name), table, t.cast(t.Any, columns), schema=schema
        )
        yield LeftIndex(create)

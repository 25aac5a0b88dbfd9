"""Lets scripts drop, on MySQL and MariaDB, indexes that a foreign key needs.

The server has an index for each foreign key. It makes one if there is none, drops that
one when another can take its place, and refuses to drop the last one. So the key goes
while the last one is dropped, and comes back with an index that the server makes.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

_PRIMARY: t.Final = "PRIMARY"


class OnlyBack(ops.MigrateOperation):
    """Stands for what only the downgrade does.

    :param operation: what the downgrade does.
    """

    def __init__(self, operation: ops.MigrateOperation) -> None:
        self.operation = operation

    def reverse(self) -> ops.MigrateOperation:
        """Return what the downgrade does."""
        return self.operation

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        return ("only_back", type(self.operation).__name__)


@renderers.dispatch_for(OnlyBack)
def _render(autogen_context: t.Any, operation: OnlyBack) -> list[str]:
    return []


def free_needed_indexes(connection: sa.Connection, upgrade: ops.UpgradeOps) -> None:
    """Drop the foreign keys that need an index while it is dropped, up or down.

    :param upgrade: the operations, whose constraints all have names; changed in place.
    """
    inspector = sa.inspect(connection)
    for block in upgrade.ops:
        if isinstance(block, ops.ModifyTableOps) and any(map(_columns, block.ops)):
            table, schema = block.table_name, block.schema
            if inspector.has_table(table, schema=schema):
                for key in _remaining_keys(inspector, block):
                    _free(inspector, block, key)


def _remaining_keys(
    inspector: sa.Inspector, block: ops.ModifyTableOps
) -> cabc.Iterator[ops.CreateForeignKeyOp]:
    """Yield the foreign keys that a table has before and after its operations."""
    gone = {name for each in block.ops if (name := _dropped(each))}
    columns = {o.column_name for o in block.ops if isinstance(o, ops.DropColumnOp)}
    for key in inspector.get_foreign_keys(block.table_name, schema=block.schema):
        local = key["constrained_columns"]
        if key["name"] not in gone and columns.isdisjoint(local):
            options = {
                "source_schema": block.schema,
                "referent_schema": key["referred_schema"],
                **key["options"],
            }
            yield ops.CreateForeignKeyOp(
                conv(str(key["name"])),
                block.table_name,
                key["referred_table"],
                local,
                key["referred_columns"],
                **{name: value for name, value in options.items() if value},
            )


def _free(
    inspector: sa.Inspector, block: ops.ModifyTableOps, key: ops.CreateForeignKeyOp
) -> None:
    """Put the removal and return of a key around the operations on its indexes."""
    local, table, schema = list(key.local_cols), block.table_name, block.schema
    places = [
        place
        for place, each in enumerate(block.ops)
        if _columns(each)[: len(local)] == local
    ]
    gone = {name for each in block.ops if (name := _dropped(each))}
    stored = {
        str(each["name"]): list(each["column_names"])
        for each in inspector.get_indexes(table, schema=schema)
    }
    primary = inspector.get_pk_constraint(table, schema=schema)
    stored[_PRIMARY] = list(primary["constrained_columns"])
    others = [
        name
        for name, columns in stored.items()
        if columns[: len(local)] == local
        # The server drops what it has made itself.
        and name not in {*gone, key.constraint_name}
    ]
    if not places or others:
        return
    drop = ops.DropConstraintOp(
        key.constraint_name, table, type_="foreignkey", schema=schema, _reverse=key
    )
    first, last = places[0], places[-1] + 1
    around: tuple[ops.MigrateOperation, ops.MigrateOperation] = (drop, key)
    if not any(_dropped(block.ops[place]) for place in places):
        around = OnlyBack(key), OnlyBack(drop)
    block.ops[first:last] = [around[0], *block.ops[first:last], around[1]]


def _dropped(operation: t.Any) -> str | None:
    """Return the name of the constraint or index that an operation drops."""
    if isinstance(operation, ops.DropIndexOp):
        return str(operation.index_name)
    if isinstance(operation, ops.DropConstraintOp):
        is_primary = operation.constraint_type == "primary"
        return _PRIMARY if is_primary else str(operation.constraint_name)
    return None


def _columns(operation: t.Any) -> list[str]:
    """Return the columns of the index that an operation makes or drops."""
    made = operation
    if isinstance(operation, (ops.DropIndexOp, ops.DropConstraintOp)):
        made = operation.reverse()
    if isinstance(made, ops.CreateIndexOp):
        return [str(getattr(each, "name", each)) for each in made.columns]
    if isinstance(made, (ops.CreateUniqueConstraintOp, ops.CreatePrimaryKeyOp)):
        return [str(getattr(each, "name", each)) for each in made.columns]
    return []

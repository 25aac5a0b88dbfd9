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

from ..choices.renames import RenameTable
from ..choices.stored_names import StoredNames

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
    stored = StoredNames(upgrade.ops)
    tables = {
        (each.schema, each.table_name): each.new_table_name
        for each in upgrade.ops
        if isinstance(each, RenameTable)
    }
    for block in upgrade.ops:
        if isinstance(block, ops.ModifyTableOps) and any(map(_columns, block.ops)):
            place = block.schema, block.table_name
            table = stored.table(place)
            named = {
                stored.column(place, column): column
                for each in block.ops
                for column in _columns(each)
            }
            if inspector.has_table(table, schema=block.schema):
                indexes = _indexes(inspector, table, block.schema, named)
                for key in _remaining_keys(inspector, table, block, named, tables):
                    _free(indexes, block, key)


def _indexes(
    inspector: sa.Inspector,
    table: str,
    schema: str | None,
    named: cabc.Mapping[str, str],
) -> dict[str, list[str]]:
    """Return the columns of the indexes of a table, by the indexes' names.

    :param named: the names that columns get, by those that they have.
    """
    indexes = {
        str(each["name"]): list(map(str, each["column_names"]))
        for each in inspector.get_indexes(table, schema=schema)
    }
    key = inspector.get_pk_constraint(table, schema=schema)
    indexes[_PRIMARY] = list(key["constrained_columns"])
    return {
        name: [named.get(column, column) for column in columns]
        for name, columns in indexes.items()
    }


def _remaining_keys(
    inspector: sa.Inspector,
    table: str,
    block: ops.ModifyTableOps,
    named: cabc.Mapping[str, str],
    tables: cabc.Mapping[tuple[str | None, str], str],
) -> cabc.Iterator[ops.CreateForeignKeyOp]:
    """Yield the foreign keys that a table has before and after its operations.

    :param table: the name that the table has in the database.
    :param named: the names that columns get, by those that they have.
    :param tables: the names that tables get, by those that they have.
    """
    gone = {name for each in block.ops if (name := _dropped(each))}
    columns = {o.column_name for o in block.ops if isinstance(o, ops.DropColumnOp)}
    for key in inspector.get_foreign_keys(table, schema=block.schema):
        local = [named.get(column, column) for column in key["constrained_columns"]]
        parent = key["referred_schema"], key["referred_table"]
        if key["name"] not in gone and columns.isdisjoint(local):
            options = {
                "source_schema": block.schema,
                "referent_schema": key["referred_schema"],
                **key["options"],
            }
            yield ops.CreateForeignKeyOp(
                conv(str(key["name"])),
                block.table_name,
                tables.get(parent, parent[1]),
                local,
                key["referred_columns"],
                **{name: value for name, value in options.items() if value},
            )


def _free(
    indexes: cabc.Mapping[str, list[str]],
    block: ops.ModifyTableOps,
    key: ops.CreateForeignKeyOp,
) -> None:
    """Put the removal and return of a key around the operations on its indexes.

    :param indexes: the columns of the indexes that the table has, by their names.
    """
    local, table, schema = list(key.local_cols), block.table_name, block.schema
    places = [
        place
        for place, each in enumerate(block.ops)
        if _columns(each)[: len(local)] == local
    ]
    gone = {name for each in block.ops if (name := _dropped(each))}
    others = [
        name
        for name, columns in indexes.items()
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

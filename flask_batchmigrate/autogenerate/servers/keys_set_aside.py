"""Sets foreign keys aside while a revision changes what they stand on.

A server refuses to drop the key that a foreign key refers to, although the same
revision makes another one for it. MySQL and MariaDB also refuse to drop the index of a
foreign key's own columns, and to change the type of a column on either side:
https://mariadb.com/kb/en/foreign-keys/. So the foreign key is dropped before, and made
again afterwards.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..choices.rename import RenameColumn
from ..choices.rename import RenameTable
from ..script.names import fitting
from ..script.operations import DropConstraint
from .mysql_indexes import key_index

#: The schema and name of a table.
Place: t.TypeAlias = tuple[str | None, str]
_DROPS: t.Final = (ops.DropIndexOp, ops.DropConstraintOp)
_CREATES: t.Final = (
    ops.CreateIndexOp,
    ops.CreatePrimaryKeyOp,
    ops.CreateUniqueConstraintOp,
)
_OPTIONS: t.Final = ("ondelete", "onupdate", "deferrable", "initially", "match")


class Backwards(ops.MigrateOperation):
    """Stands for an operation that only the downgrade has.

    :param operation: the operation of the downgrade.
    """

    def __init__(self, operation: ops.MigrateOperation) -> None:
        self.operation = operation

    def reverse(self) -> ops.MigrateOperation:
        """Return the operation of the downgrade."""
        return self.operation

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the operation."""
        return ("backwards", self.operation.to_diff_tuple())


@renderers.dispatch_for(Backwards)
def _render(autogen_context: t.Any, operation: Backwards) -> list[str]:
    return []


class _Changes:
    """What a revision changes that foreign keys may stand on.

    :param operations: the operations of an upgrade.
    :param is_mysql: whether the server is MySQL or MariaDB.
    """

    def __init__(
        self, operations: cabc.Iterable[ops.MigrateOperation], is_mysql: bool
    ) -> None:
        self.blocks: dict[Place, list[t.Any]] = {}
        self.renamed: dict[tuple[Place, str], str] = {}
        self.is_mysql = is_mysql
        self.tables: dict[Place, str] = {}
        for operation in operations:
            if isinstance(operation, ops.ModifyTableOps):
                table = operation.schema, str(operation.table_name)
                self.blocks.setdefault(table, []).extend(operation.ops)
            elif isinstance(operation, RenameTable):
                table = operation.schema, str(operation.table_name)
                self.tables[table] = str(operation.new_table_name)
        for table, block in self.blocks.items():
            for each in block:
                if isinstance(each, RenameColumn):
                    self.renamed[table, each.column_name] = str(each.modify_name)
        changed = [each for block in self.blocks.values() for each in block]
        #: Whether there is anything that a foreign key could be in the way of.
        self.exist = any(
            isinstance(each, _DROPS)
            or (is_mysql and isinstance(each, _CREATES))
            or (is_mysql and getattr(each, "modify_type", None) is not None)
            for each in changed
        )

    def renewed(self, key: t.Any, child: Place) -> t.Any:
        """Return a foreign key of the database with the new names of what it names."""
        schema, name = key["referred_schema"], key["referred_table"]
        parent = schema, self.tables.get((schema, name), name)
        own, others = key["constrained_columns"], key["referred_columns"]
        return {
            **key,
            "referred_table": parent[1],
            "constrained_columns": [self.renamed.get((child, c), c) for c in own],
            "referred_columns": [self.renamed.get((parent, c), c) for c in others],
        }

    def concern(self, inspector: sa.Inspector, key: ops.CreateForeignKeyOp) -> bool:
        """Tell whether a foreign key that stays is in the way of a change."""
        child = key.kw.get("source_schema"), key.source_table
        parent = key.kw.get("referent_schema"), key.referent_table
        if str(key.constraint_name) in self._gone_names(child):
            return False
        lost = any(
            set(columns) == set(key.remote_cols)
            for columns in self._gone_columns(parent, unique=True)
        )
        if not self.is_mysql:
            return lost
        return (
            (lost and not self._served(inspector, parent, key.remote_cols))
            or self._retypes(child, key.local_cols)
            or self._retypes(parent, key.remote_cols)
            or (
                any(
                    columns[: len(key.local_cols)] == list(key.local_cols)
                    for columns in self._gone_columns(child, unique=False)
                )
                and not self._served(inspector, child, key.local_cols)
            )
        )

    def replace_index(
        self, inspector: sa.Inspector, key: ops.CreateForeignKeyOp
    ) -> bool:
        """Tell whether MySQL drops a foreign key's own index, as another one serves it.

        The downgrade cannot drop the other one then.
        """
        child = key.kw.get("source_schema"), key.source_table
        own = str(key.constraint_name)
        return (
            self.is_mysql
            and any(
                isinstance(each, _CREATES)
                and _columns(each)[: len(key.local_cols)] == list(key.local_cols)
                for each in self.blocks.get(child, ())
            )
            and not self._served(inspector, child, key.local_cols, {own})
        )

    def _retypes(self, place: Place, columns: cabc.Sequence[str]) -> bool:
        return any(
            isinstance(each, ops.AlterColumnOp)
            and each.modify_type is not None
            and each.column_name in columns
            for each in self.blocks.get(place, ())
        )

    def _gone_names(self, place: Place) -> set[str]:
        """Return the names of the constraints and indexes that a table loses."""
        return {
            str(
                each.index_name
                if isinstance(each, ops.DropIndexOp)
                else each.constraint_name
            )
            for each in self.blocks.get(place, ())
            if isinstance(each, _DROPS)
        }

    def _gone_columns(self, place: Place, unique: bool) -> cabc.Iterator[list[str]]:
        """Yield the columns of each key or index that a table loses.

        :param unique: leave out indexes that are not unique.
        """
        for each in self.blocks.get(place, ()):
            if isinstance(each, _DROPS):
                made = each.reverse()
                if isinstance(made, ops.CreateIndexOp) and unique and not made.unique:
                    continue
                yield _columns(made)

    def _served(
        self,
        inspector: sa.Inspector,
        place: Place,
        columns: cabc.Sequence[str],
        others: cabc.Set[str] = frozenset(),
    ) -> bool:
        """Tell whether an index that stays begins with columns.

        :param others: indexes that do not count.
        """
        schema, table = place
        gone = self._gone_names(place) | others
        indexes = [
            each["column_names"]
            for each in inspector.get_indexes(table, schema=schema)
            if each["name"] not in gone
        ]
        if not any(
            isinstance(o, ops.DropConstraintOp) and o.constraint_type == "primary"
            for o in self.blocks.get(place, ())
        ):
            key = inspector.get_pk_constraint(table, schema=schema)
            indexes.append(list(key["constrained_columns"]))
        return any(index[: len(columns)] == list(columns) for index in indexes)


def _columns(operation: t.Any) -> list[str]:
    """Return the columns of a key or an index; an expression is no column."""
    columns = getattr(operation, "columns", ())
    return [str(getattr(column, "name", column)) for column in columns]


def set_keys_aside(
    connection: sa.Connection, upgrade: ops.UpgradeOps, tables: cabc.Iterable[sa.Table]
) -> None:
    """Drop foreign keys before what they stand on changes, and make them again.

    :param upgrade: the operations, whose constraints all have names; changed in place.
    :param tables: the tables of the models.
    """
    changes = _Changes(upgrade.ops, connection.dialect.name in ("mysql", "mariadb"))
    children = [table for table in tables if table.foreign_key_constraints]
    if changes.exist and children:
        inspector = sa.inspect(connection)
        for table in children:
            if inspector.has_table(str(table.name), schema=table.schema):
                _set_aside(inspector, upgrade, changes, table)


def _set_aside(
    inspector: sa.Inspector, upgrade: ops.UpgradeOps, changes: _Changes, table: sa.Table
) -> None:
    """Set the foreign keys of a table of the database aside."""
    name, schema = str(table.name), table.schema
    drops: list[ops.MigrateOperation] = []
    creates: list[ops.MigrateOperation] = []
    for stored in inspector.get_foreign_keys(name, schema=schema):
        before = _made(stored, schema, name)
        after = _made(changes.renewed(stored, (schema, name)), schema, name)
        drop = DropConstraint(before, name, "foreignkey", schema)
        if not changes.concern(inspector, after):
            if changes.replace_index(inspector, after):
                drops.append(Backwards(before))
                creates.append(Backwards(after.reverse()))
            continue
        drops.append(drop)
        if changes.is_mysql:
            inner = [*changes.blocks.get((schema, name), ()), after]
            block = ops.ModifyTableOps(name, inner, schema=schema)
            creates += key_index(inspector, block, after)
        creates.append(after)
    if drops:
        upgrade.ops.insert(0, ops.ModifyTableOps(name, drops, schema=schema))
        upgrade.ops.append(ops.ModifyTableOps(name, creates, schema=schema))


def _made(key: t.Any, schema: str | None, table: str) -> ops.CreateForeignKeyOp:
    """Return the operation that makes a foreign key of the database again."""
    options = {
        "source_schema": schema,
        "referent_schema": key["referred_schema"],
        **{name: key.get("options", {}).get(name) for name in _OPTIONS},
    }
    return ops.CreateForeignKeyOp(
        fitting(key["name"]),
        table,
        key["referred_table"],
        key["constrained_columns"],
        key["referred_columns"],
        **{name: value for name, value in options.items() if value is not None},
    )

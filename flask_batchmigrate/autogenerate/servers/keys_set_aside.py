"""Sets foreign keys aside while a revision changes what they stand on.

A server refuses to drop the key that a foreign key refers to, although the same
revision makes another one for it. PostgreSQL refuses a type of one column of a foreign
key that it does not compare with that of the other, although the same revision changes
both. MySQL and MariaDB also refuse to drop the index of a
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
from ..choices.stored_names import Place
from ..choices.stored_names import StoredNames
from ..script.enums import native
from ..script.names import fitting
from ..script.operations import DropConstraint
from .mysql_indexes import KeyIndex
from .mysql_names import usual_names

_DROPS: t.Final = (ops.DropIndexOp, ops.DropConstraintOp)
_CREATES: t.Final = (
    ops.CreateIndexOp,
    ops.CreatePrimaryKeyOp,
    ops.CreateUniqueConstraintOp,
)
_OPTIONS: t.Final = ("ondelete", "onupdate", "deferrable", "initially", "match")
_PRIMARY: t.Final = "PRIMARY"
#: Types whose lengths and sizes make no difference to a foreign key of PostgreSQL.
_COMPARED: t.Final = (sa.Integer, sa.String)


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
    """What a revision changes, by the names that things have after its renames.

    :param connection: a connection to the server.
    :param operations: the operations of an upgrade; renames come first.
    """

    def __init__(
        self, connection: sa.Connection, operations: list[ops.MigrateOperation]
    ) -> None:
        self._connection = connection
        self._inspector = sa.inspect(connection)
        self.is_mysql = connection.dialect.name in ("mysql", "mariadb")
        self.stored = StoredNames(operations)
        self._blocks: dict[Place, list[t.Any]] = {}
        self._new_tables: dict[Place, str] = {}
        self._new_columns: dict[tuple[Place, str], str] = {}
        for operation in operations:
            if isinstance(operation, ops.ModifyTableOps):
                place = operation.schema, str(operation.table_name)
                self._blocks.setdefault(place, []).extend(operation.ops)
            elif isinstance(operation, RenameTable):
                place = operation.schema, str(operation.table_name)
                self._new_tables[place] = str(operation.new_table_name)
        for place, block in self._blocks.items():
            for each in block:
                if isinstance(each, RenameColumn):
                    self._new_columns[place, each.column_name] = str(each.modify_name)

    @property
    def may_concern_keys(self) -> bool:
        """Whether there is anything that a foreign key could be in the way of."""
        return any(
            isinstance(each, _DROPS)
            or (self.is_mysql and isinstance(each, _CREATES))
            or self._parts_ends(each)
            for block in self._blocks.values()
            for each in block
        )

    def keys(self, place: Place) -> cabc.Iterator[tuple[_Key, _Key]]:
        """Yield the foreign keys that a table keeps: as they are, and as they will be.

        :param place: the table that has them.
        """
        schema, table = place[0], self.stored.table(place)
        if not self._inspector.has_table(table, schema=schema):
            return
        gone = self._gone_names(place)
        columns = {
            str(each.column_name)
            for each in self._blocks.get(place, ())
            if isinstance(each, ops.DropColumnOp)
        }
        names = self._usual_names(place)
        for key in self._inspector.get_foreign_keys(table, schema=schema):
            name = names.get(str(key["name"]), str(key["name"]))
            if name in gone or not columns.isdisjoint(key["constrained_columns"]):
                continue
            before: t.Any = {**key, "name": name, "table": table, "schema": schema}
            yield _made(before), _made(self._renewed(before, place))

    def concern(self, key: _Key) -> bool:
        """Tell whether a foreign key is in the way of a change."""
        child, parent = _ends(key)
        lost = any(
            set(columns) == set(key.remote_cols)
            for columns in self._gone_columns(parent, unique=True)
        )
        if self._retypes(child, key.local_cols) or self._retypes(
            parent, key.remote_cols
        ):
            return True
        if not self.is_mysql:
            return lost
        return (lost and not self._serves(parent, key.remote_cols)) or (
            any(
                columns[: len(key.local_cols)] == list(key.local_cols)
                for columns in self._gone_columns(child, unique=False)
            )
            and not self._serves(child, key.local_cols)
        )

    def replaces_index(self, key: _Key) -> bool:
        """Tell whether MySQL drops a foreign key's own index, as a new one serves it.

        The downgrade cannot drop the new one then.
        """
        child, own = _ends(key)[0], {str(key.constraint_name)}
        return (
            self.is_mysql
            and self._creates(child, key.local_cols)
            and not self._serves(child, key.local_cols, own)
        )

    def makes_index(self, key: _Key) -> bool:
        """Tell whether MySQL makes an index for a foreign key that is made again."""
        child, own = _ends(key)[0], {str(key.constraint_name)}
        return self.is_mysql and not (
            self._creates(child, key.local_cols)
            or self._serves(child, key.local_cols, own)
        )

    def _renewed(self, key: dict[str, t.Any], child: Place) -> dict[str, t.Any]:
        """Return a foreign key of the database with the new names of what it names."""
        schema, name = key["referred_schema"], str(key["referred_table"])
        parent: Place = schema, self._new_tables.get((schema, name), name)
        own, others = key["constrained_columns"], key["referred_columns"]
        return {
            **key,
            "table": child[1],
            "referred_table": parent[1],
            "constrained_columns": [self._new_columns.get((child, c), c) for c in own],
            "referred_columns": [self._new_columns.get((parent, c), c) for c in others],
        }

    def _retypes(self, place: Place, columns: cabc.Sequence[str]) -> bool:
        return any(
            self._parts_ends(each) and each.column_name in columns
            for each in self._blocks.get(place, ())
        )

    def _parts_ends(self, operation: ops.MigrateOperation) -> bool:
        """Tell whether a column gets a type that its old one may not refer to.

        MySQL wants both ends of a foreign key to be alike; PostgreSQL compares them:
        https://www.postgresql.org/docs/current/sql-createtable.html
        """
        if not isinstance(operation, ops.AlterColumnOp):
            return False
        old, new = operation.existing_type, operation.modify_type
        if new is None or self.is_mysql:
            return new is not None
        kind = _compared(new, self._connection.dialect)
        return kind is None or kind != _compared(old, self._connection.dialect)

    def _creates(self, place: Place, columns: cabc.Sequence[str]) -> bool:
        """Tell whether a new key or index begins with columns."""
        return any(
            isinstance(each, _CREATES) and _begins(_columns(each), columns)
            for each in self._blocks.get(place, ())
        )

    def _gone_names(self, place: Place) -> set[str]:
        """Return the names of the constraints and indexes that a table loses."""
        return {
            _dropped_name(each)
            for each in self._blocks.get(place, ())
            if isinstance(each, _DROPS)
        }

    def _gone_columns(self, place: Place, unique: bool) -> cabc.Iterator[list[str]]:
        """Yield the columns of each key or index that a table loses.

        :param unique: leave out indexes that are not unique.
        """
        for each in self._blocks.get(place, ()):
            if isinstance(each, _DROPS):
                made = each.reverse()
                if isinstance(made, ops.CreateIndexOp) and unique and not made.unique:
                    continue
                yield _columns(made)

    def _serves(
        self,
        place: Place,
        columns: cabc.Sequence[str],
        others: cabc.Set[str] = frozenset(),
    ) -> bool:
        """Tell whether an index that stays begins with columns.

        :param others: indexes that do not count.
        """
        schema, table = place[0], self.stored.table(place)
        names = self._usual_names(place)
        indexes = {
            names.get(str(each["name"]), str(each["name"])): each["column_names"]
            for each in self._inspector.get_indexes(table, schema=schema)
        }
        key = self._inspector.get_pk_constraint(table, schema=schema)
        indexes[_PRIMARY] = list(key["constrained_columns"])
        gone = self._gone_names(place) | others
        return any(
            _begins([self._new_columns.get((place, str(c)), c) for c in index], columns)
            for name, index in indexes.items()
            if name not in gone
        )

    def _usual_names(self, place: Place) -> dict[str, str]:
        """Return the names that scripts give constraints, by those that MySQL gave."""
        if not self.is_mysql:
            return {}
        return usual_names(self._connection, self.stored.table(place), place[0])


_Key: t.TypeAlias = ops.CreateForeignKeyOp


def set_keys_aside(
    connection: sa.Connection, upgrade: ops.UpgradeOps, tables: cabc.Iterable[sa.Table]
) -> None:
    """Drop foreign keys before what they stand on changes, and make them again.

    :param upgrade: the operations, whose constraints all have names; changed in place.
    :param tables: the tables of the models.
    """
    changes = _Changes(connection, upgrade.ops)
    if not changes.may_concern_keys:
        return
    for table in tables:
        if table.foreign_key_constraints:
            _set_aside(upgrade, changes, (table.schema, str(table.name)))


def _set_aside(upgrade: ops.UpgradeOps, changes: _Changes, place: Place) -> None:
    """Set the foreign keys of a table aside."""
    schema, name = place
    stored = changes.stored.table(place)
    drops: list[ops.MigrateOperation] = []
    creates: list[ops.MigrateOperation] = []
    for before, after in changes.keys(place):
        if changes.concern(after):
            drops.append(DropConstraint(before, stored, "foreignkey", schema))
            creates += [KeyIndex(after)] if changes.makes_index(after) else []
            creates.append(after)
        elif changes.replaces_index(after):
            drops.append(Backwards(before))
            creates.append(Backwards(after.reverse()))
    if drops:
        upgrade.ops.insert(0, ops.ModifyTableOps(stored, drops, schema=schema))
        upgrade.ops.append(ops.ModifyTableOps(name, creates, schema=schema))


def _made(key: dict[str, t.Any]) -> _Key:
    """Return the operation that makes a foreign key of the database again."""
    options = {
        "source_schema": key["schema"],
        "referent_schema": key["referred_schema"],
        **{name: key.get("options", {}).get(name) for name in _OPTIONS},
    }
    return ops.CreateForeignKeyOp(
        fitting(key["name"]),
        key["table"],
        key["referred_table"],
        key["constrained_columns"],
        key["referred_columns"],
        **{name: value for name, value in options.items() if value is not None},
    )


def _ends(key: _Key) -> tuple[Place, Place]:
    """Return the table that has a foreign key, and the one that it refers to."""
    child = key.kw.get("source_schema"), str(key.source_table)
    return child, (key.kw.get("referent_schema"), str(key.referent_table))


def _compared(type_: t.Any, dialect: sa.Dialect) -> type[t.Any] | None:
    """Return what a type has in common with others that PostgreSQL compares it with."""
    stored = None if type_ is None else type_.dialect_impl(dialect)
    while isinstance(stored, sa.TypeDecorator):
        stored = stored.impl_instance
    if native(stored) is not None:
        return None
    return next((kind for kind in _COMPARED if isinstance(stored, kind)), None)


def _begins(index: cabc.Sequence[object], columns: cabc.Sequence[str]) -> bool:
    return list(index[: len(columns)]) == list(columns)


def _dropped_name(operation: ops.DropIndexOp | ops.DropConstraintOp) -> str:
    """Return the name of the index or constraint that an operation drops."""
    if isinstance(operation, ops.DropIndexOp):
        return str(operation.index_name)
    is_primary = operation.constraint_type == "primary"
    return _PRIMARY if is_primary else str(operation.constraint_name)


def _columns(operation: t.Any) -> list[str]:
    """Return the columns of a key or an index; an expression is no column."""
    columns = getattr(operation, "columns", ())
    return [str(getattr(column, "name", column)) for column in columns]

"""Creates and drops the PostgreSQL types of Enum columns.

``op.create_table()`` creates them along with the table; ``op.add_column()`` does not,
and nothing drops them. Scripts for other databases contain these operations as well, so
that they run on PostgreSQL.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from .copies import copy_table
from .operations import DropTable
from .rendering import type_text

Tables: t.TypeAlias = "cabc.Mapping[tuple[str | None, str], sa.Table]"
#: A type's name and schema.
Key: t.TypeAlias = tuple[str, str | None]


class ExistingEnum(sa.Enum):
    """An Enum of a new table whose type already exists on PostgreSQL."""

    def text(self, autogen_context: t.Any) -> str:
        """Return the text of a type that PostgreSQL does not create."""
        options: dict[str, t.Any] = {"name": self.name, "schema": self.schema}
        options = {name: value for name, value in options.items() if value is not None}
        plain = sa.Enum(
            *self.enums, create_constraint=self.create_constraint, **options
        )
        keywords = [f"{name}={value!r}" for name, value in options.items()]
        arguments = ", ".join([*map(repr, self.enums), *keywords])
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        text = type_text(autogen_context, plain)
        bare = f"postgresql.ENUM({arguments}, create_type=False)"
        return f"{text}.with_variant({bare}, 'postgresql')"


class EnumType(ops.MigrateOperation):
    """Creates or drops the type of an Enum, on a database that has such types.

    :param type_: the Enum.
    :param creates: whether the type is created, not dropped.
    :param by_table: whether ``create_table()`` creates the type.
    """

    def __init__(self, type_: sa.Enum, creates: bool, by_table: bool = False) -> None:
        self.type = type_
        self.creates = creates
        self.by_table = by_table

    def reverse(self) -> EnumType:
        """Return the opposite operation."""
        return EnumType(self.type, not self.creates, self.by_table)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("add_type" if self.creates else "remove_type", self.type)


def create_and_drop_types(
    upgrade: ops.UpgradeOps, tables: Tables, connection: sa.Connection
) -> None:
    """Create types before their first use, and drop them after their last use.

    :param upgrade: the operations, for any database; changed in place.
    :param tables: the tables of the models.
    """
    stored = _stored_types(connection)
    handled: set[Key] = set()
    used: dict[Key, int] = {}
    for table in tables.values():
        for column in table.columns:
            type_ = native(_item(column.type))
            if type_ is not None:
                used[key_of(type_)] = used.get(key_of(type_), 0) + 1
    operations: list[ops.MigrateOperation] = []
    dropped: dict[Key, EnumType] = {}
    for operation in upgrade.ops:
        for type_ in _added(operation):
            key = key_of(type_)
            created = key not in handled and (
                key not in stored if stored is not None else _is_new(key, used, upgrade)
            )
            handled.add(key)
            table_makes_it = isinstance(operation, ops.CreateTableOp) and used[key] == 1
            if created:
                operations.append(EnumType(type_, True, table_makes_it))
        for type_ in _removed(operation):
            if key_of(type_) not in used:
                dropped[key_of(type_)] = EnumType(type_, False)
        table_types = {
            o.type.name for o in operations if isinstance(o, EnumType) and o.by_table
        }
        operations.append(_without_types(operation, table_types))
    upgrade.ops[:] = [*operations, *dropped.values()]


def _stored_types(connection: sa.Connection) -> set[Key] | None:
    """Return the stored types; None for a database without such types."""
    if connection.dialect.name != "postgresql":
        return None
    inspector: t.Any = sa.inspect(connection)
    default = connection.dialect.default_schema_name
    return {
        (e["name"], None if e["schema"] == default else e["schema"])
        for e in inspector.get_enums(schema="*")
    }


def _is_new(key: Key, used: cabc.Mapping[Key, int], upgrade: ops.UpgradeOps) -> bool:
    """Tell whether only columns that the upgrade adds or changes use a type."""
    added = [
        t_ for operation in upgrade.ops for t_ in _added(operation) if key_of(t_) == key
    ]
    return len(added) >= used.get(key, 0)


def _added(operation: t.Any) -> cabc.Iterator[sa.Enum]:
    """Yield the Enum types that columns get by an operation."""
    if isinstance(operation, ops.CreateTableOp):
        columns = [c for c in operation.columns if isinstance(c, sa.Column)]
        yield from filter(None, (native(column.type) for column in columns))
    for inner in operation.ops if isinstance(operation, ops.ModifyTableOps) else ():
        if isinstance(inner, ops.AddColumnOp):
            type_ = native(_item(inner.column.type))
        elif isinstance(inner, ops.AlterColumnOp):
            type_ = native(inner.modify_type)
            old = native(inner.existing_type)
            if type_ is not None and old is not None and old.name == type_.name:
                type_ = None
        else:
            type_ = None
        if type_ is not None:
            yield type_


def _removed(operation: t.Any) -> cabc.Iterator[sa.Enum]:
    """Yield the Enum types that columns lose by an operation."""
    if isinstance(operation, ops.DropTableOp):
        columns = operation.to_table().columns
        yield from filter(None, (native(column.type) for column in columns))
    for inner in operation.ops if isinstance(operation, ops.ModifyTableOps) else ():
        type_ = None
        if isinstance(inner, ops.DropColumnOp):
            type_ = native(_item(inner.to_column().type))
        elif isinstance(inner, ops.AlterColumnOp) and inner.modify_type is not None:
            type_ = native(inner.existing_type)
        if type_ is not None:
            yield type_


def _item(type_: t.Any) -> t.Any:
    """Return the type of the items of an array; another type as it is."""
    return type_.item_type if isinstance(type_, sa.ARRAY) else type_


def _without_types(operation: t.Any, by_table: cabc.Container[str | None]) -> t.Any:
    """Return an operation that creates no types with a table, up or down.

    :param by_table: the names of the types that tables create all the same.
    """
    if isinstance(operation, ops.DropTableOp):
        copied = _with_types_that_exist(operation.to_table(), ())
        return operation if copied is None else DropTable(copied)
    if not isinstance(operation, ops.CreateTableOp) or not any(_added(operation)):
        return operation
    (table,) = {c.table for c in operation.columns if isinstance(c, sa.Column)}
    copied = _with_types_that_exist(table, by_table)
    if copied is None:
        return operation
    return ops.CreateTableOp.from_table(copied, _namespace_metadata=table.metadata)


def _with_types_that_exist(
    table: sa.Table, by_table: cabc.Container[str | None]
) -> sa.Table | None:
    """Return a copy of a table that creates no types; None if no copy is needed."""
    copied = copy_table(table)
    changed = False
    for column in copied.columns:
        type_ = native(column.type)
        if type_ is not None and type_.name not in by_table:
            changed = True
            column.type = ExistingEnum(
                *type_.enums,
                name=type_.name,
                schema=type_.schema,
                create_constraint=type_.create_constraint,
            )
    return copied if changed else None


def native(type_: t.Any) -> sa.Enum | None:
    """Return the type if it is an Enum with its own type on PostgreSQL, else None."""
    if isinstance(type_, sa.Enum) and type_.native_enum and type_.name:
        return type_
    return None


def key_of(type_: sa.Enum) -> Key:
    """Return the name and schema that identify a type on PostgreSQL."""
    return str(type_.name), type_.schema


@renderers.dispatch_for(EnumType)
def _render(autogen_context: t.Any, operation: EnumType) -> str | list[str]:
    """Render the operation with the type as Alembic renders it in a column."""
    if operation.creates and operation.by_table:
        return []
    text = type_text(autogen_context, _plain(operation.type))
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    verb = "create" if operation.creates else "drop"
    return f"{text}.{verb}({prefix}get_bind(), checkfirst=True)"


def _plain(type_: sa.Enum) -> sa.Enum:
    """Return an Enum without the check that it makes on other databases."""
    return sa.Enum(*type_.enums, name=type_.name, schema=type_.schema)


def portable(column: sa.Column[t.Any]) -> sa.Column[t.Any]:
    """Return a column of PostgreSQL with an Enum that every database supports."""
    if not isinstance(column.type, postgresql.ENUM):
        return column
    copied = copy.copy(column)
    copied.type = _plain(column.type)
    return copied

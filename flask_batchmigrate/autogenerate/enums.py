"""Makes and drops the types of PostgreSQL that Enum columns have.

``op.create_table()`` makes them along with the table; ``op.add_column()`` does not, and
nothing drops them. Scripts for other databases say it as well,
so that they run on PostgreSQL.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from .operations import DropTable
from .rendering import type_text

Tables: t.TypeAlias = "cabc.Mapping[tuple[str | None, str], sa.Table]"
#: A type's name and schema.
Key: t.TypeAlias = tuple[str, str | None]


class EnumThatExists(sa.Enum):
    """An Enum of a new table whose type PostgreSQL has already."""

    def text(self, autogen_context: t.Any) -> str:
        """Return how a script says it: on PostgreSQL no type is created."""
        options: dict[str, t.Any] = {"name": self.name, "schema": self.schema}
        options = {name: value for name, value in options.items() if value is not None}
        plain = sa.Enum(
            *self.enums, create_constraint=self.create_constraint, **options
        )
        keywords = [f"{name}={value!r}" for name, value in options.items()]
        said = ", ".join([*map(repr, self.enums), *keywords])
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        text = type_text(autogen_context, plain)
        bare = f"postgresql.ENUM({said}, create_type=False)"
        return f"{text}.with_variant({bare}, 'postgresql')"


class EnumType(ops.MigrateOperation):
    """Creates the type of an Enum where the database has such types, or drops it.

    :param type_: the Enum.
    :param creates: create it, else drop it.
    :param by_table: ``create_table()`` creates it.
    """

    def __init__(self, type_: sa.Enum, creates: bool, by_table: bool = False) -> None:
        self.type = type_
        self.creates = creates
        self.by_table = by_table

    def reverse(self) -> EnumType:
        """Return the opposite."""
        return EnumType(self.type, not self.creates, self.by_table)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        return ("add_type" if self.creates else "remove_type", self.type)


def make_and_drop(
    upgrade: ops.UpgradeOps, tables: Tables, connection: sa.Connection
) -> None:
    """Create types before what has them first, and drop them after their last user.

    :param upgrade: for any database; changed in place.
    :param tables: those of the models.
    """
    there = _stored_types(connection)
    made: set[Key] = set()
    used: dict[Key, int] = {}
    for table in tables.values():
        for column in table.columns:
            type_ = native(column.type)
            if type_ is not None:
                used[key_of(type_)] = used.get(key_of(type_), 0) + 1
    operations: list[ops.MigrateOperation] = []
    dropped: dict[Key, EnumType] = {}
    for each in upgrade.ops:
        for type_ in _added(each):
            key = key_of(type_)
            created = key not in made and (
                key not in there if there is not None else _is_new(key, used, upgrade)
            )
            made.add(key)
            table_makes_it = isinstance(each, ops.CreateTableOp) and used[key] == 1
            if created:
                operations.append(EnumType(type_, True, table_makes_it))
        for type_ in _removed(each):
            if key_of(type_) not in used:
                dropped[key_of(type_)] = EnumType(type_, False)
        kept = {
            o.type.name for o in operations if isinstance(o, EnumType) and o.by_table
        }
        operations.append(_without_types(each, kept))
    upgrade.ops[:] = [*operations, *dropped.values()]


def _stored_types(connection: sa.Connection) -> set[Key] | None:
    """Return the types that there are; None: the database has none such."""
    if connection.dialect.name != "postgresql":
        return None
    inspector: t.Any = sa.inspect(connection)
    default = connection.dialect.default_schema_name
    return {
        (e["name"], None if e["schema"] == default else e["schema"])
        for e in inspector.get_enums(schema="*")
    }


def _is_new(key: Key, used: cabc.Mapping[Key, int], upgrade: ops.UpgradeOps) -> bool:
    """Tell whether no column has had a type before, as far as the models say."""
    added = [t_ for each in upgrade.ops for t_ in _added(each) if key_of(t_) == key]
    return len(added) >= used.get(key, 0)


def _added(each: t.Any) -> cabc.Iterator[sa.Enum]:
    """Yield the Enum types of the columns that an operation adds, or changes to."""
    if isinstance(each, ops.CreateTableOp):
        columns = [c for c in each.columns if isinstance(c, sa.Column)]
        yield from filter(None, (native(column.type) for column in columns))
    for inner in each.ops if isinstance(each, ops.ModifyTableOps) else ():
        if isinstance(inner, ops.AddColumnOp):
            found = native(inner.column.type)
        elif isinstance(inner, ops.AlterColumnOp):
            found = native(inner.modify_type)
            old = native(inner.existing_type)
            if found is not None and old is not None and old.name == found.name:
                found = None
        else:
            found = None
        if found is not None:
            yield found


def _removed(each: t.Any) -> cabc.Iterator[sa.Enum]:
    """Yield the Enum types of the columns that an operation drops, or changes."""
    if isinstance(each, ops.DropTableOp):
        columns = each.to_table().columns
        yield from filter(None, (native(column.type) for column in columns))
    for inner in each.ops if isinstance(each, ops.ModifyTableOps) else ():
        found = None
        if isinstance(inner, ops.DropColumnOp):
            found = native(inner.to_column().type)
        elif isinstance(inner, ops.AlterColumnOp) and inner.modify_type is not None:
            found = native(inner.existing_type)
        if found is not None:
            yield found


def _without_types(each: t.Any, by_table: cabc.Container[str | None]) -> t.Any:
    """Return an operation that makes a table, on the way back maybe, without types.

    :param by_table: the types that tables make.
    """
    if isinstance(each, ops.DropTableOp):
        copied = _with_types_that_exist(each.to_table(), ())
        return each if copied is None else DropTable(copied)
    if not isinstance(each, ops.CreateTableOp) or not any(_added(each)):
        return each
    (table,) = {c.table for c in each.columns if isinstance(c, sa.Column)}
    copied = _with_types_that_exist(table, by_table)
    if copied is None:
        return each
    return ops.CreateTableOp.from_table(copied, _namespace_metadata=table.metadata)


def _with_types_that_exist(
    table: sa.Table, by_table: cabc.Container[str | None]
) -> sa.Table | None:
    """Return a copy of a table that makes no types; None where it makes none anyway."""
    copied = table.to_metadata(sa.MetaData())
    changed = False
    for column in copied.columns:
        type_ = native(column.type)
        if type_ is not None and type_.name not in by_table:
            changed = True
            column.type = EnumThatExists(
                *type_.enums,
                name=type_.name,
                schema=type_.schema,
                create_constraint=type_.create_constraint,
            )
    return copied if changed else None


def native(type_: t.Any) -> sa.Enum | None:
    """Return an Enum that PostgreSQL has a type of its own for."""
    if isinstance(type_, sa.Enum) and type_.native_enum and type_.name:
        return type_
    return None


def key_of(type_: sa.Enum) -> Key:
    """Return what PostgreSQL knows a type by."""
    return str(type_.name), type_.schema


@renderers.dispatch_for(EnumType)
def _render(autogen_context: t.Any, operation: EnumType) -> str | list[str]:
    """Render it by the type that Alembic renders in a column."""
    if operation.creates and operation.by_table:
        return []
    text = type_text(autogen_context, _plain(operation.type))
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    verb = "create" if operation.creates else "drop"
    return f"{text}.{verb}({prefix}get_bind(), checkfirst=True)"


def _plain(type_: sa.Enum) -> sa.Enum:
    """Return the type without the check that other databases get for it."""
    return sa.Enum(*type_.enums, name=type_.name, schema=type_.schema)


def portable(column: sa.Column[t.Any]) -> sa.Column[t.Any]:
    """Return a column of PostgreSQL with an Enum that other databases have, too."""
    if not isinstance(column.type, postgresql.ENUM):
        return column
    copied = copy.copy(column)
    copied.type = _plain(column.type)
    return copied

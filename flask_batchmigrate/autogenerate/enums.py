"""Makes, changes and drops the types of PostgreSQL that Enum columns have.

``op.create_table()`` makes them along with the table; ``op.add_column()`` does not, and
nothing drops them or changes their members. Scripts for other databases say it as well,
so that they run on PostgreSQL.
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import dataclasses
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from .rendering import type_text

_Tables = cabc.Mapping[tuple[str | None, str], sa.Table]
#: The type's name and its schema.
_Key = tuple[str, str | None]


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


@dataclasses.dataclass(frozen=True, slots=True)
class EnumColumn:
    """A column that has an Enum type, and its default before and after a change."""

    table: str
    schema: str | None
    name: str
    before: str | None = None
    after: str | None = None


class EnumMembers(ops.MigrateOperation):
    """Changes the members of an Enum type.

    :param columns: those of the type, by the names before the revision.
    """

    def __init__(
        self,
        key: _Key,
        before: cabc.Sequence[str],
        after: cabc.Sequence[str],
        columns: cabc.Sequence[EnumColumn],
    ) -> None:
        self.key = key
        self.before = tuple(before)
        self.after = tuple(after)
        self.columns = tuple(columns)

    def reverse(self) -> EnumMembers:
        """Return the way back."""
        columns = [
            dataclasses.replace(c, before=c.after, after=c.before) for c in self.columns
        ]
        return EnumMembers(self.key, self.after, self.before, columns)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that it comes from."""
        return ("modify_enum", self.key[0], self.before, self.after)


def changed_members(
    operations: cabc.Iterable[t.Any], tables: _Tables, connection: sa.Connection
) -> list[ops.MigrateOperation]:
    """Return the operations that change the members of Enum types.

    :param operations: what differs otherwise.
    :param tables: those of the models.
    """
    if connection.dialect.name == "postgresql":
        return list(_changed_on_postgresql(tables, connection))
    made: dict[_Key, EnumMembers] = {}
    for block in operations:
        for each in block.ops if isinstance(block, ops.ModifyTableOps) else ():
            if not isinstance(each, ops.AlterColumnOp):
                continue
            old, new = _native(each.existing_type), _native(each.modify_type)
            if old is None or new is None or old.name != new.name:
                continue
            columns = _columns(tables, new, each)
            if old.enums != new.enums:
                key = _key(new)
                made[key] = EnumMembers(key, old.enums, new.enums, columns)
    return list(made.values())


def _columns(
    tables: _Tables, type_: sa.Enum, altered: ops.AlterColumnOp
) -> list[EnumColumn]:
    default = altered.existing_server_default
    before = _default(default) if default is not False else None
    return [
        EnumColumn(
            str(table.name),
            table.schema,
            str(column.name),
            before
            if (table.name, column.name) == (altered.table_name, altered.column_name)
            else _default(column.server_default),
            _default(column.server_default),
        )
        for table, column in _users(tables, _key(type_))
    ]


def _changed_on_postgresql(
    tables: _Tables, connection: sa.Connection
) -> cabc.Iterator[EnumMembers]:
    wanted: dict[_Key, sa.Enum] = {}
    for table in tables.values():
        for column in table.columns:
            type_ = _native(column.type)
            if type_ is not None:
                wanted[_key(type_)] = type_
    if not wanted:
        return
    inspector: t.Any = sa.inspect(connection)
    for schema in dict.fromkeys(schema for _, schema in wanted):
        for stored in inspector.get_enums(schema=schema):
            type_ = wanted.get((stored["name"], schema))
            if type_ is None or list(type_.enums) == list(stored["labels"]):
                continue
            key = _key(type_)
            users = list(_stored_users(inspector, key, tables))
            yield EnumMembers(key, stored["labels"], type_.enums, users)


def _stored_users(
    inspector: sa.Inspector, key: _Key, tables: _Tables
) -> cabc.Iterator[EnumColumn]:
    """Yield the columns of the database that have a type."""
    for schema in dict.fromkeys((key[1], *(schema for schema, _ in tables))):
        for (_, table), columns in inspector.get_multi_columns(schema=schema).items():
            model = tables.get((schema, table))
            for column in columns:
                type_ = _native(column["type"])
                if type_ is None or type_.name != key[0]:
                    continue
                name = column["name"]
                found = None if model is None else model.columns.get(name)
                after = None if found is None else _default(found.server_default)
                yield EnumColumn(table, schema, name, column["default"], after)


def make_and_drop(
    upgrade: ops.UpgradeOps, tables: _Tables, connection: sa.Connection
) -> None:
    """Create types before what has them first, and drop them after their last user.

    :param upgrade: for any database; changed in place.
    :param tables: those of the models.
    """
    there = _stored_types(connection)
    made: set[_Key] = set()
    used: dict[_Key, int] = {}
    for table in tables.values():
        for column in table.columns:
            type_ = _native(column.type)
            if type_ is not None:
                used[_key(type_)] = used.get(_key(type_), 0) + 1
    operations: list[ops.MigrateOperation] = []
    dropped: dict[_Key, EnumType] = {}
    for each in upgrade.ops:
        for type_ in _added(each):
            key = _key(type_)
            created = key not in made and (
                key not in there if there is not None else _is_new(key, used, upgrade)
            )
            made.add(key)
            table_makes_it = isinstance(each, ops.CreateTableOp) and used[key] == 1
            if created:
                operations.append(EnumType(type_, True, table_makes_it))
        for type_ in _removed(each):
            if _key(type_) not in used:
                lone = isinstance(each, ops.DropTableOp)
                dropped[_key(type_)] = EnumType(
                    type_, False, lone and _key(type_) not in dropped
                )
        kept = {
            o.type.name for o in operations if isinstance(o, EnumType) and o.by_table
        }
        operations.append(_without_types(each, kept))
    upgrade.ops[:] = [*operations, *dropped.values()]


def _stored_types(connection: sa.Connection) -> set[_Key] | None:
    """Return the types that there are; None: the database has none such."""
    if connection.dialect.name != "postgresql":
        return None
    inspector: t.Any = sa.inspect(connection)
    default = connection.dialect.default_schema_name
    return {
        (e["name"], None if e["schema"] == default else e["schema"])
        for e in inspector.get_enums(schema="*")
    }


def _is_new(key: _Key, used: cabc.Mapping[_Key, int], upgrade: ops.UpgradeOps) -> bool:
    """Tell whether no column has had a type before, as far as the models say."""
    added = [t_ for each in upgrade.ops for t_ in _added(each) if _key(t_) == key]
    return len(added) >= used.get(key, 0)


def _added(each: t.Any) -> cabc.Iterator[sa.Enum]:
    """Yield the Enum types of the columns that an operation adds, or changes to."""
    if isinstance(each, ops.CreateTableOp):
        columns = [c for c in each.columns if isinstance(c, sa.Column)]
        yield from filter(None, (_native(column.type) for column in columns))
    for inner in each.ops if isinstance(each, ops.ModifyTableOps) else ():
        if isinstance(inner, ops.AddColumnOp):
            found = _native(inner.column.type)
        elif isinstance(inner, ops.AlterColumnOp):
            found = _native(inner.modify_type)
            old = _native(inner.existing_type)
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
        yield from filter(None, (_native(column.type) for column in columns))
    for inner in each.ops if isinstance(each, ops.ModifyTableOps) else ():
        found = None
        if isinstance(inner, ops.DropColumnOp):
            found = _native(inner.to_column().type)
        elif isinstance(inner, ops.AlterColumnOp) and inner.modify_type is not None:
            found = _native(inner.existing_type)
        if found is not None:
            yield found


def _without_types(each: t.Any, by_table: cabc.Container[str | None]) -> t.Any:
    """Return an operation that makes a table without the types that are there.

    :param by_table: the types that tables make.
    """
    if not isinstance(each, ops.CreateTableOp):
        return each
    enums = [t_ for t_ in _added(each) if t_.name not in by_table]
    if not enums:
        return each
    (table,) = {c.table for c in each.columns if isinstance(c, sa.Column)}
    copied = table.to_metadata(sa.MetaData())
    for column in copied.columns:
        type_ = _native(column.type)
        if type_ is not None and type_.name not in by_table:
            bare = postgresql.ENUM(
                *type_.enums, name=type_.name, schema=type_.schema, create_type=False
            )
            column.type = column.type.with_variant(bare, "postgresql")
    return ops.CreateTableOp.from_table(copied, _namespace_metadata=table.metadata)


def _users(
    tables: _Tables, key: _Key
) -> cabc.Iterator[tuple[sa.Table, sa.Column[t.Any]]]:
    for table in tables.values():
        for column in table.columns:
            type_ = _native(column.type)
            if type_ is not None and _key(type_) == key:
                yield table, column


def _native(type_: t.Any) -> sa.Enum | None:
    """Return an Enum that PostgreSQL has a type of its own for."""
    if isinstance(type_, sa.Enum) and type_.native_enum and type_.name:
        return type_
    return None


def _key(type_: sa.Enum) -> _Key:
    return str(type_.name), type_.schema


def _default(default: t.Any) -> str | None:
    """Return a server default as SQL."""
    argument = getattr(default, "arg", default)
    if argument is None or isinstance(default, (sa.Computed, sa.Identity)):
        return None
    return f"'{argument}'" if isinstance(argument, str) else str(argument)


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


@renderers.dispatch_for(EnumMembers)
def _render_members(autogen_context: t.Any, operation: EnumMembers) -> list[str]:
    """Render statements for PostgreSQL alone."""
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    added = _statements_to_add(operation)
    lines = [f'if {prefix}get_context().dialect.name == "postgresql":']
    indent = "    "
    if added is not None:
        lines.append(f"{indent}with {prefix}get_context().autocommit_block():")
        indent *= 2
    statements = _statements_to_replace(operation) if added is None else added
    return lines + [f"{indent}{prefix}execute({text!r})" for text in statements]


def _quoted(name: str, schema: str | None) -> str:
    preparer = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]
    return ".".join(preparer.quote(part) for part in (schema, name) if part)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _statements_to_add(operation: EnumMembers) -> list[str] | None:
    """Return what adds members; None where some go or change places.

    https://www.postgresql.org/docs/current/sql-altertype.html
    """
    kept = [member for member in operation.after if member in operation.before]
    if kept != list(operation.before):
        return None
    name = _quoted(*operation.key)
    made = []
    for position, member in enumerate(operation.after):
        if member in operation.before:
            continue
        if position:
            place = f"AFTER {_literal(operation.after[position - 1])}"
        else:
            place = f"BEFORE {_literal(operation.before[0])}"
        made.append(
            f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {_literal(member)} {place}"
        )
    return made


def _statements_to_replace(operation: EnumMembers) -> list[str]:
    """Return what puts another type in the place of one."""
    label, schema = operation.key
    name = _quoted(label, schema)
    old = _quoted(f"{label}_before", schema)
    members = ", ".join(map(_literal, operation.after))
    made = [
        f"ALTER TYPE {name} RENAME TO {_quoted(f'{label}_before', None)}",
        f"CREATE TYPE {name} AS ENUM ({members})",
    ]
    for each in operation.columns:
        column = _quoted(each.name, None)
        alter = f"ALTER TABLE {_quoted(each.table, each.schema)} ALTER COLUMN {column}"
        if each.before is not None:
            made.append(f"{alter} DROP DEFAULT")
        made.append(f"{alter} TYPE {name} USING {column}::text::{name}")
        if each.after is not None:
            default = each.after.split("::")[0]
            made.append(f"{alter} SET DEFAULT {default}")
    return [*made, f"DROP TYPE {old}"]

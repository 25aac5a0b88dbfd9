"""Changes the members of PostgreSQL's Enum types.

Alembic has no operation for this. Scripts for other databases contain the change as
well, so that they run on PostgreSQL.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from ...value_classes import value_class
from ..script.enums import Key
from ..script.enums import key_of
from ..script.enums import native
from ..script.enums import Tables
from .filters import included


@value_class
class EnumColumn:
    """A column that has an Enum type, and its default before and after a change."""

    table: str
    schema: str | None
    name: str
    before: str | None = None
    after: str | None = None


class EnumMembers(ops.MigrateOperation):
    """Changes the members of an Enum type.

    :param key: the name and schema of the type.
    :param columns: the columns of the type, by their names before the revision.
    """

    def __init__(
        self,
        key: Key,
        before: cabc.Sequence[str],
        after: cabc.Sequence[str],
        columns: cabc.Sequence[EnumColumn],
    ) -> None:
        self.key = key
        self.before = tuple(before)
        self.after = tuple(after)
        self.columns = tuple(columns)

    def reverse(self) -> EnumMembers:
        """Return the change back to the old members."""
        columns = [
            dataclasses.replace(c, before=c.after, after=c.before) for c in self.columns
        ]
        return EnumMembers(self.key, self.after, self.before, columns)

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return the difference that the operation removes."""
        return ("modify_enum", self.key[0], self.before, self.after)


def changed_members(
    operations: cabc.Iterable[t.Any], tables: Tables, context: AutogenContext
) -> list[ops.MigrateOperation]:
    """Return the operations that change the members of Enum types.

    :param operations: the operations that change columns to other types.
    :param tables: the tables of the models.
    :param context: Alembic's context of the comparison, with the user's filters.
    """
    connection = context.connection
    assert connection is not None
    if connection.dialect.name == "postgresql":
        return list(_changed_on_postgresql(tables, included(context), connection))
    changes: dict[Key, EnumMembers] = {}
    for block in operations:
        for operation in block.ops if isinstance(block, ops.ModifyTableOps) else ():
            if not isinstance(operation, ops.AlterColumnOp):
                continue
            old, new = native(operation.existing_type), native(operation.modify_type)
            if old is None or new is None or old.name != new.name:
                continue
            columns = _columns(tables, new, operation)
            if old.enums != new.enums:
                key = key_of(new)
                changes[key] = EnumMembers(key, old.enums, new.enums, columns)
    return list(changes.values())


def _columns(
    tables: Tables, type_: sa.Enum, altered: ops.AlterColumnOp
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
        for table, column in _users(tables, key_of(type_))
    ]


def _changed_on_postgresql(
    tables: Tables, compared: cabc.Iterable[sa.Table], connection: sa.Connection
) -> cabc.Iterator[EnumMembers]:
    """Yield the changes of the types that tables which are compared have."""
    wanted: dict[Key, sa.Enum] = {}
    for table in compared:
        for column in table.columns:
            type_ = native(column.type)
            if type_ is not None:
                wanted[key_of(type_)] = type_
    if not wanted:
        return
    inspector: t.Any = sa.inspect(connection)
    for schema in dict.fromkeys(schema for _, schema in wanted):
        for stored in inspector.get_enums(schema=schema):
            type_ = wanted.get((stored["name"], schema))
            if type_ is None or list(type_.enums) == list(stored["labels"]):
                continue
            key = key_of(type_)
            users = list(_stored_users(inspector, key, tables))
            yield EnumMembers(key, stored["labels"], type_.enums, users)


def _stored_users(
    inspector: sa.Inspector, key: Key, tables: Tables
) -> cabc.Iterator[EnumColumn]:
    """Yield the columns of the database that have the type."""
    for schema in dict.fromkeys((key[1], *(schema for schema, _ in tables))):
        for (_, table), columns in inspector.get_multi_columns(schema=schema).items():
            model = tables.get((schema, table))
            for column in columns:
                type_ = native(column["type"])
                if type_ is None or type_.name != key[0]:
                    continue
                name = column["name"]
                model_column = None if model is None else model.columns.get(name)
                after = (
                    None
                    if model_column is None
                    else _default(model_column.server_default)
                )
                yield EnumColumn(table, schema, name, column["default"], after)


def _users(
    tables: Tables, key: Key
) -> cabc.Iterator[tuple[sa.Table, sa.Column[t.Any]]]:
    for table in tables.values():
        for column in table.columns:
            type_ = native(column.type)
            if type_ is not None and key_of(type_) == key:
                yield table, column


def _default(default: t.Any) -> str | None:
    """Return a server default as SQL."""
    argument = getattr(default, "arg", default)
    if argument is None or isinstance(default, (sa.Computed, sa.Identity)):
        return None
    return f"'{argument}'" if isinstance(argument, str) else str(argument)


@renderers.dispatch_for(EnumMembers)
def _render_members(autogen_context: t.Any, operation: EnumMembers) -> list[str]:
    """Render statements that only PostgreSQL runs."""
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    added = _statements_to_add(operation)
    lines = [f'if {prefix}get_context().dialect.name == "postgresql":']
    if added is not None:
        lines.append(f"with {prefix}get_context().autocommit_block():")
    statements = _statements_to_replace(operation) if added is None else added
    # Alembic indents the lines after a colon, up to an empty line.
    ends = [""] * len(lines)
    return [*lines, *(f"{prefix}execute({text!r})" for text in statements), *ends]


def _quoted(name: str, schema: str | None) -> str:
    preparer = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]
    return ".".join(preparer.quote(part) for part in (schema, name) if part)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _statements_to_add(operation: EnumMembers) -> list[str] | None:
    """Return the statements that add members; None if any are removed or reordered.

    https://www.postgresql.org/docs/current/sql-altertype.html
    """
    remaining = [member for member in operation.after if member in operation.before]
    if remaining != list(operation.before):
        return None
    name = _quoted(*operation.key)
    statements = []
    for position, member in enumerate(operation.after):
        if member in operation.before:
            continue
        if position:
            place = f"AFTER {_literal(operation.after[position - 1])}"
        else:
            place = f"BEFORE {_literal(operation.before[0])}"
        statements.append(
            f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {_literal(member)} {place}"
        )
    return statements


def _statements_to_replace(operation: EnumMembers) -> list[str]:
    """Return the statements that replace the type by a new one."""
    label, schema = operation.key
    name = _quoted(label, schema)
    old = _quoted(f"{label}_before", schema)
    members = ", ".join(map(_literal, operation.after))
    statements = [
        f"ALTER TYPE {name} RENAME TO {_quoted(f'{label}_before', None)}",
        f"CREATE TYPE {name} AS ENUM ({members})",
    ]
    for user in operation.columns:
        column = _quoted(user.name, None)
        alter = f"ALTER TABLE {_quoted(user.table, user.schema)} ALTER COLUMN {column}"
        if user.before is not None:
            statements.append(f"{alter} DROP DEFAULT")
        statements.append(f"{alter} TYPE {name} USING {column}::text::{name}")
        if user.after is not None:
            default = user.after.split("::")[0]
            statements.append(f"{alter} SET DEFAULT {default}")
    return [*statements, f"DROP TYPE {old}"]

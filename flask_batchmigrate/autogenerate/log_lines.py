"""Logs differences in the words that Alembic uses for them."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops

from .choices.rename import RenameColumn
from .choices.rename import RenameTable
from .script.operations import SetTableOptions
from .servers.enum_members import EnumMembers

_KINDS: t.Final = (
    (ops.CreateUniqueConstraintOp, "unique constraint"),
    (ops.CreateForeignKeyOp, "foreign key"),
    (ops.CreateCheckConstraintOp, "check constraint"),
    (ops.CreatePrimaryKeyOp, "primary key"),
)


def lines(operations: cabc.Iterable[ops.MigrateOperation]) -> cabc.Iterator[str]:
    """Yield a line for each difference."""
    for operation in operations:
        if isinstance(operation, ops.OpContainer):
            yield from lines(operation.ops)
        else:
            changes = _described(operation)
            yield from [f"Detected {change}" for change in changes]


def _described(operation: t.Any) -> list[str]:
    if isinstance(operation, RenameTable):
        return [
            f"renamed table {operation.table_name!r} to {operation.new_table_name!r}"
        ]
    if isinstance(operation, RenameColumn):
        place = f"{operation.table_name}.{operation.column_name}"
        return [f"renamed column '{place}' to {operation.modify_name!r}"]
    if isinstance(operation, ops.CreateTableOp):
        return [f"added table {str(operation.table_name)!r}"]
    if isinstance(operation, ops.DropTableOp):
        return [f"removed table {str(operation.table_name)!r}"]
    if isinstance(operation, ops.AddColumnOp):
        return [f"added column '{operation.table_name}.{operation.column.name}'"]
    if isinstance(operation, ops.DropColumnOp):
        return [f"removed column '{operation.table_name}.{operation.column_name}'"]
    if isinstance(operation, ops.AlterColumnOp):
        return _altered(operation)
    if isinstance(operation, EnumMembers):
        return [f"changed members of Enum {operation.key[0]!r}"]
    if isinstance(operation, SetTableOptions):
        option_list = ", ".join(
            f"{name}={value}" for name, value in operation.options.items()
        )
        return [f"changed options of table {operation.table_name!r}: {option_list}"]
    return _described_part(operation)


def _described_part(operation: t.Any) -> list[str]:
    """Describe the change of an index, a constraint or a comment."""
    if isinstance(operation, ops.CreateIndexOp):
        return [f"added {_index(operation)}"]
    if isinstance(operation, ops.DropIndexOp):
        return [f"removed {_index(operation)}"]
    if isinstance(operation, ops.CreateTableCommentOp):
        return [f"changed comment of table {str(operation.table_name)!r}"]
    if isinstance(operation, ops.DropTableCommentOp):
        return [f"removed comment of table {str(operation.table_name)!r}"]
    if isinstance(operation, ops.DropConstraintOp):
        return [f"removed {_label(operation.reverse(), operation.constraint_name)}"]
    if isinstance(operation, ops.AddConstraintOp):
        name = t.cast(t.Any, operation).constraint_name
        return [f"added {_label(operation, name)}"]
    return []


def _index(operation: ops.CreateIndexOp | ops.DropIndexOp) -> str:
    name, table = str(operation.index_name), str(operation.table_name)
    return f"index {name!r} on {table!r}"


def _label(operation: t.Any, name: t.Any) -> str:
    kind = next((text for type_, text in _KINDS if isinstance(operation, type_)), "")
    table = getattr(operation, "source_table", None) or operation.table_name
    if isinstance(name, str):
        return f"{kind} {str(name)!r} on {str(table)!r}"
    columns: t.Any = getattr(operation, "columns", ())
    columns = getattr(operation, "local_cols", columns)
    names = ", ".join(str(getattr(each, "name", each)) for each in columns)
    return f"{kind} on {str(table)!r}" + (f" ({names})" if names else "")


def _altered(operation: ops.AlterColumnOp) -> list[str]:
    place = f"'{operation.table_name}.{operation.column_name}'"
    changes = []
    if operation.modify_type is not None:
        before, after = repr(operation.existing_type), repr(operation.modify_type)
        change = f"type change from {before} to {after} on {place}"
        if before == after:
            # Only its name in the database differs, for a naming convention.
            change = f"other name of the check of the type of {place}"
        changes.append(change)
    if operation.modify_nullable is not None:
        word = "NULL" if operation.modify_nullable else "NOT NULL"
        changes.append(f"{word} on column {place}")
    if operation.modify_server_default is not False:
        changes.append(f"server default on column {place}")
    if operation.modify_comment is not False:
        changes.append(f"comment on column {place}")
    return changes

"""Logs differences in the words that Alembic uses for them."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops

from .enums import EnumMembers
from .operations import SetTableOptions
from .renames import RenameColumn
from .renames import RenameTable

_KINDS: t.Final = (
    (ops.CreateUniqueConstraintOp, "unique constraint"),
    (ops.CreateForeignKeyOp, "foreign key"),
    (ops.CreateCheckConstraintOp, "check constraint"),
    (ops.CreatePrimaryKeyOp, "primary key"),
)


def lines(operations: cabc.Iterable[ops.MigrateOperation]) -> cabc.Iterator[str]:
    """Yield a line for each difference."""
    for each in operations:
        if isinstance(each, ops.OpContainer):
            yield from lines(each.ops)
        else:
            said = _said(each)
            yield from [f"Detected {one}" for one in said]


def _said(each: t.Any) -> list[str]:
    if isinstance(each, RenameTable):
        return [f"renamed table {each.table_name!r} to {each.new_table_name!r}"]
    if isinstance(each, RenameColumn):
        place = f"{each.table_name}.{each.column_name}"
        return [f"renamed column '{place}' to {each.modify_name!r}"]
    if isinstance(each, ops.CreateTableOp):
        return [f"added table {str(each.table_name)!r}"]
    if isinstance(each, ops.DropTableOp):
        return [f"removed table {str(each.table_name)!r}"]
    if isinstance(each, ops.AddColumnOp):
        return [f"added column '{each.table_name}.{each.column.name}'"]
    if isinstance(each, ops.DropColumnOp):
        return [f"removed column '{each.table_name}.{each.column_name}'"]
    if isinstance(each, ops.AlterColumnOp):
        return _altered(each)
    if isinstance(each, EnumMembers):
        return [f"changed members of Enum {each.key[0]!r}"]
    if isinstance(each, SetTableOptions):
        said = ", ".join(f"{name}={value}" for name, value in each.options.items())
        return [f"changed options of table {each.table_name!r}: {said}"]
    return _said_of_part(each)


def _said_of_part(each: t.Any) -> list[str]:
    """Say what becomes of an index or a constraint."""
    if isinstance(each, ops.CreateIndexOp):
        return [f"added index {str(each.index_name)!r} on {str(each.table_name)!r}"]
    if isinstance(each, ops.DropIndexOp):
        return [f"removed index {str(each.index_name)!r} on {str(each.table_name)!r}"]
    if isinstance(each, ops.DropConstraintOp):
        return [f"removed {_label(each.reverse(), each.constraint_name)}"]
    if isinstance(each, ops.AddConstraintOp):
        name = t.cast(t.Any, each).constraint_name
        return [f"added {_label(each, name)}"]
    return []


def _label(operation: t.Any, name: t.Any) -> str:
    kind = next((text for type_, text in _KINDS if isinstance(operation, type_)), "")
    table = getattr(operation, "source_table", None) or operation.table_name
    return f"{kind} {str(name)!r} on {str(table)!r}"


def _altered(each: ops.AlterColumnOp) -> list[str]:
    place = f"'{each.table_name}.{each.column_name}'"
    said = []
    if each.modify_type is not None:
        change = f"from {each.existing_type!r} to {each.modify_type!r}"
        said.append(f"type change {change} on {place}")
    if each.modify_nullable is not None:
        word = "NULL" if each.modify_nullable else "NOT NULL"
        said.append(f"{word} on column {place}")
    if each.modify_server_default is not False:
        said.append(f"server default on column {place}")
    return said

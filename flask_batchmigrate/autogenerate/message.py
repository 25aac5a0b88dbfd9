"""Describes a revision by its operations if the user gave no message."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops

from .choices.rename import RenameColumn
from .choices.rename import RenameTable
from .script.operations import SetTableOptions
from .servers.enum_members import EnumMembers

_MOST: t.Final = 3
_LONGEST: t.Final = 60


def message(operations: cabc.Iterable[ops.MigrateOperation]) -> str | None:
    """Return a few words for operations, such as ``add email to user``.

    :return: the words; None for operations that are not worth a mention.
    """
    everything = list(operations)
    added = {
        (str(inner.table_name), inner.column.name)
        for block in everything
        if isinstance(block, ops.ModifyTableOps)
        for inner in block.ops
        if isinstance(inner, ops.AddColumnOp)
    }
    phrases = list(dict.fromkeys(_described(everything, None, frozenset(added))))
    if not phrases:
        return None
    text = " and ".join(phrases[:_MOST])
    if len(phrases) > _MOST or len(text) > _LONGEST:
        more = len(phrases) - 1
        text = phrases[0] + (f" and {more} more" if more else "")
    return text


def _described(
    operations: cabc.Iterable[ops.MigrateOperation],
    table: str | None,
    added: frozenset[tuple[str, str]],
) -> cabc.Iterator[str]:
    """Yield a few words for each operation, except for those that a column implies.

    :param table: the table whose operations they are; None for all.
    :param added: the columns that the revision adds, with their tables.
    """
    everything = list(operations)
    has_columns = table in {name for name, _ in added} or any(
        isinstance(o, ops.DropColumnOp) for o in everything
    )
    whole = {
        (o.schema, o.table_name)
        for o in everything
        if isinstance(o, (ops.CreateTableOp, ops.DropTableOp))
    }
    for operation in everything:
        if isinstance(operation, ops.ModifyTableOps):
            if (operation.schema, operation.table_name) in whole:
                continue  # the indexes of a new table, or of one that is dropped
            yield from _described(operation.ops, str(operation.table_name), added)
        elif (phrase := _said_of_whole(operation)) is not None:
            yield phrase
        elif isinstance(operation, RenameColumn):
            new = operation.modify_name
            yield f"rename {operation.column_name} of {table} to {new}"
        elif isinstance(operation, ops.AddColumnOp):
            yield f"add {operation.column.name} to {operation.table_name}"
        elif isinstance(operation, ops.DropColumnOp):
            yield f"remove {operation.column_name} from {operation.table_name}"
        elif isinstance(operation, ops.AlterColumnOp) and not _tightens(
            operation, added
        ):
            yield f"change {operation.column_name} of {operation.table_name}"
        elif table is not None and not has_columns and _is_part(operation):
            yield f"change {_kind(operation)} of {table}"


def _said_of_whole(operation: ops.MigrateOperation) -> str | None:
    """Return a few words for an operation on a whole table or type, else None."""
    if isinstance(operation, RenameTable):
        return f"rename {operation.table_name} to {operation.new_table_name}"
    if isinstance(operation, ops.CreateTableOp):
        return f"create {operation.table_name}"
    if isinstance(operation, ops.DropTableOp):
        return f"drop {operation.table_name}"
    if isinstance(operation, EnumMembers):
        return f"change members of {operation.key[0]}"
    if isinstance(operation, SetTableOptions):
        return f"change options of {operation.table_name}"
    return None


def _tightens(
    operation: ops.AlterColumnOp, added: cabc.Container[tuple[str, str]]
) -> bool:
    """Tell whether an operation only makes a column that was just added NOT NULL."""
    return (
        operation.modify_type is None
        and operation.modify_server_default is False
        and (str(operation.table_name), operation.column_name) in added
    )


def _is_part(each: t.Any) -> bool:
    return isinstance(
        each,
        (ops.AddConstraintOp, ops.DropConstraintOp, ops.CreateIndexOp, ops.DropIndexOp),
    )


def _kind(each: t.Any) -> str:
    if isinstance(each, (ops.CreateIndexOp, ops.DropIndexOp)):
        return "indexes"
    return "constraints"

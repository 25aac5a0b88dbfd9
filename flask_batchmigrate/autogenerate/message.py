"""Describes a revision by what it does, where nobody gave a message."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.operations import ops

from .enums import EnumMembers
from .operations import SetTableOptions
from .renames import RenameColumn
from .renames import RenameTable

_MOST: t.Final = 3
_LONGEST: t.Final = 60


def message(operations: cabc.Iterable[ops.MigrateOperation]) -> str | None:
    """Return a few words for operations, such as ``add email to user``.

    :return: None where there is nothing to say.
    """
    said = list(dict.fromkeys(_said(operations, None)))
    if not said:
        return None
    text = " and ".join(said[:_MOST])
    if len(said) > _MOST or len(text) > _LONGEST:
        more = len(said) - 1
        text = said[0] + (f" and {more} more" if more else "")
    return text


def _said(
    operations: cabc.Iterable[ops.MigrateOperation], table: str | None
) -> cabc.Iterator[str]:
    """Yield a few words for each; what goes along with a column says nothing."""
    everything = list(operations)
    columns = [
        o for o in everything if isinstance(o, (ops.AddColumnOp, ops.DropColumnOp))
    ]
    for each in everything:
        if isinstance(each, ops.ModifyTableOps):
            yield from _said(each.ops, str(each.table_name))
        elif (whole := _said_of_whole(each)) is not None:
            yield whole
        elif isinstance(each, RenameColumn):
            yield f"rename {each.column_name} of {table} to {each.modify_name}"
        elif isinstance(each, ops.AddColumnOp):
            yield f"add {each.column.name} to {each.table_name}"
        elif isinstance(each, ops.DropColumnOp):
            yield f"remove {each.column_name} from {each.table_name}"
        elif isinstance(each, ops.AlterColumnOp) and not _tightens(each, columns):
            yield f"change {each.column_name} of {each.table_name}"
        elif table is not None and not columns and _is_part(each):
            yield f"change {_kind(each)} of {table}"


def _said_of_whole(each: ops.MigrateOperation) -> str | None:
    """Return a few words for what concerns a whole table or type."""
    if isinstance(each, RenameTable):
        return f"rename {each.table_name} to {each.new_table_name}"
    if isinstance(each, ops.CreateTableOp):
        return f"create {each.table_name}"
    if isinstance(each, ops.DropTableOp):
        return f"drop {each.table_name}"
    if isinstance(each, EnumMembers):
        return f"change members of {each.key[0]}"
    if isinstance(each, SetTableOptions):
        return f"change options of {each.table_name}"
    return None


def _tightens(each: ops.AlterColumnOp, columns: list[t.Any]) -> bool:
    """Tell whether a column that was just added is made NOT NULL."""
    return (
        each.modify_type is None
        and each.modify_server_default is False
        and any(
            isinstance(o, ops.AddColumnOp) and o.column.name == each.column_name
            for o in columns
        )
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

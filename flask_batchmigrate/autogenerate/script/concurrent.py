"""Has scripts make indexes without locking their tables, where models ask for that.

PostgreSQL refuses ``CREATE INDEX CONCURRENTLY`` inside a transaction. See
https://www.postgresql.org/docs/current/sql-createindex.html
"""

from __future__ import annotations

import collections.abc as cabc
import copy
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import render_op_text
from alembic.autogenerate import renderers
from alembic.operations import ops

_OPTION: t.Final = "postgresql_concurrently"


class ConcurrentIndexes(ops.ModifyTableOps):
    """New indexes of a table that are made outside of a transaction."""


def concurrently(
    operations: cabc.Iterable[ops.MigrateOperation],
) -> list[ops.MigrateOperation]:
    """Return operations of which the indexes without locks come last, by themselves.

    What the migration did before is committed then. A table that is new, or an index
    that goes, needs no such index: nobody waits for it for long.

    :param operations: the operations of an upgrade or a downgrade.
    """
    everything = list(operations)
    new = {
        (o.schema, o.table_name) for o in everything if isinstance(o, ops.CreateTableOp)
    }
    kept: list[ops.MigrateOperation] = []
    late: list[ops.MigrateOperation] = []
    for operation in everything:
        if not isinstance(operation, ops.ModifyTableOps):
            kept.append(operation)
            continue
        place = operation.schema, operation.table_name
        apart = [] if place in new else _apart(operation.ops)
        if apart:
            late.append(
                ConcurrentIndexes(operation.table_name, apart, schema=operation.schema)
            )
        operation.ops[:] = [_locking(o) for o in operation.ops if o not in apart]
        if operation.ops:
            kept.append(operation)
    return [*kept, *late]


def said_of_late_index(operation: t.Any, dialect: sa.Dialect) -> str:
    """Return what to warn of where rows make an operation fail.

    :return: a sentence after a space; nothing if it is no index without locks.
    """
    concurrent = getattr(operation, "kw", {}).get(_OPTION)
    if dialect.name != "postgresql" or not concurrent:
        return ""
    return (
        " The rest of the revision is committed before "
        f"'{operation.index_name}' is made, and stays when that fails."
    )


def _apart(operations: list[ops.MigrateOperation]) -> list[ops.MigrateOperation]:
    """Return new indexes without locks, each with the comment on rows before it."""
    found: list[ops.MigrateOperation] = []
    for number, operation in enumerate(operations):
        if isinstance(operation, ops.CreateIndexOp) and operation.kw.get(_OPTION):
            before = operations[max(number - 1, 0)]
            found += [before] if getattr(before, "is_comment", False) else []
            found.append(operation)
    return found


def _locking(operation: ops.MigrateOperation) -> ops.MigrateOperation:
    """Return an operation on an index that may be part of a transaction."""
    if not (
        isinstance(operation, (ops.CreateIndexOp, ops.DropIndexOp))
        and _OPTION in operation.kw
    ):
        return operation
    changed = copy.copy(operation)
    changed.kw = {k: v for k, v in operation.kw.items() if k != _OPTION}
    return changed


@renderers.dispatch_for(ConcurrentIndexes)
def _render(autogen_context: t.Any, operation: ConcurrentIndexes) -> list[str]:
    prefix = autogen_context.opts["alembic_module_prefix"] or ""
    texts = [render_op_text(autogen_context, each) for each in operation.ops]
    # Alembic indents the lines after a colon, up to an empty line.
    return [f"with {prefix}get_context().autocommit_block():", *texts, ""]

"""Compares a SQLite database as it is after its renames with the models.

SQLite follows a rename in indexes, keys, triggers and views by itself. So the renames
are made on a scratch copy of the schema, and what else differs is found there.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..sqlite.adapter import activate
from ..sqlite.adapter import RunOptions
from ..sqlite.errors import ChangeRefused
from .drops import History
from .renames import in_steps
from .renames import likely
from .renames import Rename
from .renames import RenameColumn
from .renames import RenameTable
from .renames import told
from .request import Request
from .scratch import copy_schema
from .scratch import scratch
from .sqlite import Comparison
from .sqlite import complete


def with_renames(
    comparison: Comparison,
    upgrade: ops.UpgradeOps,
    request: Request,
    history: History,
) -> list[ops.MigrateOperation]:
    """Return what leads from the database to the models; renames come first.

    :param upgrade: what Alembic found.
    :param history: says what may be dropped.
    :raises BatchMigrateError: it is not clear whether something was renamed.
    """

    def stored(schema: str | None, table: str) -> cabc.Collection[str] | None:
        found = comparison.catalogue(schema).table(table)
        if found is None:
            return None
        with contextlib.suppress(ChangeRefused):
            definition = comparison.stored(table, schema)
            return [column.name for column in definition.text.columns]
        return []

    renames = told(request, comparison.models.tables, stored)
    found, first = _after(comparison, upgrade, renames, history)
    declined: set[Rename] = set()
    while more := likely(found, request, declined):
        # A table that was renamed may have columns that were.
        renames += more
        found, first = _after(comparison, upgrade, renames, history)
    return [*first, *found]


def _after(
    comparison: Comparison,
    upgrade: ops.UpgradeOps,
    renames: list[Rename],
    history: History,
) -> tuple[list[ops.MigrateOperation], list[ops.MigrateOperation]]:
    """Return what differs after some renames, and the operations that make them."""
    if not renames:
        return history.without_strangers(complete(comparison, upgrade)), []
    with (
        scratch(comparison.connection.engine) as connection,
        activate(RunOptions(note=_ignore, warn=_ignore)),
    ):
        copy_schema(comparison.catalogue(None), connection)
        context = MigrationContext.configure(connection, opts=dict(comparison.options))
        operations = Operations(context)
        first = list(_operations(Comparison(context), renames))
        for each in first:
            for inner in each.ops if isinstance(each, ops.ModifyTableOps) else [each]:
                operations.invoke(inner)
        script = produce_migrations(context, context.opts["target_metadata"])
        made = script.upgrade_ops
        assert made is not None
        found = complete(Comparison(context), made)
        return history.without_strangers(found), first


def _ignore(_: str) -> None:
    """Say nothing of what is only tried."""


def _operations(
    comparison: Comparison, renames: cabc.Sequence[Rename]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations of renames: tables first, so that columns find theirs."""
    tables = in_steps([each for each in renames if each.table is None])
    for each in tables:
        yield RenameTable(each.old, each.new, schema=each.schema)
    before = {each.new: each.old for each in renames if each.table is None}
    columns: dict[tuple[str | None, str], list[Rename]] = {}
    for each in renames:
        if each.table is not None:
            columns.setdefault((each.schema, each.table), []).append(each)
    for (schema, table), own in columns.items():
        stored = comparison.stored(before.get(table, table), schema)
        origins: dict[str, str] = {}
        made: list[ops.MigrateOperation] = []
        for each in in_steps(own):
            origin = origins.pop(each.old, each.old)
            origins[each.new] = origin
            column = stored.column(origin)
            made.append(
                RenameColumn(
                    table,
                    each.old,
                    schema=schema,
                    modify_name=each.new,
                    existing_type=column.type,
                    existing_nullable=column.nullable,
                    existing_server_default=t.cast(t.Any, column.server_default),
                )
            )
        yield ops.ModifyTableOps(table, made, schema=schema)

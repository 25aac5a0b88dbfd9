"""Compares models with a SQLite database whose renames have been made.

SQLite itself carries a rename into indexes, keys, triggers and views. So the renames
are made on a scratch copy of the schema, and the other differences are found there.
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
from .scratch import scratch
from .sqlite import Comparison
from .sqlite import complete


def with_renames(
    comparison: Comparison,
    upgrade: ops.UpgradeOps,
    request: Request,
    history: History,
) -> list[ops.MigrateOperation]:
    """Return the operations that lead to the models, with the renames first.

    :param upgrade: the operations that Alembic found.
    :param history: tells what may be dropped.
    :raises BatchMigrateError: it is not clear whether something was renamed.
    """

    def stored(schema: str | None, table: str) -> cabc.Collection[str] | None:
        if comparison.catalogue(schema).table(table) is None:
            return None
        with contextlib.suppress(ChangeRefused):
            definition = comparison.stored(table, schema)
            return [column.name for column in definition.text.columns]
        return []

    renames = told(request, comparison.models.tables, stored)
    remaining, first = _after(comparison, upgrade, renames, history)
    declined: set[Rename] = set()
    while more := likely(remaining, request, declined):
        # A renamed table may have renamed columns.
        renames += more
        remaining, first = _after(comparison, upgrade, renames, history)
    return [*first, *remaining]


def _after(
    comparison: Comparison,
    upgrade: ops.UpgradeOps,
    renames: list[Rename],
    history: History,
) -> tuple[list[ops.MigrateOperation], list[ops.MigrateOperation]]:
    """Return the differences after some renames, and the operations that rename."""
    if not renames:
        return history.without_strangers(complete(comparison, upgrade)), []
    with (
        scratch(comparison.connection.engine, comparison.catalogues()) as connection,
        activate(RunOptions(note=_ignore, warn=_ignore)),
    ):
        context = MigrationContext.configure(connection, opts=dict(comparison.options))
        operations = Operations(context)
        first = list(_operations(Comparison(context), renames))
        for operation in first:
            for inner in (
                operation.ops
                if isinstance(operation, ops.ModifyTableOps)
                else [operation]
            ):
                operations.invoke(inner)
        script = produce_migrations(context, context.opts["target_metadata"])
        after_renames = script.upgrade_ops
        assert after_renames is not None
        remaining = complete(Comparison(context), after_renames)
        return history.without_strangers(remaining), first


def _ignore(_: str) -> None:
    """Ignore the messages of a run that only tries operations."""


def _operations(
    comparison: Comparison, renames: cabc.Sequence[Rename]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations of renames: tables first, then their columns."""
    tables = in_steps([rename for rename in renames if rename.table is None])
    for rename in tables:
        yield RenameTable(rename.old, rename.new, schema=rename.schema)
    old_names = {rename.new: rename.old for rename in renames if rename.table is None}
    columns: dict[tuple[str | None, str], list[Rename]] = {}
    for rename in renames:
        if rename.table is not None:
            columns.setdefault((rename.schema, rename.table), []).append(rename)
    for (schema, table), renames_of_columns in columns.items():
        stored = comparison.stored(old_names.get(table, table), schema)
        origins: dict[str, str] = {}
        operations: list[ops.MigrateOperation] = []
        for rename in in_steps(renames_of_columns):
            origin = origins.pop(rename.old, rename.old)
            origins[rename.new] = origin
            column = stored.column(origin)
            operations.append(
                RenameColumn(
                    table,
                    rename.old,
                    schema=schema,
                    modify_name=rename.new,
                    existing_type=column.type,
                    existing_nullable=column.nullable,
                    existing_server_default=t.cast(t.Any, column.server_default),
                )
            )
        yield ops.ModifyTableOps(table, operations, schema=schema)

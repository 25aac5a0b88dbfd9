"""Compares models with a SQLite database whose renames have been made.

SQLite itself carries a rename into indexes, keys, triggers and views. So the renames
are made on a scratch copy of the schema, and the other differences are found there.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import typing as t

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ...sqlite.adapter import activate
from ...sqlite.adapter import RunOptions
from ...sqlite.errors import ChangeRefused
from ..choices.drops import History
from ..choices.rename import Rename
from ..choices.rename import RenameColumn
from ..choices.renames import operations
from ..choices.renames import settle
from ..request import Request
from .comparison import Comparison
from .comparison import complete
from .scratch import scratch


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

    def differences(renames: list[Rename]) -> list[ops.MigrateOperation]:
        if not renames:
            return history.without_unowned(complete(comparison, upgrade))
        return history.without_unowned(_after(comparison, first(renames)))

    def first(renames: list[Rename]) -> list[ops.MigrateOperation]:
        return list(operations(renames, functools.partial(_of_column, comparison)))

    tables = comparison.models.tables
    renames, remaining = settle(request, tables, stored, differences)
    return [*first(renames), *remaining]


def _after(
    comparison: Comparison, renames: list[ops.MigrateOperation]
) -> list[ops.MigrateOperation]:
    """Return the operations that lead to the models after those that rename."""
    with (
        scratch(comparison.connection.engine, comparison.catalogues()) as connection,
        activate(RunOptions.silent()),
    ):
        context = MigrationContext.configure(connection, opts=dict(comparison.options))
        for operation in renames:
            for inner in (
                operation.ops
                if isinstance(operation, ops.ModifyTableOps)
                else [operation]
            ):
                Operations(context).invoke(inner)
        script = produce_migrations(context, context.opts["target_metadata"])
        after_renames = script.upgrade_ops
        assert after_renames is not None
        return complete(Comparison(context), after_renames)


def _of_column(
    comparison: Comparison, rename: Rename, table: str, name: str
) -> RenameColumn:
    """Return the operation that renames a column."""
    column = comparison.stored(table, rename.schema).column(name)
    return RenameColumn(
        t.cast("str", rename.table),
        rename.old,
        schema=rename.schema,
        modify_name=rename.new,
        existing_type=column.type,
        existing_nullable=column.nullable,
        existing_server_default=t.cast(t.Any, column.server_default),
    )

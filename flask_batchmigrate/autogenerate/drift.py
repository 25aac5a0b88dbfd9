"""Finds the tables that differ between the models and a database."""

from __future__ import annotations

import typing as t

from alembic.autogenerate import produce_migrations
from alembic.runtime.migration import MigrationContext

from ..sqlite.adapter import activate
from ..sqlite.adapter import RunOptions
from .drops import History
from .generation import Generation
from .request import Request
from .sqlite import Comparison
from .sqlite import complete

if t.TYPE_CHECKING:
    from alembic.operations import ops


def differing_tables(context: MigrationContext) -> tuple[str, ...]:
    """Return the names of the tables that differ from their models, sorted.

    Nothing is changed. Tables and columns that no revision mentions are left out, as by
    ``flask db check``.

    :param context: Alembic's context of the database, with the models.
    """
    connection, metadata = context.connection, context.opts.get("target_metadata")
    if connection is None or metadata is None:
        return ()
    options = dict(context.opts)
    if context.dialect.name in ("sqlite", "postgresql"):
        options.setdefault("compare_server_default", True)
    quiet = RunOptions(note=_ignore, warn=_ignore)
    comparison = Generation(False, Request())
    with activate(quiet), comparison.comparing(context.dialect.name):
        own = MigrationContext.configure(connection, opts=options)
        upgrade = produce_migrations(own, metadata).upgrade_ops
        assert upgrade is not None
        operations = list(upgrade.ops)
        if context.dialect.name == "sqlite":
            operations = complete(Comparison(own), upgrade)
        mentioned = History(context.script).without_strangers(operations)
    return tuple(sorted({_table(operation) for operation in mentioned}))


def _table(operation: ops.MigrateOperation) -> str:
    return str(t.cast(t.Any, operation).table_name)


def _ignore(_: str) -> None:
    """Ignore the messages of a comparison."""

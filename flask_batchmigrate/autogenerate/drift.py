"""Finds the tables that differ between the models and a database."""

from __future__ import annotations

import typing as t

from alembic.autogenerate import produce_migrations
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext

from ..sqlite.adapter import activate
from ..sqlite.adapter import RunOptions
from .choices.drops import History
from .generation import Generation
from .request import Request
from .servers.completion import complete_on_server
from .servers.enum_members import changed_members
from .servers.enum_members import EnumMembers
from .tables.comparison import Comparison
from .tables.comparison import complete

if t.TYPE_CHECKING:
    from alembic.operations import ops


def differing_tables(context: MigrationContext) -> tuple[str, ...]:
    """Return the names of the tables that differ from their models, sorted.

    Nothing is changed. Tables and columns that no revision mentions are left out, as by
    ``flask db check``.

    :param context: Alembic's context of the database, with the models.
    """
    connection, models = context.connection, context.opts.get("target_metadata")
    if connection is None or models is None or context.script is None:
        return ()
    options = {**context.opts, "connection": connection}
    quiet = RunOptions.silent()
    comparison = Generation(False, Request())
    comparison.add_options(options, context.dialect.name, context.script)
    if options["compare_server_default"] is None:
        # Only 'context.configure()' takes this for a choice that is left open.
        del options["compare_server_default"]
    with activate(quiet), comparison.comparing(context):
        own = MigrationContext.configure(connection, opts=options)
        upgrade = produce_migrations(own, options["target_metadata"]).upgrade_ops
        assert upgrade is not None
        operations = History(context.script).without_unowned(_all(own, upgrade))
    return tuple(sorted({table for each in operations for table in _tables(each)}))


def _all(
    context: MigrationContext, upgrade: ops.UpgradeOps
) -> list[ops.MigrateOperation]:
    """Return the operations that lead to the models, without regard to renames."""
    if context.dialect.name == "sqlite":
        return complete(Comparison(context), upgrade)
    assert context.connection is not None
    autogen = AutogenContext(context)
    tables = {(table.schema, str(table.name)): table for table in autogen.sorted_tables}
    operations = complete_on_server(context, upgrade.ops)
    return [*changed_members(operations, tables, autogen), *operations]


def _tables(operation: t.Any) -> list[str]:
    """Return the tables that an operation changes."""
    if isinstance(operation, EnumMembers):
        return [column.table for column in operation.columns]
    return [str(operation.table_name)]

"""The steps that the operations found by Alembic go through, in order.

1. On SQLite, the comparison of the definitions completes them
   (:mod:`.tables.comparison`), after the renames (:mod:`.tables.renames_first`); on
   servers, :mod:`.servers` does. Tables and columns that no revision mentions are left
   alone (:mod:`.choices.drops`).
2. Rows get values for columns that must not be NULL (:mod:`.choices.fills`).
3. Every new constraint gets a name (:mod:`.script.names`), every change of a type the
   conversion of values (:mod:`.rows.conversions`), and the rows that would make one of
   them fail are counted (:mod:`.rows.misfits`).
4. The needs of other databases are added: a PostgreSQL type before the column that has
   it (:mod:`.script.enums`), and new members of the type
   (:mod:`.servers.enum_members`).
5. The downgrade is made by reversing the operations, so that it restores the schema.
   Both make and drop tables, and the keys between them, in the order that these need
   (:mod:`.key_order`, :mod:`.table_order`); indexes that lock no table come last
   (:mod:`.script.concurrent`).

The user's own ``process_revision_directives`` gets the result, and has the last word.
"""

from __future__ import annotations

import typing as t

from alembic.autogenerate.api import AutogenContext

from ..reporting import reporter
from .choices.drops import History
from .choices.drops import mark_losses
from .choices.drops import report_unowned
from .choices.fills import fill
from .choices.fills import Rows
from .choices.unusable_models import refuse_unusable_types
from .key_order import keys_in_order
from .log_lines import lines
from .request import Request
from .rows.conversions import convert
from .rows.conversions import convert_on_mysql
from .rows.misfits import mark_misfits
from .script.concurrent import concurrently
from .script.enums import create_and_drop_types
from .script.enums import Tables
from .script.names import name_everything
from .script.names import refuse_shared_names
from .script.rendering import write_sql
from .servers.enum_members import changed_members
from .table_order import in_order
from .tables import comparison as sqlite
from .tables.renames_first import with_renames
from .verify import Start

if t.TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.operations import ops
    from alembic.runtime.migration import MigrationContext


def improve(
    context: MigrationContext,
    script: ops.MigrationScript,
    request: Request,
    rewritten: bool,
) -> Start | None:
    """Improve the operations of a revision that is about to be written.

    :param context: Alembic's context of the database that was compared.
    :param script: the revision; its last operations are those of this database.
    :param request: how the revision is generated.
    :param rewritten: whether a hook of the user's runs after this function.
    :return: the database before the upgrade, if it is a SQLite database, on which the
        script can be proven.
    """
    upgrade = script.upgrade_ops_list[-1]
    downgrade = script.downgrade_ops_list[-1]
    history = History(None if request.drop_unknown else context.script)
    start = None
    if context.dialect.name == "sqlite":
        comparison = sqlite.Comparison(context)
        upgrade.ops[:] = with_renames(comparison, upgrade, request, history)
        start = Start(
            upgrade.upgrade_token.removesuffix("upgrades").removesuffix("_"),
            comparison.connection.engine,
            comparison.catalogues(),
            dict(context.opts),
            history,
            rewritten,
        )
    else:
        from .servers.renames_first import with_renames_on_server

        upgrade.ops[:] = with_renames_on_server(context, upgrade, request, history)
    autogen = AutogenContext(context)
    tables = {(table.schema, str(table.name)): table for table in autogen.sorted_tables}
    connection = context.connection
    assert connection is not None
    members = changed_members(upgrade.ops, tables, autogen)
    for line in lines([*members, *upgrade.ops]):
        reporter().note(line)
    if request.writes:
        report_unowned(history)
        _prepare(upgrade, request, connection, tables)
    upgrade.ops[:0] = members
    upgrade.reverse_into(downgrade)
    for each in (upgrade, downgrade):
        each.ops[:] = concurrently(in_order(keys_in_order(each.ops)))
        write_sql(context, each)
    return start


def _prepare(
    upgrade: ops.UpgradeOps,
    request: Request,
    connection: sa.Connection,
    tables: Tables,
) -> None:
    """Make operations that can be written: named, filled and right for each database.

    :param tables: the tables of the models.
    """
    refuse_unusable_types(upgrade.ops, connection.dialect)
    if connection.dialect.name != "sqlite":
        refuse_shared_names(tables.values())
    mark_losses(upgrade, request, connection)
    fill(upgrade, request, Rows(connection), tables)
    name_everything(upgrade)
    convert(upgrade, tables)
    mark_misfits(upgrade, request, connection)
    convert_on_mysql(upgrade)
    create_and_drop_types(upgrade, tables, connection)
    if connection.dialect.name in ("mysql", "mariadb"):
        from .servers.mysql_indexes import add_key_indexes

        add_key_indexes(connection, upgrade)
    if connection.dialect.name != "sqlite":
        from .servers.keys_set_aside import set_keys_aside

        set_keys_aside(connection, upgrade, tables.values())

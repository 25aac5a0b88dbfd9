"""The steps that the operations found by Alembic go through, in order.

1. On SQLite, the comparison of the definitions completes them (:mod:`.sqlite`), after
   the renames (:mod:`.sqlite_renames`). Tables and columns that no revision mentions
   are left alone (:mod:`.drops`).
2. Rows get values for columns that must not be NULL (:mod:`.fills`).
3. Every new constraint gets a name (:mod:`.names`), every change of a type the
   conversion of values (:mod:`.conversions`), and the rows that would make one of them
   fail are counted (:mod:`.misfits`).
4. The needs of other databases are added: a PostgreSQL type before the column that has
   it (:mod:`.enums`), and new members of the type (:mod:`.enum_members`).
5. The downgrade is made by reversing the operations, so that it restores the schema.
   Both make and drop tables in the order that the keys between them need
   (:mod:`.table_order`).

The user's own ``process_revision_directives`` gets the result, and has the last word.
"""

from __future__ import annotations

import typing as t

from alembic.autogenerate.api import AutogenContext

from ..reporting import reporter
from . import sqlite
from .conversions import convert
from .conversions import convert_on_mysql
from .drops import History
from .drops import mark_losses
from .drops import tell_strangers
from .enum_members import changed_members
from .enums import make_and_drop
from .enums import Tables
from .fills import fill
from .fills import Rows
from .log_lines import lines
from .misfits import mark_misfits
from .mysql_indexes import add_key_indexes
from .names import name_everything
from .request import Request
from .sqlite_renames import with_renames
from .table_order import in_order
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
        from .server_renames import with_renames_on_server

        upgrade.ops[:] = with_renames_on_server(context, upgrade, request, history)
    tables = {
        (table.schema, str(table.name)): table
        for table in AutogenContext(context).sorted_tables
    }
    connection = context.connection
    assert connection is not None
    members = changed_members(upgrade.ops, tables, connection)
    for line in lines([*members, *upgrade.ops]):
        reporter().note(line)
    if request.writes:
        tell_strangers(history)
        _prepare(upgrade, request, connection, tables)
    upgrade.ops[:0] = members
    upgrade.reverse_into(downgrade)
    for each in (upgrade, downgrade):
        each.ops[:] = in_order(each.ops)
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
    mark_losses(upgrade, request, connection)
    fill(upgrade, request, Rows(connection), tables)
    name_everything(upgrade)
    convert(upgrade)
    mark_misfits(upgrade, request, connection)
    convert_on_mysql(upgrade)
    make_and_drop(upgrade, tables, connection)
    if connection.dialect.name in ("mysql", "mariadb"):
        add_key_indexes(connection, upgrade)

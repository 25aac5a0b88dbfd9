"""Puts renames on PostgreSQL, MySQL and MariaDB before the other operations."""

from __future__ import annotations

import collections.abc as cabc
import functools
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..choices.drops import History
from ..choices.rename import Rename
from ..choices.rename import RenameColumn
from ..choices.renames import operations
from ..choices.renames import settle
from ..request import Request
from ..script.operations import stored_default
from .completion import complete_on_server
from .mariadb_columns import restore_defaults
from .old_names import differences

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def with_renames_on_server(
    context: MigrationContext,
    upgrade: ops.UpgradeOps,
    request: Request,
    history: History,
) -> list[ops.MigrateOperation]:
    """Return the operations that lead to the models, with the renames first.

    :param upgrade: the operations that Alembic found.
    :param history: tells what may be dropped.
    :raises BatchMigrateError: it is not clear whether something was renamed.
    """
    assert context.connection is not None
    inspector = sa.inspect(context.connection)

    def stored(schema: str | None, table: str) -> cabc.Collection[str] | None:
        if not inspector.has_table(table, schema=schema):
            return None
        return [c["name"] for c in inspector.get_columns(table, schema=schema)]

    tables = {
        (table.schema, str(table.name)): table
        for table in AutogenContext(context).sorted_tables
    }

    def compared(renames: list[Rename]) -> list[ops.MigrateOperation]:
        if renames:
            found = differences(context, renames, tables)
        else:
            found = complete_on_server(context, upgrade.ops)
        return history.without_unowned(found)

    renames, remaining = settle(request, tables, stored, compared)
    first = operations(renames, functools.partial(_of_column, inspector))
    return [*first, *remaining]


def _of_column(
    inspector: sa.Inspector, rename: Rename, table: str, name: str
) -> RenameColumn:
    """Return the operation that renames a column.

    MySQL needs the whole definition of a column to rename it, and drops the parts that
    are left out: https://dev.mysql.com/doc/refman/8.4/en/alter-table.html.
    """
    columns = inspector.get_columns(table, schema=rename.schema)
    connection = t.cast("sa.Connection", inspector.bind)
    restore_defaults(connection, rename.schema, {(None, table): columns})
    stored: t.Any = next(column for column in columns if column["name"] == name)
    options = {"existing_comment": stored.get("comment")}
    is_mysql = inspector.dialect.name in ("mysql", "mariadb")
    if stored.get("autoincrement") is True and is_mysql:
        options["autoincrement"] = True
    return RenameColumn(
        t.cast("str", rename.table),
        rename.old,
        schema=rename.schema,
        modify_name=rename.new,
        existing_type=stored["type"],
        existing_nullable=stored["nullable"],
        existing_server_default=stored_default(stored["default"]),
        **{name: value for name, value in options.items() if value is not None},
    )

"""Puts renames on PostgreSQL, MySQL and MariaDB before the other operations."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from .drops import History
from .old_names import differences
from .renames import in_steps
from .renames import likely
from .renames import Rename
from .renames import RenameColumn
from .renames import RenameTable
from .renames import told
from .request import Request
from .server_tables import complete_on_server

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
    renames = told(request, tables, stored)
    operations = history.without_strangers(
        differences(context, renames, tables)
        if renames
        else complete_on_server(context, upgrade.ops)
    )
    declined: set[Rename] = set()
    while more := likely(operations, request, declined):
        # A renamed table may have renamed columns.
        renames += more
        operations = history.without_strangers(differences(context, renames, tables))
    return [*_operations(inspector, renames), *operations]


def _operations(
    inspector: sa.Inspector, renames: cabc.Sequence[Rename]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations of renames: tables first, then their columns."""
    for rename in in_steps([rename for rename in renames if rename.table is None]):
        yield RenameTable(rename.old, rename.new, schema=rename.schema)
    old_names = {rename.new: rename.old for rename in renames if rename.table is None}
    for place in dict.fromkeys((r.schema, r.table) for r in renames):
        schema, table = place
        if table is None:
            continue
        renames_of_columns = [
            rename for rename in renames if (rename.schema, rename.table) == place
        ]
        stored = inspector.get_columns(old_names.get(table, table), schema=schema)
        columns = {column["name"]: column for column in stored}
        origins: dict[str, str] = {}
        operations: list[ops.MigrateOperation] = []
        for rename in in_steps(renames_of_columns):
            origins[rename.new] = origins.pop(rename.old, rename.old)
            operations.append(_rename_column(rename, columns[origins[rename.new]]))
        yield ops.ModifyTableOps(table, operations, schema=schema)


def _rename_column(rename: Rename, stored: t.Any) -> RenameColumn:
    """Return the operation of a rename.

    MySQL needs the whole definition of a column to rename it, and drops the parts that
    are left out: https://dev.mysql.com/doc/refman/8.4/en/alter-table.html.
    """
    default = stored["default"]
    options = {"existing_comment": stored.get("comment")}
    if stored.get("autoincrement") is True:
        options["existing_autoincrement"] = True
    return RenameColumn(
        t.cast("str", rename.table),
        rename.old,
        schema=rename.schema,
        modify_name=rename.new,
        existing_type=stored["type"],
        existing_nullable=stored["nullable"],
        existing_server_default=None if default is None else sa.text(default),
        **{name: value for name, value in options.items() if value is not None},
    )

"""Renames on PostgreSQL, MySQL and MariaDB, in the operations that Alembic found."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..reporting import reporter
from .renames import in_steps
from .renames import likely
from .renames import Rename
from .renames import RenameColumn
from .renames import RenameTable
from .renames import told
from .request import Request

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_Place = tuple[str | None, str]


def apply_renames(
    context: MigrationContext, upgrade: ops.UpgradeOps, request: Request
) -> None:
    """Let columns and tables be renamed instead of dropped and added.

    What else differs in them, the next comparison finds.

    :param upgrade: what Alembic found; changed in place.
    :raises BatchMigrateError: it is not clear whether something was renamed.
    """
    connection = context.connection
    assert connection is not None
    inspector = sa.inspect(connection)

    def stored(schema: str | None, table: str) -> cabc.Collection[str] | None:
        if not inspector.has_table(table, schema=schema):
            return None
        return [c["name"] for c in inspector.get_columns(table, schema=schema)]

    tables = {
        (table.schema, str(table.name)): table
        for table in AutogenContext(context).sorted_tables
    }
    renames = told(request, tables, stored)
    declined: set[Rename] = set()
    _apply(upgrade, renames, tables, inspector)
    while more := likely(upgrade.ops, request, declined):
        renames += more
        _apply(upgrade, more, tables, inspector)
    if renames:
        reporter().note(
            "Run 'flask db migrate' once more after the upgrade: it finds what differs"
            " besides the names in what was renamed."
        )


def _apply(
    upgrade: ops.UpgradeOps,
    renames: list[Rename],
    tables: cabc.Mapping[_Place, sa.Table],
    inspector: sa.Inspector,
) -> None:
    for each in in_steps([r for r in renames if r.table is None]):
        _rename_table(upgrade, each, tables)
    places = dict.fromkeys((r.schema, r.table) for r in renames if r.table is not None)
    for schema, table in places:
        assert table is not None
        own = [r for r in renames if (r.schema, r.table) == (schema, table)]
        stored = next(
            (r.old for r in renames if r.table is None and r.new == table), table
        )
        columns = {
            column["name"]: column
            for column in inspector.get_columns(stored, schema=schema)
        }
        _rename_columns(upgrade, (schema, table), own, columns)


def _rename_table(
    upgrade: ops.UpgradeOps, rename: Rename, tables: cabc.Mapping[_Place, sa.Table]
) -> None:
    """Put the rename where the old table's indexes are gone, and the columns after."""
    dropped = [o for o in upgrade.ops if isinstance(o, ops.DropTableOp)]
    old = next((o for o in dropped if o.table_name == rename.old), None)
    model = tables.get((rename.schema, rename.new))
    first = [
        o
        for o in upgrade.ops
        if isinstance(o, ops.ModifyTableOps) and o.table_name == rename.old
    ]
    rest = [
        o
        for o in upgrade.ops
        if o is not old
        and o not in first
        and not (isinstance(o, ops.CreateTableOp) and o.table_name == rename.new)
    ]
    changes = ops.ModifyTableOps(rename.new, [], schema=rename.schema)
    if old is not None and model is not None:
        table, schema = rename.new, rename.schema
        was = {str(c.name): c for c in old.to_table().columns}
        changes.ops += [
            ops.AddColumnOp(table, column, schema=schema)
            for column in model.columns
            if column.name not in was
        ]
        changes.ops += [
            ops.DropColumnOp.from_column_and_tablename(schema, table, column)
            for name, column in was.items()
            if name not in model.columns
        ]
    renamed = RenameTable(rename.old, rename.new, schema=rename.schema)
    upgrade.ops[:] = [*first, renamed, changes, *rest]


def _rename_columns(
    upgrade: ops.UpgradeOps,
    place: _Place,
    renames: list[Rename],
    stored: cabc.Mapping[str, t.Any],
) -> None:
    """Put the renames of a table's columns before everything else in it.

    :param stored: its columns as the inspector tells them.
    """
    schema, table = place
    old, new = {r.old for r in renames}, {r.new for r in renames}
    for each in upgrade.ops:
        if isinstance(each, ops.ModifyTableOps) and (
            (each.schema, each.table_name) == place
        ):
            each.ops[:] = [
                o
                for o in each.ops
                if not (isinstance(o, ops.DropColumnOp) and o.column_name in old)
                and not (isinstance(o, ops.AddColumnOp) and str(o.column.name) in new)
            ]
    made: list[ops.MigrateOperation] = []
    origins: dict[str, str] = {}
    for step in in_steps(renames):
        origins[step.new] = origins.pop(step.old, step.old)
        column = stored[origins[step.new]]
        made.append(
            RenameColumn(
                table,
                step.old,
                schema=schema,
                modify_name=step.new,
                existing_type=column["type"],
                existing_nullable=column["nullable"],
            )
        )
    renaming = ops.ModifyTableOps(table, made, schema=schema)
    tables_first = [o for o in upgrade.ops if isinstance(o, RenameTable)]
    at = upgrade.ops.index(tables_first[-1]) + 1 if tables_first else 0
    upgrade.ops.insert(at, renaming)

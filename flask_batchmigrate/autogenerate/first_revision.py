"""Advises how a database with tables but no revision gets its first revision."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def unversioned_tables(context: MigrationContext) -> list[str]:
    """Return the tables of the models that exist, if there is no revision yet."""
    script, connection = context.script, context.connection
    if connection is None or (script is not None and script.get_heads()):
        return []
    target = context.opts["target_metadata"]
    metadata = [target] if isinstance(target, sa.MetaData) else list(target or ())
    inspector = sa.inspect(connection)
    return [
        table.fullname
        for each in metadata
        for table in each.tables.values()
        if inspector.has_table(table.name, schema=table.schema)
    ]


def advice(tables: cabc.Sequence[str], written: bool) -> str:
    """Return advice about tables that the first revision does not make.

    :param tables: the tables, at least one.
    :param written: whether a revision is written, because of other differences.
    """
    names = ", ".join(f"'{name}'" for name in tables[:3])
    more = f" and {len(tables) - 3} more" if len(tables) > 3 else ""
    result = "The database already has tables of the models but no revision, so"
    if written:
        result += (
            f" the first revision does not make them: {names}{more}. A new database "
            "would lack them. Delete the file and undo the latest changes of the "
            "models first"
        )
    else:
        result += f" no first revision was written: {names}{more}"
    return (
        f"{result}. Take 'db.create_all()' out of the application, run 'flask db "
        "migrate' with the address of an empty database, and then 'flask db stamp head'"
        " with the address of this one."
    )

"""Tells the JSON columns of MariaDB from those of text.

MariaDB stores JSON as text with a check: https://mariadb.com/kb/en/json-data-type/.
SQLAlchemy reflects only the text, from which a downgrade could not make the column.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import mysql

from ..script.operations import DropTable

#: MariaDB gives the check the name of its column.
_QUERY: t.Final = sa.text(
    "SELECT constraint_name FROM information_schema.check_constraints"
    " WHERE constraint_schema = coalesce(:schema, database())"
    " AND table_name = :table AND check_clause = concat('json_valid(`',"
    " constraint_name, '`)')"
)


def restore_json(
    connection: sa.Connection, operations: cabc.Iterable[ops.MigrateOperation]
) -> list[ops.MigrateOperation]:
    """Return operations whose downgrade makes JSON columns anew.

    :param operations: the operations for a database of MariaDB.
    """
    restored: list[ops.MigrateOperation] = []
    for operation in operations:
        if isinstance(operation, ops.DropTableOp):
            table = operation.to_table()
            for column in table.columns:
                place = table.schema, str(table.name)
                column.type = _restored(connection, place, column.name, column.type)
            restored.append(DropTable(table))
            continue
        if isinstance(operation, ops.ModifyTableOps):
            _restore_in(connection, operation)
        restored.append(operation)
    return restored


def _restore_in(connection: sa.Connection, block: ops.ModifyTableOps) -> None:
    place = block.schema, block.table_name
    for operation in block.ops:
        if isinstance(operation, ops.DropColumnOp):
            column = operation.to_column()
            column.type = _restored(connection, place, column.name, column.type)
        elif isinstance(operation, ops.AlterColumnOp):
            operation.existing_type = _restored(
                connection, place, operation.column_name, operation.existing_type
            )


def _restored(
    connection: sa.Connection, place: tuple[str | None, str], column: str, type_: t.Any
) -> t.Any:
    """Return the type of a stored column, which may be reflected as text."""
    if not isinstance(type_, mysql.LONGTEXT):
        return type_
    rows = connection.execute(_QUERY, {"schema": place[0], "table": place[1]})
    return sa.JSON() if column in set(rows.scalars()) else type_

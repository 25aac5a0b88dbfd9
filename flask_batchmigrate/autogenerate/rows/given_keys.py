"""Refuses values, given to rows for a foreign key, that no row of the parent has."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...sqlite.errors import counted
from ..choices.fills import FillColumn
from ..choices.stored_names import Place
from ..choices.stored_names import StoredNames
from .row_values import RowValues

_Column: t.TypeAlias = "tuple[Place, str | None]"


class GivenKeys:
    """Looks for the parents of rows that get a value from the script.

    :param connection: a connection to the database before the upgrade.
    :param values: the values that rows get.
    :param stored: the names that the database uses.
    :param unknown: columns whose values get another type, or are not there yet, and
        tables (with None for the column) that are not.
    """

    def __init__(
        self,
        connection: sa.Connection,
        values: RowValues,
        stored: StoredNames,
        unknown: cabc.Container[_Column],
    ) -> None:
        self._connection = connection
        self._values = values
        self._stored = stored
        self._unknown = unknown

    def check_fill(self, operation: FillColumn, dropped: cabc.Container[t.Any]) -> None:
        """Refuse a value of a column that refers to a table by a key that is there.

        :param dropped: the columns of the constraints that the script drops.
        :raises BatchMigrateError: no row of the table has it.
        """
        place = operation.schema, operation.table_name
        column = self._stored.column(place, operation.column_name)
        table = self._stored.table(place)
        inspector = sa.inspect(self._connection)
        for key in inspector.get_foreign_keys(table, schema=place[0]):
            if key["constrained_columns"] == [column] and (
                (place, (column,)) not in dropped
            ):
                parent = key["referred_schema"], key["referred_table"]
                name = key["name"] or f"FOREIGN KEY ({column})"
                self._refuse(place, [operation.column_name], parent, key, name)

    def check(self, operation: ops.CreateForeignKeyOp) -> None:
        """Refuse values of the columns of a new foreign key.

        :raises BatchMigrateError: no row of the table that it refers to has them.
        """
        child = operation.kw.get("source_schema"), operation.source_table
        parent = operation.kw.get("referent_schema"), operation.referent_table
        columns = list(operation.local_cols)
        if any(self._values.is_given(child, column) for column in columns):
            key = {"referred_columns": [*operation.remote_cols]}
            self._refuse(child, columns, parent, key, str(operation.constraint_name))

    def _refuse(
        self,
        child: Place,
        columns: list[str],
        parent: Place,
        key: cabc.Mapping[str, t.Any],
        name: str,
    ) -> None:
        number = self._orphans(child, columns, parent, key["referred_columns"])
        if number:
            column_list = ", ".join(columns)
            raise BatchMigrateError(
                f"{counted(number, 'row')} of '{child[1]}' would refer by "
                f"'{column_list}' to no row of '{parent[1]}', which '{name}' refuses: "
                "that is the value they would get",
                f"Give another value, add a row with it to '{parent[1]}' first, or let "
                "the column be NULL.",
                state=NOTHING_WRITTEN,
                table=child[1],
                column=columns[0],
            )

    def _orphans(
        self, child: Place, columns: list[str], parent: Place, keys: list[str]
    ) -> int:
        """Count the rows without a parent; 0 if that is not known."""
        values = []
        for number, column in enumerate(columns):
            if (child, column) in self._unknown:
                return 0
            stored: sa.ColumnClause[t.Any] = sa.column(
                self._stored.column(child, column)
            )
            value = self._values.value(child, column, stored)
            if value is None:
                return 0
            # The text of a default is compared with a number.
            values.append(sa.cast(value, sa.String(255)).label(f"value_{number}"))
        table = sa.table(self._stored.table(child), schema=child[0])
        rows = sa.select(*values).select_from(table).subquery("given")
        query = sa.select(sa.func.count()).select_from(rows)
        query = query.where(*(value.is_not(None) for value in rows.c))
        if (parent, None) not in self._unknown:
            named = [self._stored.column(parent, key) for key in keys]
            if any((parent, key) in self._unknown for key in keys):
                return 0
            other = sa.table(
                self._stored.table(parent), *map(sa.column, named), schema=parent[0]
            ).alias("parent")
            matches = [
                sa.cast(other.c[key], sa.String(255)) == value
                for key, value in zip(named, rows.c, strict=True)
            ]
            exists = sa.exists(sa.select(sa.literal(1)).where(*matches))
            query = query.where(~exists.correlate(rows))
        return int(self._connection.execute(query).scalar_one() or 0)

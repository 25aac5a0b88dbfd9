"""Knows the names that the database has for what a script renames first."""

from __future__ import annotations

import collections.abc as cabc

from alembic.operations import ops

from .rename import RenameColumn
from .rename import RenameTable

#: The schema and name of a table.
Place = tuple[str | None, str]


class StoredNames:
    """The names before an upgrade of tables and columns that it renames.

    :param operations: the operations of the upgrade.
    """

    def __init__(self, operations: cabc.Iterable[ops.MigrateOperation]) -> None:
        self._tables: dict[Place, str] = {}
        #: The stored names of columns, by their tables and their names afterwards.
        self.columns: dict[tuple[Place, str], str] = {}
        for operation in operations:
            if isinstance(operation, RenameTable):
                name, schema = operation.table_name, operation.schema
                stored = self._tables.pop((schema, name), name)
                self._tables[schema, operation.new_table_name] = stored
            for inner in (
                operation.ops if isinstance(operation, ops.ModifyTableOps) else ()
            ):
                if isinstance(inner, RenameColumn):
                    place, old = (inner.schema, inner.table_name), inner.column_name
                    stored = self.columns.pop((place, old), old)
                    self.columns[place, str(inner.modify_name)] = stored

    def table(self, place: Place) -> str:
        """Return the stored name of a table."""
        return self._tables.get(place, place[1])

    def column(self, place: Place, name: str) -> str:
        """Return the stored name of a column, of the table as it is called later."""
        return self.columns.get((place, name), name)

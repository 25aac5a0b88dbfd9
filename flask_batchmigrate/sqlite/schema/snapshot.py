"""Reads a table and its surroundings at one moment into a value."""

from __future__ import annotations

from ...value_classes import value_class
from .catalogue import Catalogue
from .catalogue import ForeignKeyRow
from .catalogue import read_foreign_keys
from .catalogue import StoredTable
from .compiled import Dependant
from .database import Database
from .dependants import read_dependants


@value_class
class Snapshot:
    """A table with all that a change of it may concern.

    :param catalogue: all objects of its schema.
    :param table: the table with its indexes.
    :param dependants: the views and triggers that use it.
    :param keys: its foreign keys, and those of others that refer to it.
    """

    catalogue: Catalogue
    table: StoredTable
    dependants: tuple[Dependant, ...]
    keys: tuple[ForeignKeyRow, ...]


def around(db: Database, catalogue: Catalogue, table: StoredTable) -> Snapshot:
    """Read the surroundings of a table."""
    return Snapshot(
        catalogue,
        table,
        read_dependants(db, catalogue, table.name),
        read_foreign_keys(db, catalogue, table.name),
    )

"""Finds the tables of SQLite that no model owns: virtual tables and their shadows."""

from __future__ import annotations

from ..sqlite.ddl.table import is_virtual_table
from ..sqlite.ddl.tokens import upper
from ..sqlite.schema.catalogue import Catalogue


def internal_tables(catalogue: Catalogue) -> frozenset[str]:
    """Return the virtual tables, and the tables that hold their rows.

    Alembic can neither create nor alter them, so scripts leave them out.
    """
    return frozenset(
        o.name
        for o in catalogue.of_type("table")
        if upper(o.name) in catalogue.shadows or is_virtual_table(o.sql or "")
    )

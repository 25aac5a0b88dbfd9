"""Finds the tables of SQLite that no model owns: virtual tables and their shadows."""

from __future__ import annotations

import typing as t

from ..sqlite.ddl.table import is_virtual_table
from ..sqlite.errors import EngineError
from ..sqlite.schema.catalogue import Catalogue

#: The endings of the tables in which the virtual tables of SQLite keep their rows.
#: https://www.sqlite.org/fts5.html#fts5_data_structures and the like.
_SHADOWS: t.Final = (
    *("data", "idx", "content", "docsize", "config"),
    *("segments", "segdir", "stat"),
    *("node", "parent", "rowid"),
)


def internal_tables(catalogue: Catalogue) -> frozenset[str]:
    """Return the tables that are virtual, or keep the rows of one.

    Alembic can neither make nor alter them, so they are nobody's difference.
    """
    tables = catalogue.of_type("table")
    virtual = {o.name for o in tables if _is_virtual(o.sql)}
    shadows = {f"{name}_{ending}" for name in virtual for ending in _SHADOWS}
    return frozenset(virtual | {o.name for o in tables if o.name in shadows})


def _is_virtual(sql: str | None) -> bool:
    # By its text first: splitting it into tokens takes long.
    if sql is None or "VIRTUAL" not in sql.upper():
        return False
    try:
        return is_virtual_table(sql)
    except EngineError:
        return False

"""Tables of SQLite that are nobody's: virtual ones and those behind them."""

from __future__ import annotations

import typing as t

from ..sqlite.catalogue import Catalogue
from ..sqlite.errors import EngineError
from ..sqlite.table import is_virtual_table

#: The endings of the tables in which the virtual tables of SQLite keep their rows.
#: https://www.sqlite.org/fts5.html#fts5_data_structures and the like.
_SHADOWS: t.Final = (
    *("data", "idx", "content", "docsize", "config"),
    *("segments", "segdir", "stat"),
    *("node", "parent", "rowid"),
)


def is_internal(catalogue: Catalogue, name: str) -> bool:
    """Tell whether a table is a virtual one, or keeps the rows of one.

    Alembic can neither make nor alter them, so they are nobody's difference.
    """
    virtual = [o.name for o in catalogue.of_type("table") if _is_virtual(o.sql)]
    return name in virtual or any(
        name == f"{each}_{ending}" for each in virtual for ending in _SHADOWS
    )


def _is_virtual(sql: str | None) -> bool:
    try:
        return sql is not None and is_virtual_table(sql)
    except EngineError:
        return False

"""Determines what a column prefers to store."""

from __future__ import annotations

import enum

from .tokens import upper


class Affinity(enum.Enum):
    """The kind of value that a column prefers to store."""

    TEXT = "TEXT"
    NUMERIC = "NUMERIC"
    INTEGER = "INTEGER"
    REAL = "REAL"
    BLOB = "BLOB"


_AFFINITY_RULES = (
    (("INT",), Affinity.INTEGER),
    (("CHAR", "CLOB", "TEXT"), Affinity.TEXT),
    (("BLOB",), Affinity.BLOB),
    (("REAL", "FLOA", "DOUB"), Affinity.REAL),
)


def affinity(type: str) -> Affinity:
    """Determine the affinity of a declared type.

    By https://www.sqlite.org/datatype3.html#determination_of_column_affinity; an
    ``ANY`` column of a STRICT table is the exception, see :meth:`TableText.affinity`.

    :param type: the type as declared, ``''`` where there is none.
    """
    if not type:
        return Affinity.BLOB
    folded = upper(type)
    for parts, result in _AFFINITY_RULES:
        if any(part in folded for part in parts):
            return result
    return Affinity.NUMERIC

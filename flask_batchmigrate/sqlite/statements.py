"""Tells from a statement's first word what it can do. When in doubt, it can write."""

from __future__ import annotations

_READING = ("SELECT", "PRAGMA", "EXPLAIN", "VALUES")
_SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")


def is_read(sql: str) -> bool:
    """Whether a statement is known to change no row and no table."""
    return sql.lstrip().upper().startswith(_READING)


def is_savepoint(sql: str) -> bool:
    """Whether a statement begins or ends a savepoint."""
    return sql.lstrip().upper().startswith(_SAVEPOINTS)


def is_begin(sql: str) -> bool:
    """Whether a statement begins a transaction."""
    return sql.lstrip().upper().startswith("BEGIN")

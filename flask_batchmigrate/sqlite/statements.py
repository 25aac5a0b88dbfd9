"""Tells from a statement's first word what it can do. When in doubt, it can write."""

from __future__ import annotations

import itertools
import typing as t

_READING = ("SELECT", "PRAGMA", "EXPLAIN", "VALUES")
_SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")
_explained: t.Final = itertools.count(1)


def is_read(sql: str) -> bool:
    """Whether a statement is known to change no row and no table."""
    return sql.lstrip().upper().startswith(_READING)


def is_savepoint(sql: str) -> bool:
    """Whether a statement begins or ends a savepoint."""
    return sql.lstrip().upper().startswith(_SAVEPOINTS)


def is_begin(sql: str) -> bool:
    """Whether a statement begins a transaction."""
    return sql.lstrip().upper().startswith("BEGIN")


def only_reads(sql: str) -> bool:
    """Whether a statement certainly writes nothing, a ``WITH`` included."""
    if is_read(sql):
        return True
    words = set(sql.upper().split())
    return sql.lstrip().upper().startswith("WITH") and not (
        words & {"INSERT", "UPDATE", "DELETE", "REPLACE"}
    )


def sets_up(sql: str) -> bool:
    """Whether a statement sets up a connection: a pragma that is set, an ATTACH."""
    text = sql.lstrip().upper()
    return text.startswith("ATTACH") or (text.startswith("PRAGMA") and "=" in text)


def explain(sql: str) -> str:
    """Write a statement that compiles another one without running it.

    Each has a text of its own. Drivers keep compiled statements by their text, and an
    ``EXPLAIN`` does not notice that the schema has changed since: it would show a
    program for what is gone, or crash on it.
    """
    return f"EXPLAIN {sql} /* {next(_explained)} */"

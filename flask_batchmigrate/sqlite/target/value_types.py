"""Decides which stored values a declared type can hold.

SQLite stores any value in any column. Here a value does not fit a type where
PostgreSQL's assignment cast would refuse it, or where SQLAlchemy's type of that name
could not read what is stored.

====================  =========================================================
declared type         fits
====================  =========================================================
BOOLEAN               0 and 1
SMALLINT              integers of 16 bits
INTEGER, INT          integers of 32 bits
BIGINT                integers
FLOAT, REAL, DOUBLE   numbers
NUMERIC, DECIMAL      numbers; with (p, s) those with at most p - s digits before
                      the point
CHAR, VARCHAR, ...    text; with (n) of at most n characters
TEXT, CLOB            text
DATE                  text ``YYYY-MM-DD`` of a date that exists
TIME                  text ``HH:MM``, with seconds or without
DATETIME, TIMESTAMP   text that begins with such a date, with a time or without
JSON                  numbers, and text that is JSON
BLOB, BINARY, ...     blobs
any other             everything
====================  =========================================================
"""

from __future__ import annotations

import re

from ...value_classes import value_class
from ..ddl.tokens import Kind
from ..ddl.tokens import significant
from ..ddl.tokens import tokenize
from ..ddl.tokens import unquote
from ..ddl.tokens import upper
from ..errors import SqlTextError

_TEXT = ("CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "CHARACTER", "VARYING")
_BINARY = ("BLOB", "BINARY", "VARBINARY", "BYTEA")
_INTEGERS = {"SMALLINT": 2**15, "INTEGER": 2**31, "INT": 2**31, "BIGINT": 2**63}
_FLOATS = ("FLOAT", "REAL", "DOUBLE")
_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"

_LITERALS = {
    "INT": r"[-+]? *[0-9]{1,18}",
    "INTEGER": r"[-+]? *[0-9]{1,18}",
    "REAL": r"[-+]? *[0-9]+([.][0-9]*)?",
    "TEXT": "'.*'",
    "BLOB": "[xX]'.*'",
    "ANY": ".*",
}


@value_class
class _Declared:
    """A declared type: its first word and its sizes."""

    word: str
    sizes: tuple[int, ...]


def misfit_condition(type_: str, value: str) -> str | None:
    """Return an SQL condition that is true for values the type cannot hold.

    :param type_: the type as it is declared.
    :param value: an SQL expression for the value; the result has it several times.
    :return: the condition, or ``None`` where the type holds everything.
    """
    declared = _read(type_)
    if declared is None:
        return None
    bad = _condition(declared, value)
    return None if bad is None else f"{value} IS NOT NULL AND ({bad})"


def holds_all_of(new: str, old: str) -> bool:
    """Tell whether a type holds every value that another one holds.

    For instance ``VARCHAR(100)`` does so for ``VARCHAR(50)``; then no row is read.
    """
    new_type, old_type = _read(new), _read(old)
    if new_type is None or _condition(new_type, "x") is None:
        return True
    if old_type is None:
        return False
    if _family(new_type.word) != _family(old_type.word):
        return False
    if new_type.word in _INTEGERS and old_type.word in _INTEGERS:
        return _INTEGERS[new_type.word] >= _INTEGERS[old_type.word]
    return _room(new_type) >= _room(old_type)


def holds_literal(type_: str, literal: str) -> bool:
    """Tell whether a column of a STRICT table is certain to accept a literal.

    It is asked about defaults, which SQLite's ``ALTER TABLE`` does not check.
    """
    pattern = _LITERALS.get(upper(type_), "")
    match = re.fullmatch(pattern, literal, re.DOTALL)
    return upper(literal) == "NULL" or match is not None


def _read(type_: str) -> _Declared | None:
    try:
        tokens = significant(tokenize(type_))
    except SqlTextError:
        return None
    names = (Kind.WORD, Kind.QUOTED, Kind.STRING)
    words = [unquote(t.text) for t in tokens if t.kind in names]
    if not words:
        return None
    sizes = tuple(int(t.text) for t in tokens if t.text.isdigit())
    return _Declared(words[0].upper().split(" ")[0], sizes)


def _family(word: str) -> str:
    if word in _TEXT or word in ("TEXT", "CLOB"):
        return "text"
    if word in _INTEGERS:
        return "integer"
    if word in _FLOATS or word in ("NUMERIC", "DECIMAL"):
        return "number"
    if word in _BINARY:
        return "binary"
    return {"TIMESTAMP": "DATETIME", "BOOL": "BOOLEAN"}.get(word, word)


def _room(declared: _Declared) -> float:
    """Return how large a value of the type may be; infinity without a size."""
    family = _family(declared.word)
    if family == "text" and declared.sizes:
        return declared.sizes[0]
    if declared.word in ("NUMERIC", "DECIMAL") and declared.sizes:
        return declared.sizes[0] - (declared.sizes[1] if declared.sizes[1:] else 0)
    return float("inf")


def _condition(declared: _Declared, value: str) -> str | None:
    family = _family(declared.word)
    room = _room(declared)
    number = f"typeof({value}) NOT IN ('integer', 'real')"
    text = f"typeof({value}) <> 'text'"
    day = f"substr({value}, 1, 10)"
    # Without a modifier SQLite takes the 31st of any month for a date.
    wrong_day = f"NOT ({day} GLOB '{_DATE}' AND date({day}, '+0 days') IS {day})"
    if family == "integer":
        limit = _INTEGERS[declared.word]
        wrong = f"typeof({value}) <> 'integer'"
        if limit < 2**63:
            wrong += f" OR {value} NOT BETWEEN {-limit} AND {limit - 1}"
        return wrong
    if family == "number":
        if room == float("inf"):
            return number
        # Not by abs(), which overflows for the smallest integer.
        return f"{number} OR {value} >= 1e{int(room)} OR {value} <= -1e{int(room)}"
    if family == "text":
        return text if room == float("inf") else f"{text} OR length({value}) > {room}"
    return {
        "BOOLEAN": f"typeof({value}) <> 'integer' OR {value} NOT IN (0, 1)",
        "DATE": f"{text} OR length({value}) <> 10 OR {wrong_day}",
        "DATETIME": f"{text} OR {wrong_day} OR datetime({value}) IS NULL",
        "TIME": f"{text} OR NOT ({value} GLOB '[0-9][0-9]:[0-9][0-9]*')"
        f" OR time({value}) IS NULL",
        "JSON": f"typeof({value}) = 'blob' OR typeof({value}) = 'text'"
        f" AND NOT json_valid({value})",
        "binary": f"typeof({value}) <> 'blob'",
    }.get(family)

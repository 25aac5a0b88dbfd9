"""Compares two DEFAULT clauses by the values that SQLite itself stores for them."""

from __future__ import annotations

import contextlib
import functools
import sqlite3

from ...sqlite.ddl.meaning import spelling
from ...sqlite.ddl.table import ColumnText
from ...sqlite.ddl.tokens import Kind
from ...sqlite.ddl.tokens import significant
from ...sqlite.ddl.tokens import tokenize

_CONSTANT = frozenset({"NULL", "TRUE", "FALSE"})


def same_default(first: ColumnText, second: ColumnText) -> bool:
    """Tell whether two definitions give new rows the same value for a column.

    Constants are compared by the value that a column of the second type stores, other
    expressions by their text.
    """
    left, right = first.default, second.default
    if left is None or right is None:
        # A column without a default has the default NULL.
        return _is_null(left) and _is_null(right)
    if spelling(_bare(left)) == spelling(_bare(right)):
        return True
    if not (_is_constant(left) and _is_constant(right)):
        return False
    value = _value(second.type, left)
    return value is not None and value == _value(second.type, right)


def _is_null(default: str | None) -> bool:
    return default is None or _bare(default).upper() == "NULL"


def _bare(default: str) -> str:
    """Return a default without the parentheses around all of it."""
    text = default.strip()
    while text.startswith("(") and text.endswith(")") and _balanced(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _balanced(text: str) -> bool:
    """Tell whether each closing parenthesis has its opening one before it."""
    depth = 0
    for token in tokenize(text):
        depth += token.is_symbol("(") - token.is_symbol(")")
        if depth < 0:
            return False
    return depth == 0


def _is_constant(default: str) -> bool:
    """Tell whether a default is a literal, with a sign or in parentheses."""
    for token in significant(tokenize(default)):
        if token.kind is Kind.WORD and (token.keyword or "") not in _CONSTANT:
            return False
        if token.kind is Kind.QUOTED:
            return False
    return True


@functools.lru_cache(maxsize=256)
def _value(type_: str, default: str) -> tuple[str, str] | None:
    """Return the value that a column of this type stores, as SQL writes it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(f"CREATE TABLE t (c {type_} DEFAULT {default})")
            connection.execute("INSERT INTO t DEFAULT VALUES")
        except sqlite3.Error:
            return None
        row = connection.execute("SELECT typeof(c), quote(c) FROM t").fetchone()
    return (str(row[0]), str(row[1]))

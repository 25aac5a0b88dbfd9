"""Finds views and triggers that know columns by their place instead of their name.

``SELECT *`` and an ``INSERT`` without a list of columns do:
https://www.sqlite.org/lang_select.html and https://www.sqlite.org/lang_insert.html.
SQLite notices where the number of columns no longer fits, but not where one column has
taken the place of another.
"""

from __future__ import annotations

import collections.abc as cabc

from .table import TableText
from .tokens import same_name
from .tokens import Token
from .tokens import unquote

_BEFORE_STAR = frozenset({"SELECT", "DISTINCT", "ALL"})


def changes_places(before: TableText, after: TableText) -> bool:
    """Tell whether a column may have taken the place of another one.

    If columns are only added, or only dropped, SQLite notices the different number
    wherever it matters.
    """
    old = [column.name for column in before.columns]
    new = [column.name for column in after.columns]
    return not (_is_part_of(old, new) or _is_part_of(new, old))


def goes_by_place(body: cabc.Sequence[Token], table: str) -> bool:
    """Tell whether a view or trigger may know columns of a table by their place.

    :param body: its tokens.
    :param table: the table's name.
    """
    return any(
        _names(statement, table)
        and (
            _has_star(statement)
            or _writes_by_place(statement, table)
            or _is_a_list(statement, table)
        )
        for statement in split_statements(body)
    )


def inserts_by_place(body: cabc.Sequence[Token], table: str) -> bool:
    """Tell whether a trigger inserts into a table without naming its columns."""
    return any(_writes_by_place(one, table) for one in split_statements(body))


def split_statements(body: cabc.Sequence[Token]) -> list[list[Token]]:
    """Split the body of a trigger; that of a view is one statement."""
    statements: list[list[Token]] = [[]]
    for token in body:
        if token.is_symbol(";"):
            statements.append([])
        else:
            statements[-1].append(token)
    return statements


def _is_part_of(names: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(any(same_name(name, other) for other in rest) for name in names)


def _names(statement: list[Token], table: str) -> bool:
    return any(token.is_name and _is(token, table) for token in statement)


def _is(token: Token, table: str) -> bool:
    return same_name(unquote(token.text), table)


def _has_star(statement: list[Token]) -> bool:
    """Tell whether a ``*`` means columns; in ``EXISTS (SELECT *)`` it means none."""
    for index, token in enumerate(statement):
        if index == 0 or not token.is_symbol("*"):
            continue
        before = statement[index - 1]
        if before.is_symbol(",") or before.is_symbol("."):
            return True
        three = [t.text.upper() for t in statement[max(index - 3, 0) : index]]
        if before.keyword in _BEFORE_STAR and three != ["EXISTS", "(", "SELECT"]:
            return True
    return False


def _writes_by_place(statement: list[Token], table: str) -> bool:
    """Tell whether the statement is ``INSERT INTO table VALUES`` or ``... SELECT``."""
    for index, token in enumerate(statement):
        if token.keyword != "INTO":
            continue
        rest = statement[index + 1 :]
        # In a trigger the table has neither a schema nor an alias here.
        if len(rest) > 1 and _is(rest[0], table) and not rest[1].is_symbol("("):
            return True
    return False


def _is_a_list(statement: list[Token], table: str) -> bool:
    """Tell whether the statement compares with all rows: ``(a, b) IN table``.

    The name of a schema may come before that of the table.
    """
    for index, token in enumerate(statement):
        if token.keyword != "IN":
            continue
        name = statement[index + 1 : index + 4]
        if len(name) == 3 and name[1].is_symbol("."):
            name = name[2:]
        if name and _is(name[0], table):
            return True
    return False

"""Finds the columns by which the NATURAL JOINs of a view or trigger join.

It joins by all columns that both sides have. So a column that is added, dropped or
renamed may change what such a view selects, without an error of SQLite:
https://www.sqlite.org/lang_select.html
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.positions import split_statements
from ..ddl.tokens import identifiers
from ..ddl.tokens import Kind
from ..ddl.tokens import Token
from ..ddl.tokens import unquote
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from .database import Database


def natural_columns(
    db: Database, schema: str, body: cabc.Sequence[Token]
) -> frozenset[str]:
    """Return the columns that several tables of a statement with NATURAL JOIN have.

    Of more than two tables, not all have to be joined like that.

    :param body: the tokens of a view or trigger.
    :return: their names, each in one of its spellings.
    """
    shared: set[str] = set()
    for statement in split_statements(body):
        if not any(token.keyword == "NATURAL" for token in statement):
            continue
        spelled: dict[str, list[str]] = {}
        for name in names_of_tables(statement):
            for column in _columns(db, schema, name):
                spelled.setdefault(upper(column), []).append(column)
        shared |= {min(same) for same in spelled.values() if len(same) > 1}
    return frozenset(shared)


def _columns(db: Database, schema: str, name: str) -> list[str]:
    try:
        rows = db.execute("SELECT name FROM pragma_table_xinfo(?, ?)", (name, schema))
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # A view that SQLite cannot compile has no columns.
        return []
    return [row[0] for row in rows]


def names_of_tables(body: cabc.Sequence[Token]) -> frozenset[str]:
    """Collect everything in a body that SQLite may take for the name of a table.

    It takes text in single quotes for one, too, wherever it needs a name:
    https://www.sqlite.org/lang_keywords.html
    """
    texts = (upper(unquote(token.text)) for token in body if token.kind is Kind.STRING)
    return identifiers(body) | frozenset(texts)

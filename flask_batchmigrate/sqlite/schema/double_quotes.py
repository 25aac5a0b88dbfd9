"""Finds text in double quotes that a new column of that name would turn into a column.

SQLite takes a name in double quotes for text where it names nothing:
https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.meaning import describe
from ..ddl.meaning import spelling
from ..ddl.objects import IndexText
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.table import TableText
from ..ddl.tokens import Kind
from ..ddl.tokens import Token
from ..ddl.tokens import tokenize
from ..ddl.tokens import unquote
from ..ddl.tokens import upper
from .catalogue import StoredTable

_EXPRESSIONS = (ConstraintKind.CHECK, ConstraintKind.GENERATED)


def double_quoted(tokens: cabc.Iterable[Token]) -> frozenset[str]:
    """Return the texts of the tokens in double quotes, without the quotes."""
    return frozenset(unquote(t.text) for t in tokens if t.text.startswith('"'))


def as_names(tokens: cabc.Iterable[Token], names: cabc.Collection[str]) -> str:
    """Write tokens with back quotes instead of double quotes: those never hold text.

    :param names: the names to write like that, without their quotes.
    """
    return " ".join(
        "`" + unquote(token.text).replace("`", "``") + "`"
        if token.text.startswith('"') and unquote(token.text) in names
        else token.text
        for token in tokens
    )


def turned_into_columns(
    before: TableText, after: TableText, indexes: cabc.Iterable[IndexText]
) -> list[str]:
    """Find texts in a table's own definition that a new column would turn into names.

    :param before: the definition in which they are text.
    :param after: the definition that has the column.
    :param indexes: indexes that were made before and stay.
    :return: the objects that have such a text, each with the text.
    """
    new = {upper(c.name) for c in after.columns if not before.has_column(c.name)}
    if not new:
        return []
    staying = {_gist(c) for c in after.of_kind(*_EXPRESSIONS)}
    readers = [
        (describe(c), c.names, c.expression or "")
        for c in before.of_kind(*_EXPRESSIONS)
        if _gist(c) in staying
    ]
    readers += [_reader(index) for index in indexes]
    return [
        f'{what} ("{text}")'
        for what, names, sql in readers
        if names & new
        for text in sorted(double_quoted(tokenize(sql)))
        if upper(text) in names & new
    ]


def not_respelled(before: StoredTable, after: StoredTable) -> list[str]:
    """Find such texts that SQLite left in double quotes when it renamed a column.

    Newer releases put them in single quotes. Releases such as 3.31 do not, so the text
    becomes the name of the column.

    :param before: the table in which they are text.
    :param after: the same table with the new name.
    """
    new = {
        upper(c.name) for c in after.text.columns if not before.text.has_column(c.name)
    }
    now = {index.name: index.sql for index in after.indexes}
    readers = [
        (describe(c), c.names, c.expression or "", before.text.sql, after.text.sql)
        for c in before.text.of_kind(*_EXPRESSIONS)
    ]
    readers += [(*_reader(i), i.sql, now.get(i.name, "")) for i in before.indexes]
    return [
        f'{what} ("{text}")'
        for what, names, sql, old, present in readers
        if names & new
        for text in sorted(double_quoted(tokenize(sql)))
        if upper(text) in names & new and _texts(old, text) >= _texts(present, text)
    ]


def _texts(sql: str, text: str) -> int:
    """Count how often a text is in single quotes."""
    strings = (t for t in tokenize(sql) if t.kind is Kind.STRING)
    return sum(unquote(token.text) == text for token in strings)


def _reader(index: IndexText) -> tuple[str, frozenset[str], str]:
    return f"index '{index.name}'", index.names, index.sql[index.table_span.end :]


def _gist(constraint: ConstraintText) -> tuple[object, ...]:
    return (constraint.kind, spelling(constraint.expression or ""))

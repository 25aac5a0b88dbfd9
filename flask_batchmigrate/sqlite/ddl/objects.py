"""Reads the stored text of indexes, triggers and views.

Their heads are read. Of the bodies of triggers and views, only the names that occur in
them are known.

See https://www.sqlite.org/lang_createindex.html,
https://www.sqlite.org/lang_createtrigger.html and
https://www.sqlite.org/lang_createview.html.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import itertools

from ...value_classes import value_class
from ..errors import SqlTextError
from .expressions import column_names
from .expressions import read_term
from .expressions import split
from .expressions import Term
from .reader import Reader
from .reader import Span
from .tokens import identifiers
from .tokens import Kind
from .tokens import Token
from .tokens import unquote
from .tokens import upper


@value_class
class IndexText:
    """A CREATE INDEX statement, read.

    :param sql: the statement.
    :param name: the index's name without quotes.
    :param table: the name of its table.
    :param unique: whether it is UNIQUE.
    :param terms: its columns and expressions.
    :param where: the condition of a partial index, or ``None``.
    :param names: all columns it may mention, folded by
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.upper`.
    :param name_span: where the name is, as spelled.
    :param table_span: where the table's name is, as spelled.
    """

    sql: str
    name: str
    table: str
    unique: bool
    terms: tuple[Term, ...]
    where: str | None
    names: frozenset[str]
    name_span: Span = dataclasses.field(compare=False, repr=False)
    table_span: Span = dataclasses.field(compare=False, repr=False)

    def mentions(self, column: str) -> bool:
        """Tell whether the index covers a column or names it in an expression.

        :param column: the column's name.
        """
        return upper(column) in self.names


@value_class
class TriggerText:
    """A CREATE TRIGGER statement, its head read.

    :param sql: the statement.
    :param name: the trigger's name without quotes.
    :param table: its table or view.
    :param timing: ``"BEFORE"``, ``"AFTER"`` or ``"INSTEAD OF"``; it is BEFORE where the
        statement does not say.
    :param event: ``"DELETE"``, ``"INSERT"`` or ``"UPDATE"``.
    :param update_of: the columns after ``UPDATE OF``.
    :param names: every name in its condition and body, folded, see
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.identifiers`.
    :param body: the tokens from ``WHEN`` or ``BEGIN`` to the end.
    :param name_span: where the name is, as spelled.
    """

    sql: str
    name: str
    table: str
    timing: str
    event: str
    update_of: tuple[str, ...]
    names: frozenset[str]
    body: tuple[Token, ...] = dataclasses.field(compare=False, repr=False)
    name_span: Span = dataclasses.field(compare=False, repr=False)


@value_class
class ViewText:
    """A CREATE VIEW statement, its head read.

    :param sql: the statement.
    :param name: the view's name without quotes.
    :param columns: the names of its columns, or ``None`` if it has no list of them.
    :param names: every name in its SELECT, folded, see
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.identifiers`.
    :param body: the tokens of its SELECT.
    """

    sql: str
    name: str
    columns: tuple[str, ...] | None
    names: frozenset[str]
    body: tuple[Token, ...] = dataclasses.field(compare=False, repr=False)


@functools.lru_cache(maxsize=1024)
def parse_index(sql: str) -> IndexText:
    """Read a CREATE INDEX statement.

    :param sql: the statement as the catalogue stores it.
    :return: the index.
    :raises SqlTextError: for whatever is not understood with certainty.
    """
    reader = Reader(sql)
    reader.expect("CREATE")
    unique = reader.accept("UNIQUE")
    reader.expect("INDEX")
    name = _read_name(reader, "the index")
    reader.expect("ON")
    table = reader.name("the table")
    group = reader.group()
    pieces = split(group.tokens)
    if not pieces or not all(pieces):
        raise SqlTextError("An index without columns", sql, group.span.start)
    terms = tuple(read_term(sql, piece) for piece in pieces)
    where, names = _read_condition(reader)
    for term in terms:
        names |= term.names
    return IndexText(
        sql=sql,
        name=unquote(name.text),
        table=unquote(table.text),
        unique=unique,
        terms=terms,
        where=where,
        names=names,
        name_span=Span(name.start, name.end),
        table_span=Span(table.start, table.end),
    )


def _read_condition(reader: Reader) -> tuple[str | None, frozenset[str]]:
    """Read the WHERE of a partial index to the end of the statement."""
    if not reader.accept("WHERE"):
        reader.expect_end()
        return None, frozenset()
    start = reader.offset
    tokens: list[Token] = []
    while reader.peek() is not None and not reader.at_symbol(";"):
        tokens.append(reader.take())
    if not tokens:
        raise reader.error("Expected a condition")
    reader.expect_end()
    return reader.sql[start : tokens[-1].end], column_names(tokens)


@functools.lru_cache(maxsize=1024)
def parse_trigger(sql: str) -> TriggerText:
    """Read the head of a CREATE TRIGGER statement.

    :param sql: the statement as the catalogue stores it.
    :return: the trigger.
    :raises SqlTextError: for whatever is not understood with certainty.
    """
    reader = Reader(sql)
    reader.expect("CREATE")
    reader.accept_any("TEMP", "TEMPORARY")
    reader.expect("TRIGGER")
    name = _read_name(reader, "the trigger")
    timing = _read_timing(reader)
    event = reader.accept_any("DELETE", "INSERT", "UPDATE")
    if event is None:
        raise reader.error("Expected the event of a trigger")
    update_of: list[str] = []
    if event == "UPDATE" and reader.accept("OF"):
        update_of.append(unquote(reader.name("a column").text))
        while reader.accept_symbol(","):
            update_of.append(unquote(reader.name("a column").text))
    reader.expect("ON")
    table = reader.name("the table")
    if reader.accept_symbol("."):
        table = reader.name("the table")
    reader.accept("FOR", "EACH", "ROW")
    if reader.keyword() not in ("WHEN", "BEGIN"):
        raise reader.error("Expected WHEN or BEGIN")
    body = reader.tokens[reader.position :]
    return TriggerText(
        sql=sql,
        name=unquote(name.text),
        table=unquote(table.text),
        timing=timing,
        event=event,
        update_of=tuple(update_of),
        names=_names(body),
        body=body,
        name_span=Span(name.start, name.end),
    )


def _read_timing(reader: Reader) -> str:
    if reader.accept("INSTEAD", "OF"):
        return "INSTEAD OF"
    return reader.accept_any("BEFORE", "AFTER") or "BEFORE"


@functools.lru_cache(maxsize=1024)
def parse_view(sql: str) -> ViewText:
    """Read the head of a CREATE VIEW statement.

    :param sql: the statement as the catalogue stores it.
    :return: the view.
    :raises SqlTextError: for whatever is not understood with certainty.
    """
    reader = Reader(sql)
    reader.expect("CREATE")
    reader.accept_any("TEMP", "TEMPORARY")
    reader.expect("VIEW")
    name = _read_name(reader, "the view")
    columns: tuple[str, ...] | None = None
    if reader.at_symbol("("):
        columns = tuple(
            _view_column(sql, piece) for piece in split(reader.group().tokens)
        )
    reader.expect("AS")
    if reader.keyword() not in ("SELECT", "VALUES", "WITH"):
        raise reader.error("Expected the SELECT of a view")
    body = reader.tokens[reader.position :]
    return ViewText(
        sql=sql,
        name=unquote(name.text),
        columns=columns,
        names=_names(body),
        body=body,
    )


def _view_column(sql: str, tokens: cabc.Sequence[Token]) -> str:
    if len(tokens) != 1 or not tokens[0].is_name:
        start = tokens[0].start if tokens else 0
        raise SqlTextError("Expected the name of a column", sql, start)
    return unquote(tokens[0].text)


def _read_name(reader: Reader, what: str) -> Token:
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.name(what)
    if reader.accept_symbol("."):
        name = reader.name(what)
    return name


_BEFORE_NAME = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "ON", "IN", "SET"})
_BEFORE_NAMES = frozenset({"INTO", "USING"})


def _names(tokens: tuple[Token, ...]) -> frozenset[str]:
    """Collect the names in a body, and the strings where there must be a name."""
    strings = itertools.chain(_string_names(tokens), _string_names_in_lists(tokens))
    return identifiers(tokens) | {upper(unquote(token.text)) for token in strings}


def _string_names(tokens: tuple[Token, ...]) -> cabc.Iterator[Token]:
    """Find the strings where SQLite expects a table, or a column of an UPDATE."""
    around = zip(tokens, tokens[1:], [*tokens[2:], None], strict=False)
    for before, token, after in around:
        if token.kind is not Kind.STRING:
            continue
        is_assigned = before.is_symbol(",") and after and after.text in ("=", "==")
        is_path = before.is_symbol(".") or (after and after.is_symbol("."))
        if before.keyword in _BEFORE_NAME or is_path or is_assigned:
            yield token


def _string_names_in_lists(tokens: tuple[Token, ...]) -> cabc.Iterator[Token]:
    """Find the strings among the columns after ``INSERT INTO table`` and ``USING``."""
    for index, token in enumerate(tokens):
        if token.keyword not in _BEFORE_NAMES:
            continue
        rest = itertools.islice(tokens, index + (token.keyword == "INTO") + 1, None)
        if not next(rest, token).is_symbol("("):
            continue
        members = itertools.takewhile(lambda member: not member.is_symbol(")"), rest)
        yield from (member for member in members if member.kind is Kind.STRING)

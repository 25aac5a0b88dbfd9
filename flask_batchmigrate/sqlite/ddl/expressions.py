"""Finds the columns that expressions name, and reads the members of keys."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from ...value_classes import value_class
from .reader import Span
from .tokens import CLOCK_WORDS
from .tokens import KEYWORDS
from .tokens import Kind
from .tokens import RESERVED
from .tokens import significant
from .tokens import Token
from .tokens import tokenize
from .tokens import unquote
from .tokens import upper


@value_class
class Term:
    """One member of a key or an index: a column or an expression.

    :param text: its text as written, with collation and order.
    :param column: the column's name, or ``None`` where it is an expression. A name that
        SQLite takes for a column only if there is one counts as a column.
    :param collation: the name after ``COLLATE``, or ``None``.
    :param order: ``"ASC"``, ``"DESC"``, or ``None`` where it has neither.
    :param names: all columns it may mention, folded by
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.upper`.
    :param span: where it is.
    """

    text: str
    column: str | None
    collation: str | None
    order: str | None
    names: frozenset[str]
    span: Span = dataclasses.field(compare=False, repr=False)


def split(tokens: cabc.Sequence[Token]) -> list[tuple[Token, ...]]:
    """Split tokens at the commas outside of parentheses.

    :param tokens: significant tokens.
    :return: the pieces, which may be empty; no tokens have no piece.
    """
    pieces: list[tuple[Token, ...]] = []
    depth = begin = 0
    for index, token in enumerate(tokens):
        if token.is_symbol("("):
            depth += 1
        elif token.is_symbol(")"):
            depth -= 1
        elif depth == 0 and token.is_symbol(","):
            pieces.append(tuple(tokens[begin:index]))
            begin = index + 1
    if tokens:
        pieces.append(tuple(tokens[begin:]))
    return pieces


def read_term(sql: str, tokens: cabc.Sequence[Token]) -> Term:
    """Read one member of a key or an index.

    :param sql: the statement that contains it.
    :param tokens: its significant tokens, at least one.
    :return: the member.
    """
    rest = tuple(tokens)
    span = Span(rest[0].start, rest[-1].end)
    order = None
    if len(rest) > 1 and rest[-1].keyword in ("ASC", "DESC"):
        order = rest[-1].keyword
        rest = rest[:-1]
    core, collation = _strip_collation(rest)
    column = None
    if len(core) == 1 and core[0].is_name:
        column = unquote(core[0].text)
    names = frozenset({upper(column)}) if column is not None else column_names(rest)
    return Term(span.of(sql), column, collation, order, names, span)


def _strip_collation(
    tokens: tuple[Token, ...],
) -> tuple[tuple[Token, ...], str | None]:
    """Remove outer parentheses and ``COLLATE``; the outermost collation counts."""
    collation: str | None = None
    while True:
        if len(tokens) > 2 and tokens[-2].keyword == "COLLATE":
            collation = collation or unquote(tokens[-1].text)
            tokens = tokens[:-2]
        elif _is_wrapped(tokens):
            tokens = tokens[1:-1]
        else:
            return tokens, collation


def _is_wrapped(tokens: tuple[Token, ...]) -> bool:
    if len(tokens) < 3 or not tokens[0].is_symbol("("):
        return False
    depth = 0
    for index, token in enumerate(tokens):
        if token.is_symbol("("):
            depth += 1
        elif token.is_symbol(")"):
            depth -= 1
            if depth == 0:
                return index == len(tokens) - 1
    return False


def column_names(tokens: cabc.Sequence[Token]) -> frozenset[str]:
    """Collect the columns that an expression may name, folded for comparisons.

    It is for expressions without subqueries, as in CHECK, generated columns and
    indexes. Names of functions, collations, tables and types are left out, and so are
    keywords where they are operators. A name in double quotes counts, though SQLite
    takes it for text where no such column exists.

    :param tokens: the expression's significant tokens.
    :return: the names, in capitals by
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.upper`.
    """
    names: set[str] = set()
    # Whether an operand has just ended. Then a keyword is an operator (LIKE, END);
    # elsewhere SQLite reads it as a name.
    after_operand = False
    index = 0
    while index < len(tokens):
        token = tokens[index]
        follower = tokens[index + 1] if index + 1 < len(tokens) else None
        word = token.keyword
        if word == "AS":
            index = _skip_type(tokens, index)
            continue
        if word == "COLLATE":
            index += 2
            continue
        after_dot = index > 0 and tokens[index - 1].is_symbol(".")
        if _is_column(token, follower, after_operand, after_dot):
            names.add(upper(unquote(token.text)))
        after_operand = _ends_operand(token, after_operand, after_dot)
        index += 1
    return frozenset(names)


def without_schema(expression: str) -> str:
    """Remove the names of databases before the columns in an expression.

    In CHECK and partial indexes SQLite ignores them, whatever they are, and nowhere
    else (https://www.sqlite.org/lang_createtable.html#check_constraints).

    :param expression: the expression as it is written.
    :return: the same, for use in a query.
    """
    tokens = significant(tokenize(expression))
    pieces: list[str] = []
    position = 0
    for index in range(len(tokens) - 4):
        first, dot, second, other, third = tokens[index : index + 5]
        if (
            dot.is_symbol(".")
            and other.is_symbol(".")
            and first.is_name
            and second.is_name
            and third.is_name
        ):
            pieces.append(expression[position : first.start])
            position = second.start
    return "".join([*pieces, expression[position:]])


def _skip_type(tokens: cabc.Sequence[Token], index: int) -> int:
    """Find the parenthesis that closes the CAST whose ``AS`` is at ``index``."""
    depth = 0
    while index < len(tokens):
        if tokens[index].is_symbol("("):
            depth += 1
        elif tokens[index].is_symbol(")"):
            if depth == 0:
                return index
            depth -= 1
        index += 1
    return index


def _is_column(
    token: Token, follower: Token | None, after_operand: bool, after_dot: bool
) -> bool:
    if follower is not None and (follower.is_symbol("(") or follower.is_symbol(".")):
        return False
    if after_dot:
        return token.is_name
    if token.kind is Kind.QUOTED:
        return True
    if token.kind is not Kind.WORD or token.keyword in RESERVED:
        return False
    if token.keyword in CLOCK_WORDS:
        return False
    return not (after_operand and token.keyword in KEYWORDS)


def _ends_operand(token: Token, after_operand: bool, after_dot: bool) -> bool:
    if token.kind is Kind.SYMBOL:
        return token.is_symbol(")")
    word = token.keyword
    if not word or after_dot or word not in KEYWORDS:
        return True
    if word == "NOT":
        return after_operand
    if word in RESERVED:
        return word in ("NULL", "ISNULL", "NOTNULL")
    return word == "END" or not after_operand

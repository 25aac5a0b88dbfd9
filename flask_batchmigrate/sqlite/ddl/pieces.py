"""Joins pieces of a statement so that no tokens merge."""

from __future__ import annotations

import collections.abc as cabc

from ..errors import SqlTextError
from .reader import Span
from .tokens import Kind
from .tokens import Token
from .tokens import tokenize


def join(pieces: cabc.Iterable[str]) -> str:
    """Join pieces of a statement without merging their tokens.

    :param pieces: texts that begin and end where tokens do.
    :return: the text, with a space or a line break where one is needed.
    """
    out: list[str] = []
    last: Token | None = None
    for piece in pieces:
        tokens = tokenize(piece)
        if not tokens:
            continue
        if last is not None:
            out.append(_separator(last, tokens[0]))
        out.append(piece)
        last = tokens[-1]
    return "".join(out)


def needed_between(left: str, right: str) -> str:
    """Return the white space that two texts need between them, which may be none.

    :param left: a text that ends where a token does.
    :param right: the text to follow it.
    """
    before, after = tokenize(left), tokenize(right)
    return _separator(before[-1], after[0]) if before and after else ""


def _separator(left: Token, right: Token) -> str:
    if left.is_line_comment:
        return "" if right.text.startswith("\n") else "\n"
    if left.is_trivia or right.is_trivia:
        return ""
    try:
        merged = tokenize(left.text + right.text)
    except SqlTextError:
        return " "
    are_apart = len(merged) == 2 and merged[0].text == left.text
    return "" if are_apart else " "


def insert(sql: str, position: int, text: str) -> str:
    """Insert text after a space at a position.

    :param sql: the statement.
    :param position: where a token ends.
    :param text: the text; nothing changes if it is empty.
    """
    return join((sql[:position], f" {text}" if text else "", sql[position:]))


def replace(sql: str, span: Span, text: str) -> str:
    """Replace a piece of a statement.

    :param sql: the statement.
    :param span: the piece.
    :param text: the new text.
    """
    return join((sql[: span.start], text, sql[span.end :]))


def cut(sql: str, spans: cabc.Iterable[Span]) -> str:
    """Remove pieces, each with the white space before it.

    :param sql: the statement.
    :param spans: the pieces, which do not overlap.
    """
    for span in sorted(spans, reverse=True):
        left = tokenize(sql[: span.start])
        if left and left[-1].kind is Kind.SPACE:
            left = left[:-1]
        sql = join((sql[: left[-1].end] if left else "", sql[span.end :]))
    return sql

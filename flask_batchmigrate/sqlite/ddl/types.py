"""Reads the type that a column is declared with.

See https://www.sqlite.org/syntax/type-name.html.
"""

from __future__ import annotations

from .reader import Reader
from .reader import Span
from .tokens import JOIN_WORDS
from .tokens import Kind
from .tokens import RESERVED
from .tokens import Token
from .tokens import tokenize
from .tokens import unquote
from .tokens import upper

_SPACE = " \t\n\v\f\r"


def read_type(reader: Reader) -> tuple[str, Span | None]:
    """Read the type of a column.

    :param reader: a reader behind the column's name.
    :return: the type as SQLite reports it, or ``''``, and where it is.
    :raises SqlTextError: if its sizes are not numbers, or it is not certain what SQLite
        takes for the type.
    """
    words = _take_type_words(reader)
    if not words:
        return "", None
    end = reported_end = words[-1].end
    sized = reader.at_symbol("(")
    if sized:
        end = reported_end = _take_sizes(reader)
    elif reader.at("GENERATED"):
        # SQLite removes GENERATED ALWAYS, but leaves a comment before it.
        reported_end = reader.offset
    span = Span(words[0].start, end)
    reported = reader.sql[span.start : reported_end].rstrip(_SPACE)
    if words[-1].keyword == "ALWAYS" and not sized:
        reported = _without_always(reported)
    return _without_quotes(reported), span


_LONG_ENOUGH = len("GENERATED ALWAYS")


def _without_always(reported: str) -> str:
    """Remove what SQLite takes for the start of GENERATED ALWAYS AS."""
    if len(reported.encode()) < _LONG_ENOUGH:
        return reported
    reported = reported[: -len("ALWAYS")].rstrip(_SPACE)
    if upper(reported).endswith("GENERATED"):
        reported = reported[: -len("GENERATED")].rstrip(_SPACE)
    return reported


def _without_quotes(reported: str) -> str:
    """Remove quotes from a type as SQLite does.

    Where no other quote is in between, it removes the first character and the last one,
    whatever that is. Otherwise it takes the first name.
    """
    if reported[:1] not in ("'", '"', "`", "["):
        return reported
    if set(reported[1:-1]) & set("'\"`["):
        return unquote(tokenize(reported)[0].text)
    return reported[1:-1]


def _take_type_words(reader: Reader) -> list[Token]:
    words: list[Token] = []
    while _at_type_word(reader):
        words.append(reader.take())
    if not words or words[-1].keyword != "ALWAYS" or not reader.at("AS"):
        return words
    # SQLite's grammar takes GENERATED ALWAYS for words of the type, and removes them
    # from the text, if only white space is between them.
    gap = reader.sql[words[-2].end : words[-1].start] if len(words) > 1 else ""
    if len(words) > 1 and words[-2].keyword == "GENERATED" and not gap.strip(_SPACE):
        reader.position -= 2
        return words[:-2]
    raise reader.error("A type that ends in ALWAYS")


def _take_sizes(reader: Reader) -> int:
    reader.expect_symbol("(")
    _take_size(reader)
    if reader.accept_symbol(","):
        _take_size(reader)
    return reader.expect_symbol(")").end


def _take_size(reader: Reader) -> None:
    if not reader.accept_symbol("+"):
        reader.accept_symbol("-")
    if reader.take().kind is not Kind.NUMBER:
        reader.position -= 1
        raise reader.error("Expected a number in the size of a type")


def _at_type_word(reader: Reader) -> bool:
    word = reader.keyword()
    if word:
        return word not in _NO_TYPES
    token = reader.peek()
    return token is not None and token.is_name


_NO_TYPES = RESERVED.union(JOIN_WORDS, ("INDEXED",))

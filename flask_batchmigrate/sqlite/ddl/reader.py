"""Steps through the significant tokens of one statement."""

from __future__ import annotations

import typing as t

from ...value_classes import value_class
from ..errors import SqlTextError
from .tokens import Kind
from .tokens import significant
from .tokens import Token
from .tokens import tokenize
from .tokens import upper


class Span(t.NamedTuple):
    """A piece of a statement: from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    def of(self, sql: str) -> str:
        """Cut the piece out of its statement.

        :param sql: the statement.
        :return: the piece.
        """
        return sql[self.start : self.end]


@value_class
class Group:
    """The contents of one pair of parentheses.

    :param span: the parentheses and all between them.
    :param tokens: the significant tokens between them.
    :param text: the text between them, without the white space at its ends.
    """

    span: Span
    tokens: tuple[Token, ...]
    text: str


class Reader:
    """A position in a statement, moving over its significant tokens.

    :param sql: the statement.
    :raises SqlTextError: if it cannot be split into tokens.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.all_tokens = tokenize(sql)
        self.tokens = significant(self.all_tokens)
        self.position = 0
        # The tokens as keywords and as symbols, which are looked at many times.
        word, symbol = Kind.WORD, Kind.SYMBOL
        self._words = tuple(
            [upper(token[1]) if token[0] is word else "" for token in self.tokens]
        )
        self._symbols = [
            token[1] if token[0] is symbol else "" for token in self.tokens
        ]

    def peek(self, ahead: int = 0) -> Token | None:
        """Look at a token without taking it.

        :param ahead: how many tokens to look past.
        :return: the token, or ``None`` past the end.
        """
        index = self.position + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def keyword(self, ahead: int = 0) -> str:
        """Look at a token as a keyword.

        :param ahead: how many tokens to look past.
        :return: the upper-case word; ``''`` for anything else and past the end.
        """
        index = self.position + ahead
        return self._words[index] if index < len(self._words) else ""

    @property
    def offset(self) -> int:
        """Where the next token starts, or where the statement ends."""
        token = self.peek()
        return token.start if token is not None else len(self.sql)

    @property
    def last_end(self) -> int:
        """Where the token taken last ends."""
        return self.tokens[self.position - 1].end if self.position else 0

    def take(self) -> Token:
        """Take the next token.

        :raises SqlTextError: at the end of the statement.
        """
        token = self.peek()
        if token is None:
            raise self.error("The statement ends too early")
        self.position += 1
        return token

    def at(self, *words: str) -> bool:
        """Tell whether these keywords come next, one after the other.

        :param words: keywords in upper case.
        """
        start = self.position
        return self._words[start : start + len(words)] == words

    def accept(self, *words: str) -> bool:
        """Take these keywords if they come next, one after the other.

        :param words: keywords in upper case.
        :return: whether they were taken.
        """
        is_next = self.at(*words)
        if is_next:
            self.position += len(words)
        return is_next

    def accept_any(self, *words: str) -> str | None:
        """Take the next token if it is one of these keywords.

        :param words: keywords in upper case.
        :return: the keyword taken, or ``None``.
        """
        word = self.keyword()
        if word and word in words:
            self.position += 1
            return word
        return None

    def expect(self, *words: str) -> None:
        """Take these keywords, one after the other.

        :param words: keywords in upper case.
        :raises SqlTextError: if something else comes next.
        """
        if not self.accept(*words):
            raise self.error(f"Expected {' '.join(words)}")

    def at_symbol(self, text: str) -> bool:
        """Tell whether this symbol comes next.

        :param text: the symbol.
        """
        index = self.position
        return index < len(self._symbols) and self._symbols[index] == text

    def accept_symbol(self, text: str) -> bool:
        """Take this symbol if it comes next.

        :param text: the symbol.
        :return: whether it was taken.
        """
        is_next = self.at_symbol(text)
        if is_next:
            self.position += 1
        return is_next

    def expect_symbol(self, text: str) -> Token:
        """Take this symbol.

        :param text: the symbol.
        :raises SqlTextError: if something else comes next.
        """
        if not self.at_symbol(text):
            raise self.error(f"Expected '{text}'")
        return self.take()

    def name(self, what: str) -> Token:
        """Take a name, in any spelling that SQLite accepts.

        :param what: whose name it is, for the message.
        :raises SqlTextError: if no name comes next.
        """
        token = self.peek()
        if token is None or not token.is_name:
            raise self.error(f"Expected the name of {what}")
        return self.take()

    def group(self) -> Group:
        """Take one pair of parentheses and what is in it.

        :raises SqlTextError: if no parenthesis comes next, or it is never closed.
        """
        first = self.expect_symbol("(")
        begin = self.position
        depth = 1
        while depth:
            token = self.take()
            if token.is_symbol("("):
                depth += 1
            elif token.is_symbol(")"):
                depth -= 1
            elif token.is_symbol(";"):
                self.position -= 1
                raise self.error("A ';' inside parentheses")
        last = self.tokens[self.position - 1]
        return Group(
            span=Span(first.start, last.end),
            tokens=self.tokens[begin : self.position - 1],
            text=self.sql[first.end : last.start].strip(" \t\n\v\f\r"),
        )

    def expect_end(self) -> None:
        """Make sure that the statement is over; one ``;`` at its end is allowed.

        :raises SqlTextError: if more follows.
        """
        self.accept_symbol(";")
        if self.peek() is not None:
            raise self.error("More text than was understood")

    def error(self, message: str) -> SqlTextError:
        """Make the error for the token at this position.

        :param message: what was not understood.
        """
        return SqlTextError(message, self.sql, self.offset)

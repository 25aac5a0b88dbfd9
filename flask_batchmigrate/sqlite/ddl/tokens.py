"""Splits SQLite statements into tokens that lose nothing.

Strings, quoted names and comments are opaque, each token has its span, and the texts of
all tokens make the statement. The rules are those of SQLite's own tokenizer; text that
it would refuse, or that its releases read differently, is a
:class:`~flask_batchmigrate.sqlite.errors.SqlTextError`.

See https://www.sqlite.org/lang_keywords.html and
https://www.sqlite.org/lang_expr.html#literal_values_constants_.
"""

from __future__ import annotations

import collections.abc as cabc
import enum
import functools
import re
import typing as t

from ..errors import SqlTextError


class Kind(enum.Enum):
    """The kind of a token."""

    SPACE = "space"
    COMMENT = "comment"
    WORD = "word"
    """A bare word: a keyword or a name without quotes."""
    QUOTED = "quoted"
    """A name in double quotes, backticks or brackets."""
    STRING = "string"
    """Text in single quotes, which SQLite takes for a name where there must be one."""
    NUMBER = "number"
    BLOB = "blob"
    SYMBOL = "symbol"
    """An operator, a parenthesis, a comma, a dot or a semicolon."""


_TRIVIA = (Kind.SPACE, Kind.COMMENT)


class Token(t.NamedTuple):
    """One token and its place in its statement.

    :param kind: its kind.
    :param text: its text exactly as written.
    :param start: its first character, counted from the statement's start.
    :param end: the character after its last.
    """

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The upper-case word, or ``''`` where the token is not a bare word."""
        return upper(self.text) if self.kind is Kind.WORD else ""

    @property
    def is_trivia(self) -> bool:
        """Whether the token is white space or a comment."""
        return self.kind in _TRIVIA

    @property
    def is_line_comment(self) -> bool:
        """Whether the token is a comment that only the end of its line closes."""
        return self.kind is Kind.COMMENT and self.text.startswith("--")

    @property
    def is_name(self) -> bool:
        """Whether SQLite's grammar accepts the token as a name."""
        if self.kind is Kind.WORD:
            return self.keyword not in RESERVED
        return self.kind is Kind.QUOTED or self.kind is Kind.STRING

    def is_symbol(self, text: str) -> bool:
        """Whether the token is the symbol ``text``."""
        return self.kind is Kind.SYMBOL and self.text == text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = _words(
    """
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT
    BEFORE BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT
    CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP
    DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE
    END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR
    FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX
    INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT
    LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON
    OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE
    RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT
    ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION
    TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE
    WINDOW WITH WITHIN WITHOUT
    """
)
"""Every keyword of SQLite; :func:`quote` puts each of them in quotes."""

RESERVED = _words(
    """
    ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT
    CREATE DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE EXISTS FOREIGN FROM GROUP
    HAVING IN INDEX INSERT INTO IS ISNULL JOIN LIMIT NOT NOTHING NOTNULL NULL ON OR
    ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNIQUE
    UPDATE USING VALUES WHEN WHERE
    EXCEPT INTERSECT UNION
    """
)
"""The keywords that are never a name without quotes; all others may be one."""

JOIN_WORDS = _words("CROSS FULL INNER LEFT NATURAL OUTER RIGHT")
"""The keywords that may be names of tables and columns, but not types or defaults."""

CLOCK_WORDS = _words("CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP")
"""The keywords whose value is the present time."""

ROWID_NAMES: t.Final = ("rowid", "_rowid_", "oid")
"""The names of the rowid, as far as no column has them.

See https://www.sqlite.org/lang_createtable.html#rowid.
"""

BOM: t.Final = "\ufeff"
"""A byte order mark: white space between tokens, and a letter inside a name.

For old releases it is also a letter at the start of a name.
"""

# Written as what they leave out of ASCII: Python takes milliseconds to compile a set
# that names nearly all other characters.
_LETTER = r"(?!\ufeff)[^\x00-@\[-^`{-\x7f]"  # A-Z a-z _
_WORD = r"[^\x00-\#%-/:-@\[-^`{-\x7f]"  # A-Z a-z 0-9 _ $
_DIGITS = r"[0-9](?:_?[0-9])*"
_MASTER = re.compile(
    rf"""
      (?P<SPACE>   [ \t\n\f\r] [ \t\n\v\f\r]* | \ufeff )
    | (?P<COMMENT> --[^\n]* | /\*(?=.)(?: .*?\*/ | .* ) )
    | (?P<BLOB>    [xX]'(?:[0-9a-fA-F]{{2}})*' )
    | (?P<WORD>    (?![xX]')(?:{_LETTER}){_WORD}* )
    | (?P<QUOTED>  "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
    | (?P<STRING>  '(?:[^']|'')*' )
    | (?P<NUMBER>  (?: 0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*
                     | (?: {_DIGITS}(?:\.(?:{_DIGITS})?)? | \.{_DIGITS} )
                       (?: [eE][+-]?{_DIGITS} )? ) (?!{_WORD}) )
    | (?P<SYMBOL>  ->>? | \|\|? | <[<=>]? | >[>=]? | ==? | != | [-+*/%&~(),.;] )
    """,
    re.VERBOSE | re.DOTALL,
)


_KINDS = {index: Kind[name] for name, index in _MASTER.groupindex.items()}


_CACHE_LIMIT: t.Final = 100_000
"""The tokens of statements with more characters take too much room to be kept."""


def tokenize(sql: str) -> tuple[Token, ...]:
    """Split a statement into tokens; the texts joined are the statement.

    :param sql: a statement that SQLite accepts, as its catalogue stores it.
    :return: every token, white space and comments included.
    :raises SqlTextError: for what SQLite would not accept (an unclosed string, a NUL,
        a parameter).
    """
    return _tokenize_once(sql) if len(sql) > _CACHE_LIMIT else _tokenize_kept(sql)


def _tokenize_once(sql: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    position = 0
    nul = sql.find("\0")
    if nul >= 0:
        raise SqlTextError("A statement cannot hold a NUL character", sql, nul)
    for match in _MASTER.finditer(sql):
        start, end = match.span()
        if start != position:
            break
        token = (_KINDS[match.lastindex or 0], match[0], start, end)
        # What the class itself does, without a call of a function between.
        tokens.append(tuple.__new__(Token, token))
        position = end
    if position < len(sql):
        raise SqlTextError("Text that is not SQL", sql, position)
    return tuple(tokens)


_tokenize_kept = functools.lru_cache(maxsize=64)(_tokenize_once)


def significant(tokens: cabc.Iterable[Token]) -> tuple[Token, ...]:
    """Return the tokens that are neither white space nor comments.

    :param tokens: tokens in the order of their statement.
    """
    return tuple([token for token in tokens if token.kind not in _TRIVIA])


_UPPER = {ord("a") + i: ord("A") + i for i in range(26)}


def upper(text: str) -> str:
    """Turn ASCII letters into capitals, and no other characters.

    :param text: any text.
    :return: the text as SQLite folds it for a comparison of names.
    """
    return text.upper() if text.isascii() else text.translate(_UPPER)


def same_name(a: str, b: str) -> bool:
    """Tell whether two names, without their quotes, are the same for SQLite.

    Only ASCII letters are compared without regard to case: ``'É'`` is not ``'é'``.

    :param a: a name.
    :param b: another.
    :return: whether they are equal.
    """
    return a == b or (len(a) == len(b) and upper(a) == upper(b))


def unquote(text: str) -> str:
    """Remove the quotes of a name or string, in any of SQLite's four spellings.

    :param text: a token's text; a text without quotes is returned as it is.
    :return: the name itself.
    """
    first = text[:1]
    if first == "[":
        return text[1:-1]
    if first and first in "\"'`":
        return text[1:-1].replace(first * 2, first)
    return text


@functools.lru_cache(maxsize=256)
def whole_word(name: str) -> re.Pattern[str] | None:
    """Return a pattern that finds a name in a statement without splitting it.

    It also matches inside texts and comments, so it only shows where to look closer.

    :param name: the name, without quotes.
    :return: the pattern; ``None`` for a name that may be spelled in other ways.
    """
    if set(name) & set("\"'`[]"):
        return None
    # Every letter of Python beyond ASCII is one for SQLite, too.
    return re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])", re.IGNORECASE)


def may_name(sql: str, name: str) -> bool:
    """Tell whether a statement may contain a name; it need not be understood.

    :param sql: the statement.
    :param name: the name, without quotes.
    """
    if name.isidentifier() and upper(name) not in upper(sql):
        # The usual answer, for which no pattern has to be compiled.
        return False
    pattern = whole_word(name)
    return pattern is None or pattern.search(sql) is not None


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONSTANTS = frozenset({"TRUE", "FALSE"})


def quote(name: str) -> str:
    """Write a name as SQL, in double quotes where it needs them.

    :param name: the name itself.
    :return: its spelling, which :func:`unquote` turns back.
    """
    if _PLAIN.fullmatch(name):
        word = upper(name)
        if word not in KEYWORDS and word not in _CONSTANTS:
            return name
    return '"' + name.replace('"', '""') + '"'


def identifiers(tokens: cabc.Iterable[Token]) -> frozenset[str]:
    """Collect every name that occurs, folded by :func:`upper`.

    It is for bodies that are not parsed, and broad on purpose: the names of functions,
    aliases and keywords that SQLite accepts as names are included. Text in single
    quotes is not.

    :param tokens: tokens of a statement or a part of one.
    :return: the names.
    """
    return frozenset(
        upper(unquote(token.text))
        for token in tokens
        if token.kind is not Kind.STRING and token.is_name
    )

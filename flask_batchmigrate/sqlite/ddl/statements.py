"""Finds out from the words of a statement whether it can write.

It is for statements that are about to run, not for those of a catalogue: they may have
parameters, and the database itself reports what is not SQL. A statement is read only as
far as necessary, since an INSERT may be long. In doubt, a statement can write.
"""

from __future__ import annotations

import collections.abc as cabc
import functools
import itertools
import re
import typing as t

from .tokens import Kind
from .tokens import Token
from .tokens import unquote
from .tokens import upper

_TOKEN: t.Final = re.compile(
    r"""
      (?P<COMMENT> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<SPACE>   [\s\ufeff]+ )
    | (?P<STRING>  '(?:[^']|'')*'? )
    | (?P<QUOTED>  "(?:[^"]|"")*"? | `(?:[^`]|``)*`? | \[[^\]]*\]? )
    | (?P<WORD>    [^\W\d]\w* )
    | (?P<NUMBER>  \d\w* )
    | (?P<SYMBOL>  . )
    """,
    re.VERBOSE | re.DOTALL,
)

_FIRST_WORD: t.Final = re.compile(
    r"(?: --[^\n]* | /\*.*?(?:\*/|\Z) | [\s\ufeff;]+ )* ([^\W\d]\w*)?",
    re.VERBOSE | re.DOTALL,
)

_MAIN: t.Final = ("SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE")
_READING: t.Final = ("SELECT", "VALUES", "EXPLAIN")

#: Pragmas whose value is stored in the database, such as an application's own number.
#: https://www.sqlite.org/pragma.html
_STORED: t.Final = ("USER_VERSION", "APPLICATION_ID", "SCHEMA_VERSION")
#: Pragmas whose value is the object to read about.
_ASKING: t.Final = (
    *("TABLE_INFO", "TABLE_XINFO", "TABLE_LIST", "INDEX_LIST", "INDEX_INFO"),
    *("INDEX_XINFO", "FOREIGN_KEY_LIST", "FOREIGN_KEY_CHECK", "INTEGRITY_CHECK"),
    *("QUICK_CHECK", "DATABASE_LIST"),
)
#: Pragmas that do something without a value.
_ACTING: t.Final = ("INCREMENTAL_VACUUM", "OPTIMIZE", "SHRINK_MEMORY", "WAL_CHECKPOINT")
_JOURNALS: t.Final = ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF")

#: Up to so many characters, what was found out of a statement is kept.
_SHORT: t.Final = 300

_explained: t.Final = itertools.count(1)


class Pragma(t.NamedTuple):
    """A ``PRAGMA`` statement.

    :param name: its name, in capitals.
    :param value: its value or argument, in capitals; ``None`` where it has none.
    """

    name: str
    value: str | None

    @property
    def reads(self) -> bool:
        """Whether it only reads."""
        if self.value is None:
            return self.name not in _ACTING
        return self.name in _ASKING

    @property
    def is_outside(self) -> bool:
        """Whether SQLite carries it out only outside of a transaction."""
        if self.name == "JOURNAL_MODE":
            return self.value in _JOURNALS
        if self.name in ("SYNCHRONOUS", "TEMP_STORE"):
            return self.value is not None
        return self.name == "WAL_CHECKPOINT"


def words(sql: str) -> cabc.Iterator[Token]:
    """Yield the tokens of a statement, without white space and comments.

    Empty statements before it are skipped, as SQLite does.
    """
    begun = False
    for match in _TOKEN.finditer(sql):
        kind = Kind[match.lastgroup or "SYMBOL"]
        if kind in (Kind.SPACE, Kind.COMMENT) or (not begun and match[0] == ";"):
            continue
        begun = True
        yield Token(kind, match[0], match.start(), match.end())


def ends_in_line_comment(sql: str) -> bool:
    """Tell whether a statement ends in a comment that a line break has to close."""
    last = None
    for last in _TOKEN.finditer(sql):  # noqa: B007 - the last one counts
        pass
    return last is not None and last[0].startswith("--")


def first_word(sql: str) -> str:
    """Return the keyword that a statement begins with.

    :return: in capitals; ``''`` where it begins with something else.
    """
    found = _FIRST_WORD.match(sql)
    return upper(found[1] or "") if found else ""


def main_words(sql: str) -> cabc.Iterator[Token]:
    """Yield the tokens of a statement from the word that says what it does.

    A ``WITH`` before that word is skipped.
    """
    tokens = words(sql)
    first = next(tokens, None)
    if first is None or first.keyword != "WITH":
        yield from itertools.chain([first] if first else [], tokens)
        return
    depth, is_name = 0, True
    for token in tokens:
        depth += token.is_symbol("(") - token.is_symbol(")")
        if depth or token.is_symbol(")"):
            continue
        if is_name and token.keyword != "RECURSIVE":
            is_name = False
        elif token.is_symbol(","):
            is_name = True
        elif token.keyword in _MAIN:
            yield from itertools.chain([token], tokens)
            return


def verb(sql: str) -> str:
    """Return the keyword that says what a statement does.

    :return: in capitals; ``''`` where there is none.
    """
    word = first_word(sql)
    if word != "WITH":
        return word
    first = next(main_words(sql), None)
    return first.keyword if first else ""


def pragma(sql: str) -> Pragma | None:
    """Read a ``PRAGMA`` statement; for any other, return ``None``."""
    if first_word(sql) != "PRAGMA":
        return None
    rest = list(itertools.islice(words(sql), 8))[1:]
    if not rest:
        return None
    if len(rest) > 2 and rest[1].is_symbol("."):
        rest = rest[2:]
    value = [token for token in rest[2:4] if token.text not in ("+", "-")]
    is_set = len(rest) > 1 and rest[1].text in ("=", "(")
    return Pragma(
        upper(unquote(rest[0].text)),
        upper(unquote(value[0].text)) if is_set and value else None,
    )


def is_read(sql: str) -> bool:
    """Tell whether a statement is known to change no row, table or stored number."""
    setting = pragma(sql)
    if setting is not None:
        return setting.reads or setting.name not in _STORED
    return verb(sql) in _READING


def is_savepoint(sql: str) -> bool:
    """Tell whether a statement begins or ends a savepoint."""
    word = first_word(sql)
    if word == "ROLLBACK":
        return "TO" in (token.keyword for token in itertools.islice(words(sql), 3))
    return word in ("SAVEPOINT", "RELEASE")


def may_change(sql: str) -> bool:
    """Whether a statement may change something, and is no step of a savepoint."""
    return _may_change_kept(sql) if len(sql) <= _SHORT else _may_change(sql)


def _may_change(sql: str) -> bool:
    return not (is_read(sql) or is_savepoint(sql))


# Most statements of a migration come again and again.
_may_change_kept = functools.lru_cache(maxsize=256)(_may_change)


def is_begin(sql: str) -> bool:
    """Tell whether a statement begins a transaction."""
    return verb(sql) == "BEGIN"


def ends_transaction(sql: str) -> bool:
    """Tell whether a statement ends a transaction, or would if one were open."""
    ending = verb(sql) in ("COMMIT", "END", "ROLLBACK", "BEGIN")
    return ending and not is_savepoint(sql)


def only_reads(sql: str) -> bool:
    """Tell whether a statement is known to write nothing and to set nothing."""
    setting = pragma(sql)
    return setting.reads if setting is not None else verb(sql) in _READING


def sets_up(sql: str) -> bool:
    """Tell whether a statement sets up a connection: it sets a pragma, or attaches."""
    setting = pragma(sql)
    if setting is not None:
        return not setting.reads and setting.name not in _STORED
    return verb(sql) == "ATTACH"


def explain(sql: str) -> str:
    """Write a statement that compiles another one without running it.

    The text is different each time. Drivers keep compiled statements by their text, and
    an ``EXPLAIN`` does not notice that the schema has changed since then: it would show
    the program for the old schema, or crash.
    """
    return f"EXPLAIN {sql} /* {next(_explained)} */"

"""Does what a script means by ``PRAGMA foreign_keys``, inside a transaction.

There SQLite ignores the statement without a word
(https://www.sqlite.org/pragma.html#pragma_foreign_keys), and scripts written for
migrations without a transaction rely on it: a ``DELETE`` after it is not meant to
cascade. Since Python 3.12 the driver can switch enforcement in an open transaction.
Before, only the statements that would fire an action are refused; the engine's own
changes fire none in any case.
"""

from __future__ import annotations

import itertools
import typing as t

from . import telling
from .callsite import calling_script
from .catalogue import read_catalogue
from .catalogue import read_foreign_keys
from .errors import TransactionError
from .foreign_keys import children_of
from .statements import pragma
from .statements import words
from .tokens import Token
from .tokens import unquote

if t.TYPE_CHECKING:
    from .database import Database
    from .span import Span

_ON: t.Final = ("ON", "YES", "TRUE", "1")
_OFF: t.Final = ("OFF", "NO", "FALSE", "0")


class Enforcement:
    """Watches the statements of a script for what concerns foreign keys.

    :param db: the migration's door to the database.
    :param span: the transactions on it, for messages.
    """

    def __init__(self, db: Database, span: Span) -> None:
        self._db = db
        self._conditions = span.conditions
        self._span = span
        self._meant_off = False

    def heed(self, statement: str) -> None:
        """Look at a statement of the script before it runs.

        :param statement: one SQL statement.
        :raises TransactionError: it would fire what the script has switched off.
        """
        setting = pragma(statement)
        if setting is not None:
            if setting.name == "FOREIGN_KEYS" and setting.value in (*_ON, *_OFF):
                self._switch(setting.value in _ON)
        elif self._meant_off:
            self._refuse_firing(tuple(itertools.islice(words(statement), 12)))

    def _switch(self, wanted: bool) -> None:
        self._meant_off = False
        if self._conditions.foreign_keys is wanted:
            return
        if not self._conditions.switch_foreign_keys(wanted):
            # Left on, it only matters for what would fire an action; left off, for
            # nothing that is stored.
            self._meant_off = not wanted

    def _refuse_firing(self, words: tuple[Token, ...]) -> None:
        table = _written_table(words)
        if table is None:
            return
        keys = read_foreign_keys(self._db, read_catalogue(self._db, "main"), table)
        if children_of(keys, table):
            raise TransactionError(
                telling.still_enforced(
                    self._span.name, table, calling_script(), self._span.commits
                )
            )


def _written_table(words: tuple[Token, ...]) -> str | None:
    """Return the table whose rows a statement deletes, changes or replaces."""
    keywords = [word.keyword for word in words]
    first = keywords[0]
    if first not in ("DELETE", "UPDATE", "DROP", "REPLACE", "INSERT"):
        return None
    if first == "INSERT" and keywords[1:3] != ["OR", "REPLACE"]:
        return None
    skip = {
        *("DELETE", "FROM", "UPDATE", "OR", "ROLLBACK", "ABORT", "FAIL", "IGNORE"),
        *("DROP", "TABLE", "IF", "EXISTS", "REPLACE", "INSERT", "INTO"),
    }
    index = next((i for i, word in enumerate(keywords) if word not in skip), None)
    if index is None:
        return None
    if index + 2 < len(words) and words[index + 1].is_symbol("."):
        index += 2
    return unquote(words[index].text)

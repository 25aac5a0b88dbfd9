"""Carries out ``PRAGMA foreign_keys`` of a script inside a transaction.

There SQLite ignores the statement without a word
(https://www.sqlite.org/pragma.html#pragma_foreign_keys), and scripts written for
migrations without a transaction rely on it: a ``DELETE`` after it is not meant to
cascade. Since Python 3.12 the driver can switch enforcement in an open transaction.
Before, only the statements that fire an action are refused: each is tried, and undone.
What has no parent is judged at the commit. The engine's own changes fire no action in
any case.
"""

from __future__ import annotations

import itertools
import typing as t

from ..callsite import calling_script
from ..ddl.quoting import always_quoted
from ..ddl.statements import main_words
from ..ddl.statements import pragma
from ..ddl.statements import verb
from ..ddl.tokens import same_name
from ..ddl.tokens import unquote
from ..schema.database import trial
from . import messages

if t.TYPE_CHECKING:
    from ..schema.catalogue import ForeignKeyRow
    from ..schema.database import Database
    from .driver import Driver
    from .lifetime import Lifetime

_ON: t.Final = ("ON", "YES", "TRUE", "1")
_OFF: t.Final = ("OFF", "NO", "FALSE", "0")


class Enforcement:
    """Watches the statements of a script for what concerns foreign keys.

    :param db: the migration's door to the database.
    :param driver: the driver connection below it.
    :param lifetime: the transactions on it, for messages.
    """

    def __init__(self, db: Database, driver: Driver, lifetime: Lifetime) -> None:
        self._db = db
        self._driver = driver
        self._conditions = lifetime.conditions
        self._lifetime = lifetime
        self._meant_off = False

    def heed(self, statement: str, parameters: t.Any) -> None:
        """Look at a statement of the script before it runs.

        :param statement: one SQL statement.
        :param parameters: its values, or a list of such.
        :raises TransactionError: it would fire what the script has switched off, or
            end the transaction.
        """
        self._lifetime.heed(statement)
        setting = pragma(statement)
        if setting is not None:
            if setting.name == "FOREIGN_KEYS" and setting.value in (*_ON, *_OFF):
                self._switch(setting.value in _ON)
        elif self._meant_off:
            table = _written_table(statement)
            if table is not None and self._fires(statement, parameters, table):
                raise messages.still_enforced(
                    self._lifetime.name, table, calling_script(), self._lifetime.commits
                )

    def _switch(self, wanted: bool) -> None:
        if self._meant_off:
            self._meant_off = False
            self._conditions.defer_foreign_keys(False)
        if self._conditions.foreign_keys is wanted:
            return
        if not self._conditions.switch_foreign_keys(wanted) and not wanted:
            # Left on, it only matters for what would fire an action; left off, for
            # nothing that is stored.
            self._meant_off = True
            self._conditions.defer_foreign_keys(True)

    def _fires(self, statement: str, parameters: t.Any, table: str) -> bool:
        """Tell whether a statement would change rows of other tables by a key."""
        # Hardly a script switches keys off; these read the whole catalogue.
        from ..schema.catalogue import read_catalogue
        from ..schema.catalogue import read_foreign_keys
        from ..schema.foreign_keys import children_of

        keys = read_foreign_keys(self._db, read_catalogue(self._db, "main"), table)
        children = [key for key in children_of(keys, table) if self._has_rows(key)]
        if verb(statement) == "DROP":
            return any(not same_name(key.child, table) for key in children)
        if not any(self._has_action(key) for key in children):
            return False
        many = parameters if isinstance(parameters, list) else [parameters]
        return any(self._changes_more(statement, one) for one in many)

    def _has_rows(self, key: ForeignKeyRow) -> bool:
        filled = " AND ".join(
            f"{always_quoted(c)} IS NOT NULL" for c in key.child_columns
        )
        child = always_quoted(key.child)
        query = f"SELECT 1 FROM main.{child} WHERE {filled} LIMIT 1"
        return bool(self._driver.execute(query))

    def _has_action(self, key: ForeignKeyRow) -> bool:
        rows = self._driver.execute(
            "SELECT on_update, on_delete FROM pragma_foreign_key_list(?, 'main')"
            " WHERE id = ?",
            (key.child, key.id),
        )
        return not set(rows[0]) <= {"NO ACTION", "RESTRICT"}

    def _changes_more(self, statement: str, parameters: t.Any) -> bool:
        """Try a statement, and tell whether others than its own rows were changed.

        The one counter of SQLite counts what keys have changed, the other does not.
        https://www.sqlite.org/c3ref/total_changes.html
        """
        count = "SELECT total_changes(), changes()"
        with trial(self._db, "batchmigrate_enforcement"):
            before = self._driver.execute(count)[0][0]
            try:
                self._driver.execute(statement, parameters)
            except self._driver.error:
                # It will fail in the same way when the script runs it.
                return False
            total, own = self._driver.execute(count)[0]
        return bool(total - before > own)


def _written_table(statement: str) -> str | None:
    """Return the table whose rows a statement writes."""
    found = tuple(itertools.islice(main_words(statement), 12))
    keywords = [word.keyword for word in found]
    if not keywords or keywords[0] not in _WRITING:
        return None
    index = next((i for i, word in enumerate(keywords) if word not in _BEFORE), None)
    if index is None:
        return None
    if index + 2 < len(found) and found[index + 1].is_symbol("."):
        index += 2
    return unquote(found[index].text)


_WRITING: t.Final = ("DELETE", "UPDATE", "DROP", "REPLACE", "INSERT")
_BEFORE: t.Final = (
    *("DELETE", "FROM", "UPDATE", "OR", "ROLLBACK", "ABORT", "FAIL", "IGNORE"),
    *("DROP", "TABLE", "IF", "EXISTS", "REPLACE", "INSERT", "INTO"),
)

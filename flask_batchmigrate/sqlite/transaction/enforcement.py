"""Carries out ``PRAGMA foreign_keys`` of a script inside a transaction.

SQLite ignores the pragma there without an error
(https://www.sqlite.org/pragma.html#pragma_foreign_keys), and scripts written for
migrations without a transaction rely on it: a ``DELETE`` after it is not meant to
cascade. Since Python 3.12 the driver can switch enforcement in an open transaction.
With older versions, a statement that would fire an action is refused: each statement is
tried and undone first. Rows without a parent are judged at the commit. The engine's own
changes fire no action in any case.
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
from ..ddl.tokens import upper
from ..schema.database import trial
from . import messages

if t.TYPE_CHECKING:
    from ..schema.catalogue import ForeignKeyRow
    from ..schema.database import Database
    from .begin_commit import DriverTransaction
    from .driver import Driver

_ON: t.Final = ("ON", "YES", "TRUE")


class Enforcement:
    """Watches the statements of a script for those that concern foreign keys.

    :param db: the migration's connection, as the engine uses it.
    :param driver: the driver connection below it.
    :param inner: the transactions on it, for messages.
    """

    def __init__(self, db: Database, driver: Driver, inner: DriverTransaction) -> None:
        self._db = db
        self._driver = driver
        self._settings = inner.settings
        self._inner = inner
        #: the number of the transaction in which the script has switched it off
        self._off_in: int | None = None

    @property
    def _script_disabled_keys(self) -> bool:
        return self._off_in == self._inner.number

    def check_statement(self, statement: str, parameters: t.Any) -> None:
        """Look at a statement of the script before it runs.

        :param statement: one SQL statement.
        :param parameters: its values, or a list of such.
        :raises TransactionError: it would fire what the script has switched off, or
            end the transaction.
        """
        self._inner.check_statement(statement)
        setting = pragma(statement)
        if setting is not None:
            if setting.name == "FOREIGN_KEYS" and setting.value is not None:
                self._switch(_is_on(setting.value))
        elif self._script_disabled_keys:
            written = _written_table(statement)
            if written is not None and self._fires(statement, parameters, *written):
                raise messages.still_enforced(
                    self._inner.name,
                    written[1],
                    calling_script(),
                    self._inner.commits,
                )

    def _switch(self, wanted: bool) -> None:
        if self._script_disabled_keys:
            self._off_in = None
            self._settings.defer_foreign_keys(False)
        if self._settings.foreign_keys is wanted:
            return
        if not self._settings.switch_foreign_keys(wanted) and not wanted:
            # It stays on. That matters only for statements that would fire an action.
            self._off_in = self._inner.number
            self._settings.defer_foreign_keys(True)

    def _fires(
        self, statement: str, parameters: t.Any, schema: str, table: str
    ) -> bool:
        """Tell whether a statement would change rows of other tables by a key."""
        if upper(schema) not in map(upper, self._driver.databases()):
            return False
        # Hardly a script switches keys off; these read the whole catalogue.
        from ..schema.catalogue import read_catalogue
        from ..schema.catalogue import read_foreign_keys
        from ..schema.foreign_keys import children_of

        keys = read_foreign_keys(self._db, read_catalogue(self._db, schema), table)
        children = children_of(keys, table)
        children = [key for key in children if self._has_rows(schema, key)]
        if verb(statement) == "DROP":
            return any(not same_name(key.child, table) for key in children)
        if not any(self._has_action(schema, key) for key in children):
            return False
        many = parameters if isinstance(parameters, list) else [parameters]
        return any(self._changes_more(statement, one) for one in many)

    def _has_rows(self, schema: str, key: ForeignKeyRow) -> bool:
        from ..schema.catalogue import qualified

        filled = " AND ".join(
            f"{always_quoted(c)} IS NOT NULL" for c in key.child_columns
        )
        query = f"SELECT 1 FROM {qualified(schema, key.child)} WHERE {filled} LIMIT 1"
        return bool(self._driver.execute(query))

    def _has_action(self, schema: str, key: ForeignKeyRow) -> bool:
        rows = self._driver.execute(
            "SELECT on_update, on_delete FROM pragma_foreign_key_list(?, ?)"
            " WHERE id = ?",
            (key.child, schema, key.id),
        )
        return not set(rows[0]) <= {"NO ACTION", "RESTRICT"}

    def _changes_more(self, statement: str, parameters: t.Any) -> bool:
        """Try a statement, and tell whether it changed more than its own rows.

        One counter of SQLite includes the rows that keys have changed, the other does
        not: https://www.sqlite.org/c3ref/total_changes.html
        """
        count = "SELECT total_changes(), changes()"
        with trial(self._db, "batchmigrate_enforcement"):
            before = self._driver.execute(count)[0][0]
            try:
                self._driver.execute(statement, parameters)
            except self._driver.driver_error:
                # The statement will fail in the same way when the script runs it.
                return False
            total, own = self._driver.execute(count)[0]
        return bool(total - before > own)


def _is_on(value: str) -> bool:
    """Read the value of a pragma as SQLite reads it: what is not on is off.

    :param value: the value in capitals.
    """
    return value in _ON or (value.isdigit() and int(value) > 0)


def _written_table(statement: str) -> tuple[str, str] | None:
    """Return the schema and the name of the table whose rows a statement writes.

    A table without a schema is taken for one of ``main``.
    """
    tokens = list(itertools.islice(main_words(statement), 12))
    words = [token.keyword for token in tokens]
    if not words or words[0] not in _BEFORE_TABLE:
        return None
    before = _BEFORE_TABLE[words[0]]
    start = 3 if words[0] in ("INSERT", "UPDATE") and words[1:2] == ["OR"] else 1
    end = start + len(before)
    if tuple(words[start:end]) != before:
        return None
    if words[0] == "DROP" and words[end : end + 2] == ["IF", "EXISTS"]:
        end += 2
    names = [unquote(token.text) for token in tokens[end : end + 3]]
    if len(names) == 3 and tokens[end + 1].is_symbol("."):
        return names[0], names[2]
    return ("main", names[0]) if names else None


_BEFORE_TABLE: t.Final[dict[str, tuple[str, ...]]] = {
    "DELETE": ("FROM",),
    "DROP": ("TABLE",),
    "INSERT": ("INTO",),
    "REPLACE": ("INTO",),
    "UPDATE": (),
}

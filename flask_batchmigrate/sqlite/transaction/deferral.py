"""Runs statements after the commit that SQLite does not run inside a transaction.

A script for Alembic's own SQLite runs outside of any transaction, so it may change the
journal or tidy the file up: https://www.sqlite.org/lang_vacuum.html,
https://www.sqlite.org/pragma.html. Such statements change no row, so they may as well
run when everything else is stored.
"""

from __future__ import annotations

import itertools
import typing as t

from ..callsite import calling_script
from ..ddl.statements import pragma
from ..ddl.statements import verb
from ..ddl.statements import words
from .messages import at
from .messages import uncopied

if t.TYPE_CHECKING:
    from .driver import Driver
    from .lock_wait import Notify

_NOTHING: t.Final = "SELECT 1 WHERE 0"


class Deferred:
    """The statements of a migration that wait for its commit.

    :param driver: the connection.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._statements: list[tuple[str, str]] = []
        #: called with a sentence about each statement that waits
        self.note: Notify | None = None
        #: called with a sentence about each statement that failed
        self.warn: Notify | None = None

    def stand_in(self, statement: str, commits: int) -> str:
        """Return the statement to run now, in place of one that has to wait.

        It returns the rows that the statement would return. A statement that need not
        wait is returned as it is.

        :param commits: how many transactions of the run were committed before.
        :raises TransactionError: the statement can run neither now nor later.
        """
        instead = _stand_in(statement)
        if instead is None:
            return statement
        where = at(calling_script())
        if verb(statement) == "VACUUM" and _copies(statement):
            raise uncopied(self._driver.describe(), where, commits)
        short = " ".join(statement.split()).rstrip("; ")
        self._statements.append((statement, short))
        if self.note is not None:
            self.note(
                f"'{short}'{where} runs when the migration is committed: SQLite does "
                "not run it inside a transaction."
            )
        return instead

    def forget(self) -> None:
        """Forget the statements that wait: the transaction was rolled back."""
        self._statements.clear()

    def run(self) -> None:
        """Run the statements that wait, after the commit; warn of those that fail."""
        waiting, self._statements = self._statements, []
        if not waiting:
            return
        driver = self._driver
        keeps_open = driver.in_transaction
        if keeps_open:
            driver.execute("ROLLBACK")
        for statement, short in waiting:
            try:
                driver.execute(statement)
            except driver.driver_error as error:
                if self.warn is not None:
                    self.warn(
                        f"'{short}' failed after the migration of {driver.describe()} "
                        f"was committed: {error}. Run it by hand."
                    )
        if keeps_open:
            driver.execute("BEGIN")


def _stand_in(statement: str) -> str | None:
    """Return a harmless statement with the same rows, or ``None``: it need not wait."""
    setting = pragma(statement)
    if setting is None:
        return _NOTHING if verb(statement) == "VACUUM" else None
    if not setting.is_outside:
        return None
    if setting.name == "WAL_CHECKPOINT":
        # This is the answer where there is no write-ahead log.
        return "SELECT 0 AS busy, -1 AS log, -1 AS checkpointed"
    if setting.name == "JOURNAL_MODE" and setting.value is not None:
        return f"SELECT '{setting.value.lower()}' AS journal_mode"
    return _NOTHING


def _copies(statement: str) -> bool:
    return any(
        token.keyword == "INTO" for token in itertools.islice(words(statement), 1, 4)
    )

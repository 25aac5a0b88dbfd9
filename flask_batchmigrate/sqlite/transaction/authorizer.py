"""Keeps a migration's transaction from being ended by anything but the migration."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import enum
import sqlite3
import typing as t

from ..callsite import calling_script
from ..ddl.statements import Pragma
from ..ddl.tokens import upper

if t.TYPE_CHECKING:
    from .driver import Driver

_HARMLESS = frozenset(
    {
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
    }
)

#: SQLite asks for these once for each column or function of a statement, and asks for
#: the statement itself as well. They are the most frequent.
_PARTS: t.Final = frozenset({sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})


class Reason(enum.Enum):
    """Why a statement was refused."""

    EARLY = enum.auto()
    """It would write, and the transaction has not begun yet."""
    ENDING = enum.auto()
    """It would end the transaction."""
    AFTER_END = enum.auto()
    """The transaction has ended already."""
    OUTSIDE = enum.auto()
    """SQLite does not run it inside a transaction."""


class Denied(t.NamedTuple):
    """A statement that was refused.

    :param reason: why it was refused.
    :param statement: its keyword, where it would have ended the transaction or cannot
        run inside of one.
    :param script: the line of the script that ran it.
    """

    reason: Reason
    statement: str
    script: str | None


class Authorizer:
    """Refuses ``BEGIN``, ``COMMIT`` and ``ROLLBACK`` of others on one connection.

    A script can end the transaction below SQLAlchemy: ``executescript()`` commits
    first, so does assigning ``isolation_level``, so does a raw ``COMMIT``. If that were
    only noticed afterwards, half a migration would be stored already. SQLite asks an
    authorizer when a statement is prepared, so it is refused before it runs
    (https://www.sqlite.org/c3ref/set_authorizer.html). If the transaction has ended
    all the same, because SQLite itself rolled it back for instance, every further
    statement is refused, because it would be stored at once.

    A connection has one authorizer. This one replaces that of the application, which
    does not come back by itself afterwards.

    :param driver: the connection; some drivers know no authorizers.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._announced = False
        self._permitted = False
        self._in_force = False
        #: the statement that was refused last
        self.refusal: Denied | None = None

    @property
    def exists(self) -> bool:
        """Whether the driver can refuse statements."""
        return self._driver.can_authorize()

    def enforce(self, *, announced: bool = False) -> None:
        """Refuse such statements from now on.

        :param announced: whether the transaction has not begun yet. Then a statement
            that begins one passes, and one that writes is refused.
        """
        self._announced = announced
        if self.exists:
            self._driver.set_authorizer(self._authorize)
            self._in_force = True

    def release(self) -> None:
        """Let every statement pass again."""
        if self._in_force and self._driver.is_open:
            self._driver.set_authorizer(None)
            self._in_force = False

    @contextlib.contextmanager
    def permit(self) -> cabc.Iterator[None]:
        """Let every statement pass inside the block."""
        before, self._permitted = self._permitted, True
        try:
            yield
        finally:
            self._permitted = before

    def _authorize(
        self,
        action: int,
        statement: str | None,
        second: str | None,
        database: str | None,
        trigger: str | None,
    ) -> int:
        if action in _PARTS or self._permitted:
            return sqlite3.SQLITE_OK
        if self._announced:
            return (
                sqlite3.SQLITE_OK if action in _HARMLESS else self._refuse(Reason.EARLY)
            )
        if not self._driver.in_transaction:
            return self._refuse(Reason.AFTER_END)
        if action == sqlite3.SQLITE_TRANSACTION:
            return self._refuse(Reason.ENDING, statement)
        if action == sqlite3.SQLITE_PRAGMA and _is_outside(statement, second):
            # Run by SQLAlchemy it would wait for the commit. SQLite itself refuses some
            # of these, and ignores others.
            return self._refuse(Reason.OUTSIDE, f"PRAGMA {statement}")
        return sqlite3.SQLITE_OK

    def _refuse(self, reason: Reason, statement: str | None = None) -> int:
        self.refusal = Denied(reason, statement or "", calling_script())
        return sqlite3.SQLITE_DENY


def _is_outside(name: str | None, value: str | None) -> bool:
    return Pragma(upper(name or ""), None if value is None else upper(value)).is_outside

"""Begins and ends the transactions of a migration, in plain SQL on the driver."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ..callsite import calling_script
from ..ddl.statements import ends_transaction
from ..ddl.statements import verb
from ..error_codes import is_busy
from ..error_codes import is_read_only
from ..error_codes import is_unwritable
from ..errors import TransactionError
from . import messages
from .authorizer import Authorizer
from .authorizer import Denied
from .authorizer import Reason
from .connection_settings import ConnectionSettings
from .lock_wait import LockWait
from .lock_wait import Notify
from .lock_wait import StillLocked

if t.TYPE_CHECKING:
    from .driver import Driver


class DriverTransaction:
    """Begins and ends one transaction after the other on a driver connection.

    :param driver: the connection.
    :param timeout: how long to wait for the locks of others, in seconds.
    :param wait: called with a text when the transaction waits for another connection.
    :param note: called with what is done differently because the library lacks
        something.
    """

    def __init__(
        self,
        driver: Driver,
        timeout: float,
        wait: Notify | None = None,
        note: Notify | None = None,
    ) -> None:
        self._driver = driver
        self._waiting = LockWait(driver, timeout, wait)
        self._authorizer = Authorizer(driver)
        self._lost: str | None = None
        self.settings = ConnectionSettings(driver, note)
        #: the database, as messages name it
        self.name = driver.describe()
        #: whether a transaction was begun here and not ended here
        self.is_begun = False
        #: counts the transactions that were begun
        self.number = 0
        #: counts the transactions that were committed
        self.commits = 0

    @property
    def in_progress(self) -> bool:
        """Whether the transaction is open."""
        return self.is_begun and self._driver.in_transaction

    @property
    def is_lost(self) -> bool:
        """Whether the transaction has ended, but was not ended here."""
        return self.is_begun and not self._driver.in_transaction

    def check_statement(self, statement: str) -> None:
        """Refuse a statement that ends the transaction, where there is no authorizer.

        :raises TransactionError: the statement ends it.
        """
        if not self._authorizer.exists and ends_transaction(statement):
            refusal = Denied(Reason.ENDING, verb(statement), calling_script())
            raise self._describe_refusal(refusal)

    def forbid_early_writes(self) -> None:
        """Refuse statements that write until the transaction has begun."""
        if not self.is_begun:
            self._authorizer.enforce(announced=True)

    def begin(self) -> None:
        """Begin a transaction, or take over one in which something was written.

        :raises TransactionError: when the lock is not free in time, or the database
            is read-only.
        """
        driver = self._driver
        self._lost = None
        self._authorizer.release()
        try:
            if driver.in_transaction and not driver.has_changes():
                driver.execute("ROLLBACK")
            if driver.in_transaction:
                self.settings.remember()
            else:
                self._waiting.run(
                    self._take_lock, f"Waiting for another connection to {self.name}."
                )
            self.is_begun = True
            self.number += 1
            self._authorizer.enforce()
            self.settings.check_writable()
        except StillLocked as error:
            self._restore_connection()
            raise self._locked() from error.__cause__
        except BaseException:
            self.roll_back()
            raise

    def _take_lock(self) -> None:
        """Begin with the lock that lets the COMMIT succeed.

        In rollback-journal mode the lock is exclusive: with a lesser lock a reader
        would make the COMMIT fail after all the work. In WAL mode a reader stops no
        writer (https://www.sqlite.org/lang_transaction.html).
        """
        self.settings.prepare()
        modes = self._driver.journal_modes().values()
        kind = "IMMEDIATE" if set(modes) == {"wal"} else "EXCLUSIVE"
        self._driver.execute(f"BEGIN {kind}")

    def commit(self, checks: cabc.Iterable[cabc.Callable[[], object]]) -> None:
        """Check, then commit; after any error nothing is stored.

        :param checks: functions that raise an error where something is wrong.
        :raises TransactionError: when the transaction has ended already, or cannot
            be committed.
        """
        try:
            self._check_open()
            for check in checks:
                check()
            self._check_open()
            self._commit()
        except BaseException:
            self.roll_back()
            raise
        self.commits += 1
        self._restore_connection()

    def _check_open(self) -> None:
        if not self.in_progress:
            raise self.describe_loss()

    def _commit(self) -> None:
        try:
            with self._authorizer.permit():
                self._waiting.run(
                    lambda: self._driver.execute("COMMIT"),
                    f"Waiting for a reader of {self.name}.",
                )
        except StillLocked as error:
            raise self._locked() from error.__cause__
        except self._driver.driver_error as error:
            orphans = self._orphans() if "FOREIGN KEY" in str(error) else ""
            raise messages.uncommittable(
                self.name, error, self.commits, orphans
            ) from error

    def _orphans(self) -> str:
        """Name the first rows of the main database that break a foreign key."""
        try:
            rows = self._driver.execute(
                "SELECT [table], [rowid], [parent] FROM pragma_foreign_key_check"
                " LIMIT 3"
            )
        except self._driver.driver_error:
            # A foreign key of some table has no key to refer to.
            return ""
        return "; ".join(f"'{c}' row {r} has no parent in '{p}'" for c, r, p in rows)

    def roll_back(self) -> None:
        """Roll back the open transaction, and leave the connection as it was."""
        try:
            if self._driver.in_transaction:
                with self._authorizer.permit():
                    self._driver.execute("ROLLBACK")
        finally:
            self._restore_connection()

    def abandon(self, reason: str) -> None:
        """Roll back now, and let every later statement fail.

        :param reason: why, for the message.
        """
        if self.in_progress:
            with self._authorizer.permit():
                self._driver.execute("ROLLBACK")
            self._lost = reason

    def _restore_connection(self) -> None:
        """Leave the connection as it was, now that the transaction is over."""
        self.is_begun = False
        driver = self._driver
        if driver.is_open:
            self._authorizer.release()
            self.settings.restore()
            if driver.keeps_open_transaction and not driver.in_transaction:
                driver.execute("BEGIN")

    def release(self) -> None:
        """Let every statement pass on a connection where no transaction was begun."""
        if not self.is_begun:
            self._authorizer.release()

    @property
    def replaces_authorizer(self) -> bool:
        """Whether an authorizer of the application, if it has one, was replaced."""
        return self._authorizer.exists

    # Errors.

    def _locked(self) -> TransactionError:
        return messages.locked(self.name, self._waiting.timeout, self.commits)

    def explain(self, error: BaseException) -> TransactionError | None:
        """Explain an error that the authorizer or a lock has caused."""
        original = getattr(error, "orig", None) or error
        if not isinstance(original, self._driver.driver_error):
            return None
        refusal = self._authorizer.refusal
        if refusal is not None and "not authorized" in str(original):
            return self._describe_refusal(refusal)
        if "cannot VACUUM from within a transaction" in str(original):
            denied = Denied(Reason.OUTSIDE, "VACUUM", calling_script(error))
            return self._describe_refusal(denied)
        if is_read_only(original) and self._driver.pragma("query_only"):
            return messages.query_only(self.name, self.commits)
        if is_unwritable(original):
            return messages.unwritable(self.name, original, self.commits)
        if is_busy(original):
            return self.describe_second(calling_script(error))
        return None

    def _describe_refusal(self, refusal: Denied) -> TransactionError:
        if refusal.reason is Reason.AFTER_END:
            return self.describe_loss()
        return _MAKERS[refusal.reason](self.name, refusal, self.commits)

    def describe_loss(self) -> TransactionError:
        """Make the error for a transaction that has ended too early."""
        if self._lost is None and not self._authorizer.exists:
            return messages.ended(self.name)
        reason = self._lost or "SQLite did so itself, after an error or an interrupt"
        return messages.lost(self.name, reason, self.commits)

    def describe_second(self, script: str | None) -> TransactionError:
        """Make the error for a second connection that the migration's lock stops.

        :param script: the line of the script that opened it.
        """
        return messages.second(self.name, script, self.commits)


_MAKERS: t.Final = {
    Reason.EARLY: messages.premature,
    Reason.ENDING: messages.refused,
    Reason.OUTSIDE: messages.outside,
}

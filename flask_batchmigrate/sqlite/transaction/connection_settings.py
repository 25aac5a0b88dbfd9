"""Sets a connection up for a migration, as far as its library allows."""

from __future__ import annotations

import typing as t

from ..ddl.statements import explain
from ..error_codes import is_read_only
from ..error_codes import is_verdict
from ..errors import TransactionError
from ..errors import UNCHANGED
from ..schema.database import schema_writing
from ..schema.database import WRITE_NOTHING

if t.TYPE_CHECKING:
    from .driver import Driver
    from .lock_wait import Notify

#: Settings that a migration or its script may change on the way.
_SETTINGS = (
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "query_only",
    "recursive_triggers",
    "writable_schema",
)
_DEFENSIVE = "SQLITE_DBCONFIG_DEFENSIVE"
_ENABLE_FKEY = "SQLITE_DBCONFIG_ENABLE_FKEY"


class ConnectionSettings:
    """Sets a connection up for a migration, and restores its settings afterwards.

    :param driver: the connection.
    :param note: called with what is done differently because the library lacks
        something.
    """

    def __init__(self, driver: Driver, note: Notify | None) -> None:
        self._driver = driver
        self._note = note
        self._remembered: dict[str, t.Any] = {}
        self._lifted = False
        self._can_write_schema: bool | None = None

    def prepare(self) -> None:
        """Remember the settings, and change those that cannot be changed later.

        Call it before the transaction begins. Where the library can neither edit
        the schema nor switch enforcement inside a transaction, enforcement is switched
        off here: otherwise copying a table would delete its child rows.
        """
        self.remember()
        if (
            self.foreign_keys
            and not self.can_write_schema
            and not self._driver.can_configure()
        ):
            self._driver.set_pragma("foreign_keys", "OFF")
            if self._note is not None:
                self._note(
                    f"Foreign keys of {self._driver.describe()} are not enforced "
                    "during the migration: its SQLite library allows no other way to "
                    "change a table safely."
                )

    def remember(self) -> None:
        """Remember the settings, unless they are remembered already."""
        if not self._remembered:
            self._remembered = {name: self._driver.pragma(name) for name in _SETTINGS}

    def restore(self) -> None:
        """Restore the settings, after the transaction has ended."""
        for name, value in self._remembered.items():
            self._driver.set_pragma(name, value)
        self._remembered = {}
        self._can_write_schema = None
        if self._lifted:
            self._driver.configure(_DEFENSIVE, True)
            self._lifted = False

    @property
    def foreign_keys(self) -> bool:
        """Whether foreign keys are enforced now."""
        return bool(self._driver.pragma("foreign_keys"))

    def switch_foreign_keys(self, wanted: bool) -> bool:
        """Enforce foreign keys or not, in the open transaction, until it ends.

        :return: whether the driver can do that.
        """
        if self._driver.can_configure():
            self._driver.configure(_ENABLE_FKEY, wanted)
            return True
        return False

    def defer_foreign_keys(self, wanted: bool) -> None:
        """Have SQLite judge rows without a parent when the open transaction commits.

        https://www.sqlite.org/pragma.html#pragma_defer_foreign_keys
        """
        self._driver.set_pragma("defer_foreign_keys", int(wanted))

    @property
    def can_write_schema(self) -> bool:
        """Whether ``sqlite_master`` may be written on this connection.

        Python 3.12 and later can lift the defensive mode of a library such as that
        of macOS (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html); it is lifted
        until the transaction has ended.
        """
        if self._can_write_schema is None:
            self._can_write_schema = self._try_schema_writing() or (
                self._lift_defensive() and self._try_schema_writing()
            )
        return self._can_write_schema

    def _lift_defensive(self) -> bool:
        if self._driver.can_configure() and self._driver.configured(_DEFENSIVE):
            self._driver.configure(_DEFENSIVE, False)
            self._lifted = True
        return self._lifted

    def _try_schema_writing(self) -> bool:
        # EXPLAIN only prepares the statement, so no lock is taken.
        was_open = self._driver.in_transaction
        try:
            with schema_writing(self._driver):
                self._driver.execute(explain(WRITE_NOTHING))
        except self._driver.driver_error as error:
            # An authorizer of the application may forbid it as well.
            if not (is_verdict(error) or "not authorized" in str(error)):
                raise
            return False
        finally:
            if self._driver.in_transaction and not was_open:
                # A driver that asks SQLite whether a statement writes was told that it
                # does: https://www.sqlite.org/c3ref/stmt_readonly.html
                self._driver.execute("ROLLBACK")
        return True

    def check_writable(self) -> None:
        """Refuse a database that cannot be written, in the transaction just begun.

        :raises TransactionError: when it cannot.
        """
        if not self.can_write_schema:
            return  # the first change will show it
        with schema_writing(self._driver):
            try:
                self._driver.execute(WRITE_NOTHING)
            except self._driver.driver_error as error:
                if not is_read_only(error):
                    raise
                raise TransactionError(
                    f"{self._driver.describe()} is read-only",
                    "give the program write access to the file and its folder",
                    state=UNCHANGED,
                ) from error

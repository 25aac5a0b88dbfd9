"""Keeps the options of a run of migrations on SQLite, and its transactions."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import logging
import typing as t

import sqlalchemy as sa

from ...value_classes import value_class
from ..transaction import messages
from ..transaction import running
from ..transaction.driver import Driver

if t.TYPE_CHECKING:
    from ..alter.pending_keys import PendingKeys
    from ..plan.plan import Plan
    from ..schema.progress import Listener
    from ..transaction.migration import MigrationTransaction

log = logging.getLogger("flask_batchmigrate.sqlite")


def _log_plan(plan: Plan) -> None:
    log.debug("%s.", plan)


@value_class
class RunOptions:
    """How runs of migrations behave on SQLite.

    :param lock_timeout: how long to wait for other processes, in seconds.
    :param keep_indexes: let a copy keep the indexes that stay valid.
    :param may_be_short: given if the rows that the run is for are in another database:
        tells whether some of them may be older than a column of this name.
    :param note: called with a sentence about each side effect of a change.
    :param warn: called with a sentence about what is not as it should be.
    :param wait: called with what the run waits for.
    :param planned: called with each plan: that of a change when it was carried out,
        that of a dropped table before it is dropped.
    :param progress: called with the progress of long statements.
    :param started: called with each transaction that was begun; the context manager
        that it returns ends with the run.
    """

    lock_timeout: float = 300.0
    keep_indexes: bool = True
    may_be_short: cabc.Callable[[str], bool] | None = None
    note: cabc.Callable[[str], None] = log.info
    warn: cabc.Callable[[str], None] = log.warning
    wait: cabc.Callable[[str], None] = log.info
    planned: cabc.Callable[[Plan], object] = _log_plan
    progress: Listener | None = None
    started: (
        cabc.Callable[[MigrationTransaction], contextlib.AbstractContextManager[t.Any]]
        | None
    ) = None

    @classmethod
    def silent(cls) -> RunOptions:
        """Return the options of a run that tells nobody what happens."""
        return cls(note=_discard, warn=_discard, wait=_discard)


def _discard(_: str) -> None:
    """Discard a message."""


class EngineRun:
    """One run of migrations: its options, and the transactions that it has begun."""

    def __init__(self, settings: RunOptions) -> None:
        self.settings = settings
        self.stack = contextlib.ExitStack()
        self._begun: set[MigrationTransaction] = set()
        self._pending: dict[int, PendingKeys] = {}

    def begin(self, connection: sa.Connection) -> MigrationTransaction:
        """Begin the migration's transaction, or join the one that is open."""
        from ..transaction.migration import begin

        transaction = begin(
            connection,
            timeout=self.settings.lock_timeout,
            note=self.settings.note,
            wait=self.settings.wait,
        )
        if transaction not in self._begun:
            self._begun.add(transaction)
            self._set_up(transaction)
        return transaction

    def _set_up(self, transaction: MigrationTransaction) -> None:
        transaction.listener = self.settings.progress
        transaction.deferred.note = self.settings.note
        transaction.deferred.warn = self.settings.warn
        self.stack.callback(transaction.finish)
        if self.settings.started is not None:
            self.stack.enter_context(self.settings.started(transaction))

    def can_use(self, connection: sa.Connection | None) -> bool:
        """Tell whether the engine can work on a connection; warn where it cannot."""
        driver = Driver(connection) if connection is not None else None
        if driver is None or driver.lack is None:
            return True
        self.settings.warn(messages.without_engine(driver.describe(), driver.lack))
        return False

    def pending_keys(self, transaction: MigrationTransaction) -> PendingKeys:
        """Return the foreign keys that have to hold when a transaction ends."""
        from ..alter.pending_keys import PendingKeys

        pending = self._pending.get(id(transaction))
        if pending is None:
            pending = PendingKeys(transaction, self.settings.warn)
            self._pending[id(transaction)] = pending
            transaction.before_commit.append(pending.check)
            transaction.after_rollback.append(pending.forget)
        return pending


def open_transaction(connection: sa.Connection) -> MigrationTransaction | None:
    """Return the transaction that is open on a connection's database, if there is one.

    :param connection: any connection to the database, the transaction's own too.
    """
    if not running.here():
        return None
    from ..transaction.migration import active_for

    return active_for(connection)

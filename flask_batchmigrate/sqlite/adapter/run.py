"""A run of migrations on SQLite: its options, and the transactions it has begun."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import logging
import typing as t

import sqlalchemy as sa

from ..alter.pending_keys import PendingKeys
from ..plan.plan import Plan as Plan
from ..schema.progress import Listener
from ..transaction import messages
from ..transaction.driver import Driver
from ..transaction.migration import begin
from ..transaction.migration import MigrationTransaction

log = logging.getLogger("flask_batchmigrate.sqlite")


def _log_plan(plan: Plan) -> None:
    log.debug("%s.", plan)


@dataclasses.dataclass(frozen=True, slots=True)
class RunOptions:
    """How runs of migrations behave on SQLite.

    :param lock_timeout: how long to wait for other processes, in seconds.
    :param keep_indexes: let a copy keep the indexes that stay valid.
    :param may_be_short: given where the rows that the run is for are in another
        database: tells whether some of them may be older than a column of this name.
    :param note: told what went along with a change, in sentences.
    :param warn: told what is not as it should be.
    :param wait: told what is being waited for.
    :param planned: told each plan: a change of a table when it was carried out, a
        table's end when it is about to be dropped.
    :param progress: told how far long statements have come.
    :param started: called with each transaction that was begun; what it returns is
        left when the run is over.
    """

    lock_timeout: float = 300.0
    keep_indexes: bool = False
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


class Run:
    """One run of migrations: its settings and the transactions it has begun."""

    def __init__(self, settings: RunOptions) -> None:
        self.settings = settings
        self.stack = contextlib.ExitStack()
        self._begun: set[MigrationTransaction] = set()
        self._pending: dict[int, PendingKeys] = {}

    def begin(self, connection: sa.Connection) -> MigrationTransaction:
        """Begin the migration's transaction, or join the one that is open."""
        transaction = begin(
            connection,
            timeout=self.settings.lock_timeout,
            notify=self.settings.wait,
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
        """Return the keys that are to hold in the end, whichever revision it is of."""
        pending = self._pending.get(id(transaction))
        if pending is None:
            pending = PendingKeys(transaction, self.settings.warn)
            self._pending[id(transaction)] = pending
            transaction.before_commit.append(pending.check)
            transaction.after_rollback.append(pending.forget)
        return pending

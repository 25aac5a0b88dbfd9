"""Puts the SQLite engine to work for one run of the environment."""

from __future__ import annotations

import collections.abc as cabc
import contextlib

from sqlalchemy import orm

from ..reporting import reporter
from ..results import TablePlan
from ..results import TableStep
from ..sqlite.adapter import activate
from ..sqlite.adapter import join_transaction
from ..sqlite.adapter import Plan
from ..sqlite.adapter import RunOptions
from ..sqlite.transaction.migration import explain
from ..sqlite.transaction.migration import MigrationTransaction
from ..sqlite.transaction.second_connections import patient
from ..sqlite.transaction.second_connections import second_connections
from ..sqlite.transaction.second_connections import watch
from ..sqlite.transaction.sessions import join
from .run_state import Run


@contextlib.contextmanager
def sqlite_engine(run: Run) -> cabc.Iterator[None]:
    """Have SQLite migrated by the project's engine, and the application along with it.

    The application's sessions take part in the migration; its other connections
    to the same database fail instead of waiting for the migration's own lock.
    """
    setup, told = run.setup, reporter()
    engines = [
        bind.engine for bind in run.scope.known if bind.engine.dialect.name == "sqlite"
    ]
    for engine in engines:
        watch(engine)
    timeout = setup.state.settings.lock_timeout

    def started(
        transaction: MigrationTransaction,
    ) -> contextlib.AbstractContextManager[None]:
        run.transactions.append(transaction)
        run.commits.follow(transaction.connection, transaction.after_commit)
        return second_connections(transaction, engines)

    run.join = join_transaction
    run.explain = explain
    settings = RunOptions(
        lock_timeout=timeout,
        keep_indexes=setup.state.settings["sqlite_keep_indexes"],
        may_be_short=setup.may_be_short,
        note=told.note,
        warn=told.warning,
        wait=told.waiting,
        planned=lambda plan: told.table_changed(_as_value(plan)),
        progress=lambda done: told.progress(
            done.table, done.step, done.fraction, done.rows
        ),
        started=started,
    )
    with contextlib.ExitStack() as stack:
        sessions = getattr(setup.state.db, "session", None)
        migrates = not (setup.compares or setup.looks)
        if migrates and isinstance(sessions, orm.scoped_session):
            stack.enter_context(join(sessions, engines))
        stack.enter_context(patient(timeout))
        stack.enter_context(activate(settings))
        yield


def _as_value(plan: Plan) -> TablePlan:
    """Return what a plan says, for whoever is told of it."""
    steps = tuple(
        TableStep(
            str(step),
            step.cost.value,
            step.cost.reads_rows,
            step.cost.writes_rows,
            is_destructive,
        )
        for step, is_destructive in zip(plan.steps, plan.losses, strict=True)
    )
    return TablePlan(
        plan.table,
        plan.way.title,
        plan.reason,
        steps,
        plan.new_name,
        plan.depends_on_rows,
    )

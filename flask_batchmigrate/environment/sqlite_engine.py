"""Activates the SQLite engine for one run of the environment."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

from sqlalchemy import orm

from ..reporting import reporter
from ..results import TablePlan
from ..results import TableStep
from ..sqlite.adapter import activate
from ..sqlite.adapter import join_transaction
from ..sqlite.adapter import RunOptions
from ..sqlite.transaction.second_connections import patient
from ..sqlite.transaction.second_connections import second_connections
from ..sqlite.transaction.second_connections import watch
from .run_state import Run

if t.TYPE_CHECKING:
    from ..sqlite.adapter import Plan
    from ..sqlite.transaction.migration import MigrationTransaction


@contextlib.contextmanager
def sqlite_engine(run: Run) -> cabc.Iterator[None]:
    """Use the project's engine for SQLite databases inside the block.

    The application's sessions take part in the migration; its other connections
    to the same database fail instead of waiting for the migration's own lock.
    """
    setup, receiver = run.setup, reporter()
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
    run.explain = _explain
    settings = RunOptions(
        lock_timeout=timeout,
        keep_indexes=setup.state.settings["sqlite_keep_indexes"],
        may_be_short=setup.may_be_short,
        note=receiver.note,
        warn=receiver.warning,
        wait=receiver.waiting,
        planned=lambda plan: receiver.table_changed(_as_value(plan)),
        progress=lambda step: receiver.progress(
            step.table, step.step, step.fraction, step.rows
        ),
        started=started,
    )
    with contextlib.ExitStack() as stack:
        sessions = getattr(setup.state.db, "session", None)
        migrates = not (setup.compares or setup.only_reads)
        if migrates and isinstance(sessions, orm.scoped_session):
            from ..sqlite.transaction.sessions import join

            stack.enter_context(join(sessions, engines))
        stack.enter_context(patient(timeout))
        stack.enter_context(activate(settings))
        yield


def _explain(error: Exception) -> Exception | None:
    """Translate an error that the engine caused."""
    from ..sqlite.transaction.migration import explain

    return explain(error)


def _as_value(plan: Plan) -> TablePlan:
    """Convert a plan to its public value."""
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
        converted=plan.written,
    )

"""Waits for other processes that migrate, and for the application's requests.

The locks on servers are taken before the environment runs, with any ``env.py``: a
transaction that is open during the wait would see the old state of the database, and
would block the process that migrates.
"""

from __future__ import annotations

import collections.abc as cabc
import random
import time
import typing as t

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from ..locks.hold import can_lock
from ..locks.hold import held
from ..locks.hold import Lockable
from ..locks.hold import NothingLeft
from ..project.binds import Bind
from ..project.binds import by_database
from ..reporting import reporter
from .run_state import Run
from .server_limits import is_lock_timeout

#: The pause before a migration is tried again, in seconds. It is doubled each time, up
#: to the limit.
_FIRST_PAUSE: t.Final = 0.5
_LONGEST_PAUSE: t.Final = 30.0


def run_locked(run: Run, attempt: cabc.Callable[[], None]) -> None:
    """Run the environment while this process holds the migration locks.

    :param attempt: runs the environment; it may be called several times.
    :raises LockTimeout: another process holds a lock for too long.
    """
    settings = run.setup.state.settings
    ensures = run.setup.ensures_version_table
    # Only runs of these kinds change the revision of a database.
    has_destination = "destination_rev" in run.environment.context_opts
    if context.is_offline_mode() or not (has_destination or ensures):
        attempt()
    elif not settings.lock:
        _with_retries(run, attempt)
    elif ensures:
        if not _all_there(run):
            with held(_databases(run), settings.lock_timeout):
                return attempt()
        attempt()
    else:
        _with_locks(run, attempt)


def _with_locks(run: Run, attempt: cabc.Callable[[], None]) -> None:
    """Run with the locks, unless another process does all the work in the meantime."""
    if _found_nothing_to_do(run, attempt):
        return
    databases = _databases(run)
    timeout = run.setup.state.settings.lock_timeout
    while True:
        try:
            with held(databases, timeout, lambda: _all_there(run)):
                return _with_retries(run, attempt)
        except NothingLeft:
            if _found_nothing_to_do(run, attempt):
                return


def _databases(run: Run) -> list[Lockable]:
    """Return the databases whose servers have locks, and report the others."""
    state = run.setup.state
    schema = state.configure_args.get("version_table_schema")
    name = ".".join(filter(None, (schema, state.version_table)))
    lockable = []
    for first, *_ in by_database(run.scope.selected):
        if can_lock(first.engine.dialect):
            lockable.append(Lockable(first.engine, first.database, name))
        elif first.engine.dialect.name != "sqlite":
            reporter().note(
                f"'{first.database}': there is no migration lock for "
                f"{first.engine.dialect.name}. Make sure that only one process at a "
                "time migrates it."
            )
    return lockable


def _found_nothing_to_do(run: Run, attempt: cabc.Callable[[], None]) -> bool:
    """Run without locks if all databases are at the destination.

    :return: whether all of them were.
    """
    if not _all_there(run):
        return False
    run.may_write = False
    try:
        attempt()
    except Exception:
        if not run.needs_lock:
            raise
    finally:
        run.may_write = True
    if run.needs_lock:
        # An 'env.py' may use another version table, or another process was faster.
        run.begin_again()
    return not run.needs_lock


def _all_there(run: Run) -> bool:
    """Return whether there are servers with locks, all of them at the destination."""
    servers = [t for t in run.scope.selected if can_lock(t.engine.dialect)]
    return bool(servers) and all(_is_there(run, bind) for bind in servers)


def _is_there(run: Run, bind: Bind) -> bool:
    """Return whether a database is at the destination, without taking a lock.

    Alembic computes the steps from the database's revision, because the destination may
    be relative to that revision, such as ``-1``.
    """
    attempt = run.environment.context_opts
    if attempt.get("purge"):
        return False
    args = run.setup.state.configure_args
    options = {k: v for k, v in args.items() if k.startswith("version_table")}
    try:
        with bind.engine.connect() as connection:
            context_ = MigrationContext.configure(connection, opts=options)
            if run.setup.ensures_version_table:
                inspector = sa.inspect(connection)
                schema = context_.version_table_schema
                return inspector.has_table(context_.version_table, schema=schema)
            steps = attempt["fn"](context_.get_current_heads(), context_)
            return not any(True for _ in steps)
    except (sa.exc.DBAPIError, CommandError):
        # An 'env.py' may connect as another user, who has more rights.
        return False


def _with_retries(run: Run, attempt: cabc.Callable[[], None]) -> None:
    """Run the environment, and retry if a statement waits too long for a table."""
    settings = run.setup.state.settings
    retries = settings.server_lock_retries if settings.server_lock_timeout else 0
    pause = _FIRST_PAUSE
    for number in range(1, retries + 1):
        try:
            return attempt()
        except Exception as error:
            failure = run.failure.error if run.failure else error
            if not (is_lock_timeout(failure) and run.can_begin_again):
                raise
        reporter().waiting(
            f"A table was in use for more than {settings.server_lock_timeout:g} s. "
            f"The revision is undone and tried again ({number} of {retries})."
        )
        run.begin_again()
        time.sleep(random.uniform(pause / 2, pause))
        pause = min(_LONGEST_PAUSE, pause * 2)
    attempt()

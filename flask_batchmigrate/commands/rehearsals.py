"""Rehearses a migration: runs it without storing anything, and reports its changes."""

from __future__ import annotations

import typing as t

from alembic import command

from ..environment.connection.committed_steps import RehearsalOver
from ..environment.invocation import Invocation
from ..environment.rehearsal.rehearsing import Rehearsing
from ..environment.rehearsal.stand_ins import stand_ins
from ..project.binds import find
from ..reporting import reporter
from ..reporting import reporting_to
from ..results import Rehearsal
from ..state import current_state
from . import lookup
from .upgrading import Directory
from .upgrading import XArg


def rehearse(
    direction: t.Literal["upgrade", "downgrade"] = "upgrade",
    revision: str | int | None = None,
    with_rows: bool = False,
    directory: Directory = None,
    tag: str | None = None,
    x_arg: XArg = None,
) -> Rehearsal:
    """Run a migration without storing anything, and return what it did.

    A SQLite database is only read; the migration runs on a copy of it. On PostgreSQL,
    the migration runs in its transaction, which is rolled back.

    :param direction: ``upgrade`` or ``downgrade``.
    :param revision: the target, as :func:`~flask_batchmigrate.upgrade` and
        :func:`~flask_batchmigrate.downgrade` take it; ``None`` for their defaults.
    :param with_rows: run the migration with the rows of SQLite databases. By default
        their tables are empty, which is quicker, unless a script reads or changes rows.
    :return: what the migration did, revision by revision.
    :raises RevisionFailed: a script raised.
    :raises NotSupported: the database stores changes of tables at once.
    :raises UnknownRevision: there is no such revision.
    """
    if not with_rows:
        rehearsal, needs_rows = _rehearsed(
            direction, revision, False, directory, tag, x_arg
        )
        if rehearsal is not None and not needs_rows:
            return rehearsal
    rehearsal, _ = _rehearsed(direction, revision, True, directory, tag, x_arg)
    assert rehearsal is not None
    return rehearsal


def _rehearsed(
    direction: str,
    revision: str | int | None,
    with_rows: bool,
    directory: Directory,
    tag: str | None,
    x_arg: XArg,
) -> tuple[Rehearsal | None, bool]:
    """Rehearse a migration once.

    :return: what the migration did, or ``None`` if it failed for lack of rows; and
        whether scripts need rows that the copies lack.
    """
    call = Invocation(directory, x_arg)
    state = current_state()
    binds = tuple(find(state).values())
    rehearsal = Rehearsing(reporter(), binds, with_rows)
    call.setup.rehearsal = rehearsal
    with (
        call.guarded(),
        reporting_to(rehearsal),
        stand_ins(binds, with_rows, state.version_table) as lacking,
    ):
        rehearsal.lacking = lacking
        scripts = call.scripts()
        try:
            if direction == "upgrade":
                target = call.head_target(str(revision or "head"))
                call.apply(False, command.upgrade, target, tag=tag)
            else:
                target = lookup.steps_back(scripts, str(revision or "-1"))
                call.apply(False, command.downgrade, target, tag=tag)
        except RehearsalOver:
            pass
        except Exception:
            if with_rows or not rehearsal.needs_rows:
                raise
            return None, True
    result = Rehearsal(
        tuple(rehearsal.revisions),
        with_rows,
        tuple(rehearsal.notes),
        tuple(rehearsal.warnings),
    )
    return result, rehearsal.needs_rows

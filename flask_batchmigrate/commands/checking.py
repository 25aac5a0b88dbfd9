"""Checks models, revisions and databases against one another."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.script import ScriptDirectory

from ..environment.applied import applied_revisions
from ..environment.invocation import Invocation
from ..environment.rehearsal.stand_ins import empty_stand_ins
from ..errors import BatchMigrateError
from ..errors import MultipleHeads
from ..errors import NotSupported
from ..errors import SchemaDiffers
from ..project.binds import Bind
from ..reporting import reporter
from ..reporting import silenced
from ..results import Current
from ..results import Finding
from . import comparing
from .upgrading import Directory

if t.TYPE_CHECKING:
    import sqlalchemy as sa


def findings(directory: Directory = None, scratch: bool = False) -> list[Finding]:
    """Check models, revisions and databases against one another, changing nothing.

    SQLite databases are compared with the result of their revisions, which are run
    again on empty databases. On other databases, the models are compared with a
    database that is at the newest revision.

    :param scratch: read no database of the application, and compare the models with the
        result of all revisions on empty databases: those that
        ``BATCHMIGRATE_SCRATCH_URL`` names on servers, and SQLite's in memory.
    :return: the faults that were found; empty if there are none.
    :raises NoModels: the models define no tables.
    :raises NotSupported: ``scratch`` is set, and a database on a server has no scratch
        database that can be used.
    :raises RevisionFailed: ``scratch`` is set, and a script fails without rows.
    """
    call = Invocation(directory)
    call.setup.compares = True
    with call.translated():
        call.require_models()
        scripts = call.scripts()
        binds = call.setup.make_scope(scripts).selected
        is_sqlite = all(bind.dialect == "sqlite" for bind in binds)
    if scratch and not is_sqlite:
        return _of_heads(call) or _of_scratch(call, directory)
    results, databases = _of_heads(call), []
    if not scratch:
        databases = Invocation(directory).look(scripts)
        results += _of_pending(scripts, databases)
    if any(each.kind == "heads" for each in results):
        return results
    if is_sqlite:
        return results + _of_replay(directory, binds, databases, scratch)
    return results + ([] if results else _of_models(directory))


def _of_heads(call: Invocation) -> list[Finding]:
    try:
        with call.translated():
            call.head_target("head")
    except MultipleHeads as error:
        return [Finding("heads", None, error.problem, error.remedy)]
    return []


def _of_pending(
    scripts: ScriptDirectory, databases: cabc.Iterable[Current]
) -> list[Finding]:
    """Return a finding for each database that lacks revisions."""
    history = list(scripts.walk_revisions())[::-1]
    results = []
    for database in databases:
        applied = applied_revisions(scripts, history, database.heads) or set()
        lacking = [s.revision for s in history if s.revision not in applied]
        if lacking:
            names = ", ".join(f"'{name}'" for name in lacking)
            problem = (
                f"Revisions are pending on database '{database.database}': {names}"
            )
            results.append(
                Finding(
                    "pending", database.database, problem, "Run 'flask db upgrade'."
                )
            )
    return results


def _of_models(directory: Directory) -> list[Finding]:
    """Return a finding if the models differ from databases at the newest revision."""
    try:
        comparing.check(Invocation(directory))
    except SchemaDiffers as error:
        return [Finding("models", None, error.problem, error.remedy)]
    return []


def _of_replay(
    directory: Directory,
    binds: cabc.Sequence[Bind],
    databases: cabc.Sequence[Current],
    scratch: bool,
) -> list[Finding]:
    """Run the revisions on empty databases, and compare the results."""
    results: list[Finding] = []
    try:
        for database in databases[:-1]:
            with empty_stand_ins(binds) as originals:
                results += _altered(directory, binds, database, originals)
        with empty_stand_ins(binds) as originals:
            if databases:
                results += _altered(directory, binds, databases[-1], originals)
            if not (databases and databases[-1].is_head):
                _replay(directory, "heads")
            return results + _of_models(directory)
    except BatchMigrateError as error:
        if scratch:
            raise
        reporter().note(
            "Changes by hand cannot be found, since the revisions do not run "
            f"on an empty database: {error.problem}"
        )
    # Without a replay, the models can only be compared with the databases.
    is_at_head = all(database.is_head for database in databases)
    return _of_models(directory) if is_at_head else []


def _of_scratch(call: Invocation, directory: Directory) -> list[Finding]:
    """Run the revisions on scratch databases of servers, and compare the models.

    :raises NotSupported: there is none for a database, or it cannot be used.
    """
    from .proving import Scratch

    with call.translated():
        databases = Scratch(call)
    for bind in databases.lacking:
        raise NotSupported(
            f"There is no empty database to run the revisions of '{bind.database}' on",
            "Name one with 'BATCHMIGRATE_SCRATCH_URL', or run 'flask db check' without "
            "'--scratch' on a database that was upgraded.",
            bind=bind.key,
        )
    with databases.used():
        _replay(directory, "heads")
        return _of_models(directory)


def _replay(directory: Directory, revision: str) -> None:
    """Run the revisions up to one of them, without reporting."""
    from ..autogenerate.alembics_log import without_alembics_steps

    with silenced(), without_alembics_steps():
        Invocation(directory).upgrade(revision, False, None)


def _altered(
    directory: Directory,
    binds: cabc.Sequence[Bind],
    database: Current,
    originals: cabc.Mapping[str, sa.Connection],
) -> list[Finding]:
    """Compare a database with the result of its revisions on an empty one.

    :param originals: for each bind, a connection to the database itself; the engines
        are connected to the empty ones.
    """
    # These modules load many others, which other commands do not need.
    from ..autogenerate.choices.drops import History
    from ..autogenerate.tables.altered_by_hand import alterations

    for head in database.heads:
        _replay(directory, head)
    call = Invocation(directory)
    version = call.setup.state.version_table
    bind = next(bind for bind in binds if bind.key == database.bind)
    with bind.engine.connect() as replayed:
        history = History(call.scripts())
        differing = alterations(originals[bind.key], replayed, history, version)
    if not differing:
        return []
    at = ", ".join(f"'{head}'" for head in database.heads) or "no revision"
    return [
        Finding(
            "altered",
            database.database,
            f"Database '{database.database}' differs from what its revision ({at})"
            f" makes, so it was altered by hand: {'; '.join(differing)}",
            "Undo that by hand, or put it into the models and a revision.",
        )
    ]

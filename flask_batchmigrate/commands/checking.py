"""Checks models, revisions and databases against one another."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from alembic.script import ScriptDirectory

from ..environment.applied import applied_revisions
from ..environment.invocation import Invocation
from ..environment.stand_ins import empty_stand_ins
from ..errors import BatchMigrateError
from ..errors import MultipleHeads
from ..errors import NotSupported
from ..errors import SchemaDiffers
from ..project.binds import Bind
from ..reporting import Reporter
from ..reporting import reporter
from ..reporting import reporting_to
from ..results import Current
from ..results import Finding
from . import writing
from .upgrading import Directory

if t.TYPE_CHECKING:
    import sqlalchemy as sa


def findings(directory: Directory = None, scratch: bool = False) -> list[Finding]:
    """Check models, revisions and databases against one another; nothing is changed.

    SQLite databases are compared with what their revisions make, which are run once
    more on empty databases. On other databases, the models are compared with a database
    that is at the newest revision.

    :param scratch: look at no database of the application, and compare the models with
        what all revisions make on empty SQLite databases.
    :return: what is not as it should be; nothing where all is well.
    :raises NoModels: the models define no tables.
    :raises NotSupported: ``scratch`` was asked for with other databases than SQLite.
    :raises RevisionFailed: with ``scratch``, a script does not run without rows.
    """
    call = Invocation(directory)
    call.setup.compares = True
    with call.translated():
        call.require_models()
        scripts = call.scripts()
        binds = call.setup.choose(scripts).selected
        is_sqlite = all(bind.dialect == "sqlite" for bind in binds)
    if scratch and not is_sqlite:
        raise NotSupported(
            "Only the revisions of SQLite databases can be run on empty ones",
            "Run 'flask db check' without '--scratch' on a database that was upgraded.",
        )
    found, databases = _of_heads(directory), []
    if not scratch:
        databases = _look(directory)
        found += _of_pending(scripts, databases)
    if any(each.kind == "heads" for each in found):
        return found
    if is_sqlite:
        return found + _of_replay(directory, binds, databases, scratch)
    return found + ([] if found else _of_models(directory))


def _of_heads(directory: Directory) -> list[Finding]:
    call = Invocation(directory)
    try:
        with call.translated():
            call.head_target("head")
    except MultipleHeads as error:
        return [Finding("heads", None, error.problem, error.remedy)]
    return []


def _look(directory: Directory) -> list[Current]:
    call = Invocation(directory)
    with call.translated():
        return call.look(call.scripts())


def _of_pending(
    scripts: ScriptDirectory, databases: cabc.Iterable[Current]
) -> list[Finding]:
    """Say which databases lack revisions."""
    history = list(scripts.walk_revisions())[::-1]
    found = []
    for each in databases:
        applied = applied_revisions(scripts, history, each.heads) or set()
        lacking = [s.revision for s in history if s.revision not in applied]
        if lacking:
            names = ", ".join(f"'{name}'" for name in lacking)
            problem = f"Revisions are pending on database '{each.database}': {names}"
            found.append(
                Finding("pending", each.database, problem, "Run 'flask db upgrade'.")
            )
    return found


def _of_models(directory: Directory) -> list[Finding]:
    """Say how the models differ from databases at the newest revision."""
    try:
        writing.check(Invocation(directory))
    except SchemaDiffers as error:
        return [Finding("models", None, error.problem, error.remedy)]
    return []


def _of_replay(
    directory: Directory,
    binds: cabc.Sequence[Bind],
    databases: cabc.Sequence[Current],
    scratch: bool,
) -> list[Finding]:
    """Run the revisions on empty databases, and compare on the way."""
    found: list[Finding] = []
    try:
        for each in databases[:-1]:
            with empty_stand_ins(binds) as originals:
                found += _altered(directory, binds, each, originals)
        with empty_stand_ins(binds) as originals:
            if databases:
                found += _altered(directory, binds, databases[-1], originals)
            _replay(directory, "heads")
            return found + _of_models(directory)
    except BatchMigrateError as error:
        if scratch:
            raise
        reporter().note(
            "What was altered by hand is not known, since the revisions do not run on "
            f"an empty database: {error.problem}"
        )
    # The databases themselves are what is left to compare the models with.
    is_at_head = all(each.is_head for each in databases)
    return _of_models(directory) if is_at_head else []


def _replay(directory: Directory, revision: str) -> None:
    """Run the revisions up to one, and say nothing of it."""
    with reporting_to(_Silent()):
        Invocation(directory).upgrade(revision, False, None)


def _altered(
    directory: Directory,
    binds: cabc.Sequence[Bind],
    database: Current,
    originals: cabc.Mapping[str, sa.Connection],
) -> list[Finding]:
    """Compare a database with what its revisions make of an empty one.

    :param originals: for each bind, a connection to the database itself; the engines
        lead to empty ones.
    """
    # Many modules, which other commands have no use for.
    from ..autogenerate.alterations import alterations
    from ..autogenerate.drops import History

    for head in database.heads:
        _replay(directory, head)
    call = Invocation(directory)
    version = call.setup.state.configure_args.get("version_table", "alembic_version")
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
            f"Database '{database.database}' is not what its revision ({at}) makes; it"
            f" was altered by hand: {'; '.join(differing)}",
            "Undo that by hand, or put it into the models and a revision.",
        )
    ]


class _Silent(Reporter):
    """Says nothing of what runs on an empty database only to be looked at."""

    def note(self, text: str) -> None:
        """Keep it back."""

    warning = waiting = note

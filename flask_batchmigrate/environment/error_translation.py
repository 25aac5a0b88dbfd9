"""Turns the errors of the layers below into errors of the project's family.

The problem and the remedy come from the original error, and the state of the databases
comes from the run. Only the errors of Alembic and of the drivers, which are mere text,
are recognised by their words.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import errno
import os
import pathlib
import re
import sqlite3
import traceback
import types
import typing as t

import sqlalchemy as sa
from alembic.script import revision
from alembic.util import CommandError

from .. import errors
from ..project.binds import Bind
from ..settings import SetupError
from ..sqlite.error_codes import is_busy
from ..sqlite.error_codes import remedy_for_lack
from ..sqlite.errors import AlreadyThere
from ..sqlite.errors import DescribedError
from ..sqlite.errors import EngineError
from ..sqlite.errors import NotWritable
from ..sqlite.errors import UNCHANGED
from ..sqlite.transaction.lock_wait import StillLocked
from .config import escaped
from .config import Setup
from .connection.committed_steps import RehearsalOver
from .failed_indexes import remedy_for_index
from .outcome import own_state
from .outcome import state_after_script
from .outcome import state_of
from .places import line_in
from .places import place_in

if t.TYPE_CHECKING:
    from .run_state import Run


@contextlib.contextmanager
def translated(setup: Setup, run: Run | None = None) -> cabc.Iterator[None]:
    """Raise errors of the project's family instead of those of the block.

    The original is the ``__cause__``. An error that is a defect of this project or of
    a library keeps its class and its traceback.

    :param run: the run, if one has begun.
    """
    try:
        yield
    except (errors.BatchMigrateError, SetupError, RehearsalOver):
        raise
    except KeyboardInterrupt as error:
        if run is None or error.args:
            raise
        state = UNCHANGED if run.unchanged else errors.UNCERTAIN
        raise KeyboardInterrupt(f"Interrupted. {state.text}") from error
    except Exception as error:
        family = _translate(error, setup, run)
        if family is None:
            raise
        _hide_passwords(family, run)
        raise family from (family.__cause__ if family is error.__context__ else error)


def _hide_passwords(error: errors.BatchMigrateError, run: Run | None) -> None:
    """Hide the passwords of URLs that a script has got from Alembic's config."""
    for bind in run.scope.known if run is not None else ():
        url = bind.engine.url
        shown, hidden = (url.render_as_string(hide_password=h) for h in (False, True))
        for secret in (shown, escaped(shown)) if url.password else ():
            error.problem = error.problem.replace(secret, hidden)
            error.remedy = error.remedy.replace(secret, hidden)
    error.args = (error.problem, error.remedy)


def _translate(
    error: Exception, setup: Setup, run: Run | None
) -> errors.BatchMigrateError | None:
    """Return the error to raise instead, or None to leave it."""
    if run is not None and run.failure is not None:
        if isinstance(run.failure.error, NotWritable):
            # The script is not to blame.
            return _of_engine(run.failure.error, run)
        return _of_revision(run)
    # Alembic hides an error of ours where a template fails, and where it stumbles on
    # leaving an environment in which another one was entered.
    if isinstance(error, CommandError | KeyError) and isinstance(
        error.__context__, errors.BatchMigrateError
    ):
        return error.__context__
    if isinstance(error, CommandError):
        return _of_command(error, setup, run)
    if isinstance(error, EngineError):
        return _of_engine(error, run)
    if isinstance(error, sa.exc.DBAPIError | sqlite3.Error):
        return _of_database(error, run)
    if isinstance(error, OSError) and (error.filename is not None or _is_full(error)):
        path = pathlib.Path(os.fsdecode(error.filename or setup.folder.path))
        return errors.MigrationFolderError(
            f"'{path}': {error.strerror}",
            f"Check that the folder '{setup.folder.path}' can be written to.",
            state=state_of(run),
            path=path,
        )
    if isinstance(error, AssertionError) and _is_raised_in(error, revision):
        # Alembic's own words for a target beyond the newest revision.
        return errors.UnknownRevision(
            "The target is beyond the last revision, or cannot be reached",
            _SHOWS,
            state=state_of(run),
        )
    if isinstance(error, revision.RevisionError):
        return errors.BrokenScript(_one_line(str(error)), state=state_of(run))
    return _of_script(error, setup, run)


def _is_full(error: OSError) -> bool:
    """Tell whether a disk is full; the system does not say for which file."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _of_engine(error: EngineError, run: Run | None) -> errors.DatabaseError:
    """Describe an error of the SQLite engine that no revision's script caused."""
    kind, (problem, remedy) = errors.DatabaseError, _describe(error)
    if isinstance(error, NotWritable):
        kind = errors.DatabaseUnavailable
    elif isinstance(error.__context__, StillLocked):
        kind = errors.LockTimeout
        remedy = f"{remedy}. 'BATCHMIGRATE_LOCK_TIMEOUT' is how long it waits."
    family = kind(
        problem,
        remedy,
        state=own_state(error, run) or state_of(run),
        table=error.table,
        column=error.column,
    )
    family.state_last = error.state_last
    return family


def _of_revision(run: Run) -> errors.RevisionFailed:
    """Describe the error of a revision's script."""
    failure = run.failure
    assert failure is not None
    error, path = failure.error, pathlib.Path(failure.script.path)
    line = line_in(error, path)
    where = f" on '{failure.bind.database}'" if failure.bind else ""
    problem, remedy = _describe(error)
    remedy = remedy_for_lack(problem) or remedy
    remedy = remedy or remedy_for_index(error, failure.script.revision, line)
    state = own_state(error, run) or state_after_script(run, line)
    if not run.heads and state == UNCHANGED and _is_there_already(error):
        remedy = remedy or _STAMP
    is_engine = isinstance(error, EngineError)
    kind = errors.AlterationError if is_engine else errors.RevisionFailed
    return kind(
        f"Revision '{failure.script.revision}'{where} failed"
        f" ('{path}'{'' if line is None else f', line {line}'}): {problem}",
        remedy,
        state=state,
        table=error.table if isinstance(error, DescribedError) else None,
        column=error.column if isinstance(error, DescribedError) else None,
        revision=failure.script.revision,
        path=path,
        line=line,
        bind=failure.bind.key if failure.bind else None,
    )


_STAMP: t.Final = (
    "If the tables were made without migrations, as by db.create_all(), run 'flask db "
    "stamp <revision>' instead, with the revision that they correspond to."
)


def _is_there_already(error: Exception) -> bool:
    """Return whether a script wanted to create an object that the database has."""
    if isinstance(error, EngineError):
        return isinstance(error, AlreadyThere)
    # Databases say so in words only; each has numbers of its own for it.
    return _is_of_driver(error) and "already exists" in errors.words(error)


def _of_command(
    error: CommandError, setup: Setup, run: Run | None
) -> errors.BatchMigrateError:
    """Return the project's error for an error of Alembic."""
    cause = error.__cause__
    text, state = _one_line(str(error)), state_of(run)
    if isinstance(cause, revision.MultipleHeads):
        heads = tuple(cause.heads)
        return errors.MultipleHeads(
            f"There are several heads: {_quoted(heads)}",
            "Join them with 'flask db merge', or name one of them, or 'heads' for all.",
            heads=heads,
            state=state,
        )
    if isinstance(cause, revision.ResolutionError):
        return _of_missing_revision(str(cause.argument), text, setup, run)
    if text.startswith("Target database is not up to date"):
        name = run.reached.database if run and run.reached else ""
        stored = run is not None and bool(run.heads)
        return errors.DatabaseNotUpToDate(
            f"Database '{name}' is not at the newest revision, so it cannot be compared"
            " with the models",
            "Run 'flask db upgrade' first. If the newest revision is yours alone, "
            "'flask db migrate --amend' generates it anew."
            + ("" if stored else f" {_STAMP}"),
            state=state,
        )
    if isinstance(cause, revision.RevisionError):
        remedy = next((r for said, r in _REMEDIES if said in text), "")
        return errors.UnknownRevision(text, remedy, state=state)
    if nameless := _NAMELESS.match(text):
        path = setup.folder.path / "versions" / nameless[1]
        return errors.BrokenScript(
            f"'{path}' has no 'revision'",
            "Name the revision's id, or move the file elsewhere.",
            state=state,
            path=path,
        )
    return errors.BatchMigrateError(text, state=state)


_SHOWS: t.Final = (
    "'flask db current' shows where the database is, and 'flask db history' the "
    "revisions."
)
#: The remedy for each of Alembic's messages about a target, by a part of the message.
_REMEDIES: t.Final = (
    ("didn't produce", f"There are fewer revisions on the way: {_SHOWS}"),
    ("Walked too far", f"There are fewer revisions on the way: {_SHOWS}"),
    (
        "Ambiguous walk",
        "Branches run side by side there, so a number of steps does not tell which "
        f"of them is meant: name a revision. {_SHOWS}",
    ),
    (
        "not a valid downgrade target",
        "The target is not below the revision that the database is at, or a number of "
        f"steps does not tell which branch is meant: name a revision. {_SHOWS}",
    ),
)
_NAMELESS: t.Final = re.compile(
    r"Could not determine revision id from filename (.+?\.py[co]?)\. Be sure"
)


def _of_missing_revision(
    name: str, text: str, setup: Setup, run: Run | None
) -> errors.UnknownRevision:
    """Describe a revision without a file, which was named or is stored."""
    versions, state = setup.folder.path / "versions", state_of(run)
    if run is not None and name in run.heads and run.reached is not None:
        return errors.UnknownRevision(
            f"Database '{run.reached.database}' is at revision '{name}', which has "
            f"no file in '{versions}'",
            "Restore the file, or set the revision that the database really is at with "
            "'flask db stamp --purge <revision>'.",
            state=state,
            revision=name,
            bind=run.reached.key,
        )
    if "ambiguous" in text.lower() or "multiple" in text.lower():
        remedy = "Give more characters of the id."
        return errors.UnknownRevision(text, remedy, state=state, revision=name)
    return errors.UnknownRevision(
        f"There is no revision '{name}' in '{versions}'",
        "'flask db history' lists the revisions.",
        state=state,
        revision=name,
    )


def _of_database(
    error: sa.exc.DBAPIError | sqlite3.Error, run: Run | None
) -> errors.DatabaseError:
    """Describe an error of a database that no script caused."""
    bind = run.reached if run is not None else None
    name = f"Database '{bind.database}'" if bind is not None else "The database"
    state = state_of(run)
    on_sqlite = bind is None or bind.dialect == "sqlite"
    if on_sqlite and is_busy(getattr(error, "orig", None) or error):
        return errors.in_use(name, state)
    is_out_of_reach = isinstance(error, _UNREACHABLE)
    kind = errors.DatabaseUnavailable if is_out_of_reach else errors.DatabaseError
    return kind(
        f"{name}: {errors.words(error)}",
        _remedy(error, bind) if is_out_of_reach else "",
        state=state,
        bind=bind.key if bind is not None else None,
    )


_LACKING: t.Final = {
    "down_revision": "Name the revision that it follows, or None.",
    "upgrade": "Write an upgrade() that does what the revision is for.",
    "downgrade": "Write a downgrade() that undoes what upgrade() does, or restore a"
    " backup instead.",
}
"""The names that Alembic needs in a revision file, with the remedy for each."""


_UNREACHABLE: t.Final = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sqlite3.OperationalError,
)


def _remedy(error: sa.exc.DBAPIError | sqlite3.Error, bind: Bind | None) -> str:
    """Return what to do about a database that cannot be used."""
    if bind is None or bind.engine.dialect.name != "sqlite":
        return "Check that it exists, is reachable, and can be written to."
    if any(
        each in errors.words(error) for each in ("unable to open", "readonly", "I/O")
    ):
        return "Check that its folder exists and that both can be written to."
    return ""


def _of_script(
    error: Exception, setup: Setup, run: Run | None
) -> errors.BrokenScript | None:
    """Describe a file of the migrations folder that cannot be loaded."""
    if (
        isinstance(error, AttributeError)
        and isinstance(error.obj, types.ModuleType)
        and error.name in _LACKING
    ):
        path = pathlib.Path(str(getattr(error.obj, "__file__", None)))
        return errors.BrokenScript(
            f"'{path}' has no '{error.name}'",
            _LACKING[error.name],
            state=state_of(run),
            path=path,
        )
    place = place_in(error, setup.folder.path)
    if place is None:
        return None
    path, line = place
    where = f"'{path}'{'' if line is None else f', line {line}'}"
    return errors.BrokenScript(
        f"{where}: {_describe(error)[0]}",
        "Correct the file.",
        state=state_of(run),
        path=path,
        line=line,
    )


def _is_raised_in(error: Exception, module: types.ModuleType) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_code.co_filename == module.__file__


def _describe(error: Exception) -> tuple[str, str]:
    """Return the problem and the remedy of an error, each in one line.

    The problem is the message of a database, else the error's class and text.
    """
    if isinstance(error, DescribedError):
        return _one_line(error.problem), _one_line(error.remedy)
    if _is_of_driver(error):
        # The error for a lost connection has no text with some drivers.
        said = errors.words(error) or type(getattr(error, "orig", error)).__name__
        return said, ""
    if isinstance(error, CommandError):
        return _one_line(str(error)), ""
    if isinstance(error, SyntaxError):
        return _one_line(error.msg), ""
    return _one_line(f"{type(error).__name__}: {error}").rstrip(": "), ""


def _is_of_driver(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) or getattr(error, "orig", None) is not None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(names: cabc.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)

"""Turns what went wrong below into one-line errors of the project's family."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
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
from ..sqlite.errors import EngineError
from ..sqlite.errors import NotWritable
from ..sqlite.errors import TransactionError
from ..sqlite.transaction.busy import StillLocked
from .config import escaped
from .config import Setup

if t.TYPE_CHECKING:
    from .run_state import Run


_NOTHING: t.Final = "Nothing was changed."


@contextlib.contextmanager
def translated(setup: Setup, session: Run | None = None) -> cabc.Iterator[None]:
    """Raise errors of the project's family instead of those of the block.

    The original is the ``__cause__``. An error that is a defect of this project or of
    a library keeps its class and its traceback.

    :param session: the run, where one has begun.
    """
    try:
        yield
    except (errors.BatchMigrateError, SetupError):
        raise
    except KeyboardInterrupt as error:
        if session is None or error.args:
            raise
        state = _UNCHANGED if session.unchanged else errors.INTERRUPTED
        raise KeyboardInterrupt(f"Interrupted. {state}") from error
    except Exception as error:
        family = _translate(error, setup, session)
        if family is None:
            raise
        _hide_passwords(family, session)
        raise family from (family.__cause__ if family is error.__context__ else error)


def _hide_passwords(error: errors.BatchMigrateError, session: Run | None) -> None:
    """Show URLs that a script has from Alembic's config as they may be shown."""
    text = str(error)
    for target in session.plan.known if session is not None else ():
        url = target.engine.url
        shown, hidden = (url.render_as_string(hide_password=h) for h in (False, True))
        for secret in (shown, escaped(shown)) if url.password else ():
            text = text.replace(secret, hidden)
    if text != str(error):
        error.args = (text, *error.args[1:])


def _translate(
    error: Exception, setup: Setup, session: Run | None
) -> errors.BatchMigrateError | None:
    """Return the error to raise instead, or None to leave it."""
    if session is not None and session.failure is not None:
        if isinstance(session.failure.error, NotWritable):
            # Whatever the script did, it is not to blame.
            return errors.DatabaseUnavailable(_sentence(str(session.failure.error)))
        return _of_revision(session)
    # Alembic hides an error of ours where a template fails, and where it stumbles on
    # leaving an environment in which another one was entered.
    if isinstance(error, CommandError | KeyError) and isinstance(
        error.__context__, errors.BatchMigrateError
    ):
        return error.__context__
    if isinstance(error, CommandError):
        return _of_command(error, setup, session)
    if isinstance(error, EngineError):
        text = _told_of_others(_sentence(str(error)), session)
        if isinstance(error.__context__, StillLocked):
            return errors.LockTimeout(
                f"{text} 'BATCHMIGRATE_LOCK_TIMEOUT' is how long it waits."
            )
        return errors.DatabaseError(text)
    if isinstance(error, sa.exc.DBAPIError | sqlite3.Error):
        return _of_database(error, session)
    if isinstance(error, OSError) and error.filename is not None:
        return errors.MigrationFolderError(
            f"'{error.filename}': {error.strerror}. Check that the folder "
            f"'{setup.folder.path}' may be written."
        )
    if isinstance(error, AssertionError) and _is_raised_in(error, revision):
        # Alembic's own words for a target beyond the newest revision.
        return errors.UnknownRevision(
            "The target is beyond the last revision, or none that can be reached. "
            f"Nothing was changed. {_SHOWS}."
        )
    if isinstance(error, revision.RevisionError):
        return errors.BrokenScript(f"{_sentence(str(error))} Nothing was changed.")
    return _of_script(error, setup)


def _told_of_others(text: str, session: Run | None) -> str:
    """Correct an error of one database where another was migrated before it."""
    done = [t.name for t in session.transactions if t.commits] if session else []
    if not done or not text.endswith(_NOTHING):
        return text
    return (
        f"{text.removesuffix(_NOTHING)}It was not changed; {', '.join(done)} had been"
        " migrated before it and stays so. Run the command again to complete it."
    )


def _of_revision(session: Run) -> errors.BatchMigrateError:
    """Describe a revision's script that raised."""
    failure = session.failure
    assert failure is not None
    error, path = failure.error, pathlib.Path(failure.script.path)
    line = _line_in(error, path)
    where = f" on '{failure.target.database}'" if failure.target else ""
    text = (
        f"Revision '{failure.script.revision}'{where} failed"
        f" ('{path}'{'' if line is None else f', line {line}'}): {_describe(error)}"
    )
    # The transaction's own errors say themselves what has become of the changes.
    if not isinstance(error, TransactionError):
        text = text.replace(_UNCHANGED, "").rstrip()
        text = f"{_sentence(text)} {_state(session, line)}".rstrip()
        if "already exists" in text and not session.heads and session.unchanged:
            text = f"{text} {_STAMP}"
    is_engine = isinstance(error, EngineError)
    kind = errors.AlterationError if is_engine else errors.RevisionFailed
    return kind(_sentence(text), failure.script.revision, path, line)


_UNCHANGED: t.Final = "Nothing was changed."
_STAMP: t.Final = (
    "If its tables were made without migrations, as by db.create_all(), run 'flask db "
    "stamp <revision>' instead, with the revision that they correspond to."
)


def _state(session: Run, line: int | None) -> str:
    """Say what a failed revision left behind.

    :param line: where it failed.
    """
    if session.unchanged:
        return _UNCHANGED
    if not session.undoes_tables:
        target = session.reached
        kind = "This database" if target is None else _KINDS.get(target.dialect, "It")
        where = "the error" if line is None else f"line {line}"
        return (
            f"{kind} does not undo changes of tables: what the revision did before "
            f"{where} stays, and so do the revisions before it; the revision itself is "
            f"not stored. Undo by hand what it did, or take that out of the script, "
            "and run the command again."
        )
    if session.progress.committed:
        return "What ran before it was committed."
    return ""


def _of_command(
    error: CommandError, setup: Setup, session: Run | None
) -> errors.BatchMigrateError:
    """Give an error of Alembic its place in the family."""
    cause = error.__cause__
    text = _sentence(str(error))
    if isinstance(cause, revision.MultipleHeads):
        heads = tuple(cause.heads)
        return errors.MultipleHeads(
            f"There are several heads: {_quoted(heads)}. Nothing was changed. Join "
            "them with 'flask db merge', or name one of them, or 'heads' for all.",
            heads,
        )
    if isinstance(cause, revision.ResolutionError):
        return _of_missing_revision(str(cause.argument), text, setup, session)
    if text.startswith("Target database is not up to date"):
        name = session.reached.database if session and session.reached else ""
        stored = session is not None and bool(session.heads)
        return errors.DatabaseNotUpToDate(
            f"Database '{name}' is not at the newest revision, so it cannot be compared"
            " with the models. Nothing was changed. Run 'flask db upgrade' first."
            + ("" if stored else f" {_STAMP}")
        )
    if isinstance(cause, revision.RevisionError):
        remedy = next((r for said, r in _REMEDIES if said in text), "")
        return errors.UnknownRevision(f"{text} Nothing was changed. {remedy}".rstrip())
    if nameless := _NAMELESS.match(text):
        path = setup.folder.path / "versions" / nameless[1]
        return errors.BrokenScript(
            f"'{path}' has no 'revision'. Nothing was changed. Name the revision's id, "
            "or move the file elsewhere.",
            path,
        )
    return errors.BatchMigrateError(text)


_KINDS: t.Final = {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}
_SHOWS: t.Final = (
    "'flask db current' shows where the database is, and 'flask db history' the "
    "revisions"
)
#: What to do about what Alembic says of a target, by a part of it.
_REMEDIES: t.Final = (
    ("didn't produce", f"There are not so many on the way: {_SHOWS}."),
    ("Walked too far", f"There are not so many on the way: {_SHOWS}."),
    (
        "Ambiguous walk",
        "Several revisions follow one another side by side there, so steps do not tell "
        f"which is meant: name a revision. {_SHOWS}.",
    ),
    (
        "not a valid downgrade target",
        "It is not below the revision that the database is at, or steps do not tell "
        f"which branch is meant: name a revision. {_SHOWS}.",
    ),
)
_NAMELESS: t.Final = re.compile(
    r"Could not determine revision id from filename (.+?\.py[co]?)\. Be sure"
)


def _of_missing_revision(
    name: str, text: str, setup: Setup, session: Run | None
) -> errors.UnknownRevision:
    """Describe a revision without a file: asked for, or stored in a database."""
    versions = setup.folder.path / "versions"
    if session is not None and name in session.heads and session.reached is not None:
        return errors.UnknownRevision(
            f"Database '{session.reached.database}' is at revision '{name}', which has "
            f"no file in '{versions}'. Nothing was changed. Restore the file, or set "
            "the revision that the database really is at with "
            "'flask db stamp --purge <revision>'."
        )
    if "ambiguous" in text.lower() or "multiple" in text.lower():
        return errors.UnknownRevision(f"{text} Nothing was changed.")
    return errors.UnknownRevision(
        f"There is no revision '{name}' in '{versions}'. Nothing was changed. "
        "'flask db history' lists those there are."
    )


def _of_database(
    error: sa.exc.DBAPIError | sqlite3.Error, session: Run | None
) -> errors.DatabaseError:
    """Describe an error of a database that no script caused."""
    target = session.reached if session is not None else None
    name = f"Database '{target.database}'" if target is not None else "The database"
    changed = "Nothing was changed. " if session and session.unchanged else ""
    text = f"{name}: {_sentence(_describe(error))} {changed}"
    on_sqlite = target is None or target.dialect == "sqlite"
    if on_sqlite and is_busy(getattr(error, "orig", None) or error):
        return errors.in_use(name)
    if isinstance(error, _UNREACHABLE):
        return errors.DatabaseUnavailable(f"{text}{_remedy(error, target)}".rstrip())
    return errors.DatabaseError(text.strip())


_LACKING: t.Final = {
    "down_revision": "Name the revision that it follows, or None.",
    "upgrade": "Write an upgrade() that does what the revision is for.",
    "downgrade": "Write a downgrade() that undoes what upgrade() does, or restore a"
    " backup instead.",
}
"""What Alembic takes from a file of a revision, and what to do where it is not."""


_UNREACHABLE: t.Final = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sqlite3.OperationalError,
)


def _remedy(error: sa.exc.DBAPIError | sqlite3.Error, target: Bind | None) -> str:
    """Say what to do about a database that cannot be used."""
    if target is None or target.engine.dialect.name != "sqlite":
        return "Check that it exists, is reachable, and may be written."
    if any(
        each in errors.words(error) for each in ("unable to open", "readonly", "I/O")
    ):
        return "Check that its folder exists and that both may be written."
    return ""


def _of_script(error: Exception, setup: Setup) -> errors.BrokenScript | None:
    """Describe a file of the migrations folder that cannot be loaded."""
    if (
        isinstance(error, AttributeError)
        and isinstance(error.obj, types.ModuleType)
        and error.name in _LACKING
    ):
        path = pathlib.Path(str(getattr(error.obj, "__file__", None)))
        remedy = _LACKING[error.name]
        return errors.BrokenScript(
            f"'{path}' has no '{error.name}'. Nothing was changed. {remedy}", path
        )
    place = _place_in(error, setup.folder.path)
    if place is None:
        return None
    path, line = place
    where = f"'{path}'{'' if line is None else f', line {line}'}"
    return errors.BrokenScript(
        f"{where}: {_describe(error)}. Nothing was changed. Correct the file.",
        path,
        line,
    )


def _is_raised_in(error: Exception, module: types.ModuleType) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == module.__file__


def _place_in(
    error: Exception, folder: pathlib.Path
) -> tuple[pathlib.Path, int | None] | None:
    """Return the innermost file of a folder that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename:
        path = pathlib.Path(error.filename)
        if folder in path.parents or folder.resolve() in path.parents:
            return path, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = pathlib.Path(frame.filename)
        if folder in path.parents or folder.resolve() in path.parents:
            return path, frame.lineno
    return None


def _line_in(error: Exception, path: pathlib.Path) -> int | None:
    """Return the line of a file that an error comes from."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if pathlib.Path(frame.filename) == path:
            return frame.lineno
    return None


def _describe(error: Exception) -> str:
    """Return an error in one line: a database's own words, else class and text."""
    if isinstance(error, sqlite3.Error) or getattr(error, "orig", None) is not None:
        return errors.words(error)
    if isinstance(error, EngineError | CommandError):
        return _one_line(str(error))
    if isinstance(error, SyntaxError):
        return _one_line(error.msg)
    return _one_line(f"{type(error).__name__}: {error}").rstrip(": ")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    text = _one_line(text).rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _quoted(names: cabc.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)

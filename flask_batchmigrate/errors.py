"""The family of errors of the commands.

An error carries the problem, the place, the remedy and the state in which it left the
databases; its message consists of these. Every class is an
:class:`alembic.util.CommandError`, so code that catches Alembic's errors catches these.
Mistakes in the set-up of the extension, which are found before Alembic is loaded, are
:class:`~flask_batchmigrate.settings.SetupError`.
"""

from __future__ import annotations

import pathlib
import typing as t

from alembic.util import CommandError

from .sqlite.errors import DescribedError
from .sqlite.errors import Outcome as Outcome
from .sqlite.errors import State as State
from .sqlite.errors import UNCHANGED as UNCHANGED

#: No file was written, and no database was read.
NOTHING_WRITTEN: t.Final = State(Outcome.UNCHANGED, "No file was written.")
#: A file was written.
ONLY_WRITTEN: t.Final = State(Outcome.UNCHANGED, "No database was changed.")


def words(error: BaseException) -> str:
    """Return the message of a driver's error, in one line.

    The errors of MySQL's drivers have a number and a text as their arguments, those of
    pg8000 a dictionary.

    :param error: an error of a driver, or of SQLAlchemy around one.
    """
    original: BaseException = getattr(error, "orig", None) or error
    match original.args:
        case (int(code), str(text)):
            message = f"{text} ({code})"
        case ({"M": str(text)},):
            message = text
        case _:
            message = str(original)
    return " ".join(message.split())


class BatchMigrateError(DescribedError, CommandError):
    """Base of every error of the commands; the message is one line to act on."""


class NoApplication(BatchMigrateError):
    """A command was called outside an application context, or before ``init_app``."""

    state = UNCHANGED


class AlreadyRunning(BatchMigrateError):
    """A migration command was called from inside a running migration."""


class MigrationFolderError(BatchMigrateError):
    """The migrations folder is missing, not empty, or cannot be written."""

    state = UNCHANGED


class UnknownTemplate(BatchMigrateError):
    """There is no template of that name for ``init``."""

    state = NOTHING_WRITTEN


class UnknownRevision(BatchMigrateError):
    """A revision that was named, or is stored in a database, has no file."""

    state = UNCHANGED


class MultipleHeads(BatchMigrateError):
    """The history has several heads where one was needed.

    :param problem: what is wrong.
    :param remedy: what to do about it.
    :param heads: the ids of the heads.
    :param state: the state in which the databases were left.
    """

    state = UNCHANGED

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        *,
        heads: tuple[str, ...] = (),
        state: State | None = None,
    ) -> None:
        super().__init__(problem, remedy, state=state)
        self.heads = heads


class BrokenScript(BatchMigrateError):
    """A file of the migrations folder cannot be loaded, or does not fit the others.

    ``path`` is the file, and ``line`` the line that is to blame, if it is known.
    """

    state = UNCHANGED


class RevisionFailed(BatchMigrateError):
    """A revision's script raised an error, which is the ``__cause__``.

    ``revision`` is the id, ``path`` the file, and ``line`` the line that was running.
    """

    state_last = True
    revision: str
    path: pathlib.Path


class AlterationError(RevisionFailed):
    """The SQLite engine refused a change of a revision; it changed nothing.

    ``table`` and ``column`` are the table and column concerned, if they are known.
    """


class DatabaseError(BatchMigrateError):
    """A database answered with an error that no revision's script caused."""


class DatabaseUnavailable(DatabaseError):
    """A database cannot be reached, opened or written."""


class LockTimeout(DatabaseError):
    """Another process kept the database locked for ``BATCHMIGRATE_LOCK_TIMEOUT``."""


class DatabaseNotUpToDate(BatchMigrateError):
    """The database has to be upgraded before a revision can be generated from it."""

    state = UNCHANGED


class DatabaseNotStamped(BatchMigrateError):
    """A database that was to be upgraded automatically has tables but no revision."""

    state = UNCHANGED


class NoModels(BatchMigrateError):
    """The metadata holds no tables, so there is nothing to compare a database with."""

    state = UNCHANGED


class SchemaDiffers(BatchMigrateError):
    """``check`` found differences between the models and the database.

    :param problem: what is wrong.
    :param remedy: what to do about it.
    :param diffs: the differences, as Alembic's ``compare_metadata`` returns them.
    """

    state = UNCHANGED

    def __init__(self, problem: str, remedy: str, diffs: list[t.Any]) -> None:
        super().__init__(problem, remedy)
        self.diffs = diffs


class NotVerified(BatchMigrateError):
    """A generated script was written, but fails or has the wrong result.

    :param path: the file.
    :param problems: sentences that describe what is not right.
    """

    state = ONLY_WRITTEN

    def __init__(self, path: pathlib.Path, problems: list[str]) -> None:
        super().__init__(
            f"'{path}' was written, but it does not pass the verification: "
            f"{'; '.join(problems)}",
            "Correct the models and run 'flask db migrate --amend', or correct the "
            "file; if neither is wrong, delete it and report this.",
            path=path,
        )
        self.problems = problems


class UnknownBind(BatchMigrateError):
    """The application does not have a bind that was named, or two names clash."""

    state = UNCHANGED


class NotSupported(BatchMigrateError):
    """Something is out of scope, such as asynchronous engines."""

    state = UNCHANGED


#: A commit had begun, and may have succeeded.
UNCERTAIN: t.Final = State(Outcome.UNKNOWN, "'flask db current' shows what is stored.")


def in_use(name: str, state: State = UNCHANGED) -> LockTimeout:
    """Return the error for a database that another program has locked.

    :param name: the database, as the subject of a sentence.
    :param state: the state in which the databases were left.
    """
    return LockTimeout(
        f"{name} was locked by another program for longer than the application's "
        "connections wait",
        "Try again when that program has finished.",
        state=state,
    )

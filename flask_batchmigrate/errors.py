"""The family of errors of the commands; a leaf module.

Every class is an :class:`alembic.util.CommandError`, so code that caught Alembic's
errors still does. Mistakes in the set-up of the extension, which are seen before
Alembic is loaded, are :class:`~flask_batchmigrate.settings.SetupError`.
"""

from __future__ import annotations

import pathlib
import typing as t

from alembic.util import CommandError


def words(error: BaseException) -> str:
    """Return what a driver says, in one line.

    Those of MySQL have a number and a text as their arguments, pg8000 a dictionary.

    :param error: an error of a driver, or of SQLAlchemy around one.
    """
    original: BaseException = getattr(error, "orig", None) or error
    match original.args:
        case (int(code), str(text)):
            said = f"{text} ({code})"
        case ({"M": str(text)},):
            said = text
        case _:
            said = str(original)
    return " ".join(said.split())


class BatchMigrateError(CommandError):
    """Base of every error of the commands; the message is one line to act on."""


class NoApplication(BatchMigrateError):
    """A command was called outside an application context, or before ``init_app``."""


class AlreadyRunning(BatchMigrateError):
    """A migration command was called from inside a running migration."""


class MigrationFolderError(BatchMigrateError):
    """The migrations folder is missing, not empty, or cannot be written."""


class UnknownTemplate(BatchMigrateError):
    """There is no template of that name for ``init``."""


class UnknownRevision(BatchMigrateError):
    """A revision was asked for, or is stored in a database, that has no file."""


class MultipleHeads(BatchMigrateError):
    """The history has several heads where one was needed.

    :param message: the line to show.
    :param heads: the ids of the heads.
    """

    def __init__(self, message: str, heads: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.heads = heads


class BrokenScript(BatchMigrateError):
    """A file of the migrations folder cannot be loaded, or does not fit the others.

    :param message: the line to show.
    :param path: the file, where one is to blame.
    :param line: the line in it, counted from 1.
    """

    def __init__(
        self,
        message: str,
        path: pathlib.Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


class RevisionFailed(BatchMigrateError):
    """A revision's script raised; the original error is the ``__cause__``.

    :param message: the line to show.
    :param revision: the id of the revision.
    :param path: its file.
    :param line: the line in it that was running, counted from 1.
    """

    def __init__(
        self,
        message: str,
        revision: str,
        path: pathlib.Path,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.revision = revision
        self.path = path
        self.line = line


class AlterationError(RevisionFailed):
    """The SQLite engine refused a change of a revision; nothing was changed."""


class DatabaseError(BatchMigrateError):
    """A database answered with an error that no revision's script caused."""


class DatabaseUnavailable(DatabaseError):
    """A database cannot be reached, opened or written."""


class LockTimeout(DatabaseError):
    """Another process kept the database for all of ``BATCHMIGRATE_LOCK_TIMEOUT``."""


class DatabaseNotUpToDate(BatchMigrateError):
    """The database has to be upgraded before a revision can be generated from it."""


class DatabaseNotStamped(BatchMigrateError):
    """A database that is to be upgraded unattended has tables but no revision."""


class NoModels(BatchMigrateError):
    """The metadata holds no tables, so there is nothing to compare a database with."""


class SchemaDiffers(BatchMigrateError):
    """``check`` found differences between the models and the database.

    :param message: the line to show.
    :param diffs: the differences, as Alembic's ``compare_metadata`` returns them.
    """

    def __init__(self, message: str, diffs: list[t.Any]) -> None:
        super().__init__(message)
        self.diffs = diffs


class NotVerified(BatchMigrateError):
    """A generated script was written that fails, or does not do what it should.

    :param message: the line to show.
    :param path: the file.
    :param problems: what is not right, in sentences.
    """

    def __init__(self, message: str, path: pathlib.Path, problems: list[str]) -> None:
        super().__init__(message)
        self.path = path
        self.problems = problems


class UnknownBind(BatchMigrateError):
    """A bind was named that the application does not have, or names clash."""


class NotSupported(BatchMigrateError):
    """Something is out of scope, such as asynchronous engines."""


#: What tells the state of a database after an interrupt.
INTERRUPTED: t.Final = "'flask db current' shows what is stored."


def in_use(name: str) -> LockTimeout:
    """Make the error for a database that another program has locked.

    :param name: the database, as a sentence begins with it.
    """
    return LockTimeout(
        f"{name} was locked by another program for as long as the application's "
        "connections wait. Nothing was changed. Try again when that has finished."
    )

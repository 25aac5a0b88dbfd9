"""Lets running commands report their progress without printing."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import logging
import typing as t

if t.TYPE_CHECKING:
    from .results import Applied
    from .results import Direction
    from .results import TablePlan

log = logging.getLogger("flask_batchmigrate")


class Reporter:
    """Receives the events of a run; this class writes them to the log.

    To show them elsewhere, make a subclass and use :func:`reporting_to`. The logger is
    ``flask_batchmigrate``. It has no handler, so an application sees nothing unless it
    configures one.
    """

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        """Receive that the environment begins to work on the database of a bind.

        Binds that share a database follow one another, and are migrated together.

        :param bind: the bind key; ``''`` for the default bind.
        :param database: the database, without a password.
        :param dialect: SQLAlchemy's name for the kind of database.
        """
        log.debug("Using database '%s' (%s).", database, dialect)

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Receive that a revision's script is about to run."""

    def revision_done(self, applied: Applied) -> None:
        """Receive that a revision was run or stamped; it is not committed yet."""
        log.debug(
            "%s of '%s': %s, %.2f s.",
            applied.direction,
            applied.database,
            applied.revision,
            applied.seconds,
        )

    def table_changed(self, plan: TablePlan) -> None:
        """Receive that a table of a SQLite database was changed.

        :param plan: the plan that was carried out.
        """
        log.debug("Table '%s': %s, %s.", plan.table, plan.way, plan.reason)

    def file_written(self, path: str) -> None:
        """Receive that a file or folder of the migrations folder was written."""
        log.debug("Wrote %s.", path)

    def script_shown(self, text: str) -> None:
        """Receive the text of a script that is shown instead of written."""
        log.info(text)

    def note(self, text: str) -> None:
        """Receive a message for the user."""
        log.info(text)

    def warning(self, text: str) -> None:
        """Receive a message about something that the user probably does not want."""
        log.warning(text)

    def progress(self, table: str, step: str, fraction: float, rows: int) -> None:
        """Receive the progress of a long statement on a SQLite table.

        :param table: the table that is changed.
        :param step: the step of the plan, as ``"copying rows"``.
        :param fraction: an estimate of the finished part, from 0 to 1.
        :param rows: how many rows the table has.
        """

    def waiting(self, text: str) -> None:
        """Receive that the run waits for another process."""
        log.info(text)


class Silence(Reporter):
    """Discards notes, warnings and messages about waiting."""

    def note(self, text: str) -> None:
        """Discard the message."""

    warning = waiting = note


_reporter: contextvars.ContextVar[Reporter] = contextvars.ContextVar(
    "flask_batchmigrate_reporter",
    default=Reporter(),  # noqa: B039 - it has no state
)


def reporter() -> Reporter:
    """Return the receiver of events in this context."""
    return _reporter.get()


@contextlib.contextmanager
def reporting_to(receiver: Reporter) -> cabc.Iterator[None]:
    """Send the events of the ``with`` block to a receiver."""
    token = _reporter.set(receiver)
    try:
        yield
    finally:
        _reporter.reset(token)


@contextlib.contextmanager
def silenced() -> cabc.Iterator[None]:
    """Discard the events of the ``with`` block, and Alembic's log of its revisions.

    It is for runs on copies, which would seem to change a database.
    """

    def keep(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    logger = logging.getLogger("alembic.runtime.migration")
    logger.addFilter(keep)
    try:
        with reporting_to(Silence()):
            yield
    finally:
        logger.removeFilter(keep)


def first_line(message: str) -> str:
    """Return the first line of a revision's message, to show it among other text."""
    return next(iter(message.splitlines()), "")


__all__: t.Final = ["Reporter", "Silence", "reporter", "reporting_to", "silenced"]

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
    """Receives the events of a run; this one writes them to the log.

    Subclass it and enter :func:`reporting_to` to show them elsewhere. All of it goes
    through the ``flask_batchmigrate`` logger, which has no handler of its own, so a
    call from an application says nothing unless the application asks for it.
    """

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        """Receive that the environment has turned to a database.

        :param bind: the bind key; ``''`` for the default bind.
        :param database: the database as it may be shown.
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
        """Receive a script that was asked for and is not written.

        :param text: all of it.
        """
        log.info(text)

    def note(self, text: str) -> None:
        """Something worth a line."""
        log.info(text)

    def warning(self, text: str) -> None:
        """Something that is likely not what the user wants."""
        log.warning(text)

    def progress(self, table: str, step: str, fraction: float, rows: int) -> None:
        """Receive how far a long statement on a table of SQLite has come.

        :param table: the table that is changed.
        :param step: what is done, as ``"copying rows"``.
        :param fraction: the part that is done, from 0 to 1, as far as it can be told.
        :param rows: how many rows the table has.
        """

    def waiting(self, text: str) -> None:
        """Receive that the run waits for another process."""
        log.info(text)


class Silence(Reporter):
    """Receives the events of what runs only to be looked at, and says nothing."""

    def note(self, text: str) -> None:
        """Keep it back."""

    warning = waiting = note


_reporter: contextvars.ContextVar[Reporter] = contextvars.ContextVar(
    "flask_batchmigrate_reporter",
    default=Reporter(),  # noqa: B039 - it has no state
)


def reporter() -> Reporter:
    """Return the receiver of the events of this context."""
    return _reporter.get()


@contextlib.contextmanager
def reporting_to(receiver: Reporter) -> cabc.Iterator[None]:
    """Send the events of the ``with`` block to a receiver."""
    token = _reporter.set(receiver)
    try:
        yield
    finally:
        _reporter.reset(token)


__all__: t.Final = ["Reporter", "Silence", "reporter", "reporting_to"]

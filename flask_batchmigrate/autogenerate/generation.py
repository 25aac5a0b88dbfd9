"""One comparison of models with databases, from the first to what is said of it."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import logging
import typing as t
import warnings

import sqlalchemy as sa

from ..reporting import reporter
from . import adoption
from .imports import render_item
from .message import message
from .pipeline import improve
from .request import Request
from .verify import Start

if t.TYPE_CHECKING:
    from alembic.operations import ops

_Hook = cabc.Callable[[t.Any, t.Any, t.Any], None]

#: What Alembic warns of, and what is seen all the same.
_SEEN: t.Final = (r"Computed default on .* cannot be modified",)
#: What Alembic and SQLAlchemy warn of besides, and what is seen all the same on SQLite.
_SEEN_ON_SQLITE: t.Final = (
    r"autogenerate skipping .*expression-based index",
    r"Skipped unsupported reflection of expression-based index",
    r"Did not recognize type",
    r"Could not instantiate type",
)


class Generation:
    """What is known of it while it goes on, one database after the other.

    :param writes: a revision is written from it.
    :param request: how.
    """

    def __init__(self, writes: bool, request: Request) -> None:
        self._writes = writes
        self._request = request
        #: The SQLite databases as they were, for the proof of the script.
        self.starts: list[Start] = []
        self._message: str | None = None
        self._directives: list[ops.MigrationScript] = []
        self._unversioned: list[str] = []

    def hook(self, users: _Hook | None) -> _Hook:
        """Return what Alembic is to call with the operations that it found.

        :param users: the user's ``process_revision_directives``, which comes last.
        """
        # Whoever only compares gets differences, not questions.
        request = (
            self._request if self._writes else Request(no_rename=True, writes=False)
        )

        def process_revision_directives(
            context: t.Any, revision: t.Any, directives: list[t.Any]
        ) -> None:
            for script in directives:
                start = improve(context, script, request, users is not None)
                self.starts += [start] if start is not None else []
            self._describe(directives)
            if users is not None:
                users(context, revision, directives)
            self._directives = directives
            if self._writes:
                self._unversioned += adoption.unversioned_tables(context)

        return process_revision_directives

    def _describe(self, directives: list[ops.MigrationScript]) -> None:
        """Give revisions without a message one that is made of what they do."""
        for script in directives:
            if script.message is None or script.message == self._message:
                found = [o for each in script.upgrade_ops_list for o in each.ops]
                script.message = self._message = message(found)

    #: Returns what is to be asked how a type is written, after the user's hook.
    render_item = staticmethod(render_item)

    @contextlib.contextmanager
    def comparing(self, dialect: str) -> cabc.Iterator[None]:
        """Keep back what Alembic says while it compares and that is not so."""
        with warnings.catch_warnings(), _without_false_alarms(dialect):
            for message in _SEEN + (_SEEN_ON_SQLITE if dialect == "sqlite" else ()):
                warnings.filterwarnings("ignore", message, UserWarning)
                warnings.filterwarnings("ignore", message, sa.exc.SAWarning)
            yield

    @property
    def differences(self) -> list[t.Any]:
        """What differs, as Alembic's tuples."""
        return [
            difference
            for script in self._directives
            for operations in script.upgrade_ops_list
            for difference in operations.as_diffs()
        ]

    def conclude(self) -> None:
        """Say what is to be said when every database has been compared."""
        if not (self._writes and self._directives):
            return
        differs = not self._nothing_differs()
        if not differs:
            self._directives.clear()
            reporter().note("No changes in schema detected.")
        if self._unversioned:
            reporter().warning(adoption.advice(self._unversioned, differs))

    def _nothing_differs(self) -> bool:
        """Tell whether the revisions to be written have no operations."""
        return all(
            operations.is_empty()
            for script in self._directives
            for operations in script.upgrade_ops_list
        )


@contextlib.contextmanager
def _without_false_alarms(dialect: str) -> cabc.Iterator[None]:
    """Leave out the log of Alembic's comparison where it is not the last word.

    On SQLite it tells of differences that are none. On PostgreSQL it tells of each
    sequence that it takes for a SERIAL.
    """

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            return True
        return dialect != "sqlite" and "SERIAL" not in str(record.msg)

    names = ("tables", "constraints", "server_defaults", "types", "comments", "schema")
    loggers = [
        logging.getLogger("alembic.autogenerate.compare"),
        *(logging.getLogger(f"alembic.autogenerate.compare.{name}") for name in names),
        logging.getLogger("alembic.ddl.postgresql"),
    ]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)

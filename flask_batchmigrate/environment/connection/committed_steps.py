"""Tracks the steps of a run that are committed, which another run must not repeat."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa
from alembic.util import CommandError

from ...project.binds import Bind
from ...results import Applied
from ...sqlite.ddl.statements import is_savepoint
from ...sqlite.ddl.statements import verb

#: Statements that change nothing, even if the server commits implicitly.
_HARMLESS: t.Final = ("SELECT", "SHOW", "SET", "DESC", "DESCRIBE")


class RehearsalOver(Exception):
    """All scripts have run, and what they did is about to be stored."""


class _Closable(t.Protocol):
    """A driver connection."""

    @property
    def is_open(self) -> bool:
        """Whether it can still be used."""


def refuse_closed(
    connection: sa.Connection | None, drivers: cabc.Iterable[_Closable]
) -> None:
    """Raise an error if a script has closed the connection that was lent to it.

    :param connection: the migration's connection; in offline mode, None or a recorder.
    :param drivers: the driver connections of the run.
    :raises CommandError: the connection is closed.
    """
    if not isinstance(connection, sa.Connection):
        return
    usable = not (connection.closed or connection.invalidated)
    if not (usable and all(driver.is_open for driver in drivers)):
        raise CommandError(
            "the script closed the connection of the migration, which 'op.get_bind()' "
            "only lends to it. Leave it open."
        )


class CommittedSteps:
    """Follows the connections of a run.

    :param applied: the steps of the run; grows as they are done.
    """

    def __init__(self, applied: list[Applied]) -> None:
        self._applied = applied
        self._kept: list[Applied] = []
        #: Whether anything was committed, or a commit had begun.
        self.committed = False
        #: Whether a commit is known to have succeeded.
        self.has_stored = False
        self._stored: list[Applied] = []
        self._followed: set[sa.Connection] = set()
        #: Whether a database is of a kind for which this cannot be found out.
        self.is_uncertain = False
        self._binds: dict[sa.Connection, set[str]] = {}
        self._autocommits = False
        self._committed_here = False
        self._wrote_here = False

    @property
    def revisions(self) -> tuple[str, ...]:
        """The ids of the revisions whose steps are known to be stored, in order."""
        return tuple(dict.fromkeys(step.revision for step in self._stored))

    def follow(
        self, connection: sa.Connection, after_commit: list[cabc.Callable[[], object]]
    ) -> None:
        """Count a commit of a connection only after it has succeeded.

        SQLAlchemy's event comes before the commit, which may fail.

        :param after_commit: a list of functions that are called after each commit; one
            is added.
        """
        self._followed.add(connection)
        after_commit.append(lambda: self._store(connection))

    def watch(
        self,
        connection: sa.Connection,
        binds: tuple[Bind, ...],
        cleanup: contextlib.ExitStack,
    ) -> None:
        """Listen to a connection.

        :param binds: the binds that are migrated on it.
        :param cleanup: ends the listening.
        """
        self._binds[connection] = {bind.key for bind in binds}

        def on_commit(connection: sa.Connection) -> None:
            self.was_committed(connection)

        sa.event.listen(connection, "commit", on_commit)
        cleanup.callback(sa.event.remove, connection, "commit", on_commit)
        self.watch_statements(connection, cleanup)

    def watch_statements(
        self, connection: sa.Connection, cleanup: contextlib.ExitStack
    ) -> None:
        """Listen to the statements on a connection.

        :param cleanup: ends the listening.
        """

        def after_execute(
            connection: t.Any, cursor: t.Any, sql: str, *_: t.Any
        ) -> None:
            self._wrote_here |= not (verb(sql) in _HARMLESS or is_savepoint(sql))

        sa.event.listen(connection, "after_cursor_execute", after_execute)
        cleanup.callback(
            sa.event.remove, connection, "after_cursor_execute", after_execute
        )

    def was_committed(self, connection: sa.Connection) -> None:
        """Note that the transaction of a connection was committed, by any means."""
        self.committed = self._committed_here = True
        self._keep(connection)

    def was_ended_by_server(self, connection: sa.Connection) -> None:
        """Note that a server has committed implicitly, because of a change of a table.

        That change may be the statement that failed, and may be the first of all.
        """
        before = self._committed_here
        self.was_committed(connection)
        self._committed_here = before or self._wrote_here

    def is_autocommitting(self, connection: sa.Connection) -> None:
        """Note that each statement on a connection is committed at once.

        This is called when a revision is about to run on the connection.
        """
        self.committed = self._autocommits = True
        self._keep(connection)

    def _keep(self, connection: sa.Connection) -> None:
        binds = self._binds.get(connection, set())
        new = [step for step in self._applied if step not in self._kept]
        self._kept += [step for step in new if step.bind in binds]
        if connection not in self._followed:
            self._store(connection)

    def _store(self, connection: sa.Connection) -> None:
        binds = self._binds.get(connection, set())
        new = [step for step in self._applied if step not in self._stored]
        self._stored += [step for step in new if step.bind in binds]
        self.has_stored = True

    def revision_started(self) -> None:
        """Note that the next revision begins, and that the one before it has ended."""
        self._committed_here = self._wrote_here = self._autocommits = False

    def is_unchanged(self, transactional: bool) -> bool:
        """Return whether the run certainly committed nothing.

        :param transactional: whether the databases undo changes of tables.
        """
        return transactional and not (self.committed or self.is_uncertain)

    def can_begin_again(self, transactional: bool) -> bool:
        """Return whether the current revision certainly committed nothing.

        :param transactional: whether the databases undo changes of tables.
        """
        undone = transactional and not (self._autocommits or self.is_uncertain)
        return not self._committed_here and (undone or not self._wrote_here)

    def forget_undone(self) -> None:
        """Remove the steps that were not committed."""
        self._applied[:] = self._kept
        self.revision_started()

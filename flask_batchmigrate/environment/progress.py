"""What of a run is committed: what would be done twice if the run began again."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import re
import typing as t

import sqlalchemy as sa
from alembic.util import CommandError

from ..results import Applied
from .targets import Target

#: Statements after which nothing is different, whatever the server commits by itself.
_HARMLESS: t.Final = re.compile(r"\s*(SELECT|SHOW|SET|DESC|DESCRIBE|EXPLAIN)\b", re.I)


class _Closable(t.Protocol):
    """A driver connection."""

    @property
    def is_open(self) -> bool:
        """Whether it can still be used."""


def refuse_closed(
    connection: sa.Connection | None, drivers: cabc.Iterable[_Closable]
) -> None:
    """Refuse to go on when a script has closed what it was lent.

    :param connection: the migration's; offline there is none, or one that only records.
    :param drivers: the driver connections of the run.
    :raises CommandError: nothing can be run on it any more.
    """
    if not isinstance(connection, sa.Connection):
        return
    usable = not (connection.closed or connection.invalidated)
    if not (usable and all(driver.is_open for driver in drivers)):
        raise CommandError(
            "the script closed the connection of the migration, which 'op.get_bind()' "
            "only lends to it. Leave it open."
        )


class Progress:
    """Follows the connections of a run.

    :param applied: the steps of the run; grows as they are done.
    """

    def __init__(self, applied: list[Applied]) -> None:
        self._applied = applied
        self._kept: list[Applied] = []
        #: Whether anything was committed at all.
        self.committed = False
        self._committed_here = False
        self._wrote_here = False

    def watch(
        self,
        connection: sa.Connection,
        targets: tuple[Target, ...],
        cleanup: contextlib.ExitStack,
    ) -> None:
        """Listen to a connection.

        :param targets: the binds that are migrated on it.
        :param cleanup: ends the listening.
        """
        binds = {target.bind for target in targets}

        def on_commit(connection: sa.Connection) -> None:
            self.committed = self._committed_here = True
            new = [step for step in self._applied if step not in self._kept]
            self._kept += [step for step in new if step.bind in binds]

        def after_execute(
            connection: t.Any, cursor: t.Any, sql: str, *_: t.Any
        ) -> None:
            self._wrote_here |= not _HARMLESS.match(sql)

        for name, function in (
            ("commit", on_commit),
            ("after_cursor_execute", after_execute),
        ):
            sa.event.listen(connection, name, function)
            cleanup.callback(sa.event.remove, connection, name, function)

    def revision_started(self) -> None:
        """What came before is done, or will be undone with what comes now."""
        self._committed_here = self._wrote_here = False

    def can_begin_again(self, transactional: bool) -> bool:
        """Tell whether nothing that the current revision has done is there to stay.

        :param transactional: the databases undo changes of tables.
        """
        return not self._committed_here and (transactional or not self._wrote_here)

    def forget_undone(self) -> None:
        """Drop the steps that were not committed."""
        self._applied[:] = self._kept
        self.revision_started()

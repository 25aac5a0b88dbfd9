"""Upgrades the databases, unless one has tables that no revision made.

It loads Alembic, so the gate loads it only if there is something to upgrade.
"""

from __future__ import annotations

from alembic import context

from ..commands.upgrading import upgrade
from ..reporting import Reporter
from ..reporting import reporting_to
from ..results import Applied
from ..results import Direction
from ..status import not_stamped
from ..status import tables_in


def upgrade_if_known() -> list[Applied]:
    """Upgrade every database, unless one has tables but no revision.

    :return: the revisions that were applied, in order.
    :raises DatabaseNotStamped: a database has tables but no revision.
    """
    with reporting_to(_RefuseUnstamped()):
        return upgrade()


class _RefuseUnstamped(Reporter):
    """Stops a run before its first revision if the database has unknown tables.

    The check is a part of the run, which holds the database's lock. A check from
    outside may happen between the first table and the first stored revision of another
    process.
    """

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Check the database that the revision is about to change.

        :raises DatabaseNotStamped: it has tables and no revision.
        """
        running = context.get_context()
        others = tables_in(running) - {running.version_table}
        if others and not running.get_current_heads():
            raise not_stamped(context.get_bind().engine.url, bind)
        super().revision_started(bind, direction, revision, message)

"""The revisions of the databases, compared with the migrations folder."""

from __future__ import annotations

import dataclasses
import os
import typing as t

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from .commands.upgrading import upgrade
from .environment.applied import applied_revisions
from .environment.invocation import Invocation
from .errors import DatabaseNotStamped
from .project.binds import display
from .reporting import log
from .reporting import Reporter
from .reporting import reporting_to
from .results import Applied
from .results import Direction

State: t.TypeAlias = t.Literal["current", "pending", "unstamped", "newer"]


@dataclasses.dataclass(frozen=True, slots=True)
class PendingRevision:
    """A revision that a database has yet to get.

    :param revision: its id.
    :param message: the first paragraph of the script's docstring.
    """

    revision: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class ListedRevision:
    """A revision of the migrations folder, and whether a database has it.

    :param revision: its id.
    :param message: the first paragraph of the script's docstring.
    :param is_applied: ``None`` where nobody can tell, since the database is at a
        revision that has no file.
    """

    revision: str
    message: str
    is_applied: bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where one database stands.

    :param bind: the bind key; ``''`` for the default bind.
    :param database: the database as it may be shown: no password.
    :param state: ``current``: nothing is left to do. ``pending``: an upgrade is.
        ``unstamped``: the database has tables and no revision, so that an upgrade by
        itself could not know what they are. ``newer``: it is at a revision that has no
        file, as after a rollback of the code.
    :param current: the ids stored in the database; empty before the first upgrade.
    :param heads: the ids of the newest revisions of the migrations folder.
    :param pending: what an upgrade would run, in order; empty where the state is
        ``newer``, since nobody can tell.
    :param differing: the tables that differ from their models; ``None`` where that was
        not asked for, or they could not be compared.
    :param dialect: SQLAlchemy's name for the kind of database.
    :param revisions: all revisions of the migrations folder, the oldest first.
    """

    bind: str
    database: str
    state: State
    current: tuple[str, ...]
    heads: tuple[str, ...]
    pending: tuple[PendingRevision, ...]
    differing: tuple[str, ...] | None = None
    dialect: str = ""
    revisions: tuple[ListedRevision, ...] = ()

    @property
    def pending_count(self) -> int:
        """The number of revisions that an upgrade would run."""
        return len(self.pending)


def read(
    compare: bool = False,
    refuse_unstamped: bool = False,
    directory: str | os.PathLike[str] | None = None,
) -> list[DatabaseStatus]:
    """Return where each database of the current application stands.

    Nothing is changed, and a SQLite file that does not exist is not made.

    :param compare: also tell which tables differ from their models.
    :param refuse_unstamped: stop at a database with tables that surely no revision
        made. Where there is a table for the revision, if an empty one, another process
        may be in the middle of its first upgrade.
    :param directory: another migrations folder than the application's own.
    :raises DatabaseNotStamped: naming that database.
    :raises DatabaseUnavailable: a database cannot be reached.
    :raises MigrationFolderError: there is no migrations folder.
    """
    call = Invocation(directory)
    found: list[DatabaseStatus] = []
    with call.translated():
        scripts = call.scripts()

        def look(stored: t.Any, context: MigrationContext) -> None:
            # Scripts may ask for the configuration when they are loaded: not before.
            history = list(scripts.walk_revisions())[::-1]
            heads = tuple(sorted(scripts.get_heads()))
            current, unknown_tables = tuple(sorted(stored)), False
            if not current:
                tables = _tables(context)
                unknown_tables = bool(tables - {context.version_table})
                if refuse_unstamped and tables and context.version_table not in tables:
                    bind = call.setup.active[0]
                    raise _not_stamped(bind.engine.url, bind.key)
                # Once more: another process may just have committed its first upgrade.
                current = tuple(sorted(context.get_current_heads()))
            applied = applied_revisions(scripts, history, current)
            state, pending = _judge(history, applied, current, unknown_tables)
            differing = None
            if compare and any(bind.has_tables for bind in call.setup.active):
                differing = _differing(context)
            for bind in call.setup.active:
                found.append(
                    DatabaseStatus(
                        bind.key,
                        bind.database,
                        state,
                        current,
                        heads,
                        pending,
                        differing,
                        bind.dialect,
                        _listed(history, applied),
                    )
                )

        call.visit(scripts, look)
    return found


def upgrade_if_known() -> list[Applied]:
    """Upgrade every database, and leave one alone that has tables but no revision.

    :return: what was applied, in order.
    :raises DatabaseNotStamped: naming that one.
    """
    with reporting_to(_Careful()):
        return upgrade()


class _Careful(Reporter):
    """Stops a run before the first revision meets tables that nobody knows.

    Asked in the run itself, which holds the database's lock: a look from outside may
    fall between the first table and the first stored revision of another process.
    """

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Look at the database that the revision is about to change.

        :raises DatabaseNotStamped: it has tables and no revision.
        """
        running = context.get_context()
        others = _tables(running) - {running.version_table}
        if others and not running.get_current_heads():
            raise _not_stamped(context.get_bind().engine.url, bind)
        super().revision_started(bind, direction, revision, message)


def _not_stamped(url: sa.URL, bind: str) -> DatabaseNotStamped:
    which = f"Database '{display(url)}'" + (f" (bind {bind!r})" if bind else "")
    return DatabaseNotStamped(
        f"{which} has tables but no revision is stored in it, so it is not upgraded by "
        "itself",
        "If the tables were made without migrations, run 'flask db stamp <revision>' "
        "with the revision that they correspond to; if they belong to something else, "
        "run 'flask db upgrade' once.",
    )


def _judge(
    history: list[Script],
    applied: set[str] | None,
    current: tuple[str, ...],
    has_other_tables: bool,
) -> tuple[State, tuple[PendingRevision, ...]]:
    """Return the state of a database, and what is pending."""
    if applied is None:
        return "newer", ()
    pending = tuple(
        PendingRevision(script.revision, script.doc)
        for script in history
        if script.revision not in applied
    )
    if not pending:
        return "current", ()
    return ("unstamped" if has_other_tables and not current else "pending"), pending


def _listed(
    history: list[Script], applied: set[str] | None
) -> tuple[ListedRevision, ...]:
    return tuple(
        ListedRevision(
            script.revision,
            script.doc,
            None if applied is None else script.revision in applied,
        )
        for script in history
    )


def _tables(running: MigrationContext) -> set[str]:
    """Return the names of the tables in a database."""
    assert running.connection is not None
    return set(sa.inspect(running.connection).get_table_names())


def _differing(running: MigrationContext) -> tuple[str, ...] | None:
    """Return the names of the tables that differ from their models.

    What cannot be compared is no reason to withhold the rest of the status.
    """
    # Many modules, which a health check has no use for.
    from .autogenerate.drift import differing_tables

    try:
        return differing_tables(running)
    except Exception:
        log.warning("The models could not be compared with the database", exc_info=True)
        return None

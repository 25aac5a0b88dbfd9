"""The revisions of the databases, compared with the migrations folder."""

from __future__ import annotations

import os
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from .environment.applied import applied_revisions
from .environment.invocation import Invocation
from .errors import DatabaseNotStamped
from .project.binds import display
from .reporting import log
from .value_classes import value_class

State: t.TypeAlias = t.Literal["current", "pending", "unstamped", "newer"]


@value_class
class PendingRevision:
    """A revision that has not been run on a database.

    :param revision: its id.
    :param message: the first paragraph of the script's docstring.
    """

    revision: str
    message: str


@value_class
class ListedRevision:
    """A revision of the migrations folder, and whether a database has it.

    :param revision: its id.
    :param message: the first paragraph of the script's docstring.
    :param is_applied: ``None`` if that is unknown, since the database is at a revision
        that has no file.
    """

    revision: str
    message: str
    is_applied: bool | None


@value_class
class DatabaseStatus:
    """The revisions of one database, compared with the migrations folder.

    :param bind: the bind key; ``''`` for the default bind.
    :param database: the database, without a password.
    :param state: ``current``: nothing is pending. ``pending``: an upgrade is pending.
        ``unstamped``: the database has tables but no revision, so that an automatic
        upgrade cannot know which revision made them. ``newer``: it is at a revision
        that has no file, as after a rollback of the code.
    :param current: the ids stored in the database; empty before the first upgrade.
    :param heads: the ids of the newest revisions of the migrations folder.
    :param pending: the revisions that an upgrade would run, in order; empty if the
        state is ``newer``, since they are unknown then.
    :param differing: the tables that differ from their models; ``None`` if they were
        not, or could not be, compared.
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
    """Return the status of each database of the current application.

    Nothing is changed, and a SQLite file that does not exist is not made.

    :param compare: also find the tables that differ from their models.
    :param refuse_unstamped: raise an error for a database with tables that certainly no
        revision made. If the database has a version table, even an empty one, another
        process may be in the middle of its first upgrade.
    :param directory: a migrations folder to use instead of the application's own.
    :raises DatabaseNotStamped: there is such a database.
    :raises DatabaseUnavailable: a database cannot be reached.
    :raises MigrationFolderError: there is no migrations folder.
    """
    call = Invocation(directory)
    statuses: list[DatabaseStatus] = []
    with call.translated():
        scripts = call.scripts()

        def look(stored: t.Any, context: MigrationContext) -> None:
            # Not earlier: scripts may use the configuration when they are loaded.
            history = list(scripts.walk_revisions())[::-1]
            heads = tuple(sorted(scripts.get_heads()))
            current, unknown_tables = tuple(sorted(stored)), False
            if not current:
                tables = tables_in(context)
                unknown_tables = bool(tables - {context.version_table})
                if refuse_unstamped and tables and context.version_table not in tables:
                    bind = call.setup.active[0]
                    raise not_stamped(bind.engine.url, bind.key)
                # Read again: another process may just have committed its first upgrade.
                current = tuple(sorted(context.get_current_heads()))
            applied = applied_revisions(scripts, history, current)
            state, pending = _judge(history, applied, current, unknown_tables)
            differing = None
            if compare and any(bind.has_tables for bind in call.setup.active):
                differing = _differing(context)
            for bind in call.setup.active:
                statuses.append(
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
    return statuses


def not_stamped(url: sa.URL, bind: str) -> DatabaseNotStamped:
    """Make the error for a database with tables that no revision made."""
    which = f"Database '{display(url)}'" + (f" (bind {bind!r})" if bind else "")
    return DatabaseNotStamped(
        f"{which} has tables but no stored revision, so it is not upgraded "
        "automatically",
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


def tables_in(running: MigrationContext) -> set[str]:
    """Return the names of the tables in a database."""
    assert running.connection is not None
    return set(sa.inspect(running.connection).get_table_names())


def _differing(running: MigrationContext) -> tuple[str, ...] | None:
    """Return the names of the tables that differ from their models.

    If the comparison fails, the names are left out and a warning is logged.
    """
    # Many modules, which a health check has no use for.
    from .autogenerate.drift import differing_tables

    try:
        return differing_tables(running)
    except Exception:
        log.warning("The models could not be compared with the database", exc_info=True)
        return None

"""The state of one run of the environment."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import typing as t
import warnings

import sqlalchemy as sa
from alembic import context
from alembic.runtime.environment import EnvironmentContext
from alembic.util import to_tuple

from ..locks.hold import can_lock
from ..project.binds import Bind
from ..project.binds import by_database
from ..project.binds import find_by_engine
from ..project.binds import find_by_url
from ..project.binds import no_models
from ..reporting import reporter
from ..results import Applied
from ..results import Direction
from ..state import AutomaticBatch
from .arguments import count_tables
from .arguments import dialect_name
from .arguments import hooks
from .arguments import named
from .arguments import require_synchronous
from .column_checks import keep_column_checks
from .config import Setup
from .connection.autobegin import autobegun
from .connection.autobegin import committed
from .connection.committed_steps import CommittedSteps
from .connection.script_connection import ScriptConnections
from .rehearsal.detour import refuse_unredirected
from .scope import Scope
from .scripts import Failure
from .scripts import ScriptCalls
from .server_limits import limit
from .server_limits import Limits
from .stored_revisions import StoredRevisions
from .usual_names import accept_usual_names

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from ..autogenerate.generation import Generation
    from ..sqlite.transaction.migration import MigrationTransaction


#: Alembic's warning about an option without which MySQL would lose the numbering.
_ONLY_MYSQL: t.Final = "autoincrement and existing_autoincrement only make sense"


def _do_nothing(_: object) -> None:
    """Do nothing, in place of a function of the SQLite engine."""


class LockNotHeld(Exception):
    """There is something to migrate, but the lock is not held."""


class Run:
    """One run: it configures Alembic, runs the scripts, and knows what was done.

    :param setup: the set-up of the command.
    :param scope: the binds, and the form of the scripts.
    :param environment: Alembic's environment of this run.
    """

    def __init__(
        self, setup: Setup, scope: Scope, environment: EnvironmentContext
    ) -> None:
        self.setup = setup
        self.scope = scope
        self.environment = environment
        self.in_env_py = False
        self.is_configured = False
        self.reached: Bind | None = None
        self.heads: tuple[str, ...] = ()
        self.commits = CommittedSteps(setup.applied)
        #: Whether the databases' locks are held, or are not needed.
        self.may_write = True
        #: Whether the run was stopped because it may not write.
        self.needs_lock = False
        self.transactions: list[MigrationTransaction] = []
        #: Makes a context use a transaction that is already open.
        self.join: cabc.Callable[[MigrationContext], object] = _do_nothing
        #: Translates an error that the SQLite engine has caused.
        self.explain: cabc.Callable[[Exception], Exception | None] = _do_nothing
        self._to_commit: sa.Connection | None = None
        #: Whether all databases undo changes of tables.
        self.undoes_tables = True
        self._configured: set[str] = set()
        self._tables = 0
        self._generation = _generation(setup) if setup.compares else None
        self._cleanup = contextlib.ExitStack()
        self.stored = StoredRevisions(self.transactions)
        connections = ScriptConnections(self.commits, self.transactions, self._cleanup)
        self._calls = ScriptCalls(
            setup, self.commits, connections, lambda error: self.explain(error)
        )
        for script in environment.script.walk_revisions():
            self._calls.wrap(script)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        self._cleanup.close()

    @property
    def failure(self) -> Failure | None:
        """The script that raised an error, if one did."""
        return self._calls.failure

    @property
    def unchanged(self) -> bool:
        """Whether it is certain that a failed run left every database as it was."""
        return self.commits.is_unchanged(self.undoes_tables)

    @property
    def can_begin_again(self) -> bool:
        """Whether everything that the failed revision did is undone."""
        return self.commits.can_begin_again(self.undoes_tables)

    def begin_again(self) -> None:
        """Remove the records of what was undone, before the environment runs again."""
        self._calls.failure = None
        self.commits.forget_undone()
        self.stored.forget()

    # Replacements for Alembic's functions

    def configure(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Replace ``context.configure`` while a user's ``env.py`` runs."""
        options = named(self.environment, args, kwargs)
        require_synchronous(options, self.setup.folder.env)
        only_reads = self.setup.compares or self.setup.only_reads
        self._to_commit = None if only_reads else autobegun(options.get("connection"))
        self.configure_for(self._binds_of(options), options)

    def begin_transaction(self) -> contextlib.AbstractContextManager[t.Any]:
        """Replace ``context.begin_transaction`` while a user's ``env.py`` runs."""
        inner = EnvironmentContext.begin_transaction(self.environment)
        connection, self._to_commit = self._to_commit, None
        return inner if connection is None else committed(inner, connection)

    def configure_for(self, binds: tuple[Bind, ...], options: dict[str, t.Any]) -> None:
        """Configure Alembic for binds that share a database.

        If the settings leave ``render_as_batch`` open, the dialect decides it here. The
        run's own hooks are added to those of the user.
        """
        self.setup.active = binds
        self._configured.update(bind.key for bind in binds)
        self._tables += count_tables(options.get("target_metadata"))
        all_seen = self._configured >= {each.key for each in self.scope.selected}
        if self.setup.compares and all_seen and not self._tables:
            raise no_models()
        dialect = dialect_name(options)
        if isinstance(options.get("render_as_batch"), AutomaticBatch):
            options["render_as_batch"] = dialect == "sqlite"
        options["on_version_apply"] = (*hooks(options), self._on_version_apply)
        connection = options.get("connection")
        if isinstance(connection, sa.Connection):
            refuse_unredirected(connection)
            self.commits.watch(connection, binds, self._cleanup)
            self._limit(connection)
        if binds:
            self.reached = binds[0]
        for bind in binds:
            reporter().bind_started(bind.key, bind.database, dialect)
        if self.setup.only_reads:
            # Alembic's defaults would look like a choice of the user's.
            for name in ("compare_server_default", "include_schemas"):
                options.setdefault(name, None)
        if self._generation is not None:
            scripts = self.environment.script
            self._generation.add_options(options, str(dialect), scripts)
        if self.setup.rehearsal is not None and isinstance(connection, sa.Connection):
            self.setup.rehearsal.prepare(connection, options, self._cleanup)
        EnvironmentContext.configure(self.environment, **options)
        self.is_configured = True
        self.join(context.get_context())
        accept_usual_names(context.get_context())
        keep_column_checks(context.get_context())
        if not context.is_transactional_ddl():
            self.undoes_tables = False

    def run_migrations(self, **kwargs: t.Any) -> None:
        """Replace ``context.run_migrations``."""
        self.heads = tuple(context.get_context().get_current_heads())
        if not self.may_write and self._would_write():
            self.needs_lock = True
            raise LockNotHeld
        outside, self.in_env_py = self.in_env_py, False
        try:
            with self._comparing(), self._rehearsing(), warnings.catch_warnings():
                # What only MySQL needs is in scripts for every database.
                warnings.filterwarnings("ignore", _ONLY_MYSQL, UserWarning)
                EnvironmentContext.run_migrations(self.environment, **kwargs)
        finally:
            self.in_env_py = outside
        if self._to_commit is not None:
            # No block of 'begin_transaction()' does it.
            self._to_commit.commit()

    # After the environment

    def finish(self) -> None:
        """Complete the run, after the environment has configured every bind.

        :raises NoModels: the run compares models, but there are none.
        """
        self._tell_what_was_left_out()
        if self._generation is None:
            return
        if not self._tables:
            raise no_models()
        self.setup.diffs = self._generation.differences
        self.setup.is_rewritten = self._generation.is_rewritten
        self._generation.conclude()

    def _comparing(self) -> contextlib.AbstractContextManager[None]:
        if self._generation is None:
            return contextlib.nullcontext()
        return self._generation.comparing(context.get_context())

    def _rehearsing(self) -> contextlib.AbstractContextManager[None]:
        rehearsal = self.setup.rehearsal
        return contextlib.nullcontext() if rehearsal is None else rehearsal.scripts()

    def _tell_what_was_left_out(self) -> None:
        """Warn about binds that the folder's own files do not migrate."""
        folder = self.setup.folder
        files = [p.name for p in (folder.env, folder.script_template) if p.is_file()]
        for bind in self.scope.selected:
            if bind.key in self._configured or not self._configured or not files:
                continue
            reporter().warning(
                f"Bind {bind.key!r} ('{bind.database}') was left out: "
                f"{' and '.join(files)} in '{folder.path}' do not cover it. Delete "
                "these files to use the packaged environment, which migrates every "
                "bind, or name the bind in 'BATCHMIGRATE_EXCLUDE_BINDS'."
            )

    # Databases

    def _binds_of(self, options: dict[str, t.Any]) -> tuple[Bind, ...]:
        """Return the binds that an ``env.py`` means; its engine may be its own."""
        connection, url = options.get("connection"), options.get("url")
        found: Bind | None = None
        candidates = self.scope.known
        if isinstance(connection, sa.Connection):
            engine = connection.engine
            found = find_by_engine(candidates, engine) or Bind("", engine, ())
        elif url is not None:
            found = find_by_url(candidates, sa.make_url(url))
        if found is None:
            return ()
        if self.scope.multi and not (self.setup.compares or self.setup.only_reads):
            # Binds on the same database share its version table, so they are migrated
            # together.
            for group in by_database(self.scope.binds):
                if found in group:
                    return tuple(group)
        return (found,)

    def _limit(self, connection: sa.Connection) -> None:
        """Limit how long the statements of a migration may wait and run."""
        settings = self.setup.state.settings
        limits = Limits(settings.server_lock_timeout, settings.statement_timeout)
        only_reads = self.setup.compares or self.setup.only_reads
        if limits != Limits(None, None) and not only_reads:
            limit(connection, limits, self._cleanup)

    def _would_write(self) -> bool:
        """Return whether there is something to do that needs a server's lock."""
        now = context.get_context()
        if not can_lock(now.dialect):
            return False
        steps = now.opts["fn"](self.heads, now)
        return bool(now.opts.get("purge")) or any(True for _ in steps)

    # Hooks

    def _on_version_apply(
        self, *, ctx: t.Any, step: t.Any, heads: set[t.Any], run_args: t.Any, **_: t.Any
    ) -> None:
        """Record a step, after which Alembic has changed the version table."""
        self.stored.note(ctx, self.setup.active, heads)
        direction: Direction = "upgrade" if step.is_upgrade else "downgrade"
        revisions = [step.up_revision_id]
        if step.is_stamp:
            direction = "stamp"
            revisions = list(step.destination_revision_ids) or ["base"]
        for revision in revisions:
            script = None if revision == "base" else ctx.script.get_revision(revision)
            for bind in self.setup.active:
                applied = Applied(
                    bind.key,
                    bind.database,
                    direction,
                    revision,
                    () if script is None else to_tuple(script.down_revision, ()),
                    "" if script is None else script.doc,
                    self._calls.seconds.get(revision, 0.0),
                )
                self.setup.applied.append(applied)
                reporter().revision_done(applied)


def _generation(setup: Setup) -> Generation:
    """Return a new comparison; only runs that compare load its many modules."""
    from ..autogenerate.generation import Generation
    from ..autogenerate.request import Request

    request = setup.request or Request()
    if not setup.state.settings["destructive"]:
        request = dataclasses.replace(request, destructive=False)
    generation = Generation(setup.generates, request)
    setup.starts = generation.starts
    return generation

"""One run of the environment: what it configures, runs, and remembers."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import functools
import time
import typing as t

import sqlalchemy as sa
from alembic import context
from alembic.script import Script
from alembic.script import ScriptDirectory

from ..locks.hold import can_lock
from ..reporting import reporter
from ..results import Applied
from ..results import Direction
from ..state import AutomaticBatch
from .config import Setup
from .folder import accepts_engine_name
from .folder import names_in
from .plan import Plan
from .progress import Progress
from .targets import by_database
from .targets import find_by_engine
from .targets import find_by_url
from .targets import no_models
from .targets import Target
from .timeouts import limit
from .timeouts import Limits

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from ..autogenerate.generation import Generation
    from ..sqlite.transaction import MigrationTransaction


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A revision's script that raised."""

    script: Script
    error: Exception
    target: Target | None


def _leave(_: object) -> None:
    """Do nothing: the SQLite engine is not at work."""


class NotItsTurn(Exception):
    """There is something to migrate, and the lock has not been taken."""


class Session:
    """What is known of the run that is going on.

    :param setup: what the command handed over.
    :param plan: the binds and the form.
    :param scripts: Alembic's script directory of this run.
    """

    def __init__(self, setup: Setup, plan: Plan, scripts: ScriptDirectory) -> None:
        self.setup = setup
        self.plan = plan
        self.in_env_py = False
        self.failure: Failure | None = None
        self.reached: Target | None = None
        self.heads: tuple[str, ...] = ()
        self.progress = Progress(setup.applied)
        #: Whether the databases' locks are held, or need not be.
        self.may_write = True
        #: Whether the run was stopped because it is not so.
        self.wants_to_write = False
        self.transactions: list[MigrationTransaction] = []
        #: Lets a context work in a transaction that is open already.
        self.join: cabc.Callable[[MigrationContext], object] = _leave
        #: Says what an error means that the engine has caused.
        self.explain: cabc.Callable[[Exception], Exception | None] = _leave
        self._transactional = True
        self._configured: set[str] = set()
        self._tables = 0
        self._generation = _generation(setup) if setup.compares else None
        self._seconds: dict[str, float] = {}
        self._cleanup = contextlib.ExitStack()
        for script in scripts.walk_revisions():
            self._wrap(script)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self._cleanup.close()

    @property
    def unchanged(self) -> bool:
        """Whether it is certain that a failed run left every database as it was."""
        return self._transactional and not self.progress.committed

    @property
    def can_begin_again(self) -> bool:
        """Whether nothing stays of the revision that failed."""
        return self.progress.can_begin_again(self._transactional)

    def begin_again(self) -> None:
        """Forget what was undone: the environment is about to run once more."""
        self.failure = None
        self.progress.forget_undone()

    # What stands for Alembic's functions

    def configure(self, **options: t.Any) -> None:
        """Stand for ``context.configure`` in a user's ``env.py``."""
        self.configure_for(self._targets_of(options), options)

    def configure_for(
        self, targets: tuple[Target, ...], options: dict[str, t.Any]
    ) -> None:
        """Configure Alembic for binds that share a database.

        What the settings left open is decided here, from the dialect, and the run adds
        its own eyes to the user's hooks.
        """
        self.setup.active = targets
        self._configured.update(target.bind for target in targets)
        self._tables += _count_tables(options.get("target_metadata"))
        all_seen = self._configured >= {each.bind for each in self.plan.selected}
        if self.setup.compares and all_seen and not self._tables:
            raise no_models()
        dialect = _dialect_name(options)
        if isinstance(options.get("render_as_batch"), AutomaticBatch):
            options["render_as_batch"] = dialect == "sqlite"
        options["on_version_apply"] = (*_hooks(options), self._on_version_apply)
        connection = options.get("connection")
        if isinstance(connection, sa.Connection):
            self.progress.watch(connection, targets, self._cleanup)
            self._limit(connection)
        if targets:
            self.reached = targets[0]
            reporter().bind_started(targets[0].bind, targets[0].database, dialect)
        if self._generation is not None:
            options["process_revision_directives"] = self._generation.hook(
                options.get("process_revision_directives")
            )
            options["render_item"] = self._generation.render_item(
                options.get("render_item")
            )
            # Comparing is no reason to create the version table.
            options.setdefault("dont_mutate", True)
            if dialect in ("sqlite", "postgresql"):
                # MySQL and MariaDB write defaults in their own way, which Alembic
                # takes for a difference.
                options.setdefault("compare_server_default", True)
        context.configure(**options)
        self.join(context.get_context())
        if not context.is_transactional_ddl():
            self._transactional = False

    def run_migrations(self, **kwargs: t.Any) -> None:
        """Stand for ``context.run_migrations``."""
        self.heads = tuple(context.get_context().get_current_heads())
        if not self.may_write and self._would_write():
            self.wants_to_write = True
            raise NotItsTurn
        outside, self.in_env_py = self.in_env_py, False
        try:
            with self._comparing():
                context.run_migrations(**kwargs)
        finally:
            self.in_env_py = outside

    # After the environment

    def finish(self) -> None:
        """Draw the conclusions that need every bind to have been seen.

        :raises NoModels: models were to be compared and there are none.
        """
        self._tell_what_was_left_out()
        if self._generation is None:
            return
        if not self._tables:
            raise no_models()
        self.setup.diffs = self._generation.differences
        self._generation.conclude()

    def _comparing(self) -> contextlib.AbstractContextManager[None]:
        if self._generation is None:
            return contextlib.nullcontext()
        return self._generation.comparing(context.get_context().dialect.name)

    def _tell_what_was_left_out(self) -> None:
        """Warn of binds that the folder's own files do not migrate."""
        folder = self.setup.folder
        files = [p.name for p in (folder.env, folder.script_template) if p.is_file()]
        for target in self.plan.selected:
            if target.bind in self._configured or not self._configured or not files:
                continue
            reporter().warning(
                f"Bind {target.bind!r} ('{target.database}') was left out: "
                f"{' and '.join(files)} in '{folder.path}' do not cover it. Delete "
                "these files to use the packaged environment, which migrates every "
                "bind, or name the bind in 'BATCHMIGRATE_EXCLUDE_BINDS'."
            )

    # Databases

    def _targets_of(self, options: dict[str, t.Any]) -> tuple[Target, ...]:
        """Return the binds that an ``env.py`` means, maybe one of its own."""
        connection, url = options.get("connection"), options.get("url")
        found: Target | None = None
        candidates = self.plan.known
        if isinstance(connection, sa.Connection):
            engine = connection.engine
            found = find_by_engine(candidates, engine) or Target("", engine, ())
        elif url is not None:
            found = find_by_url(candidates, sa.make_url(url))
        if found is None:
            return ()
        if self.plan.multi and not (self.setup.compares or self.setup.looks):
            # The others on the same database find its version row as this one leaves
            # it, so what a revision has for them is done along with this one.
            for group in by_database(self.plan.targets):
                if found in group:
                    return tuple(group)
        return (found,)

    def _limit(self, connection: sa.Connection) -> None:
        """Limit what the statements of a migration may wait and take."""
        settings = self.setup.state.settings
        limits = Limits(settings.server_lock_timeout, settings.statement_timeout)
        looks = self.setup.compares or self.setup.looks
        if limits != Limits(None, None) and not looks:
            limit(connection, limits, self._cleanup)

    def _would_write(self) -> bool:
        """Tell whether there is something to do that needs a server's lock."""
        now = context.get_context()
        if not can_lock(now.dialect):
            return False
        steps = now.opts["fn"](self.heads, now)
        return bool(now.opts.get("purge")) or any(True for _ in steps)

    # Hooks

    def _on_version_apply(
        self, *, ctx: t.Any, step: t.Any, heads: set[t.Any], run_args: t.Any, **_: t.Any
    ) -> None:
        """Note a step: Alembic has just changed the version table."""
        direction: Direction = "upgrade" if step.is_upgrade else "downgrade"
        revisions = [step.up_revision_id]
        if step.is_stamp:
            direction = "stamp"
            revisions = list(step.destination_revision_ids) or ["base"]
        for revision in revisions:
            script = None if revision == "base" else ctx.script.get_revision(revision)
            for target in self.setup.active:
                applied = Applied(
                    target.bind,
                    target.database,
                    direction,
                    revision,
                    () if script is None else _down_revisions(script),
                    "" if script is None else script.doc,
                    self._seconds.get(revision, 0.0),
                )
                self.setup.applied.append(applied)
                reporter().revision_done(applied)

    # Scripts

    def _wrap(self, script: Script) -> None:
        """Let the functions of a script, loaded for this run alone, report to it."""
        directions: tuple[Direction, ...] = ("upgrade", "downgrade")
        for direction in directions:
            function = getattr(script.module, direction, None)
            if callable(function):
                wrapped = self._wrapped(script, direction, function)
                setattr(script.module, direction, wrapped)

    def _wrapped(
        self, script: Script, direction: Direction, function: t.Any
    ) -> cabc.Callable[..., None]:
        """Return a function that runs a script's function, timed."""
        several = accepts_engine_name(function)
        names = names_in(script)

        @functools.wraps(function)
        def run(**kwargs: t.Any) -> None:
            start = time.perf_counter()
            for target in self.setup.active:
                reporter().revision_started(
                    target.bind, direction, script.revision, script.doc
                )
            self.progress.revision_started()
            try:
                for arguments in self._arguments(kwargs, several, names):
                    function(**arguments)
            except Exception as error:
                failed = self.setup.active[0] if self.setup.active else None
                told = self.explain(error) or error
                told = told.with_traceback(error.__traceback__)
                self.failure = Failure(script, told, failed)
                raise
            finally:
                self._seconds[script.revision] = time.perf_counter() - start

        return run

    def _arguments(
        self, kwargs: dict[str, t.Any], several: bool, names: set[str]
    ) -> cabc.Iterator[dict[str, t.Any]]:
        """Fit a call to the form of the script: one call for each bind it is for.

        A script for one database means the default bind. A script for several binds
        has nothing to do for a bind that came later.
        """
        if kwargs.keys() - {"engine_name"}:
            # The arguments are a private matter between env.py and the scripts.
            yield kwargs
            return
        wanted = [kwargs.get("engine_name") or ""]
        if kwargs and len(self.setup.active) > 1:
            wanted = [target.name for target in self.setup.active]
        for name in wanted:
            if several and (name in names or not names):
                yield {"engine_name": name}
            elif not several and (not kwargs or name == ""):
                yield {}


def _generation(setup: Setup) -> Generation:
    """Return a new comparison; its many modules are loaded by the runs that compare."""
    from ..autogenerate.generation import Generation
    from ..autogenerate.request import Request

    request = setup.request or Request()
    if not setup.state.settings["destructive"]:
        request = dataclasses.replace(request, destructive=False)
    generation = Generation(setup.generates, request)
    setup.starts = generation.starts
    return generation


def _hooks(options: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """Return the user's version hooks as a tuple."""
    hooks = options.get("on_version_apply") or ()
    return tuple(hooks) if isinstance(hooks, cabc.Iterable) else (hooks,)


def _count_tables(metadata: t.Any) -> int:
    """Return the number of tables in metadata, or in a list of it."""
    if metadata is None:
        return 0
    if isinstance(metadata, sa.MetaData):
        return len(metadata.tables)
    return sum(len(one.tables) for one in metadata)


def _dialect_name(options: dict[str, t.Any]) -> str:
    """Return the name of the dialect that a configuration leads to."""
    connection, url = options.get("connection"), options.get("url")
    if isinstance(connection, sa.Connection):
        return connection.dialect.name
    if url is not None:
        return sa.make_url(url).get_backend_name()
    return str(options.get("dialect_name") or "").partition("+")[0]


def _down_revisions(script: Script) -> tuple[str, ...]:
    """Return the revisions that one follows."""
    down = script.down_revision
    if down is None:
        return ()
    return (down,) if isinstance(down, str) else tuple(down)

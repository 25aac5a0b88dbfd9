"""Runs the environment, the user's or the packaged one, whoever started Alembic."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import threading
import types
import typing as t

from alembic import context
from alembic.config import Config as AlembicConfig
from alembic.runtime.environment import EnvironmentContext
from flask import current_app

from ..errors import AlreadyRunning
from ..errors import NotSupported
from ..errors import Outcome
from ..errors import State
from ..project.binds import Bind
from ..project.binds import by_database
from ..project.binds import find
from ..project.binds import models
from ..reporting import reporter
from . import error_translation
from . import locking
from . import user_env
from .config import PACKAGED
from .config import set_option
from .config import Setup
from .config import setup_of
from .config import show_url
from .config import show_urls
from .config import SqlBuffer
from .connection import autobegin
from .run_state import Run


class _OneAtATime:
    """Lets one thread of the process run migrations.

    Alembic's ``op`` and ``context`` belong to the whole process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        self.run: Run | None = None

    @property
    def mine(self) -> bool:
        """Whether this thread is running migrations."""
        return self._owner == threading.get_ident()

    @contextlib.contextmanager
    def hold(self) -> cabc.Iterator[None]:
        """Wait until no other thread runs migrations, and let none do so in the block.

        :raises AlreadyRunning: this thread is running migrations already.
        """
        if self.mine:
            raise AlreadyRunning(
                "A migration is running in this thread, and a revision script or "
                "'env.py' called a migration command",
                "Remove the call from there.",
                state=State(Outcome.UNCHANGED, "Nothing was changed by the call."),
            )
        with self._lock:
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None


_process = _OneAtATime()

#: A command holds this while it uses Alembic.
exclusive = _process.hold


def run(**configure_args: t.Any) -> None:
    """Run the migration environment; this is what an ``env.py`` calls.

    In the ``env.py`` of a migrations folder it migrates the application's databases.
    Called by Alembic's own command line, it loads the application first, from
    ``FLASK_APP`` as ``flask`` does.

    :param configure_args: arguments for ``context.configure``, in addition to those
        given to :class:`.BatchMigrate`.
    """
    this_run = _process.run if _process.mine else None
    if this_run is not None and this_run.in_env_py:
        _run_packaged(this_run, configure_args)
    elif this_run is None and _process.mine:
        _run_all(user_env.current_environment(), configure_args)
    elif not current_app:
        with _application():
            run(**configure_args)
    else:
        with exclusive():
            _run_all(user_env.current_environment(), configure_args)


@contextlib.contextmanager
def _application() -> cabc.Iterator[None]:
    """Load the application as the ``flask`` command does."""
    from flask.cli import ScriptInfo

    with ScriptInfo().load_app().app_context():
        yield


def _run_all(environment: EnvironmentContext, configure_args: dict[str, t.Any]) -> None:
    """Run the environment, and translate its errors into those of the project."""
    config = environment.config
    setup = setup_of(config)
    if not setup.folder_may_miss:
        setup.folder.require()
    with error_translation.translated(setup):
        # Scripts may read it as soon as they are loaded.
        show_urls(config, find(setup.state).values(), keep=setup.folder.env.is_file())
        made = setup.make_scope(environment.script)
    args = setup.state.fresh_configure_args(
        any(t.engine.dialect.name == "sqlite" for t in made.known)
    )
    with (
        Run(setup, made, environment) as this_run,
        setup.state.running_with(args),
        error_translation.translated(setup, this_run),
    ):
        _process.run = this_run
        try:
            locking.run_locked(
                this_run, lambda: _run_once(config, this_run, configure_args)
            )
        finally:
            _process.run = None
        this_run.finish()


def _run_once(
    config: AlembicConfig, this_run: Run, configure_args: dict[str, t.Any]
) -> None:
    """Run the environment; if it may write, use the project's engine for SQLite."""
    if this_run.setup.only_reads:
        _run_environment(config, this_run, configure_args)
        return
    # Only runs that may change a database load its many modules.
    from .sqlite_engine import sqlite_engine

    with sqlite_engine(this_run):
        _run_environment(config, this_run, configure_args)
    this_run.stored.check()


def _run_environment(
    config: AlembicConfig, this_run: Run, configure_args: dict[str, t.Any]
) -> None:
    """Run the user's ``env.py`` if there is one, else the packaged environment."""
    folder = this_run.setup.folder
    called_by_package = config.get_main_option("script_location") == str(PACKAGED)
    code = folder.load_env() if called_by_package else None
    if code is None:
        _run_packaged(this_run, configure_args)
        return
    this_run.in_env_py = True
    with _location_shown(config, this_run.setup):
        _run_user_env(this_run, folder.env, code)
    if not this_run.is_configured:
        reporter().warning(
            f"'{folder.env}' configured no database, so nothing was done. Call "
            "'alembic.context.configure()' in it."
        )


def _run_user_env(this_run: Run, path: pathlib.Path, code: types.CodeType) -> None:
    """Run an ``env.py``.

    :raises NotSupported: it is made for asynchronous engines.
    """
    try:
        with autobegin.watched():
            user_env.execute(
                path,
                code,
                this_run.environment,
                configure=this_run.configure,
                begin_transaction=this_run.begin_transaction,
                run_migrations=this_run.run_migrations,
            )
    except (AttributeError, TypeError) as error:
        # This is Python's error for 'async with' on a synchronous connection.
        if this_run.is_configured or not user_env.is_in_coroutine(error):
            raise
        raise NotSupported(
            f"'{path}' is made for asynchronous engines, which are not supported "
            f"({error})",
            "Delete the file to use the packaged environment with a synchronous "
            "engine.",
            path=path,
        ) from error


@contextlib.contextmanager
def _location_shown(config: AlembicConfig, setup: Setup) -> cabc.Iterator[None]:
    """Set ``script_location`` to the folder of ``env.py`` inside the block."""
    set_option(config, "script_location", setup.folder.path)
    try:
        yield
    finally:
        set_option(config, "script_location", PACKAGED)


def _run_packaged(this_run: Run, configure_args: dict[str, t.Any]) -> None:
    """Migrate every bind of the scope."""
    args = {**this_run.setup.state.configure_args, **configure_args}
    if context.is_offline_mode():
        _run_offline(this_run, args)
    else:
        _run_online(this_run, args)


def _run_online(this_run: Run, args: dict[str, t.Any]) -> None:
    """Run the migrations of all binds, then commit them all, the first bind last."""
    groups = by_database(this_run.scope.binds)
    with contextlib.ExitStack() as stack:
        connections = []
        for group in groups:
            this_run.reached = group[0]
            connections.append(stack.enter_context(group[0].engine.connect()))
        for group, connection in zip(groups, connections, strict=True):
            options = _options(this_run, group, args)
            show_url(this_run.environment.config, group[0])
            this_run.configure_for(tuple(group), {**options, "connection": connection})
            stack.enter_context(context.begin_transaction())
            this_run.run_migrations(**_run_arguments(this_run, group))


def _run_offline(this_run: Run, args: dict[str, t.Any]) -> None:
    """Write the SQL of all binds, one after the other."""
    setup, config = this_run.setup, this_run.environment.config
    for group in by_database(this_run.scope.binds):
        options = _options(this_run, group, args)
        options |= {
            "url": group[0].engine.url,
            "literal_binds": True,
            "dialect_opts": {"paramstyle": "named"},
        }
        if isinstance(config.output_buffer, SqlBuffer):
            part = SqlBuffer(config.output_buffer)
            setup.sql[group[0].key] = options["output_buffer"] = part
        show_url(config, group[0])
        this_run.configure_for(tuple(group), options)
        if this_run.scope.multi:
            context.static_output(f"-- Database: {group[0].database}")
        with context.begin_transaction():
            this_run.run_migrations(**_run_arguments(this_run, group))


def _options(
    this_run: Run, group: list[Bind], args: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Return the arguments for ``context.configure`` for binds that share a database.

    The models of all of them are compared with it, and differences are written for the
    first bind.
    """
    options: dict[str, t.Any] = {"target_metadata": models(group)}
    if this_run.scope.multi:
        name = group[0].name
        options["upgrade_token"] = f"{name}_upgrades"
        options["downgrade_token"] = f"{name}_downgrades"
    return options | args


def _run_arguments(this_run: Run, group: list[Bind]) -> dict[str, str]:
    """Return the arguments for the functions of scripts."""
    return {"engine_name": group[0].name} if this_run.scope.multi else {}

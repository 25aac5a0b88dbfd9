"""The extension object, which sets up an application for migrations."""

from __future__ import annotations

import collections.abc as cabc
import os
import typing as t
import weakref

import sqlalchemy as sa
from flask import current_app
from flask import Flask

from .autoupgrade import gate
from .cli.group import db as db_group
from .settings import SETTINGS
from .settings import Settings
from .settings import SetupError
from .state import AutomaticBatch
from .state import Databases
from .state import MetaDatas
from .state import MigrateState

if t.TYPE_CHECKING:
    from .environment.config import Config
    from .status import DatabaseStatus

Callback = t.TypeVar("Callback", bound=cabc.Callable[..., t.Any])


class BatchMigrate:
    """Schema migrations for a Flask application; a drop-in for Flask-Migrate.

    One object serves any number of applications and stores the state of each. Importing
    it and setting up an application is fast, since only a command that needs Alembic
    loads it.

    :param app: an application to set up at once; this needs ``db`` or ``metadata``.
    :param db: a Flask-SQLAlchemy or Flask-SQLAlchemy-Lite object. None for plain
        SQLAlchemy, with ``metadata`` and one of ``engine``, ``engines``, ``url``.
    :param directory: the migrations folder, by default ``migrations``.
    :param command: the name of the command group, by default ``db``.
    :param compare_type: whether generated migrations compare column types.
    :param render_as_batch: whether generated migrations use batch blocks; None turns
        them on for SQLite binds and off for the others.
    :param kwargs: ``metadata`` (a :class:`~sqlalchemy.schema.MetaData`, a list of
        them, or a dict of bind key to one or a list), ``engine``, ``engines`` (a dict
        of bind key to engine) or ``url``; any other setting by its argument name; and
        arguments of Alembic's ``context.configure``.
    :raises SetupError: a setting is unknown or has an impossible value.
    """

    def __init__(
        self,
        app: Flask | None = None,
        db: t.Any = None,
        directory: str | os.PathLike[str] | None = None,
        command: str | None = None,
        compare_type: t.Any = None,
        render_as_batch: bool | None = None,
        **kwargs: t.Any,
    ) -> None:
        self.configure_callbacks: list[cabc.Callable[[t.Any], t.Any]] = []
        self.alembic_ctx_kwargs: dict[str, t.Any] = kwargs
        self._arguments = {
            "directory": directory,
            "command": command,
            "compare_type": compare_type,
            "render_as_batch": render_as_batch,
        }
        self._db = db
        self._states: weakref.WeakKeyDictionary[Flask, MigrateState]
        self._states = weakref.WeakKeyDictionary()
        if app is not None and (db is not None or "metadata" in kwargs):
            self.init_app(app, db)

    def init_app(
        self,
        app: Flask,
        db: t.Any = None,
        directory: str | os.PathLike[str] | None = None,
        command: str | None = None,
        compare_type: t.Any = None,
        render_as_batch: bool | None = None,
        **kwargs: t.Any,
    ) -> None:
        """Set up an application: its settings and its ``flask db`` commands.

        The arguments are those of the constructor, and apply to this application
        only. You can call this before or after ``db.init_app``.

        :raises SetupError: a setting is unknown or has an impossible value.
        """
        keywords = {
            "directory": directory,
            "command": command,
            "compare_type": compare_type,
            "render_as_batch": render_as_batch,
        }
        keywords = {k: v for k, v in keywords.items() if v is not None}
        options = {**self.alembic_ctx_kwargs, **kwargs}
        databases = _take_databases(options)
        arguments = {**self._arguments, **keywords, **_take_settings(options)}
        settings = Settings(arguments, app.config)
        options["compare_type"] = settings["compare_type"]
        if settings["transaction_per_migration"]:
            # Not set to False: an env.py may pass it in addition to configure_args.
            options["transaction_per_migration"] = True
        options["render_as_batch"] = settings["render_as_batch"]
        if options["render_as_batch"] is None:
            options["render_as_batch"] = AutomaticBatch(True)
        state = MigrateState(
            self, self._db if db is None else db, settings, options, databases
        )
        self._states[app] = state
        app.extensions["migrate"] = state
        app.cli.add_command(db_group, name=settings["command"])
        gate.install(app)

    def _state(self) -> MigrateState | None:
        """Return the state of the current application, else of the only one."""
        if current_app:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            return self._states.get(app)
        states = list(self._states.values())
        return states[0] if len(states) == 1 else None

    @property
    def db(self) -> t.Any:
        """The Flask-SQLAlchemy object of the current application."""
        state = self._state()
        return self._db if state is None else state.db

    @property
    def directory(self) -> str:
        """The migrations folder of the current application, as it was set."""
        state = self._state()
        if state is not None:
            return state.directory
        return Settings(self._arguments, {}).directory

    @property
    def command(self) -> str:
        """The name of the command group of the current application."""
        state = self._state()
        settings = Settings(self._arguments, {}) if state is None else state.settings
        return t.cast("str", settings["command"])

    def configure(self, f: Callback) -> Callback:
        """Register a function that receives Alembic's config and returns it.

        It is called for every command, in the order of registration.
        """
        self.configure_callbacks.append(f)
        return f

    def call_configure_callbacks(self, config: t.Any) -> t.Any:
        """Pass a config through the registered functions, and return the result."""
        for callback in self.configure_callbacks:
            config = callback(config)
        return config

    def get_config(
        self,
        directory: str | os.PathLike[str] | None = None,
        x_arg: str | cabc.Sequence[str] | None = None,
        opts: cabc.Iterable[str] | None = None,
    ) -> Config:
        """Return the config of the current application for ``alembic.command``.

        :param directory: a migrations folder to use instead of the application's own.
        :param x_arg: the value of ``-x`` for ``env.py``.
        :param opts: names to set on ``config.cmd_opts``, such as ``autogenerate``.
        :raises NoApplication: there is no application context, or the application was
            not set up with this object.
        """
        # Running a command loads Alembic; setting up an application does not.
        from .environment.config import build

        return build(self, directory, x_arg, opts)

    def status(self, compare: bool = False) -> list[DatabaseStatus]:
        """Return the status of each database of the current application.

        Nothing is changed. This is made for health checks: after the first call, which
        loads Alembic, a call takes a few milliseconds.

        :param compare: also find the tables that differ from their models, which takes
            longer.
        :raises DatabaseUnavailable: a database cannot be reached.
        :raises MigrationFolderError: there is no migrations folder.
        """
        from . import status

        return status.read(compare)


def _take_settings(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Remove the settings from the extra keywords, and return them."""
    names = [setting.argument for setting in SETTINGS]
    return {name: options.pop(name) for name in names if name in options}


def _take_databases(options: dict[str, t.Any]) -> Databases:
    """Remove metadata and engines from the extra keywords, and return them."""
    metadata: MetaDatas | cabc.Mapping[str | None, MetaDatas] | None
    metadata = options.pop("metadata", None)
    engines = {key: options.pop(key, None) for key in ("engine", "engines", "url")}
    arguments = {key: value for key, value in engines.items() if value is not None}
    if len(arguments) > 1:
        names = " and ".join(f"'{name}'" for name in arguments)
        raise SetupError(f"{names} exclude each other", "pass one of them")
    if "url" in arguments:
        # Only migrations use this engine, so it keeps no connection open.
        engine = sa.create_engine(arguments["url"], poolclass=sa.NullPool)
        return Databases(metadata, {"": engine})
    if "engine" in arguments:
        return Databases(metadata, {"": arguments["engine"]})
    return Databases(
        metadata, {key or "": e for key, e in arguments.get("engines", {}).items()}
    )


Migrate = BatchMigrate

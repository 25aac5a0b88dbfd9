"""The extension object: where everything is put together for an application."""

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

    One object serves any number of applications: what belongs to an application is
    kept with it. Importing and setting up costs next to nothing, since Alembic is
    loaded by the first command that needs it.

    :param app: set up this application at once; it needs ``db`` or ``metadata`` then.
    :param db: a Flask-SQLAlchemy or Flask-SQLAlchemy-Lite object. None for plain
        SQLAlchemy, with ``metadata`` and one of ``engine``, ``engines``, ``url``.
    :param directory: the migrations folder, ``migrations`` if nothing says otherwise.
    :param command: the name of the command group, ``db`` if nothing says otherwise.
    :param compare_type: whether generated migrations compare column types.
    :param render_as_batch: whether generated migrations use batch blocks; None turns
        them on for the binds that are SQLite and off for the others.
    :param kwargs: ``metadata`` (a :class:`~sqlalchemy.schema.MetaData`, a list of
        them, or a dict of bind key to one or a list), ``engine``, ``engines`` (a dict
        of bind key to engine) or ``url``; any other setting by its argument name; and
        what Alembic's ``context.configure`` takes.
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

        The arguments are those of the constructor, and hold for this application
        only. It may be called before or after ``db.init_app``.

        :raises SetupError: a setting is unknown or has an impossible value.
        """
        given = {
            "directory": directory,
            "command": command,
            "compare_type": compare_type,
            "render_as_batch": render_as_batch,
        }
        given = {k: v for k, v in given.items() if v is not None}
        options = {**self.alembic_ctx_kwargs, **kwargs}
        databases = _take_databases(options)
        arguments = {**self._arguments, **given, **_take_settings(options)}
        settings = Settings(arguments, app.config)
        options["compare_type"] = settings["compare_type"]
        if settings["transaction_per_migration"]:
            # Left out otherwise: an env.py may pass it beside the configure_args.
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
        """Return what the registered functions make of a config."""
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

        :param directory: another migrations folder than the application's own.
        :param x_arg: what ``-x`` passes to ``env.py``.
        :param opts: names to set on ``config.cmd_opts``, such as ``autogenerate``.
        :raises NoApplication: there is no application context, or the application was
            not set up with this object.
        """
        # Alembic is loaded by whoever runs a command, not by setting up.
        from .environment.config import build

        return build(self, directory, x_arg, opts)

    def status(self, compare: bool = False) -> list[DatabaseStatus]:
        """Return where each database of the current application stands.

        Nothing is changed. Made for health checks; a few milliseconds after the first
        call, which loads Alembic.

        :param compare: also tell which tables differ from their models, which takes
            longer.
        :raises DatabaseUnavailable: a database cannot be reached.
        :raises MigrationFolderError: there is no migrations folder.
        """
        from . import status

        return status.read(compare)


def _take_settings(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Move the settings that come as extra keywords out of the options."""
    names = [setting.argument for setting in SETTINGS]
    return {name: options.pop(name) for name in names if name in options}


def _take_databases(options: dict[str, t.Any]) -> Databases:
    """Move metadata and engines out of the options."""
    metadata: MetaDatas | cabc.Mapping[str | None, MetaDatas] | None
    metadata = options.pop("metadata", None)
    engines = {key: options.pop(key, None) for key in ("engine", "engines", "url")}
    given = {key: value for key, value in engines.items() if value is not None}
    if len(given) > 1:
        names = " and ".join(f"'{name}'" for name in given)
        raise SetupError(f"{names} exclude each other", "pass one of them")
    if "url" in given:
        # Nothing but migrations uses this engine, so it keeps no connection open.
        engine = sa.create_engine(given["url"], poolclass=sa.NullPool)
        return Databases(metadata, {"": engine})
    if "engine" in given:
        return Databases(metadata, {"": given["engine"]})
    return Databases(
        metadata, {key or "": e for key, e in given.get("engines", {}).items()}
    )


Migrate = BatchMigrate

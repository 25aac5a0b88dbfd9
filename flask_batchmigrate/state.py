"""The state of the extension for one application. Does not load Alembic."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import os
import typing as t

import sqlalchemy as sa
from flask import current_app
from flask import g

from .value_classes import value_class

if t.TYPE_CHECKING:
    from .settings import Settings

MetaDatas: t.TypeAlias = "sa.MetaData | cabc.Sequence[sa.MetaData]"


class Extension(t.Protocol):
    """The part of the extension object that the packages below it use."""

    configure_callbacks: list[cabc.Callable[[t.Any], t.Any]]

    def get_config(
        self,
        directory: str | os.PathLike[str] | None = None,
        x_arg: str | cabc.Sequence[str] | None = None,
        opts: cabc.Iterable[str] | None = None,
    ) -> t.Any:
        """Return the config of the current application."""

    def call_configure_callbacks(self, config: t.Any) -> t.Any:
        """Pass a config through the registered functions, and return the result."""


class AutomaticBatch(int):
    """The value of ``render_as_batch`` if it is decided for each bind.

    It is true if a bind is SQLite, so an ``env.py`` that reads it gets the value that
    Flask-Migrate has. Its class distinguishes it from a True that the user set.
    """

    def __repr__(self) -> str:
        return repr(bool(self))


@value_class
class Databases:
    """Metadata and engines that an application with plain SQLAlchemy passes.

    :param metadata: for the default bind, or by bind key.
    :param engines: by bind key, ``''`` for the default one.
    """

    metadata: MetaDatas | cabc.Mapping[str | None, MetaDatas] | None
    engines: cabc.Mapping[str, sa.Engine]


class MigrateState:
    """The value of ``app.extensions["migrate"]``, which ``env.py`` files read.

    :param migrate: the extension object.
    :param db: the Flask-SQLAlchemy object, or None.
    :param settings: the application's settings.
    :param options: arguments for Alembic's ``context.configure``.
    :param databases: metadata and engines that were passed as arguments.
    """

    def __init__(
        self,
        migrate: Extension,
        db: t.Any,
        settings: Settings,
        options: dict[str, t.Any],
        databases: Databases,
    ) -> None:
        self.migrate = migrate
        self.db = db
        self.settings = settings
        self.databases = databases
        self._options = options

    @property
    def directory(self) -> str:
        """The migrations folder as it was set."""
        return self.settings.directory

    @property
    def metadata(self) -> sa.MetaData:
        """The metadata of the default bind."""
        metadata = self.databases.metadata
        if isinstance(metadata, cabc.Mapping):
            metadata = metadata.get(None, metadata.get("", None))
        if isinstance(metadata, sa.MetaData):
            return metadata
        if metadata is not None:
            return metadata[0]
        return t.cast("sa.MetaData", self.db.metadata)

    @property
    def configure_args(self) -> dict[str, t.Any]:
        """The arguments for ``context.configure``.

        Each run has its own copy, because ``env.py`` files write into it.
        """
        running = _running.get()
        if running is not None and running[0] is self:
            return running[1]
        if isinstance(self._options.get("render_as_batch"), AutomaticBatch):
            self._options["render_as_batch"] = AutomaticBatch(self._any_sqlite())
        return self._options

    @property
    def version_table(self) -> str:
        """The name of the table that stores the revisions."""
        return str(self.configure_args.get("version_table", "alembic_version"))

    def _any_sqlite(self) -> bool:
        """Return whether a bind is SQLite; True outside an application context."""
        engines: cabc.Mapping[t.Any, t.Any] = self.databases.engines
        if not engines:
            try:
                engines = self.db.engines
            except (RuntimeError, AttributeError):
                return True
        return any(engine.dialect.name == "sqlite" for engine in engines.values())

    def fresh_configure_args(self, any_sqlite: bool) -> dict[str, t.Any]:
        """Return a copy for one run, in which ``render_as_batch`` is filled in.

        :param any_sqlite: whether one of the binds is SQLite.
        """
        args = dict(self._options)
        if isinstance(args.get("render_as_batch"), AutomaticBatch):
            args["render_as_batch"] = AutomaticBatch(any_sqlite)
        return args

    @contextlib.contextmanager
    def running_with(self, args: dict[str, t.Any]) -> cabc.Iterator[None]:
        """Make ``configure_args`` return these arguments in the ``with`` block."""
        token = _running.set((self, args))
        try:
            yield
        finally:
            _running.reset(token)


_running: contextvars.ContextVar[tuple[MigrateState, dict[str, t.Any]] | None] = (
    contextvars.ContextVar("flask_batchmigrate_running", default=None)
)


@value_class
class CommandLine:
    """The options of ``flask db`` that apply to all of its commands.

    :param directory: the migrations folder, if one was named.
    :param x_arg: the values of ``-x`` for ``env.py``.
    """

    directory: str | None = None
    x_arg: tuple[str, ...] = ()


_COMMAND_LINE: t.Final = "_flask_batchmigrate_command_line"


def command_line() -> CommandLine:
    """Return the options of the command line; none if no command line is running.

    ``flask.g`` stores them under a private name, because ``g.directory`` and
    ``g.x_arg``, which an ``env.py`` may read, may also belong to the application.
    """
    stored: CommandLine = g.get(_COMMAND_LINE, CommandLine())
    return stored


def set_command_line(directory: str | None, x_arg: tuple[str, ...]) -> None:
    """Store options for :func:`command_line`, and for code that reads ``flask.g``."""
    setattr(g, _COMMAND_LINE, CommandLine(directory, x_arg))
    g.directory, g.x_arg = directory, x_arg


def forget_command_line() -> None:
    """Remove the options of the command line from the application context."""
    for name in (_COMMAND_LINE, "directory", "x_arg"):
        g.pop(name, None)


def current_state() -> MigrateState:
    """Return the state of the current application.

    :raises NoApplication: there is no application context, or no extension in it.
    """
    if not current_app:
        from .errors import NoApplication

        raise NoApplication(
            "Migrations need an application context",
            "Call this inside 'with app.app_context():'.",
        )
    state = current_app.extensions.get("migrate")
    if not isinstance(state, MigrateState):
        from .errors import NoApplication

        raise NoApplication(
            f"Application '{current_app.name}' is not set up for migrations",
            "Call 'BatchMigrate().init_app(app, db)' where it is created.",
        )
    return state

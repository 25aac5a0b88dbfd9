"""The state of the extension for one application; free of Alembic."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import dataclasses
import os
import typing as t

import sqlalchemy as sa
from flask import current_app
from flask import g

if t.TYPE_CHECKING:
    from .settings import Settings

MetaDatas: t.TypeAlias = "sa.MetaData | cabc.Sequence[sa.MetaData]"


class Extension(t.Protocol):
    """What is used of the extension object by the code below it."""

    configure_callbacks: list[cabc.Callable[[t.Any], t.Any]]

    def get_config(
        self,
        directory: str | os.PathLike[str] | None = None,
        x_arg: str | cabc.Sequence[str] | None = None,
        opts: cabc.Iterable[str] | None = None,
    ) -> t.Any:
        """Return the config of the current application."""

    def call_configure_callbacks(self, config: t.Any) -> t.Any:
        """Return what the registered functions make of a config."""


class AutomaticBatch(int):
    """The value of ``render_as_batch`` while it is decided for each bind.

    Truthy where a bind is SQLite, so that an ``env.py`` which looks at it sees what it
    always saw; as its own class it can be told from a True that somebody set.
    """

    def __repr__(self) -> str:
        return repr(bool(self))


@dataclasses.dataclass(frozen=True, slots=True)
class Databases:
    """Metadata and engines given as arguments: the route for plain SQLAlchemy.

    :param metadata: for the default bind, or by bind key.
    :param engines: by bind key, ``''`` for the default one.
    """

    metadata: MetaDatas | cabc.Mapping[str | None, MetaDatas] | None
    engines: cabc.Mapping[str, sa.Engine]


class MigrateState:
    """What ``app.extensions["migrate"]`` holds; ``env.py`` files read it.

    :param migrate: the extension object.
    :param db: the Flask-SQLAlchemy object, or None.
    :param settings: the application's settings.
    :param options: arguments for Alembic's ``context.configure``.
    :param databases: metadata and engines given as arguments.
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
        given = self.databases.metadata
        if isinstance(given, cabc.Mapping):
            given = given.get(None, given.get("", None))
        if isinstance(given, sa.MetaData):
            return given
        if given is not None:
            return given[0]
        return t.cast("sa.MetaData", self.db.metadata)

    @property
    def configure_args(self) -> dict[str, t.Any]:
        """The arguments for ``context.configure``.

        A run has a copy of its own, because ``env.py`` files write into it.
        """
        running = _running.get()
        if running is not None and running[0] is self:
            return running[1]
        if isinstance(self._options.get("render_as_batch"), AutomaticBatch):
            self._options["render_as_batch"] = AutomaticBatch(self._any_sqlite())
        return self._options

    def _any_sqlite(self) -> bool:
        """Tell whether a bind is SQLite; outside an application context assume so."""
        engines: cabc.Mapping[t.Any, t.Any] = self.databases.engines
        if not engines:
            try:
                engines = self.db.engines
            except (RuntimeError, AttributeError):
                return True
        return any(engine.dialect.name == "sqlite" for engine in engines.values())

    def fresh_configure_args(self, any_sqlite: bool) -> dict[str, t.Any]:
        """Return a copy for one run, with what the settings say filled in.

        :param any_sqlite: one of the binds is SQLite.
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


@dataclasses.dataclass(frozen=True, slots=True)
class CommandLine:
    """What ``flask db`` was given for the commands that it runs.

    :param directory: the migrations folder, if one was named.
    :param x_arg: what ``-x`` passes to ``env.py``.
    """

    directory: str | None = None
    x_arg: tuple[str, ...] = ()


_COMMAND_LINE: t.Final = "_flask_batchmigrate_command_line"


def command_line() -> CommandLine:
    """Return what the command line says; nothing where none is at work.

    ``flask.g`` carries it under a name of its own: ``g.directory`` and ``g.x_arg``,
    which an ``env.py`` may read, may just as well be the application's.
    """
    given: CommandLine = g.get(_COMMAND_LINE, CommandLine())
    return given


def set_command_line(directory: str | None, x_arg: tuple[str, ...]) -> None:
    """Let :func:`command_line` return this, and those find it who read ``flask.g``."""
    setattr(g, _COMMAND_LINE, CommandLine(directory, x_arg))
    g.directory, g.x_arg = directory, x_arg


def forget_command_line() -> None:
    """Leave nothing of it in the application context."""
    for name in (_COMMAND_LINE, "directory", "x_arg"):
        g.pop(name, None)


def current_state() -> MigrateState:
    """Return the state of the current application.

    :raises NoApplication: there is no application context, or no extension in it.
    """
    if not current_app:
        from .errors import NoApplication

        raise NoApplication(
            "Migrations need to know the application",
            "Call this inside 'with app.app_context():'.",
        )
    state = current_app.extensions.get("migrate")
    if not isinstance(state, MigrateState):
        from .errors import NoApplication

        raise NoApplication(
            f"Application '{current_app.name}' has no migrations",
            "Call 'BatchMigrate().init_app(app, db)' when it is created.",
        )
    return state

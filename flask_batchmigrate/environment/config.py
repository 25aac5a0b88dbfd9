"""Makes the Alembic config of an application.

``script_location`` is the packaged environment, so that every command of Alembic with
this config uses the runner; the user's folder is in ``version_locations``. Both options
are documented at
https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file.
"""

from __future__ import annotations

import argparse
import collections.abc as cabc
import dataclasses
import io
import os
import pathlib
import re
import typing as t

from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from alembic.util import coerce_resource_to_filename
from flask import current_app

from ..project.binds import Bind
from ..project.folder import Folder
from ..project.folder import locate
from ..project.revision_files import check_files
from ..results import Applied
from ..settings import SetupError
from ..state import command_line
from ..state import current_state
from ..state import Extension
from ..state import MigrateState
from . import scope
from .scope import Scope

if t.TYPE_CHECKING:
    from ..autogenerate.request import Request
    from ..autogenerate.verify import Start
    from .rehearsal.rehearsing import Rehearsing

HERE: t.Final = pathlib.Path(__file__).parent
PACKAGED: t.Final = HERE / "packaged"
TEMPLATES: t.Final = HERE / "templates"

_KEY: t.Final = "flask_batchmigrate"
_URL: t.Final = "sqlalchemy.url"


class Setup:
    """The state that a command and the runner share for one run.

    It is stored in the attributes of Alembic's config.

    :param state: the application's state.
    :param folder: the user's migrations folder.
    """

    def __init__(self, state: MigrateState, folder: Folder) -> None:
        self.state = state
        self.folder = folder
        #: Whether the models are compared with the database.
        self.compares = False
        #: Whether the databases are only read.
        self.only_reads = False
        #: Whether only the table for the revision is created.
        self.ensures_version_table = False
        #: Whether a revision file is written from the comparison.
        self.generates = False
        #: The revision whose file was rendered last.
        self.rendered: str | None = None
        #: Whether the migrations folder may be missing.
        self.folder_may_miss = False
        #: Whether the text of the revision files was checked already.
        self.files_checked = False
        #: The binds that Alembic is configured for at the moment.
        self.active: tuple[Bind, ...] = ()
        #: Collects what the migration does, if it is only rehearsed.
        self.rehearsal: Rehearsing | None = None
        #: Tells whether rows may be older than a column of this name; set if the SQL is
        #: recorded on databases without rows.
        self.may_be_short: cabc.Callable[[str], bool] | None = None
        #: The options for generating a revision; ``None`` for the defaults.
        self.request: Request | None = None
        #: The SQLite databases that the models were compared with, before the change.
        self.starts: list[Start] = []
        #: Whether a hook of the user's had the last word on what is generated.
        self.is_rewritten = False
        #: The SQL for each database, by bind, where it is written for several.
        self.sql: dict[str, SqlBuffer] = {}
        #: The revisions that the run has applied.
        self.applied: list[Applied] = []
        #: The differences between models and databases.
        self.diffs: list[t.Any] = []

    def make_scope(self, scripts: ScriptDirectory) -> Scope:
        """Choose the binds to migrate and the form of scripts.

        :raises BrokenScript: the revision files do not form a valid history.
        :raises UnknownBind: no bind is left to migrate, or a setting names none.
        """
        if not self.files_checked:
            check_files(scripts)
        return scope.make(self.state, self.folder, scripts)


_HOOKS: t.Final = "post_write_hooks"


class Config(AlembicConfig):
    """Alembic's config, extended by the templates of this package.

    :param template_directory: a folder with templates for ``init``.
    """

    def __init__(
        self,
        *args: t.Any,
        template_directory: str | os.PathLike[str] | None = None,
        **kwargs: t.Any,
    ) -> None:
        self.template_directory = template_directory
        super().__init__(*args, **kwargs)

    def get_template_directory(self) -> str:
        """Return the folder with the templates for ``init``."""
        return os.fspath(self.template_directory or TEMPLATES)


def setup_of(config: AlembicConfig) -> Setup:
    """Return the setup in a config; add one if there is none.

    Alembic's own command line makes a config without a setup when it runs an ``env.py``
    of this package.
    """
    setup = config.attributes.get(_KEY)
    if setup is None:
        location = config.get_main_option("script_location") or "."
        folder = Folder(pathlib.Path(location).absolute())
        setup = config.attributes[_KEY] = Setup(current_state(), folder)
    return t.cast("Setup", setup)


def build(
    migrate: Extension,
    directory: str | os.PathLike[str] | None = None,
    x_arg: str | cabc.Sequence[str] | None = None,
    opts: cabc.Iterable[str] | None = None,
) -> Config:
    """Return the config of the current application."""
    state = current_state()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    folder = locate(app, directory or command_line().directory or state.directory)
    config = Config(os.fspath(folder.path / "alembic.ini"))
    config.cmd_opts = argparse.Namespace(x=_x_arguments(x_arg))
    for opt in opts or ():
        setattr(config.cmd_opts, opt, True)
    set_option(config, "script_location", folder.path)
    _add_hooks(config, state.settings["post_write_hooks"])
    config = migrate.call_configure_callbacks(config)
    if not isinstance(config, Config):
        raise SetupError(
            "A function registered with 'configure' returned "
            f"{type(config).__name__!r}",
            "it must return the config that it received",
        )
    setup = _point_at_package(config, state, folder)
    setup.compares = setup.generates = bool(getattr(config.cmd_opts, "autogenerate", 0))
    return config


def _add_hooks(
    config: Config, hooks: cabc.Mapping[str, cabc.Mapping[str, str]]
) -> None:
    """Let Alembic run programs on each file that it writes.

    See https://alembic.sqlalchemy.org/en/latest/autogenerate.html#applying-post-processing-and-python-code-formatters-to-generated-revisions.

    :param hooks: the options of each hook, by its name; if there are none, the hooks of
        the ini file are run.
    """
    if not hooks:
        return
    config.set_section_option(_HOOKS, "hooks", escaped(", ".join(hooks)))
    for name, options in hooks.items():
        for option, text in options.items():
            config.set_section_option(_HOOKS, f"{name}.{option}", escaped(text))


def _x_arguments(x_arg: str | cabc.Sequence[str] | None) -> list[str]:
    """Join the values of ``-x`` before and after the name of the command."""
    before = list(command_line().x_arg)
    after = [x_arg] if isinstance(x_arg, str) else list(x_arg or ())
    return before if before == after else before + after


def _point_at_package(config: Config, state: MigrateState, folder: Folder) -> Setup:
    """Let Alembic find the packaged environment and the user's revisions."""
    location = config.get_main_option("script_location")
    if location is not None and pathlib.Path(location) != folder.path:
        # A configure function moved the folder.
        folder = Folder(pathlib.Path(location).absolute())
    if config.get_main_option("sourceless") == "true":
        folder = dataclasses.replace(folder, sourceless=True)
    setup = config.attributes[_KEY] = Setup(state, folder)
    set_option(config, "script_location", PACKAGED)
    if not config.get_main_option("path_separator"):
        _split_as_before(config)
    if not config.get_main_option("version_locations"):
        set_option(config, "version_locations", folder.path / "versions")
    _resolve_locations(config)
    return setup


def _split_as_before(config: Config) -> None:
    """Convert lists of paths that were written before ``path_separator`` existed.

    The lists are split by the old rules, and joined by new lines, which no path
    contains.
    """
    old = config.get_main_option("version_path_separator")
    named = {None: ", *| +", "space": " ", "newline": "\n", "os": os.pathsep}
    patterns = {
        "version_locations": named.get(old, old or ""),
        "prepend_sys_path": ", *| +|:",
    }
    for name, pattern in patterns.items():
        value = config.get_main_option(name)
        if value:
            _join(config, name, [part.strip() for part in re.split(pattern, value)])
    config.remove_main_option("version_path_separator")
    config.set_main_option("path_separator", "newline")


def _resolve_locations(config: Config) -> None:
    """Write several version folders as Alembic writes the paths of their files.

    Alembic compares the two to decide which folder a new revision belongs to.
    """
    locations = config.get_version_locations_list() or []
    if len(locations) < 2:
        return
    paths = [os.fspath(coerce_resource_to_filename(each)) for each in locations]
    resolved = [os.path.realpath(path) for path in paths]
    _join(config, "version_locations", resolved)
    _join(config, "prepend_sys_path", config.get_prepend_sys_paths_list() or [])
    config.set_main_option("path_separator", "newline")


def _join(config: Config, name: str, parts: cabc.Iterable[str]) -> None:
    """Set an option to a list of paths, one a line."""
    if text := "\n".join(filter(None, parts)):
        config.set_main_option(name, escaped(text))


def set_option(config: AlembicConfig, name: str, path: pathlib.Path) -> None:
    """Set an option to a path, which may have any characters."""
    config.set_main_option(name, escaped(os.fspath(path)))


def escaped(value: str) -> str:
    """Protect per cent signs, which the parser of ini files reads as references."""
    return value.replace("%", "%%")


def show_urls(config: AlembicConfig, binds: cabc.Iterable[Bind], keep: bool) -> None:
    """Set ``sqlalchemy.url`` for code that reads it, like Flask-Migrate's ``env.py``.

    The URL of the default bind is a main option; the URL of any other bind is in a
    section with the name of the bind.

    :param keep: keep a URL that is set already: the user's ``env.py`` may use it.
    """
    main, defaults = config.config_ini_section, config.file_config.default_section
    for bind in binds:
        section = bind.key or main
        is_taken = bind.key in (main, defaults)
        if is_taken or (keep and config.file_config.has_option(section, _URL)):
            continue
        config.set_section_option(section, _URL, _rendered(bind))


def show_url(config: AlembicConfig, bind: Bind) -> None:
    """Set the main option ``sqlalchemy.url`` to the URL of the present bind."""
    config.set_main_option(_URL, _rendered(bind))


def _rendered(bind: Bind) -> str:
    return escaped(bind.engine.url.render_as_string(hide_password=False))


class SqlBuffer(io.StringIO):
    """Collects the SQL of a run, and passes it on to the user's own buffer.

    :param behind: the buffer that the user has configured, if any.
    """

    def __init__(self, behind: t.TextIO | None) -> None:
        super().__init__()
        self._next = behind

    def write(self, text: str) -> int:
        """Store a piece of text, and pass it on."""
        if self._next is not None:
            self._next.write(text)
        return super().write(text)

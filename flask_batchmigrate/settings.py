"""The settings: names, default and meaning of each. Does not load Alembic."""

from __future__ import annotations

import collections.abc as cabc
import math
import os
import typing as t

import sqlalchemy as sa

from .sqlite.errors import DescribedError
from .value_classes import value_class

PREFIX: t.Final = "BATCHMIGRATE_"


class SetupError(DescribedError, RuntimeError):
    """The extension was set up wrongly; raised without loading Alembic."""


@value_class
class Setting:
    """One setting.

    :param argument: the keyword of :class:`.BatchMigrate` and ``init_app``.
    :param default: the value if neither an argument nor the configuration sets one.
    :param accepts: the acceptable values, in words.
    :param meaning: the effect of the setting, for the documentation.
    :param check: returns whether a value is acceptable.
    """

    argument: str
    default: t.Any
    accepts: str
    meaning: str
    check: cabc.Callable[[t.Any], bool]

    @property
    def key(self) -> str:
        """The name in ``app.config``."""
        return PREFIX + self.argument.upper()


def _is_path(value: t.Any) -> bool:
    return isinstance(value, (str, os.PathLike)) and bool(os.fspath(value))


def _is_bool(value: t.Any) -> bool:
    return isinstance(value, bool)


def _is_keys(value: t.Any) -> bool:
    if not isinstance(value, cabc.Collection) or isinstance(value, (str, bytes)):
        return False
    return all(key is None or isinstance(key, str) for key in value)


def _is_names(value: t.Any) -> bool:
    return _is_keys(value) and None not in value


def _is_seconds(value: t.Any) -> bool:
    is_number = isinstance(value, (int, float)) and not _is_bool(value)
    return is_number and math.isfinite(value) and value >= 0


def _is_limit(value: t.Any) -> bool:
    return value is None or (_is_seconds(value) and value > 0)


def _is_count(value: t.Any) -> bool:
    return isinstance(value, int) and not _is_bool(value) and value >= 0


def _is_hooks(value: t.Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(options, dict)
        and isinstance(options.get("type"), str)
        and all(isinstance(text, str) for pair in options.items() for text in pair)
        for name, options in value.items()
    )


def _urls(value: t.Any) -> dict[str | None, sa.URL] | None:
    """Return the URLs in the value of a setting; None if it has anything else."""
    if value is None:
        return {}
    named: dict[str | None, t.Any] = {None: value}
    if isinstance(value, dict):
        named = {key or "": url for key, url in value.items()}
    if not all(key is None or isinstance(key, str) for key in named):
        return None
    if not all(isinstance(url, str | sa.URL) for url in named.values()):
        return None
    try:
        return {key: sa.make_url(url) for key, url in named.items()}
    except sa.exc.ArgumentError:
        return None


SETTINGS: t.Final = (
    Setting(
        "directory",
        "migrations",
        "a path",
        "The migrations folder. A relative path is looked for in the current directory,"
        " then in the application's root path and beside its package.",
        _is_path,
    ),
    Setting(
        "command",
        "db",
        "a name",
        "The name of the command group: 'flask db'.",
        lambda value: isinstance(value, str) and bool(value),
    ),
    Setting(
        "compare_type",
        True,
        "True, False or a function",
        "Whether generated migrations compare the types of columns.",
        lambda value: _is_bool(value) or callable(value),
    ),
    Setting(
        "render_as_batch",
        None,
        "True, False or None",
        "Whether generated migrations alter tables in batch blocks. None decides for"
        " each bind: on for SQLite, off for other databases.",
        lambda value: value is None or _is_bool(value),
    ),
    Setting(
        "destructive",
        True,
        "True or False",
        "Whether generated migrations may drop tables and columns, which hold rows and"
        " values.",
        _is_bool,
    ),
    Setting(
        "scratch_url",
        None,
        "a URL, a dict of URLs by bind key, or None",
        "An empty database on a PostgreSQL, MySQL or MariaDB server, on which generated"
        " migrations are proven and 'check --scratch' runs the revisions. It is empty"
        " again afterwards. Where several binds are on servers, one for each.",
        lambda value: _urls(value) is not None,
    ),
    Setting(
        "post_write_hooks",
        {},
        "a dict of dicts of texts",
        "What is run on each revision file that is written, in this order: by name, the"
        " options of Alembic's post-write hooks, such as 'type' and 'executable'.",
        _is_hooks,
    ),
    Setting(
        "transaction_per_migration",
        False,
        "True or False",
        "Whether each revision is committed separately instead of all together.",
        _is_bool,
    ),
    Setting(
        "binds",
        None,
        "a list of bind keys, or None",
        "The binds to migrate; '' or None in the list is the default bind. Without a"
        " list, these are the binds with tables in their metadata and those that the"
        " scripts already name.",
        lambda value: value is None or _is_keys(value),
    ),
    Setting(
        "exclude_binds",
        (),
        "a list of bind keys",
        "Binds that are never migrated, such as databases that belong to others.",
        _is_keys,
    ),
    Setting(
        "lock",
        True,
        "True or False",
        "Whether one process at a time migrates a PostgreSQL, MySQL or MariaDB"
        " database, by a lock on the server. Switch it off behind a proxy that pools"
        " transactions, and run one migration at a time. SQLite needs no such lock.",
        _is_bool,
    ),
    Setting(
        "lock_timeout",
        60.0,
        "a number of seconds",
        "How long to wait, in seconds, for another process that is migrating.",
        _is_seconds,
    ),
    Setting(
        "server_lock_timeout",
        None,
        "a number of seconds, or None",
        "How long a statement of a migration may wait, in seconds, for a table or row"
        " that the application is using; meanwhile, requests queue up behind it. None"
        " leaves the server's own limit. PostgreSQL, MySQL and MariaDB.",
        _is_limit,
    ),
    Setting(
        "server_lock_retries",
        5,
        "a whole number",
        "How often a migration that 'server_lock_timeout' stopped is repeated from the"
        " beginning of the revision.",
        _is_count,
    ),
    Setting(
        "statement_timeout",
        None,
        "a number of seconds, or None",
        "How long a statement of a migration may take, in seconds. None leaves the"
        " server's own limit. PostgreSQL and MariaDB; on MySQL it limits SELECT only.",
        _is_limit,
    ),
    Setting(
        "sqlite_keep_indexes",
        True,
        "True or False",
        "Whether a SQLite table whose rows are rewritten keeps the indexes that stay"
        " valid, which takes about half the time, or rebuilds all of its indexes.",
        _is_bool,
    ),
    Setting(
        "auto_upgrade",
        False,
        "True, False, 'always' or 'check'",
        "Whether the first request of a process upgrades the databases before it is"
        " served. 'always' does so under TESTING, too. 'check' upgrades nothing and"
        " answers requests with 503 while revisions are pending.",
        lambda value: _is_bool(value) or value in ("always", "check"),
    ),
    Setting(
        "auto_upgrade_exempt",
        (),
        "a list of endpoints",
        "Endpoints that are served without waiting for 'auto_upgrade', such as a check"
        " that the process is alive.",
        _is_names,
    ),
    Setting(
        "auto_upgrade_tolerates",
        ("newer",),
        "a list of 'newer' and 'failed'",
        "When 'auto_upgrade' lets requests through although the schema does not match"
        " the code: 'newer' if the database is at a revision that has no file, as after"
        " a rollback of the code; 'failed' if the upgrade failed.",
        lambda value: _is_keys(value) and set(value) <= {"newer", "failed"},
    ),
)


class Settings:
    """The settings of one application: its arguments, then its configuration.

    The configuration is read at each use, so that it may be completed after
    ``init_app``.

    :param arguments: the keyword arguments; None counts as missing.
    :param config: the application's configuration.
    """

    def __init__(
        self, arguments: cabc.Mapping[str, t.Any], config: cabc.Mapping[str, t.Any]
    ) -> None:
        self._arguments = {k: v for k, v in arguments.items() if v is not None}
        self._config = config
        self._refuse_unknown_keys()
        for setting in SETTINGS:
            self._get(setting)

    def _refuse_unknown_keys(self) -> None:
        known = [setting.key for setting in SETTINGS]
        for key in self._config:
            if key.startswith(PREFIX) and key not in known:
                # Only a mistake needs it.
                import difflib

                close = difflib.get_close_matches(key, known, 1)
                hint = (
                    f"Did you mean '{close[0]}'?"
                    if close
                    else f"Known: {', '.join(known)}."
                )
                raise SetupError(
                    f"'{key}' is not a setting of Flask-BatchMigrate", hint
                )

    def _get(self, setting: Setting) -> t.Any:
        if setting.argument in self._arguments:
            value, source = self._arguments[setting.argument], setting.argument
        elif setting.key in self._config:
            value, source = self._config[setting.key], setting.key
        else:
            return setting.default
        if not setting.check(value):
            raise SetupError(f"'{source}' must be {setting.accepts}, not {value!r}.")
        return value

    def __getitem__(self, argument: str) -> t.Any:
        """Return the value of the setting with this argument name."""
        return self._get(next(s for s in SETTINGS if s.argument == argument))

    @property
    def directory(self) -> str:
        """The migrations folder as it was set; the path may be relative."""
        return os.fspath(self["directory"])  # type: ignore[no-any-return]

    @property
    def binds(self) -> frozenset[str] | None:
        """The bind keys to migrate, ``''`` for the default one; None: automatic."""
        value = self["binds"]
        return None if value is None else frozenset(key or "" for key in value)

    @property
    def exclude_binds(self) -> frozenset[str]:
        """The bind keys that are never migrated, ``''`` for the default one."""
        return frozenset(key or "" for key in self["exclude_binds"])

    @property
    def scratch_urls(self) -> dict[str | None, sa.URL]:
        """The scratch databases by bind key; that of None is for any bind."""
        return _urls(self["scratch_url"]) or {}

    @property
    def lock(self) -> bool:
        """Whether only one process at a time migrates a server's database."""
        return bool(self["lock"])

    @property
    def lock_timeout(self) -> float:
        """Seconds to wait for another process that is migrating."""
        return float(self["lock_timeout"])

    @property
    def server_lock_timeout(self) -> float | None:
        """Seconds that a statement may wait for a table that the application uses."""
        return _seconds(self["server_lock_timeout"])

    @property
    def server_lock_retries(self) -> int:
        """How often a migration that had to wait for too long is repeated."""
        return int(self["server_lock_retries"])

    @property
    def statement_timeout(self) -> float | None:
        """Seconds that a statement may take."""
        return _seconds(self["statement_timeout"])


def _seconds(value: float | None) -> float | None:
    return None if value is None else float(value)

"""Finds out, without Alembic, whether databases are at the newest revision.

They mostly are when a worker starts or a deploy is repeated. The text of the revision
files and one SELECT show it; loading Alembic and running every file takes many times
longer.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import sqlalchemy as sa
from flask import current_app

from ..reporting import reporter
from ..sqlite.error_codes import is_busy
from ..state import command_line
from ..state import current_state
from ..value_classes import value_class
from . import stock
from .binds import Bind
from .binds import find
from .binds import select
from .folder import Folder
from .folder import locate
from .revision_files import Overview
from .revision_files import overview


class _Locked(Exception):
    """Another program has locked the database."""


def nothing_to_upgrade(directory: str | os.PathLike[str] | None = None) -> bool:
    """Return whether the application's databases are certainly at the newest revision.

    Only the simplest cases are covered: the files show one head, and no code or setting
    of the user may change the result.

    :param directory: a migrations folder to use instead of the application's own.
    :return: False also if only Alembic can find out.
    """
    folder = _plain_folder(directory)
    databases = None if folder is None else _databases(folder)
    if folder is None or databases is None:
        return False
    try:
        stored = {_stored(bind.engine) for bind in databases.binds}
    except _Locked:
        # The upgrade waits for the other program.
        return False
    if len(stored) != 1 or any(len(heads) != 1 for heads in stored):
        return False
    files = _overview(folder)
    if {files.heads} != stored or not databases.fit(files):
        return False
    for bind in databases.binds:
        reporter().bind_started(bind.key, bind.database, bind.dialect)
    return True


def head(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision if the files form a single line.

    :param directory: a migrations folder to use instead of the application's own.
    :return: ``None`` if only Alembic can find out.
    """
    folder = _plain_folder(directory)
    return None if folder is None else _newest(_overview(folder))


def current(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision if the only database is certainly at it.

    :param directory: a migrations folder to use instead of the application's own.
    :return: ``None`` if only Alembic can find out.
    :raises LockTimeout: another program has locked the database; Alembic would wait for
        the same time again.
    """
    folder = _plain_folder(directory)
    databases = None if folder is None else _databases(folder)
    if folder is None or databases is None or len(databases.binds) != 1:
        return None
    files = _overview(folder)
    newest = _newest(files)
    if newest is None or not databases.fit(files):
        return None
    (bind,) = databases.binds
    try:
        return newest if _stored(bind.engine) == {newest} else None
    except _Locked as error:
        from ..errors import in_use

        raise in_use(f"Database '{bind.database}'") from error.__cause__


def _plain_folder(directory: str | os.PathLike[str] | None) -> Folder | None:
    """Return the migrations folder, unless the user customised how it is read."""
    state = current_state()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    options = command_line()
    folder = locate(app, directory or options.directory or state.directory)
    if state.migrate.configure_callbacks or options.x_arg:
        return None
    return folder if stock.is_plain(folder.path / "alembic.ini") else None


def _overview(folder: Folder) -> Overview:
    return overview([folder.path / "versions"])


def _newest(files: Overview) -> str | None:
    plain = files.is_linear and len(files.heads) == 1
    return next(iter(files.heads)) if plain else None


@value_class
class _Databases:
    """The databases that a migration folder belongs to.

    :param binds: all binds of the application.
    :param several: whether all binds are migrated, even if no script names one.
    """

    binds: tuple[Bind, ...]
    several: bool = False

    def fit(self, files: Overview) -> bool:
        """Tell whether revision files are for these databases, and no others."""
        return self.several or not files.names_binds


def _databases(folder: Folder) -> _Databases | None:
    """Return the databases that are migrated, if all of them exist.

    :return: ``None`` if only Alembic can find out.
    """
    state = current_state()
    binds = find(state)
    every = tuple(binds.values())
    if state.settings.binds is not None or state.settings.exclude_binds:
        return None
    if not all(bind.is_there for bind in every):
        return None
    if folder.env.is_file():
        return _databases_of(stock.recognise(folder.env), every)
    if len(every) != 1 or select(state, binds, frozenset()) != list(every):
        return None
    return _Databases(every)


def _databases_of(
    connects: stock.Connects | None, binds: tuple[Bind, ...]
) -> _Databases | None:
    """Return the databases that an ``env.py`` of Flask-Migrate's migrates.

    :return: ``None`` if the file is another one, or would not use the engines of all
        binds.
    """
    db = current_state().db
    get_engine = getattr(type(db), "get_engine", None)
    usual = getattr(get_engine, "__module__", _USUAL) == _USUAL
    if connects is None or current_state().databases.engines or not usual:
        return None
    if binds[0].key != "" or db.engine is not binds[0].engine:
        return None
    if connects is stock.Connects.BY_ENGINES:
        named = current_app.config.get("SQLALCHEMY_BINDS") or ()
        meets_all = set(named) == {bind.key for bind in binds[1:]}
        return _Databases(binds, several=True) if meets_all else None
    url = binds[0].engine.url
    if connects is not stock.Connects.BY_ENGINE and not _is_file(url):
        # A new engine would open another database in memory, and could not connect to a
        # server, since the URL is written without its password.
        return None
    setting = str(current_app.config.get("SQLALCHEMY_DATABASE_URI") or "sqlite://")
    if connects is stock.Connects.BY_SETTING and sa.make_url(setting) != url:
        return None
    return _Databases(binds) if len(binds) == 1 else None


_USUAL: t.Final = "flask_sqlalchemy.extension"


def _is_file(url: sa.URL) -> bool:
    """Tell whether a URL names the same file in any working directory."""
    return (
        url.get_backend_name() == "sqlite"
        and pathlib.Path(url.database or "").is_absolute()
    )


def _stored(engine: sa.Engine) -> frozenset[str]:
    """Return the revisions stored in a database.

    :raises _Locked: another program has locked the database.
    """
    state = current_state()
    versions = sa.table(
        state.version_table,
        sa.column("version_num"),
        schema=state.configure_args.get("version_table_schema"),
    )
    try:
        with engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(versions.c.version_num)))
    except sa.exc.SQLAlchemyError as error:
        if engine.dialect.name == "sqlite" and is_busy(
            getattr(error, "orig", None) or error
        ):
            raise _Locked from error
        # The table or the server may be missing; Alembic will find out.
        return frozenset()

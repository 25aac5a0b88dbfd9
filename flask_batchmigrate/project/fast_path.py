"""Tells at a glance, without Alembic, where the newest revision is.

Starting a worker or repeating a deploy mostly finds the database there. To know that
takes the text of the revision files and one SELECT; loading Alembic and running every
file takes many times longer.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing as t

import sqlalchemy as sa
from flask import current_app

from ..reporting import reporter
from ..sqlite.error_codes import is_busy
from ..state import command_line
from ..state import current_state
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
    """Tell whether the application's databases are surely at the newest revision.

    Only the plain cases are told: one head that can be read from the files, and nothing
    of the user's own that might see things differently.

    :param directory: another migrations folder than the application's own.
    :return: False where it takes a closer look to know.
    """
    folder = _plain_folder(directory)
    targets = None if folder is None else _targets(folder)
    if folder is None or targets is None:
        return False
    try:
        stored = {_stored(bind.engine) for bind in targets.binds}
    except _Locked:
        # The upgrade waits for it.
        return False
    if len(stored) != 1 or any(len(heads) != 1 for heads in stored):
        return False
    found = _overview(folder)
    if {found.heads} != stored or not targets.fit(found):
        return False
    for bind in targets.binds:
        reporter().bind_started(bind.key, bind.database, bind.dialect)
    return True


def head(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision, where the files follow one another in a line.

    :param directory: another migrations folder than the application's own.
    :return: ``None`` where it takes a closer look to know.
    """
    folder = _plain_folder(directory)
    return None if folder is None else _newest(_overview(folder))


def current(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision, where the only database is surely at it.

    :param directory: another migrations folder than the application's own.
    :return: ``None`` where it takes a closer look to know.
    :raises LockTimeout: another program has locked it; a closer look would wait anew.
    """
    folder = _plain_folder(directory)
    targets = None if folder is None else _targets(folder)
    if folder is None or targets is None or len(targets.binds) != 1:
        return None
    found = _overview(folder)
    newest = _newest(found)
    if newest is None or not targets.fit(found):
        return None
    (bind,) = targets.binds
    try:
        return newest if _stored(bind.engine) == {newest} else None
    except _Locked as error:
        from ..errors import in_use

        raise in_use(f"Database '{bind.database}'") from error.__cause__


def _plain_folder(directory: str | os.PathLike[str] | None) -> Folder | None:
    """Return the migrations folder, unless something else tells where revisions are."""
    state = current_state()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    given = command_line()
    folder = locate(app, directory or given.directory or state.directory)
    if state.migrate.configure_callbacks or given.x_arg:
        return None
    return folder if stock.is_plain(folder.path / "alembic.ini") else None


def _overview(folder: Folder) -> Overview:
    return overview([folder.path / "versions"])


def _newest(found: Overview) -> str | None:
    plain = found.is_line and len(found.heads) == 1
    return next(iter(found.heads)) if plain else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Targets:
    """The databases that a migration folder is for.

    :param binds: all binds of the application.
    :param several: whether each of them is migrated, whatever scripts name.
    """

    binds: tuple[Bind, ...]
    several: bool = False

    def fit(self, found: Overview) -> bool:
        """Tell whether revision files are for these databases, and for no other."""
        return self.several or not found.names_binds


def _targets(folder: Folder) -> _Targets | None:
    """Return the databases that are migrated, where they are there.

    :return: ``None`` where it takes a closer look to know.
    """
    state = current_state()
    binds = find(state)
    every = tuple(binds.values())
    if state.settings.binds is not None or state.settings.exclude_binds:
        return None
    if not all(bind.is_there for bind in every):
        return None
    if folder.env.is_file():
        return _targets_of(stock.recognise(folder.env), every)
    if len(every) != 1 or select(state, binds, frozenset()) != list(every):
        return None
    return _Targets(every)


def _targets_of(
    connects: stock.Connects | None, binds: tuple[Bind, ...]
) -> _Targets | None:
    """Return the databases that an ``env.py`` of Flask-Migrate's migrates.

    :return: ``None`` where it is another, or would not meet the engines of all binds.
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
        return _Targets(binds, several=True) if meets_all else None
    url = binds[0].engine.url
    if connects is not stock.Connects.BY_ENGINE and not _is_file(url):
        # An engine of its own would be for another database in memory, and could not
        # connect to a server: the URL is written without its password.
        return None
    setting = str(current_app.config.get("SQLALCHEMY_DATABASE_URI") or "sqlite://")
    if connects is stock.Connects.BY_SETTING and sa.make_url(setting) != url:
        return None
    return _Targets(binds) if len(binds) == 1 else None


_USUAL: t.Final = "flask_sqlalchemy.extension"


def _is_file(url: sa.URL) -> bool:
    """Tell whether a URL is that of a file, wherever it is read."""
    return (
        url.get_backend_name() == "sqlite"
        and pathlib.Path(url.database or "").is_absolute()
    )


def _stored(engine: sa.Engine) -> frozenset[str]:
    """Return the revisions stored in a database.

    :raises _Locked: it is in use.
    """
    args = current_state().configure_args
    versions = sa.table(
        args.get("version_table", "alembic_version"),
        sa.column("version_num"),
        schema=args.get("version_table_schema"),
    )
    try:
        with engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(versions.c.version_num)))
    except sa.exc.SQLAlchemyError as error:
        if engine.dialect.name == "sqlite" and is_busy(
            getattr(error, "orig", None) or error
        ):
            raise _Locked from error
        # There may be no such table, or no such server; the closer look will tell.
        return frozenset()

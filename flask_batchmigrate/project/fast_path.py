"""Tells at a glance, without Alembic, where the newest revision is.

Starting a worker or repeating a deploy mostly finds the database there. To know that
takes the text of the revision files and one SELECT; loading Alembic and running every
file takes many times longer.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from flask import current_app

from ..reporting import reporter
from ..sqlite.error_codes import is_busy
from ..state import command_line
from ..state import current_state
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
    """Tell whether the application's database is surely at the newest revision.

    Only the plainest case is told: one database, one head that can be read from the
    files, and nothing of the user's own that might see things differently.

    :param directory: another migrations folder than the application's own.
    :return: False where it takes a closer look to know.
    """
    folder = _plain_folder(directory)
    bind = None if folder is None else _only_target()
    if folder is None or bind is None:
        return False
    try:
        stored = _stored(bind.engine)
    except _Locked:
        # The upgrade waits for it.
        return False
    if len(stored) != 1:
        return False
    found = _overview(folder)
    if found.names_binds or found.heads != stored:
        return False
    reporter().bind_started(bind.key, bind.database, bind.dialect)
    return True


def head(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision, where the files follow one another in a line.

    :param directory: another migrations folder than the application's own.
    :return: ``None`` where it takes a closer look to know.
    """
    folder = _plain_folder(directory)
    found = Overview() if folder is None else _overview(folder)
    plain = found.is_line and not found.names_binds and len(found.heads) == 1
    return next(iter(found.heads)) if plain else None


def is_at(revision: str) -> bool:
    """Tell whether the application's only database is surely at a revision.

    :raises LockTimeout: another program has locked it; a closer look would wait anew.
    """
    bind = _only_target()
    try:
        return bind is not None and _stored(bind.engine) == {revision}
    except _Locked as error:
        from ..errors import in_use

        assert bind is not None
        raise in_use(f"Database '{bind.database}'") from error.__cause__


def _plain_folder(directory: str | os.PathLike[str] | None) -> Folder | None:
    """Return the migrations folder, unless something of the user's own reads it."""
    state = current_state()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    given = command_line()
    folder = locate(app, directory or given.directory or state.directory)
    if state.migrate.configure_callbacks or given.x_arg or _is_customised(folder):
        return None
    return folder


def _overview(folder: Folder) -> Overview:
    return overview([folder.path / "versions"])


def _only_target() -> Bind | None:
    """Return the database, if the application has one and it is there."""
    state = current_state()
    settings = state.settings
    binds = find(state)
    if len(binds) != 1 or settings.binds is not None or settings.exclude_binds:
        return None
    (bind,) = binds.values()
    if not bind.is_there or select(state, binds, frozenset()) != [bind]:
        return None
    return bind


def _is_customised(folder: Folder) -> bool:
    return folder.env.is_file() or (folder.path / "alembic.ini").is_file()


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

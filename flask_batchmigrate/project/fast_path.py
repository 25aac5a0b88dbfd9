"""Finds out quickly, without Alembic, whether a database is at the newest revision.

It usually is when a worker starts or a deploy is repeated. The text of the revision
files and one SELECT are enough to know it; loading Alembic and running every file takes
many times longer.
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
    """Return whether the application's database is certainly at the newest revision.

    This covers only the simplest case: one database, one head that can be read from the
    files, and no ``env.py``, ini file or configure function that may change the result.

    :param directory: a migrations folder to use instead of the application's own.
    :return: False also if only Alembic can find out.
    """
    folder = _plain_folder(directory)
    bind = None if folder is None else _only_target()
    if folder is None or bind is None:
        return False
    try:
        stored = _stored(bind.engine)
    except _Locked:
        # The upgrade waits for the other program.
        return False
    if len(stored) != 1:
        return False
    files = _overview(folder)
    if files.names_binds or files.heads != stored:
        return False
    reporter().bind_started(bind.key, bind.database, bind.dialect)
    return True


def head(directory: str | os.PathLike[str] | None = None) -> str | None:
    """Return the newest revision if the files form a single line.

    :param directory: a migrations folder to use instead of the application's own.
    :return: ``None`` if only Alembic can find out.
    """
    folder = _plain_folder(directory)
    files = Overview() if folder is None else _overview(folder)
    is_plain = files.is_line and not files.names_binds and len(files.heads) == 1
    return next(iter(files.heads)) if is_plain else None


def is_at(revision: str) -> bool:
    """Return whether the application's only database is certainly at a revision.

    :raises LockTimeout: another program has locked it, and Alembic would wait as long
        again.
    """
    bind = _only_target()
    try:
        return bind is not None and _stored(bind.engine) == {revision}
    except _Locked as error:
        from ..errors import in_use

        assert bind is not None
        raise in_use(f"Database '{bind.database}'") from error.__cause__


def _plain_folder(directory: str | os.PathLike[str] | None) -> Folder | None:
    """Return the migrations folder, unless the user customised how it is read."""
    state = current_state()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    options = command_line()
    folder = locate(app, directory or options.directory or state.directory)
    if state.migrate.configure_callbacks or options.x_arg or _is_customised(folder):
        return None
    return folder


def _overview(folder: Folder) -> Overview:
    return overview([folder.path / "versions"])


def _only_target() -> Bind | None:
    """Return the bind, if the application has only one and its database exists."""
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

    :raises _Locked: another program has locked it.
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
        # The table or the server may be missing; Alembic will find out.
        return frozenset()

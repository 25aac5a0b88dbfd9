"""Knows the migrations that go on in each thread."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import typing as t
import urllib.parse

if t.TYPE_CHECKING:
    import sqlalchemy as sa

    from .driver import Identity
    from .migration import MigrationTransaction

_running: dict[int, tuple[MigrationTransaction, ...]] = {}


def here() -> tuple[MigrationTransaction, ...]:
    """The migrations of this thread, those between two transactions too."""
    return _running.get(threading.get_ident(), ())


def add(transaction: MigrationTransaction) -> None:
    """Have a migration of this thread be known."""
    _running[threading.get_ident()] = (*here(), transaction)


def remove(transaction: MigrationTransaction) -> None:
    """Forget a migration of this thread, if it is known."""
    left = tuple(known for known in here() if known is not transaction)
    if left:
        _running[threading.get_ident()] = left
    else:
        _running.pop(threading.get_ident(), None)


def with_connection(connection: sa.Connection) -> MigrationTransaction | None:
    """Find the migration that was begun with a connection."""
    return next((one for one in here() if one.connection is connection), None)


def with_identity(identity: Identity) -> MigrationTransaction | None:
    """Find the migration of this thread that has a database in progress.

    One that has lost its transaction is in progress until it ends.
    """
    return next(
        (one for one in here() if one.identity == identity and one.is_begun), None
    )


def with_file(name: object) -> MigrationTransaction | None:
    """Find the migration of this thread that has a file in progress.

    :param name: the file's path, or its URI, as the driver is given it.
    """
    if not here() or not isinstance(name, (str, bytes, os.PathLike)):
        return None
    path = os.fsdecode(name)
    if path.startswith("file:"):
        path, _, options = path.removeprefix("file:").partition("?")
        if "mode=memory" in options:
            return None
        path = urllib.parse.unquote(path.removeprefix("//"))
    with contextlib.suppress(OSError, ValueError):
        found = pathlib.Path(path).stat()
        return with_identity(("file", found.st_dev, found.st_ino))
    return None


def with_engine(engine: sa.Engine) -> MigrationTransaction | None:
    """Find the migration of this thread that has an engine's database in progress.

    :param engine: any engine; it is not connected to.
    """
    candidates = [one for one in here() if one.is_begun]
    if not candidates or engine.dialect.name != "sqlite":
        return None
    identity: Identity = ()
    with contextlib.suppress(OSError, ValueError):
        found = pathlib.Path(engine.url.database or "").stat()
        identity = ("file", found.st_dev, found.st_ino)
    return next(
        (
            one
            for one in candidates
            if one.connection.engine.pool is engine.pool or one.identity == identity
        ),
        None,
    )

"""Keeps the migrations that are in progress in each thread."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import typing as t
import urllib.parse

from .busy_timeouts import SecondConnections

if t.TYPE_CHECKING:
    import collections.abc as cabc

    import sqlalchemy as sa

    from ..errors import TransactionError
    from .deferral import Deferred
    from .driver import Driver
    from .driver import Identity


class Running(t.Protocol):
    """A migration, as the code for other connections uses it.

    :class:`~.migration.MigrationTransaction` documents the members.
    """

    connection: sa.Connection
    driver: Driver
    identity: Identity
    seconds: SecondConnections
    deferred: Deferred
    writes: int
    after_session_commit: list[cabc.Callable[[], object]]

    @property
    def driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""

    @property
    def in_progress(self) -> bool:
        """Whether the transaction is open."""

    @property
    def is_begun(self) -> bool:
        """Whether the transaction is open, or was lost before the migration ended."""

    @property
    def is_lost(self) -> bool:
        """Whether the transaction has ended before the migration did."""

    @property
    def number(self) -> int:
        """How many transactions were begun."""

    @property
    def commits(self) -> int:
        """How many transactions were committed."""

    def explain(self, error: BaseException) -> TransactionError | None:
        """Explain an error of the driver that a migration script raised."""

    def describe_loss(self) -> TransactionError:
        """Make the error for a transaction that has ended too early."""

    def describe_second(self, script: str | None) -> TransactionError:
        """Make the error for a second connection that the migration's lock stops."""

    def abandon(self, reason: str) -> None:
        """Roll back now, and let every later statement fail."""


_running: dict[int, tuple[Running, ...]] = {}


def here() -> tuple[Running, ...]:
    """Return the migrations of this thread, also one between two transactions."""
    return _running.get(threading.get_ident(), ())


def add(transaction: Running) -> None:
    """Add a migration of this thread."""
    _running[threading.get_ident()] = (*here(), transaction)


def remove(transaction: Running) -> None:
    """Remove a migration of this thread, if it was added."""
    others = tuple(known for known in here() if known is not transaction)
    if others:
        _running[threading.get_ident()] = others
    else:
        _running.pop(threading.get_ident(), None)


def with_driver(dbapi: object) -> Running | None:
    """Find the migration of this thread on a driver connection.

    A migration between two transactions is found, too: a driver connection has one
    transaction at a time, so it has one migration. After SQLAlchemy's connection was
    closed, its pool may hand out the driver connection for the next migration.

    :param dbapi: the driver connection as SQLAlchemy's pool has it.
    """
    return next(
        (
            one
            for one in here()
            if one.driver.dbapi is dbapi and not one.connection.closed
        ),
        None,
    )


def with_identity(identity: Identity) -> Running | None:
    """Find the migration of this thread that has a database in progress.

    A migration that has lost its transaction is in progress until it ends.
    """
    return next(
        (one for one in here() if one.identity == identity and one.is_begun), None
    )


def with_file(name: object) -> Running | None:
    """Find the migration of this thread that has a file in progress.

    :param name: the file's path or URI, as the driver gets it.
    """
    if not here() or not isinstance(name, (str, bytes, os.PathLike)):
        return None
    identity = _file_identity(os.fsdecode(name))
    return None if identity is None else with_identity(identity)


def _file_identity(name: str) -> Identity | None:
    """Return the value that all connections to a file have in common.

    :param name: the file's path, or its URI: https://www.sqlite.org/uri.html
    :return: ``None`` where there is no such file.
    """
    path = name
    if path.startswith("file:"):
        path, _, options = path.removeprefix("file:").partition("#")[0].partition("?")
        if "mode=memory" in options:
            return None
        if path.startswith("//"):
            # The name of the machine comes first, and can only be that of this one.
            path = path[path.find("/", 2) :]
        path = urllib.parse.unquote(path)
    with contextlib.suppress(OSError, ValueError):
        status = pathlib.Path(path).stat()
        return ("file", status.st_dev, status.st_ino)
    return None


def with_engine(engine: sa.Engine) -> Running | None:
    """Find the migration of this thread that has an engine's database in progress.

    :param engine: any engine; it is not connected to.
    """
    candidates = [one for one in here() if one.is_begun]
    if not candidates or engine.dialect.name != "sqlite":
        return None
    identity = _file_identity(engine.url.database or "")
    return next(
        (
            one
            for one in candidates
            if one.connection.engine.pool is engine.pool or one.identity == identity
        ),
        None,
    )

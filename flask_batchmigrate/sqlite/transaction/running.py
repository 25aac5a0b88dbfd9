"""Knows the migrations that go on in each thread."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import typing as t
import urllib.parse

from .waits import Seconds

if t.TYPE_CHECKING:
    import collections.abc as cabc

    import sqlalchemy as sa

    from ..errors import TransactionError
    from .deferral import Deferred
    from .driver import Driver
    from .driver import Identity


class Running(t.Protocol):
    """A migration, as those see it that meet it from another connection.

    :class:`~.migration.MigrationTransaction` says what each member is.
    """

    connection: sa.Connection
    driver: Driver
    identity: Identity
    seconds: Seconds
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
        """Say what an error of the driver means that left a migration script."""

    def describe_loss(self) -> TransactionError:
        """Make the error for a transaction that has ended too early."""

    def describe_second(self, script: str | None) -> TransactionError:
        """Make the error for a second connection that met the migration's lock."""

    def abandon(self, reason: str) -> None:
        """Roll back now, and let everything that follows fail."""


_running: dict[int, tuple[Running, ...]] = {}


def here() -> tuple[Running, ...]:
    """Return the migrations of this thread, also those between two transactions."""
    return _running.get(threading.get_ident(), ())


def add(transaction: Running) -> None:
    """Have a migration of this thread be known."""
    _running[threading.get_ident()] = (*here(), transaction)


def remove(transaction: Running) -> None:
    """Forget a migration of this thread, if it is known."""
    left = tuple(known for known in here() if known is not transaction)
    if left:
        _running[threading.get_ident()] = left
    else:
        _running.pop(threading.get_ident(), None)


def with_driver(dbapi: object) -> Running | None:
    """Find the migration of this thread on a driver connection.

    Also one between two transactions: a driver connection has one transaction at a
    time, so it has one migration. After the connection of one was closed, its pool
    may hand out the driver connection for the next.

    :param dbapi: what SQLAlchemy talks to.
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

    One that has lost its transaction is in progress until it ends.
    """
    return next(
        (one for one in here() if one.identity == identity and one.is_begun), None
    )


def with_file(name: object) -> Running | None:
    """Find the migration of this thread that has a file in progress.

    :param name: the file's path, or its URI, as the driver is given it.
    """
    if not here() or not isinstance(name, (str, bytes, os.PathLike)):
        return None
    identity = _file_identity(os.fsdecode(name))
    return None if identity is None else with_identity(identity)


def _file_identity(name: str) -> Identity | None:
    """Return what connections to a file have in common; ``None`` where it is none.

    :param name: the file's path, or its URI: https://www.sqlite.org/uri.html
    """
    path = name
    if path.startswith("file:"):
        path, _, options = path.removeprefix("file:").partition("#")[0].partition("?")
        if "mode=memory" in options:
            return None
        if path.startswith("//"):
            # The machine comes first, which can only be this one.
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

"""The interface to the migration lock of a kind of server."""

from __future__ import annotations

import collections.abc as cabc
import hashlib
import typing as t

import sqlalchemy as sa

from ..value_classes import value_class

#: A part of the name of every lock, which distinguishes it from the application's own.
NAMESPACE: t.Final = "flask_batchmigrate"


@value_class
class Holder:
    """The session that has the lock.

    :param session: the session, as :meth:`Mechanism.session` returns it.
    :param description: the session in words, as far as the server describes it.
    """

    session: cabc.Hashable
    description: str


class Mechanism(t.Protocol):
    """A lock of one kind of server, held by a session until it ends."""

    def prepare(self, connection: sa.Connection) -> None:
        """Prevent the server from ending the session, and give the session a name."""

    def key(self, connection: sa.Connection, version_table: str) -> str | int:
        """Return the name or number of the lock on the server.

        :param version_table: the table that stores the revision, with its schema.
        """

    def acquire(self, connection: sa.Connection, key: str | int, wait: int) -> bool:
        """Try to get the lock.

        :param wait: whole seconds that the attempt may take. A server on which waiting
            sessions block others ignores it and answers at once.
        :return: whether the session has the lock now.
        """

    def release(self, connection: sa.Connection, key: str | int) -> bool:
        """Release the lock.

        :return: whether the session still had it.
        """

    def session(self, connection: sa.Connection) -> cabc.Hashable:
        """Return a value that identifies the session among those of all servers."""

    def holder(self, connection: sa.Connection, key: str | int) -> Holder | None:
        """Return the session that has the lock; None if the lock is free."""


def digest(*parts: str) -> bytes:
    """Return a hash of texts, which is the same in every process."""
    return hashlib.sha256("\0".join((NAMESPACE, *parts)).encode()).digest()


def described(**facts: object) -> str:
    """Return a session in words, from the facts that are known."""
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    return ", ".join(
        f"{name.strip('_').replace('_', ' ')} {value}" for name, value in known.items()
    )

"""The interface of a server that keeps the migration lock."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import hashlib
import typing as t

import sqlalchemy as sa

#: What stands in every name of a lock, so that it is told from the application's own.
NAMESPACE: t.Final = "flask_batchmigrate"


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """The session that has the lock.

    :param session: what :meth:`Mechanism.session` says of it.
    :param description: the session in words, as far as the server tells.
    """

    session: cabc.Hashable
    description: str


class Mechanism(t.Protocol):
    """A lock of one kind of server, held by a session until it ends."""

    def prepare(self, connection: sa.Connection) -> None:
        """Make the session one that lasts, and that others can recognise."""

    def key(self, connection: sa.Connection, version_table: str) -> str | int:
        """Return what the lock is called on the server.

        :param version_table: the table that stores the revision, with its schema.
        """

    def acquire(self, connection: sa.Connection, key: str | int, wait: int) -> bool:
        """Try to get the lock.

        :param wait: whole seconds that the attempt may take; a server where waiting
            sessions are in the way of others answers at once.
        :return: whether the session has it now.
        """

    def release(self, connection: sa.Connection, key: str | int) -> bool:
        """Give the lock back.

        :return: whether the session still had it.
        """

    def session(self, connection: sa.Connection) -> cabc.Hashable:
        """Return what identifies the session among those of all servers."""

    def holder(self, connection: sa.Connection, key: str | int) -> Holder | None:
        """Return who has the lock; None where nobody has it any more."""


def digest(*parts: str) -> bytes:
    """Return bytes that are the same wherever the same things are meant."""
    return hashlib.sha256("\0".join((NAMESPACE, *parts)).encode()).digest()


def described(**facts: object) -> str:
    """Return a session in words, from what is known of it."""
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    return ", ".join(
        f"{name.strip('_').replace('_', ' ')} {value}" for name, value in known.items()
    )

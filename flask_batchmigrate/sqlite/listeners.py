"""Event listeners that are all removed again."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from sqlalchemy import event

Listener = cabc.Callable[..., object]


class Listeners:
    """Adds listeners to SQLAlchemy's public events and takes each one back."""

    def __init__(self) -> None:
        self._added: list[tuple[object, str, Listener]] = []

    def add(
        self, target: object, name: str, listener: Listener, **options: t.Any
    ) -> None:
        """Listen to an event of a connection, an engine, a pool or a session.

        :param options: as for :func:`sqlalchemy.event.listen`.
        """
        event.listen(target, name, listener, **options)
        self._added.append((target, name, listener))

    def remove_all(self) -> None:
        """Take every listener back; a second call does nothing."""
        while self._added:
            event.remove(*self._added.pop())

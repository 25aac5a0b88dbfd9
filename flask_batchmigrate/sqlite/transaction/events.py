"""Adds event listeners that are all removed again."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from sqlalchemy import event

Listener = cabc.Callable[..., object]


class Listeners:
    """Adds listeners to SQLAlchemy's public events, and removes every one of them."""

    def __init__(self) -> None:
        self._added: list[tuple[object, str, Listener]] = []
        self._wanted: list[tuple[sa.Connection, str, Listener]] = []

    def add(
        self,
        target: sa.Connection,
        name: str,
        listener: Listener,
        **options: bool,
    ) -> None:
        """Listen to an event of one connection; a second call adds no second listener.

        :param listener: gets the connection as its first argument.
        :param options: as ``sqlalchemy.event.listen`` takes them.
        """
        if (target, name, listener) in self._wanted:
            return
        self._wanted.append((target, name, listener))
        listened: object = target
        try:
            event.listen(target, name, listener, **options)
        except sa.exc.InvalidRequestError:
            # Before SQLAlchemy 2.0.38 a connection takes no listener if its engine
            # was made by execution_options() and has some; then its engine does.
            listened, listener = target.engine, _only_for(target, listener)
            event.listen(listened, name, listener, **options)
        self._added.append((listened, name, listener))

    def remove_all(self) -> None:
        """Remove every listener; a second call does nothing."""
        self._wanted.clear()
        while self._added:
            event.remove(*self._added.pop())


def _only_for(target: sa.Connection, listener: Listener) -> Listener:
    def listen(connection: sa.Connection, *args: t.Any) -> object:
        if connection is target:
            return listener(connection, *args)
        # For the events that need an answer, these are the statement and its values.
        return args[1:3]

    return listen

"""Plugs the SQLite engine into Alembic: the only module that knows both."""

from __future__ import annotations

import collections.abc as cabc
import contextlib


@contextlib.contextmanager
def activate() -> cabc.Iterator[None]:
    """Make Alembic use the engine for SQLite databases inside the ``with`` block."""
    yield

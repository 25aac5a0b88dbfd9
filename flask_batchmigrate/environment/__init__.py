"""Runs migrations: what an ``env.py`` calls, and Alembic's config.

The names are loaded on first use, because they load Alembic.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .rendering import engine_names as engine_names
    from .runner import run as run

__all__ = ["engine_names", "run"]


def __getattr__(name: str) -> t.Any:
    if name == "run":
        from .runner import run

        return run
    if name == "engine_names":
        from .rendering import engine_names

        return engine_names
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

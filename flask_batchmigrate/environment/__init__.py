"""Runs migrations: what an ``env.py`` calls, and Alembic's config."""

from __future__ import annotations

from .rendering import engine_names
from .runner import run

__all__ = ["engine_names", "run"]

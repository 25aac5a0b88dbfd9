"""Differences between the releases of Alembic that are supported."""

from __future__ import annotations

import typing as t

import alembic

ALEMBIC: t.Final = tuple(int(part) for part in alembic.__version__.split(".")[:3])

#: The same, under the name that Flask-Migrate gives it.
alembic_version: t.Final = ALEMBIC

"""Differences between the releases of Alembic that are supported."""

from __future__ import annotations

import typing as t

import alembic

ALEMBIC: t.Final = tuple(int(part) for part in alembic.__version__.split(".")[:3])

#: The same, by the name that applications know from Flask-Migrate.
alembic_version: t.Final = ALEMBIC

#: The option that says how a list of paths is split. Older releases know one for the
#: version locations only, newer ones warn about it.
PATH_SEPARATOR: t.Final = (
    "path_separator" if ALEMBIC >= (1, 16) else "version_path_separator"
)

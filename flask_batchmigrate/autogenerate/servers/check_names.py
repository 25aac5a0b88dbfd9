"""Knows the names that the CHECKs of a table have where scripts made it."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ..script.names import default_name
from ..script.names import free
from ..script.names import mentioned
from ..tables.type_checks import has_members


def names_in_scripts(
    model: sa.Table,
    stored: cabc.Mapping[str, str],
    columns: cabc.Mapping[str, t.Any],
    kept: cabc.Set[str],
) -> set[str]:
    """Return the names that CHECKs of a table get from scripts, in small letters.

    :param stored: the expressions of the CHECKs that the server has, by name.
    :param columns: the columns that the server has, by name.
    :param kept: the names of the CHECKs that stay, in small letters.
    """
    table = str(model.name)
    names = {
        default_name("check", table, [str(column.name)]).lower()
        for column in model.columns
        if column.name not in columns and has_members(column.type)
    }
    for name, text in sorted(stored.items()):
        if name.lower() in kept:
            usual = default_name("check", table, mentioned(text, columns))
            names.add(free(usual, (names | kept) - {name.lower()}).lower())
    return names


def is_about(check: sa.CheckConstraint, columns: cabc.Container[str]) -> bool:
    """Tell whether a CHECK has to be made: the type of a new column makes its own."""
    if not getattr(check, "_type_bound", False):
        return True
    return all(str(column.name) in columns for column in check.columns)

"""Checks that the new names of columns are free in the database."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN

if t.TYPE_CHECKING:
    from .renames import Rename
    from .renames import Stored


def check_free(renames: cabc.Sequence[Rename], stored: Stored) -> None:
    """Refuse a new name that a column has which no option renames.

    :raises BatchMigrateError: there is such a column.
    """
    old = {(r.schema, r.table, r.old) for r in renames}
    tables = {(r.schema, r.new): r.old for r in renames if r.table is None}
    for each in renames:
        if each.table is None or (each.schema, each.table, each.new) in old:
            continue
        place = each.schema, each.table
        if each.new in (stored(each.schema, tables.get(place, each.table)) or ()):
            raise BatchMigrateError(
                f"'--rename {each.table}.{each.old}:{each.new}': the database has a "
                f"column '{each.table}.{each.new}' as well",
                "Rename that one, too, or drop it by a revision before this one.",
                state=NOTHING_WRITTEN,
            )

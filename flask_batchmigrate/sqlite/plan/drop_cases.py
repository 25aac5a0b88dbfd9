"""Decides whether one copy is cheaper than dropping columns in place.

Each ``DROP COLUMN`` of SQLite writes every row, and so does a conversion beside it. A
copy writes every row once, and builds the indexes that it cannot keep.
"""

from __future__ import annotations

import dataclasses

from ..alter.kept_indexes import kept_indexes
from ..alter.row_checks import changed_columns
from ..ddl.tokens import upper
from ..target.target import Target
from .ways import Difference
from .ways import Way

MOST_DROPS_IN_PLACE = 2
"""From three drops on, a copy that keeps the indexes is quicker."""

MOST_DROPS_BESIDE_INDEXES = 4
"""From five drops on, a copy that builds the indexes again is quicker."""


def choose_drops(
    target: Target, found: tuple[Difference, ...], keeps_indexes: bool
) -> tuple[Difference, ...]:
    """Decide whether columns are dropped in place or by a copy.

    :param found: the differences, one of them a dropped column.
    :param keeps_indexes: whether a copy keeps the indexes that stay valid.
    """
    drops = len(target.dropped_places)
    keeps_all = keeps_indexes and _keeps_all(target)
    if drops > (MOST_DROPS_IN_PLACE if keeps_all else MOST_DROPS_BESIDE_INDEXES):
        return _replaced(found, "column dropped", "columns dropped, several")
    if drops and keeps_all:
        for case in {d.case for d in found if d.way is Way.CONVERT}:
            found = _replaced(found, case, "conversion beside a drop")
    return found


def _replaced(
    found: tuple[Difference, ...], case: str, other: str
) -> tuple[Difference, ...]:
    return tuple(
        dataclasses.replace(d, case=other) if d.case == case else d for d in found
    )


def _keeps_all(target: Target) -> bool:
    """Tell whether a copy builds no index that a change in place would keep."""
    changed = set(map(upper, changed_columns(target)))
    kept = kept_indexes(target)
    return all(i in kept or i.names & changed for i in target.kept_indexes)

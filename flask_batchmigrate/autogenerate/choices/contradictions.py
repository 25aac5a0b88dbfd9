"""Refuses renames that cannot be made together."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN

if t.TYPE_CHECKING:
    from .renames import Rename


def refuse_contradictions(renames: cabc.Iterable[Rename]) -> None:
    """Refuse two renames of one table or column, and two to one name.

    :raises BatchMigrateError: there are two.
    """
    seen: dict[tuple[object, ...], Rename] = {}
    for rename in dict.fromkeys(renames):
        place = rename.schema, rename.table
        for key in ((*place, "from", rename.old), (*place, "to", rename.new)):
            other = seen.setdefault(key, rename)
            if other != rename:
                raise BatchMigrateError(
                    f"The renames '{other.option}' and '{rename.option}' contradict "
                    "each other",
                    "Take one of them out, of the options or of the models' "
                    "'renamed_from'.",
                    state=NOTHING_WRITTEN,
                )

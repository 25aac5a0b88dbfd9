"""Refuses renames that cannot be made together."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN


class _Rename(t.Protocol):
    """A rename of a table or column, as :class:`.renames.Rename` is."""

    @property
    def schema(self) -> str | None: ...
    @property
    def table(self) -> str | None: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...
    @property
    def option(self) -> str: ...


def refuse_contradictions(renames: cabc.Iterable[_Rename]) -> None:
    """Refuse two renames of one table or column, and two to one name.

    :raises BatchMigrateError: there are two.
    """
    seen: dict[tuple[object, ...], _Rename] = {}
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

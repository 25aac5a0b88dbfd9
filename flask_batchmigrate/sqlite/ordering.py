"""Orders columns by rules that name only some of them."""

from __future__ import annotations

import collections.abc as cabc
import itertools

from .errors import ChangeRefused
from .tokens import same_name


def ordered(
    names: cabc.Sequence[str], orders: cabc.Iterable[cabc.Sequence[str]]
) -> list[str]:
    """Return the names so that each of the given sequences holds.

    Columns in no sequence keep their place relative to those before them as far as
    the sequences allow.

    :param names: all columns, in their present order.
    :param orders: sequences of some of them.
    :raises ChangeRefused: the sequences contradict each other, or name a column that
        is not there.
    """
    after: dict[str, set[str]] = {name: set() for name in names}
    for order in orders:
        actual = [_find(names, name) for name in order]
        for first, second in itertools.pairwise(actual):
            if first != second:
                after[second].add(first)
    result: list[str] = []
    while len(result) < len(names):
        ready = next(
            (n for n in names if n not in result and after[n] <= set(result)), None
        )
        if ready is None:
            left = ", ".join(f"'{n}'" for n in names if n not in result)
            raise ChangeRefused(
                f"The orders given for the columns {left} contradict each other."
                " Nothing was changed."
            )
        result.append(ready)
    return result


def _find(names: cabc.Iterable[str], wanted: str) -> str:
    for name in names:
        if same_name(name, wanted):
            return name
    raise ChangeRefused(
        f"The order of columns names '{wanted}', which is not a column."
        " Nothing was changed."
    )

"""Orders columns by rules that name only some of them."""

from __future__ import annotations

import collections.abc as cabc
import heapq
import itertools

from ..ddl.tokens import upper
from ..errors import ChangeRefused


def ordered(
    names: cabc.Sequence[str], orders: cabc.Iterable[cabc.Sequence[str]]
) -> list[str]:
    """Return the names so that each of the given sequences holds.

    Columns in no sequence keep their places among the others as far as the sequences
    allow.

    :param names: all columns, in their present order.
    :param orders: sequences of some of them.
    :raises ChangeRefused: the sequences contradict each other, or name a column that
        does not exist.
    """
    places = {upper(name): place for place, name in enumerate(names)}
    followers: list[set[int]] = [set() for _ in names]
    waits = [0] * len(names)
    for order in orders:
        for first, second in itertools.pairwise(_find(places, name) for name in order):
            if first != second and second not in followers[first]:
                followers[first].add(second)
                waits[second] += 1
    # Of those that wait for no other, the first in the present order comes next.
    ready = [place for place, count in enumerate(waits) if not count]
    result: list[int] = []
    while ready:
        place = heapq.heappop(ready)
        result.append(place)
        for follower in followers[place]:
            waits[follower] -= 1
            if not waits[follower]:
                heapq.heappush(ready, follower)
    if len(result) < len(names):
        waiting = (n for n, count in zip(names, waits, strict=True) if count)
        listed = ", ".join(f"'{n}'" for n in waiting)
        raise ChangeRefused(
            f"The orders for the columns {listed} contradict each other",
            "Correct 'insert_before', 'insert_after' and 'partial_reordering'.",
        )
    return [names[place] for place in result]


def _find(places: cabc.Mapping[str, int], wanted: str) -> int:
    try:
        return places[upper(wanted)]
    except KeyError:
        raise ChangeRefused(
            f"The order of columns names '{wanted}', which is not a column"
        ) from None

"""Where random tests take their choices from: Hypothesis, or a seeded generator.

Hypothesis shrinks what fails and is what the test suite runs; a plain generator makes
several times as many examples in the same time, for long runs.
"""

from __future__ import annotations

import collections.abc as cabc
import random
import typing as t

from hypothesis import strategies as st

T = t.TypeVar("T")


class Choices:
    """Chooses.

    :param number: returns a number between two, both included; the first is the
        simplest.
    """

    def __init__(self, number: cabc.Callable[[int, int], int]) -> None:
        self.number = number

    def pick(self, options: cabc.Sequence[T]) -> T:
        """Choose one; the first is the simplest."""
        return options[self.number(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        """Say yes once in so many times."""
        return self.number(1, one_in) == one_in

    def some(self, options: cabc.Sequence[T], most: int, least: int = 1) -> list[T]:
        """Choose several different ones, in any order."""
        rest = list(options)
        most = min(most, len(rest))
        count = self.number(min(least, most), most)
        return [rest.pop(self.number(0, len(rest) - 1)) for _ in range(count)]


def from_seed(seed: int) -> Choices:
    """Choose by a generator of random numbers."""
    return Choices(random.Random(seed).randint)


@st.composite
def choices(draw: st.DrawFn) -> Choices:
    """Choose by Hypothesis."""
    return Choices(lambda low, high: draw(st.integers(low, high)))

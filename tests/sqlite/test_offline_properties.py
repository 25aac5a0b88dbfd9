"""Random blocks: the SQL of a block does what the block does, or stops where it does.

The rows are in a database that the SQL is not written on. ``-m long`` runs many more;
``python -m tools.fuzz.fuzz --offline`` runs as long as it is told to.
"""

from __future__ import annotations

import collections
import contextlib

import hypothesis
import pytest
from hypothesis import given
from hypothesis import settings

from tests.sqlite.offline_route import compare_script
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_choices import choices
from tests.sqlite.random_choices import from_seed
from tests.sqlite.random_example import Discard
from tests.sqlite.test_properties import quick


@given(choices())
@settings(quick, max_examples=80)
def test_script(choices: Choices) -> None:
    """Rows and definitions are those of a file that was changed without a script."""
    try:
        compare_script(choices)
    except Discard:
        hypothesis.reject()


def examples(first: int, number: int) -> collections.Counter[str]:
    """Run examples, and count what came of them."""
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(first, first + number):
        with contextlib.suppress(Discard):
            counts[compare_script(from_seed(seed))] += 1
    return counts


def test_examples_are_worth_something() -> None:
    """Most scripts run to their end, and rows stop others, as they stop the engine."""
    counts = examples(0, 300)
    assert counts["done alike"] > 60
    assert counts["refused, and stops"] > 10


@pytest.mark.long
def test_many() -> None:
    """Thousands of examples more, none of them seen in the quick runs."""
    assert examples(3_000_000, 6_000)["done alike"] > 1_000

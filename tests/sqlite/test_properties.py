"""Random schemas, rows and blocks: the engine does what an independent oracle expects.

The suite runs a fixed number of the same examples each time. ``-m long`` runs many
more; ``python -m tools.fuzz.fuzz`` runs as long as it is told to.
"""

from __future__ import annotations

import collections
import contextlib
import pathlib
import tempfile
import typing as t

import hypothesis
import pytest
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings

from flask_batchmigrate.sqlite.plan.ways import Way
from tests.sqlite.alembic_route import alter_by_alembic
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_choices import choices
from tests.sqlite.random_choices import from_seed
from tests.sqlite.random_emphasis import CONVERSIONS
from tests.sqlite.random_emphasis import COPIES
from tests.sqlite.random_emphasis import Emphasis
from tests.sqlite.random_emphasis import EVEN
from tests.sqlite.random_example import alter
from tests.sqlite.random_example import connect
from tests.sqlite.random_example import Discard
from tests.sqlite.random_example import Example
from tests.sqlite.random_example import run_example

LONG = 12_000

quick = settings(
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def run(
    choices: Choices,
    path: str | pathlib.Path,
    by: t.Any = alter,
    emphasis: Emphasis = EVEN,
) -> None:
    """Run an example, or look for another one."""
    try:
        run_example(choices, path, by, emphasis=emphasis)
    except Discard:
        hypothesis.reject()


@given(choices())
@settings(quick, max_examples=200)
def test_in_memory(choices: Choices) -> None:
    """The engine makes of a database what plain SQL makes of the model, or refuses."""
    run(choices, ":memory:")


@given(choices())
@settings(quick, max_examples=40)
def test_on_files(choices: Choices) -> None:
    """The same on a file; another connection can load it."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "app.db"
        run(choices, path)
        with contextlib.closing(connect(path)) as other:
            # A text that SQLite cannot load would be an error here.
            assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() > (1,)


@given(choices())
@settings(quick, max_examples=80)
def test_through_alembic(choices: Choices) -> None:
    """The same from a migration script, as far as batch operations can say it."""
    run(choices, ":memory:", alter_by_alembic)


@pytest.mark.parametrize("emphasis", [CONVERSIONS, COPIES], ids=["convert", "copy"])
@given(choices())
@settings(quick, max_examples=50)
def test_one_way(emphasis: Emphasis, choices: Choices) -> None:
    """The same where most blocks take one way, with large and with odd values."""
    run(choices, ":memory:", emphasis=emphasis)


@pytest.mark.parametrize("by", [alter, alter_by_alembic])
def test_examples_are_worth_something(by: t.Callable[[Example], t.Any]) -> None:
    """Most examples are legal, and every way and the main refusals are among them."""
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(300 if by is alter else 500):
        with contextlib.suppress(Discard):
            counts[run_example(from_seed(seed), run=by).split(":")[0]] += 1
    assert counts["done"] > 100
    assert counts["refused"] > 30


@pytest.mark.parametrize(
    ("emphasis", "way"), [(CONVERSIONS, Way.CONVERT), (COPIES, Way.COPY)]
)
def test_an_emphasis_has_its_effect(emphasis: Emphasis, way: Way) -> None:
    """The way that there is to be more of is the one that most blocks take."""
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(100):
        with contextlib.suppress(Discard):
            counts[run_example(from_seed(seed), emphasis=emphasis)] += 1
    assert counts[f"done: {way.title}"] > 25


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_many(part: int) -> None:
    """Thousands of examples more, none of them seen in the quick runs."""
    for seed in range(part * LONG // 4, (part + 1) * LONG // 4):
        with contextlib.suppress(Discard):
            run_example(from_seed(1_000_000 + seed))
        with contextlib.suppress(Discard):
            run_example(from_seed(2_000_000 + seed), run=alter_by_alembic)
        with contextlib.suppress(Discard):
            run_example(from_seed(3_000_000 + seed), emphasis=CONVERSIONS)
        with contextlib.suppress(Discard):
            run_example(from_seed(4_000_000 + seed), emphasis=COPIES)

"""From random models with odd names and many kinds of parts to others, and back."""

from __future__ import annotations

import pathlib
import tempfile
import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from .wide_walk import walk

SEEDS = st.integers(min_value=0, max_value=2**32)
#: What ``walk()`` says where nothing is wrong.
FINE = (
    *("ok", "same", "impossible", "expected refusal"),
    "expected refusal of the downgrade",
)


@hypothesis.given(SEEDS)
@hypothesis.settings(max_examples=12, deadline=None, phases=[hypothesis.Phase.generate])
def test_wide(seed: int) -> None:
    """Upgrade reaches the models, a second comparison finds nothing, back restores."""
    check(seed)


@pytest.mark.long
@hypothesis.given(SEEDS)
@hypothesis.settings(
    max_examples=3000, deadline=None, phases=[hypothesis.Phase.generate]
)
def test_wide_for_long(seed: int) -> None:
    """The same, many times."""
    check(seed)


def check(seed: int) -> None:
    """Walk, and judge what comes of it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert walk(seed, pathlib.Path(folder)) in FINE

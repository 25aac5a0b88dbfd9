"""Classes of values behave like those of ``dataclasses``."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from flask_batchmigrate._values import value


@value(frozen=True, slots=True)
class Place:
    """A value with a part that does not count, and one that is not shown."""

    row: int
    column: int = 0
    note: str = dataclasses.field(default="", compare=False)
    hidden: tuple[int, ...] = dataclasses.field(default=(), repr=False)


@value(frozen=True, slots=True)
class Other:
    """Another class with the same fields."""

    row: int
    column: int = 0
    note: str = ""
    hidden: tuple[int, ...] = ()


@value(frozen=True)
class Nothing:
    """A value without fields."""


def test_equality() -> None:
    """Values are equal by the fields that count, and never to another class's."""
    assert Place(1, 2, "a") == Place(1, 2, "b")
    assert Place(1, 2) != Place(1, 3)
    assert Place(1, 2) != Other(1, 2)
    assert Nothing() == Nothing()


def test_hash() -> None:
    """Equal values are one member of a set."""
    assert len({Place(1, 2, "a"), Place(1, 2, "b"), Place(2, 2)}) == 2
    assert len({Nothing(), Nothing()}) == 1


def test_text() -> None:
    """The text of a value shows its fields."""
    assert repr(Place(1, note="a", hidden=(3,))) == "Place(row=1, column=0, note='a')"
    assert repr(Nothing()) == "Nothing()"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled(protocol: int) -> None:
    """A value can be pickled, also with an old protocol, and copied."""
    place = Place(1, 2, "a", (3,))
    for same in (pickle.loads(pickle.dumps(place, protocol)), copy.deepcopy(place)):
        assert same == place
        assert (same.note, same.hidden) == ("a", (3,))


def test_replaced() -> None:
    """``dataclasses`` knows the classes."""
    assert dataclasses.replace(Place(1, 2), column=3) == Place(1, 3)
    assert [f.name for f in dataclasses.fields(Place)][:2] == ["row", "column"]


def test_slots() -> None:
    """A value with slots has no room for anything else."""
    with pytest.raises(AttributeError):
        Place(1).other = 2  # type: ignore[attr-defined]

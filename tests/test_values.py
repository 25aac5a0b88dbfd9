"""Small values behave as those of the standard library's dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import pickle
import typing as t

import pytest

from flask_batchmigrate.sqlite import values


@values.dataclass(frozen=True)
class Point:
    """A point."""

    x: int
    y: int = 0
    label: str = dataclasses.field(default="", compare=False, repr=False)
    tags: list[str] = dataclasses.field(default_factory=list, compare=False)

    @functools.cached_property
    def length(self) -> float:
        return float((self.x**2 + self.y**2) ** 0.5)


@values.dataclass(frozen=True)
class Point3(Point):
    """A point in space."""

    z: int = 0


@values.dataclass(frozen=True)
class Other:
    """Something else with the same fields."""

    x: int
    y: int = 0


@values.dataclass(frozen=True, eq=False)
class Thing:
    """A value that is equal to nothing but itself."""

    x: int


@values.dataclass(frozen=True)
class Nothing:
    """A value without a field."""


def test_equality() -> None:
    """Values are equal by class and by the fields that count."""
    assert Point(1, 2) == Point(1, y=2, label="here", tags=["a"])
    assert hash(Point(1, 2)) == hash(Point(1, 2, "here"))
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Other(1, 2)
    assert Point(1, 2) != Point3(1, 2)
    assert Point(1, 2) != (1, 2)
    assert Nothing() == Nothing()
    assert len({Point(1), Point(1), Point3(1), Other(1)}) == 3


def test_identity() -> None:
    """A value that is compared by identity can be in a set beside its twin."""
    thing = Thing(1)
    assert thing != Thing(1)
    assert len({thing, thing, Thing(1)}) == 2


def test_frozen() -> None:
    """A field can be neither set nor deleted; what is worked out once is kept."""
    point = Point(3, 4)
    for name in ("x", "length", "new"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(point, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x  # type: ignore[misc]
    assert point.length is point.length


def test_arguments() -> None:
    """Missing, unknown and surplus arguments are errors, from the first value on."""

    @values.dataclass(frozen=True)
    class Fresh:
        x: int

    wrong: list[tuple[tuple[t.Any, ...], dict[str, t.Any]]]
    wrong = [((), {}), ((1, 2), {}), ((1,), {"z": 3}), ((1,), {"x": 1})]
    for args, kwargs in wrong:
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            Fresh(*args, **kwargs)
    assert Fresh(1).x == 1


def test_defaults() -> None:
    """A factory makes a new default for each value; a field of a base comes first."""
    assert Point(1).tags is not Point(1).tags
    assert Point3(1, 2, z=5) == Point3(1, 2, "", [], 5)


def test_functions_of_dataclasses() -> None:
    """The standard library takes a value for one of its own."""
    point = Point3(1, 2, z=3)
    assert dataclasses.is_dataclass(point)
    assert dataclasses.replace(point, y=7) == Point3(1, 7, z=3)
    names = ["x", "y", "label", "tags", "z"]
    assert [field.name for field in dataclasses.fields(Point3)] == names
    assert dataclasses.asdict(Other(1)) == {"x": 1, "y": 0}
    assert copy.copy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point


def test_description() -> None:
    """A value shows its fields, and its class how one is made."""
    assert repr(Point(1, label="here")) == "Point(x=1, y=0, tags=[])"
    assert str(inspect.signature(Other)) == "(x: 'int', y: 'int' = 0) -> None"
    signature = str(inspect.signature(Point3))
    assert signature.startswith("(x: 'int', y: 'int' = 0, label: 'str' = '', tags:")
    assert signature.endswith("= <factory>, z: 'int' = 0) -> None")

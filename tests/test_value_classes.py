"""Value classes: how their objects are made, compared, hashed and shown."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import subprocess
import sys

import pytest

from flask_batchmigrate import value_classes
from flask_batchmigrate.value_classes import value_class


@value_class
class Point:
    """A place, with a note that does not count."""

    x: int
    y: int = 0
    note: str = dataclasses.field(default="", compare=False, repr=False)


@value_class
class Other:
    """The same fields in another class."""

    x: int
    y: int = 0


@value_class
class Empty:
    """A class without fields."""


@value_class
class Named(Point):
    """A class with one more field, and its own form of display."""

    name: str = ""

    def __repr__(self) -> str:
        return self.name


def test_objects_are_compared_by_their_fields() -> None:
    """Objects of one class are equal if the fields that count are."""
    assert Point(1, note="here") == Point(1, 0, note="there")
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != Named(1)
    assert Named(1, name="a") != Named(1, name="b")
    assert Empty() == Empty()
    assert Point(1) != (1, 0)


def test_equal_objects_have_one_hash() -> None:
    """Objects can be members of sets and keys of mappings."""
    assert len({Point(1, note="here"), Point(1), Point(2), Other(1), Empty()}) == 4
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point([]))  # type: ignore[arg-type]


def test_objects_are_shown_by_their_fields() -> None:
    """``repr`` is what makes the object, unless the class has its own."""
    assert repr(Point(1, 2, "here")) == "Point(x=1, y=2)"
    assert repr([Empty(), Named(1, name="a")]) == "[Empty(), a]"


def test_objects_can_be_copied_with_changes() -> None:
    """Value classes are dataclasses."""
    assert dataclasses.replace(Point(1), y=2) == Point(1, 2)
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 0, "note": ""}


def test_type_checkers_refuse_assignments(tmp_path: pathlib.Path) -> None:
    """To a type checker the objects are frozen, and have typed fields."""
    pytest.importorskip("mypy")
    # Beside a copy, so that only these two files are checked.
    shutil.copy(value_classes.__file__, tmp_path)
    program = tmp_path / "program.py"
    program.write_text(
        "from value_classes import value_class\n"
        "@value_class\n"
        "class Point:\n"
        "    x: int\n"
        "Point(1).x = 2\n"
        "Point('1')\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'program.py:5: error: Property "x"' in checked.stdout
    assert "program.py:6: error: Argument 1" in checked.stdout

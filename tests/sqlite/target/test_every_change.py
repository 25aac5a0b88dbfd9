"""Every kind of change that there is can go through a block."""

from __future__ import annotations

import pytest

from flask_batchmigrate.sqlite.target import changes
from flask_batchmigrate.sqlite.target.renames import resolve

ONE_OF_EACH: tuple[changes.Change, ...] = (
    changes.AddColumn("d", "d TEXT"),
    changes.DropColumn("a"),
    changes.RenameColumn("a", "d"),
    changes.SetType("a", "TEXT"),
    changes.SetNotNull("a", True),
    changes.SetDefault("a", "1"),
    changes.ReplaceColumn("a", "a TEXT"),
    changes.AddConstraint("CHECK (a)"),
    changes.DropConstraint("c"),
    changes.Reorder((("b", "a"),)),
    changes.SetOptions(strict=True),
    changes.ReplaceDefinition("CREATE TABLE t (a, b)"),
    changes.CreateIndex("i", "CREATE INDEX i ON t (a)"),
    changes.DropIndex("i"),
    changes.RenameTable("u"),
)


def test_none_is_missing() -> None:
    """The list above has every kind, so the next test tries each."""
    kinds = {
        kind
        for kind in vars(changes).values()
        if isinstance(kind, type) and issubclass(kind, changes.Change)
    }
    assert {type(one) for one in ONE_OF_EACH} == kinds - {changes.Change}


@pytest.mark.parametrize("change", ONE_OF_EACH, ids=lambda one: type(one).__name__)
def test_each_is_resolved(change: changes.Change) -> None:
    """The renames of a block know what to do about it."""
    block = resolve("t", ("a", "b"), [change])
    assert len(block.changes) + len(block.renames) == 1

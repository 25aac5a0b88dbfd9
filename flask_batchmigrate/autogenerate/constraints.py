"""Compares the constraints and indexes of two definitions of a table."""

from __future__ import annotations

import typing as t

from ..sqlite.ddl.meaning import meaning
from ..sqlite.ddl.meaning import spelling
from ..sqlite.ddl.objects import IndexText
from ..sqlite.ddl.table import ConstraintKind
from ..sqlite.ddl.table import ConstraintText
from ..sqlite.ddl.tokens import upper
from . import constructors
from .alembic_findings import Seen
from .definition import Definition

_OFTEN_RENAMED: t.Final = (ConstraintKind.UNIQUE, ConstraintKind.CHECK)


def is_key(constraint: ConstraintText) -> bool:
    """Tell whether it is a foreign key."""
    return constraint.kind is ConstraintKind.FOREIGN_KEY


def changed_constraints(
    before: Definition, after: Definition, seen: Seen
) -> tuple[list[ConstraintText], list[ConstraintText]]:
    """Return the constraints that are gone, and those that are new."""
    left = list(before.constraints)
    new = []
    for wanted in sorted(after.constraints, key=lambda each: each.name is None):
        same = [each for each in left if _same(each, wanted)]
        same.sort(key=lambda each: not _same_label(each, wanted))
        if same:
            left.remove(same[0])
        else:
            new.append(wanted)
    gone = [c for c in left if _passes(before, c, seen, reflected=True)]
    return gone, [c for c in new if _passes(after, c, seen, reflected=False)]


def _passes(
    definition: Definition, constraint: ConstraintText, seen: Seen, reflected: bool
) -> bool:
    """Ask the user's filters about a constraint."""
    operation = constructors.create_constraint(
        definition, constraint, constructors.stored_name(definition, constraint)
    )
    types = {
        ConstraintKind.UNIQUE: "unique_constraint",
        ConstraintKind.FOREIGN_KEY: "foreign_key_constraint",
        ConstraintKind.CHECK: "check_constraint",
    }
    return seen.wanted(
        operation.to_constraint(),
        constraint.name,
        types[constraint.kind],
        reflected,
        None,
    )


def _same(first: ConstraintText, second: ConstraintText) -> bool:
    """Tell whether a constraint stays: what it says, and what it is called.

    The name of a foreign key alone is no difference, nor is a missing one.
    """
    if first.kind is not second.kind or _meaning(first) != _meaning(second):
        return False
    if first.kind not in _OFTEN_RENAMED or None in (first.name, second.name):
        return True
    return _same_label(first, second)


def _same_label(first: ConstraintText, second: ConstraintText) -> bool:
    return upper(first.name or "") == upper(second.name or "")


def _meaning(constraint: ConstraintText) -> tuple[object, ...]:
    key = constraint.references
    deferrable = key.deferrable if key is not None else False
    conflict = constraint.conflict
    if constraint.kind is ConstraintKind.CHECK:
        # A CHECK has no other way to fail: ON CONFLICT is read and ignored.
        conflict = None
    return (*meaning(constraint), conflict, deferrable)


def changed_key(
    before: Definition, after: Definition
) -> tuple[list[ConstraintText], list[ConstraintText]]:
    """Return the primary key that goes, and the one that comes."""
    old, new = before.primary_key, after.primary_key
    said = [tuple(map(upper, key.columns)) if key else () for key in (old, new)]
    if said[0] == said[1]:
        return [], []
    return [old] if old else [], [new] if new else []


def changed_indexes(
    before: Definition, after: Definition, seen: Seen, recomputed: list[str]
) -> tuple[list[IndexText], list[IndexText]]:
    """Return the indexes that go, and those that come; a changed one does both."""
    old = {upper(each.name): each for each in before.indexes}
    new = {upper(each.name): each for each in after.indexes}
    again = {
        name
        for name, index in old.items()
        if any(index.mentions(column) for column in recomputed)
    }
    gone, come = [], []
    for name, index in sorted(old.items()):
        other = new.get(name)
        if other is None or name in again or not _same_index(index, other):
            made = constructors.create_index(before, index).to_index()
            if seen.wanted(made, index.name, "index", True, None):
                gone.append(index)
    for name, index in sorted(new.items()):
        other = old.get(name)
        if other is None or name in again or not _same_index(index, other):
            made = constructors.create_index(after, index).to_index()
            if seen.wanted(made, index.name, "index", False, None):
                come.append(index)
    return gone, come


def _same_index(first: IndexText, second: IndexText) -> bool:
    return index_meaning(first) == index_meaning(second)


def index_meaning(index: IndexText) -> tuple[t.Any, ...]:
    """Return what an index says, for a comparison with another."""
    terms = tuple(
        (
            spelling(_bare(term.text, term.order)),
            "DESC" if term.order == "DESC" else "ASC",
        )
        for term in index.terms
    )
    return (upper(index.name), index.unique, terms, spelling(index.where or ""))


def _bare(text: str, order: str | None) -> str:
    return text if order is None else text[: -len(order)].rstrip()

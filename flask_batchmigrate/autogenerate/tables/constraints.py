"""Compares the constraints and indexes of two definitions of a table."""

from __future__ import annotations

import typing as t

from ...sqlite.ddl.meaning import meaning
from ...sqlite.ddl.meaning import spelling
from ...sqlite.ddl.objects import IndexText
from ...sqlite.ddl.table import ConstraintKind
from ...sqlite.ddl.table import ConstraintText
from ...sqlite.ddl.tokens import upper
from . import constructors
from .alembic_findings import AlembicFindings
from .definition import Definition

_OFTEN_RENAMED: t.Final = (ConstraintKind.UNIQUE, ConstraintKind.CHECK)


def is_foreign_key(constraint: ConstraintText) -> bool:
    """Tell whether a constraint is a foreign key."""
    return constraint.kind is ConstraintKind.FOREIGN_KEY


def changed_constraints(
    before: Definition, after: Definition, seen: AlembicFindings
) -> tuple[list[ConstraintText], list[ConstraintText]]:
    """Return the constraints to drop, and those to add."""
    unmatched = list(before.constraints)
    new = []
    for wanted in sorted(after.constraints, key=lambda each: each.name is None):
        same = [each for each in unmatched if _same(each, wanted)]
        same.sort(key=lambda each: not _same_label(each, wanted))
        if same:
            unmatched.remove(same[0])
        else:
            new.append(wanted)
    dropped = [c for c in unmatched if _passes(before, c, seen, reflected=True)]
    return dropped, [c for c in new if _passes(after, c, seen, reflected=False)]


def _passes(
    definition: Definition,
    constraint: ConstraintText,
    seen: AlembicFindings,
    reflected: bool,
) -> bool:
    """Tell whether the user's filters let a constraint through."""
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
    """Tell whether two constraints have the same meaning and the same name.

    Another name of a foreign key is no difference, nor is a missing name.
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
        # SQLite parses ON CONFLICT after a CHECK, and ignores it.
        conflict = None
    return (*meaning(constraint), conflict, deferrable)


def changed_primary_key(
    before: Definition, after: Definition
) -> tuple[list[ConstraintText], list[ConstraintText]]:
    """Return the primary key to drop, and the one to add."""
    old, new = before.primary_key, after.primary_key
    columns = [tuple(map(upper, key.columns)) if key else () for key in (old, new)]
    if columns[0] == columns[1]:
        return [], []
    return [old] if old else [], [new] if new else []


def changed_indexes(
    before: Definition, after: Definition, seen: AlembicFindings, recomputed: list[str]
) -> tuple[list[IndexText], list[IndexText]]:
    """Return the indexes to drop and those to create; a changed index is in both."""
    old = {upper(each.name): each for each in before.indexes}
    new = {upper(each.name): each for each in after.indexes}
    affected = {
        name
        for name, index in old.items()
        if any(index.mentions(column) for column in recomputed)
    }
    dropped, created = [], []
    for name, index in sorted(old.items()):
        other = new.get(name)
        if other is None or name in affected or not _same_index(index, other):
            object_ = constructors.create_index(before, index).to_index()
            if seen.wanted(object_, index.name, "index", True, None):
                dropped.append(index)
    for name, index in sorted(new.items()):
        other = old.get(name)
        if other is None or name in affected or not _same_index(index, other):
            object_ = constructors.create_index(after, index).to_index()
            if seen.wanted(object_, index.name, "index", False, None):
                created.append(index)
    return dropped, created


def _same_index(first: IndexText, second: IndexText) -> bool:
    return index_meaning(first) == index_meaning(second)


def index_meaning(index: IndexText) -> tuple[t.Any, ...]:
    """Return a value that is equal for two indexes of the same meaning."""
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

"""Finds the constraint that a migration means."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ..ddl.meaning import describe
from ..ddl.meaning import DROPPABLE
from ..ddl.meaning import former
from ..ddl.meaning import Renames
from ..ddl.meaning import same_label
from ..ddl.meaning import same_meaning
from ..ddl.meaning import spelling
from ..ddl.table import ConstraintText
from ..ddl.table import parse_table_constraint
from ..ddl.table import TableText
from ..ddl.tokens import same_name
from ..errors import ChangeRefused
from ..errors import MissingConstraint
from . import changes


class Naming(t.Protocol):
    """The names that constraints would have by a convention."""

    def names(self, table: str, constraint: ConstraintText) -> cabc.Collection[str]:
        """Return the names that the conventions give to a constraint."""


class NoNaming:
    """A naming without any convention."""

    def names(self, table: str, constraint: ConstraintText) -> cabc.Collection[str]:
        """Return nothing."""
        return ()


def find_constraints(
    table: TableText,
    wanted: changes.DropConstraint,
    naming: Naming,
    dropped_columns: cabc.Collection[str],
    renames: Renames = (),
) -> list[ConstraintText]:
    """Find the constraint that fits all that a change says about it.

    :param naming: the names of constraints without a stored name.
    :param dropped_columns: the columns that the same block drops. Where several unnamed
        constraints fit, the change means the one on such a column, since scripts are
        generated with ``drop_constraint(None)`` followed by ``drop_column()``.
    :param renames: the renames that the block has made; the names that a constraint
        would have are also built from the names before them.
    :return: the constraint; nothing where there is none and the change allows that; and
        all that fit where no script can tell them apart.
    :raises MissingConstraint: none fits.
    :raises ChangeRefused: several fit.
    """
    candidates = [c for c in table.of_kind(*DROPPABLE) if fits(c, wanted)]
    if wanted.name is not None:
        stored = [c for c in candidates if c.name and same_name(c.name, wanted.name)]
        if not stored:
            unnamed = [_without_shared_name(c, candidates) for c in candidates]
            places = _named(table, wanted.name, unnamed, naming, renames)
            stored = [
                c for c, u in zip(candidates, unnamed, strict=True) if u in places
            ]
        candidates = stored
    elif wanted.definition is not None:
        model = parse_table_constraint(wanted.definition)
        candidates = [c for c in candidates if same_label(c, model)] or candidates
    else:
        # A script that gives no name means a constraint that has none.
        candidates = [c for c in candidates if c.name is None] or candidates
    if len(candidates) > 1:
        lost = [c for c in candidates if any(map(c.mentions, dropped_columns))]
        candidates = lost if len(lost) == 1 else candidates
    if candidates and _are_one(candidates):
        return candidates
    if not candidates and wanted.if_exists:
        return []
    raise _not_one(table, wanted, candidates, naming, renames)


def _without_shared_name(
    constraint: ConstraintText, candidates: cabc.Sequence[ConstraintText]
) -> ConstraintText:
    """Return a constraint without its name, if another one has that name, too.

    The name does not tell which one is meant. What a server would call it does.
    """
    alike = [c for c in candidates if c.name and same_label(c, constraint)]
    return dataclasses.replace(constraint, name=None) if len(alike) > 1 else constraint


def _named(
    table: TableText,
    name: str,
    candidates: cabc.Iterable[ConstraintText],
    naming: Naming,
    renames: Renames,
) -> list[ConstraintText]:
    """Find the constraints that would have a name by a convention.

    On other databases a constraint keeps the name that was built from the names of its
    columns when it was made, so the names before the block's renames count first.
    """
    first, others = [], []
    for constraint in candidates:
        versions = [naming.names(table.name, v) for v in former(constraint, renames)]
        if any(same_name(n, name) for n in versions[0]):
            first.append(constraint)
        elif any(same_name(n, name) for names in versions[1:] for n in names):
            others.append(constraint)
    return first or others


def _are_one(candidates: cabc.Sequence[ConstraintText]) -> bool:
    """Tell whether no script can tell the candidates apart.

    Either they have the same stored name and kind, or they say the same.
    """
    first = candidates[0]
    return all(
        c is first
        or (c.kind is first.kind and same_label(c, first))
        or (same_meaning(c, first) and c.name == first.name)
        for c in candidates
    )


def is_called(
    table: str, constraint: ConstraintText, name: str | None, naming: Naming
) -> bool:
    """Tell whether a constraint has a name, or would have it by a convention."""
    names = [constraint.name, *naming.names(table, constraint)]
    return name is not None and any(n and same_name(n, name) for n in names)


def is_replaced(
    table: str, present: ConstraintText, wanted: ConstraintText, naming: Naming
) -> bool:
    """Tell whether the constraint of a column's new type replaces another one.

    It does if it has the name of the other one, stored or by a convention, or if the
    other one has no name and lists values of the column, too.
    """
    if present.name is not None:
        return is_called(table, present, wanted.name, naming)
    old = spelling(present.expression or "")
    new = spelling(wanted.expression or "")
    return old[:3] == new[:3] and old[1:3] == ("IN", "(") and "(" not in old[3:]


def fits(constraint: ConstraintText, wanted: changes.DropConstraint) -> bool:
    """Tell whether a constraint fits a change, apart from its name."""
    if wanted.kind is not None and constraint.kind is not wanted.kind:
        return False
    if wanted.columns is not None and not constraint.covers(wanted.columns):
        return False
    if wanted.definition is None:
        return True
    return same_meaning(parse_table_constraint(wanted.definition), constraint)


def _not_one(
    table: TableText,
    wanted: changes.DropConstraint,
    candidates: cabc.Sequence[ConstraintText],
    naming: Naming,
    renames: Renames,
) -> ChangeRefused:
    kind = wanted.kind.value if wanted.kind is not None else "constraint"
    name = f" '{wanted.name}'" if wanted.name is not None else ""
    if candidates:
        known = [former(c, renames)[0] for c in candidates]
        fitting = "; ".join(_with_names(table, c, naming) for c in known)
        return ChangeRefused(
            f"Table '{table.name}': it is not clear which {kind}{name} to drop, since"
            f" {len(candidates)} fit: {fitting}",
            _remedy(candidates),
            table=table.name,
        )
    present = [
        describe(former(c, renames)[0])
        for c in table.of_kind(*DROPPABLE)
        if wanted.kind is None or c.kind is wanted.kind
    ]
    listed = f"; it has {'; '.join(present)}" if present else ""
    return MissingConstraint(
        f"Table '{table.name}' has no {kind}{name} to drop{listed}",
        "Check the name, or pass if_exists=True.",
        table=table.name,
    )


def _remedy(candidates: cabc.Sequence[ConstraintText]) -> str:
    if all(same_label(c, candidates[0]) for c in candidates):
        return "Pass the kind that is meant (type_='...')."
    return "Name the one that is meant."


def _with_names(table: TableText, constraint: ConstraintText, naming: Naming) -> str:
    """Describe a constraint, with the names that it would have if it has none."""
    if constraint.name is not None:
        return describe(constraint)
    names = "' or '".join(naming.names(table.name, constraint))
    return describe(constraint) + (f" (as '{names}')" if names else "")

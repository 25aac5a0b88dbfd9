"""Splits a block where text in it would mean something else in one pass.

All renames of a pass are made first. A condition or a definition that a script has
before a rename uses the names before it, as on other databases. So it gets an earlier
pass. An expression that converts a column reads what earlier changes made of it, so
they get an earlier pass, too.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ..ddl.objects import parse_index
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_column
from ..ddl.table import parse_table_constraint
from ..ddl.tokens import identifiers
from ..ddl.tokens import same_name
from ..ddl.tokens import tokenize
from ..ddl.tokens import upper
from . import changes
from .find_constraint import fits


def in_passes(
    block: cabc.Iterable[changes.Change],
) -> list[list[changes.Change]]:
    """Split a block into passes over the table; most blocks take one.

    :param block: the changes in the order of the script.
    :return: at least one pass.
    """
    passes: list[list[changes.Change]] = [[]]
    used: set[str] = set()
    written: set[str] = set()
    uses_all = False
    for change in block:
        is_renaming = isinstance(change, changes.RenameColumn) and (
            uses_all or upper(change.name) in used
        )
        if is_renaming or (_is_computed(change) and upper(change.name) in written):
            passes.append([])
            used, written, uses_all = set(), set(), False
        passes[-1].append(change)
        if isinstance(change, changes.AddColumn | changes.SetType):
            written.add(upper(change.name))
        # A column whose name these do not use is dropped.
        if isinstance(change, changes.ReplaceDefinition | changes.ReplaceColumn):
            uses_all = True
        for text in _texts(change):
            used |= identifiers(tokenize(text))
    return passes


def _is_computed(change: changes.Change) -> t.TypeGuard[changes.SetType]:
    return isinstance(change, changes.SetType) and change.using is not None


def columns_first(block: cabc.Iterable[changes.Change]) -> list[changes.Change]:
    """Move constraints and indexes behind the columns that the block adds for them.

    Alembic makes the constraints and indexes of a batch block when it knows all of its
    columns, so a script may ask for a column after what is on it:
    https://alembic.sqlalchemy.org/en/latest/batch.html

    :param block: the changes in the order of the script.
    """
    listed = list(block)
    places = {
        upper(change.name): place
        for place, change in enumerate(listed)
        if isinstance(change, changes.AddColumn)
    }
    if not places:
        return listed
    ordered: list[changes.Change] = []
    waiting: dict[int, list[changes.Change]] = {}
    for place, change in enumerate(listed):
        until = max(
            (
                places[name]
                for name in _covered(change) & places.keys()
                if not _is_renamed(listed, name, place, places[name])
            ),
            default=place,
        )
        dropping = [
            later
            for later, made in waiting.items()
            if later > place and any(_is_dropped_by(one, change) for one in made)
        ]
        until = max([until, *dropping])
        if until > place:
            waiting.setdefault(until, []).append(change)
        else:
            ordered += [change, *waiting.pop(place, ())]
    return ordered


def _is_renamed(block: list[changes.Change], name: str, place: int, until: int) -> bool:
    """Tell whether a column of this name gets another one between two places.

    If it does, a change at the first place is about that column, and not about one that
    takes the name later.

    :param name: the folded name.
    """
    return any(
        isinstance(change, changes.RenameColumn) and upper(change.name) == name
        for change in block[place:until]
    )


def _is_dropped_by(made: changes.Change, change: changes.Change) -> bool:
    """Tell whether a change drops what an earlier one of the block makes."""
    if isinstance(made, changes.CreateIndex):
        return isinstance(change, changes.DropIndex) and same_name(
            change.name, made.name
        )
    if not isinstance(made, changes.AddConstraint) or not isinstance(
        change, changes.DropConstraint
    ):
        return False
    constraint = parse_table_constraint(made.definition)
    is_named = change.name is None or same_name(change.name, constraint.name or "")
    return is_named and fits(constraint, change)


def _covered(change: changes.Change) -> frozenset[str]:
    """Return the folded names of the table's columns that a change is about."""
    if isinstance(change, changes.CreateIndex):
        return parse_index(change.sql).names
    if not isinstance(change, changes.AddConstraint):
        return frozenset()
    constraint = parse_table_constraint(change.definition)
    if constraint.kind is ConstraintKind.CHECK:
        return constraint.names
    return frozenset(map(upper, constraint.columns))


def _texts(change: changes.Change) -> cabc.Iterator[str]:
    """Yield the texts of a change in which no other code replaces names."""
    if isinstance(change, changes.CreateIndex):
        yield change.sql
    elif isinstance(change, changes.AddColumn):
        # Its own name follows a rename.
        yield change.definition[parse_column(change.definition).name_span.end :]
        yield change.fill or ""
    elif isinstance(change, changes.SetType):
        yield change.using or ""
    elif isinstance(change, changes.AddConstraint) and not change.of_type:
        constraint = parse_table_constraint(change.definition)
        if constraint.kind in (ConstraintKind.CHECK, ConstraintKind.FOREIGN_KEY):
            yield change.definition

"""Splits a block where a rename would change the meaning of names in its text.

All renames of a pass are made first. A condition or a definition that a script has
before a rename uses the names before it, as on other databases. So it gets an earlier
pass.
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.objects import parse_index
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table_constraint
from ..ddl.tokens import identifiers
from ..ddl.tokens import tokenize
from ..ddl.tokens import upper
from . import changes


def in_passes(
    block: cabc.Iterable[changes.Change],
) -> list[list[changes.Change]]:
    """Split a block into passes over the table; most blocks take one.

    :param block: the changes in the order of the script.
    :return: at least one pass.
    """
    passes: list[list[changes.Change]] = [[]]
    used: set[str] = set()
    uses_all = False
    for change in block:
        if isinstance(change, changes.RenameColumn) and (
            uses_all or upper(change.name) in used
        ):
            passes.append([])
            used, uses_all = set(), False
        passes[-1].append(change)
        # A column whose name these do not use is dropped.
        if isinstance(change, changes.ReplaceDefinition | changes.ReplaceColumn):
            uses_all = True
        for text in _texts(change):
            used |= identifiers(tokenize(text))
    return passes


def columns_first(block: cabc.Iterable[changes.Change]) -> list[changes.Change]:
    """Move constraints and indexes behind the columns that the block adds for them.

    Alembic makes the constraints and indexes of a batch block when it knows all of its
    columns, so a script may ask for a column after what is on it:
    https://alembic.sqlalchemy.org/en/latest/batch.html

    :param block: the changes in the order of the script.
    """
    ordered = list(block)
    added = {
        upper(change.name): change
        for change in ordered
        if isinstance(change, changes.AddColumn)
    }
    for change in list(ordered) if added else ():
        wanted = [added[name] for name in _covered(change) & added.keys()]
        last = max((ordered.index(column) for column in wanted), default=-1)
        place = ordered.index(change)
        if last > place:
            ordered.insert(last, ordered.pop(place))
    return ordered


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
        yield change.definition
    elif isinstance(change, changes.SetType):
        yield change.using or ""
    elif isinstance(change, changes.AddConstraint):
        constraint = parse_table_constraint(change.definition)
        if constraint.kind in (ConstraintKind.CHECK, ConstraintKind.FOREIGN_KEY):
            yield change.definition

"""Splits a block where a rename would change the meaning of names in its text.

All renames of a pass are made first. A condition or a definition that a script has
before a rename uses the names before it, as on other databases. So it gets an earlier
pass.
"""

from __future__ import annotations

import collections.abc as cabc

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

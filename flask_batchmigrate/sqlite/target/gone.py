"""Finds the constraints that go along with the columns that a block drops.

A script may drop it by name afterwards, or bring the column back under its name.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ..ddl.meaning import as_table_constraint
from ..ddl.meaning import describe
from ..ddl.meaning import former
from ..ddl.meaning import Renames
from ..ddl.meaning import respelled
from ..ddl.meaning import same_label
from ..ddl.meaning import same_meaning
from ..ddl.meaning import spelling
from ..ddl.objects import IndexText
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.table import TableText
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from . import changes
from .find_constraint import fits
from .find_constraint import Naming


@dataclasses.dataclass(frozen=True, slots=True)
class Gone:
    """A constraint or an index that went with a column.

    :param table: its table.
    :param column: the column, as the script calls it.
    :param definition: what makes it anew: a constraint of the table, or the statement.
    :param index: the index that went.
    :param constraint: the constraint that went.
    :param versions: the constraint by the names that its columns had during the block,
        the oldest first.
    """

    table: str
    column: str
    definition: str
    index: IndexText | None = None
    constraint: ConstraintText | None = None
    versions: tuple[ConstraintText, ...] = ()

    @property
    def note(self) -> str:
        """What went, in a sentence."""
        if self.index is not None:
            what = f"index '{self.index.name}' on"
        else:
            what = f"{describe(self.versions[0])} of"
        return f"{what} '{self.table}' went with column '{self.column}'"

    @property
    def is_told(self) -> bool:
        """Whether it is worth a note, as it is not but a clause of the column."""
        one = self.constraint
        return one is None or one.column is None or one.name is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Past:
    """What a block has done to a table before the changes at hand.

    :param renames: how it has renamed columns.
    :param gone: what went with columns that it dropped.
    :param added: the columns that it added, by their present names.
    """

    renames: Renames = ()
    gone: tuple[Gone, ...] = ()
    added: tuple[str, ...] = ()

    def after(self, renames: Renames, added: cabc.Iterable[str]) -> Past:
        """Return what it is after more renames, and columns added under final names."""
        present = list(self.added)
        for old, new in renames:
            present = [new if same_name(name, old) else name for name in present]
        return Past(self.renames + renames, self.gone, (*present, *added))


NO_PAST: t.Final = Past()
"""A block that has done nothing yet."""


def gone_index(table: str, index: IndexText, column: str, renames: Renames) -> Gone:
    """Note an index that goes with a column."""
    return Gone(table, _known_as(column, renames), index.sql, index)


def gone_constraint(
    table: str, constraint: ConstraintText, column: str, renames: Renames
) -> Gone:
    """Note a constraint that goes with a column.

    :param renames: those that the block has made so far.
    """
    known = _known_as(column, renames)
    names = {} if known == column else {upper(column): known}
    text = respelled(as_table_constraint(constraint), names)
    versions = tuple(former(constraint, renames))
    return Gone(table, known, text, None, constraint, versions)


def _known_as(column: str, renames: Renames) -> str:
    """Return the name by which the script dropped a column, not one to spare."""
    if not column.startswith("_batchmigrate_"):
        return column
    return next((old for old, new in renames if same_name(new, column)), column)


def find_gone(
    gone: cabc.Iterable[Gone],
    wanted: changes.DropConstraint,
    table: str,
    naming: Naming,
) -> list[Gone]:
    """Return the constraints that have gone and that a change means."""
    found = []
    for one in gone:
        if one.constraint is None or not fits(one.constraint, wanted):
            continue
        names = [one.constraint.name]
        if one.constraint.name is None:
            names = [n for v in one.versions for n in naming.names(table, v)]
        if wanted.name is None or any(same_name(n or "", wanted.name) for n in names):
            found.append(one)
    return found


def what_returns(
    one: Gone, text: TableText, added: cabc.Collection[str]
) -> changes.Change | None:
    """Return the change that brings back what went with a column that has come back.

    :param text: the table at the end of the block.
    :param added: the columns that the block added.
    :return: the change, or ``None`` where it makes no sense any more.
    """
    came_back = any(same_name(one.column, name) for name in added)
    if not text.has_column(one.column):
        return None
    if one.index is not None:
        made = changes.CreateIndex(one.index.name, one.definition)
        return made if came_back else None
    constraint = one.versions[0]
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        # What the key of the table is, the new column says.
        return None
    if constraint.kind is ConstraintKind.CHECK and constraint.name is not None:
        # Also for another column that has taken the name, as in Alembic.
        came_back = True
    if not came_back or _lists_values(constraint):
        return None
    if constraint.kind is ConstraintKind.FOREIGN_KEY and any(
        key.covers(constraint.columns) for key in text.of_kind(constraint.kind)
    ):
        return None
    return changes.AddConstraint(one.definition)


def brings_back_key(gone: cabc.Iterable[Gone], text: TableText, past: Past) -> bool:
    """Tell whether a key comes back that foreign keys may refer to."""
    return any(
        what_returns(one, text, past.added) is not None
        for one in gone
        if (one.index and one.index.unique)
        or (one.constraint and one.constraint.kind is ConstraintKind.UNIQUE)
    )


def is_there(one: Gone, text: TableText) -> bool:
    """Tell whether the block itself has made anew what went."""
    return one.constraint is not None and any(
        same_meaning(present, one.versions[0]) or same_label(present, one.versions[0])
        for present in text.of_kind(one.constraint.kind)
    )


def _lists_values(constraint: ConstraintText) -> bool:
    """Tell whether an unnamed CHECK lists values: that belongs to the column's type."""
    words = spelling(constraint.expression or "")
    return (
        constraint.kind is ConstraintKind.CHECK
        and constraint.name is None
        and words[1:3] == ("IN", "(")
    )

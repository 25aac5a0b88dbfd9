"""Keeps the constraints and indexes that were dropped together with a column.

A script may drop one of them by name afterwards, or add the column again.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ...value_classes import value_class
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


@value_class
class Gone:
    """A constraint or an index that was dropped together with a column.

    :param table: its table.
    :param column: the column, by the name that the script uses.
    :param definition: the text that makes it again: a constraint of the table, or a
        ``CREATE INDEX``.
    :param index: the index, if it is one.
    :param constraint: the constraint, if it is one.
    :param versions: the constraint with each of the names that its columns had during
        the block, the oldest first.
    """

    table: str
    column: str
    definition: str
    index: IndexText | None = None
    constraint: ConstraintText | None = None
    versions: tuple[ConstraintText, ...] = ()

    @property
    def note(self) -> str:
        """What was dropped, in a sentence."""
        if self.index is not None:
            what = f"index '{self.index.name}' on"
        else:
            what = f"{describe(self.versions[0])} of"
        return f"{what} '{self.table}' was dropped with column '{self.column}'"

    @property
    def is_noteworthy(self) -> bool:
        """Whether it is more than an unnamed clause of the column itself."""
        clause = self.constraint
        return clause is None or clause.column is None or clause.name is not None


@value_class
class Past:
    """What a block has done to a table before the next changes.

    :param renames: the renames of columns that it has made.
    :param gone: what was dropped together with columns.
    :param added: the columns that it added, by their present names.
    :param rowid_types: the integer types that it gave to the column that is the rowid,
        and stays INTEGER as long as it is.
    """

    renames: Renames = ()
    gone: tuple[Gone, ...] = ()
    added: tuple[str, ...] = ()
    rowid_types: tuple[tuple[str, str], ...] = ()

    def after(self, renames: Renames, added: cabc.Iterable[str]) -> Past:
        """Return the past after more renames, and more columns under final names."""
        present = list(self.added)
        types = list(self.rowid_types)
        for old, new in renames:
            present = [new if same_name(name, old) else name for name in present]
            types = [(new if same_name(n, old) else n, type_) for n, type_ in types]
        return Past(self.renames + renames, self.gone, (*present, *added), tuple(types))


NO_PAST: t.Final = Past()
"""A block that has done nothing yet."""


def gone_index(table: str, index: IndexText, column: str, renames: Renames) -> Gone:
    """Keep an index that is dropped together with a column."""
    return Gone(table, _known_as(column, renames), index.sql, index)


def gone_constraint(
    table: str, constraint: ConstraintText, column: str, renames: Renames
) -> Gone:
    """Keep a constraint that is dropped together with a column.

    :param renames: the renames that the block has made before.
    """
    known = _known_as(column, renames)
    names = {} if known == column else {upper(column): known}
    text = respelled(as_table_constraint(constraint), names)
    versions = tuple(former(constraint, renames))
    return Gone(table, known, text, None, constraint, versions)


def _known_as(column: str, renames: Renames) -> str:
    """Return the name by which the script dropped a column.

    The column may have a name of the engine's in between.
    """
    if not column.startswith("_batchmigrate_"):
        return column
    return next((old for old, new in renames if same_name(new, column)), column)


def find_gone(
    gone: cabc.Iterable[Gone],
    wanted: changes.DropConstraint,
    table: str,
    naming: Naming,
) -> list[Gone]:
    """Return the dropped constraints that a change means."""
    meant = []
    for lost in gone:
        if lost.constraint is None or not fits(lost.constraint, wanted):
            continue
        names = [lost.constraint.name]
        if lost.constraint.name is None:
            names = [n for v in lost.versions for n in naming.names(table, v)]
        if wanted.name is None or any(same_name(n or "", wanted.name) for n in names):
            meant.append(lost)
    return meant


def restoring_change(
    lost: Gone, text: TableText, added: cabc.Collection[str]
) -> changes.Change | None:
    """Return the change that restores what was dropped with a column of this name.

    :param text: the table at the end of the block.
    :param added: the columns that the block added.
    :return: the change, or ``None`` where the table is better without it.
    """
    is_back = any(same_name(lost.column, name) for name in added)
    if not text.has_column(lost.column):
        return None
    if lost.index is not None:
        create = changes.CreateIndex(lost.index.name, lost.definition)
        return create if is_back else None
    constraint = lost.versions[0]
    if constraint.kind is ConstraintKind.PRIMARY_KEY:
        # The new column decides whether it is the key of the table.
        return None
    if constraint.kind is ConstraintKind.CHECK and constraint.name is not None:
        # Alembic keeps it also for another column that has taken the name.
        is_back = True
    if not is_back or _lists_values(constraint):
        return None
    if constraint.kind is ConstraintKind.FOREIGN_KEY and any(
        key.covers(constraint.columns) for key in text.of_kind(constraint.kind)
    ):
        return None
    return changes.AddConstraint(lost.definition)


def restores_a_key(gone: cabc.Iterable[Gone], text: TableText, past: Past) -> bool:
    """Tell whether a dropped key is restored that foreign keys may refer to."""
    return any(
        restoring_change(lost, text, past.added) is not None
        for lost in gone
        if (lost.index and lost.index.unique)
        or (lost.constraint and lost.constraint.kind is ConstraintKind.UNIQUE)
    )


def is_made_again(lost: Gone, text: TableText) -> bool:
    """Tell whether the block itself has made a dropped constraint again."""
    return lost.constraint is not None and any(
        same_meaning(present, lost.versions[0]) or same_label(present, lost.versions[0])
        for present in text.of_kind(lost.constraint.kind)
    )


def _lists_values(constraint: ConstraintText) -> bool:
    """Tell whether an unnamed CHECK lists values, so it belongs to a column's type."""
    words = spelling(constraint.expression or "")
    return (
        constraint.kind is ConstraintKind.CHECK
        and constraint.name is None
        and words[1:3] == ("IN", "(")
    )

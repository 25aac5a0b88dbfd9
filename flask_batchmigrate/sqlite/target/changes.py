"""The changes that a block may ask of one table, as values.

A batch block is a sequence of these. They name columns and constraints as the script
names them; :mod:`~flask_batchmigrate.sqlite.target.build` works out what they mean for
the table as it is stored.
"""

from __future__ import annotations

import dataclasses

from ..ddl.constraints import ConstraintKind


class Change:
    """Base of all changes."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True)
class AddColumn(Change):
    """Add a column.

    :param name: its name.
    :param definition: the column definition as it stands in ``CREATE TABLE``.
    :param before: put it before this column.
    :param after: put it after this column.
    :param if_not_exists: do nothing where the table has the column.
    :param fill: the value that existing rows get, as SQL, where it is not the default.
    """

    name: str
    definition: str
    before: str | None = None
    after: str | None = None
    if_not_exists: bool = False
    fill: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DropColumn(Change):
    """Drop a column, and what belongs to its table and mentions it."""

    name: str
    if_exists: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class RenameColumn(Change):
    """Rename a column; the name is followed everywhere."""

    name: str
    new_name: str


@dataclasses.dataclass(frozen=True, slots=True)
class SetType(Change):
    """Change the declared type of a column.

    :param type: the new type as it is declared, with a ``COLLATE`` clause if any.
    :param using: an SQL expression that converts the stored value.
    :param keep_misfits: leave values that the new type cannot hold as they are.
    :param allowed: all values of the type, where it is an enumeration.
    :param allowed_before: all values of the type it had, where that was one too.
    """

    name: str
    type: str
    using: str | None = None
    keep_misfits: bool = False
    allowed: tuple[str, ...] | None = None
    allowed_before: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SetNotNull(Change):
    """Set or drop ``NOT NULL``."""

    name: str
    not_null: bool


@dataclasses.dataclass(frozen=True, slots=True)
class SetDefault(Change):
    """Set the default, as text behind ``DEFAULT``, or drop it with ``None``."""

    name: str
    value: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class ReplaceColumn(Change):
    """Put a new definition in the place of a column; its values are kept."""

    name: str
    definition: str


@dataclasses.dataclass(frozen=True, slots=True)
class AddConstraint(Change):
    """Add a constraint.

    :param definition: its text as a table constraint of ``CREATE TABLE``.
    :param unless_present: do nothing where the table has the same constraint.
    :param if_only: do nothing where the table has a constraint of this kind.
    :param of_type: it comes with the new type of a column, such as an enumeration's
        values, and replaces the one of its name on the same column.
    :param replaces: it takes the place of another one with its name and kind.
    """

    definition: str
    unless_present: bool = False
    if_only: bool = False
    of_type: bool = False
    replaces: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DropConstraint(Change):
    """Drop the one constraint that fits everything given.

    :param name: its name, stored or given by a naming convention.
    :param kind: what it is.
    :param columns: the columns it is on.
    :param definition: its text as a table constraint; one that says the same fits.
    :param if_exists: do nothing where there is none.
    """

    name: str | None = None
    kind: ConstraintKind | None = None
    columns: tuple[str, ...] | None = None
    definition: str | None = None
    if_exists: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Reorder(Change):
    """Order the columns so that each of the given sequences holds.

    :param orders: sequences of column names; columns in none of them stay as close
        to their place as the sequences allow.
    """

    orders: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SetOptions(Change):
    """Change table options; ``None`` leaves one as it is."""

    strict: bool | None = None
    without_rowid: bool | None = None
    autoincrement: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ReplaceDefinition(Change):
    """Put a whole new ``CREATE TABLE`` in the place of the stored one.

    Columns of the same name keep their values; what the new text leaves out is
    dropped, but for values.

    :param options: the options of the table that it speaks of, by their names in
        :class:`SetOptions`.
    """

    sql: str
    options: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class CreateIndex(Change):
    """Create an index on the table as it is after the block.

    :param if_not_exists: do nothing where the table has an index of this name.
    :param replace: replace one of this name that is another index.
    """

    name: str
    sql: str
    if_not_exists: bool = False
    replace: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DropIndex(Change):
    """Drop an index of the table.

    :param if_exists: do nothing where there is none.
    :param undescribed: it goes because a description of the table leaves it out.
    """

    name: str
    if_exists: bool = False
    undescribed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class RenameTable(Change):
    """Rename the table; the name is followed everywhere."""

    new_name: str

"""Defines the changes that a block may make to one table, as values.

A batch block is a sequence of these. They have the names that the script uses;
:mod:`~flask_batchmigrate.sqlite.target.build` works out what they mean for the stored
table.
"""

from __future__ import annotations

from ...value_classes import value_class
from ..ddl.constraints import ConstraintKind


class Change:
    """Base of all changes."""

    __slots__ = ()


@value_class
class AddColumn(Change):
    """Add a column.

    :param name: its name.
    :param definition: the text of the column in a ``CREATE TABLE``.
    :param before: the column that it is to precede.
    :param after: the column that it is to follow.
    :param if_not_exists: do nothing where the table has the column.
    :param fill: the value that existing rows get, as SQL, where it is not the default.
    """

    name: str
    definition: str
    before: str | None = None
    after: str | None = None
    if_not_exists: bool = False
    fill: str | None = None


@value_class
class DropColumn(Change):
    """Drop a column, and all constraints and indexes of the table that mention it."""

    name: str
    if_exists: bool = False


@value_class
class RenameColumn(Change):
    """Rename a column, everywhere in the schema."""

    name: str
    new_name: str


@value_class
class SetType(Change):
    """Change the declared type of a column.

    :param type: the new type as it is declared, with its ``COLLATE`` clause, if any.
    :param using: an SQL expression that converts the stored value.
    :param keep_misfits: leave values that the new type cannot hold as they are.
    :param allowed: all values of the type, where it is an enumeration.
    :param allowed_before: all values of the old type, where that is one, too.
    """

    name: str
    type: str
    using: str | None = None
    keep_misfits: bool = False
    allowed: tuple[str, ...] | None = None
    allowed_before: tuple[str, ...] | None = None


@value_class
class SetNotNull(Change):
    """Set or drop ``NOT NULL``."""

    name: str
    not_null: bool


@value_class
class SetDefault(Change):
    """Set the default to the text after ``DEFAULT``, or drop it by ``None``."""

    name: str
    value: str | None


@value_class
class ReplaceColumn(Change):
    """Replace the definition of a column; its values stay."""

    name: str
    definition: str


@value_class
class AddConstraint(Change):
    """Add a constraint.

    :param definition: its text as a table constraint of ``CREATE TABLE``.
    :param unless_present: do nothing where the table has the same constraint.
    :param if_only: do nothing where the table has a constraint of this kind.
    :param of_type: whether it belongs to the new type of a column, as the values of an
        enumeration do. Then it replaces the one of its name on the same column.
    :param replaces: whether it takes the place of another one of its name and kind.
    """

    definition: str
    unless_present: bool = False
    if_only: bool = False
    of_type: bool = False
    replaces: bool = False


@value_class
class DropConstraint(Change):
    """Drop the one constraint that fits all that is not ``None``.

    :param name: its name, which is stored or that of a naming convention.
    :param kind: its kind.
    :param columns: the columns that it covers.
    :param definition: the text of a table constraint that says the same.
    :param if_exists: do nothing where there is none.
    """

    name: str | None = None
    kind: ConstraintKind | None = None
    columns: tuple[str, ...] | None = None
    definition: str | None = None
    if_exists: bool = False


@value_class
class Reorder(Change):
    """Order the columns by sequences of some of their names.

    :param orders: the sequences. Columns in none of them stay as close to their place
        as the sequences allow.
    """

    orders: tuple[tuple[str, ...], ...]


@value_class
class SetOptions(Change):
    """Change table options; ``None`` leaves one as it is."""

    strict: bool | None = None
    without_rowid: bool | None = None
    autoincrement: bool | None = None


@value_class
class ReplaceDefinition(Change):
    """Replace the whole ``CREATE TABLE`` of the table.

    Columns of the same name keep their values. What the new text leaves out is dropped,
    except for values.

    :param options: the options of the table that the new text sets, by their names in
        :class:`SetOptions`.
    """

    sql: str
    options: frozenset[str] = frozenset()


@value_class
class CreateIndex(Change):
    """Create an index on the table as it is after the block.

    :param if_not_exists: do nothing where the table has an index of this name.
    :param replace: replace an index of this name that says something else.
    """

    name: str
    sql: str
    if_not_exists: bool = False
    replace: bool = False


@value_class
class DropIndex(Change):
    """Drop an index of the table.

    :param if_exists: do nothing where there is none.
    :param undescribed: whether it is dropped because a description of the table leaves
        it out.
    """

    name: str
    if_exists: bool = False
    undescribed: bool = False


@value_class
class RenameTable(Change):
    """Rename the table, everywhere in the schema."""

    new_name: str

"""The steps of a plan: each describes itself in one line, and can be run.

A step is a value. It holds what was known when the plan was made, and never chooses
another way while it runs. If SQLite does not confirm the plan, the step raises
:class:`~flask_batchmigrate.sqlite.alter.in_place.NotConfirmed`, and the plan has other
steps to run instead.
"""

from __future__ import annotations

import enum
import typing as t

from ...value_classes import value_class
from ..alter import convert
from ..alter import drop
from ..alter import in_place
from ..alter import rename
from ..alter.copy import copy_table
from ..alter.indexes import create_indexes
from ..alter.indexes import drop_indexes
from ..alter.parent_checks import check_parents
from ..alter.parent_checks import NoParentKey
from ..alter.pending_keys import PendingKeys
from ..alter.row_checks import check_numbering
from ..alter.row_checks import check_rows
from ..alter.row_checks import Rule
from ..alter.scratch import Scratch
from ..alter.statistics import restore_statistics
from ..alter.statistics import Statistics
from ..alter.strict_values import check_computed
from ..alter.strict_values import unchecked
from ..ddl.objects import IndexText
from ..schema.catalogue import Catalogue
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.snapshot import Snapshot
from ..target.conversions import Conversions
from ..target.target import Target


class Cost(enum.Enum):
    """The cost of a step, by how many rows it reads and writes."""

    NOTHING = "no row is read or written"
    SCAN = "every row is read once"
    CHANGED = "every row is read, and written where what it stores differs"
    INDEX = "every row is read to build an index"
    REWRITE = "every row is written"

    @property
    def reads_rows(self) -> bool:
        """Whether every row is read."""
        return self is not Cost.NOTHING

    @property
    def writes_rows(self) -> bool:
        """Whether every row is written, or may be."""
        return self in (Cost.CHANGED, Cost.REWRITE)


class Step(t.Protocol):
    """One step of a plan. ``str()`` of it is one line for a person."""

    @property
    def cost(self) -> Cost:
        """The cost of the step."""

    def run(self, db: Database) -> int | None:
        """Carry out the step in the open transaction.

        :return: how many rows it has written, if its cost does not tell.
        :raises ChangeRefused: rows or dependent objects do not allow the change.
        :raises NotConfirmed: SQLite does not confirm that the change is safe.
        """


@value_class
class RenameColumns:
    """Rename columns by ``ALTER TABLE``; SQLite replaces the old names everywhere.

    :param renames: old and new names, in an order that works.
    """

    catalogue: Catalogue
    table: str
    renames: tuple[tuple[str, str], ...]
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        pairs = ", ".join(f"'{old}' to '{new}'" for old, new in self.renames)
        return f"rename {pairs} by ALTER TABLE"

    def run(self, db: Database) -> None:
        """Rename them one after the other."""
        rename.rename_columns(db, self.catalogue, self.table, self.renames)


@value_class
class RenameTable:
    """Rename a table by ``ALTER TABLE``; SQLite replaces the old name everywhere."""

    schema: str
    table: str
    new_name: str
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        return f"rename the table to '{self.new_name}' by ALTER TABLE"

    def run(self, db: Database) -> None:
        """Rename the table."""
        rename.rename_table(db, self.schema, self.table, self.new_name)


@value_class
class DropIndex:
    """Drop an index that was created by a statement of its own."""

    schema: str
    name: str
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        return f"drop index '{self.name}'"

    def run(self, db: Database) -> None:
        """Drop the index."""
        drop_indexes(db, self.schema, (self.name,))


@value_class
class AddColumn:
    """Add a column by ``ALTER TABLE``: older rows read its default.

    :param definition: the definition to add it with, if a later step fills it.
    """

    target: Target
    name: str
    definition: str | None = None
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        return f"add column '{self.name}' by ALTER TABLE"

    def run(self, db: Database) -> None:
        """Add the column."""
        in_place.add_column(db, self.target, self.name, self.definition)


@value_class
class CheckRows:
    """Look for rows that do not fit the new definition.

    :param rules: the rules that they may break.
    """

    target: Target
    rules: tuple[Rule, ...]
    cost: t.ClassVar[Cost] = Cost.SCAN

    def __str__(self) -> str:
        return f"look for rows that break {' or '.join(r.label for r in self.rules)}"

    def run(self, db: Database) -> None:
        """Read every row once."""
        check_rows(db, self.target, self.target.before.path, self.rules)


@value_class
class ConvertRows:
    """Store values under the new types and expressions, in place."""

    target: Target
    work: Conversions

    @property
    def cost(self) -> Cost:
        """The cost: rows that hold the right values already are not written."""
        return Cost.REWRITE if self.work.writes_all_rows else Cost.CHANGED

    def __str__(self) -> str:
        parts = []
        if self.work.columns:
            names = ", ".join(f"'{one.column}'" for one in self.work.columns)
            parts.append(f"convert the values of {names}")
        if self.work.fills:
            names = ", ".join(f"'{fill.column}'" for fill in self.work.fills)
            parts.append(f"fill column {names}")
        return " and ".join(parts) or "look for values that do not fit their types"

    def run(self, db: Database) -> int | None:
        """Write the rows; afterwards only the constraints are missing."""
        written = convert.convert_rows(db, self.target, self.work)
        return None if self.work.writes_all_rows else written


@value_class
class DropColumn:
    """Drop a column by ``ALTER TABLE``, with the constraints that mention it.

    :param before: the table and its surroundings, before the change.
    """

    target: Target
    name: str
    before: Snapshot
    cost: t.ClassVar[Cost] = Cost.REWRITE

    def __str__(self) -> str:
        return f"drop column '{self.name}' by ALTER TABLE"

    def run(self, db: Database) -> None:
        """Let SQLite rewrite the rows in place."""
        in_place.drop_column(db, self.target, self.name, self.before)


@value_class
class EditDefinition:
    """Replace the stored text with the new one, together with the indexes of its keys.

    :param after_conversion: whether a conversion has already edited the definition.
    """

    target: Target
    builds_index: bool
    after_conversion: bool = False

    @property
    def cost(self) -> Cost:
        """The cost: only the index of a new ``UNIQUE`` constraint has one."""
        return Cost.INDEX if self.builds_index else Cost.NOTHING

    def __str__(self) -> str:
        return "edit the stored definition"

    def run(self, db: Database) -> None:
        """Ask SQLite whether the stored rows stay valid, and write the text."""
        in_place.edit_definition(db, self.target, self.after_conversion)


@value_class
class SpellDefinition:
    """Write the text as the script has it, if ``ALTER TABLE`` spelled it otherwise."""

    target: Target
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        return "spell the stored definition as it was written"

    def run(self, db: Database) -> None:
        """Write the text, if it differs at all."""
        in_place.spell_definition(db, self.target)


@value_class
class CheckNumbering:
    """Look for NULL in a column that becomes the rowid: SQLite would replace it."""

    target: Target
    cost: t.ClassVar[Cost] = Cost.SCAN

    def __str__(self) -> str:
        return f"look for NULL in the new rowid '{self.target.text.rowid_alias}'"

    def run(self, db: Database) -> None:
        """Read every row once."""
        check_numbering(db, self.target)


@value_class
class CopyTable:
    """Copy the rows into a table with the new definition, which replaces the old one.

    :param scratch: the table that receives the rows.
    :param kept: the stored indexes that stay, since they lead to the same rows; all
        others are built after the copy.
    """

    target: Target
    scratch: Scratch
    kept: tuple[IndexText, ...]
    cost: t.ClassVar[Cost] = Cost.REWRITE

    def __str__(self) -> str:
        built = [*self.target.kept_indexes, *self.target.new_indexes]
        text = "copy the rows under the new definition"
        for verb, indexes in (("keep", self.kept), ("build", built)):
            names = [i.name for i in indexes if verb == "keep" or i not in self.kept]
            if names:
                text += f", {verb} index " + ", ".join(f"'{name}'" for name in names)
        return text

    def run(self, db: Database) -> None:
        """Copy the rows, and refuse those that do not fit."""
        copy_table(db, self.target, self.scratch, self.kept)


@value_class
class BuildIndexes:
    """Create indexes of the table from their text.

    :param statistics: what ANALYZE has stored about the table's earlier indexes.
    """

    table: StoredTable
    indexes: tuple[IndexText, ...]
    statistics: Statistics | None = None
    cost: t.ClassVar[Cost] = Cost.INDEX

    def __str__(self) -> str:
        return "build index " + ", ".join(f"'{index.name}'" for index in self.indexes)

    def run(self, db: Database) -> None:
        """Create them one after the other."""
        create_indexes(db, self.table, self.indexes)
        if self.statistics is not None:
            restore_statistics(db, self.statistics)


@value_class
class CheckComputed:
    """Look for computed values that a STRICT table cannot hold."""

    target: Target
    cost: t.ClassVar[Cost] = Cost.SCAN

    def __str__(self) -> str:
        names = ", ".join(f"'{name}'" for name, _ in unchecked(self.target))
        return f"look for computed values that do not fit the type of {names}"

    def run(self, db: Database) -> None:
        """Read every row once for each column."""
        check_computed(db, self.target)


@value_class
class CheckParents:
    """Look for rows without a parent under the new foreign keys.

    :param pending: collects the keys that have no parent key yet.
    """

    target: Target
    pending: PendingKeys | None
    cost: t.ClassVar[Cost] = Cost.SCAN

    def __str__(self) -> str:
        return "look for rows without a parent under the new foreign keys"

    def run(self, db: Database) -> None:
        """Read every row once for each key; a key without a parent key is postponed."""
        try:
            check_parents(db, self.target)
        except NoParentKey:
            if self.pending is None:
                raise
            self.pending.added(self.target)


@value_class
class DropTable:
    """Drop a table, without losing rows of other tables.

    :param pending: collects the foreign keys that refer to the table.
    """

    schema: str
    table: str
    pending: PendingKeys
    cost: t.ClassVar[Cost] = Cost.NOTHING

    def __str__(self) -> str:
        return "drop the table"

    def run(self, db: Database) -> None:
        """Drop the table."""
        drop.drop_table(db, self.schema, self.table, self.pending)


def loses_values(step: Step) -> bool:
    """Tell whether a step drops values that cannot be restored."""
    if isinstance(step, CopyTable):
        return bool(step.target.dropped_columns)
    return isinstance(step, (DropColumn, DropTable))


Steps = tuple[Step, ...]

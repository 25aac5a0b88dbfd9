"""Applies the changes of a block to the constraints of a definition.

It reads text and changes, and keeps the definition between two of them.
"""

from __future__ import annotations

from ..ddl import edits
from ..ddl.meaning import describe
from ..ddl.meaning import DROPPABLE
from ..ddl.meaning import former
from ..ddl.meaning import is_reflected_as
from ..ddl.meaning import is_repeated
from ..ddl.meaning import meaning
from ..ddl.meaning import same_label
from ..ddl.meaning import same_relation
from ..ddl.table import Affinity
from ..ddl.table import affinity
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.table import parse_table_constraint
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..errors import AlreadyThere
from ..errors import ChangeRefused
from ..errors import MissingColumn
from ..errors import MissingConstraint
from . import changes
from .find_constraint import find_constraints
from .find_constraint import is_replaced
from .find_constraint import Naming
from .gone import find_gone
from .gone import gone_constraint
from .gone import Past


class Draft:
    """The definition of a table between two changes of a block, with notes about them.

    :param text: the stored definition.
    :param naming: the names of constraints without a stored name.
    :param past: what the block has done before.
    """

    def __init__(self, text: TableText, naming: Naming, past: Past) -> None:
        self.text = text
        self.table = text.name
        self.naming = naming
        self.renames = past.renames
        self.gone = list(past.gone)
        self.notes: list[str] = []
        #: the columns that the block drops
        self.dropped_columns: tuple[str, ...] = ()
        #: the integer types that the changes give to the column that is the rowid
        self.rowid_types = {upper(name): type_ for name, type_ in past.rowid_types}

    def edit(self, sql: str) -> None:
        """Replace the definition by another text."""
        self.text = edits.next_table(sql)

    def refuse(self, reason: str, remedy: str = "") -> ChangeRefused:
        """Make the error for a change that this table does not allow."""
        return ChangeRefused(f"Table '{self.table}' {reason}", remedy, table=self.table)

    def drop_along(self, constraint: ConstraintText, column: str) -> None:
        """Drop a constraint together with a column."""
        if constraint.column is None or not same_name(constraint.column, column):
            for present in self.text.of_kind(constraint.kind):
                if present == constraint:
                    self.edit(edits.drop_constraint(self.text, present))
                    break
        self.gone.append(gone_constraint(self.table, constraint, column, self.renames))

    def stays_rowid(self, column: str, type_: str) -> bool:
        """Tell whether a column remains the rowid under a new type.

        Any other spelling than INTEGER would end the numbering of new rows:
        https://www.sqlite.org/rowidtable.html
        """
        self.rowid_types.pop(upper(column), None)
        alias = self.text.rowid_alias
        if alias is None or not same_name(alias, column):
            return False
        if affinity(type_) is Affinity.INTEGER:
            self.rowid_types[upper(column)] = type_
            return True
        if self.text.autoincrement:
            self.set_autoincrement(False)
        self.notes.append(
            f"'{self.table}.{column}' is no longer numbered by SQLite, since its type"
            f" is now {type_}"
        )
        return False

    def settle_rowid(self) -> None:
        """Give a column that is no longer the rowid the type that the changes name."""
        alias = upper(self.text.rowid_alias or "")
        for name, type_ in list(self.rowid_types.items()):
            if name != alias:
                del self.rowid_types[name]
                if self.text.has_column(name) and type_.upper() != "INTEGER":
                    column = self.text.column(name)
                    self.edit(edits.set_type(self.text, column.name, type_))

    def add_constraint(self, change: changes.AddConstraint) -> None:
        """Add a constraint, or replace the one of its name."""
        wanted = parse_table_constraint(change.definition)
        for column in wanted.columns:
            if not self.text.has_column(column):
                raise MissingColumn(
                    f"Table '{self.table}' has no column '{column}', which"
                    f" {describe(wanted)} is on (no such column: {column})",
                    table=self.table,
                    column=column,
                )
        new = meaning(wanted)
        for present in self.text.of_kind(wanted.kind):
            same, named = meaning(present) == new, same_label(present, wanted)
            if change.of_type and not same and present.names.isdisjoint(wanted.names):
                # Columns of one type have its name in common.
                continue
            of_type = change.of_type and present.names == wanted.names
            named |= of_type and is_replaced(self.table, present, wanted, self.naming)
            if change.if_only or (change.unless_present and (same or named)):
                return
            unlabelled = present.name is None or wanted.name is None
            if change.of_type and same and (named or unlabelled):
                if present.name is None and wanted.name is not None:
                    # Alembic's copy has the type's name, and scripts drop it by that.
                    name = wanted.name
                    self.edit(edits.rename_constraint(self.text, present, name))
                return
            if named or is_repeated(present, wanted):
                there = f"'{self.table}' already has {describe(present)}"
                self.notes.append(there + ("" if same else ", which is replaced"))
                if same:
                    return
                if not change.replaces:
                    self.check_replaced(present, wanted, of_type)
            if named or wanted.kind is ConstraintKind.PRIMARY_KEY:
                self.edit(edits.drop_constraint(self.text, present))
        self.edit(
            edits.add_constraint(self.text, change.definition, self.hiding(wanted))
        )

    def hiding(self, wanted: ConstraintText) -> ConstraintText | None:
        """Return the unnamed constraint that a named one has to precede.

        Of two on the same columns, SQLAlchemy reflects only the first in the text.
        """
        if wanted.name is None:
            return None
        return next(
            (
                present
                for present in self.text.of_kind(wanted.kind)
                if present.name is None
                and present.column is None
                and is_reflected_as(present, wanted)
            ),
            None,
        )

    def check_replaced(
        self, present: ConstraintText, wanted: ConstraintText, of_type: bool
    ) -> None:
        """Refuse a constraint that has only its name in common with another one."""
        is_key = wanted.kind is ConstraintKind.PRIMARY_KEY
        if not (of_type or is_key or same_relation(present, wanted)):
            raise AlreadyThere(
                f"Table '{self.table}' already has a {describe(present)}",
                "Drop it first, or choose another name.",
                table=self.table,
            )

    def drop_constraint(self, change: changes.DropConstraint) -> None:
        """Drop the constraint that fits, or forget one dropped with a column."""
        gone = find_gone(self.gone, change, self.table, self.naming)
        if change.name is None:
            del gone[1:]
        try:
            present = find_constraints(
                self.text, change, self.naming, self.dropped_columns, self.renames
            )
        except MissingConstraint:
            if not gone:
                raise
            present = []
        # It was dropped with its column, and the script drops it by its name as well.
        if gone and (change.name is None or not present):
            self.gone = [one for one in self.gone if one not in gone]
            return
        if len(present) > 1:
            self.notes.append(
                f"'{self.table}' had {describe(present[0])} {len(present)} times: all"
                " are dropped"
            )
        for constraint in present:
            self.edit(edits.drop_constraint(self.text, self.moved(constraint)))

    def moved(self, constraint: ConstraintText) -> ConstraintText:
        """Return a constraint at its present place, which earlier edits may change."""
        return next(c for c in self.text.of_kind(constraint.kind) if c == constraint)

    def name_constraints(self, naming: Naming) -> None:
        """Store the names that a convention gives to constraints without a name."""
        taken = [c.name for c in self.text.of_kind(*DROPPABLE) if c.name]
        for constraint in self.text.of_kind(*DROPPABLE):
            if constraint.name is not None:
                continue
            names = naming.names(self.table, former(constraint, self.renames)[0])
            name = next(iter(names), None)
            if name is None or any(same_name(name, other) for other in taken):
                continue
            taken.append(name)
            present = self.moved(constraint)
            self.edit(edits.rename_constraint(self.text, present, name))

    def set_autoincrement(self, wanted: bool) -> None:
        """Write the primary key with or without AUTOINCREMENT."""
        alias = self.text.rowid_alias
        if alias is None:
            self.notes.append(
                f"'{self.table}' has no INTEGER PRIMARY KEY, which AUTOINCREMENT needs"
            )
            return
        for key in self.text.of_kind(ConstraintKind.PRIMARY_KEY):
            self.edit(edits.drop_constraint(self.text, key))
            name = f"CONSTRAINT {quote(key.name)} " if key.name else ""
            order = f" {key.order}" if key.order else ""
            member = key.terms[0].text if key.terms else f"{quote(alias)}{order}"
            word = " AUTOINCREMENT" if wanted else ""
            conflict = f" ON CONFLICT {key.conflict}" if key.conflict else ""
            text = f"{name}PRIMARY KEY ({member}{word}){conflict}"
            self.edit(edits.add_constraint(self.text, text))

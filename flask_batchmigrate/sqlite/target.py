"""Works out what a table is to look like after a block of changes.

Pure: it reads the stored text and the changes and returns values. Names in the changes
are those after the block's renames (see :mod:`~flask_batchmigrate.sqlite.names`).
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools

from . import changes
from . import edits
from .catalogue import StoredTable
from .constraint_search import describe
from .constraint_search import DROPPABLE
from .constraint_search import find_constraint
from .constraint_search import Naming
from .constraint_search import same_label
from .constraint_search import same_meaning
from .constraint_search import same_relation
from .errors import ChangeRefused
from .objects import IndexText
from .objects import parse_index
from .ordering import ordered
from .table import Affinity
from .table import affinity
from .table import ConstraintKind
from .table import ConstraintText
from .table import parse_column
from .table import parse_table
from .table import parse_table_constraint
from .table import TableText
from .tokens import quote
from .tokens import same_name
from .tokens import upper


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where the values of a column come from.

    :param origin: the stored column, ``None`` for a new one.
    :param using: an expression over stored columns that makes the value instead.
    :param keep_misfits: leave values that the column's type cannot hold as they are.
    :param allowed: all values that it may have, where its type is an enumeration.
    """

    origin: str | None
    using: str | None = None
    keep_misfits: bool = False
    allowed: tuple[str, ...] | None = None


# Without slots: what is worked out of it once is kept.
@dataclasses.dataclass(frozen=True)
class Target:
    """A table as it is, and as it is to be.

    :param before: the stored table.
    :param text: its new definition.
    :param sources: where each column of ``text`` gets its values, in its order.
    :param kept_indexes: stored indexes that stay.
    :param new_indexes: indexes to create.
    :param dropped_indexes: names of stored indexes that go.
    :param notes: what goes along without having been named, in sentences.
    :param copy_wanted: whether the rows are to be written anew in any case.
    """

    before: StoredTable
    text: TableText
    sources: tuple[Source, ...]
    kept_indexes: tuple[IndexText, ...]
    new_indexes: tuple[IndexText, ...]
    dropped_indexes: tuple[str, ...]
    notes: tuple[str, ...]
    copy_wanted: bool

    def source(self, name: str) -> Source:
        """Return where a column of the new definition gets its values."""
        return self._sources[upper(name)]

    @functools.cached_property
    def _sources(self) -> dict[str, Source]:
        names = [upper(column.name) for column in self.text.columns]
        return dict(zip(names, self.sources, strict=True))

    @functools.cached_property
    def dropped_columns(self) -> tuple[str, ...]:
        """The stored columns that are gone."""
        kept = {upper(s.origin) for s in self.sources if s.origin is not None}
        return tuple(
            c.name for c in self.before.text.columns if upper(c.name) not in kept
        )

    @functools.cached_property
    def added_columns(self) -> tuple[str, ...]:
        """The columns that no stored column gives its values to."""
        return tuple(
            c.name
            for c, s in zip(self.text.columns, self.sources, strict=True)
            if s.origin is None
        )


def build_target(
    stored: StoredTable,
    block: cabc.Iterable[changes.Change],
    naming: Naming,
    copy_wanted: bool = False,
) -> Target:
    """Apply the changes of a block, one after the other, to a stored table.

    :param naming: what names constraints without a stored name.
    :param copy_wanted: write the rows anew even if nothing asks for it.
    :raises ChangeRefused: a change cannot be applied to this table.
    """
    block = tuple(block)
    builder = _Builder(stored, naming)
    builder.going = tuple(c.name for c in block if isinstance(c, changes.DropColumn))
    for change in block:
        builder.apply(change)
    return builder.finish(copy_wanted)


class _Builder:
    """The table between two changes of a block."""

    def __init__(self, stored: StoredTable, naming: Naming) -> None:
        self.stored = stored
        self.naming = naming
        self.text = stored.text
        self.sources = {c.name: Source(c.name) for c in stored.text.columns}
        self.indexes = list(stored.indexes)
        self.new_indexes: list[IndexText] = []
        self.notes: list[str] = []
        self.going: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return self.stored.name

    def apply(self, change: changes.Change) -> None:
        handler = _HANDLERS.get(type(change))
        if handler is None:
            raise TypeError(f"{type(change).__name__} is not a change of a definition")
        handler(self, change)

    def edit(self, sql: str) -> None:
        self.text = edits.next_table(sql)

    def refuse(self, reason: str) -> ChangeRefused:
        return ChangeRefused(f"Table '{self.table}': {reason} Nothing was changed.")

    def add_column(self, change: changes.AddColumn) -> None:
        if self.text.has_column(change.name):
            raise self.refuse(f"it already has a column '{change.name}'.")
        self.edit(
            edits.add_column(
                self.text,
                change.definition,
                before=change.before,
                # A place between two columns is known by the first alone.
                after=None if change.before else change.after,
            )
        )
        self.sources[change.name] = Source(None, using=change.fill)

    def drop_column(self, change: changes.DropColumn) -> None:
        column = self.text.column(change.name)
        if len(self.text.columns) == 1:
            raise self.refuse(
                f"column '{column.name}' is its only one; drop the table instead."
            )
        for constraint in self.text.of_kind(*DROPPABLE):
            if constraint.mentions(column.name):
                self.drop_along(constraint, column.name)
        for index in [*self.indexes, *self.new_indexes]:
            if index.mentions(column.name):
                self.forget_index(index)
                self.notes.append(
                    f"index '{index.name}' on '{self.table}' went with column"
                    f" '{column.name}'"
                )
        self.edit(edits.drop_column(self.text, column.name))
        del self.sources[self.key(column.name)]

    def drop_along(self, constraint: ConstraintText, column: str) -> None:
        """Drop a constraint because of its column, and say so."""
        if constraint.column is None or not same_name(constraint.column, column):
            for present in self.text.of_kind(constraint.kind):
                if present == constraint:
                    self.edit(edits.drop_constraint(self.text, present))
                    break
        own = constraint.column is not None and same_name(constraint.column, column)
        if not own or constraint.name is not None:
            self.notes.append(
                f"{describe(constraint)} of '{self.table}' went with column '{column}'"
            )

    def set_type(self, change: changes.SetType) -> None:
        column = self.text.column(change.name)
        wanted = parse_column(f"x {change.type}")
        alias = self.text.rowid_alias
        if alias is not None and same_name(alias, column.name):
            if affinity(wanted.type) is Affinity.INTEGER:
                # Any other spelling than INTEGER would end the numbering of new
                # rows: https://www.sqlite.org/rowidtable.html
                if wanted.type.upper() != "INTEGER":
                    self.notes.append(
                        f"'{self.table}.{column.name}' stays INTEGER: it is the rowid,"
                        f" which holds 64 bits, as {wanted.type} would"
                    )
                return
            if self.text.autoincrement:
                self.set_autoincrement(False)
            self.notes.append(
                f"'{self.table}.{column.name}' is no longer numbered by SQLite, since"
                f" its type is now {wanted.type}"
            )
        self.edit(edits.set_type(self.text, column.name, wanted.type))
        if wanted.collation is not None:
            self.edit(edits.set_collation(self.text, column.name, wanted.collation))
        key = self.key(column.name)
        self.sources[key] = dataclasses.replace(
            self.sources[key],
            using=change.using,
            keep_misfits=change.keep_misfits,
            allowed=change.allowed,
        )

    def set_not_null(self, change: changes.SetNotNull) -> None:
        if self.text.column(change.name).not_null is not change.not_null:
            self.edit(edits.set_not_null(self.text, change.name, change.not_null))

    def set_default(self, change: changes.SetDefault) -> None:
        if self.text.column(change.name).default != change.value:
            self.edit(edits.set_default(self.text, change.name, change.value))

    def replace_column(self, change: changes.ReplaceColumn) -> None:
        column = self.text.column(change.name)
        name = parse_column(change.definition).name
        self.edit(edits.replace_column(self.text, column.name, change.definition))
        self.sources[name] = self.sources.pop(self.key(column.name))

    def add_constraint(self, change: changes.AddConstraint) -> None:
        wanted = parse_table_constraint(change.definition)
        for column in wanted.columns:
            if not self.text.has_column(column):
                raise self.refuse(
                    f"{describe(wanted)} is on column '{column}', which it has not."
                )
        for present in self.text.of_kind(wanted.kind):
            same, named = same_meaning(present, wanted), same_label(present, wanted)
            if change.if_only or (change.unless_present and (same or named)):
                return
            if named:
                there = f"'{self.table}' already has {describe(present)}"
                self.notes.append(there + ("" if same else ", which is replaced"))
                if same:
                    return
                of_type = change.of_type and present.names == wanted.names
                if not (of_type or same_relation(present, wanted)):
                    raise self.refuse(f"it already has a {describe(present)}.")
            if named or wanted.kind is ConstraintKind.PRIMARY_KEY:
                self.edit(edits.drop_constraint(self.text, present))
        self.edit(edits.add_constraint(self.text, change.definition))

    def drop_constraint(self, change: changes.DropConstraint) -> None:
        found = find_constraint(self.text, change, self.naming, self.going)
        if found is not None:
            self.edit(edits.drop_constraint(self.text, found))

    def reorder(self, change: changes.Reorder) -> None:
        names = [c.name for c in self.text.columns]
        self.edit(edits.reorder(self.text, ordered(names, change.orders)))

    def set_options(self, change: changes.SetOptions) -> None:
        if change.strict not in (None, self.text.strict):
            sql = edits.set_any(self.text, bool(change.strict))
            if sql != self.text.sql:
                what = "of no type are ANY" if change.strict else "of ANY have no type"
                self.notes.append(f"columns {what} in '{self.table}' now")
                self.edit(sql)
        if change.strict is not None or change.without_rowid is not None:
            self.edit(
                edits.set_options(
                    self.text,
                    strict=change.strict,
                    without_rowid=change.without_rowid,
                )
            )
        if change.autoincrement not in (None, self.text.autoincrement):
            self.set_autoincrement(bool(change.autoincrement))

    def set_autoincrement(self, wanted: bool) -> None:
        alias = self.text.rowid_alias
        if alias is None:
            self.notes.append(
                f"'{self.table}' has no INTEGER PRIMARY KEY, which AUTOINCREMENT is for"
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

    def replace_definition(self, change: changes.ReplaceDefinition) -> None:
        self.edit(edits.set_name(parse_table(change.sql), self.table))
        stored = {c.name for c in self.stored.text.columns}
        self.sources = {
            c.name: Source(
                next((name for name in stored if same_name(name, c.name)), None)
            )
            for c in self.text.columns
        }

    def create_index(self, change: changes.CreateIndex) -> None:
        present = any(
            same_name(i.name, change.name) for i in [*self.indexes, *self.new_indexes]
        )
        if not (present and change.if_not_exists):
            self.new_indexes.append(parse_index(change.sql))

    def drop_index(self, change: changes.DropIndex) -> None:
        for index in [*self.indexes, *self.new_indexes]:
            if same_name(index.name, change.name):
                self.forget_index(index)
                return
        if not change.if_exists:
            raise self.refuse(f"it has no index '{change.name}'.")

    def forget_index(self, index: IndexText) -> None:
        for indexes in (self.indexes, self.new_indexes):
            if index in indexes:
                indexes.remove(index)

    def key(self, name: str) -> str:
        """Return the name under which a column's source is kept."""
        found = (key for key in self.sources if same_name(key, name))
        return name if name in self.sources else next(found)

    def finish(self, copy_wanted: bool) -> Target:
        self.text = parse_table(str(self.text.sql))
        self.check_generated()
        if self.text.without_rowid and not self.text.primary_key:
            raise self.refuse("without a rowid it needs a primary key.")
        kept = {index.name for index in self.indexes}
        return Target(
            before=self.stored,
            text=self.text,
            sources=tuple(self.sources[self.key(c.name)] for c in self.text.columns),
            kept_indexes=tuple(self.indexes),
            new_indexes=tuple(self.new_indexes),
            dropped_indexes=tuple(
                index.name for index in self.stored.indexes if index.name not in kept
            ),
            notes=tuple(self.notes),
            copy_wanted=copy_wanted,
        )

    def check_generated(self) -> None:
        """Refuse to drop what a generated column is computed from."""
        going = {upper(n): n for n in self.going if not self.text.has_column(n)}
        for column in self.text.columns:
            for name in (
                column.generated.names & going.keys() if column.generated else ()
            ):
                raise self.refuse(
                    f"column '{going[name]}' cannot be dropped: generated column"
                    f" '{column.name}' is computed from it. Drop that one first."
                )


_HANDLERS: dict[type[changes.Change], cabc.Callable[..., None]] = {
    changes.AddColumn: _Builder.add_column,
    changes.DropColumn: _Builder.drop_column,
    changes.SetType: _Builder.set_type,
    changes.SetNotNull: _Builder.set_not_null,
    changes.SetDefault: _Builder.set_default,
    changes.ReplaceColumn: _Builder.replace_column,
    changes.AddConstraint: _Builder.add_constraint,
    changes.DropConstraint: _Builder.drop_constraint,
    changes.Reorder: _Builder.reorder,
    changes.SetOptions: _Builder.set_options,
    changes.ReplaceDefinition: _Builder.replace_definition,
    changes.CreateIndex: _Builder.create_index,
    changes.DropIndex: _Builder.drop_index,
}

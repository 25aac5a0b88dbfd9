"""Works out what a table looks like after a block of changes.

It reads the stored text and the changes, returns values, and changes nothing. The
changes have the names after the block's renames: see
:mod:`~flask_batchmigrate.sqlite.target.renames`.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from ..ddl import edits
from ..ddl.meaning import DROPPABLE
from ..ddl.objects import IndexText
from ..ddl.objects import parse_index
from ..ddl.replacing import redefine_column
from ..ddl.table import parse_column
from ..ddl.table import parse_table
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..errors import MissingIndex
from ..schema.catalogue import StoredTable
from . import changes
from .draft import Draft
from .find_constraint import Naming
from .gone import gone_index
from .gone import Past
from .ordering import ordered
from .target import Source
from .target import Target


def build_target(
    stored: StoredTable,
    block: cabc.Iterable[changes.Change],
    naming: Naming,
    copy_wanted: bool = False,
    past: Past | None = None,
    named_by: Naming | None = None,
) -> Target:
    """Apply the changes of a block, one after the other, to a stored table.

    :param naming: the names of constraints without a stored name.
    :param copy_wanted: whether the rows are written anew in any case.
    :param past: what the block has done before.
    :param named_by: the names to store for constraints without a name.
    :raises ChangeRefused: a change cannot be applied to this table.
    """
    block = tuple(block)
    builder = _Builder(stored, naming, past or Past())
    if named_by is not None:
        builder.name_constraints(named_by)
    builder.dropped_columns = tuple(
        c.name for c in block if isinstance(c, changes.DropColumn)
    )
    for change in block:
        builder.apply(change)
    return builder.finish(copy_wanted)


class _Builder(Draft):
    """The table between two changes of a block."""

    def __init__(self, stored: StoredTable, naming: Naming, past: Past) -> None:
        super().__init__(stored.text, naming, past)
        self.stored = stored
        self.sources = {c.name: Source(c.name) for c in stored.text.columns}
        self.indexes = list(stored.indexes)
        self.new_indexes: list[IndexText] = []

    def apply(self, change: changes.Change) -> None:
        handler = _HANDLERS.get(type(change))
        if handler is None:
            raise TypeError(f"{type(change).__name__} is not a change of a definition")
        handler(self, change)

    def add_column(self, change: changes.AddColumn) -> None:
        if self.text.has_column(change.name):
            raise self.refuse(f"already has a column '{change.name}'")
        self.edit(
            edits.add_column(
                self.text,
                change.definition,
                before=change.before,
                # One of the two is enough for a place between two columns.
                after=None if change.before else change.after,
            )
        )
        self.sources[change.name] = Source(None, using=change.fill)

    def drop_column(self, change: changes.DropColumn) -> None:
        column = self.text.column(change.name)
        if len(self.text.columns) == 1:
            raise self.refuse(
                f"would lose its only column, '{column.name}'",
                "Drop the table instead.",
            )
        for constraint in self.text.of_kind(*DROPPABLE):
            if constraint.mentions(column.name):
                self.drop_along(constraint, column.name)
        for index in [*self.indexes, *self.new_indexes]:
            if index.mentions(column.name):
                self.forget_index(index)
                self.gone.append(
                    gone_index(self.table, index, column.name, self.renames)
                )
        self.edit(edits.drop_column(self.text, column.name))
        self.rowid_types.pop(upper(column.name), None)
        del self.sources[self.key(column.name)]

    def set_type(self, change: changes.SetType) -> None:
        column = self.text.column(change.name)
        wanted = parse_column(f"x {change.type}")
        if not self.stays_rowid(column.name, wanted.type):
            self.edit(edits.set_type(self.text, column.name, wanted.type))
            if wanted.collation is not None:
                self.edit(edits.set_collation(self.text, column.name, wanted.collation))
        key = self.key(column.name)
        source = self.sources[key]
        self.sources[key] = dataclasses.replace(
            source,
            # A type by itself takes back no expression of the same block.
            using=source.using if change.using is None else change.using,
            keep_misfits=change.keep_misfits,
            allowed=change.allowed,
            allowed_before=change.allowed_before,
        )

    def set_not_null(self, change: changes.SetNotNull) -> None:
        if self.text.column(change.name).not_null is not change.not_null:
            self.edit(edits.set_not_null(self.text, change.name, change.not_null))

    def set_default(self, change: changes.SetDefault) -> None:
        if self.text.column(change.name).default != change.value:
            self.edit(edits.set_default(self.text, change.name, change.value))

    def replace_column(self, change: changes.ReplaceColumn) -> None:
        column = self.text.column(change.name)
        wanted = parse_column(change.definition)
        type_ = "INTEGER" if self.stays_rowid(column.name, wanted.type) else None
        self.edit(redefine_column(self.text, column.name, change.definition, type_))
        self.sources[wanted.name] = self.sources.pop(self.key(column.name))

    def reorder(self, change: changes.Reorder) -> None:
        names = [c.name for c in self.text.columns]
        self.edit(edits.reorder(self.text, ordered(names, change.orders)))

    def set_options(self, change: changes.SetOptions) -> None:
        if change.strict not in (None, self.text.strict):
            sql = edits.set_any(self.text, bool(change.strict))
            if sql != self.text.sql:
                what = (
                    "columns without a type are"
                    if change.strict
                    else "ANY columns have no"
                )
                kind = "ANY" if change.strict else "type"
                self.notes.append(f"{what} {kind} in '{self.table}' now")
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
        others = [
            lost
            for lost in self.gone
            if not (lost.index and same_name(lost.index.name, change.name))
        ]
        went_along = len(others) < len(self.gone)
        self.gone = others
        if not went_along and not change.if_exists:
            raise MissingIndex(
                f"Table '{self.table}' has no index '{change.name}' (no such index:"
                f" {change.name})",
                table=self.table,
            )

    def forget_index(self, index: IndexText) -> None:
        for indexes in (self.indexes, self.new_indexes):
            if index in indexes:
                indexes.remove(index)

    def key(self, name: str) -> str:
        """Return the name of a column as the key of its source."""
        keys = (key for key in self.sources if same_name(key, name))
        return name if name in self.sources else next(keys)

    def finish(self, copy_wanted: bool) -> Target:
        self.settle_rowid()
        self.text = parse_table(str(self.text.sql))
        self.check_generated()
        if self.text.without_rowid and not self.text.primary_key:
            raise self.refuse("needs a primary key to be WITHOUT ROWID")
        names = {index.name for index in self.indexes}
        return Target(
            before=self.stored,
            text=self.text,
            sources=tuple(self.sources[self.key(c.name)] for c in self.text.columns),
            kept_indexes=tuple(self.indexes),
            new_indexes=tuple(self.new_indexes),
            dropped_indexes=tuple(
                index.name for index in self.stored.indexes if index.name not in names
            ),
            notes=tuple(self.notes),
            gone=tuple(self.gone),
            rowid_types=tuple(
                (self.text.column(name).name, type_)
                for name, type_ in self.rowid_types.items()
            ),
            copy_wanted=copy_wanted,
        )

    def check_generated(self) -> None:
        """Refuse to drop a column from which a generated column is computed."""
        names = (n for n in self.dropped_columns if not self.text.has_column(n))
        lost = {upper(name): name for name in names}
        for column in self.text.columns:
            for name in (
                column.generated.names & lost.keys() if column.generated else ()
            ):
                raise self.refuse(
                    f"cannot lose column '{lost[name]}': generated column"
                    f" '{column.name}' is computed from it",
                    "Drop that one first.",
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

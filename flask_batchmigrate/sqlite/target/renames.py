"""Resolves the names of columns while a block renames columns.

Inside a block, Alembic still calls a renamed column by its old name. Other databases,
which run the operations one by one, know it only by the new name. Both are understood.
All renames are made first, so that the other changes use the final names.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ...value_classes import value_class
from ..ddl.objects import parse_index
from ..ddl.table import parse_column
from ..ddl.table import parse_table_constraint
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..ddl.tokens import tokenize
from ..ddl.tokens import unquote
from ..ddl.tokens import upper
from ..errors import AlreadyThere
from ..errors import MissingColumn
from . import changes


class _Entry:
    """A column during a block.

    :param origin: its stored name, ``None`` for a column that the block adds.
    :param name: its present name.
    """

    def __init__(self, origin: str | None, name: str) -> None:
        self.origin = origin
        self.name = name
        self.dropped = False


class ColumnNames:
    """Follows the columns of one table through the changes of a block.

    :param table: the table's name, for messages.
    :param columns: the stored columns, in their order.
    """

    def __init__(self, table: str, columns: cabc.Iterable[str]) -> None:
        self._table = table
        self._entries = [_Entry(name, name) for name in columns]
        self._by_origin = {upper(e.name): e for e in self._entries}
        #: the columns by each name that they have had in the block
        self._by_name = {key: [e] for key, e in self._by_origin.items()}

    def entry(self, name: str) -> _Entry | None:
        """Find the column that a change means by a name."""
        key = upper(name)
        named = [
            e
            for e in self._by_name.get(key, ())
            if not e.dropped and same_name(e.name, name)
        ]
        # Two columns may have the name while the block exchanges names. Then the one
        # that had it before the block is meant.
        for entry in named:
            if entry.origin is not None and same_name(entry.origin, name):
                return entry
        if named:
            return named[0]
        stored = self._by_origin.get(key)
        return None if stored is None or stored.dropped else stored

    def existing(self, name: str) -> _Entry:
        """Find the column that a change means.

        :raises MissingColumn: there is no such column.
        """
        entry = self.entry(name)
        if entry is None:
            raise no_such_column(
                self._table, name, [e.name for e in self._entries if not e.dropped]
            )
        return entry

    def known(self, name: str) -> _Entry:
        """Find the column that a change means, also one that the block has dropped.

        :raises MissingColumn: there never was such a column.
        """
        dropped = [e for e in self._entries if e.dropped and e.origin]
        if self.entry(name) is None:
            for entry in dropped:
                if same_name(entry.name, name) or same_name(entry.origin or "", name):
                    return entry
        return self.existing(name)

    def optional(self, name: str | None) -> _Entry | None:
        """Find the column that a change may mean."""
        return None if name is None else self.existing(name)

    def add(self, name: str) -> _Entry:
        """Note a column that a change adds."""
        self._entries.append(_Entry(None, name))
        self._by_name.setdefault(upper(name), []).append(self._entries[-1])
        return self._entries[-1]

    def drop(self, name: str) -> _Entry:
        """Note a column that a change drops."""
        entry = self.existing(name)
        entry.dropped = True
        return entry

    def rename(self, name: str, new_name: str) -> None:
        """Note a column that a change renames."""
        entry = self.existing(name)
        entry.name = new_name
        self._by_name.setdefault(upper(new_name), []).append(entry)

    def renames(self) -> tuple[tuple[str, str], ...]:
        """Return the renames to make first, as pairs in an order that works.

        A column that is dropped while another takes its name gets a spare name before,
        and so does one of two columns that exchange their names.

        :raises AlreadyThere: two columns would end up with one name.
        """
        self._check_unique()
        stored = [(e.origin, e.name) for e in self._entries if e.origin is not None]
        pending = {origin: name for origin, name in stored if origin != name}
        taken = {upper(origin): origin for origin, _ in stored}
        ordered: list[tuple[str, str]] = []
        while pending:
            origin = next(
                (o for o, n in pending.items() if not _other_has(taken, n, o)), None
            )
            if origin is None:
                # Only exchanges are left, so one column gets a spare name first.
                origin, final = next(iter(pending.items()))
                spare = self._spare(taken.values())
                ordered.append((origin, spare))
                del taken[upper(origin)]
                taken[upper(spare)] = spare
                del pending[origin]
                pending[spare] = final
                continue
            final = pending.pop(origin)
            ordered.append((origin, final))
            del taken[upper(origin)]
            taken[upper(final)] = final
        return tuple(ordered)

    def spare_dropped_names(self) -> None:
        """Give a spare name to dropped columns whose name another column takes."""
        taken = {upper(e.name) for e in self._entries if not e.dropped and e.origin}
        for entry in self._entries:
            if entry.origin is None or not entry.dropped:
                continue
            if upper(entry.name) in taken:
                entry.name = self._spare({e.name for e in self._entries})
            taken.add(upper(entry.name))

    def _check_unique(self) -> None:
        seen: set[str] = set()
        for entry in self._entries:
            if entry.dropped:
                continue
            if upper(entry.name) in seen:
                raise AlreadyThere(
                    f"Table '{self._table}' would have two columns '{entry.name}'"
                    f" (duplicate column name: {entry.name})",
                    table=self._table,
                    column=entry.name,
                )
            seen.add(upper(entry.name))

    @staticmethod
    def _spare(taken: cabc.Collection[str]) -> str:
        number = 1
        while any(same_name(f"_batchmigrate_{number}", name) for name in taken):
            number += 1
        return f"_batchmigrate_{number}"


def no_such_column(table: str, name: str, columns: cabc.Iterable[str]) -> MissingColumn:
    """Make the error for a column that the table does not have."""
    known = ", ".join(f"'{c}'" for c in columns)
    return MissingColumn(
        f"Table '{table}' has no column '{name}' (no such column: {name}); it has"
        f" {known}",
        table=table,
        column=name,
    )


@value_class
class Block:
    """The changes of a block, sorted into renames and the rest.

    :param renames: old and new names of columns, in an order in which they can be
        made before everything else.
    :param changes: the other changes, with the names after the renames.
    """

    renames: tuple[tuple[str, str], ...]
    changes: tuple[changes.Change, ...]


def resolve(
    table: str, columns: cabc.Iterable[str], block: cabc.Iterable[changes.Change]
) -> Block:
    """Work out which columns a block means, and which renames come first.

    :param table: the table's name, for messages.
    :param columns: its stored columns.
    :raises MissingColumn: a change names a column that does not exist.
    :raises AlreadyThere: two columns would end up with one name.
    """
    names = ColumnNames(table, columns)
    # Each change finds its columns in its turn; their final names are known only after
    # the last change.
    later: list[cabc.Callable[[], changes.Change]] = []
    for change in block:
        later.extend(_resolve(names, change))
    names.spare_dropped_names()
    renames = names.renames()
    return Block(renames, tuple(make() for make in later))


Maker = cabc.Callable[[], changes.Change]
"""Makes a change once all names are final."""


def _resolve(names: ColumnNames, change: changes.Change) -> list[Maker]:
    """Note how a change affects names; return what makes it with final names."""
    return _RESOLVERS[type(change)](names, change)


def _resolve_nothing(_: ColumnNames, change: changes.Change) -> list[Maker]:
    """Keep a change that names no column."""
    return [lambda: change]


def _resolve_rename(names: ColumnNames, change: changes.RenameColumn) -> list[Maker]:
    names.rename(change.name, change.new_name)
    return []


def _resolve_added(names: ColumnNames, change: changes.AddColumn) -> list[Maker]:
    if change.if_not_exists and names.entry(change.name):
        return []
    before = names.optional(change.before)
    after = names.optional(change.after)
    entry = names.add(change.name)

    def make() -> changes.Change:
        placed = dataclasses.replace(
            change,
            before=None if before is None else before.name,
            after=None if after is None else after.name,
        )
        return _renamed(placed, entry.name)

    return [make]


def _resolve_dropped(names: ColumnNames, change: changes.DropColumn) -> list[Maker]:
    if change.if_exists and names.entry(change.name) is None:
        return []
    entry = names.drop(change.name)
    return [lambda: dataclasses.replace(change, name=entry.name)]


def _resolve_replaced(names: ColumnNames, change: changes.ReplaceColumn) -> list[Maker]:
    entry = names.existing(change.name)
    return [lambda: _renamed(change, entry.name)]


def _resolve_column(names: ColumnNames, change: _OfColumn) -> list[Maker]:
    entry = names.existing(change.name)
    return [lambda: dataclasses.replace(change, name=entry.name)]


def _resolve_order(names: ColumnNames, change: changes.Reorder) -> list[Maker]:
    # As in Alembic, an order may name columns that the table does not have.
    found = [[names.entry(name) for name in order] for order in change.orders]
    orders = [[entry for entry in order if entry is not None] for order in found]
    return [lambda: changes.Reorder(tuple(tuple(e.name for e in o) for o in orders))]


def _resolve_constraint_drop(
    names: ColumnNames, change: changes.DropConstraint
) -> list[Maker]:
    covered = [names.known(name) for name in change.columns or ()]
    text = change.definition or ""
    used = {name: names.entry(name) for name in _columns_of_type(text)}

    def make() -> changes.Change:
        return dataclasses.replace(
            change,
            columns=change.columns and tuple(entry.name for entry in covered),
            definition=change.definition and _respelled(text, used),
        )

    return [make]


def _resolve_constraint(
    names: ColumnNames, change: changes.AddConstraint
) -> list[Maker]:
    columns = list(parse_table_constraint(change.definition).columns)
    if change.of_type:
        columns += _columns_of_type(change.definition)
    used = {name: names.entry(name) for name in columns}
    return [
        lambda: dataclasses.replace(
            change, definition=_respelled(change.definition, used)
        )
    ]


def _columns_of_type(definition: str) -> list[str]:
    """Return the column whose type makes a CHECK: the first name in it."""
    if not definition:
        return []
    tokens = tokenize(parse_table_constraint(definition).expression or "")
    return [unquote(token.text) for token in tokens if token.is_name][:1]


def _resolve_index(names: ColumnNames, change: changes.CreateIndex) -> list[Maker]:
    terms = parse_index(change.sql).terms
    used = {t.column: names.entry(t.column) for t in terms if t.column is not None}
    return [lambda: dataclasses.replace(change, sql=_respelled(change.sql, used))]


_OfColumn = t.TypeVar(
    "_OfColumn", changes.SetType, changes.SetNotNull, changes.SetDefault
)
_RESOLVERS: dict[type[changes.Change], cabc.Callable[..., list[Maker]]] = {
    changes.RenameColumn: _resolve_rename,
    changes.AddColumn: _resolve_added,
    changes.DropColumn: _resolve_dropped,
    changes.ReplaceColumn: _resolve_replaced,
    changes.SetType: _resolve_column,
    changes.SetNotNull: _resolve_column,
    changes.SetDefault: _resolve_column,
    changes.Reorder: _resolve_order,
    changes.DropConstraint: _resolve_constraint_drop,
    changes.AddConstraint: _resolve_constraint,
    changes.CreateIndex: _resolve_index,
    changes.DropIndex: _resolve_nothing,
    changes.RenameTable: _resolve_nothing,
    changes.ReplaceDefinition: _resolve_nothing,
    changes.SetOptions: _resolve_nothing,
}


_Defining = t.TypeVar("_Defining", changes.AddColumn, changes.ReplaceColumn)


def _renamed(change: _Defining, name: str) -> _Defining:
    """Write the final name of a column into the change that defines it."""
    if name == change.name:
        return change
    span = parse_column(change.definition).name_span
    definition = quote(name) + change.definition[span.end :]
    return dataclasses.replace(change, name=name, definition=definition)


def _respelled(definition: str, used: cabc.Mapping[str, _Entry | None]) -> str:
    """Write a constraint or an index with the names its columns have after the block.

    :param used: its columns by the names that it has for them.
    """
    pieces = []
    depth = 0
    in_columns = True
    for token in tokenize(definition):
        text = token.text
        depth += token.is_symbol("(")
        if depth == 1 and in_columns and token.is_name:
            entry = used.get(unquote(text))
            if entry is not None and not same_name(entry.name, unquote(text)):
                text = quote(entry.name)
        if token.is_symbol(")"):
            depth -= 1
            # Only the first parentheses hold columns of this table.
            in_columns = False
        pieces.append(text)
    return "".join(pieces)


def _other_has(taken: cabc.Mapping[str, str], name: str, own: str) -> bool:
    return taken.get(upper(name), own) != own

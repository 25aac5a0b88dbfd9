"""Splits a table into pieces, so that an edit reads and writes only what it changes.

So the cost of editing one column does not depend on the size of the others, whose
pieces are joined as they are.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import typing as t

from ...value_classes import value_class
from .layout import Item
from .layout import Layout
from .layout import take_apart
from .pieces import join
from .pieces import needed_between
from .table import ColumnText
from .table import ConstraintKind
from .table import ConstraintText
from .table import parse_column
from .table import parse_table
from .table import parse_table_constraint
from .table import TableText
from .tokens import upper

Part = ColumnText | ConstraintText


class EditedText(str):
    """The statement that an edit has made, with its pieces."""

    __slots__ = ("table",)

    table: TableText


@value_class
class Sheet:
    """The pieces of a table.

    :param table: the table, for its name and its options.
    :param layout: its items.
    :param parts: the column or constraint of each item; their spans are not exact.
    :param chunks: the text of each item.
    :param joints: the white space that is needed before each item and before the tail
        to keep their tokens apart.
    :param keys: the names of the columns, folded for comparisons.
    :param places: the place of the item of each column.
    """

    table: TableText
    layout: Layout
    parts: tuple[Part, ...]
    chunks: tuple[str, ...]
    joints: tuple[str, ...]
    keys: tuple[str, ...]
    places: cabc.Mapping[str, int]

    def statement(self) -> str:
        """Return the statement, which :func:`next_table` turns into a table again."""
        pieces = [""] * (2 * len(self.joints) + 1)
        pieces[0::2] = [self.layout.head, *self.chunks, self.layout.tail]
        pieces[1::2] = self.joints
        made = EditedText("".join(pieces))
        width = len(self.keys)
        made.table = dataclasses.replace(
            self.table,
            sql=made,
            columns=t.cast(tuple[ColumnText, ...], self.parts[:width]),
            constraints=t.cast(tuple[ConstraintText, ...], self.parts[width:]),
            tokens=(),
            sheet=self,
        )
        return made

    def rewritten(self, index: int, text: str) -> Sheet:
        """Replace the text of an item, which may have comments at its end.

        :param index: the place of the item.
        """
        part = _read(self.parts[index], text)
        start, end = part.span
        item = dataclasses.replace(
            self.layout.items[index],
            text=text[start:end],
            before=join((text[end:], self.layout.items[index].before)),
        )
        items = (*self.layout.items[:index], item, *self.layout.items[index + 1 :])
        parts = (*self.parts[:index], part, *self.parts[index + 1 :])
        keys = self.keys
        if isinstance(part, ColumnText) and keys[index] != upper(part.name):
            keys = (*keys[:index], upper(part.name), *keys[index + 1 :])
        return self._with(dataclasses.replace(self.layout, items=items), parts, keys)

    def without(self, index: int) -> Sheet:
        """Remove an item."""
        parts = (*self.parts[:index], *self.parts[index + 1 :])
        keys = self.keys
        if index < len(keys):
            keys = (*keys[:index], *keys[index + 1 :])
        return self._with(self.layout.without(index), parts, keys)

    def having(self, index: int, part: Part) -> Sheet:
        """Insert a new item, spaced like the others."""
        parts = (*self.parts[:index], part, *self.parts[index:])
        keys = self.keys
        if isinstance(part, ColumnText):
            keys = (*keys[:index], upper(part.name), *keys[index:])
        return self._with(self.layout.having(index, part.text), parts, keys)

    def ordered(self, order: cabc.Sequence[int]) -> Sheet:
        """Move the first items to new places."""
        parts = (*(self.parts[i] for i in order), *self.parts[len(order) :])
        keys = tuple(self.keys[i] for i in order)
        return self._with(self.layout.ordered(order), parts, keys)

    def _with(
        self, layout: Layout, parts: tuple[Part, ...], keys: tuple[str, ...]
    ) -> Sheet:
        """Write the items that differ from the present ones, and no others."""
        old, new = self.layout.items, layout.items
        first = _alike(old, new)
        last = _alike(old[first:][::-1], new[first:][::-1])
        stop = len(new) - last
        chunks = (
            *self.chunks[:first],
            *(_written(item) for item in new[first:stop]),
            *self.chunks[len(old) - last :],
        )
        around = (layout.head, *chunks, layout.tail)
        joints = (
            *self.joints[:first],
            *(
                needed_between(around[i], around[i + 1])
                for i in range(first, min(stop + 1, len(around) - 1))
            ),
            *self.joints[len(old) - last + 1 :],
        )
        places = self.places if keys is self.keys else _places(keys)
        return Sheet(self.table, layout, parts, chunks, joints, keys, places)


_CACHE_LIMIT: t.Final = 100_000
"""Tables with more characters take too much room to keep their pieces."""


def sheet_of(table: TableText) -> Sheet:
    """Split a table into pieces, unless an edit has done so."""
    if isinstance(table.sheet, Sheet):
        return table.sheet
    return _split(table) if len(table.sql) > _CACHE_LIMIT else _split_kept(table.sql)


def _split(table: TableText) -> Sheet:
    layout = take_apart(table)
    keys = tuple(upper(column.name) for column in table.columns)
    return Sheet(
        table,
        layout,
        (*table.columns, *table.constraints),
        # In the text as it was written, nothing is needed between the items.
        tuple("".join(item.pieces()) for item in layout.items),
        ("",) * (len(layout.items) + 1),
        keys,
        _places(keys),
    )


@functools.lru_cache(maxsize=8)
def _split_kept(sql: str) -> Sheet:
    """Split a table that a block edits several times, and the next block again."""
    return _split(parse_table(sql))


def next_table(sql: str) -> TableText:
    """Return the table that an edit has made, to be edited further.

    The spans of its columns and constraints are not exact; read the last statement with
    :func:`~flask_batchmigrate.sqlite.ddl.table.parse_table` to get exact ones.

    :param sql: what a function of :mod:`~flask_batchmigrate.sqlite.ddl.edits` returned.
    """
    return sql.table if isinstance(sql, EditedText) else parse_table(sql)


def whole(table: TableText) -> TableText:
    """Return the same table with exact spans."""
    return table if table.sheet is None else parse_table(str(table.sql))


def alone(part: ColumnText) -> ColumnText:
    """Return a column with spans that count from the start of its text."""
    return parse_column(part.text)


def located(table: TableText) -> cabc.Iterator[tuple[str, Part]]:
    """Yield the columns and constraints, each with the text that its spans count in."""
    for column in table.columns:
        own = column if table.sheet is None else alone(column)
        yield (table.sql if table.sheet is None else own.text), own
    for constraint in table.constraints:
        if table.sheet is None:
            yield table.sql, constraint
        elif constraint.kind is not ConstraintKind.NAME_ONLY:
            yield constraint.text, parse_table_constraint(constraint.text)


def _places(keys: tuple[str, ...]) -> dict[str, int]:
    return dict(zip(keys, range(len(keys)), strict=True))


def _read(part: Part, text: str) -> Part:
    if isinstance(part, ColumnText):
        return parse_column(text)
    return parse_table_constraint(text)


def _written(item: Item) -> str:
    return join(item.pieces())


def _alike(first: cabc.Sequence[Item], second: cabc.Sequence[Item]) -> int:
    """Count how many items at the start are the same objects."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one is not other:
            break
        count += 1
    return count

"""Describes a table before and after a block, and where each value comes from."""

from __future__ import annotations

import functools

from ...value_classes import value_class
from ..ddl.objects import IndexText
from ..ddl.table import TableText
from ..ddl.tokens import upper
from ..schema.catalogue import StoredTable
from .gone import Gone


@value_class
class Source:
    """The source of the values of a column.

    :param origin: the stored column, ``None`` for a new one.
    :param using: an expression over stored columns that makes the value instead.
    :param keep_misfits: leave values that the column's type cannot hold as they are.
    :param allowed: all values that it may have, where its type is an enumeration.
    :param allowed_before: the same for its old type.
    """

    origin: str | None
    using: str | None = None
    keep_misfits: bool = False
    allowed: tuple[str, ...] | None = None
    allowed_before: tuple[str, ...] | None = None


@value_class
class Target:
    """A table before and after a block.

    :param before: the stored table.
    :param text: its new definition.
    :param sources: where the columns of ``text`` get their values, in its order.
    :param kept_indexes: stored indexes that stay.
    :param new_indexes: indexes to create.
    :param dropped_indexes: names of stored indexes to drop.
    :param notes: side effects that the script does not name, in sentences.
    :param gone: what is dropped together with columns, unless the script drops it.
    :param rowid_types: the integer types that the block gives to the column that is the
        rowid, and stays INTEGER.
    :param copy_wanted: whether the rows are written anew in any case.
    """

    before: StoredTable
    text: TableText
    sources: tuple[Source, ...]
    kept_indexes: tuple[IndexText, ...]
    new_indexes: tuple[IndexText, ...]
    dropped_indexes: tuple[str, ...]
    notes: tuple[str, ...]
    gone: tuple[Gone, ...]
    rowid_types: tuple[tuple[str, str], ...]
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
        """The stored columns that the block drops."""
        origins = {upper(s.origin) for s in self.sources if s.origin is not None}
        return tuple(
            c.name for c in self.before.text.columns if upper(c.name) not in origins
        )

    @functools.cached_property
    def dropped_places(self) -> tuple[str, ...]:
        """Those of them that a record has a place for: a virtual one has none."""
        rules = {c.name: c.generated for c in self.before.text.columns}
        return tuple(
            name
            for name in self.dropped_columns
            if (rule := rules[name]) is None or rule.stored
        )

    @functools.cached_property
    def added_columns(self) -> tuple[str, ...]:
        """The columns that get their values from no stored column."""
        return tuple(
            c.name
            for c, s in zip(self.text.columns, self.sources, strict=True)
            if s.origin is None
        )

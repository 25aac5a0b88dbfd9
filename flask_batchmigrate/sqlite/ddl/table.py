"""Reads the stored text of a table into columns and constraints with their spans.

The text is never rebuilt from them: by the spans,
:mod:`~flask_batchmigrate.sqlite.ddl.edits` changes one piece and leaves the rest as it
is. Text that is not understood with certainty is an error.

See https://www.sqlite.org/lang_createtable.html.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import re
import typing as t

from ...value_classes import value_class
from .affinity import Affinity
from .affinity import affinity
from .clauses import at_table_constraint
from .clauses import check_deferrables
from .clauses import read_column_constraints
from .clauses import read_table_constraint
from .columns import ColumnText
from .constraints import ConstraintKind
from .constraints import ConstraintText
from .constraints import ForeignKeyText
from .reader import Reader
from .reader import Span
from .tokens import Token
from .tokens import unquote
from .tokens import upper
from .types import read_type

__all__ = [
    "Affinity",
    "ColumnText",
    "ConstraintKind",
    "ConstraintText",
    "ForeignKeyText",
    "OptionText",
    "Span",
    "TableText",
    "affinity",
    "is_virtual_table",
    "parse_column",
    "parse_table",
    "parse_table_constraint",
]


@value_class
class OptionText:
    """One option after the closing parenthesis.

    :param name: ``"WITHOUT ROWID"`` or ``"STRICT"``.
    :param span: where it is.
    """

    name: str
    span: Span = dataclasses.field(compare=False, repr=False)


class Pieces(t.Protocol):
    """A table in pieces, as :class:`~.sheet.Sheet` has it."""

    @property
    def places(self) -> cabc.Mapping[str, int]:
        """The places of the columns, by their folded names."""


@value_class
class TableText:
    """A CREATE TABLE statement, read.

    :param sql: the statement.
    :param name: the table's name without quotes.
    :param columns: its columns in their order.
    :param constraints: the constraints of the table itself, in their order.
    :param options: its options, as often as they are written.
    :param temporary: whether it has the word TEMP.
    :param name_span: where the name is, as spelled.
    :param body_span: the text between the outer parentheses.
    :param tokens: all tokens of the statement.
    :param sheet: its pieces, where an edit has made it: then the spans are not exact,
        and there are no tokens.
    """

    sql: str
    name: str
    columns: tuple[ColumnText, ...]
    constraints: tuple[ConstraintText, ...]
    options: tuple[OptionText, ...]
    temporary: bool
    name_span: Span = dataclasses.field(compare=False, repr=False)
    body_span: Span = dataclasses.field(compare=False, repr=False)
    tokens: tuple[Token, ...] = dataclasses.field(compare=False, repr=False)
    sheet: Pieces | None = dataclasses.field(default=None, compare=False, repr=False)

    @functools.cached_property
    def without_rowid(self) -> bool:
        """Whether it is a WITHOUT ROWID table."""
        return any(option.name == "WITHOUT ROWID" for option in self.options)

    @functools.cached_property
    def strict(self) -> bool:
        """Whether it is a STRICT table."""
        return any(option.name == "STRICT" for option in self.options)

    def has_column(self, name: str) -> bool:
        """Tell whether it has a column.

        :param name: the column's name, in any case.
        """
        return name in self._by_name or upper(name) in self.places

    def column(self, name: str) -> ColumnText:
        """Find a column.

        :param name: its name, in any case.
        :raises KeyError: if there is none of that name.
        """
        found = self._by_name.get(name)
        if found is not None:
            return found
        try:
            return self.columns[self.places[upper(name)]]
        except KeyError:
            raise KeyError(name) from None

    @functools.cached_property
    def _by_name(self) -> dict[str, ColumnText]:
        return {column.name: column for column in self.columns}

    @functools.cached_property
    def places(self) -> cabc.Mapping[str, int]:
        """The place of each column, by its name folded for comparisons."""
        if self.sheet is not None:
            return self.sheet.places
        return {upper(column.name): i for i, column in enumerate(self.columns)}

    @functools.cached_property
    def all_constraints(self) -> tuple[ConstraintText, ...]:
        """Every constraint, those of the columns first, in the statement's order."""
        on_columns = (c for column in self.columns for c in column.constraints)
        return (*on_columns, *self.constraints)

    def of_kind(self, *kinds: ConstraintKind) -> tuple[ConstraintText, ...]:
        """List the constraints of these kinds, on columns and on the table.

        :param kinds: the kinds wanted.
        """
        return tuple(c for c in self.all_constraints if c.kind in kinds)

    @functools.cached_property
    def primary_key(self) -> tuple[str, ...]:
        """The names of the primary key's columns in its order, ``()`` without one."""
        for constraint in self.of_kind(ConstraintKind.PRIMARY_KEY):
            return constraint.columns
        return ()

    @functools.cached_property
    def rowid_alias(self) -> str | None:
        """The column that is the rowid itself, or ``None``.

        A column declared ``INTEGER PRIMARY KEY DESC`` is none, while
        ``PRIMARY KEY (x DESC)`` of the table makes one
        (https://www.sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key).
        """
        if self.without_rowid:
            return None
        for key in self.of_kind(ConstraintKind.PRIMARY_KEY):
            if len(key.columns) != 1 or key.order == "DESC":
                return None
            if not self.has_column(key.columns[0]):
                return None
            column = self.column(key.columns[0])
            return column.name if upper(column.type) == "INTEGER" else None
        return None

    @functools.cached_property
    def autoincrement(self) -> bool:
        """Whether its primary key has AUTOINCREMENT."""
        keys = self.of_kind(ConstraintKind.PRIMARY_KEY)
        return any(key.autoincrement for key in keys)

    def affinity(self, name: str) -> Affinity:
        """Determine the affinity of a column.

        :param name: the column's name.
        :raises KeyError: if there is none of that name.
        """
        column = self.column(name)
        if self.strict and upper(column.type) == "ANY":
            return Affinity.BLOB
        return affinity(column.type)


def is_virtual_table(sql: str) -> bool:
    """Tell whether a statement creates a virtual table.

    :param sql: a statement as the catalogue stores it; it need not be understood.
    """
    return _VIRTUAL.match(sql) is not None


_VIRTUAL = re.compile(r"(?is)\s*CREATE(?:\s|/\*.*?\*/|--[^\n]*\n)+VIRTUAL\b")


_CACHE_LIMIT: t.Final = 100_000
"""Tables with more characters take too much room to keep many of them."""

_PART_CACHE_LIMIT: t.Final = 1_000
"""Up to so many characters, a column or constraint is kept for the next time."""


def parse_table(sql: str) -> TableText:
    """Read a CREATE TABLE statement.

    :param sql: the statement as the catalogue stores it.
    :return: the table; its pieces keep their spans.
    :raises SqlTextError: for a virtual table, and for whatever is not understood with
        certainty.
    """
    return _parse_long(sql) if len(sql) > _CACHE_LIMIT else _parse_short(sql)


def _parse(sql: str) -> TableText:
    reader = Reader(sql)
    if reader.at("CREATE", "VIRTUAL", "TABLE"):
        raise reader.error("The text of a virtual table belongs to its module,")
    reader.expect("CREATE")
    temporary = reader.accept_any("TEMP", "TEMPORARY") is not None
    reader.expect("TABLE")
    reader.accept("IF", "NOT", "EXISTS")
    name = reader.name("the table")
    if reader.accept_symbol("."):
        name = reader.name("the table")
    opening = reader.expect_symbol("(")
    columns = _read_columns(reader)
    check_deferrables(reader, (column.constraints for column in columns))
    constraints = _read_constraints(reader)
    closing = reader.expect_symbol(")")
    options = _read_options(reader)
    reader.expect_end()
    return TableText(
        sql=sql,
        name=unquote(name.text),
        columns=columns,
        constraints=constraints,
        options=options,
        temporary=temporary,
        name_span=Span(name.start, name.end),
        body_span=Span(opening.end, closing.start),
        tokens=reader.all_tokens,
    )


_parse_short = functools.lru_cache(maxsize=64)(_parse)
_parse_long = functools.lru_cache(maxsize=3)(_parse)


def parse_column(definition: str) -> ColumnText:
    """Read the definition of one column by itself.

    :param definition: the definition, as in a CREATE TABLE.
    :return: the column, its spans counted from the start of ``definition``.
    :raises SqlTextError: if it is not exactly one column.
    """
    return (
        _column_kept(definition)
        if len(definition) <= _PART_CACHE_LIMIT
        else _column(definition)
    )


def _column(definition: str) -> ColumnText:
    reader = Reader(definition)
    if at_table_constraint(reader):
        raise reader.error("Expected a column")
    column = _read_column(reader)
    if reader.peek() is not None:
        raise reader.error("Expected one column and no more")
    return column


def parse_table_constraint(definition: str) -> ConstraintText:
    """Read the definition of one constraint of a table by itself.

    :param definition: the definition, as in a CREATE TABLE.
    :return: the constraint, its spans counted from the start of ``definition``.
    :raises SqlTextError: if it is not exactly one constraint.
    """
    is_short = len(definition) <= _PART_CACHE_LIMIT
    return _constraint_kept(definition) if is_short else _constraint(definition)


def _constraint(definition: str) -> ConstraintText:
    reader = Reader(definition)
    constraint = read_table_constraint(reader)
    if reader.peek() is not None:
        raise reader.error("Expected one constraint and no more")
    return constraint


# A block reads the same column several times, and the next block reads it again.
_column_kept = functools.lru_cache(maxsize=512)(_column)
_constraint_kept = functools.lru_cache(maxsize=256)(_constraint)


def _read_columns(reader: Reader) -> tuple[ColumnText, ...]:
    columns = [_read_column(reader)]
    while reader.at_symbol(","):
        reader.take()
        if at_table_constraint(reader):
            break
        columns.append(_read_column(reader))
    return tuple(columns)


def _read_constraints(reader: Reader) -> tuple[ConstraintText, ...]:
    constraints: list[ConstraintText] = []
    while at_table_constraint(reader):
        constraints.append(read_table_constraint(reader))
        # SQLite does not insist on the comma between two constraints of the table.
        if reader.accept_symbol(",") and not at_table_constraint(reader):
            raise reader.error("Expected a constraint of the table")
    return tuple(constraints)


def _read_column(reader: Reader) -> ColumnText:
    name_token = reader.name("a column")
    name = unquote(name_token.text)
    declared, type_span = read_type(reader)
    constraints = read_column_constraints(reader, name)
    span = Span(name_token.start, reader.last_end)
    return ColumnText(
        name=name,
        text=span.of(reader.sql),
        type=declared,
        constraints=constraints,
        name_span=Span(name_token.start, name_token.end),
        type_span=type_span,
        span=span,
    )


def _read_options(reader: Reader) -> tuple[OptionText, ...]:
    options: list[OptionText] = []
    while reader.peek() is not None and not reader.at_symbol(";"):
        if options:
            reader.expect_symbol(",")
        start = reader.offset
        if reader.accept("WITHOUT", "ROWID"):
            name = "WITHOUT ROWID"
        elif reader.accept("STRICT"):
            name = "STRICT"
        else:
            raise reader.error("An option of the table that is not known")
        options.append(OptionText(name, Span(start, reader.last_end)))
    return tuple(options)

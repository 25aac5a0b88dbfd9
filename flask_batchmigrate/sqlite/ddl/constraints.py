"""Defines the constraints of a CREATE TABLE statement, as values."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import enum

from ...value_classes import value_class
from .expressions import Term
from .reader import Span
from .tokens import same_name
from .tokens import upper


class ConstraintKind(enum.Enum):
    """The kind of a constraint; SQLite calls every clause of a column a constraint."""

    PRIMARY_KEY = "PRIMARY KEY"
    UNIQUE = "UNIQUE"
    CHECK = "CHECK"
    FOREIGN_KEY = "FOREIGN KEY"
    NOT_NULL = "NOT NULL"
    NULL = "NULL"
    """The word ``NULL`` by itself, which has no effect."""
    DEFAULT = "DEFAULT"
    COLLATE = "COLLATE"
    GENERATED = "GENERATED"
    DEFERRABLE = "DEFERRABLE"
    """A ``[NOT] DEFERRABLE`` that is separate from its column's foreign key."""
    NAME_ONLY = "CONSTRAINT"
    """``CONSTRAINT x`` with nothing after it, which SQLite allows and ignores."""


@value_class
class ForeignKeyText:
    """The clause of a foreign key from ``REFERENCES`` on.

    :param table: the parent table.
    :param columns: the parent's columns; empty where it has only the table, which means
        the table's primary key.
    :param on_delete: the action in capitals (``"SET NULL"``), or ``None``.
    :param on_update: the same for updates.
    :param match: the name after ``MATCH`` as written, or ``None``.
    :param deferrable: whether it says ``DEFERRABLE``, not denied by ``NOT``.
    :param initially_deferred: whether SQLite checks it only at COMMIT.
    :param table_span: where the parent's name is.
    """

    table: str
    columns: tuple[str, ...]
    on_delete: str | None = None
    on_update: str | None = None
    match: str | None = None
    deferrable: bool = False
    initially_deferred: bool = False
    table_span: Span = dataclasses.field(default=Span(0, 0), compare=False, repr=False)


@value_class
class ConstraintText:
    """One constraint as written; attributes of other kinds are empty or ``None``.

    :param kind: its kind.
    :param text: its text, the ``CONSTRAINT`` name included.
    :param name: its name without quotes, or ``None``.
    :param column: the column it is written on, or ``None`` for one of the table.
    :param columns: the table's own columns that it covers, in its order: those of a
        key or a foreign key, or the column that it is written on.
    :param terms: the members of a PRIMARY KEY or UNIQUE of the table.
    :param expression: the text in the parentheses of CHECK, a generated column or a
        DEFAULT.
    :param value: the text after ``DEFAULT``, with its parentheses or sign.
    :param collation: the name after ``COLLATE``.
    :param conflict: the word after ``ON CONFLICT``, in capitals.
    :param order: ``"ASC"`` or ``"DESC"`` of a column's PRIMARY KEY.
    :param autoincrement: whether a PRIMARY KEY has AUTOINCREMENT.
    :param stored: whether a generated column is stored.
    :param references: what a foreign key refers to.
    :param names: all columns of the table it mentions, folded by
        :func:`~flask_batchmigrate.sqlite.ddl.tokens.upper`.
    :param span: where all of it is.
    :param name_span: where its name is, as spelled.
    :param body_span: where the part after ``CONSTRAINT`` and the name is.
    :param detail_span: where ``value``, ``collation`` or the parentheses of
        ``expression`` are.
    """

    kind: ConstraintKind
    text: str
    name: str | None
    column: str | None
    columns: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    expression: str | None = None
    value: str | None = None
    collation: str | None = None
    conflict: str | None = None
    order: str | None = None
    autoincrement: bool = False
    stored: bool = False
    references: ForeignKeyText | None = None
    names: frozenset[str] = frozenset()
    span: Span = dataclasses.field(default=Span(0, 0), compare=False, repr=False)
    name_span: Span | None = dataclasses.field(default=None, compare=False, repr=False)
    body_span: Span = dataclasses.field(default=Span(0, 0), compare=False, repr=False)
    detail_span: Span | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    def mentions(self, column: str) -> bool:
        """Tell whether the constraint covers or names a column of its own table.

        A name in double quotes counts, though SQLite would read it as text where no
        such column exists. Names of functions, collations and types do not count. The
        columns of a parent are in :attr:`references`.

        :param column: the column's name.
        """
        return upper(column) in self.names

    def covers(self, columns: cabc.Sequence[str]) -> bool:
        """Tell whether it covers exactly these columns, in this order.

        :param columns: names of columns.
        """
        return len(columns) == len(self.columns) and all(
            map(same_name, columns, self.columns)
        )

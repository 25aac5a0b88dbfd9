"""What the text of one column of a table says."""

from __future__ import annotations

import dataclasses
import functools

from ...value_classes import value_class
from .constraints import ConstraintKind
from .constraints import ConstraintText
from .reader import Span


@value_class
class ColumnText:
    """One column as written.

    :param name: its name without quotes.
    :param text: its whole definition.
    :param type: its type with sizes as SQLite reports it, ``''`` where there is none.
    :param constraints: its own constraints, in their order.
    :param name_span: where the name is, as spelled.
    :param type_span: where the type is, as spelled; ``None`` without one.
    :param span: where the definition is.
    """

    name: str
    text: str
    type: str
    constraints: tuple[ConstraintText, ...]
    name_span: Span = dataclasses.field(compare=False, repr=False)
    type_span: Span | None = dataclasses.field(compare=False, repr=False)
    span: Span = dataclasses.field(compare=False, repr=False)

    def of_kind(self, *kinds: ConstraintKind) -> tuple[ConstraintText, ...]:
        """List its constraints of these kinds, in their order.

        :param kinds: the kinds wanted.
        """
        return tuple(c for c in self.constraints if c.kind in kinds)

    def effective(self, kind: ConstraintKind) -> ConstraintText | None:
        """Find the constraint of a kind that has an effect: of several, the last.

        :param kind: the kind wanted.
        """
        constraints = self.of_kind(kind)
        return constraints[-1] if constraints else None

    @functools.cached_property
    def spelled_type(self) -> str:
        """Its type as written, which may differ from what SQLite reports."""
        if self.type_span is None:
            return ""
        start = self.span.start
        return self.text[self.type_span.start - start : self.type_span.end - start]

    @functools.cached_property
    def not_null(self) -> bool:
        """Whether it has ``NOT NULL``; a primary key may forbid NULL without it."""
        return self.effective(ConstraintKind.NOT_NULL) is not None

    @functools.cached_property
    def default(self) -> str | None:
        """The text after ``DEFAULT``, or ``None``."""
        default = self.effective(ConstraintKind.DEFAULT)
        return default.value if default is not None else None

    @functools.cached_property
    def collation(self) -> str | None:
        """The name after ``COLLATE``, or ``None``."""
        collate = self.effective(ConstraintKind.COLLATE)
        return collate.collation if collate is not None else None

    @functools.cached_property
    def generated(self) -> ConstraintText | None:
        """The clause that computes it, or ``None``."""
        return self.effective(ConstraintKind.GENERATED)

"""What a block does to the values that are stored, column by column."""

from __future__ import annotations

import itertools

from ...value_classes import value_class
from ..ddl.quoting import always_quoted
from ..ddl.table import Affinity
from ..ddl.table import ColumnText
from ..ddl.tokens import Kind
from ..ddl.tokens import significant
from ..ddl.tokens import tokenize
from ..ddl.tokens import unquote
from ..ddl.tokens import upper
from .target import Target

_PURE = frozenset(
    {
        *("ABS", "CAST", "CHAR", "COALESCE", "HEX", "IFNULL", "INSTR", "LENGTH"),
        *("LOWER", "LTRIM", "NULLIF", "PRINTF", "QUOTE", "REPLACE", "ROUND", "RTRIM"),
        *("SUBSTR", "SUBSTRING", "TRIM", "TYPEOF", "UNICODE", "UPPER"),
        *("AND", "BETWEEN", "CASE", "ELSE", "GLOB", "IN", "IS", "LIKE", "NOT", "OR"),
        *("THEN", "WHEN"),
    }
)
"""Functions that look at their arguments alone, and words before a bracket."""

_ALIKE = frozenset({Affinity.INTEGER, Affinity.NUMERIC})
"""Both store every value alike: https://www.sqlite.org/datatype3.html#type_affinity"""


@value_class
class Conversion:
    """A stored column whose values may be stored otherwise from now on.

    :param column: its name.
    :param type: its new type, as the new definition spells it.
    :param old: what the column has preferred to store so far.
    :param new: what it is to prefer.
    :param using: an expression that computes the value; ``None`` where the stored one
        goes on, as far as the new affinity leaves it alone.
    """

    column: str
    type: str
    old: Affinity
    new: Affinity
    using: str | None


@value_class
class Fill:
    """A new column that gets a value in every row.

    :param column: its name.
    :param definition: how to add it: its name, type and collation alone.
    :param value: an expression for the value.
    :param is_default: whether the expression is the column's own default.
    """

    column: str
    definition: str
    value: str
    is_default: bool


@value_class
class Conversions:
    """Everything that a block does to stored values.

    :param becomes_strict: whether every value has to fit the type of its column.
    """

    columns: tuple[Conversion, ...]
    fills: tuple[Fill, ...]
    becomes_strict: bool

    @property
    def writes_all_rows(self) -> bool:
        """Whether a value is computed for every row that may be another each time."""
        using = [c.using for c in self.columns if c.using is not None]
        return bool(self.fills) or not all(map(is_repeatable, using))

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions that values are computed by."""
        using = [c.using for c in self.columns if c.using is not None]
        return (*using, *(fill.value for fill in self.fills))


def is_repeatable(expression: str) -> bool:
    """Tell whether an expression has the same value when it is computed again.

    It does where it calls nothing but functions of SQLite that look at their arguments
    alone. A function of the application may count its calls.
    """
    tokens = significant(tokenize(expression))
    return all(
        upper(unquote(token.text)) in _PURE
        for token, following in itertools.pairwise(tokens)
        if following.text == "(" and token.kind in (Kind.WORD, Kind.QUOTED)
    )


def conversions(target: Target, filled: tuple[str, ...]) -> Conversions:
    """Work out what a block does to stored values.

    :param filled: the new columns that SQLite's ``ALTER TABLE`` cannot fill.
    """
    before, after = target.before.text, target.text
    columns, fills = [], []
    for column, source in zip(after.columns, target.sources, strict=True):
        if source.origin is None:
            if column.name in filled:
                fills.append(_fill(column, source.using))
            continue
        if column.generated is not None:
            continue
        old, new = before.affinity(source.origin), after.affinity(column.name)
        # A STRICT table knows five types, whatever their affinity.
        named = before.column(source.origin).type, column.type
        renamed = (before.strict or after.strict) and upper(named[0]) != upper(named[1])
        differs = old is not new and {old, new} != _ALIKE
        if source.using is not None or differs or renamed:
            columns.append(
                Conversion(source.origin, column.spelled_type, old, new, source.using)
            )
    becomes_strict = after.strict and not before.strict
    return Conversions(tuple(columns), tuple(fills), becomes_strict)


def _fill(column: ColumnText, using: str | None) -> Fill:
    parts = [always_quoted(column.name)]
    if column.type:
        parts.append(column.spelled_type)
    if column.collation is not None:
        parts.append(f"COLLATE {always_quoted(column.collation)}")
    value = using if using is not None else column.default or "NULL"
    return Fill(column.name, " ".join(parts), value, using is None)

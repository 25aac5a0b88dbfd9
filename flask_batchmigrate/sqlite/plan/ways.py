"""Chooses the way to change a table: the cheapest one that is safe.

The decision is a table, :data:`CASES`. It has one row for each kind of difference
between two definitions, which gives the way that is safe for it, and the reason. A
block takes the costliest way that any of its differences needs.
"""

from __future__ import annotations

import enum
import typing as t

from ...value_classes import value_class


class Way(enum.IntEnum):
    """A way to make a change; a higher number is a costlier way."""

    ALTER = 1
    EDIT = 2
    CONVERT = 3
    COPY = 4

    @property
    def title(self) -> str:
        """The name of the way in messages."""
        titles = ("ALTER TABLE", "schema edit", "conversion in place", "copy")
        return titles[self - 1]


class Case(t.NamedTuple):
    """One row of the table of decisions."""

    way: Way
    reason: str


FILLED: t.Final = "column added with rows to fill"

CASES: t.Final[dict[str, Case]] = {
    "column added": Case(Way.ALTER, "SQLite adds it without touching a row"),
    "column dropped": Case(Way.ALTER, "SQLite rewrites the rows in place"),
    "virtual column added": Case(Way.EDIT, "it takes no room in a row"),
    "virtual column dropped": Case(Way.EDIT, "it takes no room in a row"),
    "type, same storage": Case(Way.EDIT, "both types store every value alike"),
    "NOT NULL set": Case(Way.EDIT, "rows stay valid once none holds NULL"),
    "NOT NULL dropped": Case(Way.EDIT, "every row stays valid"),
    "default": Case(Way.EDIT, "every row stores its own value"),
    "collation": Case(Way.EDIT, "no index, key or expression depends on it"),
    "virtual expression": Case(Way.EDIT, "it takes no room in a row"),
    "CHECK added": Case(Way.EDIT, "rows stay valid once all pass it"),
    "CHECK dropped": Case(Way.EDIT, "every row stays valid"),
    "FOREIGN KEY added": Case(Way.EDIT, "rows stay valid once all have a parent"),
    "FOREIGN KEY dropped": Case(Way.EDIT, "every row stays valid"),
    "constraint respelled": Case(Way.EDIT, "it holds for the same rows"),
    "place of a virtual column": Case(Way.EDIT, "it takes no room in a row"),
    "STRICT dropped": Case(Way.EDIT, "every row stays valid"),
    "AUTOINCREMENT dropped": Case(Way.EDIT, "it concerns new rows only"),
    "type, other storage": Case(
        Way.CONVERT, "rows are written whose values the types store differently"
    ),
    "conversion": Case(Way.CONVERT, "every value is computed again"),
    FILLED: Case(Way.CONVERT, "every row gets a value that SQLite's ALTER cannot give"),
    "STRICT set": Case(Way.CONVERT, "rows stay valid once all values fit their types"),
    "type of a key": Case(Way.COPY, "SQLite numbers rows or indexes by it"),
    "type of a computed column": Case(Way.COPY, "its values are computed again"),
    "conversion in a key": Case(Way.COPY, "a key finds rows by its values"),
    "conversion, stored column": Case(Way.COPY, "a stored column is computed from it"),
    "conversion by a query": Case(
        Way.COPY, "its expression may read rows that are converted already"
    ),
    "conversion beside REAL": Case(
        Way.COPY, "an expression would not see every number as it is stored"
    ),
    "column filled by a name": Case(
        Way.COPY, "its default may be text that an expression takes for a column"
    ),
    "conversion, temporary trigger": Case(
        Way.COPY, "a trigger of this connection would fire"
    ),
    "columns dropped, several": Case(
        Way.COPY, "one pass over the rows is cheaper than one for each"
    ),
    "conversion beside a drop": Case(
        Way.COPY, "one pass over the rows is cheaper than two"
    ),
    "column with a key added": Case(Way.COPY, "its index has to be built"),
    "stored column": Case(Way.COPY, "its value is stored in every row"),
    "virtual column, indexed": Case(Way.COPY, "its index has to be built again"),
    "virtual column, checked": Case(Way.COPY, "its value in every row has to be seen"),
    "order of columns": Case(Way.COPY, "rows store their values in that order"),
    "name used again": Case(Way.COPY, "a new column takes a dropped one's name"),
    "default of older rows": Case(
        Way.COPY, "rows from before an ADD COLUMN read the default"
    ),
    "collation, in use": Case(Way.COPY, "an index or key is sorted by it"),
    "UNIQUE added": Case(Way.EDIT, "its index is built beside the rows"),
    "UNIQUE dropped": Case(Way.EDIT, "its index is dropped, and the rows stay"),
    "key": Case(Way.COPY, "its index has to be built again"),
    "STRICT dropped, ANY": Case(Way.COPY, "an ANY column gets another affinity"),
    "WITHOUT ROWID": Case(Way.COPY, "rows are stored in another kind of tree"),
    "AUTOINCREMENT set": Case(Way.COPY, "the sequence has to be set up"),
    "asked for": Case(Way.COPY, "the script asks for it"),
}


@value_class
class Difference:
    """One difference between two definitions of a table.

    :param case: its key in :data:`CASES`.
    :param subject: the column or constraint.
    """

    case: str
    subject: str

    @property
    def way(self) -> Way:
        """The cheapest way that is safe for this difference."""
        return CASES[self.case].way

    def because(self, reason: str) -> str:
        """Write a reason with what it is about."""
        return f"{self.case} ('{self.subject}'): {reason}"

    def __str__(self) -> str:
        return self.because(CASES[self.case].reason)

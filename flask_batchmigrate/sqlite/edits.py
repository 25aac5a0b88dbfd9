"""Changes the stored text of a table: one change, and nothing else.

Every function takes a table as read by
:func:`~flask_batchmigrate.sqlite.table.parse_table` and returns the whole new
statement, to be read again before the next change. All that a change does not name
stays as it is, byte for byte; what is added follows the layout of the table. Comments
belong to the column they describe: those after it on its last line, and those on the
lines above it.

Whether a change is right for the rows is not decided here.
"""

from __future__ import annotations

import collections.abc as cabc

from .table import ConstraintText
from .table import TableText


def add_column(
    table: TableText,
    definition: str,
    *,
    before: str | None = None,
    after: str | None = None,
) -> str:
    """Add a column, behind the last one unless a place is given.

    :param table: the table.
    :param definition: the column as SQL: ``"note TEXT DEFAULT ''"``.
    :param before: the column it is to precede.
    :param after: the column it is to follow.
    :return: the new statement.
    :raises SqlTextError: if ``definition`` is not one column.
    :raises KeyError: if there is no column ``before`` or ``after``.
    """
    raise NotImplementedError


def drop_column(table: TableText, name: str) -> str:
    """Take a column out, with its own constraints and its comments.

    Constraints of the table that mention it stay; see
    :meth:`~flask_batchmigrate.sqlite.table.ConstraintText.mentions`.
    """
    raise NotImplementedError


def replace_column(table: TableText, name: str, definition: str) -> str: ...


def set_type(table: TableText, name: str, type: str) -> str: ...


def set_default(table: TableText, name: str, value: str | None) -> str: ...


def set_not_null(table: TableText, name: str, flag: bool) -> str: ...


def set_collation(table: TableText, name: str, collation: str | None) -> str: ...


def set_generated(
    table: TableText, name: str, expression: str | None, *, stored: bool = False
) -> str: ...


def add_constraint(table: TableText, definition: str) -> str: ...


def drop_constraint(table: TableText, constraint: ConstraintText) -> str: ...


def rename_constraint(
    table: TableText, constraint: ConstraintText, new: str | None
) -> str: ...


def reorder(table: TableText, names: cabc.Sequence[str]) -> str: ...


def set_options(
    table: TableText,
    *,
    strict: bool | None = None,
    without_rowid: bool | None = None,
) -> str: ...


def set_name(table: TableText, new_name: str) -> str: ...


def relaxed(table: TableText, new_name: str) -> str: ...


def default_value(text: str) -> str: ...

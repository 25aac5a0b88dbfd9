"""Makes one change in the stored text of a table, and leaves the rest as it is.

Every function takes a table as
:func:`~flask_batchmigrate.sqlite.ddl.table.parse_table` returns it, and returns the
whole new statement, which has to be read again before the next change. What a change
does not concern stays the same, byte for byte; new text follows the layout of the
table. Comments belong to the column that they describe: those after it on its last
line, and those on the lines above it.

The rows are not considered here.
"""

from __future__ import annotations

import collections
import collections.abc as cabc

from ..errors import SqlTextError
from .column_edits import default_value
from .column_edits import set_any
from .column_edits import set_collation
from .column_edits import set_default
from .column_edits import set_generated
from .column_edits import set_not_null
from .column_edits import set_type
from .constraint_edits import drop_constraint
from .constraint_edits import drop_constraints
from .constraint_edits import drop_unique
from .constraint_edits import rename_constraint
from .constraint_edits import without_unique
from .constraints import ConstraintKind
from .constraints import ConstraintText
from .pieces import cut
from .pieces import insert
from .pieces import join
from .pieces import replace
from .reader import Span
from .sheet import located
from .sheet import next_table
from .sheet import sheet_of
from .sheet import whole
from .table import parse_column
from .table import parse_table
from .table import parse_table_constraint
from .table import TableText
from .tokens import Kind
from .tokens import quote
from .tokens import upper

__all__ = [
    "add_column",
    "add_constraint",
    "default_value",
    "drop_column",
    "drop_constraint",
    "drop_constraints",
    "drop_unique",
    "next_table",
    "relaxed",
    "rename_constraint",
    "reorder",
    "replace_column",
    "set_any",
    "set_collation",
    "set_default",
    "set_generated",
    "set_name",
    "set_not_null",
    "set_options",
    "set_type",
    "without_unique",
]


def add_column(
    table: TableText,
    definition: str,
    *,
    before: str | None = None,
    after: str | None = None,
) -> str:
    """Add a column, after the last one unless a place is given.

    :param table: the table.
    :param definition: the column as SQL: ``"note TEXT DEFAULT ''"``. Comments around
        it are left out.
    :param before: the column it is to precede.
    :param after: the column it is to follow.
    :return: the new statement.
    :raises SqlTextError: if ``definition`` is not one column.
    :raises KeyError: if there is no column ``before`` or ``after``.
    """
    column = parse_column(definition)
    index = len(table.columns)
    if before is not None:
        index = _index(table, before)
    elif after is not None:
        index = _index(table, after) + 1
    return sheet_of(table).having(index, column).statement()


def drop_column(table: TableText, name: str) -> str:
    """Remove a column, with its own constraints and its comments.

    Constraints of the table that mention it stay: see
    :meth:`~flask_batchmigrate.sqlite.ddl.constraints.ConstraintText.mentions`.

    :param table: the table.
    :param name: the column.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    :raises SqlTextError: if it is the only one.
    """
    index = _index(table, name)
    if len(table.columns) == 1:
        message = f"Column '{name}' is the only one of its table,"
        raise SqlTextError(message, table.sql, table.columns[0].span.start)
    return sheet_of(table).without(index).statement()


def replace_column(table: TableText, name: str, definition: str) -> str:
    """Replace the definition of a column; the comments around it stay.

    :param table: the table.
    :param name: the column.
    :param definition: the new column as SQL. Comments around it are left out.
    :return: the new statement.
    :raises KeyError: if there is no such column.
    :raises SqlTextError: if ``definition`` is not one column.
    """
    text = parse_column(definition).text
    return sheet_of(table).rewritten(_index(table, name), text).statement()


def add_constraint(
    table: TableText, definition: str, before: ConstraintText | None = None
) -> str:
    """Add a constraint of the table, after all columns and constraints.

    :param table: the table.
    :param definition: the constraint as SQL: ``"CONSTRAINT uq UNIQUE (a, b)"``.
        Comments around it are left out.
    :param before: the constraint of the table that it is to precede.
    :return: the new statement.
    :raises SqlTextError: if ``definition`` is not one constraint of a table.
    """
    constraint = parse_table_constraint(definition)
    if constraint.kind is ConstraintKind.NAME_ONLY:
        raise SqlTextError("A name without a constraint", definition, 0)
    sheet = sheet_of(table)
    index = len(sheet.parts)
    if before is not None:
        index = len(table.columns) + table.constraints.index(before)
    return sheet.having(index, constraint).statement()


def reorder(table: TableText, names: cabc.Sequence[str]) -> str:
    """Put the columns into another order, each with its comments.

    :param table: the table.
    :param names: all columns of the table in their new order.
    :return: the new statement.
    :raises KeyError: if a name is no column, or not each column is named once.
    """
    order = [_index(table, name) for name in names]
    counted = collections.Counter(order)
    for index, column in enumerate(table.columns):
        if counted[index] != 1:
            raise KeyError(column.name)
    return sheet_of(table).ordered(order).statement()


def set_options(
    table: TableText,
    *,
    strict: bool | None = None,
    without_rowid: bool | None = None,
) -> str:
    """Switch the table's options on or off.

    :param table: the table.
    :param strict: whether it becomes STRICT; ``None`` leaves the option as it is.
    :param without_rowid: the same for WITHOUT ROWID.
    :return: the new statement.
    """
    sql = str(table.sql)
    for name, wanted, present in (
        ("STRICT", strict, table.strict),
        ("WITHOUT ROWID", without_rowid, table.without_rowid),
    ):
        if wanted is None or wanted == present:
            continue
        now = parse_table(sql)
        sql = _with_option(now, name) if wanted else _without_option(now, name)
    return sql


def _with_option(table: TableText, name: str) -> str:
    if table.options:
        end = table.options[-1].span.end
        return join((table.sql[:end], ",", f" {name}", table.sql[end:]))
    return insert(table.sql, table.body_span.end + 1, name)


def _without_option(table: TableText, name: str) -> str:
    options = table.options
    spans: list[Span] = []
    comments: list[str] = []
    has_others = False
    for index, option in enumerate(options):
        if option.name != name:
            has_others = True
            continue
        spans.append(option.span)
        comments += [
            token.text
            for token in table.tokens
            if token.kind is Kind.COMMENT
            and option.span.start <= token.start < option.span.end
        ]
        if has_others:
            spans.append(_comma(table, options[index - 1].span, option.span))
        elif index + 1 < len(options):
            spans.append(_comma(table, option.span, options[index + 1].span))
    sql = cut(table.sql, spans)
    end = table.body_span.end + 1
    # Comments between the words of an option would be lost with them.
    for comment in reversed(comments):
        sql = insert(sql, end, comment)
    return sql


def _comma(table: TableText, left: Span, right: Span) -> Span:
    for token in table.tokens:
        if left.end <= token.start < right.start and token.is_symbol(","):
            return Span(token.start, token.end)
    raise SqlTextError("Expected ','", table.sql, left.end)


def set_name(table: TableText, new_name: str) -> str:
    """Replace the name of the table, and no other name.

    It is for copies: foreign keys of the table to itself keep the old name.

    :param table: the table.
    :param new_name: the name.
    :return: the new statement.
    """
    table = whole(table)
    return replace(table.sql, table.name_span, quote(new_name))


_RELAXED = (
    ConstraintKind.PRIMARY_KEY,
    ConstraintKind.UNIQUE,
    ConstraintKind.DEFAULT,
    ConstraintKind.COLLATE,
    ConstraintKind.GENERATED,
)


def relaxed(table: TableText, new_name: str, schema: str | None = None) -> str:
    """Write the table without NOT NULL, CHECK and FOREIGN KEY, for a scratch copy.

    All that decides how rows and their automatic indexes are stored stays; comments and
    the names of constraints do not. The primary key of a WITHOUT ROWID table still
    forbids NULL.

    :param table: the table.
    :param new_name: the name of the copy.
    :param schema: the schema to create it in; a stored text has none.
    :return: a statement that creates it.
    """
    items: list[str] = []
    for text, part in located(table):
        if isinstance(part, ConstraintText):
            spans = [part.body_span] if part.kind in _RELAXED else []
        else:
            spans = [part.name_span]
            spans += [part.type_span] if part.type_span is not None else []
            spans += [c.body_span for c in part.of_kind(*_RELAXED)]
        if spans:
            items.append(" ".join([span.of(text) for span in spans]))
    temporary = "TEMP " if table.temporary and schema is None else ""
    options = ", ".join(dict.fromkeys(option.name for option in table.options))
    path = quote(new_name) if schema is None else f"{quote(schema)}.{quote(new_name)}"
    create = f"CREATE {temporary}TABLE {path} ({', '.join(items)})"
    return f"{create} {options}" if options else create


def _index(table: TableText, name: str) -> int:
    try:
        return table.places[upper(name)]
    except KeyError:
        raise KeyError(name) from None

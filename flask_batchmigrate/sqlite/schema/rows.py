"""Finds rows that a new definition would not allow; it only reads."""

from __future__ import annotations

import collections.abc as cabc

from ...value_classes import value_class
from ..ddl.expressions import column_names
from ..ddl.quoting import always_quoted
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..ddl.tokens import significant
from ..ddl.tokens import tokenize
from ..errors import counted
from .database import Database
from .database import Row

EXAMPLES = 3


@value_class
class Offenders:
    """Rows that do not fit.

    :param count: how many there are.
    :param examples: the keys (and values) of the first few, as text.
    :param all_shown: whether the examples stand for all of them.
    """

    count: int
    examples: tuple[str, ...]
    all_shown: bool = False

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        rows = counted(self.count, "row")
        shown = self.all_shown or self.count <= len(self.examples)
        more = "" if shown else ", ..."
        return f"{rows}: {', '.join(self.examples)}{more}"


@value_class
class RowKey:
    """The columns that identify a row in a message: its primary key, or the rowid."""

    columns: tuple[str, ...]

    @property
    def terms(self) -> list[str]:
        """The columns, each quoted for use in a SELECT."""
        return [always_quoted(c) if c != "rowid" else c for c in self.columns]

    def describe(self, values: cabc.Sequence[object]) -> str:
        """Name one row."""
        return " ".join(
            f"{c}={v!r}" for c, v in zip(self.columns, values, strict=False)
        )


def row_key(text: TableText) -> RowKey:
    """Choose the columns that identify a row of a table in messages."""
    return RowKey(tuple(dict.fromkeys(text.primary_key)) or ("rowid",))


def any_row(
    db: Database, path: str, conditions: cabc.Iterable[str], index: str | None = None
) -> bool:
    """Tell whether there is a row for which any of the conditions is true.

    :param path: the table, quoted.
    :param conditions: SQL conditions over its columns.
    :param index: the name of an index to read instead of the table.
    """
    where = any_of(conditions)
    source = "NOT INDEXED" if index is None else f"INDEXED BY {always_quoted(index)}"
    return bool(db.execute(f"SELECT 1 FROM {path} {source} WHERE {where} LIMIT 1"))


def any_of(conditions: cabc.Iterable[str]) -> str:
    """Write the condition that is true where any of these is.

    It has no OR, which SQLite nests no deeper than 1000 levels:
    https://www.sqlite.org/limits.html
    """
    cases = " ".join(f"WHEN ({condition}\n) THEN 1" for condition in conditions)
    return f"CASE {cases} ELSE 0 END"


def rows_where(
    db: Database,
    path: str,
    key: RowKey,
    condition: str,
    value: str | None = None,
) -> Offenders:
    """Find the rows for which a condition is true.

    :param path: the table, quoted.
    :param condition: an SQL condition over its columns.
    :param value: an SQL expression to show beside the key.
    """
    # The closing parenthesis is on its own line: the condition is text from a stored
    # statement and may end in a comment.
    where = f"FROM {path} NOT INDEXED WHERE ({condition}\n)"
    shown = [*key.terms, *([value] if value else [])]
    examples = _examples(db, shown, f"{where} LIMIT {EXAMPLES}")
    if not examples:
        return Offenders(0, ())
    count = db.execute(f"SELECT count(*) {where}")[0][0]
    width = len(key.columns)
    return Offenders(
        count,
        tuple(
            key.describe(row[:width]) + (f" ({_shorten(row[width])})" if value else "")
            for row in examples
        ),
    )


def duplicates(
    db: Database, path: str, terms: cabc.Sequence[str], condition: str | None = None
) -> Offenders:
    """Find groups of rows that are equal in all of the terms.

    :param terms: SQL expressions, each with its collation. A NULL in any of them
        makes a row different from all others.
    :param condition: an SQL condition; other rows are left out.
    """
    tests = [f"({term}\n) IS NOT NULL" for term in terms]
    if condition is not None:
        tests.append(f"({condition}\n)")
    groups = (
        f"FROM {path} WHERE {' AND '.join(tests)}"
        f" GROUP BY {', '.join(map(_group_by, terms))} HAVING count(*) > 1"
    )
    examples = _examples(db, [*terms, "count(*)"], f"{groups} LIMIT {EXAMPLES}")
    if not examples:
        return Offenders(0, ())
    count = db.execute(f"SELECT sum(n) FROM (SELECT count(*) AS n {groups})")[0][0]
    return Offenders(
        count,
        tuple(
            f"{', '.join(_shorten(v) for v in row[:-1])} ({row[-1]} times)"
            for row in examples
        ),
        all_shown=count == sum(row[-1] for row in examples),
    )


def _group_by(term: str) -> str:
    """Write a term so that it is grouped by its value.

    SQLite takes an integer for the number of a column of the result:
    https://www.sqlite.org/lang_select.html#resultset
    """
    return term if column_names(significant(tokenize(term))) else "NULL"


def foreign_key_violations(db: Database, schema: str, child: str) -> list[Row]:
    """Return the rows of a table that break a foreign key: rowid, parent.

    See https://www.sqlite.org/pragma.html#pragma_foreign_key_check
    """
    return [(rowid, parent) for _, rowid, parent, _ in _broken_keys(db, schema, child)]


def _broken_keys(db: Database, schema: str, child: str) -> list[Row]:
    return db.execute(
        f"PRAGMA {quote(schema)}.foreign_key_check({always_quoted(child)})"
    )


def orphans(db: Database, schema: str, child: str, key: int) -> Offenders:
    """Find the rows of a table that break one of its foreign keys.

    :param key: the number of the key in ``PRAGMA foreign_key_list``.
    """
    if db.version < (3, 34, 0):
        # In older libraries the function below takes no table.
        rows = [row for row in _broken_keys(db, schema, child) if row[3] == key]
        return Offenders(len(rows), tuple(f"rowid {row[1]}" for row in rows[:EXAMPLES]))
    check = "FROM pragma_foreign_key_check(?, ?) WHERE [fkid] = ?"
    parameters = (child, schema, key)
    examples = db.execute(f"SELECT [rowid] {check} LIMIT {EXAMPLES}", parameters)
    if not examples:
        return Offenders(0, ())
    count = db.execute(f"SELECT count(*) {check}", parameters)[0][0]
    return Offenders(count, tuple(f"rowid {row[0]}" for row in examples))


def _examples(db: Database, terms: cabc.Iterable[str], rest: str) -> list[Row]:
    """Read a few rows to show, also text that no driver reads since it is not UTF-8."""
    shown = [
        f"typeof({term}), CASE typeof({term}) WHEN 'text' THEN CAST({term} AS BLOB)"
        f" ELSE {term} END"
        for term in terms
    ]
    rows = db.execute(f"SELECT {', '.join(shown)} {rest}")
    if not rows:
        return []
    encoding = str(db.execute("PRAGMA encoding")[0][0])
    return [
        tuple(
            bytes(value).decode(encoding, "backslashreplace")
            if type_ == "text"
            else value
            for type_, value in zip(row[::2], row[1::2], strict=True)
        )
        for row in rows
    ]


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

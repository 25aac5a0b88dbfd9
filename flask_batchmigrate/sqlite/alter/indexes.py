"""Drops and creates the indexes of a table."""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.expressions import Term
from ..ddl.expressions import without_schema
from ..ddl.objects import IndexText
from ..ddl.quoting import always_quoted
from ..ddl.tokens import quote
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import MissingColumn
from ..errors import RowsRefused
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.progress import run_long
from ..schema.rows import duplicates


def drop_indexes(db: Database, schema: str, names: cabc.Iterable[str]) -> None:
    """Drop indexes by name."""
    for name in names:
        db.execute(f"DROP INDEX {quote(schema)}.{always_quoted(name)}")


def create_indexes(
    db: Database,
    stored: StoredTable,
    indexes: cabc.Iterable[IndexText],
    rows: int | None = None,
) -> None:
    """Create indexes from their statements.

    :param rows: the number of rows of the table, if it is known.
    :raises RowsRefused: rows are not unique where an index needs it.
    :raises ChangeRefused: SQLite does not accept the index.
    """
    for index in indexes:
        step = f"building index '{index.name}'"
        try:
            run_long(db, stored, step, _in_schema(index, stored.schema), rows)
        except db.driver_error as error:
            if index.unique and is_about_rows(error):
                _explain(db, stored, index, error)
            if not is_verdict(error):
                raise
            missing = str(error).startswith("no such column")
            raise (MissingColumn if missing else ChangeRefused)(
                f"Index '{index.name}' on '{stored.name}' cannot be created: {error}",
                table=stored.name,
            ) from error


def _in_schema(index: IndexText, schema: str) -> str:
    """Write the statement so that it creates the index in its table's schema."""
    start = index.name_span.start
    return f"{index.sql[:start]}{quote(schema)}.{index.sql[start:]}"


def _explain(
    db: Database, stored: StoredTable, index: IndexText, error: Exception
) -> None:
    """Refuse the index with the rows that are equal, if there are any.

    :raises RowsRefused: rows are equal.
    """
    terms = [bare_term(term) for term in index.terms]
    where = None if index.where is None else without_schema(index.where)
    equal_rows = duplicates(db, stored.path, terms, where)
    if equal_rows:
        raise RowsRefused(
            f"Unique index '{index.name}' on '{stored.name}': {equal_rows} are equal",
            "Make them differ first.",
            table=stored.name,
        ) from error


def bare_term(term: Term) -> str:
    """Write a term of an index or a key for a query, without its sort order.

    An index may name a column in string quotes; in a query, that would be text.
    """
    if term.column is not None:
        name = always_quoted(term.column)
        collation = term.collation
        return f"{name} COLLATE {always_quoted(collation)}" if collation else name
    if term.order is None:
        return term.text
    return term.text[: -len(term.order)].rstrip()

"""Drops and creates the indexes of a table."""

from __future__ import annotations

import collections.abc as cabc

from .catalogue import always_quoted
from .catalogue import StoredTable
from .database import Database
from .database import is_about_rows
from .errors import RowsRefused
from .objects import IndexText
from .scan import duplicates
from .tokens import quote


def drop_indexes(db: Database, schema: str, names: cabc.Iterable[str]) -> None:
    """Drop indexes by name."""
    for name in names:
        db.execute(f"DROP INDEX {quote(schema)}.{always_quoted(name)}")


def create_indexes(
    db: Database, stored: StoredTable, indexes: cabc.Iterable[IndexText]
) -> None:
    """Create indexes from their text, as it is or was stored.

    :raises RowsRefused: rows are not unique where an index needs it.
    """
    for index in indexes:
        try:
            db.execute(_in_schema(index, stored.schema))
        except db.driver_error as error:
            if index.unique and is_about_rows(error):
                _explain(db, stored, index, error)
            raise


def _in_schema(index: IndexText, schema: str) -> str:
    """Write the statement so that the index is made in the schema of its table."""
    start = index.name_span.start
    return f"{index.sql[:start]}{quote(schema)}.{index.sql[start:]}"


def _explain(
    db: Database, stored: StoredTable, index: IndexText, error: Exception
) -> None:
    """Say which rows an index found equal, if that is what stopped it."""
    terms = [_bare(term.text, term.order) for term in index.terms]
    found = duplicates(db, stored.path, terms, index.where)
    if found:
        raise RowsRefused(
            f"Unique index '{index.name}' on '{stored.name}': {found} are equal."
            " Make them differ first. Nothing was changed."
        ) from error


def _bare(text: str, order: str | None) -> str:
    """Return an indexed term without its sort order."""
    return text if order is None else text[: -len(order)].rstrip()

"""Checks rows against the foreign keys that a block adds to a table."""

from __future__ import annotations

from ..ddl.meaning import describe
from ..ddl.meaning import only_in
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..ddl.tokens import same_name
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import RowsRefused
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_foreign_keys
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.rows import orphans
from ..target.target import Target


class NoParentKey(ChangeRefused):
    """A new foreign key refers to columns that are not a key of their table."""


def added_foreign_keys(target: Target) -> list[ConstraintText]:
    """Return the foreign keys that the block adds."""
    return only_in(target.text, target.before.text, ConstraintKind.FOREIGN_KEY)


def check_parents(db: Database, target: Target) -> None:
    """Refuse rows without a parent under the foreign keys that a block adds.

    :raises RowsRefused: gives the number of rows and the first of them.
    :raises NoParentKey: the parent table has no unique key on these columns.
    """
    stored = target.before
    for number, constraint in numbered_keys(db, stored, added_foreign_keys(target)):
        try:
            rows = orphans(db, stored.schema, stored.name, number)
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            raise NoParentKey(
                f"Table '{stored.name}': {describe(constraint)} cannot be added:"
                f" {error}. The columns it refers to need a primary key or a unique"
                " constraint",
                table=stored.name,
            ) from error
        if rows:
            parent = constraint.references.table if constraint.references else "?"
            raise RowsRefused(
                f"Table '{stored.name}': {describe(constraint)} cannot be added:"
                f" there is no row in '{parent}' for {rows}",
                "Add the parents, or clear the column in these rows first.",
                table=stored.name,
            )


def numbered_keys(
    db: Database, stored: StoredTable, wanted: list[ConstraintText]
) -> list[tuple[int, ConstraintText]]:
    """Find the numbers that SQLite gives to foreign keys."""
    if not wanted:
        return []
    catalogue = read_catalogue(db, stored.schema)
    keys = read_foreign_keys(db, catalogue, stored.name)
    numbered = []
    for constraint in wanted:
        parent = constraint.references
        for key in keys:
            if (
                parent is not None
                and same_name(key.child, stored.name)
                and same_name(key.parent, parent.table)
                and constraint.covers(key.child_columns)
                and _same_names(parent.columns, key.parent_columns)
            ):
                numbered.append((key.id, constraint))
    return numbered


def _same_names(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return len(first) == len(second) and all(map(same_name, first, second))

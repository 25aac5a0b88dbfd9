"""Checks the computed values of a STRICT table against the types of their columns."""

from __future__ import annotations

from ..ddl import edits
from ..ddl.quoting import always_quoted
from ..ddl.tokens import upper
from ..errors import RowsRefused
from ..schema.database import Database
from ..schema.database import trial
from ..schema.rows import row_key
from ..schema.rows import rows_where
from ..schema.schema_edit import replace_text
from ..target.target import Target
from .row_checks import changed_columns
from .row_checks import explained_rows

STORED_AS = {
    "INT": "integer",
    "INTEGER": "integer",
    "REAL": "real",
    "TEXT": "text",
    "BLOB": "blob",
}
"""The storage class that each type of a STRICT table holds.

See https://www.sqlite.org/stricttables.html
"""


def check_computed(db: Database, target: Target) -> None:
    """Refuse computed values that a STRICT table cannot hold.

    SQLite checks them neither when it adds the column nor when it copies rows, but its
    ``integrity_check`` reports them afterwards. SQLite 3.54 does not even read such a
    row, so the table is not STRICT while its rows are read here.

    :param target: a change that has been made.
    :raises RowsRefused: gives the number of rows and the first of them.
    """
    stored = target.before
    with explained_rows(db, target), trial(db, "batchmigrate_computed"):
        if db.can_write_schema:
            text = edits.set_options(target.text, strict=False)
            replace_text(db, stored.schema, stored.name, text)
        refuse_computed(db, target, stored.path)


def refuse_computed(db: Database, target: Target, path: str) -> None:
    """Refuse computed values that are not of the type of their column.

    :param path: the table with the new columns and values, in SQL.
    :raises RowsRefused: gives the number of rows and the first of them.
    """
    for name, storage in unchecked(target):
        value = always_quoted(name)
        condition = f"typeof({value}) NOT IN ('null', '{storage}')"
        misfits = rows_where(db, path, row_key(target.text), condition, value)
        if misfits:
            column = target.text.column(name)
            raise RowsRefused(
                f"Table '{target.before.name}': column '{name}' is computed, and"
                f" {column.type} of a STRICT table does not hold {misfits}",
                "Correct its expression or these rows first.",
                table=target.before.name,
                column=name,
            )


def unchecked(target: Target) -> list[tuple[str, str]]:
    """Return the computed columns that SQLite does not check, and what they hold."""
    if not target.text.strict:
        return []
    columns = []
    before, changed = target.before.text, changed_columns(target)
    for column, source in zip(target.text.columns, target.sources, strict=True):
        storage = STORED_AS.get(upper(column.type))
        if column.generated is None or storage is None:
            continue
        if (
            source.origin is not None
            and before.strict
            and before.column(source.origin).text == column.text
            and column.name not in changed
        ):
            continue
        columns.append((column.name, storage))
    return columns

"""Changes a table in place, by SQLite's ALTER TABLE and by editing its text.

See https://www.sqlite.org/lang_altertable.html
"""

from __future__ import annotations

import dataclasses
import re

from ..ddl import edits
from ..ddl.meaning import meanings
from ..ddl.meaning import only_in
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..schema.catalogue import read_own
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.database import trial
from ..schema.dependants import newly_broken
from ..schema.dependants import read_dependants
from ..schema.records import stays_valid
from ..schema.schema_edit import replace_text
from ..schema.snapshot import Snapshot
from ..target.target import Target
from .row_checks import explained_rows
from .unique_indexes import IndexesDiffer
from .unique_indexes import replace_definition

_NAMED = (
    ConstraintKind.PRIMARY_KEY,
    ConstraintKind.UNIQUE,
    ConstraintKind.CHECK,
    ConstraintKind.FOREIGN_KEY,
)


_NEEDED = re.compile("error in (view|trigger) .* after drop column", re.DOTALL)
"""Matches SQLite's refusal to drop a column that a view or trigger needs."""


class NotConfirmed(Exception):
    """SQLite does not confirm that the stored records stay valid: a copy is needed."""


def add_column(
    db: Database, target: Target, name: str, definition: str | None = None
) -> None:
    """Add a column by ``ALTER TABLE``.

    :param definition: the definition to add it with, if not the final one.
    :raises NotConfirmed: SQLite refuses the column: for example, the table is still
        STRICT, or a row does not fit, which a copy can explain.
    """
    # A UNIQUE constraint gets its index afterwards.
    definition = definition or edits.without_unique(target.text.column(name))
    try:
        db.execute(f"ALTER TABLE {target.before.path} ADD COLUMN {definition}")
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        raise NotConfirmed(str(error)) from error


def edit_definition(
    db: Database, target: Target, after_conversion: bool = False
) -> None:
    """Replace the stored text with the new one.

    :param after_conversion: whether a conversion has already edited the definition.
    :raises NotConfirmed: SQLite does not store rows alike under both texts.
    """
    present = _read(db, target) if after_conversion else _present(db, target)
    if not _says_the_same(present.text, target.text) and not stays_valid(
        db, present, target.text, keys=_has_same_keys(present.text, target.text)
    ):
        raise NotConfirmed
    _replace(db, present, target, target.text)
    if target.before.text.autoincrement and not target.text.autoincrement:
        db.execute(
            f"DELETE FROM {quote(present.schema)}.sqlite_sequence WHERE name = ?",
            (present.name,),
        )


def spell_definition(db: Database, target: Target) -> None:
    """Write the text as planned, if SQLite's own ALTER spelled it otherwise."""
    respell(db, _present(db, target), target.text)


def respell(db: Database, present: StoredTable, text: TableText) -> None:
    """Write a text as planned, if SQLite's own ALTER spelled it otherwise.

    SQLite puts a new column before the comment that belongs to the last one.

    :param present: the table as SQLite has left it.
    :param text: the table as it was planned.
    """
    if (
        present.text.sql != text.sql
        and db.can_write_schema
        and (_says_the_same(present.text, text) or stays_valid(db, present, text))
    ):
        replace_text(db, present.schema, present.name, text.sql)


def drop_column(db: Database, target: Target, name: str, before: Snapshot) -> None:
    """Drop a column with SQLite's own ALTER TABLE.

    SQLite refuses to drop a column that a constraint mentions, so these constraints are
    dropped first. Then the views and triggers are checked for uses of the column.

    See https://www.sqlite.org/lang_altertable.html#alter_table_drop_column

    :param before: the table and its surroundings, before the change.
    :raises ChangeRefused: a view or trigger needs the column.
    :raises NotConfirmed: SQLite refuses it.
    """
    present = _present(db, target)
    text = _without_mentions(present.text, target.text, name)
    _replace(db, present, target, text)
    if before.dependants and db.can_write_schema:
        _refuse_needed(db, before, dataclasses.replace(present, text=text), name)
    try:
        db.execute(f"ALTER TABLE {present.path} DROP COLUMN {always_quoted(name)}")
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        if _NEEDED.search(str(error)):
            # The object may be in another schema: a temporary view, for example.
            raise _needed(present.name, name, str(error)) from error
        raise NotConfirmed(str(error)) from error


def _replace(
    db: Database, present: StoredTable, target: Target, text: TableText
) -> None:
    """Replace the table's text with one that every stored record is valid for."""
    if not _has_same_keys(text, present.text):
        try:
            with explained_rows(db, target):
                replace_definition(db, present, text)
        except IndexesDiffer as error:
            raise NotConfirmed from error
    elif text.sql != present.text.sql:
        replace_text(db, present.schema, present.name, text.sql)


def _has_same_keys(first: TableText, second: TableText) -> bool:
    kind = ConstraintKind.UNIQUE
    return meanings(first, kind) == meanings(second, kind)


def _says_the_same(first: TableText, second: TableText) -> bool:
    """Tell whether two texts differ at most in the white space between their parts."""
    return (
        first.columns == second.columns
        and first.constraints == second.constraints
        and first.options == second.options
    )


def _without_mentions(text: TableText, wanted: TableText, name: str) -> TableText:
    """Return a text without the constraints that mention a column.

    The foreign keys that the block drops are left out as well: one that refers to the
    column would keep SQLite from compiling triggers.
    """
    keys = only_in(text, wanted, ConstraintKind.FOREIGN_KEY)
    sql = edits.drop_constraints(
        text, lambda c: c in keys or (c.kind in _NAMED and c.mentions(name))
    )
    return parse_table(sql)


def _refuse_needed(
    db: Database, before: Snapshot, present: StoredTable, name: str
) -> None:
    """Refuse to drop a column that a view or trigger needs.

    The column is removed from the text for a moment, in a savepoint; no row is read.

    :param present: the table, without constraints that mention the column.
    """
    with trial(db, "batchmigrate_dependants"):
        edited = edits.drop_column(present.text, name)
        _try_text(db, present, edited)
        now = read_dependants(db, before.catalogue, present.name)
        broken = newly_broken(before.dependants, now)
    if broken:
        raise _needed(present.name, name, "; ".join(broken))


def _needed(table: str, column: str, by: str) -> ChangeRefused:
    return ChangeRefused(
        f"Column '{column}' of '{table}' cannot be dropped: it is needed by {by}",
        "Drop or change these first.",
        table=table,
        column=column,
    )


def _try_text(db: Database, present: StoredTable, sql: str) -> None:
    try:
        replace_text(db, present.schema, present.name, sql)
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # Another column that is to be dropped is computed from this one.
        raise NotConfirmed(str(error)) from error


def _present(db: Database, target: Target) -> StoredTable:
    """Read the table as the earlier steps have left it."""
    if not (target.added_columns or target.dropped_columns):
        return target.before
    return _read(db, target)


def _read(db: Database, target: Target) -> StoredTable:
    return read_table(read_own(db, target.before), target.before.name)

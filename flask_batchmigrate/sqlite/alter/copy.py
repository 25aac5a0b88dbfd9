"""Copies all rows of a table into one with a new definition.

A scratch table receives the rows. It stores records like the new definition but accepts
every row; constraints are checked afterwards, and only new ones. Then the two tables
exchange their names. Where the schema cannot be written, the copy follows the procedure
in https://www.sqlite.org/lang_altertable.html#otheralter.
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl import edits
from ..ddl.objects import IndexText
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import ROWID_NAMES
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import RowsRefused
from ..errors import VerificationError
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.database import savepoint
from ..schema.database import trial
from ..schema.progress import run_long
from ..schema.records import created_as
from ..schema.rows import any_of
from ..target.target import Target
from .exchange import take_the_place
from .indexes import bare_term
from .indexes import create_indexes
from .kept_indexes import unchanged_by_rewrite
from .row_checks import check_rows
from .row_checks import explained_rows
from .row_checks import rules_of
from .scratch import Scratch
from .strict_values import refuse_computed
from .strict_values import unchecked
from .unique_indexes import IndexesDiffer
from .unique_indexes import replace_definition
from .unique_indexes import Shown

_CHECKED_AS_STORED = (3, 32, 0)
"""From this release on, a CHECK sees a value after the column has converted it."""


def copy_table(
    db: Database, target: Target, scratch: Scratch, kept: tuple[IndexText, ...]
) -> None:
    """Copy all rows of a table into one that has its new definition and its name.

    :param kept: the stored indexes that stay; all others are built again.
    :raises RowsRefused: a row does not fit.
    """
    kept = unchanged_by_rewrite(db, target.before, kept)
    rows = _copy_checked(db, target, scratch)
    if rows is None:
        rows = _copy_all(db, target, scratch)
    take_the_place(db, target, scratch, kept, rows)
    create_indexes(db, target.before, target.new_indexes, rows)


def _copy_checked(db: Database, target: Target, scratch: Scratch) -> int | None:
    """Copy the rows into a table that accepts only rows that fit.

    :return: the number of rows; ``None`` if a row does not fit, or SQLite does not
        accept a condition as a CHECK. :func:`_copy_all` then finds out why.
    """
    conditions = [rule.condition for rule in rules_of(target)]
    if not conditions and not target.text.of_kind(ConstraintKind.UNIQUE):
        return None
    ignored = db.execute("PRAGMA ignore_check_constraints")[0][0]
    if ignored or not db.can_write_schema or db.version < _CHECKED_AS_STORED:
        return None
    try:
        with savepoint(db, "batchmigrate_checked"):
            return _fill_scratch(db, target, scratch, conditions)
    except IndexesDiffer:
        return None
    except db.driver_error as error:
        if is_about_rows(error) or is_verdict(error):
            return None
        raise


def _copy_all(db: Database, target: Target, scratch: Scratch) -> int:
    """Copy the rows into a table that accepts every row, and check them there."""
    path = f"{scratch.path} AS {always_quoted(target.before.name)}"
    try:
        with explained_rows(db, target):
            rows = _fill_scratch(db, target, scratch)
            check_rows(db, target, path, rules_of(target))
    except RowsRefused:
        if unchecked(target):
            _refuse_computed(db, target, scratch)
        raise
    return rows


def _refuse_computed(db: Database, target: Target, scratch: Scratch) -> None:
    """Refuse computed values of a STRICT table, with their rows, if that is the reason.

    The newest SQLite does not store such a row, nor read it. So the rows are copied
    into a temporary table that is not STRICT.
    """
    text = parse_table(edits.set_options(scratch.text, strict=False))
    twin = Scratch("temp", scratch.name, text, is_relaxed=False)
    with trial(db, "batchmigrate_computed"):
        db.execute(created_as(text, twin.path))
        try:
            db.execute(_transfer(target, twin))
        except db.driver_error as error:
            if is_about_rows(error):
                return
            raise
        refuse_computed(db, target, twin.path)


def _fill_scratch(
    db: Database,
    target: Target,
    scratch: Scratch,
    conditions: cabc.Collection[str] | None = None,
) -> int:
    """Create the scratch table and copy the rows into it.

    :param conditions: true for rows that do not fit. If they are passed, the table
        refuses these rows, which is cheaper than reading it again, and the indexes of
        UNIQUE constraints are built after the copy, which is cheaper than row by row.
    :return: the number of rows.
    :raises ChangeRefused: the definition is not valid under another name. An error of
        the driver about a row is left for the caller to explain.
    :raises IndexesDiffer: the indexes of the keys cannot be built afterwards.
    """
    stored = target.before
    _refuse_unsafe(db, stored)
    text = scratch.text
    keys = text.of_kind(ConstraintKind.UNIQUE)
    keys_later = bool(keys and conditions is not None and not text.without_rowid)
    bare = parse_table(edits.drop_unique(text)) if keys_later else text
    if conditions:
        name = always_quoted(f"a row of {stored.name} does not fit")
        rule = f"CONSTRAINT {name} CHECK (NOT {any_of(conditions)})"
        bare = parse_table(edits.add_constraint(bare, rule))
    rows = int(db.execute(f"SELECT count(*) FROM {stored.path}")[0][0])
    _create(db, stored, created_as(bare, scratch.path))
    run_long(db, stored, "copying rows", _transfer(target, scratch), rows)
    # Counting the scratch table would read it all; the statement knows the number.
    copied = int(db.execute("SELECT changes()")[0][0])
    if copied != rows:
        raise VerificationError(stored.name, f"its copy has {copied} rows, not {rows}")
    if keys_later:
        filled = StoredTable(stored.schema, scratch.name, bare, ())
        replace_definition(db, filled, text, Shown(stored, rows))
    return rows


def _create(db: Database, stored: StoredTable, statement: str) -> None:
    try:
        db.execute(statement)
    except db.driver_error as error:
        if db.can_write_schema or not is_verdict(error):
            raise
        # An expression in the definition may name its table.
        raise ChangeRefused(
            f"Table '{stored.name}' has to be copied, since this SQLite library forbids"
            " writing the schema, and its definition is not valid under another name:"
            f" {error}",
            table=stored.name,
        ) from error


def _refuse_unsafe(db: Database, stored: StoredTable) -> None:
    """Refuse a copy that would have to drop a table that other tables refer to."""
    if not db.can_write_schema and db.execute("PRAGMA foreign_keys")[0][0]:
        raise ChangeRefused(
            f"Table '{stored.name}' has to be copied, but this SQLite library forbids"
            " writing the schema and foreign keys are enforced, so its child rows would"
            " be lost",
            "Turn enforcement off before the migration.",
            table=stored.name,
        )


def _transfer(target: Target, scratch: Scratch) -> str:
    """Write the statement that copies the rows."""
    columns, values = [], []
    rowid = _rowid_name(target)
    if rowid is not None:
        columns.append(rowid)
        values.append(rowid)
    for column, source in zip(target.text.columns, target.sources, strict=True):
        if column.generated is not None:
            continue
        if source.using is not None:
            values.append(f"({source.using}\n)")
        elif source.origin is not None:
            values.append(always_quoted(source.origin))
        else:
            continue
        columns.append(always_quoted(column.name))
    # OR ABORT: an ON CONFLICT clause of the new definition must not drop rows.
    # NOT INDEXED: SQLite reads the rows in the order of their rowids.
    return (
        f"INSERT OR ABORT INTO {scratch.path} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {target.before.path}"
        f" AS {always_quoted(target.before.name)} NOT INDEXED"
        f"{_order_of_key(target.before.text)}"
    )


def _order_of_key(text: TableText) -> str:
    """Write the order of the rows of a table without rowid.

    SQLite may read another index of such a table, in spite of NOT INDEXED.
    """
    if not text.without_rowid:
        return ""
    key = text.of_kind(ConstraintKind.PRIMARY_KEY)[0]
    terms = [f"{bare_term(term)} {term.order or ''}" for term in key.terms]
    if not terms:
        terms = [f"{always_quoted(key.columns[0])} {key.order or ''}"]
    return f" ORDER BY {', '.join(terms)}"


def _rowid_name(target: Target) -> str | None:
    """Return a name for the rowid; ``None`` if the rowid is not copied by itself."""
    before, after = target.before.text, target.text
    alias = after.rowid_alias
    if before.without_rowid or after.without_rowid:
        return None
    if alias is not None and target.source(alias).origin is not None:
        return None
    for name in ROWID_NAMES:
        if not before.has_column(name) and not after.has_column(name):
            return name
    # All three names are taken by columns, so no statement can tell rowids apart.
    return None

"""Carries a target out: by ALTER TABLE and schema edit, or by a copy."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import re

from ..ddl import edits
from ..ddl.meaning import meaning
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..plan.plan import Options
from ..plan.ways import Way
from ..schema.catalogue import Catalogue
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.compiled import Dependant
from ..schema.database import Database
from ..schema.database import savepoint
from ..schema.database import trial
from ..schema.dependants import newly_broken
from ..schema.dependants import read_dependants
from ..schema.records import check_definition
from ..schema.records import stays_valid
from ..schema.schema_edit import replace_text
from ..target.target import Target
from .copy import fill_scratch
from .copy import Scratch
from .copy import take_the_place
from .default_checks import check_defaults
from .indexes import create_indexes
from .indexes import drop_indexes
from .row_checks import check_numbering
from .row_checks import check_rows
from .row_checks import explain_failed_copy
from .row_checks import misfits
from .unique_indexes import NotSettled
from .unique_indexes import replace_definition

_NAMED = (
    ConstraintKind.PRIMARY_KEY,
    ConstraintKind.UNIQUE,
    ConstraintKind.CHECK,
    ConstraintKind.FOREIGN_KEY,
)

_NEEDED = re.compile("error in (view|trigger) .* after drop column", re.DOTALL)
"""How SQLite's own DROP COLUMN refuses a column that something else needs."""

_CHECKED_AS_STORED = (3, 32, 0)
"""Before this release a CHECK sees a value as it is before the column converts it."""


class NotConfirmed(Exception):
    """SQLite does not confirm that the stored records stay valid: copy instead."""


def carry_out(
    db: Database, catalogue: Catalogue, target: Target, way: Way, options: Options
) -> Way:
    """Make the change.

    :param catalogue: all objects of the table's schema, as they are before.
    :param way: the cheapest way that is safe by the engine's own rules.
    :return: the way it was done in the end.
    :raises ChangeRefused: the rows, or what depends on the table, do not allow it.
    """
    check_definition(db, target.before, target.text)
    check_defaults(db, target)
    if way is not Way.COPY:
        try:
            with savepoint(db, "batchmigrate_edit"):
                _alter_and_edit(db, target, way)
            return way
        except NotConfirmed as error:
            if options.recreate == "never":
                raise ChangeRefused(
                    f"Table '{target.before.name}' would have to be copied, which"
                    " recreate='never' rules out: SQLite does not confirm that the"
                    " stored records stay valid. Nothing was changed."
                ) from error
    _copy(db, catalogue, target, options.keep_indexes)
    return Way.COPY


def _copy(
    db: Database, catalogue: Catalogue, target: Target, keep_indexes: bool
) -> None:
    check_numbering(db, target)
    scratch = _copy_checked(db, catalogue, target)
    if scratch is None:
        scratch = _copy_all(db, catalogue, target)
    take_the_place(db, target, scratch, keep_indexes)
    create_indexes(db, target.before, target.new_indexes, scratch.rows)


def _copy_checked(db: Database, catalogue: Catalogue, target: Target) -> Scratch | None:
    """Copy the rows into a table that lets in what fits and nothing else.

    :return: nothing where a row does not fit or SQLite does not accept a condition as
        a CHECK; why, the longer way finds out.
    """
    conditions = misfits(target)
    if not conditions and not target.text.of_kind(ConstraintKind.UNIQUE):
        return None
    ignored = db.execute("PRAGMA ignore_check_constraints")[0][0]
    if ignored or not db.can_write_schema or db.version < _CHECKED_AS_STORED:
        return None
    try:
        with savepoint(db, "batchmigrate_checked"):
            return fill_scratch(db, catalogue, target, conditions)
    except NotSettled:
        return None
    except db.driver_error as error:
        if is_about_rows(error) or is_verdict(error):
            return None
        raise


def _copy_all(db: Database, catalogue: Catalogue, target: Target) -> Scratch:
    """Copy the rows into a table that lets everything in, and look at them there."""
    with _explained(db, target):
        scratch = fill_scratch(db, catalogue, target)
    check_rows(db, target, f"{scratch.path} AS {always_quoted(target.before.name)}")
    return scratch


def _alter_and_edit(db: Database, target: Target, way: Way) -> None:
    stored = target.before
    drop_indexes(db, stored.schema, target.dropped_indexes)
    _add_columns(db, target)
    check_rows(db, target, stored.path)
    for name in target.dropped_columns:
        rule = stored.text.column(name).generated
        if rule is None or rule.stored:
            _drop_column(db, target, name)
    altered = target.added_columns or target.dropped_columns
    present = _present(db, target) if altered else stored
    if way is Way.EDIT:
        _edit(db, present, target)
    else:
        respell(db, present, target.text)
    create_indexes(db, stored, target.new_indexes)


def _add_columns(db: Database, target: Target) -> None:
    # What is UNIQUE gets its index afterwards.
    plain = edits.next_table(edits.drop_unique(target.text))
    for name in target.added_columns:
        column = target.text.column(name)
        if column.generated is not None:
            continue
        definition = plain.column(name).text
        try:
            db.execute(f"ALTER TABLE {target.before.path} ADD COLUMN {definition}")
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            # The table is still STRICT, say; or a row does not fit, which a copy
            # can tell more about.
            raise NotConfirmed(str(error)) from error


def _edit(db: Database, present: StoredTable, target: Target) -> None:
    """Put the new text in the place of the stored one."""
    if not _says_the_same(present.text, target.text) and not stays_valid(
        db, present, target.text, keys=_unique(present.text) == _unique(target.text)
    ):
        raise NotConfirmed
    _replace(db, present, target, target.text)
    if target.before.text.autoincrement and not target.text.autoincrement:
        db.execute(
            f"DELETE FROM {quote(present.schema)}.sqlite_sequence WHERE name = ?",
            (present.name,),
        )


def _unique(text: TableText) -> list[object]:
    return [meaning(c) for c in text.of_kind(ConstraintKind.UNIQUE)]


def _replace(
    db: Database, present: StoredTable, target: Target, text: TableText
) -> None:
    """Give the table a text for which every stored record is valid."""
    if _unique(text) != _unique(present.text):
        try:
            with _explained(db, target):
                replace_definition(db, present, text)
        except NotSettled as error:
            raise NotConfirmed from error
    elif text.sql != present.text.sql:
        replace_text(db, present.schema, present.name, text.sql)


@contextlib.contextmanager
def _explained(db: Database, target: Target) -> cabc.Iterator[None]:
    """Say which rows stopped what the block does."""
    try:
        yield
    except db.driver_error as error:
        if not is_about_rows(error):
            raise
        raise explain_failed_copy(db, target, error) from error


def respell(db: Database, present: StoredTable, text: TableText) -> None:
    """Write the text as planned where SQLite's own ALTER wrote it in its own way.

    It puts a new column before the comment that belongs to the last one.

    :param present: the table as SQLite has left it.
    :param text: the table as it was planned.
    """
    if (
        present.text.sql != text.sql
        and db.can_write_schema
        and (_says_the_same(present.text, text) or stays_valid(db, present, text))
    ):
        replace_text(db, present.schema, present.name, text.sql)


def _says_the_same(first: TableText, second: TableText) -> bool:
    """Tell whether two texts differ at most in what stands between their parts."""
    return (
        first.columns == second.columns
        and first.constraints == second.constraints
        and first.options == second.options
    )


def _drop_column(db: Database, target: Target, name: str) -> None:
    """Drop a column with SQLite's own ALTER TABLE.

    It refuses columns that constraints mention, so these go first; that nothing
    outside needs the column is found out by itself beforehand, all at once.

    See https://www.sqlite.org/lang_altertable.html#alter_table_drop_column
    """
    catalogue = read_catalogue(db, target.before.schema)
    present = read_table(catalogue, target.before.name)
    dependants = read_dependants(db, catalogue, present.name)
    text = _without_mentions(present.text, name)
    _replace(db, present, target, text)
    if dependants and db.can_write_schema:
        bare = dataclasses.replace(present, text=text)
        _refuse_needed(db, catalogue, dependants, bare, name)
    try:
        db.execute(f"ALTER TABLE {present.path} DROP COLUMN {always_quoted(name)}")
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        if _NEEDED.search(str(error)):
            # A temporary view of the application, say, which is in another schema.
            raise _needed(present.name, name, str(error)) from error
        raise NotConfirmed(str(error)) from error
    after = read_catalogue(db, present.schema)
    if _other_texts(after, present.name) != _other_texts(catalogue, present.name):
        # It also respells text in double quotes, all over the schema.
        raise NotConfirmed


def _other_texts(catalogue: Catalogue, table: str) -> list[str | None]:
    # Automatic indexes have none; that of a UNIQUE goes with it.
    others = (o for o in catalogue.objects if o.type != "table" or o.name != table)
    return [o.sql for o in others if o.sql is not None]


def _without_mentions(text: TableText, name: str) -> TableText:
    """Take out every constraint that mentions a column."""
    sql = edits.drop_constraints(text, lambda c: c.kind in _NAMED and c.mentions(name))
    return parse_table(sql)


def _refuse_needed(
    db: Database,
    catalogue: Catalogue,
    before: tuple[Dependant, ...],
    present: StoredTable,
    name: str,
) -> None:
    """Refuse to drop a column that a view or trigger needs.

    For a moment, in a savepoint, the text does without the column; no row is read.

    :param before: the table's dependants, as they were.
    :param present: the table, where no constraint mentions the column any more.
    """
    with trial(db, "batchmigrate_dependants"):
        edited = edits.drop_column(present.text, name)
        _try_text(db, present, edited)
        broken = newly_broken(before, read_dependants(db, catalogue, present.name))
    if broken:
        raise _needed(present.name, name, "; ".join(broken))


def _needed(table: str, column: str, by: str) -> ChangeRefused:
    return ChangeRefused(
        f"Column '{column}' of '{table}' cannot be dropped: it is needed by {by}."
        " Drop or change these first. Nothing was changed."
    )


def _try_text(db: Database, present: StoredTable, sql: str) -> None:
    try:
        replace_text(db, present.schema, present.name, sql)
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # A generated column that goes as well is computed from the dropped one.
        raise NotConfirmed(str(error)) from error


def _present(db: Database, target: Target) -> StoredTable:
    """Read the table as it is at this moment."""
    return read_table(read_catalogue(db, target.before.schema), target.before.name)

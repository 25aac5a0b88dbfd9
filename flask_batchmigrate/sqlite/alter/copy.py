"""Copies all rows of a table into one with a new definition.

A scratch table receives the rows. It stores records like the new definition but accepts
every row; constraints are checked afterwards, and only new ones. Then the two tables
exchange their names. Where the schema cannot be written, the copy follows the procedure
in https://www.sqlite.org/lang_altertable.html#otheralter.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools

from ..ddl import edits
from ..ddl.objects import IndexText
from ..ddl.objects import parse_trigger
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..ddl.tokens import ROWID_NAMES
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import RowsRefused
from ..errors import VerificationError
from ..schema.catalogue import Catalogue
from ..schema.catalogue import qualified
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.database import legacy_alter_table
from ..schema.database import Row
from ..schema.database import savepoint
from ..schema.database import trial
from ..schema.progress import run_long
from ..schema.records import created_as
from ..schema.rows import any_of
from ..schema.schema_edit import drop_table
from ..schema.schema_edit import exchange_names
from ..target.target import Target
from .indexes import create_indexes
from .indexes import drop_indexes
from .kept_indexes import unchanged_by_rewrite
from .row_checks import check_rows
from .row_checks import explained_rows
from .row_checks import rules_of
from .statistics import read_statistics
from .statistics import restore_statistics
from .strict_values import refuse_computed
from .strict_values import unchecked
from .unique_indexes import IndexesDiffer
from .unique_indexes import replace_definition
from .unique_indexes import Shown

_CHECKED_AS_STORED = (3, 32, 0)
"""From this release on, a CHECK sees a value after the column has converted it."""


# This class has no slots, so that it can cache its text.
@dataclasses.dataclass(frozen=True)
class Scratch:
    """The table that receives the rows.

    Most plans never copy, so its texts are written on demand.

    :param name: a name that no object of the schema has.
    :param definition: the new definition.
    :param is_relaxed: whether it leaves out what does not matter for how records are
        stored.
    """

    schema: str
    name: str
    definition: TableText
    is_relaxed: bool

    @functools.cached_property
    def sql(self) -> str:
        """The statement that creates it."""
        write = edits.relaxed if self.is_relaxed else edits.set_name
        return write(self.definition, self.name)

    @functools.cached_property
    def text(self) -> TableText:
        """Its definition, read from the statement."""
        return parse_table(self.sql)

    @property
    def path(self) -> str:
        """The table's schema and name, quoted for SQL."""
        return qualified(self.schema, self.name)


def plan_scratch(db: Database, catalogue: Catalogue, target: Target) -> Scratch:
    """Choose the table that is to receive the rows, without creating it.

    :param catalogue: all objects of the table's schema.
    """
    name = catalogue.free_name("_batchmigrate_copy_")
    return Scratch(target.before.schema, name, target.text, db.can_write_schema)


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
    _take_the_place(db, target, scratch, kept, rows)
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
    # NOT INDEXED: SQLite reads the rows in the order of the table itself.
    return (
        f"INSERT OR ABORT INTO {scratch.path} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {target.before.path}"
        f" AS {always_quoted(target.before.name)} NOT INDEXED"
    )


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


def _take_the_place(
    db: Database,
    target: Target,
    scratch: Scratch,
    kept: cabc.Sequence[IndexText],
    rows: int,
) -> None:
    """Replace the stored table with the filled scratch table."""
    stored = target.before
    catalogue = read_catalogue(db, stored.schema)
    statistics = read_statistics(db, catalogue, stored)
    drop_indexes(db, stored.schema, [i.name for i in stored.indexes if i not in kept])
    if db.can_write_schema:
        old = edits.relaxed(stored.text, scratch.name)
        exchange_names(
            db, stored.schema, stored.name, scratch.name, (target.text.sql, old)
        )
        _move_sequence(db, target, scratch.name)
        drop_table(db, stored.schema, scratch.name)
    else:
        _replace_by_renaming(db, target, scratch)
    rebuilt = [i for i in target.kept_indexes if i not in kept]
    create_indexes(db, stored, rebuilt, rows)
    restore_statistics(db, statistics)


def _move_sequence(db: Database, target: Target, scratch: str) -> None:
    """Make AUTOINCREMENT continue where it stopped.

    See https://www.sqlite.org/autoinc.html
    """
    before, after = target.before.text, target.text
    if not before.autoincrement and not after.autoincrement:
        return
    sequence = f"{quote(target.before.schema)}.sqlite_sequence"
    name = target.before.name
    if not after.autoincrement:
        db.execute(f"DELETE FROM {sequence} WHERE name = ?", (name,))
    elif before.autoincrement:
        catalogue = read_catalogue(db, target.before.schema)
        _count_on(db, target, _sequence(db, catalogue, scratch))
        db.execute(f"DELETE FROM {sequence} WHERE name = ?", (scratch,))
    else:
        db.execute(f"UPDATE {sequence} SET name = ? WHERE name = ?", (name, scratch))


def _count_on(db: Database, target: Target, counted: list[Row]) -> None:
    """Let AUTOINCREMENT go on behind the rows, if they have got other rowids.

    :param counted: where SQLite has got to with the rows of the copy.
    """
    alias, stored = target.text.rowid_alias, target.before
    if alias is None or not counted:
        return
    source = target.source(alias)
    if source.using is not None or source.origin != stored.text.rowid_alias:
        db.execute(
            f"UPDATE {quote(stored.schema)}.sqlite_sequence SET seq = max(seq, ?)"
            " WHERE name = ?",
            (counted[0][1], stored.name),
        )


def _replace_by_renaming(db: Database, target: Target, scratch: Scratch) -> None:
    """Replace the stored table by ALTER TABLE, without writing the schema."""
    stored = target.before
    schema = quote(stored.schema)
    catalogue = read_catalogue(db, stored.schema)
    triggers = {name: _triggers(db, name) for name in (stored.schema, "temp")}
    sequence = _sequence(db, catalogue, stored.name)
    drop_table(db, stored.schema, stored.name)
    with legacy_alter_table(db, True):
        db.execute(f"ALTER TABLE {scratch.path} RENAME TO {always_quoted(stored.name)}")
    if target.text.autoincrement and target.before.text.autoincrement and sequence:
        path = f"{schema}.sqlite_sequence"
        counted = _sequence(db, catalogue, stored.name)
        db.execute(f"DELETE FROM {path} WHERE name = ?", (stored.name,))
        db.execute(f"INSERT INTO {path} (name, seq) VALUES (?, ?)", sequence[0])
        _count_on(db, target, counted)
    for name, before in triggers.items():
        present = _triggers(db, name)
        for trigger, sql in before.items():
            if trigger not in present:
                db.execute(sql)


def _triggers(db: Database, schema: str) -> dict[str, str]:
    """Map the names of all triggers of a schema to the statements that create them."""
    statements = {}
    for row in read_catalogue(db, schema).objects:
        if row.type == "trigger" and row.sql is not None:
            start = parse_trigger(row.sql).name_span.start
            statements[row.name] = f"{row.sql[:start]}{quote(schema)}.{row.sql[start:]}"
    return statements


def _sequence(db: Database, catalogue: Catalogue, table: str) -> list[Row]:
    if catalogue.table("sqlite_sequence") is None:
        return []
    return db.execute(
        f"SELECT name, seq FROM {quote(catalogue.schema)}.sqlite_sequence"
        " WHERE name = ?",
        (table,),
    )

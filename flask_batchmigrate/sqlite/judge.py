"""Asks SQLite itself whether stored records stay valid under a new definition.

SQLite copies records from one table to another without looking into them where both
tables store them alike: the transfer optimization of ``INSERT INTO x SELECT * FROM y``.
Whether it would do so for two twins of a table is visible in the compiled statement,
and nothing has to run: https://www.sqlite.org/opcode.html
"""

from __future__ import annotations

import secrets
import typing as t

from . import edits
from .catalogue import automatic_number
from .catalogue import StoredTable
from .database import Database
from .database import is_verdict
from .database import trial
from .errors import ChangeRefused
from .quoting import always_quoted
from .statements import explain
from .storage import replace_text
from .table import parse_table
from .table import TableText
from .tokens import same_name

_TRANSFER = {"RowCell", "RowData"}
_SENTINEL_BYTES = 16
_NEW = "_batchmigrate_new"


class IndexTerm(t.NamedTuple):
    """A column in an index; the rowid has no name."""

    column: str | None
    descending: bool
    collation: str
    is_key: bool


class AutomaticIndex(t.NamedTuple):
    """An index that SQLite made for a key.

    :param origin: ``"u"`` for a UNIQUE, ``"pk"`` for the primary key.
    :param terms: the key's columns, and what leads from there to the row.
    """

    origin: str
    terms: tuple[IndexTerm, ...]


def stays_valid(
    db: Database, stored: StoredTable, text: TableText, *, keys: bool = True
) -> bool:
    """Tell whether every stored record is a valid record of the new definition.

    Both definitions are asked about without what says nothing of how a record is
    stored, and without differences that were found safe by other means and that
    SQLite's own test would stumble over: the default, the collation and the name of
    the type of a column, and generated columns.

    :param stored: the table as it is stored now, with the columns of ``text``.
    :param keys: whether the indexes of its keys must be valid, too. Without, what is
        UNIQUE is left out: it says nothing of how a record is stored.
    """
    before = stored.text
    if not keys:
        before = parse_table(edits.drop_unique(before))
        text = parse_table(edits.drop_unique(text))
    try:
        with trial(db, "batchmigrate_judge"):
            old = _twin(db, before, text, "_batchmigrate_old")
            new = _twin(db, _as_before(text, before), before, _NEW)
            plan = db.execute(explain(f"INSERT INTO {new} SELECT * FROM {old}"))
            return any(row[1] in _TRANSFER for row in plan) and (
                not keys
                or automatic_indexes(db, stored.schema, stored.name)
                == automatic_indexes(db, "temp", _NEW)
            )
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # What SQLite does not accept as a table it does not call valid either.
        return False


def check_definition(db: Database, stored: StoredTable, text: TableText) -> None:
    """Ask SQLite whether it accepts a new definition; nothing is changed.

    :raises ChangeRefused: with what SQLite says. What it would not accept of the stored
        definition either is no reason: it is there.
    """
    # By its own name, which conditions may mention; a temporary table has it already.
    name = _NEW if stored.schema == "temp" else stored.name
    error = _rejection(db, text, name)
    if error is not None and _rejection(db, stored.text, name) is None:
        cause = str(error).replace(_NEW, stored.name)
        raise ChangeRefused(
            f"Table '{stored.name}' cannot be changed like that: SQLite does not accept"
            f" the new definition: {cause}. Nothing was changed."
        ) from error


def _rejection(db: Database, text: TableText, name: str) -> Exception | None:
    try:
        with trial(db, "batchmigrate_definition"):
            path = f"temp.{always_quoted(name)}"
            db.execute(created_as(text, path))
            # That columns are computed from one another shows when they are read.
            db.execute(explain(f"SELECT * FROM {path}"))
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        return error
    return None


def _twin(db: Database, text: TableText, other: TableText, name: str) -> str:
    """Make a temporary table that stores records like a definition.

    :param other: the definition it will be compared with. Generated columns that both
        have become plain ones, and so do stored ones; a virtual one that only this
        one has takes no room and is left out.
    :return: its path.
    """
    for column in text.columns:
        if column.generated is not None:
            if column.generated.stored or other.has_column(column.name):
                sql = edits.set_generated(text, column.name, None)
            else:
                sql = edits.drop_column(text, column.name)
            text = parse_table(sql)
    db.execute(edits.relaxed(text, name, "temp"))
    return f"temp.{always_quoted(name)}"


def _as_before(text: TableText, before: TableText) -> TableText:
    """Give the columns of a definition their old defaults, collations and types."""
    for column in text.columns:
        if not before.has_column(column.name):
            continue
        old = before.column(column.name)
        if old.default != column.default:
            text = parse_table(edits.set_default(text, column.name, old.default))
        if old.collation != column.collation:
            text = parse_table(edits.set_collation(text, column.name, old.collation))
        if old.type != column.type:
            text = parse_table(edits.set_type(text, column.name, old.type))
    return text


def automatic_indexes(
    db: Database, schema: str, table: str
) -> dict[int, AutomaticIndex]:
    """Return the indexes that SQLite made for the keys of a table, by number."""
    listed = db.execute(
        "SELECT name, origin FROM pragma_index_list(?, ?) WHERE origin <> 'c'",
        (table, schema),
    )
    found = {}
    for name, origin in sorted(listed):
        terms = db.execute(
            "SELECT name, desc, coll, key FROM pragma_index_xinfo(?, ?)", (name, schema)
        )
        found[automatic_number(name)] = AutomaticIndex(
            origin, tuple(IndexTerm(c, bool(d), n, bool(k)) for c, d, n, k in terms)
        )
    return found


def wanted_indexes(db: Database, text: TableText) -> dict[int, AutomaticIndex]:
    """Return the indexes that SQLite makes for the keys of a definition, by number."""
    with trial(db, "batchmigrate_wanted"):
        db.execute(edits.relaxed(text, _NEW, "temp"))
        return automatic_indexes(db, "temp", _NEW)


def created_as(text: TableText, path: str) -> str:
    """Return the statement that creates a table of this text under another path.

    :param path: schema and name, quoted.
    """
    return f"CREATE TABLE {path}{text.sql[text.name_span.end :]}"


def has_short_rows(db: Database, stored: StoredTable, column: str) -> bool:
    """Tell whether a row stores nothing for a column and reads its default.

    Such rows are older than the ``ADD COLUMN`` that made the column. For a moment, in
    a savepoint, the column gets a default that no row holds.
    """
    if any(same_name(column, name) for name in stored.text.primary_key):
        return False
    sentinel = secrets.token_bytes(_SENTINEL_BYTES)
    value = f"x'{sentinel.hex()}'"
    marked = edits.set_default(stored.text, column, value)
    with trial(db, "batchmigrate_sentinel"):
        replace_text(db, stored.schema, stored.name, marked)
        found = db.execute(
            f"SELECT 1 FROM {stored.path} NOT INDEXED"
            f" WHERE {always_quoted(column)} IS {value} LIMIT 1"
        )
        return bool(found)

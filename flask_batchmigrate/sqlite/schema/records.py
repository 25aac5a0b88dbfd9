"""Asks SQLite itself whether stored records stay valid under a new definition.

SQLite copies records from one table to another without looking into them where both
tables store them alike: the transfer optimization of ``INSERT INTO x SELECT * FROM y``.
Whether it would do so for two twins of a table is visible in the compiled statement,
and nothing has to run: https://www.sqlite.org/opcode.html
"""

from __future__ import annotations

import collections.abc as cabc
import itertools
import secrets
import typing as t

from ..ddl import edits
from ..ddl.constraints import ConstraintKind
from ..ddl.constraints import ConstraintText
from ..ddl.quoting import always_quoted
from ..ddl.statements import explain
from ..ddl.table import TableText
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from .catalogue import automatic_number
from .catalogue import StoredTable
from .database import Database
from .database import temporary
from .database import trial
from .schema_edit import replace_text

_TRANSFER = {"RowCell", "RowData"}
_SENTINEL_BYTES = 16
_OLD = "_batchmigrate_old"
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

    Both twins leave out what does not matter for how a record is stored. They also
    leave out differences that are known to be safe and that SQLite's test would refuse:
    the default, the collation and the name of the type of a column, and generated
    columns.

    :param stored: the table as it is stored now, with the columns of ``text``.
    :param keys: whether the indexes of its keys must be valid, too. Otherwise UNIQUE is
        left out, which does not matter for how a record is stored.
    """
    before = stored.text
    if _stores_alike(before, text, keys):
        return True
    if not keys:
        before = edits.next_table(edits.drop_unique(before))
        text = edits.next_table(edits.drop_unique(text))
    old = _twin_text(before, text)
    new = _twin_text(_as_before(text, before), before)
    if old == new:
        # Nothing differs that has to do with how records and keys are stored.
        return True
    try:
        with temporary(db, "batchmigrate_judge", f"temp.{_OLD}", f"temp.{_NEW}"):
            db.execute(old.replace(_NEW, _OLD, 1))
            db.execute(new)
            plan = db.execute(
                explain(f"INSERT INTO temp.{_NEW} SELECT * FROM temp.{_OLD}")
            )
            return any(row[1] in _TRANSFER for row in plan) and (
                not keys
                or automatic_indexes(db, stored.schema, stored.name)
                == automatic_indexes(db, "temp", _NEW)
            )
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        # SQLite does not accept the definition of a twin.
        return False


def _stores_alike(before: TableText, after: TableText, keys: bool) -> bool:
    """Tell whether two definitions differ in nothing that has to do with storage."""
    kinds = {ConstraintKind.PRIMARY_KEY, ConstraintKind.GENERATED}
    kinds |= {ConstraintKind.UNIQUE} if keys else set()
    before_, after_ = (
        (
            [(c.name, _texts_of(c.constraints, kinds)) for c in table.columns],
            _texts_of(table.constraints, kinds),
            [option.name for option in table.options],
        )
        for table in (before, after)
    )
    return before_ == after_


def _texts_of(
    constraints: cabc.Iterable[ConstraintText], kinds: cabc.Collection[ConstraintKind]
) -> list[str]:
    return [c.text for c in constraints if c.kind in kinds]


def check_definition(db: Database, stored: StoredTable, text: TableText) -> None:
    """Ask SQLite whether it accepts a new definition; nothing is changed.

    :raises ChangeRefused: SQLite does not accept it, and accepts the stored definition.
    """
    # Conditions may mention the table's own name, which only a temporary table cannot
    # have a second time.
    name = _NEW if stored.schema == "temp" else stored.name
    error = _rejection(db, text, name)
    if error is not None and _rejection(db, stored.text, name) is None:
        cause = str(error).replace(_NEW, stored.name)
        raise ChangeRefused(
            f"Table '{stored.name}' cannot be changed like that: SQLite does not accept"
            f" the new definition: {cause}",
            table=stored.name,
        ) from error


def _rejection(db: Database, text: TableText, name: str) -> Exception | None:
    try:
        path = f"temp.{always_quoted(name)}"
        with temporary(db, "batchmigrate_definition", path):
            db.execute(created_as(text, path))
            # Columns that are computed from one another are an error only when read.
            db.execute(explain(f"SELECT * FROM {path}"))
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        return error
    return None


def _twin_text(text: TableText, other: TableText) -> str:
    """Write a temporary table that stores records like a definition.

    :param other: the definition that it will be compared with. Generated columns that
        both have become plain columns, and so do stored ones. A virtual column that
        only this one has takes no room, and is left out.
    :return: the statement that creates it, under the name of the new one.
    """
    for column in text.columns:
        if column.generated is not None:
            if column.generated.stored or other.has_column(column.name):
                sql = edits.set_generated(text, column.name, None)
            else:
                sql = edits.drop_column(text, column.name)
            text = edits.next_table(sql)
    return edits.relaxed(text, _NEW, "temp")


def _as_before(text: TableText, before: TableText) -> TableText:
    """Give the columns of a definition their old defaults, collations and types."""
    for column in text.columns:
        if not before.has_column(column.name):
            continue
        old = before.column(column.name)
        if old.default != column.default:
            sql = edits.set_default(text, column.name, old.default)
            text = edits.next_table(sql)
        if old.collation != column.collation:
            sql = edits.set_collation(text, column.name, old.collation)
            text = edits.next_table(sql)
        if old.type != column.type:
            sql = edits.set_type(text, column.name, old.spelled_type)
            text = edits.next_table(sql)
    return text


def automatic_indexes(
    db: Database, schema: str, table: str
) -> dict[int, AutomaticIndex]:
    """Return the indexes that SQLite made for the keys of a table, by number."""
    listed = db.execute(
        "SELECT name, origin FROM pragma_index_list(?, ?) WHERE origin <> 'c'",
        (table, schema),
    )
    indexes = {}
    for name, origin in sorted(listed):
        terms = db.execute(
            "SELECT name, desc, coll, key FROM pragma_index_xinfo(?, ?)", (name, schema)
        )
        indexes[automatic_number(name)] = AutomaticIndex(
            origin, tuple(IndexTerm(c, bool(d), n, bool(k)) for c, d, n, k in terms)
        )
    return indexes


def wanted_indexes(db: Database, text: TableText) -> dict[int, AutomaticIndex]:
    """Return the indexes that SQLite makes for the keys of a definition, by number."""
    with temporary(db, "batchmigrate_wanted", f"temp.{_NEW}"):
        db.execute(edits.relaxed(text, _NEW, "temp"))
        return automatic_indexes(db, "temp", _NEW)


def created_as(text: TableText, path: str) -> str:
    """Return the statement that creates a table of this text under another path.

    :param path: schema and name, quoted.
    """
    return f"CREATE TABLE {path}{text.sql[text.name_span.end :]}"


def short_columns(
    db: Database, stored: StoredTable, columns: cabc.Iterable[str]
) -> frozenset[str]:
    """Find the columns for which a row stores nothing and reads their default.

    Such rows are older than the ``ADD COLUMN`` that made the column. In a savepoint the
    columns get a default that no row holds, and the rows are read once.

    :param columns: the columns to look at.
    :return: those for which there is such a row.
    """
    keys = {upper(name) for name in stored.text.primary_key}
    names = [name for name in columns if upper(name) not in keys]
    if not names:
        return frozenset()
    value = f"x'{secrets.token_bytes(_SENTINEL_BYTES).hex()}'"
    marked = stored.text
    for name in names:
        marked = edits.next_table(edits.set_default(marked, name, value))
    conditions = [f"{always_quoted(name)} IS {value}" for name in names]
    with trial(db, "batchmigrate_sentinel"):
        replace_text(db, stored.schema, stored.name, str(marked.sql))
        source = f"FROM {stored.path} NOT INDEXED"
        if len(names) == 1:
            short = db.execute(f"SELECT 1 {source} WHERE {conditions[0]} LIMIT 1")
            return frozenset(names if short else ())
        seen = ", ".join(f"max({condition})" for condition in conditions)
        row = db.execute(f"SELECT {seen} {source}")[0]
    return frozenset(itertools.compress(names, row))

"""Decides which indexes a copy may keep instead of building them again.

An index holds values and rowids, but no part of the table's definition. If the copy has
the same rowids and stores the same values, the index leads to the same rows.
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.objects import IndexText
from ..ddl.quoting import always_quoted
from ..ddl.tokens import ROWID_NAMES
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.rows import any_row
from ..target.target import Target
from .value_passes import changes_when_rewritten


def kept_indexes(target: Target) -> tuple[IndexText, ...]:
    """Return the stored indexes that fit a copy of the table."""
    return tuple(i for i in target.kept_indexes if _leads_to_same_rows(target, i))


def unchanged_by_rewrite(
    db: Database, stored: StoredTable, indexes: tuple[IndexText, ...]
) -> tuple[IndexText, ...]:
    """Return the indexes whose values do not change when the rows are written.

    A stored value may change when it is written, even under the same type. That happens
    if somebody has edited the stored definition without writing the rows: SQLite itself
    calls such a database damaged, and a copy repairs it.
    """
    complete = [i for i in indexes if _holds_its_columns(i)]
    others = [i for i in indexes if i not in complete]
    changing = [i for i in complete if _changes(db, stored, [i], i.name)]
    if _changes(db, stored, others):
        changing += [i for i in others if _changes(db, stored, [i])]
    return tuple(i for i in indexes if i not in changing)


def _holds_its_columns(index: IndexText) -> bool:
    """Tell whether an index holds all values of all columns that it mentions."""
    return index.where is None and all(t.column is not None for t in index.terms)


def _changes(
    db: Database,
    stored: StoredTable,
    indexes: cabc.Sequence[IndexText],
    read: str | None = None,
) -> bool:
    """Tell whether a column of the indexes holds a value that changes when written.

    :param read: the name of an index to read instead of the table, which is larger.
    """
    text = stored.text
    conditions = []
    for column in text.columns:
        if column.name == text.rowid_alias or not any(
            index.mentions(column.name) for index in indexes
        ):
            continue
        place = always_quoted(column.name)
        condition = changes_when_rewritten(text.affinity(column.name), place)
        if condition is not None:
            conditions.append(condition)
    if not conditions:
        return False
    try:
        return any_row(db, stored.path, conditions, read)
    except db.driver_error as error:
        # SQLite reads no index whose collation it does not know, and before 3.35 none
        # from end to end.
        if read is None or not is_verdict(error):
            raise
        return any_row(db, stored.path, conditions)


def _leads_to_same_rows(target: Target, index: IndexText) -> bool:
    """Tell whether an index leads to the same rows of a copy by the same values.

    It does if the copy keeps the rowids, and every column that the index mentions, with
    its affinity, collation and expression.
    """
    before, after = target.before.text, target.text
    if before.without_rowid or after.without_rowid or not _keeps_rowids(target):
        return False
    for column in before.columns:
        if not index.mentions(column.name):
            continue
        if not after.has_column(column.name):
            return False
        new, source = after.column(column.name), target.source(column.name)
        if (
            source.using is not None
            or source.origin is None
            or not same_name(source.origin, column.name)
            or column.generated is not None
            or new.generated is not None
            or before.affinity(column.name) is not after.affinity(new.name)
            or upper(column.collation or "") != upper(new.collation or "")
        ):
            return False
    return True


def _keeps_rowids(target: Target) -> bool:
    before, after = target.before.text.rowid_alias, target.text.rowid_alias
    if before is None and after is None:
        texts = (target.before.text, target.text)
        return any(not any(t.has_column(name) for t in texts) for name in ROWID_NAMES)
    if before is None or after is None:
        return False
    source = target.source(after)
    return source.using is None and same_name(source.origin or "", before)

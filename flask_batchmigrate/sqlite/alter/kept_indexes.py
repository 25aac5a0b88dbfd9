"""Decides which indexes a copy may keep instead of building them again.

An index holds values and rowids, and nothing of the table's definition. Where the copy
has the same rowids and stores the same values, it leads to the same rows.
"""

from __future__ import annotations

from ..ddl.objects import IndexText
from ..ddl.quoting import always_quoted
from ..ddl.tokens import ROWID_NAMES
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..target.target import Target
from .value_passes import is_unsettled


def kept_indexes(target: Target) -> tuple[IndexText, ...]:
    """Return the stored indexes that fit a copy of the table."""
    return tuple(i for i in target.kept_indexes if _leads_to_same_rows(target, i))


def settled(
    db: Database, stored: StoredTable, indexes: tuple[IndexText, ...]
) -> tuple[IndexText, ...]:
    """Return those of some indexes that hold what the rows hold when they are written.

    Others have a column of which a stored value changes when it is written, type or no
    type. That is so where somebody has edited the stored definition and left the rows
    as they were: SQLite itself calls such a database damaged, and a copy heals it.
    """
    names = {name for index in indexes for name in index.names}
    changing = _changing(db, stored, names) if names else set()
    return tuple(i for i in indexes if not i.names & changing)


def _changing(db: Database, stored: StoredTable, names: set[str]) -> set[str]:
    """Find the columns of which a value changes when it is written."""
    asked = {}
    for column in stored.text.columns:
        place = always_quoted(column.name)
        condition = is_unsettled(stored.text.affinity(column.name), place)
        if (
            upper(column.name) in names
            and column.generated is None
            and condition is not None
        ):
            asked[upper(column.name)] = condition
    if not asked:
        return set()
    seen = ", ".join(f"max({condition})" for condition in asked.values())
    row = db.execute(f"SELECT {seen} FROM {stored.path} NOT INDEXED")[0]
    return {name for name, found in zip(asked, row, strict=True) if found}


def _leads_to_same_rows(target: Target, index: IndexText) -> bool:
    """Tell whether an index leads to the same rows of a copy by the same values.

    It does where rowids are kept, and so is every column it mentions, with its
    affinity, collation and expression.
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

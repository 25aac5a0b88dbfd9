"""Numbers the rows where an empty column becomes the rowid, and keeps numbering them.

See https://www.sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key
"""

from __future__ import annotations

import dataclasses

from ..ddl.quoting import always_quoted
from ..ddl.tokens import ROWID_NAMES
from ..ddl.tokens import upper
from ..schema.database import Database
from ..schema.database import trial
from .gone import Past
from .target import Target


def with_numbers(db: Database, target: Target) -> Target:
    """Let a stored column that is NULL in every row take over the rows' numbers.

    The same happens when one block adds the column and makes it the rowid. If any row
    has a value, a NULL in another row is not numbered but refused.
    """
    alias, before = target.text.rowid_alias, target.before.text
    name = next((name for name in ROWID_NAMES if not before.has_column(name)), None)
    if alias is None or name is None or before.without_rowid:
        return target
    source = target.source(alias)
    if source.origin is None or source.using is not None:
        return target
    if before.rowid_alias == source.origin or before.column(source.origin).generated:
        return target
    if before.column(source.origin).not_null or not _is_empty(
        db, target, source.origin
    ):
        return target
    numbered = dataclasses.replace(source, using=name, keep_misfits=True)
    return dataclasses.replace(
        target,
        sources=tuple(numbered if s is source else s for s in target.sources),
    )


def kept_numbering(table: str, past: Past) -> tuple[str, ...]:
    """Describe the columns that stay INTEGER, since they are the rowid.

    :param past: everything that the block has done to the table.
    """
    return tuple(
        f"'{table}.{column}' stays INTEGER: it is the rowid, whose numbering {type_}"
        " would end"
        for column, type_ in past.rowid_types
        if upper(type_) != "INTEGER"
    )


def _is_empty(db: Database, target: Target, column: str) -> bool:
    """Tell whether there are rows, and a column is NULL in all of them."""
    path = target.before.path
    value = f"{always_quoted(column)} IS NOT NULL"
    # The trial shows that the answer is no reason to refuse the change.
    with trial(db, "batchmigrate_numbers"):
        first = db.execute(f"SELECT 1 FROM {path} LIMIT 1")
        filled = db.execute(f"SELECT 1 FROM {path} NOT INDEXED WHERE {value} LIMIT 1")
    return bool(first and not filled)

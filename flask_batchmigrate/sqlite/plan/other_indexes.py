"""Carries out changes that name an index of another table.

The name of an index is unique in its schema, and SQLite finds an index by its name
alone: https://www.sqlite.org/lang_createindex.html,
https://www.sqlite.org/lang_dropindex.html
"""

from __future__ import annotations

import collections.abc as cabc

from ..alter.indexes import drop_indexes
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..schema.database import Database
from ..target import changes


def change_other_indexes(
    db: Database, schema: str, table: str, block: cabc.Sequence[changes.Change]
) -> tuple[list[changes.Change], tuple[str, ...]]:
    """Carry out the changes of a block that name indexes of other tables.

    ``CREATE INDEX IF NOT EXISTS`` does nothing if another table has the index. An index
    of another table is dropped if the block changes nothing but indexes; in any other
    block, the table itself has to have the index.

    :return: the changes that remain, and notes.
    """
    only_indexes = all(
        isinstance(change, changes.CreateIndex | changes.DropIndex) for change in block
    )
    left: list[changes.Change] = []
    notes: list[str] = []
    for change in block:
        match change:
            case changes.CreateIndex(name=name, if_not_exists=True):
                other = _other_table(db, schema, table, name)
                note = f"'{other}' already has an index '{name}', so none is created"
            case changes.DropIndex(name=name) if only_indexes:
                other = _other_table(db, schema, table, name)
                note = f"index '{name}' of '{other}' is dropped"
            case _:
                other = None
        if other is None:
            left.append(change)
            continue
        if isinstance(change, changes.DropIndex):
            drop_indexes(db, schema, [change.name])
        notes.append(note)
    return left, tuple(notes)


def _other_table(db: Database, schema: str, table: str, index: str) -> str | None:
    """Return the name of the other table that has an index; ``None`` if none does."""
    rows = db.execute(
        f"SELECT tbl_name FROM {quote(schema)}.sqlite_master"
        " WHERE type = 'index' AND name = ? COLLATE NOCASE",
        (index,),
    )
    for (name,) in rows:
        if not same_name(name, table):
            return str(name)
    return None

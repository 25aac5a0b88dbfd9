"""Drops a table without touching the rows of others.

With foreign keys enforced, SQLite's ``DROP TABLE`` first deletes every row, and that
fires ``ON DELETE`` actions of other tables: https://www.sqlite.org/foreignkeys.html#fk_schemacommands
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ..ddl import edits
from ..ddl.quoting import always_quoted
from ..ddl.table import is_virtual_table
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..errors import ChangeRefused
from ..errors import MissingTable
from ..schema import schema_edit
from ..schema.catalogue import Catalogue
from ..schema.catalogue import qualified
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_foreign_keys
from ..schema.catalogue import read_table
from ..schema.catalogue import refuse_shadow
from ..schema.database import Database
from ..schema.database import savepoint
from ..schema.foreign_keys import children_of
from ..schema.foreign_keys import read_state
from .deferred_keys import forget_orphans
from .deferred_keys import orphans_of_table
from .indexes import drop_indexes
from .pending_keys import PendingKeys

_BY_NAME: t.Final = (
    ("sqlite_sequence", "name"),
    ("sqlite_stat1", "tbl"),
    ("sqlite_stat4", "tbl"),
)
"""SQLite's own tables with rows about a table, and the column with its name."""


def drop_table(
    db: Database,
    schema: str,
    table: str,
    pending: PendingKeys,
) -> None:
    """Drop a table.

    :param pending: collects the foreign keys that refer to the table, if keys are
        enforced: the script may drop them later, or create the table again.
    :raises MissingTable: there is no such table.
    :raises ChangeRefused: dropping the table would lose rows of other tables.
    """
    catalogue = read_catalogue(db, schema)
    row = catalogue.table(table)
    if row is None:
        raise MissingTable(
            f"Table '{schema}.{table}' does not exist (no such table: {table})",
            "Check the name, or pass if_exists=True.",
            table=table,
        )
    refuse_shadow(catalogue, row.name)
    enforced = bool(db.execute("PRAGMA foreign_keys")[0][0])
    # Where keys are not enforced, dropping a table touches no row of another.
    keys = read_foreign_keys(db, catalogue, row.name) if enforced else ()
    children = {
        key.child
        for key in children_of(keys, row.name)
        if not same_name(key.child, row.name)
    }
    # SQLite counts the rows of a deferred key, but not all releases forget those of a
    # table that is dropped after its parent.
    is_orphan = db.can_write_schema and any(
        same_name(key.child, row.name) and catalogue.table(key.parent) is None
        for key in keys
    )
    is_plain = row.sql is not None and not is_virtual_table(row.sql)
    if not enforced or not (children or is_orphan) or not is_plain:
        db.execute(f"DROP TABLE {qualified(schema, row.name)}")
        return
    if not db.can_write_schema:
        raise ChangeRefused(
            f"Table '{table}' cannot be dropped while foreign keys are enforced, since"
            f" rows of {_listed(children)} would go with it and this SQLite library"
            " forbids writing the schema",
            "Drop their foreign keys first.",
            table=table,
        )
    before = read_state(db, schema, children, children)
    # The keys are noted first: a later failure undoes the drop.
    pending.dropped(schema, row.name, children, before)
    with savepoint(db, "batchmigrate_drop"):
        _drop_under_another_name(db, catalogue, row.name)


def _drop_under_another_name(db: Database, catalogue: Catalogue, table: str) -> None:
    """Rename a table, so that nothing refers to it, and then drop it.

    :param catalogue: all objects of its schema.
    """
    schema, stored = catalogue.schema, read_table(catalogue, table)
    orphans = orphans_of_table(db, stored)
    drop_indexes(db, schema, [index.name for index in stored.indexes])
    for trigger in catalogue.of_table(table, "trigger"):
        db.execute(f"DROP TRIGGER {quote(schema)}.{always_quoted(trigger.name)}")
    scratch = catalogue.free_name("_batchmigrate_drop_")
    text = edits.relaxed(stored.text, scratch)
    schema_edit.rename_quietly(db, schema, stored.name, scratch, text)
    schema_edit.drop_table(db, schema, scratch)
    forget_orphans(db, orphans)
    for name, column in _BY_NAME:
        if catalogue.table(name) is not None:
            path = qualified(schema, name)
            db.execute(f"DELETE FROM {path} WHERE {column} = ?", (table,))


def _listed(names: cabc.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))

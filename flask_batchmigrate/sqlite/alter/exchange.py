"""Puts the copy of a table into the place of the table.

AUTOINCREMENT goes on where it was, and statistics, triggers and the indexes that stay
are those of the table.
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl import edits
from ..ddl.objects import IndexText
from ..ddl.objects import parse_trigger
from ..ddl.quoting import always_quoted
from ..ddl.tokens import quote
from ..schema.catalogue import Catalogue
from ..schema.catalogue import read_catalogue
from ..schema.database import Database
from ..schema.database import legacy_alter_table
from ..schema.database import Row
from ..schema.schema_edit import drop_table
from ..schema.schema_edit import exchange_names
from ..target.target import Target
from .indexes import create_indexes
from .indexes import drop_indexes
from .scratch import Scratch
from .statistics import read_statistics
from .statistics import restore_statistics


def take_the_place(
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

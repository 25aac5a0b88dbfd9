"""Writes to the catalogue: the text of a table, and which rows belong to its name.

Three rules keep this safe, each from an experiment. The schema is closed for writing
before anything reloads it, since SQLite skips what it cannot read while
``writable_schema`` is on. The schema cookie is raised, so that every connection reads
the schema again (https://www.sqlite.org/pragma.html#pragma_schema_version). And an
index or trigger stays behind its table, since SQLite loads the catalogue in rowid
order. A rollback undoes all of it.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ..ddl.quoting import always_quoted
from ..ddl.tokens import quote
from .catalogue import automatic_name
from .catalogue import automatic_number
from .catalogue import Catalogue
from .catalogue import read_catalogue
from .catalogue import read_with_scratch
from .catalogue import StoredObject
from .database import Database
from .database import legacy_alter_table
from .database import schema_writing


def replace_text(db: Database, schema: str, table: str, sql: str) -> None:
    """Give a table a new ``CREATE TABLE`` text; its stored rows stay untouched.

    :param table: its name exactly as the catalogue has it.
    :param sql: a text for which every stored record is valid; nothing checks that.
    """
    with schema_writing(db):
        _set_text(db, schema, table, sql)
    reload_schema(db, schema)


def hide_triggers(
    db: Database, schema: str, table: str, sql: str
) -> tuple[StoredObject, ...]:
    """Give a table a new text, and take its triggers out of the catalogue for a while.

    Nothing may be created in the schema before :func:`show_triggers` puts them back:
    it could take the place of a trigger in the catalogue.

    :return: the triggers.
    """
    triggers = read_catalogue(db, schema).of_table(table, "trigger")
    with schema_writing(db):
        _set_text(db, schema, table, sql)
        for trigger in triggers:
            db.execute(
                f"DELETE FROM {quote(schema)}.sqlite_master WHERE rowid = ?",
                (trigger.rowid,),
            )
    reload_schema(db, schema)
    return triggers


def show_triggers(
    db: Database,
    schema: str,
    table: str,
    sql: str,
    triggers: cabc.Iterable[StoredObject],
) -> None:
    """Give a table a new text, and put hidden triggers back where they were."""
    with schema_writing(db):
        _set_text(db, schema, table, sql)
        for o in triggers:
            db.execute(
                f"INSERT INTO {quote(schema)}.sqlite_master"
                " (rowid, type, name, tbl_name, rootpage, sql)"
                " VALUES (?, ?, ?, ?, 0, ?)",
                (o.rowid, o.type, o.name, o.table, o.sql),
            )
    reload_schema(db, schema)


def replace_texts(db: Database, schema: str, texts: cabc.Mapping[int, str]) -> None:
    """Replace stored statements by others that mean the same.

    :param texts: the new text by the rowid of the object in the catalogue.
    """
    with schema_writing(db):
        for rowid, sql in texts.items():
            db.execute(
                f"UPDATE {quote(schema)}.sqlite_master SET sql = ? WHERE rowid = ?",
                (sql, rowid),
            )
    reload_schema(db, schema)


def _set_text(db: Database, schema: str, table: str, sql: str) -> None:
    db.execute(
        f"UPDATE {quote(schema)}.sqlite_master SET sql = ?"
        " WHERE type = 'table' AND name = ?",
        (str(sql), table),
    )


class NewRow(t.NamedTuple):
    """New values for the catalogue's row of an index.

    :param name: the present name of the index.
    :param new_name: its new name.
    :param sql: its new text, ``None`` for an automatic index.
    """

    name: str
    new_name: str
    sql: str | None


def replace_with_indexes(
    db: Database, schema: str, table: str, sql: str, rows: cabc.Iterable[NewRow]
) -> None:
    """Give a table a new text, and some of its indexes other names and texts.

    The statistics of ANALYZE follow the names of the indexes.

    :param table: its name exactly as the catalogue has it.
    """
    catalogue = read_with_scratch(db, schema, table)
    rowids = {o.name: o.rowid for o in catalogue.of_table(table, "index")}
    # They are found by rowid, because two of them may exchange their names.
    moved = [(rowids[row.name], row) for row in rows]
    master = f"{quote(schema)}.sqlite_master"
    with schema_writing(db):
        _set_text(db, schema, table, sql)
        for rowid, row in moved:
            db.execute(
                f"UPDATE {master} SET name = ?, sql = ? WHERE rowid = ?",
                (row.new_name, row.sql, rowid),
            )
    _rename_statistics(db, catalogue, table, {r.name: r.new_name for _, r in moved})
    reload_schema(db, schema)


def _rename_statistics(
    db: Database, catalogue: Catalogue, table: str, names: cabc.Mapping[str, str]
) -> None:
    for kind in ("sqlite_stat1", "sqlite_stat4"):
        if not names or catalogue.table(kind) is None:
            continue
        path = f"{quote(catalogue.schema)}.{kind}"
        for rowid, name in db.execute(
            f"SELECT rowid, idx FROM {path} WHERE tbl = ?", (table,)
        ):
            if name in names:
                db.execute(
                    f"UPDATE {path} SET idx = ? WHERE rowid = ?", (names[name], rowid)
                )


def exchange_names(
    db: Database, schema: str, table: str, scratch: str, texts: tuple[str, str]
) -> None:
    """Exchange the names of a scratch table and a table, automatic indexes included.

    Foreign keys, triggers and views refer to a table by name, so they follow the
    name to the new rows; dropping the scratch table then touches none of them.

    :param texts: the new text of the table, and the text of the scratch table, which
        now holds the old rows.
    """
    catalogue = read_catalogue(db, schema)
    old, new = _row(catalogue, table), _row(catalogue, scratch)
    end = max(o.rowid for o in catalogue.objects) + 1
    master = f"{quote(schema)}.sqlite_master"
    move = f"UPDATE {master} SET rowid = ?, name = ?, tbl_name = ? WHERE rowid = ?"
    with schema_writing(db):
        db.execute(move, (end, scratch, scratch, old.rowid))
        db.execute(f"UPDATE {master} SET sql = ? WHERE rowid = ?", (texts[1], end))
        for step, index in enumerate(_automatic(catalogue, table), start=1):
            name = _automatic_name(index, scratch)
            db.execute(move, (end + step, name, scratch, index.rowid))
        db.execute(move, (old.rowid, table, table, new.rowid))
        db.execute(
            f"UPDATE {master} SET sql = ? WHERE rowid = ?", (texts[0], old.rowid)
        )
        for index in _automatic(catalogue, scratch):
            name = _automatic_name(index, table)
            db.execute(move, (index.rowid, name, table, index.rowid))
    reload_schema(db, schema)


def rename_quietly(
    db: Database, schema: str, table: str, new_name: str, sql: str
) -> None:
    """Give a table another name that no key, view or trigger follows.

    The table must have no indexes and triggers of its own any more.

    :param new_name: a name that no object of the schema has.
    :param sql: the table's text under that name.
    """
    catalogue = read_catalogue(db, schema)
    row = _row(catalogue, table)
    master = f"{quote(schema)}.sqlite_master"
    rename = f"UPDATE {master} SET name = ?, tbl_name = ? WHERE rowid = ?"
    with schema_writing(db):
        db.execute(rename, (new_name, new_name, row.rowid))
        db.execute(f"UPDATE {master} SET sql = ? WHERE rowid = ?", (sql, row.rowid))
        for index in _automatic(catalogue, table):
            name = _automatic_name(index, new_name)
            db.execute(rename, (name, new_name, index.rowid))
    reload_schema(db, schema)


def reload_schema(db: Database, schema: str) -> None:
    """Make this and all other connections read the schema again."""
    path = quote(schema)
    if db.version >= (3, 36, 0):
        cookie = db.execute(f"PRAGMA {path}.schema_version")[0][0]
        db.execute(f"PRAGMA {path}.schema_version = {cookie + 1}")
    else:
        _reload_by_rename(db, schema)
    # A malformed text raises an error here, while the change can still be undone.
    db.execute(f"SELECT 1 FROM {path}.sqlite_master LIMIT 1")


def _reload_by_rename(db: Database, schema: str) -> None:
    """Reload the schema in libraries before 3.36, where raising the cookie does not.

    Renaming any table reloads the whole schema. With ``legacy_alter_table``, a broken
    view elsewhere does not stop the rename.
    """
    catalogue = read_catalogue(db, schema)
    first = catalogue.free_name("_batchmigrate_reload_a")
    second = catalogue.free_name("_batchmigrate_reload_b")
    path = quote(schema)
    with legacy_alter_table(db, True):
        db.execute(f"CREATE TABLE {path}.{first} (x)")
        db.execute(f"ALTER TABLE {path}.{first} RENAME TO {second}")
        db.execute(f"DROP TABLE {path}.{second}")


def drop_table(db: Database, schema: str, table: str) -> None:
    """Drop a table that nothing refers to."""
    db.execute(f"DROP TABLE {quote(schema)}.{always_quoted(table)}")


def _row(catalogue: Catalogue, table: str) -> StoredObject:
    row = catalogue.table(table)
    if row is None:
        raise LookupError(f"no table {table!r} in schema {catalogue.schema!r}")
    return row


def _automatic(catalogue: Catalogue, table: str) -> list[StoredObject]:
    return [o for o in catalogue.of_table(table, "index") if o.is_automatic_index]


def _automatic_name(index: StoredObject, table: str) -> str:
    """Return the name of an automatic index for another name of its table."""
    return automatic_name(table, automatic_number(index.name))

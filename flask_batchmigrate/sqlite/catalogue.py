"""What a database holds: its catalogue, read into values.

The catalogue is the table ``sqlite_master``: https://www.sqlite.org/schematab.html
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import typing as t

from .database import Database
from .errors import ChangeRefused
from .objects import IndexText
from .objects import parse_index
from .quoting import always_quoted
from .table import is_virtual_table
from .table import parse_table
from .table import TableText
from .tokens import quote
from .tokens import same_name
from .tokens import upper


class StoredObject(t.NamedTuple):
    """One row of the catalogue."""

    rowid: int
    type: str
    name: str
    table: str
    sql: str | None

    @property
    def is_automatic_index(self) -> bool:
        """Whether SQLite made this index for a UNIQUE or PRIMARY KEY."""
        return self.type == "index" and self.sql is None


@dataclasses.dataclass(frozen=True, slots=True)
class ForeignKeyRow:
    """A foreign key as ``PRAGMA foreign_key_list`` tells it.

    :param parent_columns: empty where the parent's primary key is meant.
    """

    child: str
    id: int
    parent: str
    child_columns: tuple[str, ...]
    parent_columns: tuple[str, ...]


# Without slots: objects are looked up by name many times.
@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Every object of one schema (``main``, ``temp`` or an attached database)."""

    schema: str
    objects: tuple[StoredObject, ...]

    def table(self, name: str) -> StoredObject | None:
        """Return the table of this name, in any case of its letters."""
        found = self.find(name)
        return found if found is not None and found.type == "table" else None

    def find(self, name: str) -> StoredObject | None:
        """Return the table, view or index of this name: they share one namespace."""
        return self._by_name.get(upper(name))

    def of_table(self, name: str, type_: str) -> tuple[StoredObject, ...]:
        """Return the indexes or triggers that belong to a table or view."""
        belonging = self._by_table.get(upper(name), ())
        return tuple(o for o in belonging if o.type == type_)

    @functools.cached_property
    def _by_name(self) -> dict[str, StoredObject]:
        return {upper(o.name): o for o in self.objects if o.type != "trigger"}

    @functools.cached_property
    def _by_table(self) -> dict[str, list[StoredObject]]:
        found: dict[str, list[StoredObject]] = {}
        for o in self.objects:
            found.setdefault(upper(o.table), []).append(o)
        return found

    def of_type(self, type_: str) -> tuple[StoredObject, ...]:
        """Return all tables, views, indexes or triggers."""
        return tuple(o for o in self.objects if o.type == type_)

    def free_name(self, stem: str) -> str:
        """Return a name that begins with the stem and that no object has."""
        taken = {o.name.lower() for o in self.objects}
        number = 1
        while f"{stem}{number}".lower() in taken:
            number += 1
        return f"{stem}{number}"


@dataclasses.dataclass(frozen=True, slots=True)
class StoredTable:
    """A table and the indexes that were created on it."""

    schema: str
    name: str
    text: TableText
    indexes: tuple[IndexText, ...]

    @property
    def path(self) -> str:
        """The table's name for use in SQL."""
        return qualified(self.schema, self.name)


def automatic_name(table: str, number: int) -> str:
    """Return the name by which SQLite finds the index that it made for a key.

    See https://www.sqlite.org/fileformat2.html#intschema.
    """
    return f"sqlite_autoindex_{table}_{number}"


def automatic_number(name: str) -> int:
    """Return the number in the name of an automatic index."""
    return int(name.rpartition("_")[2])


def qualified(schema: str, name: str) -> str:
    """Return a quoted ``schema.name``."""
    return f"{quote(schema)}.{always_quoted(name)}"


def read_catalogue(db: Database, schema: str) -> Catalogue:
    """Read all objects of a schema, in the order in which SQLite loads them."""
    rows = db.execute(
        # SQLite takes a text that somebody stored as a BLOB for what it says.
        "SELECT rowid, type, name, tbl_name, CAST(sql AS TEXT)"
        f" FROM {quote(schema)}.sqlite_master ORDER BY rowid"
    )
    for rowid, *names, _ in rows:
        if not all(isinstance(name, str) for name in names):
            raise ChangeRefused(
                f"The catalogue of schema '{schema}' is damaged: row {rowid} of its"
                " table 'sqlite_master' has a name that is no text. Nothing was"
                " changed. Dump the database into a new file."
            )
    return Catalogue(schema, tuple(map(StoredObject._make, rows)))


def find_table(catalogue: Catalogue, name: str) -> StoredObject:
    """Find a table, also a virtual one, in the catalogue.

    :raises ChangeRefused: there is no such table, or it is none of the application's.
    """
    found = catalogue.find(name)
    if found is None or found.type not in ("table", "view"):
        what = "does not exist"
    elif found.type == "view":
        what = "is a view: drop it and create it anew"
    elif found.sql is None or upper(found.name).startswith("SQLITE_"):
        what = "is a system table, which belongs to SQLite"
    else:
        return found
    raise ChangeRefused(
        f"Table '{name}' {what} (schema '{catalogue.schema}'). Nothing was changed."
    )


def read_table(catalogue: Catalogue, name: str) -> StoredTable:
    """Find a table in the catalogue and read its text.

    :raises ChangeRefused: there is no such table, or it is none that can be altered.
    :raises SqlTextError: its text, or that of an index, is not understood.
    """
    found = find_table(catalogue, name)
    sql = found.sql or ""
    if is_virtual_table(sql):
        raise ChangeRefused(
            f"Table '{name}' is a virtual table: drop it and create it anew (schema"
            f" '{catalogue.schema}'). Nothing was changed."
        )
    indexes = tuple(
        parse_index(o.sql)
        for o in catalogue.of_table(found.name, "index")
        if o.sql is not None
    )
    return StoredTable(catalogue.schema, found.name, parse_table(sql), indexes)


def read_foreign_keys(
    db: Database, catalogue: Catalogue, table: str
) -> tuple[ForeignKeyRow, ...]:
    """Read the foreign keys of a table, and those of others that refer to it."""
    found = []
    for child in _perhaps_related(catalogue, table):
        own = same_name(child, table)
        for key in _keys_of(db, catalogue.schema, child):
            if own or same_name(key.parent, table):
                found.append(key)
    return tuple(found)


def _perhaps_related(catalogue: Catalogue, table: str) -> list[str]:
    """Return the tables that can have such a key, by the words in their text."""
    name = "" if set(table) & set("\"'`[]") else upper(table)
    found = []
    for o in catalogue.of_type("table"):
        text = upper(o.sql or "")
        # By its first words only: a text need not be understood to have no key.
        virtual = text.startswith("CREATE VIRTUAL")
        if "REFERENCES" in text and name in text and not virtual:
            found.append(o.name)
    return found


def _keys_of(db: Database, schema: str, child: str) -> list[ForeignKeyRow]:
    rows = db.execute(
        "SELECT id, [table], [from], [to] FROM pragma_foreign_key_list(?, ?)"
        " ORDER BY id, seq",
        (child, schema),
    )
    keys = []
    for id_, members in itertools.groupby(rows, key=lambda row: int(row[0])):
        pairs = [(parent, column, to) for _, parent, column, to in members]
        columns = tuple(column for _, column, _ in pairs)
        parents = tuple(to for _, _, to in pairs if to)
        keys.append(ForeignKeyRow(child, id_, pairs[0][0], columns, parents))
    return keys

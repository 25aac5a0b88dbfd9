"""What a database holds: its catalogue, read into values.

The catalogue is the table ``sqlite_master``: https://www.sqlite.org/schematab.html
"""

from __future__ import annotations

import dataclasses

from .database import Database
from .errors import ChangeRefused
from .objects import IndexText
from .objects import parse_index
from .table import is_virtual_table
from .table import parse_table
from .table import TableText
from .tokens import quote
from .tokens import same_name
from .tokens import upper


@dataclasses.dataclass(frozen=True, slots=True)
class StoredObject:
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


@dataclasses.dataclass(frozen=True, slots=True)
class Catalogue:
    """Every object of one schema (``main``, ``temp`` or an attached database)."""

    schema: str
    objects: tuple[StoredObject, ...]

    def table(self, name: str) -> StoredObject | None:
        """Return the table of this name, in any case of its letters."""
        return next(
            (o for o in self.objects if o.type == "table" and same_name(o.name, name)),
            None,
        )

    def find(self, name: str) -> StoredObject | None:
        """Return the table, view or index of this name: they share one namespace."""
        return next(
            (
                o
                for o in self.objects
                if o.type != "trigger" and same_name(o.name, name)
            ),
            None,
        )

    def of_table(self, name: str, type_: str) -> tuple[StoredObject, ...]:
        """Return the indexes or triggers that belong to a table or view."""
        return tuple(
            o for o in self.objects if o.type == type_ and same_name(o.table, name)
        )

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


def qualified(schema: str, name: str) -> str:
    """Return a quoted ``schema.name``."""
    return f"{quote(schema)}.{always_quoted(name)}"


def always_quoted(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def read_catalogue(db: Database, schema: str) -> Catalogue:
    """Read all objects of a schema, in the order in which SQLite loads them."""
    rows = db.execute(
        f"SELECT rowid, type, name, tbl_name, sql FROM {quote(schema)}.sqlite_master"
        " ORDER BY rowid"
    )
    return Catalogue(schema, tuple(StoredObject(*row) for row in rows))


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


def read_foreign_keys(db: Database, catalogue: Catalogue) -> tuple[ForeignKeyRow, ...]:
    """Read every foreign key of the schema."""
    rows = db.execute(
        "SELECT m.name, f.id, f.[table], f.[from], f.[to]"
        f" FROM {quote(catalogue.schema)}.sqlite_master AS m,"
        " pragma_foreign_key_list(m.name, ?) AS f"
        " WHERE m.type = 'table' AND m.sql NOT LIKE 'create virtual%'"
        " ORDER BY m.rowid, f.id, f.seq",
        (catalogue.schema,),
    )
    keys: dict[tuple[str, int], ForeignKeyRow] = {}
    for child, id_, parent, column, target in rows:
        known = keys.get((child, id_))
        keys[child, id_] = ForeignKeyRow(
            child,
            id_,
            parent,
            (*(known.child_columns if known else ()), column),
            (*(known.parent_columns if known else ()), *([target] if target else [])),
        )
    return tuple(keys.values())

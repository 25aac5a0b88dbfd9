"""Reads the catalogue of a database into values.

The catalogue is the table ``sqlite_master``: https://www.sqlite.org/schematab.html
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import itertools
import typing as t
import weakref

from ...value_classes import value_class
from ..ddl.objects import IndexText
from ..ddl.objects import parse_index
from ..ddl.quoting import always_quoted
from ..ddl.table import is_virtual_table
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import BOM
from ..ddl.tokens import may_name
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..ddl.tokens import tokenize
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from ..errors import ChangeRefused
from ..errors import MissingTable
from ..errors import SqlTextError
from .database import Database
from .database import Readable
from .database import Row
from .shadows import find_shadows
from .shadows import Shadow


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


@value_class
class ForeignKeyRow:
    """A foreign key as ``PRAGMA foreign_key_list`` describes it.

    :param parent_columns: empty where the parent's primary key is meant.
    """

    child: str
    id: int
    parent: str
    child_columns: tuple[str, ...]
    parent_columns: tuple[str, ...]


@value_class
class Catalogue:
    """Every object of one schema (``main``, ``temp`` or an attached database).

    :param bom_is_space: whether the library takes a byte order mark for white space.
    :param shadows: the tables that belong to a virtual table, by their folded names.
    :param has_virtual_tables: whether any of its tables is one.
    """

    schema: str
    objects: tuple[StoredObject, ...]
    bom_is_space: bool = True
    shadows: cabc.Mapping[str, Shadow] = dataclasses.field(
        default_factory=dict, compare=False
    )
    has_virtual_tables: bool = False

    def table(self, name: str) -> StoredObject | None:
        """Return the table of this name, in any case of its letters."""
        row = self.find(name)
        return row if row is not None and row.type == "table" else None

    def find(self, name: str) -> StoredObject | None:
        """Return the table, view or index of this name; they share one namespace."""
        found = self._by_name.get(name)
        return found if found is not None else self._by_folded_name.get(upper(name))

    def of_table(self, name: str, type_: str) -> tuple[StoredObject, ...]:
        """Return the indexes or triggers that belong to a table or view."""
        belonging = self._by_table.get(upper(name), ())
        return tuple([o for o in belonging if o.type == type_])

    def of_type(self, type_: str) -> tuple[StoredObject, ...]:
        """Return all tables, views, indexes or triggers."""
        return tuple([o for o in self.objects if o.type == type_])

    @functools.cached_property
    def _by_name(self) -> dict[str, StoredObject]:
        return {o.name: o for o in self.objects if o.type != "trigger"}

    @functools.cached_property
    def _by_folded_name(self) -> dict[str, StoredObject]:
        return {upper(name): o for name, o in self._by_name.items()}

    @functools.cached_property
    def _by_table(self) -> dict[str, list[StoredObject]]:
        folded = {table: upper(table) for table in {o.table for o in self.objects}}
        by_table: dict[str, list[StoredObject]] = {}
        for o in self.objects:
            by_table.setdefault(folded[o.table], []).append(o)
        return by_table

    def free_name(self, stem: str) -> str:
        """Return a name that begins with the stem and that no object has."""
        taken = {o.name.lower() for o in self.objects}
        number = 1
        while f"{stem}{number}".lower() in taken:
            number += 1
        return f"{stem}{number}"


@value_class
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


#: Some program may have stored a text as a BLOB, which SQLite reads as text.
_COLUMNS: t.Final = "rowid, type, name, tbl_name, CAST(sql AS TEXT)"


def read_catalogue(db: Readable, schema: str) -> Catalogue:
    """Read all objects of a schema, in the order in which SQLite loads them."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {quote(schema)}.sqlite_master ORDER BY rowid"
    )
    # Most blocks find what the one before them has left.
    latest = _latest.get(db)
    if latest is not None and latest[0].schema == schema and latest[1] == rows:
        return latest[0]
    catalogue = _catalogue(db, schema, rows)
    if not catalogue.has_virtual_tables:
        # With such tables it also depends on the modules that are loaded.
        _latest[db] = (catalogue, rows)
    return catalogue


_latest: t.Final[
    weakref.WeakKeyDictionary[Readable, tuple[Catalogue, cabc.Sequence[Row]]]
] = weakref.WeakKeyDictionary()
"""The catalogue that was read last on a connection, and the rows that it is made of."""


def _catalogue(db: Readable, schema: str, rows: cabc.Iterable[Row]) -> Catalogue:
    objects = tuple(map(StoredObject._make, rows))
    for o in objects:
        if not (type(o.type) is type(o.name) is type(o.table) is str):
            raise ChangeRefused(
                f"The catalogue of schema '{schema}' is damaged: row {o.rowid} of its"
                " table 'sqlite_master' has a name that is not text",
                "Dump the database into a new file.",
            )
    marked = any(BOM in o.sql for o in objects if o.sql is not None)
    tables = [(o.name, o.sql or "") for o in objects if o.type == "table"]
    has_virtual = any(is_virtual_table(sql) for _, sql in tables)
    shadows = find_shadows(db, schema, tables) if has_virtual else {}
    bom_is_space = not marked or _takes_bom_for_space(db)
    return Catalogue(schema, objects, bom_is_space, shadows, has_virtual)


def _takes_bom_for_space(db: Readable) -> bool:
    """Ask whether the library reads a byte order mark as white space.

    Old ones read it as a letter.
    """
    try:
        return bool(db.execute(f"SELECT {BOM}1"))
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        return False


def read_catalogue_around(db: Database, schema: str, table: str) -> Catalogue:
    """Read a table with its indexes, and all views, triggers and virtual tables.

    Any view, trigger or virtual table may be built on the table.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {quote(schema)}.sqlite_master"
        " WHERE tbl_name = ?1 COLLATE NOCASE OR name = ?1 COLLATE NOCASE"
        " OR type IN ('view', 'trigger')"
        " OR type = 'table' AND sql LIKE 'create virtual%'"
        " ORDER BY rowid",
        (table,),
    )
    return _catalogue(db, schema, rows)


def read_own(db: Database, stored: StoredTable) -> Catalogue:
    """Read a table with its indexes and its triggers."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {quote(stored.schema)}.sqlite_master"
        " WHERE tbl_name = ? COLLATE NOCASE ORDER BY rowid",
        (stored.name,),
    )
    return _catalogue(db, stored.schema, rows)


def read_with_scratch(db: Database, schema: str, table: str) -> Catalogue:
    """Read a table with its indexes and triggers, and the scratch objects.

    What ANALYZE has stored is among them, and whatever has a name of the engine's.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {quote(schema)}.sqlite_master"
        " WHERE tbl_name = ? COLLATE NOCASE OR name IN ('sqlite_stat1', 'sqlite_stat4')"
        " OR name LIKE '\\_batchmigrate\\_%' ESCAPE '\\' ORDER BY rowid",
        (table,),
    )
    return _catalogue(db, schema, rows)


def find_table(catalogue: Catalogue, name: str) -> StoredObject:
    """Find a table, also a virtual one, in the catalogue.

    :raises MissingTable: there is no such table, or it belongs to SQLite.
    """
    row = catalogue.find(name)
    remedy = ""
    if row is None or row.type not in ("table", "view"):
        what, remedy = f"does not exist (no such table: {name})", "check the name"
    elif row.type == "view":
        what, remedy = "is a view", "drop it and create it again"
    elif row.sql is None or upper(row.name).startswith("SQLITE_"):
        what = "is a system table, which belongs to SQLite"
    else:
        refuse_shadow(catalogue, row.name)
        return row
    raise MissingTable(
        f"Table '{name}' {what} (schema '{catalogue.schema}')", remedy, table=name
    )


def read_table(catalogue: Catalogue, name: str) -> StoredTable:
    """Find a table in the catalogue and read its text.

    :raises MissingTable: there is no such table, or it cannot be altered.
    :raises SqlTextError: its text, or that of an index, is not understood.
    """
    row = find_table(catalogue, name)
    sql = row.sql or ""
    if is_virtual_table(sql):
        raise MissingTable(
            f"Table '{name}' is a virtual table (schema '{catalogue.schema}')",
            "drop it and create it again",
            table=name,
        )
    text = understood(catalogue, parse_table, row)
    indexes = tuple(
        understood(catalogue, parse_index, o)
        for o in catalogue.of_table(row.name, "index")
        if o.sql is not None
    )
    return StoredTable(catalogue.schema, row.name, text, indexes)


_Text = t.TypeVar("_Text")


def understood(
    catalogue: Catalogue, parse: cabc.Callable[[str], _Text], o: StoredObject
) -> _Text:
    """Read the text of an object.

    :param parse: the function that reads texts of its kind.
    :raises SqlTextError: the text is not understood; the message names the object.
    """
    sql = o.sql or ""
    try:
        text = parse(sql)
        if BOM in sql and not catalogue.bom_is_space:
            for token in tokenize(sql):
                if token.text == BOM:
                    raise SqlTextError(
                        "A byte order mark, which this SQLite library takes for a"
                        " letter and newer ones for white space",
                        sql,
                        token.start,
                    )
    except SqlTextError as error:
        raise error.of(f"{o.type} '{o.name}'") from None
    return text


def refuse_shadow(catalogue: Catalogue, table: str) -> None:
    """Refuse to change a table in which a virtual table keeps its content.

    :raises ChangeRefused: the table is one.
    """
    shadow = catalogue.shadows.get(upper(table))
    if shadow is None:
        return
    place = f"(schema '{catalogue.schema}')"
    if shadow.module is None:
        raise ChangeRefused(
            f"Table '{table}' belongs to the virtual table '{shadow.owner}', which"
            f" would break {place}",
            "change that one, or drop it and create it again",
            table=table,
        )
    raise ChangeRefused(
        f"Table '{table}' may belong to the virtual table '{shadow.owner}', which would"
        f" break: its module '{shadow.module.lower()}' is not loaded {place}",
        "load the module in the connections of the application, so that SQLite knows"
        " which tables it owns",
        table=table,
    )


def read_foreign_keys(
    db: Database, catalogue: Catalogue, table: str
) -> tuple[ForeignKeyRow, ...]:
    """Read the foreign keys of a table, and those of others that refer to it."""
    keys = []
    for child in _perhaps_related(catalogue, table):
        own = same_name(child, table)
        for key in _keys_of(db, catalogue.schema, child):
            if own or same_name(key.parent, table):
                keys.append(key)
    return tuple(keys)


def _perhaps_related(catalogue: Catalogue, table: str) -> list[str]:
    """Return the tables that may have such a key, by the words in their text."""
    names = []
    for o in catalogue.of_type("table"):
        sql = o.sql or ""
        # Its words are enough: a text that is not understood may have no key.
        if "REFERENCES" not in upper(sql) or is_virtual_table(sql):
            continue
        if same_name(o.name, table) or may_name(sql, table):
            names.append(o.name)
    return names


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

"""Finds the tables in which virtual tables keep their content.

Only the module of a virtual table may change them: anything else breaks it. SQLite
knows them while the module is loaded, and no migration needs to load it, so their names
have to do: https://www.sqlite.org/vtab.html#xshadowname.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

from ..ddl.table import is_virtual_table
from ..ddl.tokens import upper
from .database import Readable

_ENDINGS: t.Final = {
    "FTS3": r"content|segments|segdir|docsize|stat",
    "FTS4": r"content|segments|segdir|docsize|stat",
    "FTS5": r"data|idx|content|docsize|config",
    "RTREE": r"node|rowid|parent",
    "RTREE_I32": r"node|rowid|parent",
    "GEOPOLY": r"node|rowid|parent",
    "SPELLFIX1": r"vocab",
    "VEC0": r"chunks|rowids|info|auxiliary|\w+\d\d",
    "VSS0": r"data|index",
    # These keep nothing, or keep it elsewhere.
    **dict.fromkeys(("FTS3TOKENIZE", "FTS4AUX", "FTS5VOCAB", "DBSTAT", "CSV"), r"(?!)"),
}
"""What follows the virtual table's name and ``_``, for the modules that are known."""

_MODULE: t.Final = re.compile(r"\s+USING\s+[\"'`\[]?(\w+)", re.IGNORECASE)
_TABLE_LIST: t.Final = (3, 37, 0)
"""The first release that says which tables are shadows."""


class Shadow(t.NamedTuple):
    """A table in which a virtual table keeps its content.

    :param owner: the virtual table.
    :param module: its module, where neither the module nor its tables are known, so
        the table may be one of the application's.
    """

    owner: str
    module: str | None = None


def find_shadows(
    db: Readable, schema: str, tables: cabc.Iterable[tuple[str, str]]
) -> dict[str, Shadow]:
    """Find the tables that belong to a virtual table.

    :param tables: the names and texts of all tables of the schema.
    :return: by the names of such tables, folded for comparisons.
    """
    tables = tuple(tables)
    virtual: dict[str, tuple[str, str]] = {}
    for name, sql in tables:
        if is_virtual_table(sql):
            module = _MODULE.search(sql)
            virtual[upper(name)] = (name, upper(module[1]) if module else "")
    if not virtual:
        return {}
    others = [key for name, _ in tables if (key := upper(name)) not in virtual]
    shadows: dict[str, Shadow] = {}
    guessed: dict[str, Shadow] = {}
    for key in others:
        for place in _underscores(key):
            if key[:place] not in virtual:
                continue
            owner, module_name = virtual[key[:place]]
            endings = _ENDINGS.get(module_name)
            if endings is None:
                guessed[key] = Shadow(owner, module_name)
            elif re.fullmatch(endings, key[place + 1 :], re.IGNORECASE):
                shadows[key] = Shadow(owner)
    return shadows | _confirmed(db, schema, guessed)


def _underscores(name: str) -> cabc.Iterator[int]:
    """Yield the places of the underscores in a name."""
    place = name.find("_")
    while place >= 0:
        yield place
        place = name.find("_", place + 1)


def _confirmed(
    db: Readable, schema: str, guessed: dict[str, Shadow]
) -> dict[str, Shadow]:
    """Leave out what SQLite knows to be an ordinary table, as the module is loaded."""
    if not guessed or db.version < _TABLE_LIST:
        return guessed
    modules = db.execute("SELECT name FROM pragma_module_list")
    loaded = {upper(row[0]) for row in modules}
    rows = db.execute(
        "SELECT name FROM pragma_table_list WHERE schema = ? AND type = 'shadow'",
        (schema,),
    )
    certain = {upper(row[0]) for row in rows}
    return {
        key: Shadow(shadow.owner) if key in certain else shadow
        for key, shadow in guessed.items()
        if key in certain or shadow.module not in loaded
    }

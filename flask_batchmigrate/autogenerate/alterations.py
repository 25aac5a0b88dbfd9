"""Tells what of a SQLite database its revisions did not make."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ..sqlite.ddl.tokens import significant
from ..sqlite.ddl.tokens import tokenize
from ..sqlite.ddl.tokens import upper
from ..sqlite.errors import EngineError
from ..sqlite.schema.catalogue import Catalogue
from ..sqlite.schema.catalogue import read_catalogue
from ..sqlite.schema.catalogue import StoredObject
from ..sqlite.transaction.driver import Driver
from .compare import differences
from .compare import options
from .definition import Definition
from .definition import of_database
from .differences import in_words
from .drops import History
from .seen import Seen
from .shadows import internal_tables

if t.TYPE_CHECKING:
    from alembic.operations import ops


def alterations(
    database: sa.Connection, replayed: sa.Connection, history: History, version: str
) -> list[str]:
    """Say what differs between a database and what its revisions make.

    Tables that no revision mentions are somebody else's.

    :param database: the database.
    :param replayed: a database that the same revisions have just made.
    :param history: the words of the revisions.
    :param version: the table that the revision is stored in.
    :return: what was added to the database, removed from it or changed in it.
    """
    actual, expected = _read(database), _read(replayed)
    found: list[str] = []
    both = []
    for name, table in _tables(expected, version).items():
        if name in _tables(actual, version):
            both.append(table)
        else:
            found.append(f"removed table '{table.name}'")
    for name, table in _tables(actual, version).items():
        if name not in _tables(expected, version) and history.mentions(table.name):
            found.append(f"added table '{table.name}'")
    inspectors = sa.inspect(database), sa.inspect(replayed)
    for table in both:
        found += _of_table(table, actual, expected, inspectors)
    names = {upper(table.name) for table in both}
    return found + _others(actual, expected, names)


def _read(connection: sa.Connection) -> Catalogue:
    return read_catalogue(t.cast(t.Any, Driver(connection)), "main")


def _tables(catalogue: Catalogue, version: str) -> dict[str, StoredObject]:
    internal = internal_tables(catalogue)
    return {
        upper(each.name): each
        for each in catalogue.of_type("table")
        if each.name not in internal
        and not each.name.startswith("sqlite_")
        and each.name != version
    }


def _of_table(
    table: StoredObject,
    actual: Catalogue,
    expected: Catalogue,
    inspectors: tuple[sa.Inspector, sa.Inspector],
) -> list[str]:
    """Say what leads from what the revisions make to what a table is."""
    if _parts(actual, table.name) == _parts(expected, table.name):
        return []
    try:
        now = of_database(actual, table.name, None, inspectors[0])
        was = of_database(expected, table.name, None, inspectors[1])
        columns = _columns(was, now)
        operations = [] if columns else list(_changes(was, now))
    except EngineError:
        # A text that only SQLite itself understands: it is not the same.
        return [f"changed table '{table.name}'"]
    found = _as_diffs(operations)
    return columns or ([in_words(found)] if found else [])


def _columns(was: Definition, now: Definition) -> list[str]:
    """Say which columns were added or removed."""
    sides = [{upper(c.name): c.name for c in each.text.columns} for each in (was, now)]
    found = []
    for verb, here, there in (("added", 1, 0), ("removed", 0, 1)):
        names = [n for key, n in sides[here].items() if key not in sides[there]]
        found += [f"{verb} column '{now.name}.{name}'" for name in names]
    return found


def _as_diffs(operations: cabc.Iterable[ops.MigrateOperation]) -> list[t.Any]:
    """Return operations as Alembic's tuples."""
    from alembic.operations import ops

    return list(ops.UpgradeOps(list(operations)).as_diffs())


def _changes(was: Definition, now: Definition) -> cabc.Iterator[ops.MigrateOperation]:
    first, last = options(was, now)
    yield from first
    yield from differences(was, now, Seen((), True, True, lambda *_: True))
    yield from last


def _parts(catalogue: Catalogue, table: str) -> set[tuple[str, tuple[str, ...]]]:
    """Return the texts of a table and its indexes, whatever their white space."""
    return {
        (each.type, _gist(each.sql))
        for each in catalogue.objects
        if upper(each.table) == upper(table) and each.type in ("table", "index")
    }


def _others(actual: Catalogue, expected: Catalogue, tables: cabc.Set[str]) -> list[str]:
    """Say which triggers and views differ; views of nobody's are left alone."""
    sides = [
        {
            (each.type, upper(each.name)): each
            for each in catalogue.objects
            if each.type == "view"
            or (each.type == "trigger" and upper(each.table) in tables)
        }
        for catalogue in (actual, expected)
    ]
    found = []
    for key, each in sides[1].items():
        other = sides[0].get(key)
        if other is None:
            found.append(f"removed {each.type} '{each.name}'")
        elif _gist(other.sql) != _gist(each.sql):
            found.append(f"changed {each.type} '{each.name}'")
    for key, each in sides[0].items():
        if key not in sides[1] and each.type == "trigger":
            found.append(f"added trigger '{each.name}' of table '{each.table}'")
    return found


def _gist(sql: str | None) -> tuple[str, ...]:
    if sql is None:
        return ()
    return tuple(str(token.text) for token in significant(tokenize(sql)))

"""Finds the parts of a SQLite database that its revisions did not make."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ...sqlite.ddl.tokens import significant
from ...sqlite.ddl.tokens import tokenize
from ...sqlite.ddl.tokens import upper
from ...sqlite.errors import EngineError
from ...sqlite.schema.catalogue import Catalogue
from ...sqlite.schema.catalogue import read_catalogue
from ...sqlite.schema.catalogue import StoredObject
from ...sqlite.transaction.driver import Driver
from ..choices.drops import History
from ..differences import in_words
from .alembic_findings import AlembicFindings
from .compare import differences
from .compare import options
from .definition import Definition
from .definition import of_database
from .virtual_tables import internal_tables

if t.TYPE_CHECKING:
    from alembic.operations import ops


def alterations(
    database: sa.Connection, replayed: sa.Connection, history: History, version: str
) -> list[str]:
    """Describe how a database differs from the one that its revisions make.

    Tables that no revision mentions belong to somebody else, and are left out.

    :param database: the database.
    :param replayed: a database that the same revisions have just made.
    :param history: the words of the revisions.
    :param version: the table that the revision is stored in.
    :return: a line for each thing that was added, removed or changed.
    """
    actual, expected = _read(database), _read(replayed)
    changes: list[str] = []
    both = []
    for name, table in _tables(expected, version).items():
        if name in _tables(actual, version):
            both.append(table)
        else:
            changes.append(f"removed table '{table.name}'")
    for name, table in _tables(actual, version).items():
        if name not in _tables(expected, version) and history.mentions(table.name):
            changes.append(f"added table '{table.name}'")
    inspectors = sa.inspect(database), sa.inspect(replayed)
    for table in both:
        changes += _of_table(table, actual, expected, inspectors)
    names = {upper(table.name) for table in both}
    return changes + _others(actual, expected, names)


def _read(connection: sa.Connection) -> Catalogue:
    return read_catalogue(Driver(connection), "main")


def _tables(catalogue: Catalogue, version: str) -> dict[str, StoredObject]:
    internal = internal_tables(catalogue)
    return {
        upper(table.name): table
        for table in catalogue.of_type("table")
        if table.name not in internal
        and not table.name.startswith("sqlite_")
        and table.name != version
    }


def _of_table(
    table: StoredObject,
    actual: Catalogue,
    expected: Catalogue,
    inspectors: tuple[sa.Inspector, sa.Inspector],
) -> list[str]:
    """Describe how a table differs from the one that the revisions make."""
    if _parts(actual, table.name) == _parts(expected, table.name):
        return []
    try:
        actual_table = of_database(actual, table.name, None, inspectors[0])
        expected_table = of_database(expected, table.name, None, inspectors[1])
        columns = _columns(expected_table, actual_table)
        operations = [] if columns else list(_changes(expected_table, actual_table))
    except EngineError:
        # Only SQLite itself understands one of the texts, and they are not the same.
        return [f"changed table '{table.name}'"]
    diffs = _as_diffs(operations)
    return columns or ([in_words(diffs)] if diffs else [])


def _columns(expected: Definition, actual: Definition) -> list[str]:
    """Describe the columns that were added or removed."""
    sides = [
        {upper(c.name): c.name for c in each.text.columns}
        for each in (expected, actual)
    ]
    changes = []
    for verb, here, there in (("added", 1, 0), ("removed", 0, 1)):
        names = [n for key, n in sides[here].items() if key not in sides[there]]
        changes += [f"{verb} column '{actual.name}.{name}'" for name in names]
    return changes


def _as_diffs(operations: cabc.Iterable[ops.MigrateOperation]) -> list[t.Any]:
    """Return operations as Alembic's tuples."""
    from alembic.operations import ops

    return list(ops.UpgradeOps(list(operations)).as_diffs())


def _changes(
    expected: Definition, actual: Definition
) -> cabc.Iterator[ops.MigrateOperation]:
    first, last = options(expected, actual)
    yield from first
    yield from differences(
        expected, actual, AlembicFindings((), True, True, lambda *_: True)
    )
    yield from last


def _parts(catalogue: Catalogue, table: str) -> set[tuple[str, tuple[str, ...]]]:
    """Return the texts of a table and its indexes without their white space."""
    return {
        (each.type, _gist(each.sql))
        for each in catalogue.objects
        if upper(each.table) == upper(table) and each.type in ("table", "index")
    }


def _others(actual: Catalogue, expected: Catalogue, tables: cabc.Set[str]) -> list[str]:
    """Describe the triggers and views that differ, except for additional views."""
    sides = [
        {
            (item.type, upper(item.name)): item
            for item in catalogue.objects
            if item.type == "view"
            or (item.type == "trigger" and upper(item.table) in tables)
        }
        for catalogue in (actual, expected)
    ]
    changes = []
    for key, item in sides[1].items():
        other = sides[0].get(key)
        if other is None:
            changes.append(f"removed {item.type} '{item.name}'")
        elif _gist(other.sql) != _gist(item.sql):
            changes.append(f"changed {item.type} '{item.name}'")
    for key, item in sides[0].items():
        if key not in sides[1] and item.type == "trigger":
            changes.append(f"added trigger '{item.name}' of table '{item.table}'")
    return changes


def _gist(sql: str | None) -> tuple[str, ...]:
    if sql is None:
        return ()
    return tuple(str(token.text) for token in significant(tokenize(sql)))

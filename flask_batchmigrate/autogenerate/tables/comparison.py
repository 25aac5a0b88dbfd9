"""Completes Alembic's comparison of models with a SQLite database.

The SQLite engine reads two schemas: the one that ``create_all()`` makes of the models,
and the one that the database stores. Their differences become Alembic's operations. Two
spellings of the same definition are no difference.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ...sqlite.errors import ChangeRefused
from ...sqlite.errors import SqlTextError
from ...sqlite.schema.catalogue import Catalogue
from ...sqlite.schema.catalogue import read_catalogue
from ...sqlite.transaction.driver import Driver
from ..script.operations import DropIndex
from ..script.operations import DropTable
from . import compare
from . import constructors
from .alembic_findings import AlembicFindings
from .definition import Definition
from .definition import Models
from .definition import of_database
from .definition import of_model
from .virtual_tables import internal_tables

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def schema_name(database: str | None) -> str | None:
    """Return the schema by which SQLAlchemy's default names a database of SQLite."""
    return None if database == "main" else database


class Comparison:
    """Reads the models and one SQLite database for a comparison.

    :param context: Alembic's context of the run.
    :param connection: a connection to the database, if not that of the context.
    """

    def __init__(
        self, context: MigrationContext, connection: sa.Connection | None = None
    ) -> None:
        database = connection if connection is not None else context.connection
        assert database is not None
        self.connection = database
        self.dialect = database.dialect
        self.options = context.opts
        self._context = AutogenContext(context)
        self._inspector = sa.inspect(self.connection)
        self._catalogues: dict[str, Catalogue] = {}
        version = (context.version_table_schema, context.version_table)
        self.models = Models(
            table
            for table in self._context.sorted_tables
            if (table.schema, table.name) != version
        )

    def catalogue(self, schema: str | None) -> Catalogue:
        """Return the catalogue of a schema."""
        name = schema or "main"
        if name not in self._catalogues:
            self._catalogues[name] = read_catalogue(Driver(self.connection), name)
        return self._catalogues[name]

    def catalogues(self) -> list[Catalogue]:
        """Return the catalogues of the main database and of all attached ones."""
        names = Driver(self.connection).databases()
        return [self.catalogue(name) for name in names if name != "temp"]

    def stored(self, table: str, schema: str | None) -> Definition:
        """Return the definition of a table of the database."""
        return of_database(self.catalogue(schema), table, schema, self._inspector)

    def wanted(self, *arguments: t.Any) -> bool:
        """Tell whether the user's ``include_object`` lets an object through."""
        object_, name, type_, reflected, other = arguments
        return self._context.run_object_filters(object_, name, type_, reflected, other)

    def includes(self, table: sa.Table) -> bool:
        """Tell whether the user's filters let a table of the models through."""
        parents = {"schema_name": table.schema}
        by_name = self._context.run_name_filters(
            str(table.name), "table", t.cast(t.Any, parents)
        )
        return by_name and self.wanted(table, str(table.name), "table", False, None)


def complete(
    comparison: Comparison, upgrade: ops.UpgradeOps
) -> list[ops.MigrateOperation]:
    """Return the operations that lead from the database to the models.

    :param upgrade: the operations that Alembic found.
    """
    by_table: dict[tuple[str | None, str], list[t.Any]] = {}
    others: list[ops.MigrateOperation] = []
    dropped = {(o.schema, o.table_name) for o in _of(upgrade, ops.DropTableOp)}
    new = {(o.schema, o.table_name) for o in _of(upgrade, ops.CreateTableOp)}
    for operation in upgrade.ops:
        if isinstance(operation, ops.CreateTableOp):
            others += _created(comparison, operation)
        elif isinstance(operation, ops.ModifyTableOps):
            by_table[operation.schema, operation.table_name] = list(operation.ops)
        elif not isinstance(operation, ops.DropTableOp):
            others.append(operation)
    in_both = {k: v for k, v in by_table.items() if k not in dropped and k not in new}
    altered = list(_altered(comparison, in_both))
    return [*others, *altered, *_dropped(comparison, dropped)]


def _created(
    comparison: Comparison, operation: ops.CreateTableOp
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations for a new table and its indexes, also on expressions."""
    yield operation
    table = comparison.models.tables[operation.schema, operation.table_name]
    indexes: list[ops.MigrateOperation] = [
        ops.CreateIndexOp.from_index(index)
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if comparison.wanted(index, index.name, "index", False, None)
    ]
    if indexes:
        yield ops.ModifyTableOps(operation.table_name, indexes, schema=operation.schema)


def _of(upgrade: ops.UpgradeOps, kind: type[t.Any]) -> list[t.Any]:
    return [each for each in upgrade.ops if isinstance(each, kind)]


def _altered(
    comparison: Comparison, by_table: cabc.Mapping[tuple[str | None, str], list[t.Any]]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations that alter tables of both the models and the database."""
    for (schema, name), table in sorted(
        comparison.models.tables.items(),
        key=lambda item: (item[0][0] or "", item[0][1]),
    ):
        stored = comparison.catalogue(schema).find(name)
        seen = by_table.get((schema, name), [])
        if stored is None or stored.type != "table" or not comparison.includes(table):
            continue
        try:
            before = comparison.stored(name, schema)
            after = of_model(table, comparison.dialect, comparison.models)
        except (ChangeRefused, SqlTextError):
            # It is a virtual table, or has a text that only SQLite itself understands.
            if seen:
                yield ops.ModifyTableOps(name, seen, schema=schema)
            continue
        yield from _of_table(comparison, before, after, seen)


def _of_table(
    comparison: Comparison, before: Definition, after: Definition, seen: list[t.Any]
) -> cabc.Iterator[ops.MigrateOperation]:
    settings = comparison.options
    compare_options = (
        settings.get("compare_type", True),
        settings.get("compare_server_default", True),
    )
    if not any(map(callable, compare_options)) and compare.equal(before, after):
        return
    alembic = AlembicFindings(seen, *compare_options, comparison.wanted)
    changes = compare.differences(before, after, alembic)
    first, last = compare.options(before, after)
    yield from first
    if changes:
        yield ops.ModifyTableOps(after.name, changes, schema=after.schema)
    yield from last


def _dropped(
    comparison: Comparison, tables: cabc.Iterable[tuple[str | None, str]]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations that drop tables, those that refer to others first."""
    definitions = {}
    for schema, name in sorted(tables, key=_place):
        if name not in internal_tables(comparison.catalogue(schema)):
            with contextlib.suppress(ChangeRefused):
                definitions[schema, name] = comparison.stored(name, schema)
    for definition in _children_first(definitions):
        indexes: list[ops.MigrateOperation] = [
            DropIndex(constructors.create_index(definition, index))
            for index in definition.indexes
        ]
        if indexes:
            yield ops.ModifyTableOps(definition.name, indexes, schema=definition.schema)
        yield DropTable(constructors.whole_table(definition))


def _place(table: tuple[str | None, str]) -> tuple[str, str]:
    return (table[0] or "", table[1])


def _children_first(
    definitions: cabc.Mapping[tuple[str | None, str], Definition],
) -> list[Definition]:
    pending = dict(definitions)
    ordered = []
    while pending:
        parents = {
            (schema, key.references.table)
            for (schema, name), definition in pending.items()
            for key in definition.constraints
            if key.references is not None and key.references.table != name
        }
        free = [place for place in pending if place not in parents] or list(pending)[:1]
        ordered += [pending.pop(place) for place in free]
    return ordered

"""Completes Alembic's comparison of models with a SQLite database.

The truth of the models is what ``create_all()`` makes of them, and that of the database
is what it stores: both are read by the SQLite engine, and what differs is said in
Alembic's operations. What is only stored or reflected in another way is no difference.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..sqlite.errors import ChangeRefused
from ..sqlite.errors import SqlTextError
from ..sqlite.schema.catalogue import Catalogue
from ..sqlite.schema.catalogue import read_catalogue
from ..sqlite.transaction.driver import Driver
from . import compare
from . import constructors
from .alembic_findings import Seen
from .definition import Definition
from .definition import Models
from .definition import of_database
from .definition import of_model
from .operations import DropIndex
from .operations import DropTable
from .virtual_tables import internal_tables

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


class Comparison:
    """The models beside one SQLite database.

    :param context: Alembic's context of the run.
    :param connection: the database, if it is not the one of the context.
    """

    def __init__(
        self, context: MigrationContext, connection: sa.Connection | None = None
    ) -> None:
        found = connection if connection is not None else context.connection
        assert found is not None
        self.connection = found
        self.dialect = found.dialect
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
        """Return what a schema holds."""
        name = schema or "main"
        if name not in self._catalogues:
            driver = t.cast(t.Any, Driver(self.connection))
            self._catalogues[name] = read_catalogue(driver, name)
        return self._catalogues[name]

    def stored(self, table: str, schema: str | None) -> Definition:
        """Return a table of the database."""
        return of_database(self.catalogue(schema), table, schema, self._inspector)

    def wanted(self, *arguments: t.Any) -> bool:
        """Ask the user's ``include_object``."""
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
    """Return what leads from the database to the models.

    :param upgrade: what Alembic found.
    """
    told: dict[tuple[str | None, str], list[t.Any]] = {}
    others: list[ops.MigrateOperation] = []
    dropped = {(o.schema, o.table_name) for o in _of(upgrade, ops.DropTableOp)}
    new = {(o.schema, o.table_name) for o in _of(upgrade, ops.CreateTableOp)}
    for each in upgrade.ops:
        if isinstance(each, ops.CreateTableOp):
            others += _created(comparison, each)
        elif isinstance(each, ops.ModifyTableOps):
            told[each.schema, each.table_name] = list(each.ops)
        elif not isinstance(each, ops.DropTableOp):
            others.append(each)
    kept = {k: v for k, v in told.items() if k not in dropped and k not in new}
    altered = list(_altered(comparison, kept))
    return [*others, *altered, *_dropped(comparison, dropped)]


def _created(
    comparison: Comparison, operation: ops.CreateTableOp
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield a new table and its indexes, those of expressions included."""
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
    comparison: Comparison, told: cabc.Mapping[tuple[str | None, str], list[t.Any]]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield what differs in the tables that both sides have."""
    for (schema, name), table in sorted(
        comparison.models.tables.items(),
        key=lambda item: (item[0][0] or "", item[0][1]),
    ):
        found = comparison.catalogue(schema).find(name)
        seen = told.get((schema, name), [])
        if found is None or found.type != "table" or not comparison.includes(table):
            continue
        try:
            before = comparison.stored(name, schema)
            after = of_model(table, comparison.dialect, comparison.models)
        except (ChangeRefused, SqlTextError):
            # A virtual table, or a text that only SQLite itself understands.
            if seen:
                yield ops.ModifyTableOps(name, seen, schema=schema)
            continue
        yield from _of_table(comparison, before, after, seen)


def _of_table(
    comparison: Comparison, before: Definition, after: Definition, seen: list[t.Any]
) -> cabc.Iterator[ops.MigrateOperation]:
    given = comparison.options
    asked = given.get("compare_type", True), given.get("compare_server_default", True)
    if not any(map(callable, asked)) and compare.equal(before, after):
        return
    alembic = Seen(seen, *asked, comparison.wanted)
    made = compare.differences(before, after, alembic)
    first, last = compare.options(before, after)
    yield from first
    if made:
        yield ops.ModifyTableOps(after.name, made, schema=after.schema)
    yield from last


def _dropped(
    comparison: Comparison, tables: cabc.Iterable[tuple[str | None, str]]
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the removal of tables, those that refer to others first."""
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
    left = dict(definitions)
    ordered = []
    while left:
        parents = {
            (schema, key.references.table)
            for (schema, name), definition in left.items()
            for key in definition.constraints
            if key.references is not None and key.references.table != name
        }
        free = [place for place in left if place not in parents] or list(left)[:1]
        ordered += [left.pop(place) for place in free]
    return ordered

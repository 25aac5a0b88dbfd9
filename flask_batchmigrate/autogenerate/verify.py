"""Proves a generated script by running it on a scratch database, up and down.

On SQLite, the schema must match the models after the upgrade, and be as it was before
after the downgrade. The scratch database has no rows: the generation of the script
reports what it does to rows.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import inspect
import typing as t
import warnings

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..sqlite.adapter import activate
from ..sqlite.adapter import RunOptions
from ..sqlite.errors import EngineError
from ..sqlite.schema.catalogue import Catalogue
from ..sqlite.schema.catalogue import read_catalogue
from ..sqlite.transaction.driver import Driver
from ..value_classes import value_class
from .alembics_log import without_alembics_log
from .choices.drops import History
from .tables.alembic_findings import AlembicFindings
from .tables.compare import differences
from .tables.compare import options
from .tables.comparison import Comparison
from .tables.comparison import complete
from .tables.comparison import schema_name
from .tables.definition import Definition
from .tables.definition import of_database
from .tables.scratch import scratch
from .tables.virtual_tables import internal_tables

if t.TYPE_CHECKING:
    from alembic.script import Script


#: The catalogues of a database and of those attached to it, by SQLAlchemy's schema.
_Catalogues: t.TypeAlias = dict[str | None, Catalogue]


@value_class
class Start:
    """A SQLite database that models were compared with.

    :param name: the name of the bind, as the names of a script's functions contain it.
    :param engine: the application's engine.
    :param catalogues: the catalogues of the database and of those attached to it.
    :param options: the options that Alembic was configured with.
    :param history: tells which tables and columns are left alone.
    :param rewritten: whether the user's own hook had the last word, so that the script
        need not lead to the models.
    """

    name: str
    engine: sa.Engine
    catalogues: list[Catalogue]
    options: dict[str, t.Any]
    history: History
    rewritten: bool


def problems(script: Script, start: Start) -> list[str]:
    """Run a script on a scratch copy of a database's schema, up and down.

    :return: sentences about what is wrong; an empty list if nothing is.
    """
    with (
        scratch(start.engine, start.catalogues) as connection,
        activate(RunOptions.silent()),
        warnings.catch_warnings(),
        without_alembics_log(),
    ):
        warnings.simplefilter("ignore")
        before = _read(connection)
        context = MigrationContext.configure(connection, opts=dict(start.options))
        for direction in ("upgrade", "downgrade"):
            failure = _run(script, direction, start.name, context)
            if failure is not None:
                return [failure]
            failures: list[str] = []
            if direction == "upgrade" and not start.rewritten:
                failures = _not_reached(context, before, start.history)
            elif direction == "downgrade":
                failures = _not_restored(connection, before)
            if failures:
                return failures
    return []


def _read(connection: sa.Connection) -> _Catalogues:
    driver = Driver(connection)
    return {
        schema_name(name): read_catalogue(driver, name)
        for name in driver.databases()
        if name != "temp"
    }


def _run(
    script: Script, direction: str, name: str, context: MigrationContext
) -> str | None:
    """Run one function of a script; return why it failed, or None."""
    function = getattr(script.module, direction)
    several = "engine_name" in inspect.signature(function).parameters
    try:
        with Operations.context(context):
            function(**({"engine_name": name} if several else {}))
    except Exception as error:
        # Any error is an error of the script, and is reported.
        text = error.problem if isinstance(error, EngineError) else str(error)
        return f"{direction} failed: {type(error).__name__}: {' '.join(text.split())}"
    return None


def _not_reached(
    context: MigrationContext, before: _Catalogues, history: History
) -> list[str]:
    """Describe how the tables that the script changed still differ from the models."""
    connection = context.connection
    assert connection is not None
    touched = _touched(before, _read(connection))
    restricted = _restricted(context, touched)
    with without_alembics_log():
        script = produce_migrations(restricted, restricted.opts["target_metadata"])
    upgrade = script.upgrade_ops
    assert upgrade is not None
    comparison = Comparison(restricted)
    remaining = [
        operation
        for operation in history.without_unowned(complete(comparison, upgrade))
        if _is_in(
            touched,
            getattr(operation, "schema", None),
            getattr(operation, "table_name", None),
        )
    ]
    everything = Comparison(context)
    missing = [
        name
        for (schema, name), table in everything.models.tables.items()
        if everything.catalogue(schema).find(name) is None
        and everything.includes(table)
    ]
    sentences = [f"after the upgrade, {text}" for text in _described(remaining)]
    return sentences + [f"after the upgrade, there is no table '{m}'" for m in missing]


def _restricted(
    context: MigrationContext, touched: cabc.Container[t.Any]
) -> MigrationContext:
    """Return a context in which only some tables are reflected and compared."""
    names = context.opts.get("include_name")
    users = context.opts.get("include_object")

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "table" and not _is_in(touched, parents["schema_name"], name):
            return False
        return names is None or bool(names(name, type_, parents))

    def include(item: t.Any, name: str | None, type_: str, *rest: t.Any) -> bool:
        if type_ == "table" and not _is_in(touched, item.schema, name):
            return False
        return users is None or bool(users(item, name, type_, *rest))

    filters = {"include_name": include_name, "include_object": include}
    connection = t.cast(sa.Connection, context.connection)
    return MigrationContext.configure(connection, opts={**context.opts, **filters})


def _is_in(touched: cabc.Container[t.Any], schema: str | None, name: t.Any) -> bool:
    return (schema_name(schema), name) in touched


def _touched(before: _Catalogues, after: _Catalogues) -> set[tuple[str | None, str]]:
    """Return the schemas and names of tables that changed, appeared or disappeared."""
    texts = [
        {
            (schema, o.type, o.name, o.table, o.sql)
            for schema, catalogue in catalogues.items()
            for o in catalogue.objects
        }
        for catalogues in (before, after)
    ]
    return {(schema, table) for schema, _, _, table, _ in texts[0] ^ texts[1]}


def _not_restored(connection: sa.Connection, before: _Catalogues) -> list[str]:
    """Describe what the downgrade did not restore."""
    after = _read(connection)
    touched = _touched(before, after)
    sentences = []
    for schema, catalogue in before.items():
        names = {name for place, name in touched if place == schema}
        pair = (catalogue, after[schema])
        sentences += _not_restored_in(schema, pair, names, sa.inspect(connection))
    return [f"after the downgrade, {text}" for text in sentences]


def _not_restored_in(
    schema: str | None,
    catalogues: tuple[Catalogue, Catalogue],
    touched: set[str],
    inspector: sa.Inspector,
) -> list[str]:
    """Describe what the downgrade did not restore in one schema.

    :param catalogues: the catalogues before the upgrade and after the downgrade.
    :param touched: the tables that are not the same in both.
    """
    before, after = catalogues
    sentences = []
    names = [{o.name for o in c.of_type("table")} for c in (before, after)]
    for name in sorted(names[0] ^ names[1]):
        what = "is missing" if name in names[0] else "is still there"
        if not name.startswith("sqlite_"):
            sentences.append(f"table '{name}' {what}")
    internal = internal_tables(before)
    for name in sorted(touched & names[0] & names[1]):
        if name in internal or name.startswith("sqlite_"):
            continue
        with contextlib.suppress(EngineError):
            definition_before = of_database(before, name, schema, inspector)
            definition_after = of_database(after, name, schema, inspector)
            sentences += _changes(definition_after, definition_before)
    return sentences


def _changes(actual: Definition, wanted: Definition) -> cabc.Iterator[str]:
    """Describe the changes that would lead from one definition to the other."""
    columns = [{c.name: c for c in each.text.columns} for each in (actual, wanted)]
    for name in sorted(columns[0].keys() ^ columns[1].keys()):
        what = "is missing" if name in columns[1] else "is still there"
        yield f"column '{wanted.name}.{name}' {what}"
    if columns[0].keys() == columns[1].keys():
        seen = AlembicFindings((), True, True, lambda *_: True)
        first, last = options(actual, wanted)
        yield from _described([*first, *differences(actual, wanted, seen), *last])


def _described(operations: cabc.Iterable[t.Any]) -> list[str]:
    """Describe operations that should not be necessary."""
    return [
        f"this differs: {' '.join(map(str, _flat(difference)))}"
        for operation in operations
        for difference in ops.UpgradeOps([operation]).as_diffs()
    ]


def _flat(difference: t.Any) -> list[t.Any]:
    parts = difference[0] if isinstance(difference, list) else difference
    words = []
    for part in parts:
        if isinstance(part, (sa.Column, sa.Index, sa.Constraint, sa.Table)):
            table = getattr(part, "table", None)
            where = f" of '{table.name}'" if table is not None else ""
            words.append(f"'{part.name}'{where}")
        elif part is not None:
            words.append(part)
    return words

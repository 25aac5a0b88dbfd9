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

from .._values import value
from ..sqlite.adapter import activate
from ..sqlite.adapter import RunOptions
from ..sqlite.errors import EngineError
from ..sqlite.schema.catalogue import Catalogue
from ..sqlite.schema.catalogue import read_catalogue
from ..sqlite.transaction.driver import Driver
from .alembic_findings import Seen
from .compare import differences
from .compare import options
from .definition import Definition
from .definition import of_database
from .drops import History
from .scratch import copy_schema
from .scratch import scratch
from .sqlite import Comparison
from .sqlite import complete
from .virtual_tables import internal_tables

if t.TYPE_CHECKING:
    from alembic.script import Script


@value(frozen=True, slots=True)
class Start:
    """A SQLite database that models were compared with.

    :param name: the name of the bind, as the names of a script's functions contain it.
    :param engine: the application's engine.
    :param catalogue: the catalogue of the database.
    :param options: the options that Alembic was configured with.
    :param history: tells which tables and columns are left alone.
    :param rewritten: whether the user's own hook had the last word, so that the script
        need not lead to the models.
    """

    name: str
    engine: sa.Engine
    catalogue: Catalogue
    options: dict[str, t.Any]
    history: History
    rewritten: bool


def problems(script: Script, start: Start) -> list[str]:
    """Run a script on a scratch copy of a database's schema, up and down.

    :return: sentences about what is wrong; an empty list if nothing is.
    """
    with (
        scratch(start.engine) as connection,
        activate(RunOptions(note=_ignore, warn=_ignore)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        copy_schema(start.catalogue, connection)
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


def _ignore(_: str) -> None:
    """Ignore the messages of a run that only tries a script."""


def _read(connection: sa.Connection) -> Catalogue:
    return read_catalogue(t.cast(t.Any, Driver(connection)), "main")


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
    context: MigrationContext, before: Catalogue, history: History
) -> list[str]:
    """Describe how the tables that the script changed still differ from the models."""
    connection = context.connection
    assert connection is not None
    touched = _touched(before, _read(connection))
    names = context.opts.get("include_name")
    users = context.opts.get("include_object")

    def include_name(name: str | None, type_: str, parents: t.Any) -> bool:
        if type_ == "table" and name not in touched:
            return False
        return names is None or bool(names(name, type_, parents))

    def include(item: t.Any, name: str | None, type_: str, *rest: t.Any) -> bool:
        if type_ == "table" and name not in touched:
            return False
        return users is None or bool(users(item, name, type_, *rest))

    # A table that the script did not change is neither reflected nor compared.
    filters = {"include_name": include_name, "include_object": include}
    restricted = MigrationContext.configure(
        connection, opts={**context.opts, **filters}
    )
    script = produce_migrations(restricted, restricted.opts["target_metadata"])
    upgrade = script.upgrade_ops
    assert upgrade is not None
    comparison = Comparison(restricted)
    remaining = [
        operation
        for operation in history.without_strangers(complete(comparison, upgrade))
        if getattr(operation, "table_name", None) in touched
    ]
    everything = Comparison(context)
    missing = [
        name
        for (schema, name), table in everything.models.tables.items()
        if schema is None
        and everything.catalogue(None).find(name) is None
        and everything.includes(table)
    ]
    sentences = [f"after the upgrade, {text}" for text in _said(remaining)]
    return sentences + [f"after the upgrade, there is no table '{m}'" for m in missing]


def _touched(before: Catalogue, after: Catalogue) -> set[str]:
    """Return the tables that changed, appeared or disappeared."""
    texts = [
        {(o.type, o.name, o.table, o.sql) for o in catalogue.objects}
        for catalogue in (before, after)
    ]
    return {table for _, _, table, _ in texts[0] ^ texts[1]}


def _not_restored(connection: sa.Connection, before: Catalogue) -> list[str]:
    """Describe what the downgrade did not restore."""
    after = _read(connection)
    sentences = []
    names = [{o.name for o in c.of_type("table")} for c in (before, after)]
    for name in sorted(names[0] ^ names[1]):
        what = "is missing" if name in names[0] else "is still there"
        if not name.startswith("sqlite_"):
            sentences.append(f"after the downgrade, table '{name}' {what}")
    inspector = sa.inspect(connection)
    internal = internal_tables(before)
    for name in sorted(_touched(before, after) & names[0] & names[1]):
        if name in internal or name.startswith("sqlite_"):
            continue
        with contextlib.suppress(EngineError):
            definition_before = of_database(before, name, None, inspector)
            definition_after = of_database(after, name, None, inspector)
            sentences += [
                f"after the downgrade, {text}"
                for text in _changes(definition_after, definition_before)
            ]
    return sentences


def _changes(actual: Definition, wanted: Definition) -> cabc.Iterator[str]:
    """Describe the changes that would lead from one definition to the other."""
    columns = [{c.name: c for c in each.text.columns} for each in (actual, wanted)]
    for name in sorted(columns[0].keys() ^ columns[1].keys()):
        what = "is missing" if name in columns[1] else "is still there"
        yield f"column '{wanted.name}.{name}' {what}"
    if columns[0].keys() == columns[1].keys():
        seen = Seen((), True, True, lambda *_: True)
        first, last = options(actual, wanted)
        yield from _said([*first, *differences(actual, wanted, seen), *last])


def _said(operations: cabc.Iterable[t.Any]) -> list[str]:
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

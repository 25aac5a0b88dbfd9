"""Finds renames: declared in models, given as options or confirmed; never guessed."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import difflib
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ..request import Request
from .rename import Rename
from .rename import RenameColumn
from .rename import RenameTable
from .rename import Stored
from .rename_options import check_free
from .rename_options import parse
from .rename_options import refuse_contradictions

_DECLARED: t.Final = "renamed_from"


Operations: t.TypeAlias = list[ops.MigrateOperation]


def settle(
    request: Request,
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    stored: Stored,
    differences: cabc.Callable[[list[Rename]], Operations],
) -> tuple[list[Rename], Operations]:
    """Return all renames, and the operations that lead to the models after them.

    :param tables: the tables of the models.
    :param differences: returns the operations after some renames.
    :raises BatchMigrateError: it is not clear whether something was renamed.
    """
    renames = list(dict.fromkeys(_told(request, tables, stored)))
    refuse_contradictions(renames)
    remaining = differences(renames)
    declined: set[Rename] = set()
    while more := _likely(remaining, request, declined):
        # A renamed table may have renamed columns.
        renames += more
        remaining = differences(renames)
    return renames, remaining


def operations(
    renames: cabc.Sequence[Rename],
    of_column: cabc.Callable[[Rename, str, str], RenameColumn],
) -> cabc.Iterator[ops.MigrateOperation]:
    """Yield the operations of renames: tables first, then their columns.

    :param of_column: makes the operation for a column, from its rename, and the stored
        names of its table and of the column itself.
    """
    for rename in in_steps([rename for rename in renames if rename.table is None]):
        yield RenameTable(rename.old, rename.new, schema=rename.schema)
    old_names = {(r.schema, r.new): r.old for r in renames if r.table is None}
    columns: dict[tuple[str | None, str], list[Rename]] = {}
    for rename in renames:
        if rename.table is not None:
            columns.setdefault((rename.schema, rename.table), []).append(rename)
    for (schema, table), renames_of_columns in columns.items():
        stored_table = old_names.get((schema, table), table)
        origins: dict[str, str] = {}
        block: Operations = []
        for rename in in_steps(renames_of_columns):
            origin = origins.pop(rename.old, rename.old)
            origins[rename.new] = origin
            block.append(of_column(rename, stored_table, origin))
        yield ops.ModifyTableOps(table, block, schema=schema)


def _told(
    request: Request,
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    stored: Stored,
) -> list[Rename]:
    """Return the renames that are declared in the models or given as options.

    :param tables: the tables of the models.
    :raises BatchMigrateError: an option names a table or column that does not exist.
    """
    renames = [parse(text, tables, stored) for text in request.renames]
    requested = {(rename.schema, rename.table, rename.new) for rename in renames}
    check_free(renames, stored)
    for (schema, name), table in tables.items():
        old = table.info.get(_DECLARED)
        if (
            old is not None
            and (schema, None, name) not in requested
            and stored(schema, name) is None
            and stored(schema, str(old)) is not None
        ):
            renames.append(Rename(None, str(old), name, schema))
    renamed = {(r.schema, r.new): r.old for r in renames if r.table is None}
    for (schema, name), table in tables.items():
        if not any(_DECLARED in column.info for column in table.columns):
            continue
        columns = stored(schema, renamed.get((schema, name), name)) or ()
        renames += [
            Rename(name, old, new, schema)
            for old, new in sorted(_declared(table, columns))
            if (schema, name, new) not in requested
        ]
    return renames


def _declared(
    table: sa.Table, stored: cabc.Collection[str]
) -> cabc.Iterator[tuple[str, str]]:
    """Yield the renames of columns that a model declares and the database has not made.

    They may be a chain, in which a column gets the name that another one had.

    :param stored: the columns of the database.
    :return: the old and the new names.
    """
    sources = {
        str(column.name): str(column.info[_DECLARED])
        for column in table.columns
        if _DECLARED in column.info
    }
    for last in sources.keys() - set(stored):
        chain: list[tuple[str, str]] = []
        new = last
        while (old := sources.get(new)) in stored and len(chain) < len(sources):
            chain.append((str(old), new))
            new = str(old)
        if chain and new not in table.columns:
            yield from chain


def _likely(
    differences: cabc.Iterable[ops.MigrateOperation],
    request: Request,
    declined: set[Rename],
) -> list[Rename]:
    """Return the likely renames that a person confirms.

    :param differences: the operations that lead from the database to the models
        without these renames.
    :param declined: the renames that the person has declined; changed in place.
    :raises BatchMigrateError: there is nobody to ask.
    """
    if request.no_rename:
        return []
    everything = list(differences)
    tables = _candidates(
        [o for o in everything if isinstance(o, ops.DropTableOp)],
        [o for o in everything if isinstance(o, ops.CreateTableOp)],
        lambda o: o.table_name,
        _same_table,
    )
    renames = [Rename(None, a.table_name, b.table_name, b.schema) for a, b in tables]
    confirmed = _ask(renames, request, declined)
    for operation in everything:
        if isinstance(operation, ops.ModifyTableOps):
            pairs = _candidates(
                [o for o in operation.ops if isinstance(o, ops.DropColumnOp)],
                [o for o in operation.ops if isinstance(o, ops.AddColumnOp)],
                lambda o: getattr(o, "column_name", None) or o.column.name,
                _same_column,
            )
            renames = [
                Rename(
                    operation.table_name,
                    a.column_name,
                    str(b.column.name),
                    operation.schema,
                )
                for a, b in pairs
            ]
            confirmed += _ask(renames, request, declined)
    return confirmed


def _candidates(
    dropped: list[t.Any],
    added: list[t.Any],
    name: cabc.Callable[[t.Any], str],
    same: cabc.Callable[[t.Any, t.Any], bool],
) -> list[tuple[t.Any, t.Any]]:
    """Return pairs that look like a rename, the most similar names first."""
    pairs = [(a, b) for a in dropped for b in added if same(a, b)]

    def likeness(pair: tuple[t.Any, t.Any]) -> float:
        old, new = (name(operation).lower() for operation in pair)
        return difflib.SequenceMatcher(None, old, new).ratio()

    return sorted(pairs, key=likeness, reverse=True)


def _same_column(dropped: t.Any, added: t.Any) -> bool:
    """Tell whether a column may have become another one by a rename.

    Both have the same kind of type, allow NULL alike and are computed alike.
    """
    before, after = dropped.to_column(), added.column
    return (
        before.name != after.name
        and _family(before.type) is _family(after.type)
        and bool(before.nullable) == bool(after.nullable)
        and isinstance(before.server_default, sa.Computed)
        == isinstance(after.server_default, sa.Computed)
    )


def _same_table(dropped: t.Any, created: t.Any) -> bool:
    """Tell whether a rename may lead from one table to another: most columns agree."""
    before, after = dropped.to_table(), created.to_table()
    if dropped.schema != created.schema:
        return False
    columns = [
        {(c.name, _family(c.type)) for c in side.columns} for side in (before, after)
    ]
    common = columns[0] & columns[1]
    return 2 * len(common) > max(map(len, columns)) or columns[0] == columns[1]


def _family(type_: t.Any) -> type[t.Any] | None:
    """Return the Python class of a type's values; None if the type does not say."""
    try:
        python = type_.python_type
    except NotImplementedError:
        return None
    return str if issubclass(python, str) else t.cast("type[t.Any]", python)


def _ask(
    candidates: list[Rename], request: Request, declined: set[Rename]
) -> list[Rename]:
    """Return the candidates that a person confirms; a name is used only once."""
    confirmed: list[Rename] = []
    for rename in candidates:
        if any(
            rename.schema == other.schema
            and (rename.old == other.old or rename.new == other.new)
            for other in confirmed
        ):
            continue
        if rename in declined:
            continue
        old = rename.old if rename.table is None else f"{rename.table}.{rename.old}"
        answer = request.questioner.is_rename(rename.what, old, rename.new)
        if answer is None:
            raise BatchMigrateError(
                f"{rename.what.capitalize()} '{old}' may have been renamed to "
                f"'{rename.new}', and a drop would lose its contents",
                f"If it was, run the command with '--rename {rename.option}'; if not, "
                "with '--no-rename'.",
                state=NOTHING_WRITTEN,
            )
        if answer:
            confirmed.append(rename)
        else:
            declined.add(rename)
    return confirmed


def in_steps(renames: cabc.Sequence[Rename]) -> list[Rename]:
    """Order the renames of one kind and table so that each new name is free.

    Renames that swap names pass through a temporary name.
    """
    pending = {(rename.schema, rename.old): rename for rename in renames}
    steps: list[Rename] = []
    while pending:
        free = [
            place
            for place, rename in pending.items()
            if (rename.schema, rename.new) not in pending
        ]
        if free:
            steps.append(pending.pop(free[0]))
            continue
        (schema, old), rename = next(iter(pending.items()))
        temporary = f"{old}__renamed"
        del pending[schema, old]
        steps.append(dataclasses.replace(rename, new=temporary))
        pending[schema, temporary] = dataclasses.replace(rename, old=temporary)
    return steps

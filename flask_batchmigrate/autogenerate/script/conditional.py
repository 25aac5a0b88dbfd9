"""Leaves out what a model has for other databases, by ``ddl_if()``.

See https://docs.sqlalchemy.org/en/20/core/ddl.html#controlling-ddl-generation-of-constraints-and-indexes
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from .copies import copy_table


def leave_out_other_databases(options: dict[str, t.Any]) -> None:
    """Have models compared without what ``create_all()`` does not make of them.

    :param options: the options for Alembic. Models with such parts are replaced by
        copies without them.
    """
    connection, target = options.get("connection"), options.get("target_metadata")
    if not isinstance(connection, sa.Connection) or target is None:
        return
    if isinstance(target, sa.MetaData):
        options["target_metadata"] = _for_database(target, connection)
        return
    every = [_for_database(metadata, connection) for metadata in target]
    if any(new is not old for new, old in zip(every, target, strict=True)):
        options["target_metadata"] = type(target)(every)


def _for_database(metadata: sa.MetaData, connection: sa.Connection) -> sa.MetaData:
    """Return models without what is for other databases; a copy if they have any."""
    others = {
        key: found
        for key, table in metadata.tables.items()
        if (found := [part for part in _parts(table) if not _is_for(part, connection)])
    }
    if not others:
        return metadata
    copied = sa.MetaData(
        schema=metadata.schema,
        naming_convention=metadata.naming_convention,
        info=metadata.info,
    )
    for table in metadata.tables.values():
        copy_table(table, copied)
    for key, parts in others.items():
        for part in parts:
            _remove(copied.tables[key], _meaning(part))
    return copied


def _parts(table: sa.Table) -> cabc.Iterator[t.Any]:
    """Yield the constraints and indexes of a table."""
    yield from table.constraints
    yield from table.indexes
    for column in table.columns:
        yield from column.constraints


def _is_for(part: t.Any, connection: sa.Connection) -> bool:
    """Tell whether ``create_all()`` makes a constraint or index on a database."""
    rule = getattr(part, "_ddl_if", None)
    if rule is None:
        return True
    if isinstance(part, sa.Index):
        create = sa.schema.CreateIndex(part)
        return bool(rule._should_execute(create, part, connection))
    dialect = connection.dialect
    compiler = dialect.ddl_compiler(dialect, t.cast(t.Any, None))
    return bool(rule._should_execute(None, part, None, compiler=compiler))


def _remove(table: sa.Table, meaning: tuple[object, ...]) -> None:
    """Remove the constraint or index with a meaning from a table."""
    part = next((each for each in _parts(table) if _meaning(each) == meaning), None)
    holders: tuple[t.Any, ...] = (table, *table.columns)
    if isinstance(part, sa.Index):
        table.indexes.discard(part)
        return
    for holder in holders:
        holder.constraints.discard(part)
    for key in getattr(part, "elements", ()):
        for holder in holders:
            holder.foreign_keys.discard(key)


def _meaning(part: t.Any) -> tuple[object, ...]:
    """Return what a constraint or an index has in common with its copy."""
    columns = [str(column.name) for column in getattr(part, "columns", ())]
    expressions = map(str, getattr(part, "expressions", ()))
    sql = str(getattr(part, "sqltext", ""))
    targets = [str(key.target_fullname) for key in getattr(part, "elements", ())]
    return type(part), str(part.name), columns, [*expressions], sql, targets

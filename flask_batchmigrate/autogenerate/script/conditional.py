"""Leaves out what a model has for other databases, by ``ddl_if()``.

See https://docs.sqlalchemy.org/en/20/core/ddl.html#controlling-ddl-generation-of-constraints-and-indexes
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from .copies import copy_table


def is_for(item: t.Any, dialect: sa.Dialect) -> bool:
    """Tell whether ``create_all()`` makes a constraint or index on a database."""
    rule = getattr(item, "_ddl_if", None)
    if rule is None:
        return True
    compiler = dialect.ddl_compiler(dialect, t.cast(t.Any, None))
    return bool(rule._should_execute(None, item, None, compiler=compiler))


def for_database(
    operations: cabc.Iterable[ops.MigrateOperation],
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    dialect: sa.Dialect,
) -> list[ops.MigrateOperation]:
    """Return operations in which new tables have what is for one database.

    :param tables: the tables of the models.
    """
    return [
        _for_database(each, tables.get((each.schema, each.table_name)), dialect)
        if isinstance(each, ops.CreateTableOp)
        else each
        for each in operations
    ]


def _for_database(
    operation: ops.CreateTableOp, table: sa.Table | None, dialect: sa.Dialect
) -> ops.CreateTableOp:
    others = [] if table is None else [_key(c) for c in _others(table, dialect)]
    if table is None or not others:
        return operation
    copied = copy_table(
        table, sa.MetaData(naming_convention=table.metadata.naming_convention)
    )
    for holder in (copied, *copied.columns):
        for constraint in tuple(holder.constraints):
            if _key(constraint) in others:
                holder.constraints.discard(t.cast(t.Any, constraint))
    return ops.CreateTableOp.from_table(copied, _namespace_metadata=table.metadata)


def _others(table: sa.Table, dialect: sa.Dialect) -> cabc.Iterator[t.Any]:
    """Yield the constraints of a table that are for other databases."""
    for holder in (table, *table.columns):
        for constraint in holder.constraints:
            if not is_for(constraint, dialect):
                yield constraint


def _key(constraint: t.Any) -> tuple[object, ...]:
    """Return what a constraint has in common with its copy."""
    columns = [str(column.name) for column in getattr(constraint, "columns", ())]
    sql = str(getattr(constraint, "sqltext", ""))
    return type(constraint), str(constraint.name), columns, sql

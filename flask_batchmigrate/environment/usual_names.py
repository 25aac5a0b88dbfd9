"""Lets scripts drop constraints on servers under whichever usual name these have."""

from __future__ import annotations

import functools
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def accept_usual_names(context: MigrationContext) -> None:
    """Have a context find constraints that the database calls otherwise.

    :param context: Alembic's context of a database that scripts may change.
    """
    connection, impl = context.connection, t.cast(t.Any, context.impl)
    servers = ("postgresql", "mysql", "mariadb")
    if connection is None or context.as_sql or context.dialect.name not in servers:
        return
    impl.drop_constraint = functools.partial(
        _drop_constraint, connection, impl.drop_constraint
    )
    if context.dialect.name != "postgresql":
        impl.drop_index = functools.partial(_drop_index, connection, impl.drop_index)


def _drop_constraint(
    connection: sa.Connection, drop: t.Any, constraint: sa.Constraint, **options: t.Any
) -> None:
    """Drop a constraint by the name that it has in the database."""
    if isinstance(constraint.name, str):
        # Few scripts drop a constraint.
        from ..autogenerate.servers.called_otherwise import name_in_use

        name = name_in_use(connection, constraint)
        if name is not None:
            constraint.name = name
    drop(constraint, **options)


def _drop_index(
    connection: sa.Connection, drop: t.Any, index: sa.Index, **options: t.Any
) -> None:
    """Drop an index by the name that it has in the database."""
    from ..autogenerate.servers.called_otherwise import index_in_use

    name = index_in_use(connection, index)
    if name is not None:
        index.name = quoted_name(name, None)
    drop(index, **options)

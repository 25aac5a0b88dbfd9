"""Writes types as Alembic does, for operations that Alembic does not write."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from .operations import plain_text


def type_text(autogen_context: t.Any, type_: sa.types.TypeEngine[t.Any]) -> str:
    """Return the text of a type, as Alembic writes it in a column of a script.

    Alembic has a public function for a whole operation only, not for a type.
    """
    column: sa.Column[t.Any] = sa.Column("x", type_)
    operation = ops.AddColumnOp("x", column)
    text = str(renderers.dispatch(operation)(autogen_context, operation))
    start = text.index("Column('x', ") + len("Column('x', ")
    return text[start : text.rindex(", nullable=")].strip()


def sql_text(
    autogen_context: t.Any, clause: sa.ClauseElement, is_server_default: bool = False
) -> str:
    """Return the SQL of a clause as ``sa.text()`` takes it in a script.

    Alembic writes it as it is sent: with per cent signs that a driver needs twice, and
    with colons that ``sa.text()`` would take for the beginning of a parameter.

    :param is_server_default: whether it is a default, which SQLite has in parentheses.
    """
    migration_context = autogen_context.migration_context
    text = migration_context.impl.render_ddl_sql_expr(
        clause, is_server_default=is_server_default
    )
    if str(sa.text("%").compile(dialect=migration_context.dialect)) == "%%":
        text = text.replace("%%", "%")
    return plain_text(text).text

"""Writes types as Alembic does, for operations that Alembic does not write."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops


def type_text(autogen_context: t.Any, type_: sa.types.TypeEngine[t.Any]) -> str:
    """Return the text of a type, as Alembic writes it in a column of a script.

    Alembic has a public function for a whole operation only, not for a type.
    """
    column: sa.Column[t.Any] = sa.Column("x", type_)
    operation = ops.AddColumnOp("x", column)
    text = str(renderers.dispatch(operation)(autogen_context, operation))
    start = text.index("Column('x', ") + len("Column('x', ")
    return text[start : text.rindex(", nullable=")].strip()

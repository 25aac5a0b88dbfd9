"""Writes types as Alembic writes them, for what Alembic does not write itself."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops


def type_text(autogen_context: t.Any, type_: sa.types.TypeEngine[t.Any]) -> str:
    """Return the text of a type, as it stands in a column of a script.

    Alembic has no public function for it, but one for a whole operation.
    """
    column: sa.Column[t.Any] = sa.Column("x", type_)
    operation = ops.AddColumnOp("x", column)
    text = str(renderers.dispatch(operation)(autogen_context, operation))
    start = text.index("Column('x', ") + len("Column('x', ")
    return text[start : text.rindex(", nullable=")].strip()

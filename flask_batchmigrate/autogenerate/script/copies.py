"""Makes tables and columns of SQLAlchemy from those of models and databases."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from ...sqlite.adapter.type_copies import copied_plainly
from .operations import plain_text


def copy_table(
    table: sa.Table, metadata: sa.MetaData | None = None, **options: t.Any
) -> sa.Table:
    """Return a copy of a table, in which Enum types keep their schema.

    SQLAlchemy 2.1 gives the types of a copy the schema of the table.

    :param metadata: gets the copy; None for one of its own.
    :param options: further arguments of SQLAlchemy's ``to_metadata``.
    """
    to = sa.MetaData() if metadata is None else metadata
    with copied_plainly(table):
        copied = table.to_metadata(to, **options)
    for column in table.columns:
        if isinstance(column.type, sa.Enum):
            t.cast(
                "sa.Enum", copied.columns[column.key].type
            ).schema = column.type.schema
    return copied


def column_of(stored: t.Any) -> sa.Column[t.Any]:
    """Return SQLAlchemy's object for a column of the database."""
    default: t.Any = None
    if stored.get("computed"):
        clause = stored["computed"]
        default = sa.Computed(
            plain_text(clause["sqltext"]), persisted=clause.get("persisted")
        )
    elif stored["default"] is not None:
        default = plain_text(stored["default"])
    arguments = [default] if isinstance(default, sa.Computed) else []
    options = {} if arguments else {"server_default": default}
    return sa.Column(
        stored["name"],
        stored["type"],
        *arguments,
        nullable=stored["nullable"],
        **options,
    )

"""Copies tables of the models, which stay as they are."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa


def copy_table(
    table: sa.Table, metadata: sa.MetaData | None = None, **options: t.Any
) -> sa.Table:
    """Return a copy of a table, in which Enum types keep their schema.

    SQLAlchemy 2.1 gives the types of a copy the schema of the table.

    :param metadata: gets the copy; None for one of its own.
    :param options: further arguments of SQLAlchemy's ``to_metadata``.
    """
    to = sa.MetaData() if metadata is None else metadata
    copied = table.to_metadata(to, **options)
    for column in table.columns:
        if isinstance(column.type, sa.Enum):
            t.cast(
                "sa.Enum", copied.columns[column.key].type
            ).schema = column.type.schema
    return copied

"""Drops the differences between models and a database that mean nothing on SQLite.

Alembic compares the models with what SQLAlchemy reflects of a stored table. Where
reflection differs from the stored text, or where SQLite cannot have what the models
ask for, a script would change nothing, and the next comparison would find the same
difference again. So the stored text decides.
"""

from __future__ import annotations

import typing as t

import sqlalchemy as sa

from ..ddl.meaning import spelling
from ..ddl.table import Affinity
from ..ddl.table import affinity
from ..ddl.table import parse_column
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..errors import SqlTextError
from .translate import Translator


def same_type(
    connection: sa.Connection, stored: sa.Column[t.Any], wanted: sa.Column[t.Any]
) -> bool:
    """Tell whether a stored column already has the type that a model gives it.

    An ``INTEGER PRIMARY KEY`` holds 64 bits, and any other spelling would end the
    numbering of new rows (https://www.sqlite.org/rowidtable.html). So it counts as the
    ``BIGINT`` of a model.

    :param stored: the column, reflected with its table.
    :param wanted: the column of the model.
    """
    text = _table_text(connection, stored)
    if text is None or not text.has_column(str(stored.name)):
        return False
    try:
        compiled = wanted.type.compile(dialect=connection.dialect)
    except sa.exc.CompileError:
        return False
    type_ = parse_column(f"x {compiled}").type
    if spelling(type_) == spelling(text.column(str(stored.name)).type):
        return True
    alias = text.rowid_alias
    is_alias = alias is not None and same_name(alias, str(stored.name))
    is_key = wanted.primary_key and len(wanted.table.primary_key.columns) == 1
    return is_alias and is_key and affinity(type_) is Affinity.INTEGER


def same_default(
    connection: sa.Connection, stored: sa.Column[t.Any], wanted: sa.Column[t.Any]
) -> bool:
    """Tell whether a stored column already has the default that a model gives it.

    :param stored: the column, reflected with its table.
    :param wanted: the column of the model.
    """
    text = _table_text(connection, stored)
    if text is None or not text.has_column(str(stored.name)):
        return False
    default = Translator(connection.dialect).default(wanted.server_default)
    present = text.column(str(stored.name)).default
    return spelling(default or "") == spelling(present or "")


def _table_text(
    connection: sa.Connection, column: sa.Column[t.Any]
) -> TableText | None:
    """Read the stored text of a column's table; ``None`` where it is not understood."""
    schema = quote(column.table.schema or "main")
    row = connection.exec_driver_sql(
        f"SELECT sql FROM {schema}.sqlite_master"
        " WHERE type = 'table' AND name = ? COLLATE NOCASE",
        (str(column.table.name),),
    ).first()
    try:
        return None if row is None else parse_table(row[0])
    except SqlTextError:
        return None

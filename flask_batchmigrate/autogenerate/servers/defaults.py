"""Compares the defaults of columns by what a server makes of them.

A server writes a default in its own way, with casts, and writes that of the model so in
a temporary table (:mod:`.twin`). Alembic's comparison on PostgreSQL runs
``SELECT stored = model`` instead, which fails where there is no such operator, as for
JSON, and draws a number from a sequence.
"""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import sqlalchemy as sa
from alembic.operations import ops

from ..script.operations import stored_default
from .identities import changed_identity
from .twin import Parts

#: A constant as PostgreSQL writes it, with or without the cast to its type.
_CONSTANT: t.Final = re.compile(
    r"(?:'(?P<text>(?:[^']|'')*)'|\(?(?P<other>-?[\d.]+|true|false)\)?)"
    r"(?:::[\w\s.\"()\[\],]+)?"
)
#: PostgreSQL's two names of one function.
_NOW: t.Final = {"now()": "CURRENT_TIMESTAMP"}


def same_default(
    connection: sa.Connection, stored: str | None, wanted: str | None
) -> bool:
    """Tell whether two defaults of a column are the same, however they are written.

    :param stored: the default in the database, as the server writes it.
    :param wanted: the default of the model, as the server would write it.
    """
    if stored == wanted:
        return True
    if connection.dialect.name != "postgresql" or stored is None or wanted is None:
        return False
    if _NOW.get(stored, stored) == _NOW.get(wanted, wanted):
        return True
    constants = [_CONSTANT.fullmatch(each) for each in (stored, wanted)]
    if None in constants:
        return False
    texts = {match["text"] or match["other"] for match in constants if match}
    return len(texts) == 1 or _are_equal(connection, stored, wanted)


def _are_equal(connection: sa.Connection, stored: str, wanted: str) -> bool:
    """Tell whether two constants are equal, as 1.0 and 1 are."""
    savepoint = connection.begin_nested()
    try:
        query = f"SELECT {stored} = {wanted}".replace("%", "%%")
        return bool(connection.exec_driver_sql(query).scalar_one())
    except sa.exc.DBAPIError:
        return False
    finally:
        savepoint.rollback()


def set_defaults(
    connection: sa.Connection,
    compared: cabc.Iterable[sa.Column[t.Any]],
    stored: Parts,
    wanted: Parts,
    columns: cabc.Mapping[str, t.Any],
    operations: list[t.Any],
) -> None:
    """Add the changes of defaults to the operations on a table.

    :param compared: the columns of the model that are compared.
    :param stored: the parts of the table on the server.
    :param wanted: its parts as the server would write those of the model.
    :param columns: the inspector's descriptions of the stored columns, by name.
    :param operations: the operations, changed in place.
    """
    altered = {o.column_name: o for o in operations if isinstance(o, ops.AlterColumnOp)}

    def change(column: sa.Column[t.Any]) -> ops.AlterColumnOp:
        name = str(column.name)
        if name not in altered:
            altered[name] = ops.AlterColumnOp(
                str(column.table.name),
                name,
                schema=column.table.schema,
                existing_type=column.type,
                existing_nullable=columns[name]["nullable"],
                existing_comment=columns[name].get("comment"),
            )
            operations.append(altered[name])
        return altered[name]

    for column in compared:
        name = str(column.name)
        if name not in stored.defaults:
            continue
        identities = changed_identity(column, columns[name])
        if identities is not None:
            changed = change(column)
            changed.existing_server_default = t.cast(t.Any, identities.stored)
            changed.modify_server_default = t.cast(t.Any, identities.wanted)
        if _is_numbered(column, columns[name]):
            continue
        old, new = stored.defaults[name], wanted.defaults.get(name)
        retyped = name in altered and altered[name].modify_type is not None
        # With another type, the server would write the same constant in another way.
        if old != new and (retyped or not same_default(connection, old, new)):
            _set_default(change(column), column, old, new)


def _set_default(
    changed: ops.AlterColumnOp,
    column: sa.Column[t.Any],
    old: str | None,
    new: str | None,
) -> None:
    """Have an operation change a default.

    :param old: the default in the database, as the server writes it.
    :param new: the default of the model, as the server would write it.
    """
    changed.existing_server_default = stored_default(old)
    changed.modify_server_default = column.server_default
    if changed.existing_nullable and "ON UPDATE" in f"{old} {new}":
        # Without a default, MariaDB would go on to set the column.
        null = stored_default("NULL")
        changed.existing_server_default = changed.existing_server_default or null
        changed.modify_server_default = column.server_default or null


def _is_numbered(column: sa.Column[t.Any], stored: t.Any) -> bool:
    """Tell whether a server numbers the rows, which is no default of the model's."""
    if isinstance(column.server_default, sa.Identity) or stored.get("identity"):
        return True
    numbers = column.table.autoincrement_column is column
    return column.server_default is None and (
        numbers or stored.get("autoincrement") is True
    )

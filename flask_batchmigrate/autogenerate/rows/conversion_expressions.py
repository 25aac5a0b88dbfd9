"""Finds the expressions by which databases convert stored values to another type."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

_FAMILIES: t.Final = (
    (sa.Interval, "interval"),
    (sa.Enum, "enum"),
    (sa.String, "text"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Numeric, "number"),
    (sa.Float, "number"),
    (sa.DateTime, "moment"),
    (sa.Date, "date"),
    (sa.Time, "time"),
    (sa.LargeBinary, "binary"),
    (sa.types.BINARY, "binary"),
    (sa.types.VARBINARY, "binary"),
    (sa.Uuid, "uuid"),
    (sa.JSON, "json"),
)
#: Families between which PostgreSQL converts by itself.
_KIN: t.Final = {"integer": "number", "date": "moment"}
#: Families, and those to which PostgreSQL converts their values when it is told to:
#: https://www.postgresql.org/docs/current/catalog-pg-cast.html
_CAST: t.Final = {
    "integer": {"integer", "number", "boolean"},
    "number": {"integer", "number", "boolean"},
    "boolean": {"integer", "number", "boolean"},
    "moment": {"moment", "date", "time"},
    "date": {"moment", "date"},
    "time": {"time", "interval"},
    "interval": {"interval", "time"},
    "binary": {"binary"},
    "uuid": {"uuid"},
    "json": {"json"},
    "array": {"array"},
}


def postgresql_using(
    column: str,
    old: t.Any,
    new: sa.types.TypeEngine[t.Any],
    given: str | None = None,
) -> str | None:
    """Return the expression by which PostgreSQL converts a column, if it needs one.

    PostgreSQL itself converts within a family of types, and everything to text:
    https://www.postgresql.org/docs/current/typeconv-query.html

    :param old: the type that the column has.
    :param new: the type that it gets.
    :param given: an expression that a person gave; its result is cast to the type.
    """
    before, after = family(old) or "", family(new) or ""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    name = dialect.identifier_preparer.quote(column)
    if given is None and not needs_using(before, after):
        return None
    try:
        type_ = generic(new).compile(dialect=dialect)
    except sa.exc.CompileError:
        return given
    through = "::text" if "enum" in (before, after) else ""
    if given is not None:
        return f"({given}){through}::{type_}"
    if "binary" in (before, after) and "text" in (before, after):
        function = "convert_from" if before == "binary" else "convert_to"
        return f"{function}({name}, 'UTF8')"
    return f"{_castable(name, before, after)}{through}::{type_}"


def needs_using(before: str, after: str) -> bool:
    """Tell whether PostgreSQL has to be told how it converts."""
    if before == "binary" and after == "text":
        return True
    is_same = _KIN.get(before, before) == _KIN.get(after, after)
    return not (
        after == "text" or not before or (is_same and before not in ("enum", "array"))
    )


def _castable(name: str, before: str, after: str) -> str:
    """Return a column's values as PostgreSQL casts them to a type.

    Where it converts no value, NULL becomes NULL and any value is refused, so that the
    type of a column without values changes. (A value is not read as a text that happens
    to fit, as 20240229 would as a date.)
    """
    if {before, after} in ({"boolean", "number"}, {"boolean", "integer"}):
        # PostgreSQL casts only whole numbers.
        return f"{name}::integer"
    if before not in _CAST or after not in _CAST or after in _CAST[before]:
        return name
    if after == "json" and before in ("integer", "number", "boolean", "array"):
        return f"to_json({name})"
    if before == "json" and after in ("integer", "number", "boolean"):
        return f"{name}::text"
    # Bytes are read from any text that does not begin so.
    start = r"\x " if after == "binary" else ""
    return f"('{start}cannot convert ' || {name}::text)"


def sqlite_using(
    column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]
) -> str | None:
    """Return the expression by which SQLite converts a column, if it needs one.

    It gives what PostgreSQL makes of a value. Values that have no such form stay as
    they are, so that the engine refuses them.
    """
    dialect = sqlite.dialect()
    name = dialect.identifier_preparer.quote(column)
    return {
        ("text", "boolean"): _truth(name),
        ("moment", "date"): (
            f"CASE WHEN substr({name}, 11) IN (' 00:00:00.000000', ' 00:00:00') "
            f"THEN substr({name}, 1, 10) ELSE {name} END"
        ),
        ("date", "moment"): _moment(name),
        ("text", "moment"): _moment(name),
        ("text", "uuid"): (
            f"CASE WHEN length({name}) = 36 THEN lower(replace({name}, '-', '')) "
            f"ELSE {name} END"
        ),
        ("text", "binary"): f"CAST({name} AS BLOB)",
        ("binary", "text"): f"CAST({name} AS TEXT)",
    }.get((family(old) or "", family(new) or ""))


def mysql_using(column: str, old: t.Any, new: sa.types.TypeEngine[t.Any]) -> str | None:
    """Return the expression by which MySQL converts a column, if it needs one."""
    name = quote_on_mysql(column)
    before, after = family(old) or "", family(new) or ""
    if "uuid" in (before, after) and not {before, after} & {"text", "binary"}:
        # MariaDB has the values as text between the two types.
        return None if before == after else name
    return {
        ("text", "boolean"): _truth(name),
        # Where the server has no type for it, the column has room for the digits only.
        ("text", "uuid"): (
            f"CASE WHEN char_length({name}) = 36 "
            f"THEN lower(replace({name}, '-', '')) ELSE {name} END"
        ),
    }.get((before, after))


def _moment(name: str) -> str:
    """Return the expression that writes a text as SQLAlchemy stores a moment."""
    return (
        f"CASE length({name}) WHEN 10 THEN {name} || ' 00:00:00.000000' WHEN 19 THEN "
        f"replace({name}, 'T', ' ') || '.000000' ELSE {name} END"
    )


def _truth(name: str) -> str:
    """Return the expression that reads a text as PostgreSQL reads a Boolean."""
    return (
        f"CASE WHEN lower(trim({name})) IN ('true', 't', 'yes', 'y', 'on') THEN 1 "
        f"WHEN lower(trim({name})) IN ('false', 'f', 'no', 'n', 'off') THEN 0 "
        f"ELSE {name} END"
    )


def family(type_: t.Any) -> str | None:
    """Return the family of a type, such as ``text``; its name if it is in none."""
    if isinstance(type_, sa.TypeDecorator) and not isinstance(type_, sa.Interval):
        type_ = type_.impl
    for kind, name in _FAMILIES:
        if isinstance(type_, kind):
            return name
    return type(type_).__name__.lower()


#: Types of SQLite and MySQL that PostgreSQL does not have by these names.
_NOT_OF_POSTGRESQL: t.Final = (sa.DATETIME, sa.BLOB, sa.DOUBLE)


def generic(type_: sa.types.TypeEngine[t.Any]) -> sa.types.TypeEngine[t.Any]:
    """Return a type that every database has, in the place of a reflected one."""
    if type(type_) in _NOT_OF_POSTGRESQL:
        return type_.as_generic()
    return type_


def quote_on_mysql(name: str) -> str:
    """Return a name as MySQL and MariaDB quote it, if they have to."""
    # Loading this dialect takes longer than the comparison of a small database.
    from sqlalchemy.dialects.mysql import dialect

    return dialect().identifier_preparer.quote(name)

"""The values that rows get: as a person or a model says them."""

from __future__ import annotations

import collections.abc as cabc
import datetime
import decimal
import json
import math
import re
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy.sql import functions

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...value_classes import value_class

#: What MySQL has after a default, and is none.
_ON_UPDATE: t.Final = re.compile(r"\s+ON\s+UPDATE\s", re.IGNORECASE)
#: SQL for the present time, which every database knows.
_CLOCKS: t.Final = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME")
#: A duration as Python writes it.
_DURATION: t.Final = re.compile(
    r"(?:(?P<days>-?\d+) days?)?(?:,? *(?P<hours>\d+):(?P<minutes>\d\d)"
    r"(?::(?P<seconds>\d\d(?:\.\d+)?))?)?"
)
#: Types whose values a database does not store as Python or a person writes them.
_STORED_OTHERWISE: t.Final = (
    sa.JSON,
    sa.Uuid,
    sa.Interval,
    sa.LargeBinary,
    sa.PickleType,
    sa.ARRAY,
)


@value_class
class Expression:
    """An SQL expression that the database evaluates.

    :param sql: the text of the expression.
    """

    sql: str


@value_class
class Clock:
    """The present time, when the script runs, as the default of a model gives it.

    :param python: an expression of Python, which needs ``datetime``.
    :param type: the type of the column.
    """

    python: str
    type: sa.types.TypeEngine[t.Any]


@value_class
class TypedValue:
    """A value that only the type of its column can store.

    :param value: the value, as a Python object.
    :param type: the type.
    """

    value: object
    type: sa.types.TypeEngine[t.Any]


def default_value(default: t.Any) -> str | Expression:
    """Return a default in SQL as a value that rows can be given, on every database.

    :param default: a server default of a column, or a default that is an expression.
    """
    argument: t.Any = default.arg
    if isinstance(argument, str):
        return argument
    if isinstance(argument, functions.now):
        # Not every database has a function of this name.
        return Expression("CURRENT_TIMESTAMP")
    literal = {"literal_binds": True}
    # A SELECT is in parentheses, as SQLAlchemy has it for a new row.
    sql = str(argument.self_group().compile(compile_kwargs=literal))
    return Expression(_ON_UPDATE.split(sql)[0])


def says_null(default: object) -> bool:
    """Tell whether a server default is NULL, which is no value."""
    if not isinstance(default, sa.DefaultClause):
        return False
    value = default_value(default)
    return isinstance(value, Expression) and value.sql.strip("() ").upper() == "NULL"


def typed(value: object, type_: sa.types.TypeEngine[t.Any]) -> object:
    """Return a value with its type, if only the type can store it."""
    has_zone = isinstance(value, datetime.datetime) and value.tzinfo is not None
    is_moment = has_zone and isinstance(type_, sa.DateTime)
    if is_moment or isinstance(type_, _STORED_OTHERWISE):
        return TypedValue(value, type_)
    return value


def converts(type_: object) -> bool:
    """Tell whether a type of the application converts values for another type."""
    return isinstance(type_, sa.TypeDecorator) and not isinstance(
        type_, _STORED_OTHERWISE
    )


def stored_type(type_: t.Any) -> t.Any:
    """Return the type of SQLAlchemy that a type of the application is stored as."""
    while converts(type_):
        type_ = type_.impl_instance
    return type_


def converted(text: str, model: sa.Column[t.Any], place: str) -> object:
    """Convert a value that a person wrote to the type of the column.

    :raises BatchMigrateError: it is no value of the type.
    """
    type_ = stored_type(model.type)
    try:
        return _converted(text, type_)
    except (ValueError, KeyError, ArithmeticError):
        raise BatchMigrateError(
            f"'{text}' is not a valid value for column '{place}' ({type_})",
            f"Give {_expected(type_)}.",
            state=NOTHING_WRITTEN,
        ) from None


def _converted(text: str, type_: t.Any) -> object:
    """Convert a text.

    :raises ValueError: it is no value of the type.
    :raises KeyError: as well.
    :raises ArithmeticError: as well.
    """
    for class_, convert in _BY_TYPE.items():
        if isinstance(type_, class_):
            return convert(text, type_)
    python = _python_type(type_)
    if python is bool:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    if python in (int, float, decimal.Decimal):
        number = python(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    if python in (datetime.date, datetime.time, datetime.datetime):
        is_clock = text.upper() in _CLOCKS
        if is_clock:
            return Expression(text.upper())
        return typed(python.fromisoformat(text), type_)
    value = _unquoted(text)
    if isinstance(type_, sa.String) and len(value) > (type_.length or len(value)):
        raise ValueError(text)
    return value


def _python_type(type_: t.Any) -> t.Any:
    try:
        return type_.python_type
    except NotImplementedError:
        return str


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _member(text: str, type_: sa.Enum) -> str:
    """Return what is stored for a member that is named by that, or by its name."""
    value = _unquoted(text)
    members = getattr(type_.enum_class, "__members__", {})
    stored = dict(zip(members, type_.enums, strict=False))
    return value if value in type_.enums else stored[value]


def _json(text: str, type_: sa.JSON) -> TypedValue:
    value = json.loads(text)
    if value is None:
        # It would be NULL, or not, for the options of the type.
        raise ValueError(text)
    return TypedValue(value, type_)


def _uuid(text: str, type_: sa.Uuid[t.Any]) -> TypedValue:
    value = uuid.UUID(_unquoted(text))
    return TypedValue(value if type_.as_uuid else str(value), type_)


def _duration(text: str, type_: sa.Interval) -> TypedValue:
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(text)
    parts = {name: float(part) for name, part in match.groupdict("0").items()}
    return TypedValue(datetime.timedelta(**parts), type_)


def _pickled(text: str, type_: object) -> TypedValue:
    raise ValueError(text)


_BY_TYPE: t.Final[dict[type, cabc.Callable[[str, t.Any], object]]] = {
    sa.Enum: _member,
    sa.JSON: _json,
    sa.Uuid: _uuid,
    sa.Interval: _duration,
    sa.PickleType: _pickled,
    sa.LargeBinary: lambda text, type_: TypedValue(_unquoted(text).encode(), type_),
}


def _expected(type_: t.Any) -> str:
    """Return what is written for a type, as a part of a sentence."""
    if isinstance(type_, sa.Enum):
        return f"one of {', '.join(map(repr, type_.enums))}"
    if isinstance(type_, sa.JSON):
        return 'JSON, such as {}, [] or "text"'
    if isinstance(type_, sa.Uuid):
        return "a UUID, such as 12345678-1234-5678-1234-567812345678"
    if isinstance(type_, sa.Interval):
        return "a duration, such as 1 day, 12:30:00"
    if isinstance(type_, sa.PickleType):
        return "the column a default in the model"
    if isinstance(type_, sa.String) and type_.length:
        return f"a text of at most {type_.length} characters"
    examples = {
        bool: "true or false",
        int: "a whole number",
        float: "a number, such as 1.5",
        decimal.Decimal: "a number, such as 1.5",
        datetime.date: "a date, such as 2024-12-31",
        datetime.time: "a time, such as 23:59",
        datetime.datetime: "a date and time, such as 2024-12-31 23:59",
    }
    return examples.get(_python_type(type_), "another value")

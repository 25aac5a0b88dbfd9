"""The values that rows get: as a person or a model says them."""

from __future__ import annotations

import ast
import collections.abc as cabc
import dataclasses
import datetime
import decimal
import enum
import json
import re
import typing as t
import uuid

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql import functions

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN

#: What MySQL has after a default, and is none.
_ON_UPDATE: t.Final = re.compile(r"\s+ON\s+UPDATE\s", re.IGNORECASE)
_PLAIN: t.Final = (
    *(bool, int, float, str, decimal.Decimal),
    *(datetime.date, datetime.time),
)
_TEMPORAL: t.Final = (datetime.date, datetime.time, datetime.datetime)
_CLOCK: t.Final = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME")
#: Types whose values a database takes only from one who knows the type.
_TYPED: t.Final = (
    *(sa.JSON, sa.Enum, sa.Uuid, sa.Interval, sa.LargeBinary, sa.PickleType),
)


class _NoValue:
    """The mark for a column that has no value and needs none."""


NO_VALUE: t.Final = _NoValue()


@dataclasses.dataclass(frozen=True, slots=True)
class Expression:
    """An SQL expression that the database evaluates.

    :param sql: the text of the expression.
    """

    sql: str


@dataclasses.dataclass(frozen=True, slots=True)
class Typed:
    """A value that is written with the type of its column.

    :param value: the value, as the type takes it.
    :param type: the type, which is one of SQLAlchemy's.
    """

    value: t.Any
    type: sa.types.TypeEngine[t.Any]


def default_value(default: sa.DefaultClause) -> str | Expression:
    """Return a server default as a value that rows can be given, on every database."""
    return sql_value(default.arg)


def says_null(default: object) -> bool:
    """Tell whether a server default is NULL, which is no value."""
    if not isinstance(default, sa.DefaultClause):
        return False
    value = default_value(default)
    return isinstance(value, Expression) and value.sql.strip("() ").upper() == "NULL"


def sql_value(argument: t.Any) -> str | Expression:
    """Return SQL as a value that rows can be given, on every database."""
    if isinstance(argument, str):
        return argument
    if isinstance(argument, functions.now):
        # Not every database has a function of this name.
        return Expression("CURRENT_TIMESTAMP")
    literal = {"literal_binds": True}
    sql = str(argument.compile(compile_kwargs=literal))
    return Expression(_ON_UPDATE.split(sql)[0])


def as_stored(
    value: t.Any, type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect
) -> object:
    """Return what a value of the models becomes in a script.

    :param type_: the type of its column, which may convert it.
    :return: :data:`NO_VALUE` if a script cannot say it.
    """
    if isinstance(value, Expression):
        times = (sa.DateTime, sa.Date, sa.Time)
        is_time = value.sql not in _CLOCK or isinstance(_plain(type_), times)
        return value if is_time else NO_VALUE
    try:
        while _is_own(type_):
            value, type_ = _converted(value, type_, dialect)
        if isinstance(type_, sa.Enum):
            value = _text_of_member(value, type_)
    except Exception:
        # The type is the application's, and may raise anything.
        return NO_VALUE
    if value is None or not _can_be_written(value):
        return NO_VALUE
    if isinstance(type_, _TYPED):
        return Typed(value, type_)
    return value if isinstance(value, _PLAIN) else NO_VALUE


def _is_own(type_: t.Any) -> bool:
    """Tell whether a type of the application converts values for another type."""
    is_known = type(type_).__module__.partition(".")[0] == "sqlalchemy"
    return isinstance(type_, sa.TypeDecorator) and not is_known


def _converted(value: t.Any, type_: t.Any, dialect: sa.Dialect) -> tuple[t.Any, t.Any]:
    """Return a value as a type of the application gives it to the type it is made of.

    :raises TypeError: the type converts values in a way of its own.
    """
    kind = type(type_)
    if kind.bind_processor is not sa.TypeDecorator.bind_processor:
        raise TypeError
    if kind.process_bind_param is not sa.TypeDecorator.process_bind_param:
        value = type_.process_bind_param(value, dialect)
    return value, type_.load_dialect_impl(dialect)


def _plain(type_: t.Any) -> t.Any:
    """Return the type that a type of the application is stored as."""
    while _is_own(type_):
        type_ = type_.impl_instance
    return type_


def _can_be_written(value: t.Any) -> bool:
    """Tell whether the text of a value in a script makes it again."""
    known = (decimal.Decimal, datetime.date, datetime.time)
    if isinstance(value, (*known, datetime.timedelta, uuid.UUID)):
        return not getattr(value, "tzinfo", None)
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def converted(text: str, model: sa.Column[t.Any], place: str) -> object:
    """Convert a value that a person wrote to the type that a column is stored as."""
    type_ = _plain(model.type)
    try:
        value = _of_text(text, type_)
    except (ValueError, LookupError, decimal.InvalidOperation):
        known = f": {', '.join(type_.enums)}" if isinstance(type_, sa.Enum) else ""
        raise BatchMigrateError(
            f"'{text}' is not a valid value for column '{place}' ({model.type}{known})",
            "Give another value.",
            state=NOTHING_WRITTEN,
        ) from None
    return Typed(value, type_) if isinstance(type_, _TYPED) else value


def _of_text(text: str, type_: t.Any) -> object:
    """Return the value of a type that a text says.

    :raises ValueError: the text says none, as do errors of the other classes below.
    """
    if isinstance(type_, sa.Enum):
        return _member(_unquoted(text), type_)
    if isinstance(type_, sa.JSON):
        return json.loads(text)
    if isinstance(type_, sa.Interval):
        return datetime.timedelta(seconds=float(text))
    if isinstance(type_, sa.LargeBinary):
        return _unquoted(text).encode()
    if isinstance(type_, sa.Uuid):
        found = uuid.UUID(_unquoted(text))
        return found if type_.as_uuid else str(found)
    try:
        python = type_.python_type
    except NotImplementedError:
        python = str
    if python is bool:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    if python in (int, float, decimal.Decimal):
        return python(text)
    if python in _TEMPORAL:
        is_clock = text.upper() in _CLOCK
        return Expression(text.upper()) if is_clock else python.fromisoformat(text)
    return _unquoted(text)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _member(text: str, type_: sa.Enum) -> str:
    """Return the stored text of a member, which a person says by it or by its name."""
    if text in type_.enums:
        return text
    members: cabc.Mapping[str, enum.Enum] = getattr(type_.enum_class, "__members__", {})
    return _text_of_member(members[text], type_)


def _text_of_member(value: t.Any, type_: t.Any) -> str:
    """Return the text that an Enum stores for a member.

    :raises LookupError: there is no such member.
    """
    return str(type_.bind_processor(DefaultDialect())(value))

"""Finds out what the default of a model would give rows that have no value."""

from __future__ import annotations

import datetime
import decimal
import enum
import typing as t
import warnings

import sqlalchemy as sa

from .fill_values import converts
from .fill_values import default_value
from .fill_values import Expression
from .fill_values import says_null
from .fill_values import stored_type
from .fill_values import typed
from .value_texts import plain
from .value_texts import value_text

#: How often a function is called to see whether it always gives the same.
_CALLS: t.Final = 8
#: Within how many seconds of the present time a moment is taken for it.
_NEAR: t.Final = 60
_WRITABLE: t.Final = (
    bool,
    int,
    float,
    str,
    decimal.Decimal,
    datetime.date,
    datetime.time,
)


class _NotGiven:
    """The mark for a default that gives rows no value that a script can hold."""


NOT_GIVEN: t.Final = _NotGiven()


def given_by(column: sa.Column[t.Any], dialect: sa.Dialect) -> object:
    """Return what the default of a column gives to rows that have no value.

    A function is called, as SQLAlchemy does for a new row. If it gives the present
    time, the value is the expression for the time of the upgrade.

    :return: :data:`NOT_GIVEN` if there is no default, if it gives each row another
        value, or one that cannot be written into a script.
    """
    server = column.server_default
    if isinstance(server, sa.DefaultClause) and not says_null(server):
        return default_value(server)
    default: t.Any = column.default
    try:
        if default is None or default.is_sequence:
            return NOT_GIVEN
        if default.is_clause_element:
            return default_value(default)
        if default.is_callable:
            return _called(default.arg, column.type, dialect)
        return _written(default.arg, column.type, dialect)
    except Exception:  # whatever the function or type of an application raises
        return NOT_GIVEN


def has_function(column: sa.Column[t.Any]) -> bool:
    """Tell whether the default of a column is a function."""
    return bool(column.default is not None and column.default.is_callable)


def _called(
    function: t.Any, type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect
) -> object:
    with warnings.catch_warnings():
        # Such as that of ``utcnow()``.
        warnings.simplefilter("ignore")
        values = [function(None) for _ in range(_CALLS)]
    first = values[0]
    stored = stored_type(type_)
    if isinstance(first, datetime.date) and isinstance(stored, (sa.Date, sa.DateTime)):
        is_moment = isinstance(first, datetime.datetime)
        if all(map(_is_now if is_moment else _is_today, values)):
            is_day = isinstance(stored, sa.Date)
            return Expression("CURRENT_DATE" if is_day else "CURRENT_TIMESTAMP")
    if any(value != first for value in values):
        return NOT_GIVEN
    return _written(first, type_, dialect)


def _is_now(moment: datetime.datetime) -> bool:
    """Tell whether a moment is the present one, here or in UTC if it has no zone."""
    utc = datetime.timezone.utc
    known = (
        [moment] if moment.tzinfo else [moment.astimezone(), moment.replace(tzinfo=utc)]
    )
    now = datetime.datetime.now(utc)
    return any(abs((now - each).total_seconds()) < _NEAR for each in known)


def _is_today(day: datetime.date) -> bool:
    """Tell whether a day is the present one, here or in UTC."""
    utc = datetime.datetime.now(datetime.timezone.utc).date()
    return day in (datetime.date.today(), utc)


def _written(value: t.Any, type_: t.Any, dialect: sa.Dialect) -> object:
    """Return a value as a script can give it to rows, if it can."""
    while converts(type_):
        if type(type_).process_bind_param is not sa.TypeDecorator.process_bind_param:
            value = type_.process_bind_param(value, dialect)
        type_ = type_.impl_instance
    if isinstance(type_, sa.Enum):
        value = _member(value, type_)
    if not isinstance(type_, sa.PickleType):
        value = plain(value)
    with_type = typed(value, type_)
    if value is None or (with_type is value and not isinstance(value, _WRITABLE)):
        return NOT_GIVEN
    value_text(value, set())
    if isinstance(type_, sa.JSON):
        _serialize(value, dialect)
    return with_type


def _serialize(value: object, dialect: sa.Dialect) -> None:
    """Try to write a value as JSON.

    :raises TypeError: the application could not write it, either.
    """
    import json

    (getattr(dialect, "_json_serializer", None) or json.dumps)(value)


def _member(value: object, type_: sa.Enum) -> object:
    """Return the text that is stored for a member of an Enum."""
    if not isinstance(value, enum.Enum) or type_.enum_class is None:
        return value
    members = type_.enum_class.__members__.values()
    stored = dict(zip(members, type_.enums, strict=False))
    return stored[value]

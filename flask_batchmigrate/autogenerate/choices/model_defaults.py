"""Finds out what the default of a model would give rows that have no value."""

from __future__ import annotations

import datetime
import decimal
import enum
import time
import typing as t
import warnings

import sqlalchemy as sa

from .clocks import clock_text
from .fill_values import Clock
from .fill_values import converts
from .fill_values import default_value
from .fill_values import says_null
from .fill_values import stored_type
from .fill_values import typed
from .value_texts import plain
from .value_texts import value_text

#: How often a function is called to see whether it always gives the same.
_CALLS: t.Final = 8
#: Functions of ``datetime`` that give the local time, also where that is UTC now.
_LOCAL: t.Final = (datetime.datetime.now, datetime.datetime.today)
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
    time, the value is that of the upgrade.

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
        start = time.time()
        values = [function(None) for _ in range(_CALLS)]
        end = time.time()
    stored = stored_type(type_)
    if isinstance(values[0], datetime.date) and isinstance(
        stored, (sa.Date, sa.DateTime)
    ):
        # SQLAlchemy wraps functions that take no context.
        is_local = getattr(function, "__wrapped__", None) in _LOCAL
        bound = [_bound(value, type_, dialect) for value in values]
        text = clock_text(bound, start, end, is_local, _takes_zone(dialect))
        if text is not None:
            return Clock(text, stored)
    first = values[0]
    if any(value != first for value in values) or _is_time(first, start, end):
        return NOT_GIVEN
    return _written(first, type_, dialect)


def _takes_zone(dialect: sa.Dialect) -> bool:
    """Tell whether a database takes a moment with its zone.

    MySQL does not; its drivers leave the zone out, but SQL for ``--sql`` has it.
    """
    return dialect.name not in ("mysql", "mariadb")


def _is_time(value: object, start: float, end: float) -> bool:
    """Tell whether a number is the present time in seconds."""
    return isinstance(value, (int, float)) and start - 1 <= value <= end


def _bound(value: t.Any, type_: t.Any, dialect: sa.Dialect) -> t.Any:
    """Return what the types of the application make of a value."""
    while converts(type_):
        if type(type_).process_bind_param is not sa.TypeDecorator.process_bind_param:
            value = type_.process_bind_param(value, dialect)
        type_ = type_.impl_instance
    return value


def _written(value: t.Any, type_: t.Any, dialect: sa.Dialect) -> object:
    """Return a value as a script can give it to rows, if it can."""
    value, type_ = _bound(value, type_, dialect), stored_type(type_)
    if isinstance(type_, sa.Enum):
        value = _member(value, type_)
    if not isinstance(type_, sa.PickleType):
        value = plain(value)
    if isinstance(value, datetime.datetime) and not _takes_zone(dialect):
        value = value.replace(tzinfo=None)
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

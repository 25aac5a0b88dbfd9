"""Finds out what the default of a model would give rows that have no value."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import typing as t

import sqlalchemy as sa

from .fill_values import default_value
from .fill_values import typed

#: How often a function is called to see whether it always gives the same.
_CALLS: t.Final = 8
_WRITABLE: t.Final = (
    bool,
    int,
    float,
    str,
    decimal.Decimal,
    datetime.date,
    datetime.time,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What a default gives.

    :param value: the value, if all rows get the same.
    :param is_now: whether it is the present time, which the function gave that is the
        default.
    """

    value: object
    is_now: bool = False


def given_by(column: sa.Column[t.Any], dialect: sa.Dialect) -> Given | None:
    """Return what the default of a column gives to rows that have no value.

    A function is called, as SQLAlchemy does for a new row. The present time is the same
    for all rows.

    :return: None if there is no default, if it gives each row another value, or one
        that cannot be written into a script.
    """
    if isinstance(column.server_default, sa.DefaultClause):
        return Given(default_value(column.server_default))
    default: t.Any = column.default
    try:
        if default is None or default.is_sequence:
            return None
        if default.is_clause_element:
            return Given(default_value(default))
        if default.is_callable:
            return _called(default.arg, column.type, dialect)
        return _written(default.arg, column.type, dialect)
    except Exception:  # whatever the function or type of an application raises
        return None


def has_function(column: sa.Column[t.Any]) -> bool:
    """Tell whether the default of a column is a function."""
    return bool(column.default is not None and column.default.is_callable)


def _called(
    function: t.Any, type_: sa.types.TypeEngine[t.Any], dialect: sa.Dialect
) -> Given | None:
    values = [function(None) for _ in range(_CALLS)]
    first = values[0]
    is_time = isinstance(first, (datetime.datetime, datetime.time))
    if not is_time and any(value != first for value in values):
        return None
    written = _written(first, type_, dialect)
    if written is None:
        return None
    return Given(written.value, is_time or isinstance(first, datetime.date))


def _written(value: t.Any, type_: t.Any, dialect: sa.Dialect) -> Given | None:
    """Return a value as a script can give it to rows; None if it cannot."""
    own = isinstance(type_, sa.TypeDecorator) and not isinstance(
        type_, (sa.Interval, sa.PickleType)
    )
    if own:
        value = type_.process_bind_param(value, dialect)
        type_ = type_.impl_instance
    if isinstance(type_, sa.Enum):
        value = _member(value, type_)
    with_type = typed(value, type_)
    if value is None or (with_type is value and not isinstance(value, _WRITABLE)):
        return None
    return Given(with_type)


def _member(value: object, type_: sa.Enum) -> object:
    """Return the text that is stored for a member of an Enum."""
    if not isinstance(value, enum.Enum) or type_.enum_class is None:
        return value
    members = type_.enum_class.__members__.values()
    stored = dict(zip(members, type_.enums, strict=False))
    return stored[value]

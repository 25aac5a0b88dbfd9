"""Finds the value that a column's Python default gives to all rows alike.

A function of the application is called only if it cannot have an effect: it names
nothing but what the module ``datetime`` has, or nothing at all.
"""

from __future__ import annotations

import builtins
import collections.abc as cabc
import datetime
import decimal
import functools
import typing as t
import warnings

import sqlalchemy as sa

from .fill_values import Expression
from .fill_values import NO_VALUE
from .fill_values import sql_value

#: Types of Python that make an empty value.
_EMPTY: t.Final = (dict, list, str, int, float, bool, bytes, decimal.Decimal)
_CLOCKS: t.Final = {
    datetime.datetime.now: "CURRENT_TIMESTAMP",
    datetime.datetime.utcnow: "CURRENT_TIMESTAMP",
    datetime.datetime.today: "CURRENT_TIMESTAMP",
    datetime.date.today: "CURRENT_DATE",
}
#: What a function may name that only asks for the time.
_TIMES: t.Final = (
    datetime.datetime,
    datetime.date,
    datetime.time,
    datetime.timezone,
    datetime.timedelta,
)
#: Within how many seconds of now a value is the time of the call.
_NEAR: t.Final = 60


def default_of(model: sa.Column[t.Any]) -> object:
    """Return the value of a column's Python default, if all rows get the same one.

    :return: the value, as the model says it; an expression for the time of the upgrade;
        :data:`NO_VALUE` if the default may be another one for each row.
    """
    default = t.cast(t.Any, model.default)
    if default is None:
        return NO_VALUE
    if default.is_scalar:
        return default.arg
    if default.is_clause_element:
        return sql_value(default.arg)
    return _called(_function(default.arg)) if default.is_callable else NO_VALUE


def is_a_function(model: sa.Column[t.Any]) -> bool:
    """Tell whether the Python default of a column is a function."""
    default = t.cast(t.Any, model.default)
    return default is not None and bool(default.is_callable)


def _function(wrapper: t.Any) -> t.Any:
    """Return the function that SQLAlchemy wrapped in one with an argument.

    :return: None if the function takes the context of the statement.
    """
    names = getattr(getattr(wrapper, "__code__", None), "co_freevars", ())
    if names != ("fn",) or not wrapper.__closure__:
        return None
    return wrapper.__closure__[0].cell_contents


def _called(function: t.Any) -> object:
    """Return what a function gives each time; :data:`NO_VALUE` if nobody can tell."""
    if any(function is each for each in _EMPTY):
        return function()
    if isinstance(function, functools.partial):
        return _clock(function.func)
    clock = _clock(function)
    if clock is not NO_VALUE or not _is_harmless(function):
        return clock
    try:
        with warnings.catch_warnings():
            # Such as that of ``utcnow()``.
            warnings.simplefilter("ignore")
            values = [function(), function()]
    except Exception:
        # It is the application's, and may raise anything.
        return NO_VALUE
    if isinstance(values[0], datetime.date) and (moment := _now(values[0])):
        return Expression(moment)
    same = type(values[0]) is type(values[1]) and values[0] == values[1]
    return values[0] if same else NO_VALUE


def _clock(function: t.Any) -> object:
    """Return an expression for a function that tells the time."""
    for known, sql in _CLOCKS.items():
        if function == known:
            return Expression(sql)
    return NO_VALUE


def _now(value: datetime.date) -> str | None:
    """Return the SQL for a value that is the time of the call; None for any other."""
    if not isinstance(value, datetime.datetime):
        utc = datetime.datetime.now(datetime.timezone.utc).date()
        return "CURRENT_DATE" if value in (datetime.date.today(), utc) else None
    zones = [value.tzinfo] if value.tzinfo else [None, datetime.timezone.utc]
    for zone in zones:
        now = datetime.datetime.now(zone).replace(tzinfo=value.tzinfo)
        if abs((now - value).total_seconds()) < _NEAR:
            return "CURRENT_TIMESTAMP"
    return None


def _is_harmless(function: t.Any) -> bool:
    """Tell whether a function of Python can do nothing but return a value."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_freevars or code.co_flags & _ENDLESS:
        return False
    if any(hasattr(each, "co_code") for each in code.co_consts):
        return False
    return all(_is_of_time(name, function.__globals__) for name in code.co_names)


#: The flags of generators and coroutines, which return no value.
_ENDLESS: t.Final = 0x20 | 0x80 | 0x100 | 0x200


def _is_of_time(name: str, names: cabc.Mapping[str, t.Any]) -> bool:
    """Tell whether a name in a function means something of the module datetime.

    A name that is no global one is an attribute of something that is.
    """
    if name in names:
        value = names[name]
        return (
            value is datetime or value in _TIMES or isinstance(value, datetime.tzinfo)
        )
    return not hasattr(builtins, name)

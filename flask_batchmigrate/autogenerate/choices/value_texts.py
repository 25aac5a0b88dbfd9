"""Writes values into scripts: as text that gives an equal value again."""

from __future__ import annotations

import collections.abc as cabc
import datetime
import decimal
import math
import typing as t
import uuid

#: The modules that a script imports for values of their classes.
_MODULES: t.Final = (datetime, decimal, uuid)


def plain(value: t.Any) -> t.Any:
    """Return a value without what an application adds to its class.

    A member of ``class Size(str, Enum)`` becomes a text, which is what a database
    stores of it, and a moment of a named zone one with the offset of the zone.
    """
    for class_, convert in _PLAIN.items():
        if isinstance(value, class_):
            return convert(value)
    return value


def value_text(value: object, imports: set[str]) -> str:
    """Return the text of a value in a script.

    :param imports: gets the imports that the text needs.
    :raises ValueError: no text that needs only these imports gives an equal value.
    """
    kind = type(value)
    if kind in (list, tuple, set, dict):
        return _container_text(value, imports)
    if kind in (float, decimal.Decimal) and not math.isfinite(t.cast(float, value)):
        raise ValueError(value)
    zone = getattr(value, "tzinfo", None)
    if kind not in _PLAIN_KINDS or type(zone) not in (type(None), datetime.timezone):
        raise ValueError(value)
    for module in _MODULES:
        if kind.__module__ == module.__name__:
            imports.add(f"import {module.__name__}")
            prefix = "" if module is datetime else f"{module.__name__}."
            return f"{prefix}{value!r}"
    return repr(value)


def _container_text(value: t.Any, imports: set[str]) -> str:
    if isinstance(value, dict):
        pairs = (
            f"{value_text(key, imports)}: {value_text(each, imports)}"
            for key, each in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    texts = [value_text(each, imports) for each in value]
    if isinstance(value, list):
        return f"[{', '.join(texts)}]"
    if isinstance(value, set):
        return f"{{{', '.join(texts)}}}" if texts else "set()"
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def _zone(value: datetime.datetime | datetime.time) -> datetime.tzinfo | None:
    offset = value.utcoffset()
    if offset is None:
        return value.tzinfo
    return datetime.timezone(offset) if offset else datetime.timezone.utc


def _moment(value: datetime.datetime) -> datetime.datetime:
    day = value.year, value.month, value.day
    clock = value.hour, value.minute, value.second, value.microsecond
    return datetime.datetime(*day, *clock, _zone(value), fold=value.fold)


def _clock(value: datetime.time) -> datetime.time:
    clock = value.hour, value.minute, value.second, value.microsecond
    return datetime.time(*clock, _zone(value), fold=value.fold)


_PLAIN: t.Final[dict[type, cabc.Callable[[t.Any], object]]] = {
    bool: bool,
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: bytes,
    decimal.Decimal: decimal.Decimal,
    datetime.datetime: _moment,
    datetime.date: lambda value: datetime.date(value.year, value.month, value.day),
    datetime.time: _clock,
    datetime.timedelta: lambda value: datetime.timedelta(
        value.days, value.seconds, value.microseconds
    ),
    uuid.UUID: lambda value: uuid.UUID(int=value.int),
    dict: lambda value: {plain(key): plain(each) for key, each in value.items()},
    list: lambda value: [plain(each) for each in value],
    tuple: lambda value: tuple(plain(each) for each in value),
    set: lambda value: {plain(each) for each in value},
}
_PLAIN_KINDS: t.Final = {type(None), *_PLAIN} - {bytearray, dict, list, tuple, set}

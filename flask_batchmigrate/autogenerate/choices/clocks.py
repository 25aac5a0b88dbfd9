"""Recognizes the present time among values, and writes how a script asks for it."""

from __future__ import annotations

import collections.abc as cabc
import datetime
import typing as t

from .value_texts import plain

_UTC: t.Final = datetime.timezone.utc
_LOCAL_NOW: t.Final = "datetime.datetime.now()"
_UTC_NOW: t.Final = "datetime.datetime.now(datetime.timezone.utc)"
_WITHOUT_ZONE: t.Final = ".replace(tzinfo=None)"


def clock_text(
    values: cabc.Sequence[object],
    start: float,
    end: float,
    is_local: bool,
    keeps_zone: bool,
) -> str | None:
    """Return the expression of Python for the time that a function gave.

    The expression gives it in the same zone: without one, where the values have none.

    :param values: what the function gave, when it was called several times.
    :param start: when it was called first, as ``time.time()`` tells it.
    :param end: when it had been called last.
    :param is_local: whether a moment without a zone that may be the local time or that
        of UTC is the local one; a day always is.
    :param keeps_zone: whether the database takes a moment with its zone.
    :return: None if that was not the present time.
    """
    # A moment may be cut off at the second.
    first = datetime.datetime.fromtimestamp(int(start), _UTC)
    last = datetime.datetime.fromtimestamp(end, _UTC)

    def all_now(zone: datetime.tzinfo | None) -> bool:
        early, late = first.astimezone(zone), last.astimezone(zone)
        return all(_is_between(value, early, late) for value in values)

    is_day = not isinstance(values[0], datetime.datetime)
    zone = getattr(plain(values[0]), "tzinfo", None)
    if isinstance(zone, datetime.timezone):
        now = f"datetime.datetime.now({zone!r}){'' if keeps_zone else _WITHOUT_ZONE}"
        return now if all_now(zone) else None
    here, utc = all_now(None), all_now(_UTC)
    if here and (is_local or is_day or not utc):
        return "datetime.date.today()" if is_day else _LOCAL_NOW
    if not utc:
        return None
    return f"{_UTC_NOW}.date()" if is_day else f"{_UTC_NOW}{_WITHOUT_ZONE}"


def _is_between(
    value: object, early: datetime.datetime, late: datetime.datetime
) -> bool:
    """Tell whether a day or moment is between two, by the clock of their zone."""
    if not isinstance(value, datetime.datetime):
        days = early.date(), late.date()
        return isinstance(value, datetime.date) and days[0] <= value <= days[1]
    if value.tzinfo is None:
        early, late = early.replace(tzinfo=None), late.replace(tzinfo=None)
    return early <= value <= late

"""The values that rows get: as a person or a model says them."""

from __future__ import annotations

import datetime
import decimal
import re
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql import functions

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...value_classes import value_class

#: What MySQL has after a default, and is none.
_ON_UPDATE: t.Final = re.compile(r"\s+ON\s+UPDATE\s", re.IGNORECASE)


@value_class
class Expression:
    """An SQL expression that the database evaluates.

    :param sql: the text of the expression.
    """

    sql: str


def default_value(default: sa.DefaultClause) -> str | Expression:
    """Return a server default as a value that rows can be given, on every database."""
    argument: t.Any = default.arg
    if isinstance(argument, str):
        return argument
    if isinstance(argument, functions.now):
        # Not every database has a function of this name.
        return Expression("CURRENT_TIMESTAMP")
    literal = {"literal_binds": True}
    sql = str(argument.compile(compile_kwargs=literal))
    return Expression(_ON_UPDATE.split(sql)[0])


def converted(text: str, model: sa.Column[t.Any], place: str) -> object:
    """Convert a value that a person wrote to the type of the column."""
    try:
        python = model.type.python_type
    except NotImplementedError:
        python = str
    try:
        if python is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if python in (int, float, decimal.Decimal):
            return python(text)
        if python in (datetime.date, datetime.time, datetime.datetime):
            return python.fromisoformat(text)
    except (ValueError, KeyError, decimal.InvalidOperation):
        raise BatchMigrateError(
            f"'{text}' is not a valid value for column '{place}' ({model.type})",
            "Give another value.",
            state=NOTHING_WRITTEN,
        ) from None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text

"""Copies tables whose columns have types that cannot be copied with arguments."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import inspect
import typing as t

import sqlalchemy as sa


@contextlib.contextmanager
def copied_plainly(table: sa.Table) -> cabc.Iterator[None]:
    """Let each type of a table be copied, also by a ``copy()`` without arguments.

    SQLAlchemy passes the schema to the ``copy()`` of a type, of which only an Enum
    makes use. Many a type of an application has a ``copy()`` from before that.
    """
    types = [c.type for c in table.columns if _takes_nothing(type(c.type).copy)]
    for type_ in types:
        vars(type_)["copy"] = functools.partial(_copy, type_)
    try:
        yield
    finally:
        for type_ in types:
            vars(type_).pop("copy", None)


def _copy(type_: t.Any, **options: t.Any) -> t.Any:
    """Return what the ``copy()`` of a type's class makes, without the options."""
    copied = type(type_).copy(type_)
    # What is set on the original for a moment is not the copy's.
    vars(copied).pop("copy", None)
    return copied


def _takes_nothing(copy: t.Any) -> bool:
    """Tell whether the ``copy()`` of a class takes no keywords."""
    if copy.__module__.partition(".")[0] == "sqlalchemy":
        return False
    kinds = {each.kind for each in inspect.signature(copy).parameters.values()}
    return inspect.Parameter.VAR_KEYWORD not in kinds

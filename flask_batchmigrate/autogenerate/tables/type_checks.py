"""Finds the CHECK constraints that belong to a type: a Boolean or an Enum.

A script lets the type create and drop them, because another database may not need them:
PostgreSQL has its own types for both.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa
from sqlalchemy.sql import sqltypes
from sqlalchemy.sql.elements import conv

from ...sqlite.adapter.translate import Translator
from ...sqlite.ddl.table import ConstraintText
from ...sqlite.ddl.table import parse_table_constraint
from ...sqlite.ddl.tokens import Kind
from ...sqlite.ddl.tokens import significant
from ...sqlite.ddl.tokens import tokenize
from ...sqlite.ddl.tokens import unquote
from ..script.names import checks_of_column
from ..script.names import conventional_name
from ..script.names import default_name

_ENUMERATED: t.Final = (sqltypes.Boolean, sqltypes.Enum)
_MAKERS: t.Final = (*_ENUMERATED, sa.TypeDecorator)


def checks_of_types(
    table: sa.Table, translator: Translator
) -> cabc.Iterator[tuple[str, ConstraintText]]:
    """Yield the columns of a table whose types make checks, with each check."""
    for column in table.columns:
        if not isinstance(column.type, _MAKERS):
            continue
        type_: t.Any = column.type
        twin = sa.Table(str(table.name), sa.MetaData(), sa.Column(column.name, type_))
        for constraint in twin.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                text = translator.constraint(constraint)
                if text is not None:
                    yield str(column.name), parse_table_constraint(text)


def has_members(type_: sa.types.TypeEngine[t.Any]) -> bool:
    """Tell whether a type of the models may make a check."""
    return isinstance(type_, _ENUMERATED)


def without_check(type_: t.Any) -> t.Any:
    """Return a type that makes no check, for a check that is made by itself."""
    if not (isinstance(type_, _ENUMERATED) and type_.create_constraint):
        return type_
    copied: t.Any = t.cast(t.Any, type_).copy()
    copied.create_constraint = False
    return copied


def named(
    column: sa.Column[t.Any], table: str, name: str | None = None
) -> sa.types.TypeEngine[t.Any]:
    """Return a column's type with a name for the check that it makes.

    :param name: the name where the naming convention says none; None for the usual one.
    """
    type_ = column.type
    if (
        not isinstance(type_, _ENUMERATED)
        or not type_.create_constraint
        or type_.name is not None
    ):
        return type_
    copied: t.Any = t.cast(t.Any, type_).copy()
    by_convention = [conventional_name(check) for check in checks_of_column(column)]
    usual = name or default_name("check", table, [str(column.name)])
    copied.name = conv(next(filter(None, by_convention), None) or usual)
    return copied  # type: ignore[no-any-return]


def stored_as(column: sa.Column[t.Any] | None, check: str) -> str | None:
    """Return the name of a type of the models whose check is stored by a name.

    :param column: the column of the models, if it stays.
    :param check: the stored name of the check.
    :return: the name that the naming convention makes the stored one of; None if the
        type does not make a check of that name.
    """
    if column is None or not isinstance(column.type, _ENUMERATED):
        return None
    name = column.type.name
    made = [str(each.name) for each in checks_of_column(column)]
    return name if name is not None and made == [check] else None


def values(constraint: ConstraintText) -> tuple[str, list[str]] | None:
    """Return the column and the values of a check ``column IN (value, ...)``.

    :return: the column and the values; None for any other check.
    """
    tokens = list(significant(tokenize(constraint.expression or "")))
    if len(tokens) < 5 or not tokens[0].is_name or tokens[1].keyword != "IN":
        return None
    inside, commas = tokens[3:-1:2], tokens[4:-1:2]
    if (
        not (tokens[2].is_symbol("(") and tokens[-1].is_symbol(")"))
        or not all(token.is_symbol(",") for token in commas)
        or not all(token.kind in (Kind.STRING, Kind.NUMBER) for token in inside)
        or not len(tokens) % 2
    ):
        return None
    return unquote(tokens[0].text), [unquote(token.text) for token in inside]


def with_check(
    stored: sa.types.TypeEngine[t.Any],
    constraint: ConstraintText,
    name: str,
    model: sa.types.TypeEngine[t.Any] | None,
) -> sa.types.TypeEngine[t.Any]:
    """Return the type that makes a stored check ``column IN (...)``.

    :param stored: the stored type of the column, which makes no check.
    :param constraint: the check.
    :param name: the name of the check.
    :param model: the column's type in the models, if the column stays.
    """
    check_values = values(constraint)
    members = check_values[1] if check_values is not None else []
    if isinstance(stored, sa.Boolean) or set(members) == {"0", "1"}:
        return sa.Boolean(create_constraint=True, name=name)
    native = model.native_enum if isinstance(model, sa.Enum) else False
    longest = max(map(len, members))
    length = getattr(stored, "length", None)
    options: dict[str, t.Any] = {}
    if length is not None and length > longest:
        options["length"] = length
    if not native:
        options["native_enum"] = False
    return sa.Enum(*members, name=name, create_constraint=True, **options)

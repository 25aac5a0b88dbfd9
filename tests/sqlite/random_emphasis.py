"""What random examples have more of where one way of the engine is to be tried."""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Emphasis:
    """What examples have more of than an even choice gives them.

    :param first: the operations one of which a block begins with; empty for any.
    :param then: the operations that may follow, each as often as it is listed; empty
        for any. An operation is the name of a method of ``BlockBuilder``.
    :param recreate: what a block may say of a copy.
    :param columns: how many columns a table has, at least and at most.
    :param rows: how many rows are tried for each table, at most.
    :param extra_indexes: how many indexes a table has besides, at most.
    :param has_odd_values: whether many values are of another class than their column's
        type names, at the edge of what SQLite stores alike, or longer than a page.
    :param kept_values: one type change in so many leaves misfits as they are.
    :param analyzed: one database in so many has statistics.
    :param unwritable: one library in so many forbids to write the schema; 0 for none.
    """

    first: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    recreate: tuple[str, ...] = ("auto", "auto", "auto", "auto", "always", "never")
    columns: tuple[int, int] = (1, 5)
    rows: int = 6
    extra_indexes: int = 0
    has_odd_values: bool = False
    kept_values: int = 5
    analyzed: int = 6
    unwritable: int = 8


EVEN: t.Final = Emphasis()

CONVERSIONS: t.Final = Emphasis(
    first=("convert", "convert", "convert", "fill_column", "become_strict"),
    then=(
        *("convert", "convert", "convert", "convert", "fill_column", "fill_column"),
        *("create_index", "drop_index", "drop_constraint", "rename_column"),
        *("set_not_null", "set_default", "set_type", "add_column", "add_check"),
        *("add_foreign_key", "add_key", "drop_column", "become_strict"),
    ),
    recreate=("auto", "auto", "auto", "auto", "auto", "never"),
    columns=(2, 7),
    rows=12,
    has_odd_values=True,
    kept_values=2,
    analyzed=3,
    unwritable=0,
)
"""Values are stored anew where they are: types, expressions, fills, STRICT."""

COPIES: t.Final = Emphasis(
    first=("reorder", "convert", "add_key", "drop_column", "set_options", "add_column"),
    then=(
        *("reorder", "convert", "set_not_null", "set_default", "rename_column"),
        *("drop_column", "add_column", "add_key", "add_check", "add_foreign_key"),
        *("drop_constraint", "set_options", "create_index", "drop_index"),
        *("replace_column", "fill_column"),
    ),
    recreate=("always", "always", "auto"),
    columns=(2, 6),
    rows=12,
    extra_indexes=3,
    has_odd_values=True,
    kept_values=2,
    analyzed=2,
    unwritable=0,
)
"""The rows are copied, and indexes stay."""

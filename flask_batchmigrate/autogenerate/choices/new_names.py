"""Finds the new names of columns that models declare, and checks those of options."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN

DECLARED: t.Final = "renamed_from"


def declared(
    table: sa.Table, stored: cabc.Collection[str]
) -> cabc.Iterator[tuple[str, str]]:
    """Yield the renames of columns that a model declares and the database has not made.

    They may be a chain, in which a column gets the name that another one had.

    :param stored: the columns of the database.
    :return: the old and the new names.
    """
    sources = {
        str(column.name): str(column.info[DECLARED])
        for column in table.columns
        if DECLARED in column.info
    }
    for last in sources.keys() - set(stored):
        chain: list[tuple[str, str]] = []
        new = last
        while (old := sources.get(new)) in stored and len(chain) < len(sources):
            chain.append((str(old), new))
            new = str(old)
        if chain and new not in table.columns:
            yield from chain


class NewName(t.Protocol):
    """The rename of a table or column, as :mod:`.renames` has it."""

    @property
    def table(self) -> str | None:
        """The table of a column; None for the rename of a table."""

    @property
    def old(self) -> str:
        """The name in the database."""

    @property
    def new(self) -> str:
        """The name in the models."""

    @property
    def schema(self) -> str | None:
        """The schema of the table."""


def check_free(
    renames: cabc.Sequence[NewName],
    stored: cabc.Callable[[str | None, str], cabc.Collection[str] | None],
) -> None:
    """Refuse a new name that a column has which no option renames.

    :param stored: returns the columns of a table of the database.
    :raises BatchMigrateError: there is such a column.
    """
    old = {(r.schema, r.table, r.old) for r in renames}
    tables = {(r.schema, r.new): r.old for r in renames if r.table is None}
    for each in renames:
        if each.table is None or (each.schema, each.table, each.new) in old:
            continue
        place = each.schema, each.table
        if each.new in (stored(each.schema, tables.get(place, each.table)) or ()):
            raise BatchMigrateError(
                f"'--rename {each.table}.{each.old}:{each.new}': the database has a "
                f"column '{each.table}.{each.new}' as well",
                "Rename that one, too, or drop it by a revision before this one.",
                state=NOTHING_WRITTEN,
            )

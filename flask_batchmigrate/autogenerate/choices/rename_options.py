"""Parses the option ``--rename``, and checks that renames can be made together."""

from __future__ import annotations

import collections.abc as cabc
import difflib

import sqlalchemy as sa

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from .rename import Rename
from .rename import Stored


def parse(
    text: str,
    tables: cabc.Mapping[tuple[str | None, str], sa.Table],
    stored: Stored,
) -> Rename:
    """Parse a value of ``--rename``.

    :param tables: the tables of the models.
    :param stored: returns the columns of a table of the database.
    :raises BatchMigrateError: it is not understood, or there is no such name.
    """
    left, colon, new = text.partition(":")
    table, dot, old = left.rpartition(".")
    if not (colon and new and old):
        raise BatchMigrateError(
            f"'--rename {text}' is not understood",
            "Write '<table>.<old>:<new>' for a column, '<old>:<new>' for a table.",
            state=NOTHING_WRITTEN,
        )
    places = _by_name(tables)
    if not dot or (new in places and table not in places):
        if new not in places:
            raise _unknown(text, f"the models have no table '{new}'", new, places)
        schema, name = places[new]
        if stored(schema, old) is None:
            raise _unknown(text, f"the database has no table '{left}'", left, ())
        return Rename(None, old, name, schema)
    if table not in places:
        raise _unknown(text, f"the models have no table '{table}'", table, places)
    schema, name = places[table]
    new = new.rpartition(".")[2]
    names = [str(column.name) for column in tables[schema, name].columns]
    if new not in names:
        raise _unknown(text, f"the model has no column '{table}.{new}'", new, names)
    columns = stored(schema, name)
    if columns is not None and old not in columns:
        why = f"the database has no column '{table}.{old}'"
        raise _unknown(text, why, old, columns)
    return Rename(name, old, new, schema)


def _by_name(
    tables: cabc.Iterable[tuple[str | None, str]],
) -> dict[str, tuple[str | None, str]]:
    """Map names of tables, with their schema and without, to the tables.

    A name without a schema means the default schema first.
    """
    places: dict[str, tuple[str | None, str]] = {}
    for schema, name in sorted(tables, key=lambda place: place[0] is not None):
        places.setdefault(name, (schema, name))
        places[f"{schema}.{name}" if schema else name] = (schema, name)
    return places


def _unknown(
    text: str, why: str, name: str, names: cabc.Iterable[str]
) -> BatchMigrateError:
    """Return the error for a name that there is not, with the likest that there is."""
    by_letters = {each.lower(): each for each in names}
    likest = difflib.get_close_matches(name.lower(), by_letters, 1)
    meant = f"Did you mean '{by_letters[likest[0]]}'?" if likest else ""
    return BatchMigrateError(
        f"'--rename {text}': {why}",
        meant or "Correct the option.",
        state=NOTHING_WRITTEN,
    )


def check_free(renames: cabc.Sequence[Rename], stored: Stored) -> None:
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


def refuse_contradictions(renames: cabc.Iterable[Rename]) -> None:
    """Refuse two renames of one table or column, and two to one name.

    :raises BatchMigrateError: there are two.
    """
    seen: dict[tuple[object, ...], Rename] = {}
    for rename in dict.fromkeys(renames):
        place = rename.schema, rename.table
        for key in ((*place, "from", rename.old), (*place, "to", rename.new)):
            other = seen.setdefault(key, rename)
            if other != rename:
                raise BatchMigrateError(
                    f"The renames '{other.option}' and '{rename.option}' contradict "
                    "each other",
                    "Take one of them out, of the options or of the models' "
                    "'renamed_from'.",
                    state=NOTHING_WRITTEN,
                )

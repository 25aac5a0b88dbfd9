"""Writes the statements that store values of a table under new affinities, in place.

While one statement runs, a converted column is two columns. One has the column's place
in the record, a name of its own and the new affinity; the other has the column's name,
and computes from the first the value that the old definition reads there. So every
expression sees the table as it was, and values are stored as in a new row.

How SQLite stores a value decides which rows are written: by the affinity of the column
(https://www.sqlite.org/datatype3.html#type_affinity), and, in a REAL column, as an
integer of at most six bytes wherever that loses nothing
(https://www.sqlite.org/fileformat2.html#record_format).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ...value_classes import value_class
from ..ddl import edits
from ..ddl.quoting import always_quoted
from ..ddl.table import Affinity
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import upper
from ..schema.rows import any_of
from ..target.conversions import Conversion
from ..target.conversions import Conversions
from ..target.conversions import is_repeatable
from .strict_values import STORED_AS

_SIX_BYTES: t.Final = "BETWEEN -140737488355328 AND 140737488355327"
"""The numbers that a REAL column stores as integers; others are stored as reals."""

_NO_INTEGERS: t.Final = "(-9223372036854775808, 9223372036854775807)"
"""The integers that SQLite does not store in place of an equal real."""

_EXACT: t.Final = (Affinity.TEXT, Affinity.REAL)
"""The old affinities of a REAL column under which no integer is read as a real."""


@value_class
class Pass:
    """One statement over the rows, and the definition under which it runs.

    :param sql: the text of the table while the statement runs.
    :param settings: each column to assign, and the expression for it, in SQL.
    :param condition: true for the rows to write; ``None`` for all of them.
    """

    sql: str
    settings: tuple[tuple[str, str], ...]
    condition: str | None

    def statement(self, path: str, alias: str) -> str:
        """Write the statement.

        :param path: schema and name of the table, quoted.
        :param alias: the name that expressions may use for the table.
        """
        settings = ", ".join(f"{name} = {value}" for name, value in self.settings)
        where = "" if self.condition is None else f" WHERE {self.condition}"
        # OR ABORT: no ON CONFLICT clause may drop or skip a row.
        return (
            f"UPDATE OR ABORT {path} AS {always_quoted(alias)} NOT INDEXED"
            f" SET {settings}{where}"
        )


@value_class
class _Value:
    """The new values of one column in a pass.

    :param place: the column to assign, in SQL.
    :param differs: true for rows whose value has to be written; ``None`` for all.
    :param value: an expression for the value in every row: a value that does not differ
        is written, too, if another column of the row differs.
    """

    place: str
    differs: str | None
    value: str


def converted(text: TableText, work: Conversions) -> TableText:
    """Return the definition of a table after its values have been converted.

    The definition accepts every value that can be stored: the constraints are added
    later. Keys, defaults and collations are those of ``text``.

    :param text: the table as it is stored, with the columns to fill.
    """
    if work.becomes_strict:
        text = edits.next_table(edits.set_options(text, strict=True))
    text = parse_table(edits.relaxed(text, text.name))
    for conversion in work.columns:
        definition = _definition(
            text, conversion, always_quoted(conversion.column), conversion.type
        )
        text = edits.next_table(
            edits.replace_column(text, conversion.column, definition)
        )
    return parse_table(str(text.sql))


def passes(text: TableText, work: Conversions) -> tuple[Pass, ...]:
    """Return the passes that have to run, in order.

    :param text: the definition that :func:`converted` has returned.
    """
    ordered = []
    places = _places(text, work)
    if any(map(_has_integers, work.columns)):
        # A REAL column shows each integer as a real, so the first pass has no REAL.
        type_ = _type(Affinity.BLOB, text.strict)
        loose = tuple(dataclasses.replace(c, type=type_) for c in work.columns)
        numbers = [_numbers(places[c.column]) for c in work.columns if _has_integers(c)]
        ordered.append(_pass(_two_sided(text, loose, places), numbers))
    values = [
        _value(conversion, places[conversion.column]) for conversion in work.columns
    ]
    for fill in work.fills:
        values.append(_Value(always_quoted(fill.column), None, f"({fill.value}\n)"))
    misfits = _misfits(text, work, places)
    if misfits and not values:
        first = next(c for c in text.columns if c.generated is None)
        name = always_quoted(first.name)
        values.append(_Value(name, "0", name))
    ordered.append(_pass(_two_sided(text, work.columns, places), values, misfits))
    return tuple(ordered)


def is_exact(one: Conversion) -> bool:
    """Tell whether the computed column shows every stored value as it was.

    It does not show an integer beyond 2**53 in a column that becomes REAL.
    """
    return one.new is not Affinity.REAL or one.old in _EXACT


def computes_exactly(work: Conversions, text: TableText) -> bool:
    """Tell whether expressions see every number exactly, and store it exactly.

    :param text: the new definition.
    """
    if not all(map(is_exact, work.columns)):
        return False
    # A real that REAL affinity made of an integer would be stored as an integer again
    # in a column that converts nothing.
    places = [c.new for c in work.columns if c.using is not None]
    places += [text.affinity(fill.column) for fill in work.fills]
    has_reals = any(c.old is Affinity.REAL for c in work.columns)
    return not (has_reals and Affinity.BLOB in places)


def _has_integers(one: Conversion) -> bool:
    return one.using is None and not is_exact(one)


def _places(text: TableText, work: Conversions) -> dict[str, str]:
    """Choose names for the places of the converted columns that no column has."""
    number, names = 0, {}
    for conversion in work.columns:
        number += 1
        while text.has_column(f"_batchmigrate_value_{number}"):
            number += 1
        names[conversion.column] = f"_batchmigrate_value_{number}"
    return names


def _two_sided(
    text: TableText, columns: tuple[Conversion, ...], places: dict[str, str]
) -> str:
    """Write a definition with a stored and a computed column for each converted one."""
    for conversion in columns:
        collation = text.column(conversion.column).collation
        collate = "" if collation is None else f" COLLATE {always_quoted(collation)}"
        place = places[conversion.column]
        stored = _definition(text, conversion, place, conversion.type)
        computed = (
            f"{always_quoted(conversion.column)}"
            f" {_type(conversion.old, text.strict)}{collate} AS ({place}) VIRTUAL"
        )
        text = edits.next_table(edits.replace_column(text, conversion.column, stored))
        text = edits.next_table(edits.add_column(text, computed))
    return str(text.sql)


def _definition(text: TableText, one: Conversion, name: str, type_: str) -> str:
    column = text.column(one.column)
    parts = [name, type_]
    if column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.collation is not None:
        parts.append(f"COLLATE {always_quoted(column.collation)}")
    return " ".join(filter(None, parts))


def _type(affinity: Affinity, strict: bool) -> str:
    """Return a type with an affinity; a STRICT table has only a few types."""
    if strict and affinity is Affinity.BLOB:
        return "ANY"
    if strict and affinity is Affinity.NUMERIC:
        return "INTEGER"
    return affinity.value


def _pass(sql: str, values: list[_Value], misfits: tuple[str, ...] = ()) -> Pass:
    differing = [value.differs for value in values]
    known = [d for d in differing if d is not None]
    condition = None
    if len(known) == len(differing):
        condition = any_of([*known, *misfits])
    return Pass(sql, tuple((v.place, v.value) for v in values), condition)


def _value(one: Conversion, place: str) -> _Value:
    """Return the new values of a column, and the condition of those that differ."""
    if one.using is not None:
        return _computed(one, place)
    shown = always_quoted(one.column)
    if one.new is Affinity.TEXT:
        # Under the new type, a former REAL column shows some reals as integers.
        return _Value(place, changes_when_rewritten(one.new, shown), shown)
    if one.new is Affinity.BLOB:
        differs = f"typeof({place}) <> typeof({shown})"
        value = shown
        if one.old is Affinity.REAL:
            # SQLite would store a real as the integer that REAL affinity made it of.
            real = f"CAST({shown} AS REAL)"
            value = f"CASE typeof({shown}) WHEN 'real' THEN {real} ELSE {shown} END"
        return _Value(place, differs, value)
    return _Value(place, changes_when_rewritten(one.new, place), shown)


def _computed(one: Conversion, place: str) -> _Value:
    """Return the values of an expression, and the condition of those that differ."""
    value = f"({one.using}\n)"
    if not is_repeatable(one.using or ""):
        return _Value(place, None, value)
    # The unary plus removes affinity and collation. Zeros are always written, since
    # equal ones may differ in their sign.
    differs = (
        f"CASE WHEN typeof({value}) <> typeof({place})"
        f" OR +{value} IS NOT (+{place}) COLLATE BINARY"
        f" OR (typeof({value}) = 'real' AND +{value} = 0.0) THEN 1"
        f" ELSE {changes_when_rewritten(one.new, place) or 0} END"
    )
    return _Value(place, differs, value)


def changes_when_rewritten(affinity: Affinity, value: str) -> str | None:
    """Write the condition that a stored value changes when it is written again.

    :param affinity: the affinity of its column.
    :param value: an expression for the value as it is stored.
    :return: the condition; ``None`` if no value changes.
    """
    if affinity is Affinity.BLOB:
        return None
    if affinity is Affinity.TEXT:
        return f"typeof({value}) IN ('integer', 'real')"
    if affinity is Affinity.REAL:
        return f"(typeof({value}) = 'text' AND {_is_numeric(value)})"
    return (
        f"CASE typeof({value}) WHEN 'text' THEN {_is_numeric(value)}"
        f" WHEN 'real' THEN {_is_whole(value)} ELSE 0 END"
    )


def _numbers(place: str) -> _Value:
    """Return how a REAL column stores numbers that a column without affinity holds."""
    whole = f"CAST({place} AS INTEGER)"
    differs = (
        f"CASE typeof({place}) WHEN 'integer' THEN {place} NOT {_SIX_BYTES}"
        f" WHEN 'real' THEN {_is_whole(place)} AND {whole} {_SIX_BYTES} ELSE 0 END"
    )
    value = (
        f"CASE WHEN NOT {differs} THEN {place}"
        f" WHEN typeof({place}) = 'integer' THEN CAST({place} AS REAL)"
        f" ELSE {whole} END"
    )
    return _Value(place, differs, value)


def _is_numeric(place: str) -> str:
    """Write the condition that a text becomes a number under a numeric affinity.

    A comparison with a number gives the text that affinity, and sorts text that is not
    a number after every number: https://www.sqlite.org/datatype3.html#comparisons
    """
    return f"(+{place}) COLLATE BINARY <= CAST(9e999 AS REAL)"


def _is_whole(place: str) -> str:
    """Write the condition that a real becomes an integer under a numeric affinity."""
    whole = f"CAST({place} AS INTEGER)"
    return f"({whole} = {place} AND {whole} NOT IN {_NO_INTEGERS})"


def _misfits(
    text: TableText, work: Conversions, places: dict[str, str]
) -> tuple[str, ...]:
    """Write conditions for values that a STRICT table does not accept.

    They select the rows to write: SQLite checks the types of a row when it is written.
    """
    if not text.strict:
        return ()
    conditions = []
    for column in text.columns:
        storage = STORED_AS.get(upper(column.type))
        place = places.get(column.name)
        if storage is None or column.generated is not None:
            continue
        if place is not None or work.becomes_strict:
            value = place or always_quoted(column.name)
            conditions.append(f"typeof({value}) NOT IN ('null', '{storage}')")
    return tuple(conditions)

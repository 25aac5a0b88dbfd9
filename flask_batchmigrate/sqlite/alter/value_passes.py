"""Writes the statements that store values of a table under new affinities, in place.

For the length of one statement a converted column has two sides. Its place in the
record has a name of its own and the new affinity; under the column's name a computed
column reads what is there as the old definition does. So every expression sees the
table as it was, and what is assigned is stored as a new row would store it.

Which rows are written is decided by how SQLite stores a value: by the affinity of the
column (https://www.sqlite.org/datatype3.html#type_affinity), and, for a REAL column,
as an integer of at most six bytes wherever that loses nothing
(https://www.sqlite.org/fileformat2.html#record_format).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..ddl import edits
from ..ddl.quoting import always_quoted
from ..ddl.table import Affinity
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import upper
from ..schema.rows import any_of
from ..target.conversions import Conversion
from ..target.conversions import Conversions
from .strict_values import STORED_AS

_SIX_BYTES: t.Final = "BETWEEN -140737488355328 AND 140737488355327"
"""What a record holds as an integer in a REAL column; what is beyond is a real."""

_NO_INTEGERS: t.Final = "(-9223372036854775808, 9223372036854775807)"
"""What SQLite does not take for the integer that a real is equal to."""

_EXACT: t.Final = (Affinity.TEXT, Affinity.REAL)
"""What a column of reals may have been without an integer being read as a real."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pass:
    """One statement over the rows, and the definition under which it runs.

    :param sql: the text of the table for that time.
    :param settings: each column that is assigned, and the expression for it, in SQL.
    :param condition: true for the rows to write; ``None`` for all of them.
    """

    sql: str
    settings: tuple[tuple[str, str], ...]
    condition: str | None

    def statement(self, path: str, alias: str) -> str:
        """Write the statement.

        :param path: schema and name of the table, quoted.
        :param alias: the name by which expressions may call it.
        """
        settings = ", ".join(f"{name} = {value}" for name, value in self.settings)
        where = "" if self.condition is None else f" WHERE {self.condition}"
        # OR ABORT: no ON CONFLICT clause may drop or skip a row.
        return (
            f"UPDATE OR ABORT {path} AS {always_quoted(alias)} NOT INDEXED"
            f" SET {settings}{where}"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Value:
    """What becomes of the values of one column in a pass.

    :param differs: true for rows whose value has to be written; ``None`` for all.
    :param value: an expression for it.
    """

    place: str
    differs: str | None
    value: str

    @property
    def setting(self) -> tuple[str, str]:
        """The assignment; rows that do not differ keep what they hold."""
        if self.differs is None:
            return self.place, self.value
        value = f"CASE WHEN {self.differs} THEN {self.value} ELSE {self.place} END"
        return self.place, value


def converted(text: TableText, work: Conversions) -> TableText:
    """Return the definition of a table under which its values are stored in the end.

    It lets everything through that can be stored: the constraints come when the values
    are there. Keys, defaults and collations are those of ``text``.

    :param text: the table as it is stored, with the columns that are filled.
    """
    if work.becomes_strict:
        text = edits.next_table(edits.set_options(text, strict=True))
    text = parse_table(edits.relaxed(text, text.name))
    for one in work.columns:
        definition = _definition(text, one, always_quoted(one.column), one.type)
        text = edits.next_table(edits.replace_column(text, one.column, definition))
    return parse_table(str(text.sql))


def passes(text: TableText, work: Conversions) -> tuple[Pass, ...]:
    """List what has to run, one after the other.

    :param text: what :func:`converted` has returned.
    """
    found = []
    places = _places(text, work)
    if any(map(_has_integers, work.columns)):
        # A REAL column shows each integer as a real, so these are found without.
        type_ = _type(Affinity.BLOB, text.strict)
        loose = tuple(dataclasses.replace(c, type=type_) for c in work.columns)
        numbers = [_numbers(places[c.column]) for c in work.columns if _has_integers(c)]
        found.append(_pass(_two_sided(text, loose, places), numbers))
    values = [_value(one, places[one.column]) for one in work.columns]
    for fill in work.fills:
        values.append(_Value(always_quoted(fill.column), None, f"({fill.value}\n)"))
    misfits = _misfits(text, work, places)
    if misfits and not values:
        first = next(c for c in text.columns if c.generated is None)
        name = always_quoted(first.name)
        values.append(_Value(name, "0", name))
    found.append(_pass(_two_sided(text, work.columns, places), values, misfits))
    return tuple(found)


def is_exact(one: Conversion) -> bool:
    """Tell whether the computed column shows every stored value as it was.

    An integer beyond 2**53 in a column that becomes REAL it does not.
    """
    return one.new is not Affinity.REAL or one.old in _EXACT


def computes_exactly(work: Conversions, text: TableText) -> bool:
    """Tell whether expressions can be trusted with the numbers of this block.

    :param text: the new definition.
    """
    if not all(map(is_exact, work.columns)):
        return False
    # What REAL affinity makes of an integer would be stored as one where nothing
    # converts it.
    places = [c.new for c in work.columns if c.using is not None]
    places += [text.affinity(fill.column) for fill in work.fills]
    has_reals = any(c.old is Affinity.REAL for c in work.columns)
    return not (has_reals and Affinity.BLOB in places)


def _has_integers(one: Conversion) -> bool:
    return one.using is None and not is_exact(one)


def _places(text: TableText, work: Conversions) -> dict[str, str]:
    """Name the places of the converted columns, as no column is called."""
    number, names = 0, {}
    for one in work.columns:
        number += 1
        while text.has_column(f"_batchmigrate_value_{number}"):
            number += 1
        names[one.column] = f"_batchmigrate_value_{number}"
    return names


def _two_sided(
    text: TableText, columns: tuple[Conversion, ...], places: dict[str, str]
) -> str:
    """Give converted columns a place of their own, and a computed column each."""
    for one in columns:
        collation = text.column(one.column).collation
        collate = "" if collation is None else f" COLLATE {always_quoted(collation)}"
        place = places[one.column]
        kept = _definition(text, one, place, one.type)
        seen = (
            f"{always_quoted(one.column)} {_type(one.old, text.strict)}{collate}"
            f" AS ({place}) VIRTUAL"
        )
        text = edits.next_table(edits.replace_column(text, one.column, kept))
        text = edits.next_table(edits.add_column(text, seen))
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
    """Return a type of an affinity; a STRICT table knows five only."""
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
    return Pass(sql, tuple(value.setting for value in values), condition)


def _value(one: Conversion, place: str) -> _Value:
    """Say what the values of a column become, and which of them differ from that."""
    if one.using is not None:
        return _Value(place, None, f"({one.using}\n)")
    seen = always_quoted(one.column)
    if one.new is Affinity.TEXT:
        # Under its new type a column of reals shows some of them as integers.
        return _Value(place, is_unsettled(one.new, seen), seen)
    if one.new is Affinity.BLOB:
        differs = f"typeof({place}) <> typeof({seen})"
        # What REAL affinity makes of an integer would be stored as one.
        value = f"CAST({seen} AS REAL)" if one.old is Affinity.REAL else seen
        return _Value(place, differs, value)
    return _Value(place, is_unsettled(one.new, place), seen)


def is_unsettled(affinity: Affinity, value: str) -> str | None:
    """Write the condition that a stored value changes when it is written once more.

    :param affinity: that of its column.
    :param value: an expression for the value as it is stored.
    :return: nothing where no value does.
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
    """Say how numbers that are stored as they came are stored in a REAL column."""
    whole = f"CAST({place} AS INTEGER)"
    differs = (
        f"CASE typeof({place}) WHEN 'integer' THEN {place} NOT {_SIX_BYTES}"
        f" WHEN 'real' THEN {_is_whole(place)} AND {whole} {_SIX_BYTES} ELSE 0 END"
    )
    value = (
        f"CASE typeof({place}) WHEN 'integer' THEN CAST({place} AS REAL)"
        f" ELSE {whole} END"
    )
    return _Value(place, differs, value)


def _is_numeric(place: str) -> str:
    """Write the condition that a text becomes a number under a numeric affinity.

    A comparison with a number gives the text that affinity, and sorts a text that is
    no number behind every number: https://www.sqlite.org/datatype3.html#comparisons
    """
    return f"(+{place}) COLLATE BINARY <= CAST(9e999 AS REAL)"


def _is_whole(place: str) -> str:
    """Write the condition that a real becomes an integer under a numeric affinity."""
    whole = f"CAST({place} AS INTEGER)"
    return f"({whole} = {place} AND {whole} NOT IN {_NO_INTEGERS})"


def _misfits(
    text: TableText, work: Conversions, places: dict[str, str]
) -> tuple[str, ...]:
    """Write conditions for values that a STRICT table does not take.

    SQLite looks at the types of a row when it is written, and then says what is wrong.
    """
    if not text.strict:
        return ()
    found = []
    for column in text.columns:
        storage = STORED_AS.get(upper(column.type))
        place = places.get(column.name)
        if storage is None or column.generated is not None:
            continue
        if place is not None or work.becomes_strict:
            value = place or always_quoted(column.name)
            found.append(f"typeof({value}) NOT IN ('null', '{storage}')")
    return tuple(found)

"""Compares the result of a plan with its target, before anything is committed."""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.meaning import meaning
from ..ddl.table import parse_table
from ..ddl.table import TableText
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..errors import ChangeRefused
from ..errors import VerificationError
from ..schema.catalogue import Catalogue
from ..schema.catalogue import StoredObject
from ..schema.catalogue import StoredTable
from ..schema.compiled import Dependant
from ..schema.dependants import misplaced
from ..schema.dependants import newly_broken
from ..schema.double_quotes import turned_into_columns
from ..target.target import Target
from .ways import Way

_INTERNAL = ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")


def verify(before: Catalogue, after: Catalogue, target: Target, way: Way) -> None:
    """Check that a change did what was planned, and nothing else.

    :param before: the catalogue before the change.
    :param after: the catalogue after it.
    :raises VerificationError: the result is not what was planned.
    """
    table = target.before.name
    row = after.table(table)
    if row is None or row.sql is None:
        raise VerificationError(table, "the table does not exist any more")
    if way is Way.ALTER or (
        parse_table(row.sql) != target.text and row.sql != target.text.sql
    ):
        _same_definition(table, parse_table(row.sql), target.text)
    expected = {i.name for i in (*target.kept_indexes, *target.new_indexes)}
    index_names = {o.name for o in after.of_table(table, "index") if o.sql is not None}
    if index_names != expected:
        raise VerificationError(
            table, f"its indexes are {sorted(index_names)}, not {sorted(expected)}"
        )
    kept = {i.name for i in target.kept_indexes}
    _same_objects(table, before.objects, after.objects, kept)


def _same_definition(table: str, stored: TableText, planned: TableText) -> None:
    """Compare two texts by their meaning: SQLite's ALTER has a spelling of its own."""
    if _gist(stored) != _gist(planned):
        raise VerificationError(
            table, f"its definition is {stored.sql!r}, not {planned.sql!r}"
        )


def _gist(text: TableText) -> tuple[object, ...]:
    columns = [
        (
            upper(c.name),
            upper(c.type),
            c.not_null,
            c.default,
            c.collation,
            None if c.generated is None else meaning(c.generated),
        )
        for c in text.columns
    ]
    constraints = sorted(
        repr((c.name, meaning(c)))
        for c in text.all_constraints
        if c.kind.value in ("PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY")
    )
    return (columns, constraints, text.strict, text.without_rowid, text.autoincrement)


def _same_objects(
    table: str,
    before: cabc.Iterable[StoredObject],
    after: cabc.Iterable[StoredObject],
    kept: cabc.Collection[str],
) -> None:
    """Compare all objects that the change should not have touched."""
    old_rows, new_rows = frozenset(before), frozenset(after)
    # The place of an object in the catalogue does not matter.
    old, new = (
        {o[1:] for o in objects}
        for objects in (old_rows - new_rows, new_rows - old_rows)
    )
    lost, gained = (
        sorted(o.name for o in objects if not _is_own(table, o, kept))
        for objects in (
            [StoredObject(0, *rest) for rest in values]
            for values in (old - new, new - old)
        )
    )
    if lost or gained:
        raise VerificationError(table, f"other objects changed: {lost} became {gained}")


def _is_own(table: str, o: StoredObject, kept: cabc.Collection[str]) -> bool:
    """Tell whether an object belongs to the table, and may have changed with it."""
    if o.type == "table":
        return same_name(o.name, table) or o.name in _INTERNAL
    return o.type == "index" and same_name(o.table, table) and o.name not in kept


def refuse_broken(
    table: str, before: tuple[Dependant, ...], after: tuple[Dependant, ...]
) -> None:
    """Refuse a change that breaks a working view or trigger.

    :raises ChangeRefused: names what would be broken.
    """
    broken = newly_broken(before, after)
    if broken:
        raise ChangeRefused(
            f"Table '{table}' cannot be changed like that: it would break"
            f" {'; '.join(broken)}",
            "Drop or change these first.",
            table=table,
        )


def refuse_unnoticed(target: Target, dependants: tuple[Dependant, ...]) -> None:
    """Refuse a change of meaning in a stored text that SQLite would not report."""
    stored = target.before
    by_place = misplaced(dependants, stored.text, target.text)
    if by_place:
        raise ChangeRefused(
            f"Table '{stored.name}' cannot be changed like that: its columns would"
            f" change their order, on which {'; '.join(by_place)} may rely"
            " (SELECT *, or INSERT without a list of columns)",
            "Drop or change these first.",
            table=stored.name,
        )
    texts = turned_into_columns(stored.text, target.text, target.kept_indexes)
    refuse_texts(stored, texts)


def refuse_texts(stored: StoredTable, texts: list[str]) -> None:
    """Refuse a change that would turn text in double quotes into a column."""
    if texts:
        raise ChangeRefused(
            f"Table '{stored.name}' cannot get a column of that name: SQLite would read"
            f" text in double quotes as the column in {'; '.join(texts)}",
            "Write that text in single quotes first.",
            table=stored.name,
        )

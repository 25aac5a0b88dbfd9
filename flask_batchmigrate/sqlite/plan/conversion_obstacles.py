"""Decides which conversions of stored values can be made in place."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..alter.convert import any_differs
from ..alter.row_checks import changed_columns
from ..alter.value_passes import computes_exactly
from ..ddl.objects import IndexText
from ..ddl.quoting import always_quoted
from ..ddl.table import ConstraintKind
from ..ddl.tokens import significant
from ..ddl.tokens import tokenize
from ..ddl.tokens import upper
from ..schema.database import Database
from ..schema.foreign_keys import children_of
from ..schema.records import short_columns
from ..schema.rows import any_row
from ..schema.snapshot import Snapshot
from ..target.conversions import Conversions
from ..target.conversions import conversions
from ..target.target import Target
from .ways import Difference
from .ways import FILLED
from .ways import Way

_KEYS: t.Final = (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)

_PLAIN_DEFAULT: t.Final = re.compile(
    r"[-+]?\s*[0-9.]+(e[-+]?[0-9]+)?|x?'([^']|'')*'|NULL"
    r"|CURRENT_(TIME|DATE|TIMESTAMP)|\([^\"`\[]*\)",
    re.IGNORECASE | re.DOTALL,
)
"""Matches a default that means the same inside an expression that can see columns.

After DEFAULT, a name is text, with or without double quotes; elsewhere it is a column.
"""


def choose_conversions(
    db: Database, snapshot: Snapshot, target: Target, found: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Decide whether values can be converted in place, or why they cannot.

    :param found: the differences, none of which needs a copy.
    """
    case = _obstacle(db, snapshot, target, planned_conversions(target, found))
    if case is None:
        return found
    return tuple(
        dataclasses.replace(d, case=case) if d.way is Way.CONVERT else d for d in found
    )


def planned_conversions(target: Target, found: tuple[Difference, ...]) -> Conversions:
    """Return the conversions of stored values that the differences call for."""
    return conversions(target, tuple(d.subject for d in found if d.case == FILLED))


def _obstacle(
    db: Database, snapshot: Snapshot, target: Target, work: Conversions
) -> str | None:
    """Return the case that needs a copy; ``None`` if no case does."""
    before = target.before.text
    names = {upper(conversion.column) for conversion in work.columns}
    if _in_a_key(snapshot, names) or _becomes_key(db, target, work):
        return "conversion in a key"
    changed = set(map(upper, changed_columns(target)))
    if any(
        c.generated is not None and c.generated.stored and upper(c.name) in changed
        for c in before.columns
    ):
        return "conversion, stored column"
    if _reads_other_rows(work):
        return "conversion by a query"
    if work.expressions and not computes_exactly(work, target.text):
        return "conversion beside REAL"
    if any(f.is_default and not _PLAIN_DEFAULT.fullmatch(f.value) for f in work.fills):
        return "column filled by a name"
    if _has_temporary_trigger(db, target):
        return "conversion, temporary trigger"
    with_default = [
        conversion.column
        for conversion in work.columns
        if upper(before.column(conversion.column).default or "NULL") != "NULL"
    ]
    if short_columns(db, target.before, with_default):
        return "default of older rows"
    return None


def _in_a_key(snapshot: Snapshot, names: set[str]) -> bool:
    """Tell whether a key holds one of the columns: the table's, or a foreign key."""
    stored = snapshot.table
    if any(names & set(map(upper, c.columns)) for c in stored.text.of_kind(*_KEYS)):
        return True
    return any(
        names & set(map(upper, key.parent_columns or stored.text.primary_key))
        for key in children_of(snapshot.keys, stored.name)
    )


def _becomes_key(db: Database, target: Target, work: Conversions) -> bool:
    """Tell whether a row has NULL in a primary key that STRICT makes NOT NULL."""
    stored = target.before
    if not work.becomes_strict or stored.text.without_rowid:
        return False
    names = [n for n in stored.text.primary_key if not stored.text.column(n).not_null]
    missing = [f"{always_quoted(name)} IS NULL" for name in names]
    return bool(missing) and any_row(db, stored.path, missing)


def _reads_other_rows(work: Conversions) -> bool:
    """Tell whether an expression may read rows that have been converted already."""
    return any(
        upper(token.text) == "SELECT"
        for expression in work.expressions
        for token in significant(tokenize(expression))
    )


def _has_temporary_trigger(db: Database, target: Target) -> bool:
    """Tell whether a temporary trigger, of this connection alone, would fire."""
    stored = target.before
    return stored.schema != "temp" and bool(
        db.execute(
            "SELECT 1 FROM temp.sqlite_master WHERE type = 'trigger'"
            " AND tbl_name = ? COLLATE NOCASE LIMIT 1",
            (stored.name,),
        )
    )


def rebuilt_indexes(
    db: Database, target: Target, work: Conversions
) -> tuple[IndexText, ...]:
    """Return the indexes to drop before a conversion and to build after it.

    If no row has to be written, an index stays that holds a converted column and
    nothing computed from it. All other indexes are dropped first: sorting them once is
    cheaper than moving their entries one by one, and SQLite would not find an entry
    whose expression has another value under the new types.
    """
    changed = set(map(upper, changed_columns(target)))
    concerned = [i for i in target.kept_indexes if i.names & changed]
    if not concerned or any_differs(db, target.before, work):
        return tuple(concerned)
    plain = {upper(one.column) for one in work.columns}
    return tuple(
        i
        for i in concerned
        if i.where is not None
        or any(term.column is None for term in i.terms)
        or not (i.names & changed <= plain)
    )

"""Reads whether the foreign keys around a table hold, before and after a change.

SQLite checks a key only when rows are written, and not at all where enforcement is off.
So a change has to check by itself: https://www.sqlite.org/foreignkeys.html
"""

from __future__ import annotations

import collections

from ...value_classes import value_class
from ..ddl.quoting import always_quoted
from ..ddl.statements import explain
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..error_codes import is_verdict
from .catalogue import ForeignKeyRow
from .database import Database
from .rows import foreign_key_violations

Violations = collections.Counter[tuple[str, object, str]]
"""How many keys each (child table, rowid, parent table) breaks."""


@value_class
class KeyState:
    """The foreign keys around a table before or after a change.

    :param errors: for each child table, why one of its keys can never be satisfied (its
        parent columns are not unique, or do not exist).
    :param violations: the rows that break a key, in the tables that were looked at.
    """

    errors: dict[str, str]
    violations: Violations


def children_of(keys: tuple[ForeignKeyRow, ...], table: str) -> list[ForeignKeyRow]:
    """Return the foreign keys, of any table, that refer to a table."""
    return [key for key in keys if same_name(key.parent, table)]


def read_state(
    db: Database, schema: str, children: set[str], look_at_rows: set[str]
) -> KeyState:
    """Read whether the foreign keys of some child tables hold.

    :param children: the tables whose keys must have a parent key.
    :param look_at_rows: the tables whose rows are all checked.
    """
    errors = {}
    for child in children:
        try:
            # It is only compiled, which shows a mismatch without reading a row.
            check = f"foreign_key_check({always_quoted(child)})"
            db.execute(explain(f"PRAGMA {quote(schema)}.{check}"))
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            errors[child] = str(error)
    violations: Violations = collections.Counter()
    for child in look_at_rows - set(errors):
        violations += count_violations(db, schema, child)
    return KeyState(errors, violations)


def count_violations(db: Database, schema: str, child: str) -> Violations:
    """Return the rows of a table that break a foreign key."""
    return collections.Counter(
        (child, rowid, parent)
        for rowid, parent in foreign_key_violations(db, schema, child)
    )


def new_errors(before: KeyState, after: KeyState) -> list[str]:
    """Return the errors of child tables that a change has caused."""
    return [
        f"table '{child}': {error}"
        for child, error in sorted(after.errors.items())
        if child not in before.errors
    ]

"""Checks the foreign keys of a table and of its children around a change."""

from __future__ import annotations

from ..alter.pending_keys import described
from ..alter.pending_keys import mismatch
from ..alter.pending_keys import orphaned
from ..alter.pending_keys import PendingKeys
from ..alter.row_checks import changed_columns
from ..ddl.meaning import only_in
from ..ddl.table import ConstraintKind
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..schema.catalogue import Catalogue
from ..schema.catalogue import ForeignKeyRow
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_foreign_keys
from ..schema.database import Database
from ..schema.foreign_keys import KeyState
from ..schema.foreign_keys import new_errors
from ..schema.foreign_keys import read_state
from ..target.target import Target


def key_state(
    db: Database, target: Target, keys: tuple[ForeignKeyRow, ...]
) -> KeyState:
    """Read the state of the foreign keys that a change concerns.

    :param keys: the table's own, and those of others that refer to it.
    """
    stored = target.before
    changed = {upper(name) for name in changed_columns(target)}
    # A new column may have the name of a dropped one.
    changed |= set(map(upper, filter(stored.text.has_column, target.added_columns)))
    rekeyed = stored.text.primary_key != target.text.primary_key
    unkeyed = _loses_a_key(target)
    scanned = set()
    for key in keys:
        columns: tuple[str, ...] = ()
        if same_name(key.child, stored.name):
            columns += key.child_columns
        if same_name(key.parent, stored.name):
            columns += key.parent_columns or stored.text.primary_key
            # A key that names no columns refers to the primary key, whatever it is.
            if unkeyed or (not key.parent_columns and rekeyed):
                scanned.add(key.child)
        if not changed.isdisjoint(map(upper, columns)):
            scanned.add(key.child)
    return read_state(db, stored.schema, {key.child for key in keys}, scanned)


def judge_keys(
    db: Database,
    target: Target,
    before: KeyState,
    pending: PendingKeys | None,
    catalogue: Catalogue | None = None,
) -> list[str]:
    """Compare the foreign keys that a change concerns with their state before it.

    :param before: the state of the keys before the change.
    :param pending: collects the keys that do not hold, to check at the end of the
        transaction. If it is missing, such a change is refused.
    :param catalogue: all objects of the schema after the change, if they were read.
    :return: warnings, in sentences.
    :raises ChangeRefused: a key can never be satisfied, or rows have no parent.
    """
    name = target.before.name
    catalogue = catalogue or read_catalogue(db, target.before.schema)
    after = key_state(db, target, read_foreign_keys(db, catalogue, name))
    if pending is not None:
        pending.changed(target, before, after)
        return []
    errors = new_errors(before, after)
    if errors:
        raise mismatch(name, errors)
    violations = described(after.violations - before.violations)
    if violations and db.execute("PRAGMA foreign_keys")[0][0]:
        raise orphaned(name, violations)
    return violations


def _loses_a_key(target: Target) -> bool:
    """Tell whether a change drops a key that foreign keys may refer to."""
    kinds = (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)
    return bool(only_in(target.before.text, target.text, *kinds)) or any(
        index.unique and index.name in target.dropped_indexes
        for index in target.before.indexes
    )

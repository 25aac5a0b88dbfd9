"""Postpones the checks of foreign keys to the end of the migration.

A script may give a parent another key in one block, and change the child's foreign key
in the next, or the other way round. Only the migration sees the state between the two,
so the keys have to hold in the state that its transaction would store.
"""

from __future__ import annotations

import collections
import collections.abc as cabc
import dataclasses
import typing as t

from ..callsite import calling_script
from ..ddl.tokens import same_name
from ..errors import ChangeRefused
from ..errors import counted
from ..errors import RowsRefused
from ..schema.catalogue import read_catalogue
from ..schema.database import Database
from ..schema.foreign_keys import count_violations
from ..schema.foreign_keys import KeyState
from ..schema.foreign_keys import read_state
from ..schema.foreign_keys import Violations
from ..target.target import Target
from .parent_checks import check_parents


@dataclasses.dataclass(slots=True)
class _Pending:
    """A table whose foreign keys are to be checked at the end.

    :param schema: the schema of the tables.
    :param child: the table with the foreign key, by its present name.
    :param table: the table whose change may have broken the key.
    :param violations: the rows that broke a key before the change.
    :param dropped: whether the change dropped the table.
    :param target: the change that added the key, if one did.
    :param known: the names of all tables at the time of the change.
    :param place: file and line of the script that made the change.
    """

    schema: str
    child: str
    table: str
    violations: Violations
    dropped: bool = False
    target: Target | None = None
    known: frozenset[str] = frozenset()
    place: str = ""


_NONE: t.Final[Violations] = collections.Counter()


class PendingKeys:
    """The foreign keys that have to hold at the end of one transaction.

    :param db: the connection.
    :param warn: called with a sentence about each row without a parent, if keys are not
        enforced.
    """

    def __init__(self, db: Database, warn: cabc.Callable[[str], None]) -> None:
        self._db = db
        self._warn = warn
        self._pending: list[_Pending] = []

    def changed(self, target: Target, before: KeyState, after: KeyState) -> None:
        """Note the foreign keys that a change of a table has broken."""
        children = set(after.errors) - set(before.errors)
        children |= {child for child, *_ in after.violations - before.violations}
        stored = target.before
        for child in sorted(children):
            rows = _of(child, before.violations)
            self._note(_Pending(stored.schema, child, stored.name, rows))

    def added(self, target: Target) -> None:
        """Note that a change has added a foreign key that has no parent key yet."""
        stored = target.before
        self._note(
            _Pending(stored.schema, stored.name, stored.name, _NONE, target=target)
        )

    def dropped(
        self, schema: str, table: str, children: cabc.Set[str], before: KeyState
    ) -> None:
        """Note that a table was dropped that foreign keys refer to."""
        for child in sorted(children - set(before.errors)):
            rows = _of(child, before.violations)
            self._note(_Pending(schema, child, table, rows, dropped=True))

    def _note(self, new: _Pending) -> None:
        same = (p for p in self._pending if p.schema == new.schema)
        if any(same_name(p.child, new.child) and p.target is new.target for p in same):
            return  # the state before the first change counts
        tables = read_catalogue(self._db, new.schema).of_type("table")
        new.known = frozenset(table.name for table in tables)
        new.place = calling_script() or ""
        self._pending.append(new)

    def renamed(self, schema: str, table: str, new_name: str) -> None:
        """Note that a table has a new name."""
        for pending in self._pending:
            if pending.schema == schema and same_name(pending.child, table):
                rows = pending.violations.items()
                pending.child = new_name
                pending.violations = collections.Counter(
                    {(new_name, *key[1:]): number for key, number in rows}
                )

    def forget(self) -> None:
        """Forget everything: the transaction is over."""
        self._pending.clear()

    def check(self) -> None:
        """Check the keys in the state that would be stored.

        :raises ChangeRefused: a key can never be satisfied, or rows have no parent.
        """
        for pending in self._pending:
            for child in self._children(pending):
                for row in self._judge(pending, child):
                    self._warn(f"{row[0].upper()}{row[1:]}.")
        self.forget()

    def _children(self, pending: _Pending) -> list[str]:
        """Return the child, or all new tables if a statement has renamed it."""
        tables = [
            t.name for t in read_catalogue(self._db, pending.schema).of_type("table")
        ]
        same_named = [name for name in tables if same_name(name, pending.child)]
        return same_named or [name for name in tables if name not in pending.known]

    def _judge(self, pending: _Pending, child: str) -> list[str]:
        state = read_state(self._db, pending.schema, {child}, set())
        place = f"'{pending.place}': " if pending.place else ""
        if pending.target is not None:
            stored = dataclasses.replace(pending.target.before, name=child)
            try:
                check_parents(
                    self._db, dataclasses.replace(pending.target, before=stored)
                )
            except ChangeRefused as error:
                raise ChangeRefused(
                    f"{place}{error.problem}", error.remedy, table=error.table
                ) from error
        if state.errors:
            raise mismatch(pending.table, self._mismatches(pending), place)
        if pending.target is not None or not same_name(child, pending.child):
            return []
        rows = count_violations(self._db, pending.schema, child)
        fresh = described(rows - _of(child, pending.violations))
        if fresh and self._db.execute("PRAGMA foreign_keys")[0][0]:
            if not pending.dropped:
                raise orphaned(pending.table, fresh, place)
            raise RowsRefused(
                f"{place}Table '{pending.table}' was dropped, but"
                f" {counted(len(fresh), 'row')} of"
                f" '{child}' still refer to it",
                "Drop that foreign key or these rows in the same migration.",
                table=pending.table,
            )
        return fresh

    def _mismatches(self, pending: _Pending) -> list[str]:
        """Describe the keys that a change of the same table has made unsatisfiable."""
        children = {
            child
            for other in self._pending
            if (other.schema, other.table) == (pending.schema, pending.table)
            for child in self._children(other)
        }
        errors = read_state(self._db, pending.schema, children, set()).errors
        return [f"table '{child}': {text}" for child, text in sorted(errors.items())]


def _of(child: str, violations: Violations) -> Violations:
    """Return the violations by rows of one table."""
    rows = {key: number for key, number in violations.items() if key[0] == child}
    return collections.Counter(rows)


def described(violations: Violations) -> list[str]:
    """Describe each row that breaks a key in a sentence."""
    return [
        f"'{child}' row {rowid} has no parent in '{parent}'"
        for child, rowid, parent in violations.elements()
    ]


def mismatch(table: str, errors: list[str], place: str = "") -> ChangeRefused:
    """Make the error for foreign keys that need a key that a change drops.

    :param place: file and line of the change, to put before the message.
    """
    return ChangeRefused(
        f"{place}Table '{table}' cannot be changed like that: foreign keys refer"
        f" to a key that would be removed: {'; '.join(errors)}",
        "Drop these foreign keys first.",
        table=table,
    )


def orphaned(table: str, violations: list[str], place: str = "") -> ChangeRefused:
    """Make the error for a change of a table that leaves rows without a parent.

    :param place: file and line of the change, to put before the message.
    """
    return ChangeRefused(
        f"{place}Table '{table}' cannot be changed like that: "
        f"{counted(len(violations), 'row')} would have no parent any more: "
        f"{'; '.join(violations[:3])}",
        "Add the missing parents, or clear the column in these rows first.",
        table=table,
    )

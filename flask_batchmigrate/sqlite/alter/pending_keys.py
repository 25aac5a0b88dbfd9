"""Foreign keys that may be broken between two changes; judged when the migration ends.

A script gives a parent another key in one block and moves the child's foreign key to
it in the next, or the other way round. Nobody but the migration sees what lies between
the two, so what counts is what its transaction would store.
"""

from __future__ import annotations

import collections
import collections.abc as cabc
import dataclasses
import typing as t

from ..callsite import calling_script
from ..ddl.tokens import same_name
from ..errors import ChangeRefused
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
    """What is to be looked at in the end.

    :param schema: where the tables are.
    :param child: the table with the foreign key, by its present name.
    :param table: the table whose change it was.
    :param violations: the rows that broke a key before.
    :param dropped: whether the table was dropped.
    :param target: the change that added the key, where it was added.
    :param known: the tables that there were.
    :param place: file and line of the script that changed it.
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
    """The foreign keys of one transaction that are to hold at its end.

    :param db: the connection.
    :param warn: told of rows without a parent where keys are not enforced.
    """

    def __init__(self, db: Database, warn: cabc.Callable[[str], None]) -> None:
        self._db = db
        self._warn = warn
        self._pending: list[_Pending] = []

    def changed(self, target: Target, before: KeyState, after: KeyState) -> None:
        """Note what a change of a table has made of foreign keys that refer to it."""
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
        """Note that a table is gone that foreign keys refer to."""
        for child in sorted(children - set(before.errors)):
            rows = _of(child, before.violations)
            self._note(_Pending(schema, child, table, rows, dropped=True))

    def _note(self, new: _Pending) -> None:
        same = (p for p in self._pending if p.schema == new.schema)
        if any(same_name(p.child, new.child) and p.target is new.target for p in same):
            return  # what counts is how it was before the first change
        tables = read_catalogue(self._db, new.schema).of_type("table")
        new.known = frozenset(table.name for table in tables)
        new.place = calling_script() or ""
        self._pending.append(new)

    def renamed(self, schema: str, table: str, new_name: str) -> None:
        """Follow a table that gets another name."""
        for one in self._pending:
            if one.schema == schema and same_name(one.child, table):
                rows = one.violations.items()
                one.child = new_name
                one.violations = collections.Counter(
                    {(new_name, *key[1:]): number for key, number in rows}
                )

    def forget(self) -> None:
        """Forget everything: the transaction is over."""
        self._pending.clear()

    def check(self) -> None:
        """Judge the keys as they would be stored.

        :raises ChangeRefused: a key can never be satisfied, or rows have no parent.
        """
        for one in self._pending:
            for child in self._children(one):
                for row in self._judge(one, child):
                    self._warn(f"{row[0].upper()}{row[1:]}.")
        self.forget()

    def _children(self, one: _Pending) -> list[str]:
        """Return the child, or what may be it if a statement gave it another name."""
        tables = [t.name for t in read_catalogue(self._db, one.schema).of_type("table")]
        found = [name for name in tables if same_name(name, one.child)]
        return found or [name for name in tables if name not in one.known]

    def _judge(self, one: _Pending, child: str) -> list[str]:
        state = read_state(self._db, one.schema, {child}, set())
        place = f"'{one.place}': " if one.place else ""
        if one.target is not None:
            stored = dataclasses.replace(one.target.before, name=child)
            try:
                check_parents(self._db, dataclasses.replace(one.target, before=stored))
            except ChangeRefused as error:
                raise ChangeRefused(
                    f"{place}{error.problem}", error.remedy, table=error.table
                ) from error
        if state.errors:
            raise mismatch(one.table, self._mismatches(one), place)
        if one.target is not None or not same_name(child, one.child):
            return []
        rows = count_violations(self._db, one.schema, child)
        fresh = described(rows - _of(child, one.violations))
        if fresh and self._db.execute("PRAGMA foreign_keys")[0][0]:
            if not one.dropped:
                raise orphaned(one.table, fresh, place)
            raise RowsRefused(
                f"{place}Table '{one.table}' was dropped, but {len(fresh)} rows of"
                f" '{child}' still refer to it",
                "Drop that foreign key or these rows in the same migration.",
                table=one.table,
            )
        return fresh

    def _mismatches(self, one: _Pending) -> list[str]:
        """Say which keys can never be satisfied since the same table was changed."""
        children = {
            child
            for other in self._pending
            if (other.schema, other.table) == (one.schema, one.table)
            for child in self._children(other)
        }
        errors = read_state(self._db, one.schema, children, set()).errors
        return [f"table '{child}': {text}" for child, text in sorted(errors.items())]


def _of(child: str, violations: Violations) -> Violations:
    """Return the rows of one table that break a key."""
    rows = {key: number for key, number in violations.items() if key[0] == child}
    return collections.Counter(rows)


def described(violations: Violations) -> list[str]:
    """Write rows that break a key as sentences."""
    return [
        f"'{child}' row {rowid} has no parent in '{parent}'"
        for child, rowid, parent in violations.elements()
    ]


def mismatch(table: str, errors: list[str], place: str = "") -> ChangeRefused:
    """Make the error for foreign keys that need what their parent's change drops.

    :param place: where the script changed it, to begin the sentence with.
    """
    return ChangeRefused(
        f"{place}Table '{table}' cannot be changed like that: foreign keys need what"
        f" would go: {'; '.join(errors)}",
        "Drop these foreign keys first.",
        table=table,
    )


def orphaned(table: str, violations: list[str], place: str = "") -> ChangeRefused:
    """Make the error for a change of a table that leaves rows without a parent.

    :param place: where the script changed it, to begin the sentence with.
    """
    return ChangeRefused(
        f"{place}Table '{table}' cannot be changed like that: {len(violations)} rows"
        f" would have no parent any more: {'; '.join(violations[:3])}",
        table=table,
    )

"""Corrects SQLite's count of rows without a parent after a foreign key is dropped.

SQLite counts the rows that break a deferred key when they are written, and refuses the
COMMIT until all are repaired: https://www.sqlite.org/foreignkeys.html#fk_deferred.
A change of a definition writes no rows. So rows that break a dropped key would stay in
the count for ever, and no statement of a script could repair them.
"""

from __future__ import annotations

import collections.abc as cabc

from ...value_classes import value_class
from ..ddl.meaning import meaning
from ..ddl.table import ConstraintKind
from ..ddl.table import ConstraintText
from ..error_codes import is_verdict
from ..schema.catalogue import qualified
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.rows import orphans
from ..schema.schema_edit import drop_table
from ..schema.schema_edit import replace_text
from ..target.target import Target
from .parent_checks import numbered_keys

_KIND = ConstraintKind.FOREIGN_KEY


@value_class
class Orphans:
    """The rows without a parent in each of SQLite's two counts.

    :param deferred: the rows that break a deferred key.
    :param immediate: the rows that break another key, which
        ``PRAGMA defer_foreign_keys`` defers.
    """

    deferred: int
    immediate: int


def orphans_of_lost_keys(db: Database, target: Target) -> Orphans:
    """Count the rows that break a deferred foreign key that a change drops.

    :param target: the change, before it is made.
    """
    remaining = [meaning(key) for key in target.text.of_kind(_KIND)]
    keys = target.before.text.of_kind(_KIND)
    return _count(db, target.before, [k for k in keys if meaning(k) not in remaining])


def orphans_of_table(db: Database, stored: StoredTable) -> Orphans:
    """Count the rows of a table that break any of its deferred keys."""
    return _count(db, stored, list(stored.text.of_kind(_KIND)))


def _count(db: Database, stored: StoredTable, keys: list[ConstraintText]) -> Orphans:
    if not keys or not db.execute("PRAGMA foreign_keys")[0][0]:
        return Orphans(0, 0)
    deferred = [k for k in keys if k.references and k.references.initially_deferred]
    others = [k for k in keys if k not in deferred]
    if not db.execute("PRAGMA defer_foreign_keys")[0][0]:
        others = []
    return Orphans(
        sum(_orphans(db, stored, deferred)), sum(_orphans(db, stored, others))
    )


def _orphans(
    db: Database, stored: StoredTable, keys: list[ConstraintText]
) -> cabc.Iterator[int]:
    for number in {number for number, _ in numbered_keys(db, stored, keys)}:
        try:
            yield orphans(db, stored.schema, stored.name, number).count
        except db.driver_error as error:
            if not is_verdict(error):
                raise
            # The parent has no matching key, so SQLite counts no row of the child.


def forget_orphans(db: Database, orphans: Orphans) -> None:
    """Lower SQLite's counts of rows without a parent, but not below zero.

    SQLite 3.54 refuses the COMMIT also where their sum is below zero.

    :param orphans: the numbers of rows to subtract.
    """
    _forget(db, orphans.deferred, " DEFERRABLE INITIALLY DEFERRED")
    _forget(db, orphans.immediate, "")


def _forget(db: Database, number: int, clause: str) -> None:
    """Lower one of SQLite's counts.

    A scratch table gets that number of rows before it gets the key that they break, so
    SQLite does not count them; when they are dropped, it subtracts them from its count.

    :param clause: the clause of the keys that the count is for.
    """
    if not number or not db.can_write_schema:
        return
    name = read_catalogue(db, "temp").free_name("_batchmigrate_orphans_")
    path = qualified("temp", name)
    db.execute(f"CREATE TABLE {path} (id INTEGER PRIMARY KEY, parent)")
    db.execute(
        f"INSERT INTO {path} (parent) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL"
        " SELECT n + 1 FROM counted WHERE n < ?) SELECT -1 FROM counted",
        (number,),
    )
    key = f"REFERENCES {name}{clause}"
    text = f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, parent {key})"
    replace_text(db, "temp", name, text)
    drop_table(db, "temp", name)

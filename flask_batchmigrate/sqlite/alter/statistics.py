"""Keeps what ANALYZE has stored about a table while its indexes are dropped.

SQLite deletes the statistics of an index that is dropped:
https://www.sqlite.org/fileformat2.html#stat1tab
"""

from __future__ import annotations

from ...value_classes import value_class
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..schema.catalogue import Catalogue
from ..schema.catalogue import read_own
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.database import Row

_TABLES = ("sqlite_stat1", "sqlite_stat4")


@value_class
class Statistics:
    """The rows about one table in SQLite's tables of statistics.

    :param rows: the rows, by the name of the statistics table that has them.
    """

    table: StoredTable
    rows: tuple[tuple[str, tuple[Row, ...]], ...]


def read_statistics(
    db: Database, catalogue: Catalogue, stored: StoredTable
) -> Statistics:
    """Read what ANALYZE has stored about a table."""
    tables = []
    for name in _TABLES:
        if catalogue.table(name) is not None:
            path = f"{quote(stored.schema)}.{name}"
            rows = db.execute(f"SELECT * FROM {path} WHERE tbl = ?", (stored.name,))
            tables.append((name, tuple(rows)))
    return Statistics(stored, tuple(tables))


def restore_statistics(db: Database, statistics: Statistics) -> None:
    """Restore the rows about the table and the indexes that it still has."""
    if not statistics.rows:
        return
    stored = statistics.table
    catalogue = read_own(db, stored)
    indexes = [o.name for o in catalogue.of_table(stored.name, "index")]
    if read_table(catalogue, stored.name).text.without_rowid:
        # The primary key is the table itself, and has its name.
        indexes.append(stored.name)
    for name, rows in statistics.rows:
        path = f"{quote(stored.schema)}.{name}"
        db.execute(f"DELETE FROM {path} WHERE tbl = ?", (stored.name,))
        for row in rows:
            if row[1] is None or any(same_name(row[1], i) for i in indexes):
                marks = ", ".join("?" * len(row))
                db.execute(f"INSERT INTO {path} VALUES ({marks})", row)

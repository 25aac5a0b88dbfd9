"""Decides whether the SQLite library and the schema allow a way."""

from __future__ import annotations

from ..schema.catalogue import Catalogue
from ..schema.database import Database
from ..schema.dependants import broken_objects
from .ways import Way

_DROPS_COLUMNS = (3, 35, 5)
"""The first release whose ``DROP COLUMN`` does not damage the file.

See https://www.sqlite.org/releaselog/3_35_5.html
"""


def why_closed(
    db: Database, catalogue: Catalogue, way: Way, sees_rows: bool, drops: bool
) -> str:
    """Return why a table has to be copied, though the changes allow a cheaper way.

    Columns are dropped in place by ``ALTER TABLE``, and the new text is then written
    over SQLite's, with its comments.

    :param way: the cheapest way that is safe for all changes.
    :param sees_rows: whether the rows are in this database.
    :param drops: whether columns are dropped that are stored in records.
    :return: the reason; empty if the way is open.
    """
    if way is Way.COPY or (way is Way.ALTER and not drops):
        return ""
    if not db.can_write_schema:
        return "this SQLite library forbids writing the schema"
    if way is Way.CONVERT and not sees_rows:
        return "the rows are in another database, and only a copy is sure to fit them"
    if drops and db.version < _DROPS_COLUMNS:
        return f"SQLite {'.'.join(map(str, db.version))} has no safe DROP COLUMN"
    # A broken view or trigger anywhere stops SQLite's own ALTER TABLE.
    broken = broken_objects(db, catalogue) if drops else ()
    if broken:
        return f"SQLite drops no column while {broken[0]} cannot be compiled"
    return ""

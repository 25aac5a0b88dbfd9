"""Stores values as a new definition does, in place, in the rows where they differ.

The definition that is in force meanwhile has no constraint but the keys, and the
table's triggers are out of the catalogue, so nothing but the values changes.
"""

from __future__ import annotations

from ..ddl.table import TableText
from ..error_codes import is_about_rows
from ..error_codes import is_verdict
from ..schema.catalogue import read_own
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..schema.database import trial
from ..schema.progress import run_long
from ..schema.schema_edit import hide_triggers
from ..schema.schema_edit import replace_text
from ..schema.schema_edit import show_triggers
from ..target.conversions import Conversions
from ..target.target import Target
from .in_place import NotConfirmed
from .value_passes import converted
from .value_passes import passes


def convert_rows(db: Database, target: Target, work: Conversions) -> None:
    """Store the values of a table as its new definition does.

    The columns that are filled have been added. Afterwards the table has a definition
    that stores records like the new one, and none of its constraints yet.

    :raises NotConfirmed: SQLite refuses a value or an expression; a copy tells why.
    """
    stored = read_table(read_own(db, target.before), target.before.name)
    text = converted(stored.text, work)
    try:
        _run_passes(db, stored, text, work)
    except db.driver_error as error:
        if not (is_about_rows(error) or is_verdict(error)):
            raise
        raise NotConfirmed(str(error)) from error


def _run_passes(
    db: Database, stored: StoredTable, text: TableText, work: Conversions
) -> None:
    triggers = None
    for one in passes(text, work):
        if triggers is None:
            triggers = hide_triggers(db, stored.schema, stored.name, one.sql)
        else:
            replace_text(db, stored.schema, stored.name, one.sql)
        statement = one.statement(stored.path, stored.name)
        run_long(db, stored, "converting rows", statement)
    show_triggers(db, stored.schema, stored.name, text.sql, triggers or ())


def any_differs(db: Database, stored: StoredTable, work: Conversions) -> bool:
    """Tell whether a row has to be written; nothing is changed.

    Where SQLite does not accept what is asked, the answer is yes.
    """
    if work.fills:
        return True
    try:
        with trial(db, "batchmigrate_differs"):
            for one in passes(converted(stored.text, work), work):
                replace_text(db, stored.schema, stored.name, one.sql)
                where = "" if one.condition is None else f" WHERE {one.condition}"
                source = f"{stored.path} NOT INDEXED{where}"
                if db.execute(f"SELECT 1 FROM {source} LIMIT 1"):
                    return True
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        return True
    return False

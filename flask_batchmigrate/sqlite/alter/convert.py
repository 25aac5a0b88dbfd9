"""Converts stored values to a new definition, in place, in the rows that differ.

Meanwhile the table's definition has no constraints but the keys, and its triggers are
not in the catalogue, so only the values change.
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


def convert_rows(db: Database, target: Target, work: Conversions) -> int:
    """Store the values of a table as its new definition stores them.

    The columns to fill must have been added before. Afterwards the table has a
    definition that stores records like the new one, but has none of its constraints.

    :return: how many rows were written.
    :raises NotConfirmed: SQLite refuses a value or an expression; a copy finds out why.
    """
    stored = read_table(read_own(db, target.before), target.before.name)
    text = converted(stored.text, work)
    try:
        return _run_passes(db, stored, text, work)
    except db.driver_error as error:
        if not (is_about_rows(error) or is_verdict(error)):
            raise
        raise NotConfirmed(str(error)) from error


def _run_passes(
    db: Database, stored: StoredTable, text: TableText, work: Conversions
) -> int:
    triggers, written = None, 0
    for step in passes(text, work):
        if triggers is None:
            triggers = hide_triggers(db, stored.schema, stored.name, step.sql)
        else:
            replace_text(db, stored.schema, stored.name, step.sql)
        statement = step.statement(stored.path, stored.name)
        run_long(db, stored, "converting rows", statement)
        # A second pass may write rows that the first has written.
        written = max(written, int(db.execute("SELECT changes()")[0][0]))
    show_triggers(db, stored.schema, stored.name, text.sql, triggers or ())
    return written


def any_differs(db: Database, stored: StoredTable, work: Conversions) -> bool:
    """Tell whether a row has to be written, without changing anything.

    If SQLite refuses the question, the answer is yes.
    """
    if work.fills:
        return True
    try:
        with trial(db, "batchmigrate_differs"):
            for step in passes(converted(stored.text, work), work):
                replace_text(db, stored.schema, stored.name, step.sql)
                where = "" if step.condition is None else f" WHERE {step.condition}"
                source = f"{stored.path} NOT INDEXED{where}"
                if db.execute(f"SELECT 1 FROM {source} LIMIT 1"):
                    return True
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        return True
    return False

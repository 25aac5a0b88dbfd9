"""Renames columns and tables by SQLite's own ALTER TABLE.

SQLite follows the name through constraints, indexes, triggers, views and the foreign
keys of other tables: https://www.sqlite.org/lang_altertable.html#altertabrename
"""

from __future__ import annotations

import collections.abc as cabc

from .catalogue import Catalogue
from .catalogue import qualified
from .catalogue import read_catalogue
from .database import Database
from .database import is_verdict
from .database import legacy_alter_table
from .dependants import broken_objects
from .dependants import Dependant
from .dependants import newly_broken
from .dependants import read_dependants
from .dependants import virtual_tables_naming
from .errors import AlreadyThere
from .errors import ChangeRefused
from .errors import SqlTextError
from .quoting import always_quoted
from .storage import replace_texts
from .tokens import Kind
from .tokens import quote
from .tokens import same_name
from .tokens import tokenize


def rename_columns(
    db: Database,
    catalogue: Catalogue,
    table: str,
    renames: cabc.Sequence[tuple[str, str]],
) -> None:
    """Rename columns, one after the other.

    :param renames: old and new names, in an order that works.
    :raises ChangeRefused: something in the schema does not let SQLite follow.
    """
    _refuse_broken(db, catalogue, f"column '{renames[0][0]}' of '{table}'")
    for name, _ in renames:
        needing = virtual_tables_naming(catalogue, table, name)
        if needing:
            raise ChangeRefused(
                f"Column '{name}' of '{table}' cannot be renamed: {'; '.join(needing)}"
                " reads it by that name. Drop that table first and create it anew"
                " afterwards. Nothing was changed."
            )
    before = read_dependants(db, catalogue, table)
    path = qualified(catalogue.schema, table)
    # SQLite is to follow names, whatever the application has set.
    with legacy_alter_table(db, False):
        for name, new_name in renames:
            what = f"column '{name}' of '{table}'"
            _alter(
                db,
                f"ALTER TABLE {path} RENAME COLUMN {always_quoted(name)}"
                f" TO {quote(new_name)}",
                what,
                new_name,
            )
    _refuse_newly_broken(db, catalogue.schema, table, before)


def rename_table(db: Database, schema: str, table: str, new_name: str) -> None:
    """Rename a table.

    :raises ChangeRefused: the name is taken, or something in the schema does not let
        SQLite follow.
    """
    catalogue = read_catalogue(db, schema)
    taken = catalogue.find(new_name)
    if taken is not None and not same_name(table, new_name):
        raise AlreadyThere(
            f"Table '{table}' cannot be renamed to '{new_name}': there is a"
            f" {taken.type} of that name (already exists). Nothing was changed."
        )
    _refuse_broken(db, catalogue, f"table '{table}'")
    needing = virtual_tables_naming(catalogue, table)
    if needing:
        raise ChangeRefused(
            f"Table '{table}' cannot be renamed: {'; '.join(needing)} reads it by that"
            " name. Drop that table first and create it anew afterwards."
            " Nothing was changed."
        )
    before = read_dependants(db, catalogue, table)
    steps = [new_name]
    if same_name(table, new_name):
        # SQLite takes a mere change of case for a name that is already there.
        steps.insert(0, catalogue.free_name("_batchmigrate_rename_"))
    with legacy_alter_table(db, False):
        present = table
        for step in steps:
            path = qualified(schema, present)
            _alter(
                db,
                f"ALTER TABLE {path} RENAME TO {always_quoted(step)}",
                f"table '{table}'",
                new_name,
            )
            present = step
    _spell_plainly(db, catalogue, new_name)
    _rename_statistics(db, catalogue, table, new_name)
    _refuse_newly_broken(db, schema, new_name, before)


def _spell_plainly(db: Database, before: Catalogue, new_name: str) -> None:
    """Take off the quotes that SQLite puts around every new name of a table.

    Only where a plain name stood before, and where the new one can be plain.
    """
    if quote(new_name) != new_name or not db.can_write_schema:
        return
    earlier = {o.rowid: o.sql for o in before.objects}
    texts: dict[int, str] = {}
    for o in read_catalogue(db, before.schema).objects:
        old = earlier.get(o.rowid)
        if o.sql is None or old is None or o.sql == old:
            continue
        plain = _as_before(old, o.sql, new_name)
        if plain != o.sql:
            texts[o.rowid] = plain
    if texts:
        replace_texts(db, before.schema, texts)


def _as_before(old: str, new: str, name: str) -> str:
    """Write a name without quotes wherever the old text has a plain one."""
    try:
        pairs = list(zip(tokenize(old), tokenize(new), strict=True))
    except (SqlTextError, ValueError):
        # The text of a virtual table, say, which is its module's.
        return new
    quoted = always_quoted(name)
    return "".join(
        name if after.text == quoted and before.kind is Kind.WORD else after.text
        for before, after in pairs
    )


def _rename_statistics(
    db: Database, catalogue: Catalogue, table: str, new_name: str
) -> None:
    """Keep what ANALYZE found out; SQLite leaves it under the old name."""
    for name in ("sqlite_stat1", "sqlite_stat4"):
        if catalogue.table(name) is not None:
            path = qualified(catalogue.schema, name)
            db.execute(
                f"UPDATE {path} SET tbl = ? WHERE tbl = ? COLLATE NOCASE",
                (new_name, table),
            )


def _alter(db: Database, statement: str, what: str, new_name: str) -> None:
    try:
        db.execute(statement)
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        raise ChangeRefused(
            f"SQLite cannot rename {what} to '{new_name}': {error}."
            " Nothing was changed."
        ) from error


def _refuse_broken(db: Database, catalogue: Catalogue, what: str) -> None:
    broken = broken_objects(db, catalogue)
    if broken:
        listed = "; ".join(f"{d} ({d.error})" for d in broken)
        raise ChangeRefused(
            f"SQLite cannot rename {what} while the schema has what it cannot compile:"
            f" {listed}. Drop or repair it first. Nothing was changed."
        )


def _refuse_newly_broken(
    db: Database, schema: str, table: str, before: tuple[Dependant, ...]
) -> None:
    after = read_dependants(db, read_catalogue(db, schema), table)
    broken = newly_broken(before, after, renamed=True)
    if broken:
        raise ChangeRefused(
            f"Table '{table}': the new name would break {'; '.join(broken)}."
            " Drop or change these first. Nothing was changed."
        )

"""Renames columns and tables by SQLite's own ALTER TABLE.

SQLite replaces the old name in constraints, indexes, triggers, views and the foreign
keys of other tables: https://www.sqlite.org/lang_altertable.html#altertabrename
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

from ..ddl.meaning import spelling
from ..ddl.quoting import always_quoted
from ..ddl.table import parse_table
from ..ddl.tokens import Kind
from ..ddl.tokens import quote
from ..ddl.tokens import same_name
from ..ddl.tokens import tokenize
from ..ddl.tokens import upper
from ..error_codes import is_verdict
from ..errors import AlreadyThere
from ..errors import ChangeRefused
from ..errors import SqlTextError
from ..schema.catalogue import Catalogue
from ..schema.catalogue import qualified
from ..schema.catalogue import read_catalogue
from ..schema.compiled import Dependant
from ..schema.database import Database
from ..schema.database import legacy_alter_table
from ..schema.database import savepoint
from ..schema.dependants import broken_objects
from ..schema.dependants import newly_broken
from ..schema.dependants import read_dependants
from ..schema.dependants import virtual_tables_naming
from ..schema.schema_edit import replace_texts

_MAKE_AGAIN = "Drop that table first and create it again afterwards."

_RENAMES_IN_ONE_TABLE: t.Final = (3, 35, 0)
"""Older releases may replace names in computed columns of other tables.

They take these for columns of the table whose column is renamed.
"""


def rename_columns(
    db: Database,
    catalogue: Catalogue,
    table: str,
    renames: cabc.Sequence[tuple[str, str]],
) -> None:
    """Rename columns, one after the other.

    :param renames: old and new names, in an order that works.
    :raises ChangeRefused: SQLite cannot replace an old name everywhere in the schema.
    """
    for name, _ in renames:
        needing = virtual_tables_naming(catalogue, table, name)
        if needing:
            raise ChangeRefused(
                f"Column '{name}' of '{table}' cannot be renamed: {'; '.join(needing)}"
                " reads it by that name",
                _MAKE_AGAIN,
                table=table,
                column=name,
            )
    before = read_dependants(db, catalogue, table)
    path = qualified(catalogue.schema, table)
    # SQLite has to replace the old names, whatever the application has set.
    with legacy_alter_table(db, False):
        for name, new_name in renames:
            _alter(
                db,
                catalogue,
                table,
                f"ALTER TABLE {path} RENAME COLUMN {always_quoted(name)}"
                f" TO {quote(new_name)}",
                f"column '{name}' of '{table}'",
                new_name,
            )
    if db.version < _RENAMES_IN_ONE_TABLE:
        _refuse_changed_expressions(db, catalogue, table)
    _refuse_newly_broken(db, catalogue.schema, table, before)
    _refuse_left_behind(db, catalogue, before, [name for name, _ in renames])


def _refuse_changed_expressions(db: Database, before: Catalogue, table: str) -> None:
    """Refuse a rename that has replaced names in computed columns of other tables.

    :param before: all objects of the table's schema, before the rename.
    """
    after = read_catalogue(db, before.schema)
    texts = {row.name: row.sql for row in after.of_type("table")}
    for row in before.of_type("table"):
        sql = texts.get(row.name)
        if same_name(row.name, table) or sql in (None, row.sql) or row.sql is None:
            continue
        if _expressions(row.sql) != _expressions(str(sql)):
            version = ".".join(map(str, db.version))
            raise ChangeRefused(
                f"A column of '{table}' cannot be renamed: SQLite {version} would"
                f" change computed columns of '{row.name}', too",
                "Use SQLite 3.35 or newer.",
                table=table,
            )


def _expressions(sql: str) -> list[tuple[str, ...]]:
    rules = [column.generated for column in parse_table(sql).columns]
    return [spelling(rule.expression or "") for rule in rules if rule is not None]


def rename_table(db: Database, schema: str, table: str, new_name: str) -> None:
    """Rename a table.

    :raises ChangeRefused: the name is taken, or SQLite cannot replace the old name
        everywhere in the schema.
    """
    catalogue = read_catalogue(db, schema)
    taken = catalogue.find(new_name)
    if taken is not None and not same_name(table, new_name):
        raise AlreadyThere(
            f"Table '{table}' cannot be renamed to '{new_name}': there is a"
            f" {taken.type} of that name (already exists)",
            table=table,
        )
    needing = virtual_tables_naming(catalogue, table)
    if needing:
        raise ChangeRefused(
            f"Table '{table}' cannot be renamed: {'; '.join(needing)} reads it by that"
            " name",
            _MAKE_AGAIN,
            table=table,
        )
    before = read_dependants(db, catalogue, table)
    steps = [new_name]
    if same_name(table, new_name):
        # SQLite says that a name exists already if only its case changes.
        steps.insert(0, catalogue.free_name("_batchmigrate_rename_"))
    with legacy_alter_table(db, False):
        present = table
        for step in steps:
            path = qualified(schema, present)
            _alter(
                db,
                catalogue,
                table,
                f"ALTER TABLE {path} RENAME TO {always_quoted(step)}",
                f"table '{table}'",
                new_name,
            )
            present = step
    _spell_plainly(db, catalogue, new_name)
    _rename_statistics(db, catalogue, table, new_name)
    _refuse_newly_broken(db, schema, new_name, before)
    if not same_name(table, new_name):
        _refuse_left_behind(db, catalogue, before, [table])


def _spell_plainly(db: Database, before: Catalogue, new_name: str) -> None:
    """Remove the quotes that SQLite puts around every new name of a table.

    They are removed only if the old name had none, and the new one needs none.
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
        # The text may be that of a virtual table, which only its module can read.
        return new
    quoted = always_quoted(name)
    return "".join(
        name if after.text == quoted and before.kind is Kind.WORD else after.text
        for before, after in pairs
    )


def _rename_statistics(
    db: Database, catalogue: Catalogue, table: str, new_name: str
) -> None:
    """Move what ANALYZE has stored to the new name; SQLite leaves it at the old one."""
    for name in ("sqlite_stat1", "sqlite_stat4"):
        if catalogue.table(name) is not None:
            path = qualified(catalogue.schema, name)
            db.execute(
                f"UPDATE {path} SET tbl = ? WHERE tbl = ? COLLATE NOCASE",
                (new_name, table),
            )


def _alter(
    db: Database,
    catalogue: Catalogue,
    table: str,
    statement: str,
    what: str,
    new_name: str,
) -> None:
    try:
        with savepoint(db, "batchmigrate_rename"):
            db.execute(statement)
    except db.driver_error as error:
        if not is_verdict(error):
            raise
        cause, remedy = f"to '{new_name}': {error}", ""
        if str(error).startswith("error in "):
            # SQLite does not replace every name: a table's after IN, for example.
            remedy = "Drop that object first and create it again afterwards."
        # Any object that SQLite cannot compile may stop a rename.
        broken = [d for d in broken_objects(db, catalogue) if d.name in str(error)]
        if broken:
            listed = "; ".join(f"{d} ({d.error})" for d in broken)
            cause = f"because the schema has objects that do not compile: {listed}"
            remedy = "Drop or repair it first."
        raise ChangeRefused(
            f"SQLite cannot rename {what} {cause}", remedy, table=table
        ) from error


def _refuse_left_behind(
    db: Database,
    catalogue: Catalogue,
    before: tuple[Dependant, ...],
    names: cabc.Iterable[str],
) -> None:
    """Refuse a rename if SQLite left the old name in an object that it cannot compile.

    SQLite replaces a name in such an object only where it understands the text, and
    compiling cannot show whether it did.
    """
    old = {upper(name) for name in names}
    doubtful = {(d.type, d.name) for d in before if d.error and d.names & old}
    if not doubtful:
        return
    now = read_catalogue(db, catalogue.schema)
    unfollowed = [
        f"{o.type} '{o.name}'"
        for o in now.objects
        if (o.type, o.name) in doubtful
        and o.sql == next(x.sql for x in catalogue.objects if x[1:3] == o[1:3])
    ]
    if unfollowed:
        raise ChangeRefused(
            f"SQLite would leave the old name in {'; '.join(unfollowed)}, which it"
            " cannot compile",
            "Drop it first and create it again afterwards.",
        )


def _refuse_newly_broken(
    db: Database, schema: str, table: str, before: tuple[Dependant, ...]
) -> None:
    after = read_dependants(db, read_catalogue(db, schema), table)
    broken = newly_broken(before, after, renamed=True)
    if broken:
        raise ChangeRefused(
            f"Table '{table}': the new name would break {'; '.join(broken)}",
            "Drop or change these first.",
            table=table,
        )

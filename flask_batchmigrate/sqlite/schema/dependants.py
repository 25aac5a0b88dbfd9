"""Finds the views, triggers and virtual tables that depend on a table.

SQLite checks their text only when it is used, so a change can break one without an
error. Here each is compiled before and after the change.
"""

from __future__ import annotations

import collections.abc as cabc

from ..ddl.objects import parse_trigger
from ..ddl.objects import parse_view
from ..ddl.positions import changes_places
from ..ddl.positions import goes_by_place
from ..ddl.positions import inserts_by_place
from ..ddl.table import is_virtual_table
from ..ddl.table import TableText
from ..ddl.tokens import may_name
from ..ddl.tokens import ROWID_NAMES
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from .catalogue import Catalogue
from .catalogue import StoredObject
from .catalogue import understood
from .compiled import compile_triggers
from .compiled import compile_view
from .compiled import Dependant
from .database import Database
from .double_quotes import double_quoted
from .natural_joins import names_of_tables


def read_dependants(
    db: Database, catalogue: Catalogue, table: str
) -> tuple[Dependant, ...]:
    """Compile every view and trigger that uses a table.

    :param table: the table's name.
    """
    return _read(db, catalogue, _used_through_views(catalogue, table))


def broken_objects(db: Database, catalogue: Catalogue) -> tuple[Dependant, ...]:
    """Return the views and triggers of a schema that SQLite cannot compile.

    Any of them stops SQLite's own RENAME and DROP COLUMN, on every table:
    https://www.sqlite.org/lang_altertable.html#compatibility
    """
    names = {upper(o.name) for o in catalogue.objects if o.type in ("table", "view")}
    return tuple(d for d in _read(db, catalogue, names) if d.error is not None)


def _read(
    db: Database, catalogue: Catalogue, names: cabc.Set[str]
) -> tuple[Dependant, ...]:
    """Compile every view of these names, and every trigger that mentions one.

    :param names: names of tables and views, in upper case.
    """
    dependants = []
    for view in catalogue.of_type("view"):
        if upper(view.name) in names:
            dependants.append(compile_view(db, catalogue, view))
    triggers = []
    for row in catalogue.of_type("trigger"):
        if upper(row.table) not in names and not _may_name(row, names):
            continue
        trigger = understood(catalogue, parse_trigger, row)
        if upper(row.table) in names or names & names_of_tables(trigger.body):
            triggers.append((row.table, trigger))
    dependants += compile_triggers(db, catalogue.schema, triggers)
    return tuple(dependants)


def _may_name(o: StoredObject, names: cabc.Iterable[str]) -> bool:
    """Tell whether a text may have one of these names, without parsing it."""
    return any(may_name(o.sql or "", name) for name in names)


def newly_broken(
    before: tuple[Dependant, ...],
    after: tuple[Dependant, ...],
    *,
    renamed: bool = False,
) -> tuple[str, ...]:
    """Return the dependants that a change has broken, each with the reason.

    A view that lost a column counts as broken: it has that column by ``SELECT *``.

    :param renamed: whether the change gave columns other names, in views too.
    """
    known = {(d.type, d.name): d for d in before}
    broken = []
    for dependant in after:
        earlier = known.get((dependant.type, dependant.name))
        if earlier is None:
            continue
        if joined := _joined_otherwise(earlier, dependant):
            broken.append(f"{dependant} (its NATURAL JOIN is by column {joined})")
        elif earlier.error is not None:
            continue
        elif dependant.error is not None:
            broken.append(f"{dependant} ({dependant.error})")
        elif earlier.strict_error is None and dependant.strict_error is not None:
            broken.append(f"{dependant} ({dependant.strict_error})")
        elif columns := _turned(earlier, dependant):
            broken.append(
                f"{dependant} (its text in double quotes would become a column:"
                f" {', '.join(columns)})"
            )
        elif not renamed:
            lost = [
                c
                for c in earlier.columns
                if not any(same_name(c, d) for d in dependant.columns)
            ]
            if lost:
                broken.append(f"{dependant} (it selects {', '.join(lost)})")
    return tuple(broken)


def _joined_otherwise(before: Dependant, after: Dependant) -> str:
    """Name the columns by which a dependant joined before a change, or joins now."""
    old, new = ({upper(c): c for c in d.natural} for d in (before, after))
    changed = [(old | new)[key] for key in old.keys() ^ new.keys()]
    return ", ".join(f"'{column}'" for column in sorted(changed))


def _turned(before: Dependant, after: Dependant) -> list[str]:
    """Return the names in double quotes that were text before, and are columns now."""
    quoted = double_quoted(after.body)
    return sorted((before.texts - after.texts) & quoted)


def silently_needing(
    dependants: tuple[Dependant, ...], table: str, column: str
) -> list[str]:
    """Return the dependants that need a column although they compile without it.

    SQLite accepts an ``UPDATE OF`` on a column that does not exist; such a trigger
    would never fire again. Where no column is called ``oid``, that means the rowid:
    https://www.sqlite.org/lang_createtable.html#rowid. And an object that does not
    compile even before, since it uses a function of the application, may name the
    column, or all columns by ``*``.
    """
    watching = [
        f"{d} (UPDATE OF {column})"
        for d in dependants
        if same_name(d.table, table) and any(same_name(column, c) for c in d.watched)
    ]
    for d in dependants:
        is_unclear = d.error is not None and goes_by_place(d.body, table)
        if upper(column) not in d.names and not is_unclear:
            continue
        if d.error is not None:
            watching.append(f"{d}, which SQLite cannot compile here ({d.error})")
        elif upper(column) in map(upper, ROWID_NAMES):
            watching.append(str(d))
    return watching


def misplaced(
    dependants: tuple[Dependant, ...], before: TableText, after: TableText
) -> list[str]:
    """Return the dependants that would take a column for another one by its place.

    In one that does not compile, SQLite does not notice either that an ``INSERT``
    without a list of columns has the wrong number of values.
    """
    moved = changes_places(before, after)
    other = [c.name for c in before.columns] != [c.name for c in after.columns]
    return [
        str(d)
        for d in dependants
        if (moved and goes_by_place(d.body, before.name))
        or (other and d.error is not None and inserts_by_place(d.body, before.name))
    ]


def virtual_tables_naming(catalogue: Catalogue, table: str, *columns: str) -> list[str]:
    """Return the other virtual tables whose definition mentions all of the names.

    An FTS5 table with ``content='t'`` reads ``t`` by that name.
    """
    virtual = []
    for row in catalogue.of_type("table"):
        if row.sql is None or not is_virtual_table(row.sql):
            continue
        words = _argument_words(row.sql)
        mentioned = all(_argument_words(name) <= words for name in (table, *columns))
        if mentioned and not same_name(row.name, table):
            virtual.append(f"virtual table '{row.name}'")
    return virtual


def _argument_words(sql: str) -> set[str]:
    """Return every word of a virtual table's arguments, or of a name, without quotes.

    A name of several words counts as mentioned where all of them are.
    """
    # Each module has a grammar of its own, so the text is not split into tokens.
    cleaned = "".join(c if c.isalnum() or c == "_" else " " for c in sql)
    return set(cleaned.lower().split())


def _used_through_views(catalogue: Catalogue, table: str) -> set[str]:
    """Return the table and all views that are built on it, in upper case."""
    names = {upper(table)}
    others = list(catalogue.of_type("view"))
    new = names
    while new:
        using = {
            upper(v.name)
            for v in others
            if _may_name(v, new)
            and names_of_tables(understood(catalogue, parse_view, v).body) & new
        }
        others = [v for v in others if upper(v.name) not in using]
        new = using - names
        names = names | new
    return names

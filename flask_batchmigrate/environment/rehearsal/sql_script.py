"""Writes the recorded statements of a migration as a script in SQL.

A script does what the migration does, or stops before it changes anything. It begins
with checks of the definitions, repeats the engine's checks of rows and foreign keys,
and compares what migration scripts have read.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import re
import sqlite3
import typing as t

from ...sqlite.ddl.quoting import always_quoted
from ...sqlite.ddl.statements import ends_in_line_comment
from ...sqlite.ddl.statements import first_word
from ...sqlite.ddl.statements import words
from ...sqlite.ddl.tokens import same_name
from ...sqlite.ddl.tokens import unquote

PLACES: t.Final = "_batchmigrate_places"
HEAD: t.Final = ".bail on\n.dbconfig defensive off\n"
"""The lines for the ``sqlite3`` shell alone."""

_GUARD: t.Final = "_batchmigrate_guard"
_ORPHANS: t.Final = "_batchmigrate_orphans"
_COOKIE: t.Final = re.compile(r"PRAGMA (\S+)\.schema_version = \d+$")
_KEY_CHECK: t.Final = re.compile(r"PRAGMA \S+\.foreign_key_check\((.*)\)$", re.DOTALL)


@dataclasses.dataclass
class Entry:
    """One statement that was run.

    :param sql: the statement, with its parameters written into it.
    :param is_empty: whether it is a query that returned no row.
    :param rows: what it returned, if a migration script queries rows that a database
        may have others of.
    :param tables: if it ends a transaction, the tables that there are then.
    """

    sql: str
    is_empty: bool = False
    rows: list[t.Any] | None = None
    tables: tuple[str, ...] = ()

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return first_word(self.sql) in ("SELECT", "WITH", "VALUES") and not re.search(
            r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", self.sql, re.IGNORECASE
        )

    @property
    def is_key_check(self) -> bool:
        """Whether the engine reads with it which rows have no parent."""
        return _KEY_CHECK.match(self.sql) is not None


@dataclasses.dataclass
class Surroundings:
    """The database that a migration was recorded on.

    :param version_table: the table that the revision is stored in.
    :param settings: the pragmas of the connection before the migration.
    :param catalogue: type, name, table and text of the objects before the migration.
    :param revisions: the rows of the version table before the migration.
    """

    version_table: str

    settings: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    catalogue: list[tuple[str, str, str, str | None]] = dataclasses.field(
        default_factory=list
    )
    revisions: list[tuple[str, ...]] = dataclasses.field(default_factory=list)

    @property
    def objects(self) -> list[tuple[str, str, str, str | None]]:
        """The objects that the revisions up to the start have made."""
        return [row for row in self.catalogue if row[2] != self.version_table]


def write_script(
    entries: cabc.Collection[Entry], around: Surroundings, name: str
) -> str:
    """Return the script; empty if the migration did nothing.

    :param entries: the statements that took effect, in order.
    :param name: the name of the database, for a comment.
    """
    if not any(first_word(entry.sql) == "BEGIN" for entry in entries):
        return ""
    lines = [
        "-- For the sqlite3 shell. The next two lines make it stop at an error, and",
        "-- allow it to edit stored definitions, which it refuses by default.",
        *HEAD.splitlines(),
        f"-- Database: {name}",
        *(f"PRAGMA {setting} = {value};" for setting, value in around.settings.items()),
    ]
    keys = _KeyChecks() if around.settings.get("foreign_keys") else None
    is_first = True
    for entry in entries:
        verb = first_word(entry.sql)
        if verb == "COMMIT":
            lines += keys.compared(entry.tables) if keys is not None else ()
            lines.append(f"DROP TABLE temp.{_GUARD};")
        if keys is not None:
            lines += keys.noticed(entry)
        lines += _lines(entry)
        if verb == "BEGIN":
            lines.append(_MAKES_GUARD)
            lines += _same_start(around) if is_first else ()
            is_first = False
    return "\n".join(lines) + "\n"


_MAKES_GUARD: t.Final = (
    f"CREATE TEMP TABLE {_GUARD} ("
    'is_right CONSTRAINT "the database or a row in it does not fit: nothing was '
    'changed" CHECK (is_right), '
    'is_alike CONSTRAINT "a script reads rows here, as the comment before this says: '
    'nothing was changed" CHECK (is_alike));'
)


def _requires(condition: str) -> str:
    """Write a statement that stops the script unless a condition is true."""
    return f"INSERT INTO temp.{_GUARD} (is_right) SELECT {condition};"


def _same_start(around: Surroundings) -> cabc.Iterator[str]:
    """Check that the database is the one that the script was made for."""
    if around.revisions:
        table = f"main.{always_quoted(around.version_table)}"
        rows = ", ".join(f"({', '.join(map(literal, r))})" for r in around.revisions)
        # The database may be at revisions of other branches, too.
        yield _requires(f"NOT EXISTS (VALUES {rows} EXCEPT SELECT * FROM {table})")
    if around.objects:
        yield from _same_definitions(around.objects)


def _same_definitions(
    objects: cabc.Collection[tuple[str, str, str, str | None]],
) -> cabc.Iterator[str]:
    rows = ", ".join(
        f"({literal(kind)}, {literal(name)}, {literal(sql)})"
        for kind, name, _, sql in objects
    )
    master = "SELECT type, name, sql FROM main.sqlite_master"
    tables = ", ".join(dict.fromkeys(literal(table) for _, _, table, _ in objects))
    yield _requires(f"NOT EXISTS (VALUES {rows} EXCEPT {master})")
    yield _requires(
        f"NOT EXISTS ({master} WHERE tbl_name IN ({tables}) EXCEPT VALUES {rows})"
    )


def _lines(entry: Entry) -> cabc.Iterator[str]:
    """Write a statement as the script has it."""
    sql = entry.sql
    if match := _COOKIE.match(sql):
        # This raises the schema version, so that other connections notice.
        yield f"CREATE TABLE {match[1]}._batchmigrate_reload (x);"
        yield f"DROP TABLE {match[1]}._batchmigrate_reload;"
    elif sql == "PRAGMA writable_schema = ON":
        yield f"DROP TABLE IF EXISTS temp.{PLACES};"
        yield (
            f"CREATE TEMP TABLE {PLACES} AS SELECT rowid AS place, type, name"
            " FROM main.sqlite_master;"
        )
        yield f"{sql};"
    elif sql == "PRAGMA writable_schema = OFF":
        yield "PRAGMA writable_schema = RESET;"
        yield f"DROP TABLE temp.{PLACES};"
    elif entry.rows is not None:
        yield from _comparison(sql, entry.rows)
    elif entry.is_query:
        if entry.is_empty and _asks_rows(sql):
            yield _requires(f"0 WHERE EXISTS ({sql}\n)")
    elif first_word(sql) != "EXPLAIN" and not entry.is_key_check:
        yield f"{sql}\n;" if ends_in_line_comment(sql) else f"{sql};"


def _comparison(sql: str, rows: list[t.Any]) -> cabc.Iterator[str]:
    """Check that a query returns the rows that it returned when it was recorded."""
    yield (
        "-- A script reads rows here. It may do something else where there are other "
        "rows than when"
    )
    yield (
        "-- this was written, so the next statement stops there. Write what the script "
        "does, and delete it."
    )
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    check = f"(SELECT count(*) FROM ({sql}\n)) = {len(rows)}"
    if rows:
        check += f" AND NOT EXISTS (SELECT * FROM ({sql}\n) EXCEPT VALUES {values})"
    yield f"INSERT INTO temp.{_GUARD} (is_alike) SELECT {check};"


class _KeyChecks:
    """Checks, as the engine does, that no more rows than before lack their parents.

    The engine reads them before a change, and compares them when the migration ends.
    """

    def __init__(self) -> None:
        #: The children by their names when they were read, with their present names.
        self._children: dict[str, str] = {}

    def noticed(self, entry: Entry) -> cabc.Iterator[str]:
        """Follow the names of children, and keep which of their rows lack parents."""
        self._follow_rename(entry.sql)
        check = _KEY_CHECK.match(entry.sql)
        child = unquote(check[1]) if check else ""
        if check is None or any(same_name(child, c) for c in self._children.values()):
            return
        if not self._children:
            yield f"DROP TABLE IF EXISTS temp.{_ORPHANS};"
            yield f"CREATE TEMP TABLE {_ORPHANS} (child, place, parent, number);"
        self._children[child] = child
        yield (
            f"INSERT INTO temp.{_ORPHANS} SELECT {literal(child)}, *"
            f" FROM ({_orphans(child)});"
        )

    def _follow_rename(self, sql: str) -> None:
        if first_word(sql) != "ALTER":
            return
        names = [unquote(token.text) for token in words(sql) if token.text != "."]
        old, what = names[-4:-3], [name.upper() for name in names[-3:-1]]
        if what == ["RENAME", "TO"]:
            for child, name in self._children.items():
                if same_name(name, old[0]):
                    self._children[child] = names[-1]

    def compared(self, tables: tuple[str, ...]) -> cabc.Iterator[str]:
        """Check the children that are left, at the end of a transaction.

        :param tables: the names of all tables.
        """
        for child, name in self._children.items():
            if any(same_name(name, table) for table in tables):
                yield _requires(
                    f"NOT EXISTS (SELECT 1 FROM ({_orphans(name)}) AS new LEFT JOIN"
                    f" temp.{_ORPHANS} AS old ON old.child = {literal(child)} AND"
                    " old.place IS new.place AND old.parent = new.parent"
                    " WHERE new.number > ifnull(old.number, 0))"
                )
        if self._children:
            yield f"DROP TABLE temp.{_ORPHANS};"
        self._children.clear()


def _orphans(child: str) -> str:
    return (
        "SELECT [rowid] AS place, parent, count(*) AS number"
        f" FROM pragma_foreign_key_check({literal(child)}) GROUP BY 1, 2"
    )


def _asks_rows(sql: str) -> bool:
    """Tell whether a query of the engine is about rows, not about the catalogue."""
    others = re.sub(r"pragma_foreign_key_check", "", sql)
    is_about_schema = re.search(r"\bsqlite_|pragma_|\btemp\b", others)
    return " FROM " in sql and not is_about_schema


_quoting: t.Final = sqlite3.connect(":memory:", check_same_thread=False)


def literal(value: t.Any) -> str:
    """Write a value as an SQL literal that SQLite reads as the same value."""
    if isinstance(value, str) and "\0" in value:
        return f"CAST(x'{value.encode().hex()}' AS TEXT)"
    return str(_quoting.execute("SELECT quote(?)", (value,)).fetchone()[0])

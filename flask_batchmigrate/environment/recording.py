"""Records the statements of a migration of a SQLite database as a script in SQL.

The migration is recorded on a database without rows. So the script repeats the engine's
checks of rows, and stops at a row that would have stopped the migration. The engine
addresses objects by their row in the catalogue; the script addresses them by name.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import re
import sqlite3
import typing as t

from ..sqlite.ddl.statements import first_word
from ..sqlite.ddl.tokens import may_name

GUARD: t.Final = "_batchmigrate_guard"
_PLACES: t.Final = "_batchmigrate_places"
_SAVEPOINT: t.Final = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK)\s+(?:(?:TO\s+)?(?:SAVEPOINT\s+)?)(.+?)\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_ADDS_COLUMN: t.Final = re.compile(r"\s*ALTER\s+TABLE\b.*\b(ADD|RENAME)\b", re.I | re.S)
_SENTINEL: t.Final = "batchmigrate_sentinel"
_WRITABLE: t.Final = re.compile(r"PRAGMA writable_schema = (ON|OFF)$")
_COOKIE: t.Final = re.compile(r"PRAGMA (\S+)\.schema_version = \d+$")
_KEPT_PRAGMAS: t.Final = re.compile(
    r"\s*PRAGMA\s+(\w+\.)?(legacy_alter_table|defer_foreign_keys|user_version|"
    r"application_id|recursive_triggers|ignore_check_constraints)\s*[=(]",
    re.IGNORECASE,
)
_PARAMETER: t.Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\] | --[^\n]* | /\*.*?\*/
    | (?P<name> \?\d* | [:@$]\w+ )""",
    re.VERBOSE | re.DOTALL,
)
"""Matches a parameter, or text and comments that may seem to have one in them."""

_SESSION: t.Final = ("foreign_keys", "recursive_triggers", "legacy_alter_table")


@dataclasses.dataclass
class _Entry:
    """One statement that was run.

    :param sql: the statement, with its parameters written into it.
    :param is_empty: whether it is a query that returned no row.
    :param is_of_script: whether a script ran it, not the engine.
    """

    sql: str
    is_empty: bool = False
    is_of_script: bool = False


class Recording:
    """The statements that were run on the connections to one database."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._places: dict[int, str] = {}
        self._catalogue: list[tuple[str, str, str, str | None]] = []
        self._settings: list[tuple[str, t.Any]] = []
        self._columns: list[str] = []
        self.is_on = False

    def may_be_short(self, column: str) -> bool:
        """Tell whether rows may be older than a column that was added or renamed."""
        return any(may_name(sql, column) for sql in self._columns)

    def start(self) -> None:
        """Begin to record; the next transaction is the first one of the script."""
        self.is_on, self._entries = True, []
        self._catalogue, self._settings = [], []

    def before(self, connection: sqlite3.Connection, sql: str) -> None:
        """Read the settings and the catalogue that the next statement depends on."""
        if not self.is_on:
            return
        if first_word(sql) == "BEGIN" and not self._settings:
            ask = sqlite3.Connection.execute
            self._settings = [
                (name, ask(connection, f"PRAGMA {name}").fetchone()[0])
                for name in _SESSION
            ]
            query = "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
            self._catalogue = _plain(connection, query)
        if sql == "PRAGMA writable_schema = ON":
            query = "SELECT rowid, type, name FROM main.sqlite_master"
            self._places = {
                rowid: f"type = {literal(kind)} AND name = {literal(name)}"
                for rowid, kind, name in _plain(connection, query)
            }

    def after(self, sql: str, parameters: t.Any) -> _Entry | None:
        """Record a statement that was run, and return its entry."""
        if _ADDS_COLUMN.match(sql):
            self._columns.append(sql)
        if not self.is_on:
            return None
        entry = _Entry(self._written(sql.strip().rstrip(";"), parameters))
        self._entries.append(entry)
        return entry

    def mark_script(self) -> None:
        """Note that a script ran the last statement."""
        if self._entries:
            self._entries[-1].is_of_script = True

    def _written(self, sql: str, parameters: t.Any) -> str:
        """Return a statement with its parameters written into it."""
        if not parameters:
            return sql
        is_of_catalogue = "sqlite_master" in sql
        number = 0

        def written(match: re.Match[str]) -> str:
            nonlocal number
            name = match["name"]
            if name is None:
                return match[0]
            if name[0] == "?":
                number = int(name[1:] or number + 1)
                value = parameters[number - 1]
            else:
                value = parameters[name[1:]]
            by_place = is_of_catalogue and sql[: match.start()].endswith(" rowid = ")
            return self._place(value) if by_place else literal(value)

        return _PARAMETER.sub(written, sql)

    def _place(self, rowid: int) -> str:
        """Address a row of the catalogue by name, or by its distance from the last."""
        source = f"FROM temp.{_PLACES}"
        if rowid in self._places:
            return f"(SELECT place {source} WHERE {self._places[rowid]})"
        behind = rowid - max(self._places)
        return f"(SELECT max(place) + {behind} {source})"

    # The script

    @property
    def reads_rows(self) -> list[str]:
        """The queries of migration scripts, which the SQL can only mention."""
        return [
            entry.sql
            for entry in self._folded()
            if entry.is_of_script and _is_query(entry.sql)
        ]

    def script(self, version_table: str, name: str) -> str:
        """Return the script in SQL; empty if the migration did nothing.

        :param version_table: the table that the revision is stored in.
        :param name: the name of the database, for a comment.
        """
        entries = self._folded()
        if not any(first_word(each.sql) == "BEGIN" for each in entries):
            return ""
        lines = [
            *_HEAD,
            f"-- Database: {name}",
            *(f"PRAGMA {setting} = {value};" for setting, value in self._settings),
        ]
        is_first = True
        for entry in entries:
            verb = first_word(entry.sql)
            if verb == "COMMIT":
                lines.append(f"DROP TABLE temp.{GUARD};")
            lines += [f"{line}" for line in self._lines(entry, version_table)]
            if verb == "BEGIN":
                lines.append(
                    f"CREATE TEMP TABLE {GUARD} (is_right CONSTRAINT "
                    '"the database or a row in it does not fit: nothing was changed" '
                    "CHECK (is_right));"
                )
                lines += self._start(version_table) if is_first else ()
                is_first = False
        return "\n".join(lines) + "\n"

    def _lines(self, entry: _Entry, version_table: str) -> cabc.Iterator[str]:
        sql = entry.sql
        if match := _COOKIE.match(sql):
            # This raises the schema version, so that other connections notice.
            yield f"CREATE TABLE {match[1]}._batchmigrate_reload (x);"
            yield f"DROP TABLE {match[1]}._batchmigrate_reload;"
        elif sql == "PRAGMA writable_schema = ON":
            yield f"DROP TABLE IF EXISTS temp.{_PLACES};"
            yield (
                f"CREATE TEMP TABLE {_PLACES} AS SELECT rowid AS place, type, name"
                " FROM main.sqlite_master;"
            )
            yield f"{sql};"
        elif sql == "PRAGMA writable_schema = OFF":
            yield "PRAGMA writable_schema = RESET;"
            yield f"DROP TABLE temp.{_PLACES};"
        elif _is_query(sql):
            if entry.is_of_script and version_table not in sql:
                shown = " ".join(sql.split())
                yield f"-- A script reads rows here, and found none: {shown}"
            elif entry.is_empty and not entry.is_of_script and _asks_rows(sql):
                yield (f"INSERT INTO temp.{GUARD} SELECT 0 WHERE EXISTS ({sql}\n);")
        elif first_word(sql) != "EXPLAIN":
            yield f"{sql};" if not _ends_in_comment(sql) else f"{sql}\n;"

    def _start(self, version_table: str) -> cabc.Iterator[str]:
        """Write the checks that the database is the one the script was made for."""
        objects = [row for row in self._catalogue if row[2] != version_table]
        if not objects:
            return
        rows = ", ".join(
            f"({literal(kind)}, {literal(name)}, {literal(sql)})"
            for kind, name, _, sql in objects
        )
        master = "SELECT type, name, sql FROM main.sqlite_master"
        tables = ", ".join(dict.fromkeys(literal(table) for _, _, table, _ in objects))
        yield (
            f"INSERT INTO temp.{GUARD} SELECT NOT EXISTS (VALUES {rows} EXCEPT "
            f"{master});"
        )
        yield (
            f"INSERT INTO temp.{GUARD} SELECT NOT EXISTS ({master} WHERE tbl_name IN"
            f" ({tables}) EXCEPT VALUES {rows});"
        )

    def _folded(self) -> list[_Entry]:
        """Return the statements that took effect, without those that were undone."""
        effective: list[_Entry] = []
        savepoints: list[tuple[str, int]] = []
        for entry in self._entries:
            verb = first_word(entry.sql)
            match = _SAVEPOINT.match(entry.sql)
            if match and match[2] == _SENTINEL:
                # The script undoes it, too: it shows for a moment which rows are old.
                effective.append(entry)
            elif verb == "SAVEPOINT" and match:
                savepoints.append((match[2], len(effective)))
            elif verb == "RELEASE" and match:
                while savepoints and savepoints.pop()[0] != match[2]:
                    pass
            elif verb == "ROLLBACK" and match:
                while savepoints and savepoints[-1][0] != match[2]:
                    savepoints.pop()
                del effective[savepoints[-1][1] :]
            elif verb == "ROLLBACK":
                starts = [i for i, e in enumerate(effective) if _begins(e)]
                del effective[starts[-1] if starts else len(effective) :]
            elif self._counts(entry, effective):
                effective.append(entry)
                if len(effective) > 1 and [e.sql for e in effective[-2:]] == [
                    "PRAGMA writable_schema = ON",
                    "PRAGMA writable_schema = OFF",
                ]:
                    del effective[-2:]
        return effective

    def _counts(self, entry: _Entry, effective: list[_Entry]) -> bool:
        """Tell whether a statement changes something, or reads rows."""
        is_inside = (
            any(map(_begins, effective)) and first_word(effective[-1].sql) != "COMMIT"
        )
        if first_word(entry.sql) == "PRAGMA":
            known = (_WRITABLE, _COOKIE, _KEPT_PRAGMAS)
            return is_inside and any(each.match(entry.sql) for each in known)
        if not is_inside and not _begins(entry):
            return False
        return not entry.sql.endswith("SET sql = sql WHERE 0")


_HEAD: t.Final = (
    "-- For the sqlite3 shell. The next two lines make it stop at an error, and allow",
    "-- it to edit stored definitions, which it refuses by default.",
    ".bail on",
    ".dbconfig defensive off",
)


def _begins(entry: _Entry) -> bool:
    return first_word(entry.sql) == "BEGIN"


def _is_query(sql: str) -> bool:
    return first_word(sql) in ("SELECT", "WITH", "VALUES") and not re.search(
        r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", sql, re.IGNORECASE
    )


def _asks_rows(sql: str) -> bool:
    """Tell whether a query of the engine is about rows, not about the catalogue."""
    others = re.sub(r"pragma_foreign_key_check", "", sql)
    is_about_schema = re.search(r"\bsqlite_|pragma_|\btemp\b|_batchmigrate_", others)
    return " FROM " in sql and not is_about_schema


def _ends_in_comment(sql: str) -> bool:
    return "--" in sql.rsplit("\n", 1)[-1]


def _plain(connection: sqlite3.Connection, query: str) -> list[t.Any]:
    cursor = sqlite3.Connection.cursor(connection, sqlite3.Cursor)
    cursor.row_factory = None
    return cursor.execute(query).fetchall()


_quoting: t.Final = sqlite3.connect(":memory:", check_same_thread=False)


def literal(value: t.Any) -> str:
    """Write a value as an SQL literal that SQLite reads as the same value."""
    if isinstance(value, str) and "\0" in value:
        return f"CAST(x'{value.encode().hex()}' AS TEXT)"
    return str(_quoting.execute("SELECT quote(?)", (value,)).fetchone()[0])


def recording_connection(
    recording: Recording, kind: type[sqlite3.Connection]
) -> type[sqlite3.Connection]:
    """Return a class of connections that record the statements run on them.

    :param kind: the class of the application's own connections.
    """

    class Cursor(sqlite3.Cursor):
        _entry: _Entry | None = None

        def execute(self, sql: str, parameters: t.Any = ()) -> t.Any:
            recording.before(self.connection, sql)
            cursor = super().execute(sql, parameters)
            self._entry = recording.after(sql, parameters)
            return cursor

        def executemany(self, sql: str, parameters: t.Any) -> t.Any:
            rows = list(parameters)
            cursor = super().executemany(sql, rows)
            for row in rows:
                self._entry = recording.after(sql, row)
            return cursor

        def fetchall(self) -> list[t.Any]:
            rows = super().fetchall()
            if self._entry is not None:
                self._entry.is_empty = not rows
            return rows

    class Connection(kind):  # type: ignore[valid-type,misc]
        def cursor(self, factory: t.Any = Cursor) -> t.Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: t.Any = ()) -> t.Any:
            return self.cursor().execute(sql, parameters)

    return Connection

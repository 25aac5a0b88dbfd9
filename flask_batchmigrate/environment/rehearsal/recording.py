"""Records the statements of a migration of a SQLite database, for a script in SQL.

The migration is recorded on a database without rows. So the checks of rows that the
engine makes are recorded, too, and the script repeats them. The engine addresses
objects by their row in the catalogue; the script addresses them by name.
"""

from __future__ import annotations

import re
import sqlite3
import typing as t

from ...sqlite.ddl.quoting import always_quoted
from ...sqlite.ddl.statements import first_word
from ...sqlite.ddl.tokens import may_name
from .sql_script import Entry
from .sql_script import literal
from .sql_script import PLACES
from .sql_script import Surroundings
from .sql_script import write_script

if t.TYPE_CHECKING:
    import sqlalchemy as sa

_SAVEPOINT: t.Final = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK)\s+(?:(?:TO\s+)?(?:SAVEPOINT\s+)?)(.+?)\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_ADDS_COLUMN: t.Final = re.compile(r"\s*ALTER\s+TABLE\b.*\b(ADD|RENAME)\b", re.I | re.S)
_SENTINEL: t.Final = "batchmigrate_sentinel"
_WRITES_NOTHING: t.Final = [
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema = OFF",
]
_KEPT_PRAGMAS: t.Final = re.compile(
    r"\s*PRAGMA\s+(\S+\.)?(writable_schema|schema_version|legacy_alter_table|"
    r"defer_foreign_keys|user_version|application_id|recursive_triggers|"
    r"ignore_check_constraints)\s*[=(]",
    re.IGNORECASE,
)
_PARAMETER: t.Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\] | --[^\n]* | /\*.*?\*/
    | (?P<name> \?\d* | [:@$]\w+ )""",
    re.VERBOSE | re.DOTALL,
)
"""Matches a parameter, or text and comments that may seem to have one in them."""

_CATALOGUE: t.Final = re.compile(
    r"\b(sqlite_(temp_)?(master|schema)|pragma_\w+)\b", re.IGNORECASE
).search
"""Finds out whether a query is about the definitions, which the script compares."""

_SESSION: t.Final = ("foreign_keys", "recursive_triggers", "legacy_alter_table")


class Recording:
    """The statements that were run on the connections to one database."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._places: dict[int, str] = {}
        self._around = Surroundings("")
        self._columns: list[str] = []
        self._tables: tuple[str, ...] = ()
        self.is_on = False

    def may_be_short(self, column: str) -> bool:
        """Tell whether rows may be older than a column that was added or renamed."""
        return any(may_name(sql, column) for sql in self._columns)

    def start(self, version_table: str) -> None:
        """Begin to record; the next transaction is the first one of the script.

        :param version_table: the table that the revision is stored in.
        """
        self.is_on, self._entries = True, []
        self._around = Surroundings(version_table)

    def before(self, connection: sqlite3.Connection, sql: str) -> None:
        """Read the settings and the catalogue that the next statement depends on."""
        if not self.is_on:
            return
        around, verb = self._around, first_word(sql)
        query = "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
        if verb == "BEGIN" and not around.settings:
            around.settings = {
                name: _plain(connection, f"PRAGMA {name}")[0][0] for name in _SESSION
            }
            around.catalogue = _plain(connection, query)
            if any(row[1] == around.version_table for row in around.catalogue):
                stored = f"SELECT * FROM {always_quoted(around.version_table)}"
                around.revisions = _plain(connection, stored)
        if verb == "COMMIT":
            rows = _plain(connection, query)
            self._tables = tuple(row[1] for row in rows if row[0] == "table")
        if sql == "PRAGMA writable_schema = ON":
            query = "SELECT rowid, type, name FROM main.sqlite_master"
            self._places = {
                rowid: f"type = {literal(kind)} AND name = {literal(name)}"
                for rowid, kind, name in _plain(connection, query)
            }

    def after(self, sql: str, parameters: t.Any) -> Entry | None:
        """Record a statement that was run, and return its entry."""
        if _ADDS_COLUMN.match(sql):
            self._columns.append(sql)
        if not self.is_on:
            return None
        # SQLite stores white space at the end of a statement with an index.
        ended = sql.rstrip().endswith(";")
        sql = sql.rstrip().rstrip(";") if ended else sql
        entry = Entry(self._written(sql.lstrip(), parameters))
        if first_word(sql) == "COMMIT":
            entry.tables = self._tables
        self._entries.append(entry)
        return entry

    def keep_rows(self, connection: sqlite3.Connection) -> None:
        """Keep what the last statement returned, if a database may have other rows.

        :param connection: the connection that it ran on.
        """
        entry = self._entries[-1] if self._entries else None
        version_table = self._around.version_table
        if entry is None or not entry.is_query or version_table in entry.sql:
            return
        # Without tables at the start, all rows are those that the script itself makes.
        if self._around.objects and not _CATALOGUE(entry.sql):
            entry.rows = _plain(connection, entry.sql)

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
        source = f"FROM temp.{PLACES}"
        if rowid in self._places:
            return f"(SELECT place {source} WHERE {self._places[rowid]})"
        behind = rowid - max(self._places)
        return f"(SELECT max(place) + {behind} {source})"

    # What was recorded

    @property
    def reads_rows(self) -> list[str]:
        """The queries of migration scripts whose rows may be others later."""
        return [entry.sql for entry in self._folded() if entry.rows is not None]

    def script(self, name: str) -> str:
        """Return the script in SQL; empty if the migration did nothing.

        :param name: the name of the database, for a comment.
        """
        return write_script(self._folded(), self._around, name)

    def _folded(self) -> list[Entry]:
        """Return the statements that took effect, without those that were undone."""
        effective: list[Entry] = []
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
            if [e.sql for e in effective[-2:]] == _WRITES_NOTHING:
                del effective[-2:]
        return effective

    def _counts(self, entry: Entry, effective: list[Entry]) -> bool:
        """Tell whether a statement changes something, or reads rows."""
        is_inside = (
            any(map(_begins, effective)) and first_word(effective[-1].sql) != "COMMIT"
        )
        if first_word(entry.sql) == "PRAGMA":
            return is_inside and (
                entry.is_key_check or _KEPT_PRAGMAS.match(entry.sql) is not None
            )
        if not is_inside and not _begins(entry):
            return False
        return not entry.sql.endswith("SET sql = sql WHERE 0")


def _begins(entry: Entry) -> bool:
    return first_word(entry.sql) == "BEGIN"


def _plain(connection: sqlite3.Connection, query: str) -> list[t.Any]:
    cursor = sqlite3.Connection.cursor(connection, sqlite3.Cursor)
    cursor.row_factory = None
    return cursor.execute(query).fetchall()


def recording_connection(
    recording: Recording, kind: type[sqlite3.Connection]
) -> type[sqlite3.Connection]:
    """Return a class of connections that record the statements run on them.

    :param kind: the class of the application's own connections.
    """

    class Cursor(sqlite3.Cursor):
        _entry: Entry | None = None

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
        batchmigrate_recording = recording

        def cursor(self, factory: t.Any = Cursor) -> t.Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: t.Any = ()) -> t.Any:
            return self.cursor().execute(sql, parameters)

    return Connection


def mark_script(connection: sa.Connection, *_: object) -> None:
    """Note that a migration script, or Alembic, ran the last statement.

    :param connection: the connection that it ran on.
    """
    driver = t.cast(t.Any, connection.connection.driver_connection)
    recording = getattr(driver, "batchmigrate_recording", None)
    if recording is not None:
        recording.keep_rows(driver)

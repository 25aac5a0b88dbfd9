"""Records what a rehearsed migration does, and keeps servers from storing it.

SQLite databases are replaced by copies (:mod:`.stand_ins`). PostgreSQL can undo changes
of tables, so the migration runs in its transaction there, which is not committed. Other
databases are refused.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import functools
import re
import typing as t

import sqlalchemy as sa
from alembic import context

from ...errors import NotSupported
from ...project.binds import find_by_engine
from ...reporting import Reporter
from ...results import Applied
from ...results import Direction
from ...results import RehearsedRevision
from ...results import Statement
from ...results import TablePlan
from ...sqlite.ddl.quoting import always_quoted
from ...sqlite.ddl.statements import first_word
from ...sqlite.ddl.statements import is_read
from ...sqlite.ddl.statements import is_savepoint
from ...sqlite.transaction.driver import Driver
from ..connection.committed_steps import RehearsalOver
from .statements import listening

if t.TYPE_CHECKING:
    from ...project.binds import Bind
    from .stand_ins import RowCounts

_LOSING: t.Final = re.compile(
    r"\s*(DELETE|TRUNCATE|DROP\s+(TABLE|SCHEMA|DATABASE))\b|.*\bDROP\s+COLUMN\b",
    re.IGNORECASE | re.DOTALL,
)
_SETTINGS: t.Final = ("PRAGMA", "SET", "SHOW", "EXPLAIN", "BEGIN", "COMMIT", "ROLLBACK")


class Rehearsing(Reporter):
    """Receives the events of a rehearsed run, and refuses commits.

    :param behind: receives the events that a person sees while the run lasts.
    :param binds: all binds of the application.
    :param with_rows: whether the copies of SQLite databases have their rows.
    """

    def __init__(
        self, behind: Reporter, binds: cabc.Sequence[Bind], with_rows: bool
    ) -> None:
        self._next = behind
        self._binds = binds
        self._with_rows = with_rows
        #: The numbers of rows that the copies lack, by the tables' present names.
        self.lacking: RowCounts = {}
        #: Whether a script does something that depends on these rows.
        self.needs_rows = False
        self.revisions: list[RehearsedRevision] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self._changes: list[TablePlan | Statement] = []
        self._revision = ""
        self._is_running = False

    # Called by the run

    def prepare(
        self,
        connection: sa.Connection,
        options: dict[str, t.Any],
        cleanup: contextlib.ExitStack,
    ) -> None:
        """Make sure that nothing is stored on a connection of the run.

        :param options: the arguments for ``context.configure``.
        :param cleanup: removes the listener at the end of the run.
        :raises NotSupported: the database stores changes of tables at once.
        """
        options["transaction_per_migration"] = False
        dialect = connection.dialect
        if dialect.name == "sqlite":
            return
        if dialect.name != "postgresql":
            raise NotSupported(
                f"A migration of '{self._name(connection)}' cannot be rehearsed: "
                f"{dialect.name} does not undo changes of tables",
                "'flask db status' shows what is pending, and 'flask db upgrade --sql' "
                "the statements.",
            )
        if connection.get_isolation_level() == "AUTOCOMMIT":
            raise NotSupported(
                f"A migration of '{self._name(connection)}' cannot be rehearsed: its "
                "connections store each statement at once (AUTOCOMMIT)",
                "Give migrations an engine without that isolation level.",
            )
        sa.event.listen(connection, "commit", self._refuse_commit)
        cleanup.callback(sa.event.remove, connection, "commit", self._refuse_commit)

    @contextlib.contextmanager
    def scripts(self) -> cabc.Iterator[None]:
        """Record the statements of the scripts that run inside the block."""
        self._is_running = True
        try:
            with listening(self._statement_done):
                yield
        finally:
            self._is_running = False

    def _refuse_commit(self, connection: sa.Connection) -> None:
        if not self._is_running:
            raise RehearsalOver
        raise NotSupported(
            f"Revision '{self._revision}' commits its own changes, as "
            "'autocommit_block()' does, so it cannot be rehearsed",
            "'flask db upgrade --sql' shows its statements.",
            revision=self._revision,
        )

    def _name(self, connection: sa.Connection) -> str:
        bind = find_by_engine(self._binds, connection.engine)
        return bind.database if bind is not None else str(connection.engine.url)

    # Events

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Begin to record another revision."""
        self._next.revision_started(bind, direction, revision, message)
        self._revision, self._changes = revision, []

    def revision_done(self, applied: Applied) -> None:
        """Store what the revision did."""
        self.revisions.append(
            RehearsedRevision(
                applied.bind,
                applied.database,
                applied.direction,
                applied.revision,
                applied.message,
                tuple(self._changes),
                applied.seconds if self._with_rows else None,
            )
        )

    def table_changed(self, plan: TablePlan) -> None:
        """Record a change of a table, with the number of its rows."""
        table = plan.new_name
        lacking = self._lacking
        if plan.table.lower() in lacking:
            lacking[table.lower()] = lacking.pop(plan.table.lower())
        rows = self._count(table) + lacking.get(table.lower(), 0)
        self.needs_rows |= plan.depends_on_rows and bool(lacking.get(table.lower()))
        converted = None if lacking.get(table.lower()) else plan.converted
        self._changes.append(dataclasses.replace(plan, rows=rows, converted=converted))

    def note(self, text: str) -> None:
        """Store a note."""
        self.notes.append(text)

    def warning(self, text: str) -> None:
        """Store a warning."""
        self.warnings.append(text)

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        """Pass the event on."""
        self._next.bind_started(bind, database, dialect)

    def progress(self, table: str, step: str, fraction: float, rows: int) -> None:
        """Pass the event on."""
        self._next.progress(table, step, fraction, rows)

    def waiting(self, text: str) -> None:
        """Pass the event on."""
        self._next.waiting(text)

    @property
    def _lacking(self) -> dict[str, int]:
        connection = context.get_context().connection
        assert connection is not None
        bind = find_by_engine(self._binds, connection.engine)
        return self.lacking.get(bind.key, {}) if bind is not None else {}

    def _count(self, table: str) -> int:
        connection = context.get_context().connection
        assert connection is not None
        query = f"SELECT count(*) FROM {always_quoted(table)}"
        return int(Driver(connection).execute(query)[0][0])

    def _statement_done(self, connection: sa.Connection, sql: str, rows: int) -> None:
        """Record a statement that a script ran, if it changes something."""
        running = context.get_context()
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        if running.version_table.lower() in words:
            return
        if connection.dialect.name == "sqlite" and not self._with_rows:
            self.needs_rows |= _uses_rows(sql, words, self._lacking)
        if is_read(sql) or is_savepoint(sql) or first_word(sql) in _SETTINGS:
            return
        count = rows if rows >= 0 and first_word(sql) not in _DEFINING else None
        is_destructive = bool(_LOSING.match(sql)) and count != 0
        statement = Statement(sql.strip(), count, is_destructive)
        last = self._changes[-1] if self._changes else None
        if isinstance(last, Statement) and last.sql == statement.sql:
            # A statement in a loop over rows is listed once, with all of its rows.
            statement = dataclasses.replace(
                statement,
                rows=(last.rows or 0) + (count or 0),
                is_destructive=is_destructive or last.is_destructive,
            )
            self._changes.pop()
        self._changes.append(statement)


_DEFINING: t.Final = ("CREATE", "ALTER", "DROP")


def _uses_rows(sql: str, words: cabc.Set[str], lacking: cabc.Mapping[str, int]) -> bool:
    """Tell whether a statement may depend on rows that the copies lack."""
    verb = first_word(sql)
    if verb in ("PRAGMA", "EXPLAIN", "ALTER", "DROP"):
        return False
    if verb == "CREATE" and words & {"index", "view", "trigger"}:
        return False
    if verb in ("CREATE", "INSERT", "REPLACE") and "select" not in words:
        return False
    return any(lacking[name] for name in lacking if _words(name) <= words)


@functools.cache
def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", name.lower()))

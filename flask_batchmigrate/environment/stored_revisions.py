"""Compares the revisions that databases store with those that a run has reached.

A run without an error does not prove that its work was committed: an ``env.py`` may
forget the commit, or roll back.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import functools
import typing as t

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from ..errors import DatabaseError
from ..errors import Outcome
from ..errors import State
from ..sqlite.transaction import messages

if t.TYPE_CHECKING:
    from ..project.binds import Bind
    from ..sqlite.transaction.migration import MigrationTransaction

_Heads = frozenset[str]


@dataclasses.dataclass
class _Reached:
    """The revisions that a run has reached on one database.

    :param context: Alembic's context, whose connection may be closed.
    :param database: the database, without a password.
    :param setting: the schema or database that unqualified names are in.
    :param heads: the revisions that the run has reached.
    :param committed: the revisions that were read before the last commit, on SQLite.
    """

    context: MigrationContext
    database: str
    setting: object
    heads: _Heads = frozenset()
    committed: _Heads | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """The table that the revisions are stored in."""
        engine = t.cast(sa.Connection, self.context.connection).engine
        table = self.context.version_table_schema, self.context.version_table
        # Databases in memory have no name.
        return (engine.url if engine.url.database else engine, self.setting, *table)


class StoredRevisions:
    """Records the revisions that a run reaches, and compares them with the stored ones.

    :param transactions: the transactions of SQLite; the run adds to them.
    """

    def __init__(self, transactions: cabc.Sequence[MigrationTransaction]) -> None:
        self._transactions = transactions
        self._reached: dict[MigrationContext, _Reached] = {}

    def note(
        self,
        context: MigrationContext,
        binds: cabc.Sequence[Bind],
        heads: cabc.Iterable[str],
    ) -> None:
        """Record the revisions after a step.

        :param binds: the binds of the step, which share a database.
        """
        connection = context.connection
        if connection is None or context.as_sql:
            return
        found = self._reached.get(context)
        if found is None:
            database = binds[0].database if binds else str(connection.engine.url)
            found = _Reached(context, database, _name_setting(connection))
            self._reached[context] = found
            for transaction in self._transactions:
                if transaction.connection is connection:
                    read = functools.partial(_read_committed, found, transaction)
                    transaction.before_commit.append(read)
        found.heads = frozenset(heads)

    def forget(self) -> None:
        """Remove all records, since the run begins again."""
        self._reached.clear()

    def check(self) -> None:
        """Compare the records with the stored revisions.

        :raises DatabaseError: they differ.
        """
        # If a version table has several records, the last one counts.
        for reached in {each.place: each for each in self._reached.values()}.values():
            stored = _read(reached)
            if stored != reached.heads:
                raise DatabaseError(
                    f"Database '{reached.database}' is at {_named(stored)}, although "
                    f"the scripts ran up to {_named(reached.heads)}: something other "
                    "than the migration has ended its transaction",
                    "Remove what commits, rolls back or closes the connection from the "
                    "scripts and 'env.py', or have 'env.py' commit, and run the "
                    "command again.",
                    state=State(Outcome.UNKNOWN, "What ran after that is not stored."),
                )


def _read_committed(reached: _Reached, transaction: MigrationTransaction) -> None:
    """Read the revisions that a SQLite transaction is about to commit."""
    try:
        reached.committed = frozenset(reached.context.get_current_heads())
    except sa.exc.DBAPIError as error:
        raise messages.uncommittable(
            transaction.name, error.orig, transaction.commits
        ) from error


def _read(reached: _Reached) -> _Heads:
    """Return the revisions that a database stores.

    On SQLite they were read before the commit, since another process may migrate the
    database directly after it. Servers are asked again, under the lock.
    """
    if reached.committed is not None:
        return reached.committed
    before = t.cast(sa.Connection, reached.context.connection)
    options = dict(before.get_execution_options())
    options.pop("isolation_level", None)
    with before.engine.connect() as connection:
        connection.execution_options(**options)
        _set_names(connection, reached.setting)
        again = MigrationContext.configure(connection, opts=reached.context.opts)
        return frozenset(again.get_current_heads())


def _name_setting(connection: sa.Connection) -> object:
    """Return the schema of unqualified names, which an ``env.py`` may have set."""
    question = {
        "postgresql": "SHOW search_path",
        "mysql": "SELECT DATABASE()",
        "mariadb": "SELECT DATABASE()",
    }.get(connection.dialect.name)
    return question and connection.exec_driver_sql(question).scalar()


def _set_names(connection: sa.Connection, setting: object) -> None:
    """Set the schema of unqualified names on a new connection as in the run."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("SELECT set_config('search_path', :path, true)"), {"path": setting}
        )
    elif setting and setting != connection.engine.url.database:
        name = connection.dialect.identifier_preparer.quote(str(setting))
        connection.exec_driver_sql(f"USE {name}")
        connection.detach()


def _named(heads: _Heads) -> str:
    return ", ".join(f"'{head}'" for head in sorted(heads)) or "no revision"

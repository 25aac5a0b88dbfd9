"""The connection that a script works on: ``op.get_bind()``.

Alembic gives a script the connection whose transaction is the migration. A commit or a
rollback on it, a session's too, ends that transaction behind Alembic's back, and what
comes afterwards, the stored revision included, is never committed. So a script gets a
connection of its own on the same driver connection. Its commit is a savepoint of the
migration, to which its rollback goes back.

The savepoint also tells whether the transaction is still the one that the script began
in: ``COMMIT`` as text, the driver's own commit, and the implicit ones of MySQL and
MariaDB go past SQLAlchemy, but no savepoint outlives them.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import types
import typing as t

import sqlalchemy as sa

from .commits import Commits
from .commits import refuse_closed
from .savepoints import Savepoints

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from ..sqlite.transaction.migration import MigrationTransaction

#: Dialects whose savepoints are known to do all this.
_KNOWN: t.Final = ("sqlite", "postgresql", "mysql", "mariadb")


class _LentConnection:
    """The migration's pooled connection, whose transaction is not the borrower's.

    :param owner: the connection.
    :param savepoints: what its transactions are instead.
    """

    def __init__(self, owner: sa.PoolProxiedConnection, savepoints: Savepoints) -> None:
        self._owner = owner
        self._savepoints = savepoints

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._owner, name)

    def commit(self) -> None:
        """Keep what was done so far."""
        self._savepoints.commit()

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        self._savepoints.rollback()


class ScriptConnection(sa.Connection):
    """What ``op.get_bind()`` is while a script runs.

    :param owner: the migration's connection.
    :param savepoints: what its transactions are.
    """

    def __init__(self, owner: sa.Connection, savepoints: Savepoints) -> None:
        engine = owner.engine
        # Without the listeners of the application's engine, of which one may well
        # begin a transaction, or set an isolation level.
        lent = sa.Engine(
            engine.pool,
            engine.dialect,
            engine.url,
            echo=engine.echo,
            hide_parameters=engine.hide_parameters,
        )
        connection: t.Any = _LentConnection(owner.connection, savepoints)
        super().__init__(lent, connection)
        options = dict(owner.get_execution_options())
        options.pop("isolation_level", None)
        self.execution_options(**options)
        self._savepoints = savepoints

    def keep(self) -> None:
        """Have no later rollback undo what was done so far."""
        self._savepoints.commit()

    def in_nested_transaction(self) -> bool:
        """Tell whether the script has begun a savepoint.

        A session asks when it joins a transaction that goes on, and does not commit
        that one. From here on its rollback goes back to here, not farther.
        https://docs.sqlalchemy.org/en/20/orm/session_api.html#sqlalchemy.orm.Session.params.join_transaction_mode
        """
        nested = super().in_nested_transaction()
        if not nested:
            self.keep()
        return nested

    def close(self) -> None:
        """Refuse: the connection is the migration's.

        :raises InvalidRequestError: always.
        """
        raise sa.exc.InvalidRequestError(
            "The script closes 'op.get_bind()', which the migration goes on with: "
            "remove the call of 'close()', or the 'with' block around the connection."
        )

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Refuse, as :meth:`close`; what SQLAlchemy finds out by itself is passed on.

        :param exception: what has shown that the connection is lost.
        :raises InvalidRequestError: the script itself gives it up.
        """
        if exception is not None:
            super().invalidate(exception)
            return
        raise sa.exc.InvalidRequestError(
            "The script gives up 'op.get_bind()', which the migration goes on with: "
            "remove the call of 'invalidate()'."
        )


class ScriptConnections:
    """Lends connections to scripts, for one run.

    :param commits: told what becomes of the transactions.
    :param transactions: those of SQLite; grows with the run.
    :param cleanup: ends the listening to connections.
    """

    def __init__(
        self,
        commits: Commits,
        transactions: cabc.Sequence[MigrationTransaction],
        cleanup: contextlib.ExitStack,
    ) -> None:
        self._commits = commits
        self._transactions = transactions
        self._cleanup = cleanup
        self._lent: dict[sa.Connection, tuple[ScriptConnection, Savepoints]] = {}

    @contextlib.contextmanager
    def lend(
        self, context: MigrationContext, module: types.ModuleType
    ) -> cabc.Iterator[None]:
        """Give a script a connection of its own, inside the block.

        :param context: of the revision; its connection is exchanged meanwhile.
        :param module: the script's.
        """
        owner = context.connection
        if owner is None or context.as_sql or self._is_without_engine(owner):
            yield
            return
        if owner.dialect.name not in _KNOWN:
            self._commits.is_uncertain = True
            yield
            return
        script, savepoints = self._connection_on(owner)
        for transaction in self._transactions:
            if transaction.connection is owner:
                # A statement on the script's connection would begin another.
                transaction.resume()
        if not savepoints.begin(module):
            # Each statement is stored at once.
            self._commits.is_autocommitting(owner)
            yield
            return
        script.begin()
        with (
            _connected(context, script),
            self._blocks(context, owner, script, savepoints),
        ):
            try:
                yield
                savepoints.release()
            except Exception:
                savepoints.undo()
                raise
            finally:
                savepoints.end()
                script.rollback()

    def refuse_closed(self, context: MigrationContext) -> None:
        """Refuse to go on when a script has closed what it was lent.

        :raises CommandError: nothing can be run on the connection any more.
        """
        drivers = [one.driver for one in self._transactions if one.is_begun]
        refuse_closed(context.connection, drivers)

    def _is_without_engine(self, owner: sa.Connection) -> bool:
        """Tell whether Alembic alone migrates a database of SQLite.

        It does so without a transaction, which a savepoint would begin.
        """
        own = any(one.connection is owner for one in self._transactions)
        return owner.dialect.name == "sqlite" and not own

    def _connection_on(
        self, owner: sa.Connection
    ) -> tuple[ScriptConnection, Savepoints]:
        if owner not in self._lent:
            savepoints = Savepoints(owner, self._commits)
            script = ScriptConnection(owner, savepoints)
            self._commits.watch_statements(script, self._cleanup)
            for transaction in self._transactions:
                if transaction.connection is owner:
                    transaction.admit(script)
                    # What a session has committed is not for the script to undo.
                    transaction.after_session_commit.append(script.keep)
            self._lent[owner] = script, savepoints
        return self._lent[owner]

    @contextlib.contextmanager
    def _blocks(
        self,
        context: MigrationContext,
        owner: sa.Connection,
        script: ScriptConnection,
        savepoints: Savepoints,
    ) -> cabc.Iterator[None]:
        """Give the blocks of the context the meaning that they have for a script.

        ``autocommit_block()`` ends the migration's transaction and begins the next;
        one that ``begin_transaction()`` begins is within it.
        """
        original, begin = context.autocommit_block, context.begin_transaction

        @contextlib.contextmanager
        def begin_transaction(*_: object, **__: object) -> cabc.Iterator[None]:
            with script.begin_nested():
                yield

        @contextlib.contextmanager
        def autocommit_block() -> cabc.Iterator[None]:
            savepoints.release()
            with (
                _connected(context, owner),
                original(),
                _connected(context, script),
            ):
                yield
            savepoints.take()

        context.autocommit_block = autocommit_block  # type: ignore[method-assign]
        context.begin_transaction = begin_transaction  # type: ignore
        try:
            yield
        finally:
            context.autocommit_block = original  # type: ignore[method-assign]
            context.begin_transaction = begin  # type: ignore[method-assign]


@contextlib.contextmanager
def _connected(
    context: MigrationContext, connection: sa.Connection
) -> cabc.Iterator[None]:
    """Have a context, and the operations of its scripts, use a connection."""
    before = context.connection
    context.connection = context.impl.connection = connection
    try:
        yield
    finally:
        context.connection = context.impl.connection = before

"""The connection that a script works on: ``op.get_bind()``.

Alembic gives a script the connection whose transaction is the migration. A commit or a
rollback on it, even by a session, would end that transaction without Alembic noticing,
and everything after it, the stored revision included, would never be committed. So a
script gets its own connection on the same driver connection. Its commit is a savepoint
of the migration, to which its rollback returns.

The savepoint also shows whether the transaction is still the one in which the script
began: SQLAlchemy does not see ``COMMIT`` as text, the driver's own commit, and the
implicit commits of MySQL and MariaDB, but no savepoint outlives them.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import types
import typing as t

import sqlalchemy as sa

from .committed_steps import CommittedSteps
from .committed_steps import refuse_closed
from .savepoints import Savepoints

if t.TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from ...sqlite.transaction.migration import MigrationTransaction

#: Dialects whose savepoints are known to work in this way.
_KNOWN: t.Final = ("sqlite", "postgresql", "mysql", "mariadb")


class _LentConnection:
    """The migration's pooled connection, whose transaction is not the borrower's.

    :param owner: the connection.
    :param savepoints: the savepoints that replace its transactions.
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
    """The connection that ``op.get_bind()`` returns while a script runs.

    :param owner: the migration's connection.
    :param savepoints: the savepoints that replace its transactions.
    """

    def __init__(self, owner: sa.Connection, savepoints: Savepoints) -> None:
        engine = owner.engine
        # Without the listeners of the application's engine, which may begin a
        # transaction or set an isolation level.
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
        """Protect everything done so far from a later rollback."""
        self._savepoints.commit()

    def in_nested_transaction(self) -> bool:
        """Return whether the script has begun a savepoint.

        A session asks this when it joins an open transaction, which it does not commit.
        From then on, a rollback of the session returns to this point.
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
            "The script closes 'op.get_bind()', which the migration still needs: "
            "remove the call of 'close()', or the 'with' block around the connection."
        )

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Refuse, as :meth:`close`, unless SQLAlchemy has found the connection lost.

        :param exception: the error by which the connection was found lost.
        :raises InvalidRequestError: the script called this itself.
        """
        if exception is not None:
            super().invalidate(exception)
            return
        raise sa.exc.InvalidRequestError(
            "The script invalidates 'op.get_bind()', which the migration still needs: "
            "remove the call of 'invalidate()'."
        )


class ScriptConnections:
    """Lends connections to scripts, for one run.

    :param commits: learns what happens to the transactions.
    :param transactions: the transactions of SQLite; the run adds to them.
    :param cleanup: removes the listeners of connections.
    """

    def __init__(
        self,
        commits: CommittedSteps,
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

        :param context: the context of the revision, whose connection is replaced.
        :param module: the script's module.
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
                # Otherwise a statement of the script would begin another transaction.
                transaction.resume()
        if not savepoints.begin(module):
            # Each statement is committed at once.
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
        """Raise an error if a script has closed the connection that was lent to it.

        :raises CommandError: the connection is closed.
        """
        drivers = [one.driver for one in self._transactions if one.is_begun]
        refuse_closed(context.connection, drivers)

    def _is_without_engine(self, owner: sa.Connection) -> bool:
        """Return whether Alembic migrates a SQLite database without the engine.

        Alembic does so without a transaction, which a savepoint would begin.
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
                    # A script must not undo what a session has committed.
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
        """Adapt the blocks of the context to the script's connection.

        ``autocommit_block()`` ends the migration's transaction and begins the next one.
        ``begin_transaction()`` sets a savepoint within it.
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
    """Make a context, and the operations of its scripts, use a connection."""
    before = context.connection
    context.connection = context.impl.connection = connection
    try:
        yield
    finally:
        context.connection = context.impl.connection = before

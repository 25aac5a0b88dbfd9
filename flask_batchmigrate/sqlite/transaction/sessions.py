"""Lets the application's sessions work inside a migration's transaction.

A migration script that uses ``db.session`` or a model query would open a second
connection, which would wait for the migration's own lock. Instead its sessions are
lent the migration's connection. Their commit makes what they wrote part of the
migration; their rollback undoes what they wrote and nothing else.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import itertools
import typing as t

import sqlalchemy as sa
from sqlalchemy import orm

from ..callsite import calling_script
from ..ddl.statements import is_read
from ..errors import TransactionError
from ..errors import UNCHANGED
from . import running
from .driver import Driver

if t.TYPE_CHECKING:
    from .running import Running

_numbers = itertools.count(1)


@contextlib.contextmanager
def join(
    sessions: orm.scoped_session[t.Any], engines: cabc.Iterable[sa.Engine] = ()
) -> cabc.Iterator[None]:
    """Have sessions take part in the migrations of this thread, inside the block.

    The block begins with a new session; the session in use is restored afterwards.
    Sessions of other threads are not concerned.

    What a session has written but not committed when the migration ends is kept.

    :param sessions: the application's sessions, ``db.session``.
    :param engines: the SQLite engines that the sessions may have open transactions on.
    :raises TransactionError: when the session in use may hold uncommitted changes.
        Nothing was changed.
    """
    maker: object = sessions.session_factory
    if not isinstance(maker, orm.sessionmaker):
        # The sessions of another factory cannot be redirected by public means. The
        # watch over second connections refuses those that would write.
        yield
        return
    before = sessions() if sessions.registry.has() else None
    if before is not None:
        _release_locks(before, engines)
        sessions.registry.clear()
    loan = _Loan()
    # The maker has made this class for its own sessions only.
    loan.redirect(maker.class_)
    try:
        yield
    finally:
        try:
            sessions.remove()
        finally:
            loan.end(maker.class_)
            if before is not None:
                sessions.registry.set(before)


def _release_locks(session: orm.Session, engines: cabc.Iterable[sa.Engine]) -> None:
    """End a transaction of the session that would keep the migration waiting."""
    if not session.in_transaction():
        return
    for engine in engines:
        driver = Driver(session.connection(bind_arguments={"bind": engine}))
        if not driver.in_transaction:
            continue
        if driver.has_changes() or session.new or session.dirty or session.deleted:
            raise TransactionError(
                f"'db.session' may hold uncommitted changes of {driver.describe()}",
                "commit or roll back before the migration",
                state=UNCHANGED,
            )
        session.rollback()
        return


class _Loan:
    """Engines that lead to the migrations' own connections."""

    def __init__(self) -> None:
        self._engines: dict[Running, sa.Engine] = {}

    def redirect(self, cls: type[orm.Session]) -> None:
        loan = self
        original = cls.get_bind

        def get_bind(
            self: orm.Session, *args: t.Any, **kwargs: t.Any
        ) -> sa.Engine | sa.Connection:
            bind = original(self, *args, **kwargs)
            return loan.lend(bind) if isinstance(bind, sa.Engine) else bind

        cls.get_bind = get_bind  # type: ignore[method-assign]

    def end(self, cls: type[orm.Session]) -> None:
        del cls.get_bind
        for engine in self._engines.values():
            engine.dispose()

    def lend(self, engine: sa.Engine) -> sa.Engine:
        """Find the engine to use instead, where a migration is in progress."""
        transaction = running.with_engine(engine)
        if transaction is None:
            return engine
        if transaction not in self._engines:
            self._engines[transaction] = _lent_engine(transaction)
        return self._engines[transaction]


def _lent_engine(transaction: Running) -> sa.Engine:
    original = transaction.connection.engine
    lent = _LentConnection(transaction)
    engine = sa.Engine(
        sa.StaticPool(lambda: t.cast("t.Any", lent), dialect=original.dialect),
        original.dialect,
        original.url,
        execution_options=_portable(original.get_execution_options()),
    )

    def before_cursor_execute(*event: t.Any) -> tuple[str, t.Any]:
        _, _, statement, parameters, *_ = event
        if transaction.in_progress:
            statement = transaction.deferred.stand_in(statement, transaction.commits)
        if not is_read(statement):
            lent.write()
        return statement, parameters

    name = "before_cursor_execute"
    sa.event.listen(engine, name, before_cursor_execute, retval=True)
    return engine


def _portable(options: cabc.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Leave out the isolation level: assigning one commits."""
    return {name: value for name, value in options.items() if name != "isolation_level"}


class _LentConnection:
    """The migration's driver connection, for a session that does not own it.

    The borrower's transaction is a savepoint that begins with its first write: one
    that began with its first read would enclose, and on its rollback undo, what the
    script does through ``op`` in between.
    """

    def __init__(self, transaction: Running) -> None:
        self._transaction = transaction
        self._savepoint: str | None = None
        self._number = 0
        self._writes = 0

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._transaction.driver.dbapi, name)

    def write(self) -> None:
        """Prepare for a statement of the borrower that may write."""
        if self._is_open():
            return
        transaction = self._transaction
        self._savepoint = f"batchmigrate_session_{next(_numbers)}"
        self._number = transaction.number
        self._writes = transaction.writes
        transaction.driver.execute(f"SAVEPOINT {self._savepoint}")

    def commit(self) -> None:
        """Keep what the borrower wrote, as part of the migration."""
        if self._is_open():
            name, self._savepoint = self._savepoint, None
            # There is none where the script has released a savepoint around it.
            with contextlib.suppress(self._transaction.driver_error):
                self._transaction.driver.execute(f"RELEASE {name}")
            for callback in self._transaction.after_session_commit:
                callback()

    def rollback(self) -> None:
        """Undo what the borrower wrote.

        :raises TransactionError: that would undo other work of the migration, too.
        """
        if not self._is_open():
            return
        name, self._savepoint = self._savepoint, None
        transaction = self._transaction
        if transaction.writes == self._writes:
            # There is none where the script has committed its own connection since.
            with contextlib.suppress(transaction.driver_error):
                transaction.driver.execute(f"ROLLBACK TO {name}")
                transaction.driver.execute(f"RELEASE {name}")
                return
        script = calling_script()
        where = f" ({script})" if script else ""
        transaction.abandon(
            f"a rollback of 'db.session'{where} would also have undone what the "
            "script did by 'op' after the session wrote; call "
            "'db.session.commit()' before using 'op'"
        )
        raise transaction.describe_loss()

    def close(self) -> None:
        """Return the connection, which stays open."""

    def _is_open(self) -> bool:
        """Whether the savepoint is one of the transaction that is open now."""
        return (
            self._savepoint is not None
            and self._transaction.in_progress
            and self._transaction.number == self._number
        )

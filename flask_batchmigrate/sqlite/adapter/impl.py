"""Plugs the SQLite engine into Alembic.

Alembic has one class for each dialect in the whole process:
https://alembic.sqlalchemy.org/en/latest/api/ddl.html. So the class registered here
makes an instance of itself only for runs of this project, and one of Alembic's own
class for all others. The class that collects the operations of a batch block does the
same. Alembic has no extension point for it, so it is replaced in its module.

The first operation that changes a table loads the engine (:mod:`.alterations`): a run
that compares does not need it.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import functools
import typing as t

import alembic.context
import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import batch as alembic_batch
from alembic.operations.batch import BatchOperationsImpl
from alembic.runtime.migration import MigrationContext

from .run import EngineRun
from .run import open_transaction
from .run import RunOptions

if t.TYPE_CHECKING:
    from ..transaction.migration import MigrationTransaction
    from .alterations import Alterations

_run: contextvars.ContextVar[EngineRun | None] = contextvars.ContextVar(
    "flask_batchmigrate_sqlite_run", default=None
)


@contextlib.contextmanager
def activate(settings: RunOptions | None = None) -> cabc.Iterator[None]:
    """Make Alembic use the engine for SQLite databases inside the ``with`` block.

    Only this thread is concerned. Each database gets one transaction, which begins with
    the lock and which the owner of the connection ends, so migrations in the block are
    all or nothing.

    Applications of the extension need not call it. An ``env.py`` of plain Alembic
    encloses the whole run::

        from flask_batchmigrate.sqlite.adapter import activate

        with activate():
            run_migrations_online()

    :param settings: how the runs behave.
    """
    _register()
    run = EngineRun(settings or RunOptions())
    token = _run.set(run)
    try:
        with run.stack:
            yield
    finally:
        _run.reset(token)


def join_transaction(context: MigrationContext) -> None:
    """Let a context work in the transaction that is already open on its database.

    Two binds may share a file. Then there is one transaction on one connection, and any
    other connection would wait for it.

    :param context: the context, just configured.
    """
    impl, connection = context.impl, context.connection
    if not isinstance(impl, _EngineImpl) or connection is None:
        return
    if open_transaction(connection) is not None:
        transaction = impl._engine_run.begin(connection)
        context.connection = impl.connection = transaction.connection


_registered = False


def _register() -> None:
    """Replace Alembic's classes, once in the process."""
    global _registered
    if _registered:
        return
    # Making a class with this attribute is how Alembic registers one.
    type("SQLiteImpl", (_EngineImpl,), {"__dialect__": "sqlite"})
    alembic_batch.BatchOperationsImpl = _EngineBatch  # type: ignore[misc]
    _registered = True


class _EngineImpl(SQLiteImpl):
    """Alembic's operations on a SQLite database, which the engine carries out."""

    transactional_ddl = True

    def __new__(
        cls,
        dialect: sa.Dialect,
        connection: sa.Connection | None,
        as_sql: bool,
        *args: t.Any,
    ) -> t.Any:
        """Make an instance for a run of this project, else Alembic's own."""
        run = _run.get()
        if run is None or as_sql or not run.can_use(connection):
            return SQLiteImpl(dialect, connection, as_sql, *args)
        self = super().__new__(cls)
        self._engine_run = run
        return self

    _engine_run: EngineRun

    # The transaction

    def start_migrations(self) -> None:
        """Begin the transaction of the migration, if there is anything to migrate."""
        super().start_migrations()
        if self._may_write():
            self._engine_run.begin(self._open_connection())
            context = alembic.context.get_context()
            # Every change of SQLite's schema can run inside a transaction, and the
            # block must not commit what ran before it.
            context.autocommit_block = contextlib.nullcontext  # type: ignore[method-assign,assignment]

    def _may_write(self) -> bool:
        """Tell whether the run has revisions to run; it takes no lock for that.

        So a run without any works on a busy or read-only database.
        """
        options = self.context_opts
        if options.get("dont_mutate") or "revision_context" in options:
            return False
        if "destination_rev" not in options or options.get("purge"):
            return True
        context = alembic.context.get_context()
        heads = context.get_current_heads()
        return any(True for _ in options["fn"](heads, context))

    def _open_connection(self) -> sa.Connection:
        if self.connection is None:
            raise TypeError("a migration that is not offline needs a connection")
        return self.connection

    @property
    def _transaction(self) -> MigrationTransaction:
        """The open transaction, which begins now if the run has none yet."""
        connection = self._open_connection()
        return open_transaction(connection) or self._engine_run.begin(connection)

    # Operations

    @functools.cached_property
    def _alterations(self) -> Alterations:
        """What changes tables."""
        from .alterations import Alterations

        return Alterations(
            self._engine_run, self.dialect, self.context_opts, self._can_render
        )

    def _can_render(self, constraint: t.Any) -> bool:
        """Tell whether a type makes this constraint for this dialect."""
        rule = constraint._create_rule
        return rule is None or bool(rule(self))

    def _single(self, operation: str, table: str, *args: t.Any, **kw: t.Any) -> None:
        """Run one operation outside of a batch block."""
        self._alterations.single(self._transaction, operation, table, *args, **kw)

    def alter_column(self, table_name: str, column_name: str, **kw: t.Any) -> None:
        """Change a column."""
        self._single("alter_column", table_name, table_name, column_name, **kw)

    def add_column(
        self, table_name: str, column: sa.Column[t.Any], **kw: t.Any
    ) -> None:
        """Add a column."""
        self._single("add_column", table_name, table_name, column, **kw)

    def drop_column(
        self, table_name: str, column: sa.Column[t.Any], **kw: t.Any
    ) -> None:
        """Drop a column."""
        self._single("drop_column", table_name, table_name, column, **kw)

    def add_constraint(self, const: t.Any, **kw: t.Any) -> None:
        """Add a constraint."""
        table = const.parent
        kw["schema"] = table.schema
        self._single("add_constraint", table.name, const, **kw)

    def drop_constraint(self, const: sa.Constraint, **kw: t.Any) -> None:
        """Drop a constraint."""
        table = t.cast(t.Any, const).parent
        kw["schema"] = table.schema
        self._single("drop_constraint", table.name, const, **kw)

    def rename_table(
        self, old_table_name: str, new_table_name: str, schema: str | None = None
    ) -> None:
        """Rename a table."""
        names = (old_table_name, old_table_name, new_table_name)
        self._single("rename_table", *names, schema=schema)

    def create_index(self, index: sa.Index, **kw: t.Any) -> None:
        """Create an index."""
        table = t.cast(sa.Table, index.table)
        kw["schema"] = table.schema
        self._single("create_index", table.name, index, **kw)

    def drop_table(self, table: sa.Table, **kw: t.Any) -> None:
        """Drop a table; the rows of other tables stay."""
        if_exists = bool(kw.get("if_exists"))
        self._alterations.drop(self._transaction, table, if_exists)

    # Comparisons

    def compare_type(self, *columns: t.Any) -> bool:
        """Tell whether a column's type differs from that of its model."""
        if not super().compare_type(*columns):
            return False
        from .comparison import same_type

        return not same_type(self._open_connection(), *columns)

    def compare_server_default(self, *columns: t.Any) -> bool:
        """Tell whether a column's default differs from that of its model."""
        if not super().compare_server_default(*columns):
            return False
        from .comparison import same_default

        return not same_default(self._open_connection(), *columns[:2])

    def create_table_comment(self, table: t.Any) -> None:
        """Do nothing: SQLite stores no comments."""

    drop_table_comment = create_table_comment
    create_column_comment = create_table_comment  # type: ignore[assignment]


class _EngineBatch(BatchOperationsImpl):
    """A batch block, which the engine carries out on a table of SQLite."""

    def __new__(cls, operations: t.Any, *args: t.Any, **kw: t.Any) -> t.Any:
        """Make an instance for a run of this project, else Alembic's own."""
        if isinstance(operations.impl, _EngineImpl):
            return super().__new__(cls)
        return BatchOperationsImpl(operations, *args, **kw)  # type: ignore[no-untyped-call]

    def add_column(self, *args: t.Any, **kw: t.Any) -> None:
        """Add a column; any block may say where."""
        self.batch.append(("add_column", args, kw))

    def drop_constraint(self, const: sa.Constraint, **kw: t.Any) -> None:
        """Drop a constraint."""
        self.batch.append(("drop_constraint", (const,), kw))

    def flush(self) -> None:
        """Carry out the changes of the block."""
        connection = self.operations.impl._open_connection()
        if connection.in_transaction():
            self._alter_table()
            return
        # Outside of a transaction, a block is one by itself, as with Alembic.
        with connection.begin():
            self._alter_table()

    def _alter_table(self) -> None:
        impl: _EngineImpl = self.operations.impl
        impl._alterations.block(
            impl._transaction,
            self,
            self.recreate,
            self._should_recreate(),
            impl._open_connection(),
        )

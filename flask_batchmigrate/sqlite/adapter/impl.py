"""Plugs the SQLite engine into Alembic: the only module that knows both.

Alembic finds the implementation of a dialect by its class, and that for the whole
process: https://alembic.sqlalchemy.org/en/latest/api/ddl.html. So the class registered
here makes an instance of itself only for runs of this project, and Alembic's own for
all others. The same goes for the class that collects the operations of a batch block,
for which Alembic has no extension point; it is exchanged in its module.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import contextvars
import typing as t

import alembic.context
import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import batch as alembic_batch
from alembic.operations.batch import BatchOperationsImpl
from alembic.runtime.migration import MigrationContext

from ..plan.engine import alter_table
from ..plan.engine import Report
from ..plan.plan import Options
from ..plan.plan import plan_drop
from ..schema.catalogue import read_catalogue
from ..target import changes
from ..transaction.migration import active_for
from ..transaction.migration import MigrationTransaction
from .batch import block_changes
from .caught import caught_as_usual
from .comparison import same_default
from .comparison import same_type
from .conventions import Conventions
from .recorder import Recorder
from .run import Run
from .run import RunOptions
from .translate import Translator

_run: contextvars.ContextVar[Run | None] = contextvars.ContextVar(
    "flask_batchmigrate_sqlite_run", default=None
)


@contextlib.contextmanager
def activate(settings: RunOptions | None = None) -> cabc.Iterator[None]:
    """Make Alembic use the engine for SQLite databases inside the ``with`` block.

    Only what the block does in this thread is concerned. Migrations that run in it
    are all or nothing: each database gets one transaction, begun with the lock and
    ended by whoever owns the connection.

    Applications of the extension need not call it. In an ``env.py`` of plain Alembic
    it goes around the whole run::

        from flask_batchmigrate.sqlite.adapter import activate

        with activate():
            run_migrations_online()

    :param settings: how the runs behave.
    """
    _register()
    run = Run(settings or RunOptions())
    token = _run.set(run)
    try:
        with run.stack:
            yield
    finally:
        _run.reset(token)


def join_transaction(context: MigrationContext) -> None:
    """Let a context work in the transaction that is open on its database already.

    Two binds may share a file: there is one transaction then, on one connection, and
    any other would wait for it.

    :param context: the context, just configured.
    """
    impl, connection = context.impl, context.connection
    if not isinstance(impl, _EngineImpl) or connection is None:
        return
    if active_for(connection) is not None:
        transaction = impl._engine_run.begin(connection)
        context.connection = impl.connection = transaction.connection


_registered = False


def _register() -> None:
    """Take the places of Alembic's classes, once in the process."""
    global _registered
    if _registered:
        return
    # Making a class with this attribute is how Alembic registers one.
    type("SQLiteImpl", (_EngineImpl,), {"__dialect__": "sqlite"})
    alembic_batch.BatchOperationsImpl = _EngineBatch  # type: ignore[misc]
    _registered = True


class _EngineImpl(SQLiteImpl):
    """Alembic's operations on a SQLite database, by the engine."""

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

    _engine_run: Run

    # The transaction

    def start_migrations(self) -> None:
        """Begin the transaction of the migration, if there is anything to migrate."""
        super().start_migrations()
        if self._may_write():
            self._engine_run.begin(self._open_connection())
            context = alembic.context.get_context()
            # No change of SQLite's schema has to run outside of a transaction, and what
            # ran before the block is not to be committed by itself.
            context.autocommit_block = contextlib.nullcontext  # type: ignore[method-assign,assignment]

    def _may_write(self) -> bool:
        """Tell whether the run has revisions to run; reads, and takes no lock.

        A run that finds nothing to do works on a busy or read-only database.
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
        """The open transaction; begun now where a run did not need one before."""
        connection = self._open_connection()
        return active_for(connection) or self._engine_run.begin(connection)

    # Operations

    def _recorder(self) -> Recorder:
        return Recorder(Translator(self.dialect), self._can_render)

    def _can_render(self, constraint: t.Any) -> bool:
        """Tell whether a constraint made by a type is for this dialect."""
        rule = constraint._create_rule
        return rule is None or bool(rule(self))

    def alter_table(
        self,
        table: str,
        schema: str | None,
        block: cabc.Sequence[changes.Change],
        *,
        recreate: str = "auto",
        convention: cabc.Mapping[t.Any, t.Any] | None = None,
        named: bool = False,
        also: tuple[type[Exception], ...] = (),
    ) -> None:
        """Change a table by a block of changes.

        :param recreate: as ``batch_alter_table`` takes it.
        :param convention: a naming convention besides that of the models.
        :param named: store the names that it gives to what has none.
        :param also: classes by which scripts catch a refusal.
        """
        options = Options(
            Conventions(tuple(self._conventions(convention))),
            recreate,
            self._engine_run.settings.keep_indexes,
            Conventions((convention,), False) if convention and named else None,
            may_be_short=self._engine_run.settings.may_be_short,
        )
        transaction, name = self._transaction, str(table)
        with caught_as_usual(self.dialect, *also):
            report = alter_table(
                transaction,
                name,
                block,
                schema=schema or "main",
                options=options,
                pending=self._engine_run.pending_keys(transaction),
            )
        self._tell(report)

    def _conventions(
        self, own: cabc.Mapping[t.Any, t.Any] | None
    ) -> cabc.Iterator[cabc.Mapping[t.Any, t.Any]]:
        if own:
            yield own
        metadata = self.context_opts.get("target_metadata")
        for one in metadata if isinstance(metadata, (list, tuple)) else [metadata]:
            if isinstance(one, sa.MetaData):
                yield one.naming_convention

    def _tell(self, report: Report) -> None:
        for plan in report.plans:
            self._engine_run.settings.planned(plan)
        for note in report.notes:
            self._engine_run.settings.note(f"{note[0].upper()}{note[1:]}.")
        for warning in report.warnings:
            self._engine_run.settings.warn(f"{warning[0].upper()}{warning[1:]}.")

    def _single(self, operation: str, table: str, *args: t.Any, **kw: t.Any) -> None:
        """Run one operation outside of a batch block."""
        schema = kw.pop("schema", None)
        recorder = self._recorder()
        recorder.record(operation, args, kw)
        if recorder.changes:
            # What Alembic raises for any constraint outside of a batch block.
            also = (NotImplementedError,) if operation.endswith("constraint") else ()
            self.alter_table(table, schema, recorder.changes, also=also)

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
        """Drop a table; no row of another table goes with it."""
        transaction, name = self._transaction, str(table.name)
        schema = table.schema or "main"
        if kw.get("if_exists") and not read_catalogue(transaction, schema).table(name):
            return
        run = self._engine_run
        plan = plan_drop(schema, name, run.pending_keys(transaction))
        run.settings.planned(plan)
        with caught_as_usual(self.dialect):
            for step in plan.steps:
                step.run(transaction)

    # Comparisons

    def compare_type(self, *columns: t.Any) -> bool:
        """Tell whether a column has another type than in the models."""
        differs = super().compare_type(*columns)
        return differs and not same_type(self._open_connection(), *columns)

    def compare_server_default(self, *columns: t.Any) -> bool:
        """Tell whether a column has another default than in the models."""
        differs = super().compare_server_default(*columns)
        return differs and not same_default(self._open_connection(), *columns[:2])

    def create_table_comment(self, table: t.Any) -> None:
        """Do nothing: SQLite stores no comments."""

    drop_table_comment = create_table_comment
    create_column_comment = create_table_comment  # type: ignore[assignment]


class _EngineBatch(BatchOperationsImpl):
    """A batch block; on a table of SQLite the engine makes it in one pass."""

    def __new__(cls, operations: t.Any, *args: t.Any, **kw: t.Any) -> t.Any:
        """Make an instance for a run of this project, else Alembic's own."""
        if isinstance(operations.impl, _EngineImpl):
            return super().__new__(cls)
        return BatchOperationsImpl(operations, *args, **kw)  # type: ignore[no-untyped-call]

    def add_column(self, *args: t.Any, **kw: t.Any) -> None:
        """Add a column; its place may be given in any block."""
        self.batch.append(("add_column", args, kw))

    def drop_constraint(self, const: sa.Constraint, **kw: t.Any) -> None:
        """Drop a constraint."""
        self.batch.append(("drop_constraint", (const,), kw))

    def flush(self) -> None:
        """Make the changes of the block."""
        connection = self.operations.impl._open_connection()
        if connection.in_transaction():
            self._alter_table()
            return
        # Outside of any transaction a block is one by itself, as Alembic has it.
        with connection.begin():
            self._alter_table()

    def _alter_table(self) -> None:
        impl: _EngineImpl = self.operations.impl
        recorder = impl._recorder()
        recorder.fills = self._should_recreate()
        block = block_changes(self, recorder, impl._open_connection())
        if block or self.recreate == "always":
            impl.alter_table(
                self.table_name,
                self.schema,
                block,
                recreate=self.recreate,
                convention=self.naming_convention,
                named=recorder.fills,
            )

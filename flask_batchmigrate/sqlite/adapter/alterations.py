"""Carries out what a script asks of the tables of one SQLite database.

With this module comes the engine, so it is loaded by the first operation that changes a
table: a run that compares, or only makes new tables, has no use for it.
"""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ..plan.engine import alter_table
from ..plan.engine import Report
from ..plan.plan import Options
from ..plan.plan import plan_drop
from ..schema.catalogue import read_catalogue
from ..target import changes
from ..transaction.migration import MigrationTransaction
from .batch import Batch
from .batch import block_changes
from .caught import caught_as_usual
from .change_collector import ChangeCollector
from .conventions import Conventions
from .run import EngineRun
from .translate import Translator


class Alterations:
    """The operations of Alembic's implementation that change a table.

    :param run: the run that they belong to.
    :param dialect: the dialect of the connection.
    :param options: what Alembic's context was configured with.
    :param can_render: tells whether a constraint that a type made is for this dialect.
    """

    def __init__(
        self,
        run: EngineRun,
        dialect: sa.Dialect,
        options: cabc.Mapping[str, t.Any],
        can_render: cabc.Callable[[t.Any], bool],
    ) -> None:
        self._run = run
        self._dialect = dialect
        self._options = options
        self._can_render = can_render

    def single(
        self,
        transaction: MigrationTransaction,
        operation: str,
        table: str,
        *args: t.Any,
        schema: str | None = None,
        **kw: t.Any,
    ) -> None:
        """Run one operation outside of a batch block.

        :param operation: the name of the method that Alembic called, with its
            arguments.
        """
        recorder = self._recorder()
        recorder.record(operation, args, kw)
        if recorder.changes:
            # Alembic raises this for any constraint outside of a batch block.
            also = (NotImplementedError,) if operation.endswith("constraint") else ()
            self._alter_table(transaction, table, schema, recorder.changes, also=also)

    def block(
        self,
        transaction: MigrationTransaction,
        batch: Batch,
        recreate: str,
        copies: bool,
        connection: sa.Connection,
    ) -> None:
        """Make the changes of a batch block.

        :param recreate: as ``batch_alter_table`` takes it.
        :param copies: Alembic by itself would copy the table.
        :param connection: where the table is, for listeners of reflection.
        """
        recorder = self._recorder()
        recorder.copies = copies
        if not batch.batch and recreate != "always":
            # Alembic does nothing in such a block, and does not look for its table.
            inspector = sa.inspect(connection)
            if not inspector.has_table(str(batch.table_name), schema=batch.schema):
                return
        block = block_changes(batch, recorder, connection)
        if block or recreate == "always":
            self._alter_table(
                transaction,
                batch.table_name,
                batch.schema,
                block,
                recreate=recreate,
                convention=batch.naming_convention,
                named=copies,
            )

    def drop(
        self, transaction: MigrationTransaction, table: sa.Table, if_exists: bool
    ) -> None:
        """Drop a table.

        :param if_exists: do nothing where there is no such table.
        """
        schema, name = table.schema or "main", str(table.name)
        if if_exists and not read_catalogue(transaction, schema).table(name):
            return
        plan = plan_drop(schema, name, self._run.pending_keys(transaction))
        self._run.settings.planned(plan)
        with caught_as_usual(self._dialect):
            for step in plan.steps:
                step.run(transaction)

    def _recorder(self) -> ChangeCollector:
        return ChangeCollector(Translator(self._dialect), self._can_render)

    def _alter_table(
        self,
        transaction: MigrationTransaction,
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

        :param convention: a naming convention besides that of the models.
        :param named: whether constraints without a name get the name that it gives.
        :param also: classes by which scripts catch a refusal.
        """
        options = Options(
            Conventions(tuple(self._conventions(convention))),
            recreate,
            self._run.settings.keep_indexes,
            Conventions((convention,), False) if convention and named else None,
            may_be_short=self._run.settings.may_be_short,
        )
        with caught_as_usual(self._dialect, *also):
            report = alter_table(
                transaction,
                str(table),
                block,
                schema=schema or "main",
                options=options,
                pending=self._run.pending_keys(transaction),
            )
        self._pass_on(report)

    def _conventions(
        self, own: cabc.Mapping[t.Any, t.Any] | None
    ) -> cabc.Iterator[cabc.Mapping[t.Any, t.Any]]:
        if own:
            yield own
        metadata = self._options.get("target_metadata")
        for item in metadata if isinstance(metadata, (list, tuple)) else [metadata]:
            if isinstance(item, sa.MetaData):
                yield item.naming_convention

    def _pass_on(self, report: Report) -> None:
        settings = self._run.settings
        for plan in report.plans:
            settings.planned(plan)
        for note in report.notes:
            settings.note(f"{note[0].upper()}{note[1:]}.")
        for warning in report.warnings:
            settings.warn(f"{warning[0].upper()}{warning[1:]}.")

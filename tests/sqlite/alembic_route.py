"""The same blocks as a migration script writes them, through Alembic."""

from __future__ import annotations

import collections.abc as cabc
import functools
import typing as t

import sqlalchemy as sa
from alembic.operations import BatchOperations
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.pool import StaticPool

from flask_batchmigrate.sqlite.adapter import impl as adapter
from flask_batchmigrate.sqlite.ddl.constraints import ConstraintKind
from flask_batchmigrate.sqlite.ddl.objects import parse_index
from flask_batchmigrate.sqlite.ddl.table import parse_column
from flask_batchmigrate.sqlite.ddl.table import parse_table_constraint
from flask_batchmigrate.sqlite.plan.plan import Plan
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.random_example import Discard
from tests.sqlite.random_example import Example

_CALLED = {
    ConstraintKind.PRIMARY_KEY: "primary",
    ConstraintKind.UNIQUE: "unique",
    ConstraintKind.CHECK: "check",
    ConstraintKind.FOREIGN_KEY: "foreignkey",
}
_NOT_IN_A_COLUMN = tuple(_CALLED)


class Declared(sa.types.UserDefinedType[t.Any]):
    """A type by its text."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: t.Any) -> str:
        """Return the type as it is declared."""
        return self.text


def alter_by_alembic(
    example: Example,
    may_be_short: cabc.Callable[[str], bool] | None = None,
    planned: cabc.Callable[[Plan], object] = lambda plan: None,
) -> None:
    """Make the block in a migration of its own, on the example's connection.

    :param may_be_short: given if the rows are in another database: tells whether some
        may be older than a column of this name.
    :param planned: called with each plan.
    :raises Discard: the block has what no batch operation says.
    """
    block, partial = _split(example.meaning.changes)
    for change in block:
        _check(change)
    engine = sa.create_engine(
        "sqlite://", creator=lambda: example.database, poolclass=StaticPool
    )
    settings = adapter.RunOptions(
        keep_indexes=example.keep_indexes,
        may_be_short=may_be_short,
        progress=lambda step: None,
        planned=planned,
    )
    with engine.connect() as connection, adapter.activate(settings):
        operations = Operations(MigrationContext.configure(connection))
        rename = None
        with operations.batch_alter_table(
            example.table, recreate=example.recreate, partial_reordering=partial
        ) as batch:
            for change in block:
                if isinstance(change, changes.RenameTable):
                    rename = change.new_name
                else:
                    _CALLS[type(change)](batch, change)
        if rename is not None:
            operations.rename_table(example.table, rename)
        connection.commit()


def _split(
    block: list[changes.Change],
) -> tuple[list[changes.Change], tuple[tuple[str, ...], ...]]:
    """Take a new order off the end of a block: it is an argument of the batch."""
    ends = [c for c in block if isinstance(c, changes.RenameTable)]
    rest = [c for c in block if not isinstance(c, changes.RenameTable)]
    if rest and isinstance(rest[-1], changes.Reorder):
        return [*rest[:-1], *ends], rest[-1].orders
    return block, ()


@functools.singledispatch
def _check(change: changes.Change) -> None:
    """Discard what no batch operation says."""
    if isinstance(change, changes.Reorder | changes.SetOptions | changes.ReplaceColumn):
        raise Discard(type(change).__name__)


@_check.register
def _(change: changes.RenameColumn) -> None:
    if change.name == change.new_name:
        raise Discard("a name back from another, which Alembic cannot say")


@_check.register
def _(change: changes.AddColumn) -> None:
    if change.fill is not None:
        raise Discard("a column with computed values")
    if parse_column(change.definition).of_kind(*_NOT_IN_A_COLUMN):
        raise Discard("a column with a constraint")


@_check.register
def _(change: changes.AddConstraint) -> None:
    constraint = parse_table_constraint(change.definition)
    plain = all(term.text.startswith('"') for term in constraint.terms)
    ends = all(term.text.endswith('"') for term in constraint.terms)
    parent = constraint.references
    if parent is not None and not parent.columns:
        raise Discard("a foreign key to an unnamed primary key")
    if constraint.conflict or not (plain and ends):
        raise Discard("a key with a collation or an order")


@_check.register
def _(change: changes.DropConstraint) -> None:
    if change.name is None or change.kind is None:
        raise Discard("a constraint without a name")


@_check.register
def _(change: changes.CreateIndex) -> None:
    index = parse_index(change.sql)
    bare = not any(
        term.column is None or term.order or term.collation for term in index.terms
    )
    if index.where or not bare:
        raise Discard("an index with an expression")


def _add_column(batch: BatchOperations, change: changes.AddColumn) -> None:
    text = parse_column(change.definition)
    items: list[t.Any] = []
    type_ = text.type + (f" COLLATE {text.collation}" if text.collation else "")
    if text.generated is not None:
        items.append(
            sa.Computed(
                text.generated.expression or "", persisted=text.generated.stored
            )
        )
    conflict = next((c.conflict for c in text.of_kind(ConstraintKind.NOT_NULL)), None)
    batch.add_column(
        sa.Column(
            change.name,
            Declared(type_),
            *items,
            nullable=not text.not_null,
            server_default=None if text.default is None else sa.text(text.default),
            sqlite_on_conflict_not_null=conflict,
        ),
        insert_before=change.before,
        insert_after=change.after,
    )


def _set_type(batch: BatchOperations, change: changes.SetType) -> None:
    batch.alter_column(
        change.name,
        type_=Declared(change.type),
        sqlite_using=change.using,
        sqlite_keep_values=change.keep_misfits,
    )


def _set_default(batch: BatchOperations, change: changes.SetDefault) -> None:
    value = None if change.value is None else sa.text(change.value)
    batch.alter_column(change.name, server_default=value)


def _add_constraint(batch: BatchOperations, change: changes.AddConstraint) -> None:
    text = parse_table_constraint(change.definition)
    columns = list(text.columns)
    if text.kind is ConstraintKind.UNIQUE:
        batch.create_unique_constraint(text.name, columns)
    elif text.kind is ConstraintKind.PRIMARY_KEY:
        batch.create_primary_key(t.cast(str, text.name), columns)
    elif text.kind is ConstraintKind.CHECK:
        # A line comment in it must not reach the parenthesis that follows.
        condition = sa.text(f"{text.expression}\n".replace(":", r"\:"))
        batch.create_check_constraint(t.cast(str, text.name), condition)
    elif text.references is not None:
        batch.create_foreign_key(
            text.name,
            text.references.table,
            columns,
            list(text.references.columns),
            ondelete=text.references.on_delete,
            onupdate=text.references.on_update,
            deferrable=text.references.deferrable or None,
            initially="DEFERRED" if text.references.initially_deferred else None,
        )


def _create_index(batch: BatchOperations, change: changes.CreateIndex) -> None:
    index = parse_index(change.sql)
    columns = [str(term.column) for term in index.terms]
    batch.create_index(change.name, columns, unique=index.unique)


_CALLS: dict[type[changes.Change], cabc.Callable[[BatchOperations, t.Any], None]] = {
    changes.AddColumn: _add_column,
    changes.DropColumn: lambda batch, c: batch.drop_column(c.name),
    changes.RenameColumn: lambda batch, c: batch.alter_column(
        c.name, new_column_name=c.new_name
    ),
    changes.SetType: _set_type,
    changes.SetNotNull: lambda batch, c: batch.alter_column(
        c.name, nullable=not c.not_null
    ),
    changes.SetDefault: _set_default,
    changes.AddConstraint: _add_constraint,
    changes.DropConstraint: lambda batch, c: batch.drop_constraint(
        c.name, type_=_CALLED[c.kind]
    ),
    changes.CreateIndex: _create_index,
    changes.DropIndex: lambda batch, c: batch.drop_index(c.name),
}

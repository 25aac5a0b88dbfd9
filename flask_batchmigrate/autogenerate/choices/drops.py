"""Keeps generated scripts from dropping anything by accident.

Tables and columns that no revision mentions belong to somebody else, and are left
alone. An operation that loses rows or values is reported with their number.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...reporting import reporter
from ...sqlite.errors import counted
from ..request import Request
from ..script.rendering import one_line
from .fills import Nothing
from .stored_names import StoredNames

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory


class Loss(ops.MigrateOperation):
    """A comment in the script about the rows or values that the next operation loses.

    :param text: the rows or values, with their number.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def reverse(self) -> Nothing:
        """Return an operation that does nothing: the downgrade loses nothing."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return a description of the comment."""
        return ("loss", self.text)


@renderers.dispatch_for(Loss)
def _render(autogen_context: t.Any, operation: Loss) -> str:
    return f"# Loses {one_line(operation.text)}."


class History:
    """The words in the revisions of a migrations folder.

    :param scripts: the folder; None if everything may be dropped.
    """

    def __init__(self, scripts: ScriptDirectory | None) -> None:
        self._scripts = scripts
        self._words: frozenset[str] | None = None
        self.left: list[str] = []

    def mentions(self, name: str) -> bool:
        """Tell whether a revision mentions, and so may have made, a table or column."""
        if self._scripts is None:
            return True
        if self._words is None:
            texts = [
                pathlib.Path(script.path).read_text(encoding="utf-8", errors="replace")
                for script in self._scripts.walk_revisions()
            ]
            words = (word.lower() for text in texts for word in _words(text))
            self._words = frozenset(words)
        return all(word.lower() in self._words for word in _words(name))

    def without_unowned(
        self, operations: cabc.Iterable[ops.MigrateOperation]
    ) -> list[ops.MigrateOperation]:
        """Return operations without those that drop what no revision mentions."""
        everything = list(operations)
        unowned = {
            (o.schema, o.table_name)
            for o in everything
            if isinstance(o, ops.DropTableOp) and not self.mentions(o.table_name)
        }
        self.left = [f"table '{name}'" for _, name in sorted(unowned, key=str)]
        remaining: list[ops.MigrateOperation] = []
        for operation in everything:
            place = (
                getattr(operation, "schema", None),
                getattr(operation, "table_name", None),
            )
            if place in unowned:
                continue
            if isinstance(operation, ops.ModifyTableOps):
                inside = self._inside(operation)
                if inside:
                    table, schema = operation.table_name, operation.schema
                    remaining.append(ops.ModifyTableOps(table, inside, schema=schema))
            else:
                remaining.append(operation)
        return remaining

    def _inside(self, block: ops.ModifyTableOps) -> list[ops.MigrateOperation]:
        """Return a block's operations, except for drops of columns of somebody else.

        The drops of constraints and indexes on these columns are left out as well.
        """
        columns = {
            o.column_name
            for o in block.ops
            if isinstance(o, ops.DropColumnOp) and not self.mentions(o.column_name)
        }
        self.left += [f"column '{block.table_name}.{c}'" for c in sorted(columns)]
        return [
            o
            for o in block.ops
            if not (isinstance(o, ops.DropColumnOp) and o.column_name in columns)
            and not (
                isinstance(o, (ops.DropConstraintOp, ops.DropIndexOp))
                and columns & _covered(o)
            )
        ]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _covered(operation: t.Any) -> set[str]:
    """Return the words in the columns and expressions of a constraint or an index."""
    create = operation.reverse()
    if isinstance(create, ops.CreateIndexOp):
        parts = [*create.columns, *create.kw.values()]
    elif isinstance(create, ops.CreateForeignKeyOp):
        parts = list(create.local_cols)
    elif isinstance(create, ops.CreateCheckConstraintOp):
        parts = [create.condition]
    else:
        parts = list(getattr(create, "columns", ()))
    return {word for part in parts for word in _words(str(getattr(part, "name", part)))}


def report_unowned(history: History) -> None:
    """Report in one line the tables and columns that were left alone."""
    if history.left:
        more = f" and {len(history.left) - 3} more" if len(history.left) > 3 else ""
        reporter().note(
            f"Left alone: {', '.join(history.left[:3])}{more}. No revision mentions "
            "them; '--drop-unknown' drops them."
        )


def mark_losses(
    upgrade: ops.UpgradeOps, request: Request, connection: sa.Connection
) -> None:
    """Put a comment before each operation that loses rows or values, and warn of it.

    :param upgrade: the operations; changed in place.
    :param connection: a connection to the database before the upgrade.
    :raises BatchMigrateError: the request does not allow losses.
    """
    losses: list[str] = []
    operations: list[ops.MigrateOperation] = []
    stored = StoredNames(upgrade.ops)
    for operation in upgrade.ops:
        if isinstance(operation, ops.DropTableOp):
            lost_rows = _rows(connection, operation)
            losses += lost_rows
            operations += map(Loss, lost_rows)
        elif isinstance(operation, ops.ModifyTableOps):
            losses += _mark_columns(operation, stored, connection)
        operations.append(operation)
    upgrade.ops[:] = operations
    if losses and not request.destructive:
        raise BatchMigrateError(
            f"The script would lose {'; '.join(losses)}, which '--no-destructive' or "
            "'BATCHMIGRATE_DESTRUCTIVE' forbids",
            "Keep the tables and columns that hold them, or allow the loss.",
            state=NOTHING_WRITTEN,
        )
    if losses:
        reporter().warning(f"The script loses {'; '.join(losses)}.")


def _rows(connection: sa.Connection, operation: ops.DropTableOp) -> list[str]:
    table = sa.table(operation.table_name, schema=operation.schema)
    query = sa.select(sa.func.count()).select_from(table)
    number = connection.execute(query).scalar_one()
    return [f"{counted(number, 'row')} of table '{table.name}'"] if number else []


def _mark_columns(
    block: ops.ModifyTableOps, stored: StoredNames, connection: sa.Connection
) -> list[str]:
    """Put comments before the drops of columns with values; return the losses."""
    losses: list[str] = []
    operations: list[ops.MigrateOperation] = []
    place = block.schema, block.table_name
    for operation in block.ops:
        if isinstance(operation, ops.DropColumnOp) and not _is_computed(operation):
            name = operation.column_name
            column: sa.ColumnClause[t.Any] = sa.column(stored.column(place, name))
            table = sa.table(stored.table(place), column, schema=block.schema)
            query = sa.select(sa.func.count(column)).select_from(table)
            number = connection.execute(query).scalar_one()
            if number:
                text = f"{counted(number, 'value')} of '{block.table_name}.{name}'"
                losses.append(text)
                operations.append(Loss(text))
        operations.append(operation)
    block.ops[:] = operations
    return losses


def _is_computed(operation: ops.DropColumnOp) -> bool:
    return isinstance(operation.to_column().server_default, sa.Computed)

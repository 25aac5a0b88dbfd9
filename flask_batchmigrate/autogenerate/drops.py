"""Keeps generated scripts from dropping anything by accident.

What no revision of the history mentions belongs to somebody else, and is left alone.
What loses rows or values is told with their number.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import re
import typing as t

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import ops

from ..errors import BatchMigrateError
from ..errors import NOTHING_WRITTEN
from ..reporting import reporter
from .fills import Nothing
from .renames import RenameColumn
from .renames import RenameTable
from .request import Request

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory


class Loss(ops.MigrateOperation):
    """A comment in the script: what the next operation loses.

    :param text: what, with its number.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def reverse(self) -> Nothing:
        """Return nothing: the way back loses nothing."""
        return Nothing()

    def to_diff_tuple(self) -> tuple[t.Any, ...]:
        """Return what is told."""
        return ("loss", self.text)


@renderers.dispatch_for(Loss)
def _render(autogen_context: t.Any, operation: Loss) -> str:
    return f"# Loses {operation.text}."


class History:
    """The words in the revisions of a migrations folder.

    :param scripts: the folder; None: whatever there is may be dropped.
    """

    def __init__(self, scripts: ScriptDirectory | None) -> None:
        self._scripts = scripts
        self._words: frozenset[str] | None = None
        self.left: list[str] = []

    def mentions(self, name: str) -> bool:
        """Tell whether a revision mentions a table or column; it may have made it."""
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

    def without_strangers(
        self, operations: cabc.Iterable[ops.MigrateOperation]
    ) -> list[ops.MigrateOperation]:
        """Return operations without the removal of what no revision mentions."""
        everything = list(operations)
        strangers = {
            (o.schema, o.table_name)
            for o in everything
            if isinstance(o, ops.DropTableOp) and not self.mentions(o.table_name)
        }
        self.left = [f"table '{name}'" for _, name in sorted(strangers, key=str)]
        kept: list[ops.MigrateOperation] = []
        for each in everything:
            place = getattr(each, "schema", None), getattr(each, "table_name", None)
            if place in strangers:
                continue
            if isinstance(each, ops.ModifyTableOps):
                inside = self._inside(each)
                if inside:
                    table, schema = each.table_name, each.schema
                    kept.append(ops.ModifyTableOps(table, inside, schema=schema))
            else:
                kept.append(each)
        return kept

    def _inside(self, block: ops.ModifyTableOps) -> list[ops.MigrateOperation]:
        """Return what stays of a block: without foreign columns and what is on them."""
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
    """Return the words in what a constraint or an index is about."""
    made = operation.reverse()
    if isinstance(made, ops.CreateIndexOp):
        parts = [*made.columns, *made.kw.values()]
    elif isinstance(made, ops.CreateForeignKeyOp):
        parts = list(made.local_cols)
    elif isinstance(made, ops.CreateCheckConstraintOp):
        parts = [made.condition]
    else:
        parts = list(getattr(made, "columns", ()))
    return {word for part in parts for word in _words(str(getattr(part, "name", part)))}


def tell_strangers(history: History) -> None:
    """Say in one line what was left alone."""
    if history.left:
        more = f" and {len(history.left) - 3} more" if len(history.left) > 3 else ""
        reporter().note(
            f"Left alone: {', '.join(history.left[:3])}{more}. No revision mentions "
            "that; '--drop-unknown' drops it."
        )


def mark_losses(
    upgrade: ops.UpgradeOps, request: Request, connection: sa.Connection
) -> None:
    """Put a comment before what loses rows or values, and tell of it.

    :param upgrade: changed in place.
    :param connection: to the database, as it is before the upgrade.
    :raises BatchMigrateError: the request allows nothing of the kind.
    """
    losses: list[str] = []
    made: list[ops.MigrateOperation] = []
    tables: dict[str, str] = {}
    for each in upgrade.ops:
        if isinstance(each, RenameTable):
            tables[each.new_table_name] = tables.pop(each.table_name, each.table_name)
        if isinstance(each, ops.DropTableOp):
            lost = _rows(connection, each)
            losses += lost
            made += map(Loss, lost)
        elif isinstance(each, ops.ModifyTableOps):
            stored = tables.get(each.table_name, each.table_name)
            losses += _mark_columns(each, stored, connection)
        made.append(each)
    upgrade.ops[:] = made
    if losses and not request.destructive:
        raise BatchMigrateError(
            f"The script would lose {'; '.join(losses)}, which '--no-destructive' or "
            "'BATCHMIGRATE_DESTRUCTIVE' forbids",
            "Keep what they are in, or allow it.",
            state=NOTHING_WRITTEN,
        )
    if losses:
        reporter().warning(f"The script loses {'; '.join(losses)}.")


def _rows(connection: sa.Connection, operation: ops.DropTableOp) -> list[str]:
    table = sa.table(operation.table_name, schema=operation.schema)
    query = sa.select(sa.func.count()).select_from(table)
    number = connection.execute(query).scalar_one()
    return [f"{_counted(number, 'row')} of table '{table.name}'"] if number else []


def _mark_columns(
    block: ops.ModifyTableOps, stored: str, connection: sa.Connection
) -> list[str]:
    """Put comments before the columns of a block that lose values; return what."""
    losses: list[str] = []
    made: list[ops.MigrateOperation] = []
    old = {
        str(o.modify_name): o.column_name
        for o in block.ops
        if isinstance(o, RenameColumn)
    }
    for each in block.ops:
        if isinstance(each, ops.DropColumnOp) and not _is_computed(each):
            name = each.column_name
            column: sa.ColumnClause[t.Any] = sa.column(old.get(name, name))
            table = sa.table(stored, column, schema=block.schema)
            query = sa.select(sa.func.count(column)).select_from(table)
            number = connection.execute(query).scalar_one()
            if number:
                text = f"{_counted(number, 'value')} of '{block.table_name}.{name}'"
                losses.append(text)
                made.append(Loss(text))
        made.append(each)
    block.ops[:] = made
    return losses


def _is_computed(operation: ops.DropColumnOp) -> bool:
    return isinstance(operation.to_column().server_default, sa.Computed)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""Plans to add a column or an index where the change affects no other table.

SQLite's own statement is exact in these cases. It writes no row and only one entry of
the catalogue, so only the table's own text is read. Words decide whether the change may
affect anything else: no view and no trigger may name the table, and no text of the
table may name the new column. Every other block is planned by comparing definitions.

See https://www.sqlite.org/lang_altertable.html#alter_table_add_column.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses

from ..ddl.table import ColumnText
from ..ddl.table import ConstraintKind
from ..ddl.tokens import may_name
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..schema.catalogue import Catalogue
from ..schema.catalogue import read_catalogue_around
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.database import Database
from ..target import changes
from ..target.build import build_target
from ..target.find_constraint import Naming
from ..target.renames import resolve
from ..target.target import Target
from .differences import differences
from .plan import Plan
from .steps import AddColumn
from .steps import BuildIndexes
from .steps import SpellDefinition
from .steps import Step
from .ways import Way

_PLAIN = (
    ConstraintKind.NOT_NULL,
    ConstraintKind.NULL,
    ConstraintKind.DEFAULT,
    ConstraintKind.COLLATE,
)
_COLLATIONS = frozenset({"BINARY", "NOCASE", "RTRIM"})


def plan_addition(
    db: Database,
    table: str,
    block: cabc.Sequence[changes.Change],
    schema: str,
    naming: Naming,
) -> tuple[Plan, Catalogue] | None:
    """Plan a block that only adds one plain column or one index.

    :param naming: names the constraints that have no stored name.
    :return: the plan, and the objects that belong to the table before the change;
        ``None`` for any other block, or where the change may affect other objects.
    :raises ChangeRefused: the table does not exist, or has the column already.
    :raises SqlTextError: the text of the table is not understood.
    """
    if len(block) != 1 or not isinstance(
        block[0], changes.AddColumn | changes.CreateIndex
    ):
        return None
    catalogue = read_catalogue_around(db, schema, table)
    stored = read_table(catalogue, table)
    resolved = resolve(stored.name, (c.name for c in stored.text.columns), block)
    target = build_target(stored, resolved.changes, naming)
    reason = _reason(catalogue, target)
    if reason is None:
        return None
    steps: list[Step] = [AddColumn(target, name) for name in target.added_columns]
    if steps:
        steps.append(SpellDefinition(target))
    if target.new_indexes:
        steps.append(BuildIndexes(stored, target.new_indexes))
    plan = Plan(stored.name, Way.ALTER, (), tuple(steps), target=target, why=reason)
    return plan, _own(catalogue, stored)


def _reason(catalogue: Catalogue, target: Target) -> str | None:
    """Return why SQLite's own statement is exact; ``None`` where it may not be."""
    if target.notes or target.dropped_indexes:
        return None
    compared = differences(target)
    if not compared and target.new_indexes:
        # An index changes no result, so it cannot harm what uses the table.
        return "only indexes change"
    if len(compared) != 1 or compared[0].case != "column added":
        return None
    column = target.text.column(compared[0].subject)
    if not _is_plain(target, column) or _is_named(catalogue, target, column.name):
        return None
    return str(compared[0])


def _own(catalogue: Catalogue, stored: StoredTable) -> Catalogue:
    """Return the objects that belong to the table; SQLite writes no others here."""
    own = (o for o in catalogue.objects if same_name(o.table, stored.name))
    return dataclasses.replace(catalogue, objects=tuple(own))


def _is_plain(target: Target, column: ColumnText) -> bool:
    """Tell whether ``ADD COLUMN`` treats a column exactly as ``CREATE TABLE`` does."""
    return (
        not target.text.strict
        and target.text.columns[-1].name == column.name
        and len(column.of_kind(*_PLAIN)) == len(column.constraints)
        and upper(column.collation or "BINARY") in _COLLATIONS
    )


def _is_named(catalogue: Catalogue, target: Target, column: str) -> bool:
    """Tell whether a stored text may refer to the table, or to the new column.

    A view or trigger may depend on the number of columns, and a word in double quotes
    is text until the table has a column of that name:
    https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    """
    stored = target.before
    texts = [stored.text.sql, *(index.sql for index in stored.indexes)]
    return any(may_name(sql, column) for sql in texts) or any(
        may_name(o.sql or "", stored.name)
        for o in catalogue.objects
        if o.type in ("view", "trigger")
    )

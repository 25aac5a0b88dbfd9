"""Makes the plan for a table: the differences, the way, the steps, and the reasons."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ...value_classes import value_class
from ..alter.default_checks import check_defaults
from ..alter.kept_indexes import kept_indexes
from ..alter.parent_checks import added_foreign_keys
from ..alter.pending_keys import PendingKeys
from ..alter.row_checks import is_newly_numbered
from ..alter.row_checks import rules_of
from ..alter.scratch import plan_scratch
from ..alter.statistics import read_statistics
from ..alter.strict_values import unchecked
from ..ddl.meaning import only_in
from ..ddl.table import ConstraintKind
from ..errors import ChangeRefused
from ..schema.catalogue import Catalogue
from ..schema.database import Database
from ..schema.dependants import silently_needing
from ..schema.dependants import virtual_tables_naming
from ..schema.records import check_definition
from ..schema.snapshot import Snapshot
from ..target import changes
from ..target.build import build_target
from ..target.conversions import Conversions
from ..target.find_constraint import Naming
from ..target.find_constraint import NoNaming
from ..target.gone import NO_PAST
from ..target.gone import Past
from ..target.numbering import with_numbers
from ..target.target import Target
from .conversion_obstacles import choose_conversions
from .conversion_obstacles import planned_conversions
from .conversion_obstacles import rebuilt_indexes
from .default_cases import MayBeShort
from .default_cases import settle_defaults
from .differences import differences
from .drop_cases import choose_drops
from .open_ways import why_closed
from .steps import AddColumn
from .steps import BuildIndexes
from .steps import CheckComputed
from .steps import CheckNumbering
from .steps import CheckParents
from .steps import CheckRows
from .steps import ConvertRows
from .steps import CopyTable
from .steps import DropColumn
from .steps import DropIndex
from .steps import DropTable
from .steps import EditDefinition
from .steps import loses_values
from .steps import RenameColumns
from .steps import RenameTable
from .steps import SpellDefinition
from .steps import Step
from .steps import Steps
from .ways import Difference
from .ways import Way

FOLLOWED: t.Final = "SQLite follows the name everywhere"
NOT_CONFIRMED: t.Final = "SQLite does not confirm that the stored records stay valid"


@value_class
class Options:
    """The settings of a block, besides its changes.

    :param naming: names the constraints that have no stored name.
    :param recreate: ``"auto"`` for the cheapest safe way, ``"always"`` to copy the
        table in any case, ``"never"`` to refuse a copy.
    :param keep_indexes: whether a copy keeps the indexes that stay valid.
    :param named_by: gives each constraint of the table that has no name one to store.
    :param past: the earlier changes of the block.
    :param may_be_short: set if the rows are in another database: tells whether some of
        them may be older than a column of this name.
    """

    naming: Naming = dataclasses.field(default_factory=NoNaming)
    recreate: str = "auto"
    keep_indexes: bool = True
    named_by: Naming | None = None
    past: Past = NO_PAST
    may_be_short: MayBeShort | None = None


@value_class
class Plan:
    """The plan for one table. ``str()`` of it is one line for a person.

    :param table: the table's name.
    :param way: the cheapest way that is safe.
    :param differences: the differences, each with the reason for its way.
    :param steps: the steps, in the order in which they run.
    :param instead: the steps to run if SQLite does not confirm that stored rows stay
        valid; empty if the steps need no confirmation, or a copy is ruled out.
    :param target: the table before and after; ``None`` if only names change.
    :param is_second: whether it was made after the block's renames, a plan themselves.
    :param why: the reason for the way, if the differences do not give it.
    :param written: how many rows the steps have written, if their costs do not tell.
    """

    table: str
    way: Way
    differences: tuple[Difference, ...]
    steps: Steps
    instead: Steps = ()
    target: Target | None = None
    is_second: bool = False
    why: str = ""
    written: int | None = None

    @property
    def reason(self) -> str:
        """The reason for this way and no cheaper one."""
        return f"{self._reason}; after the renames" if self.is_second else self._reason

    @property
    def _reason(self) -> str:
        if self.why:
            return self.why
        deciding = [d for d in self.differences if d.way is self.way]
        if deciding:
            return str(deciding[0])
        return str(self.differences[0]) if self.differences else "only indexes change"

    def turned(self) -> Plan:
        """Return the plan to follow if SQLite does not confirm this one."""
        why = _of_costliest(self.differences, NOT_CONFIRMED)
        return dataclasses.replace(
            self, way=Way.COPY, steps=self.instead, instead=(), why=why
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """Each step in one line, with its cost."""
        return tuple(f"{step} ({step.cost.value})" for step in self.steps)

    @property
    def losses(self) -> tuple[bool, ...]:
        """For each step, whether it drops values that nothing brings back."""
        return tuple(map(loses_values, self.steps))

    @property
    def new_name(self) -> str:
        """The table's name after the plan."""
        names = [s.new_name for s in self.steps if isinstance(s, RenameTable)]
        return names[-1] if names else self.table

    @property
    def depends_on_rows(self) -> bool:
        """Whether the rows decided on the way: old rows, or values to convert."""
        return any(
            d.way is Way.CONVERT or d.case.startswith(("default", "conversion"))
            for d in self.differences
        )

    def __str__(self) -> str:
        return f"{self.table}: {self.way.title}, {self.reason}"


def _of_costliest(found: tuple[Difference, ...], reason: str) -> str:
    """Write a reason as that of the first of the costliest differences."""
    first = max(found, key=lambda difference: difference.way, default=None)
    return reason if first is None else first.because(reason)


def plan_renames(
    catalogue: Catalogue, table: str, renames: tuple[tuple[str, str], ...]
) -> Plan:
    """Plan the renames of columns, which come first in a block."""
    step = RenameColumns(catalogue, table, renames)
    return Plan(table, Way.ALTER, (), (step,), why=FOLLOWED)


def plan_table_name(schema: str, table: str, new_name: str) -> Plan:
    """Plan the rename of a table, which comes last in a block."""
    step = RenameTable(schema, table, new_name)
    return Plan(table, Way.ALTER, (), (step,), why=FOLLOWED)


def plan_drop(schema: str, table: str, pending: PendingKeys) -> Plan:
    """Plan to drop a table."""
    step = DropTable(schema, table, pending)
    return Plan(table, Way.ALTER, (), (step,), why="the script drops it")


def make_plan(
    db: Database,
    snapshot: Snapshot,
    block: cabc.Iterable[changes.Change],
    options: Options,
    pending: PendingKeys | None,
) -> Plan:
    """Plan a block of changes, without changing anything.

    :param snapshot: the table and its surroundings, after the block's renames.
    :param block: the other changes of the block.
    :param pending: collects new foreign keys that have no parent key yet.
    :raises ChangeRefused: a change cannot be applied to this table.
    """
    stored = snapshot.table
    target = build_target(
        stored,
        block,
        options.naming,
        options.recreate == "always",
        options.past,
        options.named_by,
    )
    target = with_numbers(db, target)
    compared = settle_defaults(db, target, differences(target), options.may_be_short)
    # If the rows are in another database, they cannot decide anything.
    sees_rows = options.may_be_short is None
    keeps = options.keep_indexes and db.can_write_schema and sees_rows
    plan = _choose(db, snapshot, target, compared, keeps, sees_rows)
    way, compared = plan.way, plan.differences
    if options.recreate == "never" and way is Way.COPY:
        raise copy_ruled_out(stored.name, plan.reason)
    _refuse_needed(snapshot, target)
    check_definition(db, stored, target.text)
    check_defaults(db, target)
    copying = _copying(db, snapshot, target, keeps, pending)
    if way is Way.COPY:
        return dataclasses.replace(plan, steps=copying)
    instead = () if options.recreate == "never" else copying
    if way is Way.CONVERT:
        work = planned_conversions(target, compared)
        steps = _converting(db, snapshot, target, work, pending)
    else:
        steps = _in_place(snapshot, target, way, pending)
    return dataclasses.replace(plan, steps=steps, instead=instead)


def _choose(
    db: Database,
    snapshot: Snapshot,
    target: Target,
    compared: tuple[Difference, ...],
    keeps_indexes: bool,
    sees_rows: bool,
) -> Plan:
    """Choose the cheapest safe way, and return a plan without steps.

    :param keeps_indexes: whether a copy keeps the indexes that stay valid.
    :param sees_rows: whether the rows are in this database.
    """
    drops = any(d.case == "column dropped" for d in compared)
    if drops:
        compared = choose_drops(target, compared, keeps_indexes)
    cheapest = Way.EDIT if drops else Way.ALTER
    way = max((d.way for d in compared), default=cheapest)
    closed = why_closed(db, snapshot.catalogue, max(way, cheapest), sees_rows, drops)
    if closed:
        why = _of_costliest(compared, closed)
        return Plan(target.before.name, Way.COPY, compared, (), target=target, why=why)
    if way is Way.CONVERT:
        compared = choose_conversions(db, snapshot, target, compared)
        way = max(d.way for d in compared)
    way = max(way, cheapest)
    return Plan(target.before.name, way, compared, (), target=target)


def _in_place(
    snapshot: Snapshot, target: Target, way: Way, pending: PendingKeys | None
) -> Steps:
    """List the steps that change a table in place."""
    stored = target.before
    steps: list[Step] = [DropIndex(stored.schema, n) for n in target.dropped_indexes]
    for name in target.added_columns:
        if target.text.column(name).generated is None:
            steps.append(AddColumn(target, name))
    if rules := rules_of(target):
        steps.append(CheckRows(target, rules))
    steps += _drops(snapshot, target)
    if way is Way.EDIT:
        steps.append(EditDefinition(target, _builds_index(target)))
    elif target.text.sql != stored.text.sql:
        steps.append(SpellDefinition(target))
    if target.new_indexes:
        steps.append(BuildIndexes(stored, target.new_indexes))
    return (*steps, *_final_checks(target, pending))


def _drops(snapshot: Snapshot, target: Target) -> list[Step]:
    """List the steps that drop the columns that are stored in records."""
    return [DropColumn(target, name, snapshot) for name in target.dropped_places]


def _converting(
    db: Database,
    snapshot: Snapshot,
    target: Target,
    work: Conversions,
    pending: PendingKeys | None,
) -> Steps:
    """List the steps that convert values in place."""
    stored = target.before
    rebuilt = rebuilt_indexes(db, target, work)
    dropped = (*target.dropped_indexes, *(index.name for index in rebuilt))
    statistics = read_statistics(db, snapshot.catalogue, stored) if rebuilt else None
    steps: list[Step] = [DropIndex(stored.schema, name) for name in dropped]
    filled = {fill.column: fill.definition for fill in work.fills}
    for name in target.added_columns:
        if target.text.column(name).generated is None:
            steps.append(AddColumn(target, name, filled.get(name)))
    steps.append(ConvertRows(target, work))
    if rules := rules_of(target):
        steps.append(CheckRows(target, rules))
    steps += _drops(snapshot, target)
    steps.append(EditDefinition(target, _builds_index(target), after_conversion=True))
    built = (*rebuilt, *target.new_indexes)
    if built:
        steps.append(BuildIndexes(stored, built, statistics))
    return (*steps, *_final_checks(target, pending))


def _copying(
    db: Database,
    snapshot: Snapshot,
    target: Target,
    keeps_indexes: bool,
    pending: PendingKeys | None,
) -> Steps:
    """List the steps that copy all rows."""
    steps: list[Step] = []
    if is_newly_numbered(target):
        steps.append(CheckNumbering(target))
    kept = kept_indexes(target) if keeps_indexes else ()
    scratch = plan_scratch(db, snapshot.catalogue, target)
    steps.append(CopyTable(target, scratch, kept))
    return (*steps, *_final_checks(target, pending))


def _final_checks(target: Target, pending: PendingKeys | None) -> Steps:
    """List the checks that run on the table in its new form."""
    steps: list[Step] = [CheckComputed(target)] if unchecked(target) else []
    if added_foreign_keys(target):
        steps.append(CheckParents(target, pending))
    return tuple(steps)


def _builds_index(target: Target) -> bool:
    """Tell whether a UNIQUE constraint is new, so that its index has to be built."""
    return bool(only_in(target.text, target.before.text, ConstraintKind.UNIQUE))


def copy_ruled_out(table: str, reason: str) -> ChangeRefused:
    """Make the error for a table that has to be copied but may not be."""
    why = f"would have to be copied, which recreate='never' rules out: {reason}"
    return ChangeRefused(
        f"Table '{table}' {why}", "Allow a copy with recreate='auto'.", table=table
    )


def _refuse_needed(snapshot: Snapshot, target: Target) -> None:
    """Refuse to drop a column that other objects need without SQLite's notice.

    :raises ChangeRefused: names the objects that need the column.
    """
    stored = snapshot.table
    for column in target.dropped_columns:
        needing = virtual_tables_naming(snapshot.catalogue, stored.name, column)
        # Dependants can use a new column of the same name just as well.
        if not needing and not target.text.has_column(column):
            needing = silently_needing(snapshot.dependants, stored.name, column)
        if needing:
            raise ChangeRefused(
                f"Column '{column}' of '{stored.name}' cannot be dropped: it is needed"
                f" by {'; '.join(needing)}",
                "Drop or change these first.",
                table=stored.name,
                column=column,
            )

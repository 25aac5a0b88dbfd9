"""Alters one table by a block of changes: the entry point of the engine.

The engine needs nothing but a connection::

    connection = sqlite3.connect("app.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    alter_table(DirectDatabase(connection), "book", [SetNotNull("title", True)])
    connection.execute("COMMIT")
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import functools
import logging

from ...value_classes import value_class
from ..alter.deferred_keys import forget_orphans
from ..alter.deferred_keys import orphans_of_lost_keys
from ..alter.in_place import NotConfirmed
from ..alter.pending_keys import PendingKeys
from ..alter.row_checks import non_members
from ..errors import ChangeRefused
from ..errors import VerificationError
from ..schema.catalogue import Catalogue
from ..schema.catalogue import find_table
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_own
from ..schema.catalogue import read_table
from ..schema.database import check_library
from ..schema.database import Database
from ..schema.database import savepoint
from ..schema.dependants import read_dependants
from ..schema.double_quotes import not_respelled
from ..schema.snapshot import around
from ..schema.snapshot import Snapshot
from ..target import changes
from ..target.copy_from import completed
from ..target.find_constraint import Naming
from ..target.gone import Gone
from ..target.gone import is_made_again
from ..target.gone import NO_PAST
from ..target.gone import Past
from ..target.gone import restores_a_key
from ..target.gone import restoring_change
from ..target.numbering import kept_numbering
from ..target.passes import columns_first
from ..target.passes import in_passes
from ..target.renames import resolve
from .additions import plan_addition
from .key_checks import judge_keys
from .key_checks import key_state
from .other_indexes import change_other_indexes
from .plan import copy_ruled_out
from .plan import make_plan
from .plan import Options
from .plan import Plan
from .plan import plan_renames
from .plan import plan_table_name
from .steps import DropColumn
from .steps import Step
from .verify import refuse_broken
from .verify import refuse_texts
from .verify import refuse_unnoticed
from .verify import verify
from .ways import Way

log = logging.getLogger(__name__)


@value_class
class Report:
    """The record of what a block did to a table.

    :param table: the table's name after the block.
    :param plans: the plans that were carried out, in order; each was made on the table
        as the one before it left it.
    :param notes: sentences about changes that the block did not name.
    :param warnings: sentences about faults that the database had before, too.
    """

    table: str
    plans: tuple[Plan, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def way(self) -> Way:
        """The costliest way that a plan took."""
        return max((plan.way for plan in self.plans), default=Way.ALTER)


@value_class
class _Part:
    """The record of what one part of a block did.

    :param past: the facts that later changes of the same block need.
    :param check_keys: compares the foreign keys at the end of the block, and returns
        warnings; set if a later part brings back a key that they refer to.
    """

    report: Report
    past: Past = NO_PAST
    check_keys: cabc.Callable[[], list[str]] | None = None


def alter_table(
    db: Database,
    table: str,
    block: cabc.Iterable[changes.Change],
    *,
    schema: str = "main",
    options: Options | None = None,
    pending: PendingKeys | None = None,
) -> Report:
    """Change a table, and nothing that the changes do not name.

    Everything happens in a savepoint of the caller's transaction; after an error the
    database is what it was before the call.

    :param db: the connection, in a transaction that holds the write lock.
    :param table: the table's name.
    :param block: the changes; they are made in one pass.
    :param schema: ``"main"``, ``"temp"`` or the name of an attached database.
    :param options: settings for the block.
    :param pending: collects the foreign keys that do not hold after this change, which
        the caller checks before the transaction ends. If it is missing, such a change
        is refused.
    :return: what was done, and how.
    :raises ChangeRefused: the change would lose something, or rows do not fit the new
        definition.
    :raises SqlTextError: a stored statement is not understood.
    :raises VerificationError: the result is not what was planned.
    :raises UnsupportedLibrary: the SQLite library is too old.
    """
    check_library(db.version)
    options = options or Options()
    block = tuple(block)
    new_name = next(
        (c.new_name for c in block if isinstance(c, changes.RenameTable)), None
    )
    rest = [c for c in block if not isinstance(c, changes.RenameTable)]
    with _explained(db, table), savepoint(db, "batchmigrate_block"):
        if rest or new_name is None or options.recreate == "always":
            report = _alter_in_order(db, table, rest, schema, options, pending)
        else:
            # Another name is the only change that a virtual table allows.
            report = Report(find_table(read_catalogue(db, schema), table).name)
        if new_name is not None:
            plan = plan_table_name(schema, report.table, new_name)
            _run_steps(db, plan.steps)
            if pending is not None:
                pending.renamed(schema, report.table, new_name)
            plans = (*report.plans, plan)
            report = dataclasses.replace(report, table=new_name, plans=plans)
    return report


@contextlib.contextmanager
def _explained(db: Database, table: str) -> cabc.Iterator[None]:
    """Explain SQLite's message that a table is locked.

    A query holds this lock, not a transaction, and SQLite never waits for it:
    https://www.sqlite.org/rescode.html#locked
    """
    try:
        yield
    except db.driver_error as error:
        if "table is locked" not in str(error):
            raise
        raise ChangeRefused(
            f"Table '{table}' cannot be changed while rows of the database are read",
            "fetch all of them, or close the result, before the change",
            table=table,
        ) from error


def _alter_in_order(
    db: Database,
    table: str,
    block: list[changes.Change],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> Report:
    """Make changes that use the old names of columns before the renames.

    All renames of a pass come first. Text that was written before them would mistake a
    renamed column for another one, or find none.
    """
    block, notes = change_other_indexes(db, schema, table, block)
    if notes and not block and options.recreate != "always":
        return Report(table, notes=notes)
    alone = None
    if options.recreate != "always" and options.named_by is None:
        alone = _add_alone(db, table, block, schema, options.naming)
    if alone is not None:
        return dataclasses.replace(alone, notes=notes + alone.notes)
    if any(isinstance(change, changes.ReplaceDefinition) for change in block):
        stored = read_table(read_catalogue(db, schema), table)
        complete = completed(db, stored, block)
        block, notes = complete.block, notes + complete.notes
    *earlier, last = in_passes(columns_first(block))
    # One copy of the rows is enough: the last pass makes it.
    before = "never" if options.recreate == "never" else "auto"
    parts: list[_Part] = []
    for changes_of_pass in (*earlier, last):
        wanted = dataclasses.replace(
            options,
            recreate=options.recreate if changes_of_pass is last else before,
            named_by=None if parts else options.named_by,
            past=parts[-1].past if parts else options.past,
        )
        parts.append(_alter(db, table, changes_of_pass, schema, wanted, pending))
    again = dataclasses.replace(options, recreate=before, named_by=None)
    name, past = parts[-1].report.table, parts[-1].past
    for lost in past.gone:
        parts += _bring_back(db, lost, past.added, schema, again, pending)
    notes += kept_numbering(name, past)
    reports = [part.report for part in parts]
    warnings = [text for report in reports for text in report.warnings]
    for part in parts:
        warnings += part.check_keys() if part.check_keys is not None else []
    return Report(
        name,
        tuple(plan for report in reports for plan in report.plans),
        notes + tuple(note for report in reports for note in report.notes),
        tuple(warnings),
    )


def _add_alone(
    db: Database,
    table: str,
    block: cabc.Sequence[changes.Change],
    schema: str,
    naming: Naming,
) -> Report | None:
    """Carry out a block that only adds one plain column or one index.

    :return: ``None`` for any other block, or where the change may affect other objects;
        then nothing was done.
    """
    addition = plan_addition(db, table, block, schema, naming)
    if addition is None:
        return None
    plan, before = addition
    assert plan.target is not None
    try:
        _run_steps(db, plan.steps)
    except NotConfirmed:
        # SQLite has refused the first statement; a full plan finds out why.
        return None
    verify(before, read_own(db, plan.target.before), plan.target, plan.way)
    return Report(plan.table, (plan,))


def _bring_back(
    db: Database,
    lost: Gone,
    added: cabc.Collection[str],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> list[_Part]:
    """Restore what was dropped with a column that the block has added again.

    Alembic keeps every constraint and index whose columns still exist by name. Where
    the values of the new column do not fit, nothing is restored, and a note says so.
    """
    catalogue = read_catalogue(db, schema)
    text = read_table(catalogue, lost.table).text
    if is_made_again(lost, text) or (lost.index and catalogue.find(lost.index.name)):
        return []
    change = restoring_change(lost, text, added)
    is_replaced = text.has_column(lost.column)
    notes = (lost.note,) if lost.is_noteworthy or is_replaced else ()
    if change is None:
        return [_Part(Report(lost.table, notes=notes))]
    try:
        with savepoint(db, "batchmigrate_return"):
            return [_alter(db, lost.table, [change], schema, options, pending)]
    except ChangeRefused as error:
        note = f"{lost.note}, and not restored: {error.problem}"
        return [_Part(Report(lost.table, notes=(note,)))]


def _alter(
    db: Database,
    table: str,
    block: cabc.Sequence[changes.Change],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> _Part:
    """Rename columns, then plan the other changes on the result and make them."""
    catalogue = read_catalogue(db, schema)
    stored = read_table(catalogue, table)
    resolved = resolve(stored.name, (c.name for c in stored.text.columns), block)
    past = options.past.after(
        resolved.renames,
        (c.name for c in resolved.changes if isinstance(c, changes.AddColumn)),
    )
    options = dataclasses.replace(options, past=past)
    plans: tuple[Plan, ...] = ()
    if resolved.renames:
        plans = (plan_renames(catalogue, stored.name, resolved.renames),)
        _run_steps(db, plans[0].steps)
        catalogue = read_catalogue(db, schema)
        earlier, stored = stored, read_table(catalogue, table)
        refuse_texts(stored, not_respelled(earlier, stored))
    if not (resolved.changes or options.recreate == "always" or options.named_by):
        return _Part(Report(stored.name, plans), past)
    before = around(db, catalogue, stored)
    plan = make_plan(db, before, resolved.changes, options, pending)
    plan = dataclasses.replace(plan, is_second=bool(plans))
    part = _run(db, before, plan, past, pending)
    report = dataclasses.replace(part.report, plans=(*plans, *part.report.plans))
    return dataclasses.replace(part, report=report)


def _run(
    db: Database, before: Snapshot, plan: Plan, past: Past, pending: PendingKeys | None
) -> _Part:
    """Carry out a plan and check the result."""
    target, name = plan.target, plan.table
    assert target is not None
    keys = key_state(db, target, before.keys)
    orphans = orphans_of_lost_keys(db, target)
    plan, after = _carry_out(db, before, plan)
    forget_orphans(db, orphans)
    refuse_broken(name, before.dependants, read_dependants(db, after, name))
    refuse_unnoticed(target, before.dependants)
    warnings = non_members(db, target)
    check_keys = functools.partial(judge_keys, db, target, keys, pending)
    waits_for_key = restores_a_key(target.gone, target.text, past)
    if not waits_for_key:
        warnings += check_keys(after)
    report = Report(name, (plan,), target.notes, tuple(warnings))
    past = dataclasses.replace(past, gone=target.gone, rowid_types=target.rowid_types)
    return _Part(report, past, check_keys if waits_for_key else None)


def _carry_out(db: Database, before: Snapshot, plan: Plan) -> tuple[Plan, Catalogue]:
    """Run the steps of a plan, or its steps by a copy, and verify the result.

    :return: the plan that was carried out, and the catalogue after it.
    """
    if plan.way is Way.COPY:
        # There is no savepoint here: it makes SQLite write each changed page twice.
        return _run_verified(db, before, plan)
    try:
        with savepoint(db, "batchmigrate_steps"):
            return _run_verified(db, before, plan)
    except NotConfirmed as error:
        if not plan.instead:
            raise copy_ruled_out(plan.table, plan.turned().reason) from error
        return _carry_out(db, before, plan.turned())


def _run_verified(db: Database, before: Snapshot, plan: Plan) -> tuple[Plan, Catalogue]:
    """Run the steps of a plan, and compare the result with the plan.

    :return: the plan, with what it has written, and the catalogue afterwards.
    """
    target = plan.target
    assert target is not None
    plan = dataclasses.replace(plan, written=_run_steps(db, plan.steps))
    after = read_catalogue(db, before.catalogue.schema)
    try:
        verify(before.catalogue, after, target, plan.way)
    except VerificationError as error:
        if any(isinstance(step, DropColumn) for step in plan.steps):
            # SQLite's own ALTER respells text in double quotes in the whole schema.
            raise NotConfirmed(str(error)) from error
        raise
    return plan, after


def _run_steps(db: Database, steps: cabc.Iterable[Step]) -> int | None:
    """Run the steps; return how many rows were written, if the steps do not tell."""
    written = None
    for step in steps:
        log.debug("%s", step)
        if (number := step.run(db)) is not None:
            written = number
    return written

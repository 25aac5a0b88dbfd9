"""The engine's front door: alter one table by a block of changes.

Usable by itself, with nothing but a connection::

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

from ..alter.in_place import carry_out
from ..alter.parent_checks import check_parents
from ..alter.parent_checks import NoParentKey
from ..alter.pending_keys import described
from ..alter.pending_keys import mismatch
from ..alter.pending_keys import orphaned
from ..alter.pending_keys import PendingKeys
from ..alter.rename import rename_columns
from ..alter.rename import rename_table
from ..alter.row_checks import changed_columns
from ..alter.row_checks import strangers
from ..alter.strict_values import check_generated
from ..ddl.meaning import meaning
from ..ddl.table import ConstraintKind
from ..ddl.tokens import same_name
from ..ddl.tokens import upper
from ..errors import ChangeRefused
from ..schema.catalogue import Catalogue
from ..schema.catalogue import find_table
from ..schema.catalogue import read_catalogue
from ..schema.catalogue import read_foreign_keys
from ..schema.catalogue import read_table
from ..schema.catalogue import StoredTable
from ..schema.compiled import Dependant
from ..schema.database import check_library
from ..schema.database import Database
from ..schema.database import savepoint
from ..schema.dependants import misplaced
from ..schema.dependants import newly_broken
from ..schema.dependants import read_dependants
from ..schema.dependants import silently_needing
from ..schema.dependants import virtual_tables_naming
from ..schema.double_quotes import not_respelled
from ..schema.double_quotes import turned_into_columns
from ..schema.foreign_keys import KeyState
from ..schema.foreign_keys import new_errors
from ..schema.foreign_keys import read_state
from ..target import changes
from ..target.copy_from import settle
from ..target.gone import brings_back_key
from ..target.gone import Gone
from ..target.gone import is_there
from ..target.gone import NO_PAST
from ..target.gone import Past
from ..target.gone import what_returns
from ..target.passes import in_passes
from ..target.renames import resolve
from ..target.target import Target
from .additions import add_alone
from .plan import make_plan
from .plan import Options
from .plan import Plan
from .verify import verify
from .ways import Way

FOLLOWED = "SQLite follows the name everywhere"
NOT_CONFIRMED = "SQLite does not confirm that the stored records stay valid"


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a block did to a table.

    :param table: its name now.
    :param way: how it was done.
    :param reason: why in this way.
    :param notes: what went along without having been named, in sentences.
    :param warnings: what is not as it should be, and was not before either.
    :param past: what later changes of the same block have to know.
    :param settle: compares the foreign keys when the block is through, where a key that
        they refer to comes back only then; returns warnings.
    """

    table: str
    way: Way
    reason: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    past: Past = NO_PAST
    settle: cabc.Callable[[], list[str]] | None = dataclasses.field(
        default=None, compare=False, repr=False
    )


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
    :param options: how to go about it.
    :param pending: takes the foreign keys that do not hold after this change; the
        caller checks them before the transaction ends. Without, they are refused.
    :return: what was done, and how.
    :raises ChangeRefused: it cannot be done without losing something, or rows do not
        fit the new definition.
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
            # A virtual table can have another name, and nothing else.
            found = find_table(read_catalogue(db, schema), table)
            report = Report(found.name, Way.ALTER, FOLLOWED, ())
        if new_name is not None:
            rename_table(db, schema, report.table, new_name)
            if pending is not None:
                pending.renamed(schema, report.table, new_name)
            report = dataclasses.replace(report, table=new_name)
    return report


@contextlib.contextmanager
def _explained(db: Database, table: str) -> cabc.Iterator[None]:
    """Say what holds a table; SQLite only says that it is locked.

    This lock is held by a query, not by a transaction, and never waited for:
    https://www.sqlite.org/rescode.html#locked
    """
    try:
        yield
    except db.driver_error as error:
        if "table is locked" not in str(error):
            raise
        raise ChangeRefused(
            f"Table '{table}' cannot be changed while rows are being read from the"
            " database: fetch all of them, or close the result, before the change."
            " Nothing was changed."
        ) from error


def _alter_in_order(
    db: Database,
    table: str,
    block: list[changes.Change],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> Report:
    """Make what describes the table by its old names before those change.

    All renames of a pass come first; text that was written before them would take a
    renamed column for another one, or find none.
    """
    if options.recreate != "always":
        alone = add_alone(db, table, block, schema, options.naming)
        if alone is not None:
            return Report(alone[0], Way.ALTER, alone[1], ())
    notes: tuple[str, ...] = ()
    if any(isinstance(change, changes.ReplaceDefinition) for change in block):
        stored = read_table(read_catalogue(db, schema), table)
        settled = settle(db, stored, block)
        block, notes = settled.block, settled.notes
    *earlier, last = in_passes(block)
    # The rows have to be written anew once only.
    before = "never" if options.recreate == "never" else "auto"
    reports: list[Report] = []
    for part in (*earlier, last):
        wanted = dataclasses.replace(
            options,
            recreate=options.recreate if part is last else before,
            named_by=None if reports else options.named_by,
            past=reports[-1].past if reports else options.past,
        )
        reports.append(_alter(db, table, part, schema, wanted, pending))
    again = dataclasses.replace(options, recreate=before, named_by=None)
    past = reports[-1].past
    for one in past.gone:
        reports += _bring_back(db, one, past.added, schema, again, pending)
    warnings = [text for report in reports for text in report.warnings]
    for report in reports:
        warnings += report.settle() if report.settle is not None else []
    return dataclasses.replace(
        reports[len(earlier)],
        way=max(report.way for report in reports),
        notes=notes + tuple(note for report in reports for note in report.notes),
        warnings=tuple(warnings),
        settle=None,
    )


def _bring_back(
    db: Database,
    one: Gone,
    added: cabc.Collection[str],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> list[Report]:
    """Make anew what went with a column that the block has added again.

    Alembic keeps what its columns' names still fit. Where the new column's values do
    not fit, it is gone, which a note says.
    """
    catalogue = read_catalogue(db, schema)
    text = read_table(catalogue, one.table).text
    if is_there(one, text) or (one.index and catalogue.find(one.index.name)):
        return []
    change = what_returns(one, text, added)
    is_replaced = text.has_column(one.column)
    told = (one.note,) if one.is_told or is_replaced else ()
    if change is None:
        return [Report(one.table, Way.ALTER, "", told)]
    try:
        with savepoint(db, "batchmigrate_return"):
            return [_alter(db, one.table, [change], schema, options, pending)]
    except ChangeRefused as error:
        cause = str(error).removesuffix("Nothing was changed.").strip()
        note = f"{one.note}, and does not fit the new one: {cause.removesuffix('.')}"
        return [Report(one.table, Way.ALTER, "", (note,))]


def _alter(
    db: Database,
    table: str,
    block: cabc.Sequence[changes.Change],
    schema: str,
    options: Options,
    pending: PendingKeys | None,
) -> Report:
    catalogue = read_catalogue(db, schema)
    stored = read_table(catalogue, table)
    resolved = resolve(stored.name, (c.name for c in stored.text.columns), block)
    past = options.past.after(
        resolved.renames,
        (c.name for c in resolved.changes if isinstance(c, changes.AddColumn)),
    )
    options = dataclasses.replace(options, past=past)
    if resolved.renames:
        rename_columns(db, catalogue, stored.name, resolved.renames)
        catalogue = read_catalogue(db, schema)
        before, stored = stored, read_table(catalogue, table)
        _refuse_texts(stored, not_respelled(before, stored))
    if not (resolved.changes or options.recreate == "always" or options.named_by):
        reason = FOLLOWED if resolved.renames else "no change"
        return Report(stored.name, Way.ALTER, reason, (), past=past)
    plan = make_plan(db, catalogue, stored, resolved.changes, options)
    return _run(db, catalogue, plan, pending)


def _run(
    db: Database, catalogue: Catalogue, plan: Plan, pending: PendingKeys | None
) -> Report:
    """Carry a plan out and make sure of the result."""
    stored = plan.target.before
    _refuse_virtual(catalogue, stored, plan.target.dropped_columns)
    dependants = read_dependants(db, catalogue, stored.name)
    for column in plan.target.dropped_columns:
        needing = silently_needing(dependants, stored.name, column)
        # One that the block adds under the same name serves them as well.
        if needing and not plan.target.text.has_column(column):
            raise _needed(stored, column, needing)
    keys = _key_state(db, catalogue, plan)
    way = carry_out(db, catalogue, plan.target, plan.way, plan.options)
    check_generated(db, plan.target)
    _check_parents(db, plan.target, pending)
    after = read_catalogue(db, stored.schema)
    verify(catalogue, after, plan.target, way)
    broken = newly_broken(dependants, read_dependants(db, after, stored.name))
    if broken:
        raise ChangeRefused(
            f"Table '{stored.name}' cannot be changed like that: it would break"
            f" {'; '.join(broken)}. Drop or change these first. Nothing was changed."
        )
    _refuse_unnoticed(plan.target, dependants)
    warnings = strangers(db, plan.target)
    settle = functools.partial(_settle_keys, db, plan, keys, pending)
    is_unsettled = brings_back_key(
        plan.target.gone, plan.target.text, plan.options.past
    )
    if not is_unsettled:
        warnings += settle()
    reason = plan.reason if way is plan.way else NOT_CONFIRMED
    past = dataclasses.replace(plan.options.past, gone=plan.target.gone)
    return Report(
        stored.name,
        way,
        reason,
        plan.target.notes,
        tuple(warnings),
        past,
        settle if is_unsettled else None,
    )


def _refuse_unnoticed(target: Target, dependants: tuple[Dependant, ...]) -> None:
    """Refuse what would change the meaning of a text without an error of SQLite."""
    stored = target.before
    by_place = misplaced(dependants, stored.text, target.text)
    if by_place:
        raise ChangeRefused(
            f"Table '{stored.name}' cannot be changed like that: its columns would"
            f" change their places, by which {'; '.join(by_place)} may know them"
            " (SELECT *, or INSERT without a list of columns). Drop or change these"
            " first. Nothing was changed."
        )
    texts = turned_into_columns(stored.text, target.text, target.kept_indexes)
    _refuse_texts(stored, texts)


def _refuse_texts(stored: StoredTable, texts: list[str]) -> None:
    """Refuse to make columns of what is text in double quotes."""
    if texts:
        raise ChangeRefused(
            f"Table '{stored.name}' cannot get a column of that name: text in double"
            f" quotes would become the column in {'; '.join(texts)}. Write that text"
            " in single quotes first. Nothing was changed."
        )


def _key_state(db: Database, catalogue: Catalogue, plan: Plan) -> KeyState:
    """Read the foreign keys that the plan concerns."""
    stored = plan.target.before
    keys = read_foreign_keys(db, catalogue, stored.name)
    changed = {upper(name) for name in changed_columns(plan.target)}
    # A new column under the name of a dropped one.
    changed |= set(
        map(upper, filter(stored.text.has_column, plan.target.added_columns))
    )
    rekeyed = stored.text.primary_key != plan.target.text.primary_key
    unkeyed = _loses_a_key(plan.target)
    look = set()
    for key in keys:
        columns: tuple[str, ...] = ()
        if same_name(key.child, stored.name):
            columns += key.child_columns
        if same_name(key.parent, stored.name):
            columns += key.parent_columns or stored.text.primary_key
            # A key that names no columns refers to the primary key, whatever it is.
            if unkeyed or (not key.parent_columns and rekeyed):
                look.add(key.child)
        if not changed.isdisjoint(map(upper, columns)):
            look.add(key.child)
    return read_state(db, stored.schema, {key.child for key in keys}, look)


def _loses_a_key(target: Target) -> bool:
    """Tell whether a key goes that foreign keys may refer to."""
    kinds = (ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE)
    left = [meaning(c) for c in target.text.of_kind(*kinds)]
    return any(
        meaning(c) not in left for c in target.before.text.of_kind(*kinds)
    ) or any(
        index.unique and index.name in target.dropped_indexes
        for index in target.before.indexes
    )


def _settle_keys(
    db: Database, plan: Plan, before: KeyState, pending: PendingKeys | None
) -> list[str]:
    """Compare the foreign keys that the plan concerns with what they were.

    They are judged now, or in the end.
    """
    name = plan.target.before.name
    catalogue = read_catalogue(db, plan.target.before.schema)
    after = _key_state(db, catalogue, plan)
    if pending is not None:
        pending.changed(plan.target, before, after)
        return []
    errors = new_errors(before, after)
    if errors:
        raise ChangeRefused(mismatch(name, errors))
    violations = described(after.violations - before.violations)
    if violations and db.execute("PRAGMA foreign_keys")[0][0]:
        raise ChangeRefused(orphaned(name, violations))
    return violations


def _check_parents(db: Database, target: Target, pending: PendingKeys | None) -> None:
    """Hold the rows against new foreign keys; without a parent key, in the end."""
    try:
        check_parents(db, target)
    except NoParentKey:
        if pending is None:
            raise
        pending.added(target)


def _refuse_virtual(
    catalogue: Catalogue, stored: StoredTable, columns: cabc.Iterable[str]
) -> None:
    for column in columns:
        needing = virtual_tables_naming(catalogue, stored.name, column)
        if needing:
            raise _needed(stored, column, needing)


def _needed(stored: StoredTable, column: str, needing: list[str]) -> ChangeRefused:
    return ChangeRefused(
        f"Column '{column}' of '{stored.name}' cannot be dropped: it is needed by"
        f" {'; '.join(needing)}. Drop or change these first. Nothing was changed."
    )

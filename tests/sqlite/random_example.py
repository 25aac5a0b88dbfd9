"""One random example: a database, a block, what the engine did and what it ought to."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import re
import sqlite3
import typing as t

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.engine import Report
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.plan.steps import AddColumn
from flask_batchmigrate.sqlite.plan.steps import CopyTable
from flask_batchmigrate.sqlite.plan.steps import DropColumn
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target.changes import Change
from flask_batchmigrate.sqlite.target.changes import CreateIndex
from flask_batchmigrate.sqlite.target.changes import RenameColumn
from tests.oracles.block_oracle import broken_index_answers
from tests.oracles.block_oracle import contents
from tests.oracles.block_oracle import damage
from tests.oracles.block_oracle import differences
from tests.oracles.block_oracle import dump
from tests.oracles.block_oracle import expect
from tests.oracles.block_oracle import Expected
from tests.oracles.block_oracle import orphans
from tests.oracles.plan_reasons import unexplained
from tests.oracles.schema_model import affinity
from tests.oracles.schema_model import ForeignKey
from tests.oracles.schema_model import plain
from tests.oracles.schema_model import Schema
from tests.oracles.schema_model import Table
from tests.oracles.schema_model import Writer
from tests.oracles.stored_records import records_in
from tests.oracles.stored_records import values_in
from tests.sqlite.random_blocks import BlockBuilder
from tests.sqlite.random_blocks import Meaning
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_emphasis import Emphasis
from tests.sqlite.random_emphasis import EVEN
from tests.sqlite.random_schemas import add_later
from tests.sqlite.random_schemas import Builder
from tests.sqlite.random_schemas import create
from tests.sqlite.random_schemas import fill
from tests.sqlite.random_schemas import insertion

Connect = t.Callable[[str], t.Any]

PROBES: t.Final = (None, 0, 1, 42, 0.5, "a", "A", "42", "007", "x", b"42")

ACCEPTED: t.Final = {
    "the library forbids writing the schema": re.compile(
        r"this SQLite library forbids writing the schema"
    ),
    "recreate='never'": re.compile(r"recreate='never' rules out"),
    # SQLite (3.54 still) trips over a UNIQUE on the INTEGER PRIMARY KEY of a WITHOUT
    # ROWID table; and the newest ones give no column a name of the rowid.
    "SQLite cannot rename it": re.compile(
        r"SQLite cannot rename column .*(after rename|rename (to|from) rowid alias)"
        r"|SQLite cannot rename column .*no such column"
    ),
    "SQLite would rename more": re.compile(r"would change computed columns of"),
    "something is broken already": re.compile(r"SQLite cannot rename .*do not compile"),
}
"""The refusals that need no fault in the block: what they say."""


_GIST: t.Final = re.compile(r"\d+(?= rows)|(?<=not hold ).*|^.*(?= does not hold)")


class Discard(Exception):
    """The choices lead to no legal example."""


class Wrong(AssertionError):
    """The engine did something else than it ought to."""


class NoSchemaWriting(DirectDatabase):
    """The door to a library in defensive mode."""

    @property
    def can_write_schema(self) -> bool:
        """Whether the schema may be written."""
        return False


@dataclasses.dataclass(frozen=True)
class Library:
    """A SQLite library and its driver.

    :param connect: opens a database.
    :param error: the base class of the driver's errors.
    :param door: the engine's door to a connection.
    :param defensive: the same where the schema may not be written.
    :param version: the library's version.
    :param image: reads a database as the bytes of a file; ``None`` where the driver
        cannot.
    """

    connect: cabc.Callable[[t.Any], t.Any]
    error: type[Exception]
    door: type[t.Any]
    defensive: type[t.Any]
    version: tuple[int, ...]
    image: cabc.Callable[[t.Any], bytes] | None


@dataclasses.dataclass
class Example:
    """A database and a block of changes to one of its tables.

    :param library: the library that has made it.
    :param has_added: whether a column of the table was added to rows.
    :param statements: what made the database, for the message of a failure.
    """

    library: Library
    database: t.Any
    meaning: Meaning
    recreate: str
    writable: bool
    keep_indexes: bool
    has_added: bool
    statements: list[tuple[str, t.Any]]

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.meaning.old.name

    def told(self) -> str:
        """Write everything that is needed to try it again."""
        lines = [f"{sql.strip()}; {list(v) if v else ''}" for sql, v in self.statements]
        lines += [f"  {change}" for change in self.meaning.changes]
        lines.append(
            f"  on {self.table!r}, recreate={self.recreate}, writable={self.writable},"
            f" keep_indexes={self.keep_indexes}"
        )
        return "\n".join(lines)


class Recording:
    """A connection that remembers the statements that changed something."""

    def __init__(self, connection: t.Any, error: type[Exception]) -> None:
        self._connection = connection
        self._error = error
        self.statements: list[tuple[str, t.Any]] = []

    def execute(self, sql: str, values: t.Sequence[t.Any] = ()) -> t.Any:
        """Run a statement."""
        result = self._connection.execute(sql, values)
        if not sql.startswith(("SELECT", "EXPLAIN")):
            self.statements.append((sql, values))
        return result


def make_example(
    choices: Choices,
    connection: t.Any,
    library: Library,
    emphasis: Emphasis = EVEN,
) -> Example:
    """Make a database with rows, and a block.

    :param emphasis: what there is to be more of.
    :raises Discard: it did not come to a legal schema.
    """
    error = library.error
    recording = Recording(connection, error)
    if emphasis.has_odd_values:
        recording.execute("PRAGMA page_size = 512")
    if choices.chance(4):
        recording.execute(f"PRAGMA auto_vacuum = {choices.number(1, 2)}")
    recording.execute("PRAGMA foreign_keys = OFF")
    builder = Builder(choices, library.version >= (3, 37), emphasis)
    schema = builder.build()
    try:
        create(recording, schema, Writer(schema, builder.spell, builder.declare), error)
    except error as problem:
        raise Discard(str(problem)) from problem
    enforced = choices.chance(2)
    # Where keys are not enforced, rows without a parent are there from the start.
    recording.execute(f"PRAGMA foreign_keys = {int(enforced or choices.chance(2))}")
    fill(choices, recording, schema, error, emphasis)
    add_later(choices, recording, builder, error)
    recording.execute(f"PRAGMA foreign_keys = {int(enforced)}")
    if choices.chance(emphasis.analyzed):
        recording.execute("ANALYZE")
    table = choices.pick(schema.tables)
    meaning = BlockBuilder(builder, schema, table.id).build()
    recreate = choices.pick(emphasis.recreate)
    writable = not (emphasis.unwritable and choices.chance(emphasis.unwritable))
    keep = not choices.chance(4)
    return Example(
        library,
        connection,
        meaning,
        recreate,
        writable,
        keep,
        any(sql.startswith("ALTER") for sql, _ in recording.statements),
        recording.statements,
    )


def alter(example: Example) -> Report:
    """Let the engine make the block, in a transaction of its own."""
    library = example.library
    door = library.door if example.writable else library.defensive
    example.database.execute("BEGIN IMMEDIATE")
    before = dump(example.database, example.meaning.before)
    try:
        report = _alter(example, door)
    except ChangeRefused as refusal:
        if dump(example.database, example.meaning.before) != before:
            raise Wrong(f"refused, but changed: {refusal}") from refusal
        example.database.execute("ROLLBACK")
        raise
    example.database.execute("COMMIT")
    return report


def _alter(example: Example, door: type[t.Any]) -> Report:
    return alter_table(
        door(example.database),
        example.table,
        t.cast("list[Change]", example.meaning.changes),
        options=Options(recreate=example.recreate, keep_indexes=example.keep_indexes),
    )


def check_example(
    choices: Choices,
    example: Example,
    fresh: t.Any,
    run: cabc.Callable[[Example], Report | None] = alter,
) -> str:
    """Let the engine make the block, and compare.

    :param fresh: an empty database of the same library.
    :return: what came of it, in a word or two.
    :raises Wrong: the engine did something else than it ought to.
    """
    database, meaning = example.database, example.meaning
    error = example.library.error
    before = dump(database, meaning.before)
    kept, statistics = _texts(database), _statistics(database)
    expected = expect(database, meaning, fresh, error)
    try:
        report = run(example)
    except ChangeRefused as refusal:
        said = str(refusal)
        if dump(database, meaning.before) != before:
            raise Wrong(f"refused, but changed: {said}\n{example.told()}") from refusal
        if not said.endswith("Nothing was changed."):
            raise Wrong(f"does not say that nothing was changed: {said}") from refusal
        return f"refused: {_justify(example, expected, said)}"
    except Discard:
        raise
    except Exception as problem:
        raise Wrong(f"{problem!r}\n{_told(expected)}\n{example.told()}") from problem
    if expected.refuse:
        raise Wrong(
            f"accepted ({_shown(report)}), but ought to refuse: {_told(expected)}"
            f"\n{example.told()}"
        )
    if report and example.recreate == "never" and report.way is Way.COPY:
        raise Wrong(f"copied in spite of recreate='never'\n{example.told()}")
    if expected.may_refuse and not _complete(expected, meaning.after):
        return "accepted, not compared"
    problems = differences(database, expected.database, meaning.after, error)
    sound = damage(expected.database)
    problems += [d for d in damage(database) if d not in sound]
    problems += broken_index_answers(database, meaning.after, PROBES)
    problems += _drifted(kept, database, meaning)
    problems += _flags(before, database)
    problems += _unexplained(report)
    problems += _changed_statistics(statistics, database, meaning)
    if report and not _has_short_records(example, report):
        problems += _differing_records(example, expected.database)
    problems += reload_problems(database, error)
    if not problems:
        problems = probe(choices, example, expected.database, meaning.after)
    if problems:
        listed = "\n  ".join(problems)
        raise Wrong(f"{_shown(report)}\n  {listed}\n{example.told()}")
    return f"done: {report.way.title}" if report else "done"


def _shown(report: Report | None) -> str:
    plans = () if report is None else report.plans
    return "; ".join(f"{plan}: {', '.join(plan.lines)}" for plan in plans)


def _told(expected: Expected) -> str:
    return f"refuse={expected.refuse} may_refuse={expected.may_refuse}"


def _justify(example: Example, expected: Expected, said: str) -> str:
    if expected.refuse:
        return _GIST.sub("_", expected.refuse[0].split(":")[0])
    if expected.may_refuse:
        reason = _GIST.sub("_", expected.may_refuse[0].split(":")[0])
        return f"tolerated, {reason}"
    for reason, pattern in ACCEPTED.items():
        if pattern.search(said):
            return reason
    raise Wrong(f"refused without need: {said}\n{example.told()}")


def _complete(expected: Expected, schema: Schema) -> bool:
    """Tell whether the expected database was made to its end."""
    try:
        contents(expected.database, schema)
    except Exception:
        return False
    programs = expected.database.execute(
        "SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger')"
    ).fetchone()[0]
    return bool(programs == len(schema.programs))


def _texts(database: t.Any) -> dict[tuple[str, str], str]:
    rows = database.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    ).fetchall()
    return {(kind, name): sql for kind, name, sql in rows}


def _drifted(
    before: dict[tuple[str, str], str], database: t.Any, meaning: Meaning
) -> list[str]:
    """Find text that changed though the block does not concern it."""
    after, said = _texts(database), []
    renamed = any(
        table.name != meaning.after.table(table.id).name
        or any(
            meaning.after.table(table.id).has(c.id)
            and meaning.after.table(table.id).column(c.id).name != c.name
            for c in table.columns
        )
        for table in meaning.before.tables
    )
    # A new column, too, may have been renamed.
    renamed |= any(isinstance(c, RenameColumn) for c in meaning.changes)
    created = {
        ("index", change.name): change.sql
        for change in meaning.changes
        if isinstance(change, CreateIndex)
    }
    if not renamed:
        # SQLite's own RENAME may change quoting in what it follows a name through.
        for (kind, name), sql in after.items():
            own = (kind, name) == ("table", meaning.old.name)
            internal = name.startswith("sqlite_")
            old = created.get((kind, name), before.get((kind, name), sql))
            # Alembic quotes names in a new index only where they need it.
            same = old == sql or ((kind, name) in created and _bare(old) == _bare(sql))
            if not same and not own and not internal:
                said.append(f"{kind} {name} was {old!r}, is {sql!r}")
    text = after.get(("table", meaning.new.name), "")
    for column in meaning.new.columns:
        if column.comment and meaning.old.has(column.id) and column.comment not in text:
            said.append(f"comment {column.comment!r} is gone: {text}")
    extra = [name for _, name in after if "batchmigrate" in name]
    return said + [f"left behind: {name}" for name in extra]


def _bare(sql: str) -> str:
    return sql.replace('"', "")


def _statistics(database: t.Any) -> dict[tuple[str, str | None], str]:
    found = database.execute(
        "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"
    ).fetchall()
    if not found:
        return {}
    rows = database.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    return {(table, index): text for table, index, text in rows}


def _changed_statistics(
    before: dict[tuple[str, str | None], str], database: t.Any, meaning: Meaning
) -> list[str]:
    """Find statistics that are gone or others, of what the block leaves as it is."""
    after, said = _statistics(database), []
    names = {table.name for table in meaning.before.tables if table != meaning.old}
    indexes = {
        index.name
        for index in meaning.before.indexes
        if index in meaning.after.indexes and meaning.old.name == meaning.new.name
    }
    for (table, index), text in before.items():
        found = after.get((table, index))
        if (table in names or index in indexes) and found != text:
            said.append(f"statistics of {table}, {index} were {text!r}, are {found!r}")
    return said


def _unexplained(report: Report | None) -> list[str]:
    plans = () if report is None else report.plans
    copies = [plan for plan in plans if plan.way is Way.COPY]
    return [said for plan in copies for said in unexplained(plan.reason)]


def _has_short_records(example: Example, report: Report) -> bool:
    """Tell whether records may differ that say the same.

    A row from before an ADD COLUMN has no place for the column until it is written, and
    DROP COLUMN writes records as SQLite likes.
    """
    steps = [step for plan in report.plans for step in plan.steps]
    if any(isinstance(step, AddColumn | DropColumn) for step in steps):
        return not any(isinstance(step, CopyTable) for step in steps[-1:])
    return example.has_added and report.way is not Way.COPY


def _differing_records(example: Example, wanted: t.Any) -> list[str]:
    """Find rows of the table that are not stored as they are after an INSERT."""
    image, table = example.library.image, example.meaning.new
    if image is None:
        return []
    sql = "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?"
    # The newest releases store a whole number in a REAL column as an integer or as a
    # real, depending on what is computed from it before it is stored.
    reals = any(affinity(column.type) == "REAL" for column in table.columns)
    is_loose = reals and example.library.version >= (3, 41)
    found = []
    for database in (example.database, wanted):
        root = database.execute(sql, (table.name,)).fetchone()[0]
        records = [
            (None if table.numbered_anew else rowid, _stored(record, is_loose))
            for rowid, record in records_in(image(database), root)
        ]
        found.append(sorted(records, key=repr))
    return [] if found[0] == found[1] else [f"stored {found[0]}, wanted {found[1]}"]


def _stored(record: bytes, is_loose: bool) -> t.Any:
    """Return a record; where a number may be stored in both ways, by its values."""
    if not is_loose:
        return record
    return [
        ("real", float(value)) if kind == "integer" else (kind, value)
        for kind, value in values_in(record)
    ]


def _flags(before: list[t.Any], database: t.Any) -> list[str]:
    names = ("foreign_keys", "legacy_alter_table", "writable_schema")
    now = [database.execute(f"PRAGMA {name}").fetchone() for name in names]
    return [] if now == before[-1] else [f"settings {now}, were {before[-1]}"]


def reload_problems(database: t.Any, error: type[Exception]) -> list[str]:
    """Make the schema anew from its stored statements, as a dump would."""
    rows = database.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY type IN ('trigger', 'view'), type = 'index', rowid"
    ).fetchall()
    fresh = type(database)(":memory:")
    try:
        for (sql,) in rows:
            try:
                fresh.execute(sql)
            except error as problem:
                return [f"stored text cannot be loaded: {problem}: {sql}"]
    finally:
        fresh.close()
    return []


def probe(
    choices: Choices, example: Example, wanted: t.Any, schema: Schema
) -> list[str]:
    """Run the same statements on both databases and compare what they do."""
    found, error = example.database, example.library.error
    enforced = choices.chance(2)
    # A copy by renaming puts the tables into another order, and on that depends what
    # SQLite says of rows that have no parent already, or have one in their own table.
    if not example.writable and (
        _refers_to_itself(schema) or any(orphans(found, schema, error))
    ):
        enforced = False
    for database in (found, wanted):
        database.execute(f"PRAGMA foreign_keys = {int(enforced)}")
    problems = []
    for _ in range(4):
        sql, values = _probe_statement(choices, found, schema)
        outcomes = [_outcome(d, sql, values, schema, error) for d in (found, wanted)]
        if outcomes[0] != outcomes[1] and _read_alike((found, wanted), sql, values):
            problems.append(
                f"{sql} {values}: found {outcomes[0]}, wanted {outcomes[1]}"
            )
    return problems


def _read_alike(databases: tuple[t.Any, t.Any], sql: str, values: list[t.Any]) -> bool:
    """Tell whether SQLite reads the rows of both databases in the same order.

    With statistics, or indexes in another order, it may scan another index. Then the
    first of two rows that exclude each other is not the same one.
    """
    steps = [
        [row[3] for row in d.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
        for d in databases
    ]
    return bool(steps[0] == steps[1])


def _refers_to_itself(schema: Schema) -> bool:
    return any(
        isinstance(key, ForeignKey) and key.parent == table.id
        for table in schema.tables
        for key in table.constraints
    )


def _probe_statement(
    choices: Choices, database: t.Any, schema: Schema
) -> tuple[str, list[t.Any]]:
    table = choices.pick(schema.tables)
    name = plain(table.name)
    kind = choices.number(0, 3)
    column = choices.pick(table.plain_columns or table.columns)
    if kind == 0:
        return f"DELETE FROM {name} WHERE {plain(column.name)} IS NOT NULL", []
    if kind == 1 or _is_numbered_out(database, table):
        sql = f"UPDATE {name} SET {plain(column.name)} = ?"
        return sql, [choices.pick(PROBES)]
    return insertion(choices, database, schema, table)


def _is_numbered_out(database: t.Any, table: Table) -> bool:
    """Tell whether SQLite would have to number a new row at random."""
    if table.rowid is None:
        return False
    sql = f"SELECT max({table.rowid}) FROM {plain(table.name)}"
    return bool(database.execute(sql).fetchone()[0] == 2**63 - 1)


def _outcome(
    database: t.Any,
    sql: str,
    values: list[t.Any],
    schema: Schema,
    error: type[Exception],
) -> t.Any:
    database.execute("BEGIN")
    try:
        try:
            database.execute(sql, values)
        except error as problem:
            return str(problem).split(":")[0]
        return contents(database, schema)
    finally:
        with contextlib.suppress(error):
            database.execute("ROLLBACK")


def connect(path: str | pathlib.Path) -> sqlite3.Connection:
    """Open a database with the standard library's driver."""
    return sqlite3.connect(path, isolation_level=None)


STANDARD: t.Final = Library(
    connect,
    sqlite3.Error,
    DirectDatabase,
    NoSchemaWriting,
    sqlite3.sqlite_version_info,
    getattr(sqlite3.Connection, "serialize", None),
)
"""The library of this Python."""


def run_example(
    choices: Choices,
    path: str | pathlib.Path = ":memory:",
    run: cabc.Callable[[Example], Report | None] = alter,
    library: Library = STANDARD,
    emphasis: Emphasis = EVEN,
) -> str:
    """Make an example and check it.

    :param path: where the database is to be.
    :param run: what makes the block.
    :param emphasis: what there is to be more of.
    :return: what came of it.
    :raises Discard: it did not come to a legal schema.
    :raises Wrong: the engine did something else than it ought to.
    """
    with (
        contextlib.closing(library.connect(path)) as database,
        contextlib.closing(library.connect(":memory:")) as fresh,
    ):
        example = make_example(choices, database, library, emphasis)
        return check_example(choices, example, fresh, run)

"""Plans as values: a block goes in; differences, a way, and steps come out.

Planning reads a real file and leaves it as it was; no step is run.
"""

from __future__ import annotations

import sqlite3
import typing as t

import pytest

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.plan import make_plan
from flask_batchmigrate.sqlite.plan.plan import NOT_CONFIRMED
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.plan.plan import Plan
from flask_batchmigrate.sqlite.plan.steps import Cost
from flask_batchmigrate.sqlite.plan.ways import CASES
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.catalogue import read_catalogue
from flask_batchmigrate.sqlite.schema.catalogue import read_table
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.snapshot import around
from flask_batchmigrate.sqlite.target import changes
from flask_batchmigrate.sqlite.target.changes import AddColumn
from flask_batchmigrate.sqlite.target.changes import AddConstraint
from flask_batchmigrate.sqlite.target.changes import DropColumn
from flask_batchmigrate.sqlite.target.changes import DropConstraint
from flask_batchmigrate.sqlite.target.changes import ReplaceColumn
from flask_batchmigrate.sqlite.target.changes import SetDefault
from flask_batchmigrate.sqlite.target.changes import SetNotNull
from flask_batchmigrate.sqlite.target.changes import SetOptions
from flask_batchmigrate.sqlite.target.changes import SetType
from tests.oracles.database_state import read_state
from tests.sqlite.engine_file import File
from tests.sqlite.engine_file import Make

PLAIN = "CREATE TABLE t (a INTEGER, b TEXT)"
KEYED = "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT)"
PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY)"

ADD = "add column 'c' by ALTER TABLE (no row is read or written)"
BUILD_UNIQUE = "edit the stored definition (every row is read to build an index)"
COPY = "copy the rows under the new definition (every row is written)"
EDIT = "edit the stored definition (no row is read or written)"
PARENTS = (
    "look for rows without a parent under the new foreign keys (every row is read once)"
)
CONVERT = (
    "convert the values of 'b'"
    " (every row is read, and written where what it stores differs)"
)
MISFITS = "look for rows that break type INTEGER of 'b' (every row is read once)"
SPELL = "spell the stored definition as it was written (no row is read or written)"


class Planned(t.NamedTuple):
    """A block on a schema, and the plan that is expected.

    :param differences: each with the column or constraint that it is about.
    :param steps: what is done, in lines.
    :param instead: what is done where SQLite does not confirm that; in lines.
    :param minimum: the SQLite release with which the plan is this one.
    :param way: the way, where it is not that of the costliest difference.
    """

    schema: str
    block: tuple[changes.Change, ...]
    differences: tuple[str, ...]
    steps: tuple[str, ...]
    instead: tuple[str, ...] = ()
    options: Options = Options()
    minimum: tuple[int, ...] = (3, 31)
    way: Way | None = None


PLANS: dict[str, Planned] = {
    "column added": Planned(
        PLAIN,
        (AddColumn("c", "c INT DEFAULT 5"),),
        ("column added: c",),
        (ADD, SPELL),
        (COPY,),
    ),
    "column dropped": Planned(
        PLAIN,
        (DropColumn("b"),),
        ("column dropped: b",),
        ("drop column 'b' by ALTER TABLE (every row is written)", EDIT),
        (COPY,),
        minimum=(3, 35, 5),
        way=Way.EDIT,  # the text is set to what it is to be, comments included
    ),
    "virtual column added": Planned(
        PLAIN,
        (AddColumn("g", "g AS (a + 1)"),),
        ("virtual column added: g",),
        (EDIT,),
        (COPY,),
    ),
    "virtual column dropped": Planned(
        "CREATE TABLE t (a INTEGER, g AS (a + 1))",
        (DropColumn("g"),),
        ("virtual column dropped: g",),
        (EDIT,),
        (COPY,),
    ),
    "type, same storage": Planned(
        "CREATE TABLE t (a INTEGER, b VARCHAR(9))",
        (SetType("b", "VARCHAR(20)"),),
        ("type, same storage: b",),
        (EDIT,),
        (COPY,),
    ),
    "NOT NULL set": Planned(
        PLAIN,
        (SetNotNull("b", True),),
        ("NOT NULL set: b", "constraint respelled: t"),
        ("look for rows that break NOT NULL of 'b' (every row is read once)", EDIT),
        (COPY,),
    ),
    "NOT NULL dropped": Planned(
        "CREATE TABLE t (a INTEGER, b TEXT NOT NULL)",
        (SetNotNull("b", False),),
        ("NOT NULL dropped: b", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "default": Planned(
        PLAIN, (SetDefault("b", "'x'"),), ("default: b",), (EDIT,), (COPY,)
    ),
    "collation": Planned(
        PLAIN,
        (SetType("b", "TEXT COLLATE NOCASE"),),
        ("collation: b", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "virtual expression": Planned(
        "CREATE TABLE t (a INTEGER, g INT AS (a + 1))",
        (ReplaceColumn("g", "g INT AS (a + 2)"),),
        ("virtual expression: g",),
        (EDIT,),
        (COPY,),
    ),
    "CHECK added": Planned(
        PLAIN,
        (AddConstraint("CONSTRAINT ck CHECK (a > 0)"),),
        ("CHECK added: ck", "constraint respelled: t"),
        ("look for rows that break CHECK 'ck' (every row is read once)", EDIT),
        (COPY,),
    ),
    "CHECK dropped": Planned(
        "CREATE TABLE t (a INTEGER, CONSTRAINT ck CHECK (a > 0))",
        (DropConstraint("ck"),),
        ("CHECK dropped: ck", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "FOREIGN KEY added": Planned(
        f"{PARENT}; {PLAIN}",
        (AddConstraint("CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id)"),),
        ("FOREIGN KEY added: fk", "constraint respelled: t"),
        (EDIT, PARENTS),
        (COPY, PARENTS),
    ),
    "FOREIGN KEY dropped": Planned(
        f"{PARENT}; CREATE TABLE t"
        " (a INTEGER, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id))",
        (DropConstraint("fk"),),
        ("FOREIGN KEY dropped: fk", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "constraint respelled": Planned(
        "CREATE TABLE t (a INTEGER, CONSTRAINT ck CHECK (a > 0))",
        (DropConstraint("ck"), AddConstraint("CONSTRAINT other CHECK (a > 0)")),
        ("constraint respelled: t",),
        (EDIT,),
        (COPY,),
    ),
    "place of a virtual column": Planned(
        PLAIN,
        (AddColumn("g", "g AS (a + 1)", after="a"),),
        ("virtual column added: g", "place of a virtual column: t"),
        (EDIT,),
        (COPY,),
    ),
    "STRICT dropped": Planned(
        "CREATE TABLE t (a INTEGER) STRICT",
        (SetOptions(strict=False),),
        ("STRICT dropped: t",),
        (EDIT,),
        (COPY,),
        minimum=(3, 37),
    ),
    "AUTOINCREMENT dropped": Planned(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)",
        (SetOptions(autoincrement=False),),
        ("AUTOINCREMENT dropped: t", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "column added with rows to fill": Planned(
        PLAIN,
        (AddColumn("c", "c DEFAULT CURRENT_TIMESTAMP"),),
        ("column added with rows to fill: c",),
        (ADD, "fill column 'c' (every row is written)", EDIT),
        (COPY,),
    ),
    "column with a key added": Planned(
        PLAIN,
        (AddColumn("id", "id INTEGER PRIMARY KEY"),),
        ("column with a key added: id", "key: t"),
        (COPY,),
    ),
    "stored column": Planned(
        PLAIN,
        (AddColumn("s", "s AS (a + 1) STORED"),),
        ("stored column: s",),
        (COPY,),
    ),
    "virtual column, indexed": Planned(
        PLAIN,
        (AddColumn("g", "g AS (a + 1) UNIQUE"),),
        ("virtual column, indexed: g", "UNIQUE added: UNIQUE"),
        (COPY,),
    ),
    "virtual column, checked": Planned(
        PLAIN,
        (AddColumn("g", "g AS (a + 1) NOT NULL"),),
        ("virtual column, checked: g",),
        (COPY,),
    ),
    "order of columns": Planned(
        PLAIN, (changes.Reorder((("b", "a"),)),), ("order of columns: t",), (COPY,)
    ),
    "name used again": Planned(
        PLAIN,
        (DropColumn("b"), AddColumn("b", "b INT")),
        ("column dropped: b", "name used again: b", "column added: b"),
        (COPY,),
    ),
    "type, other storage": Planned(
        PLAIN,
        (SetType("b", "INTEGER"),),
        ("type, other storage: b",),
        (CONVERT, MISFITS, EDIT),
        (COPY,),
    ),
    "conversion": Planned(
        PLAIN,
        (SetType("b", "TEXT", "upper(b)"),),
        ("conversion: b",),
        (CONVERT, MISFITS.replace("INTEGER", "TEXT"), EDIT),
        (COPY,),
    ),
    "type of a key": Planned(
        KEYED, (SetType("id", "NUMERIC"),), ("type of a key: id",), (COPY,)
    ),
    "type of a computed column": Planned(
        "CREATE TABLE t (a INTEGER, g INT AS (a || 'x'))",
        (SetType("g", "TEXT"),),
        ("type of a computed column: g",),
        (COPY,),
    ),
    "conversion in a key": Planned(
        "CREATE TABLE t (a INTEGER, b TEXT UNIQUE)",
        (SetType("b", "INTEGER"),),
        ("conversion in a key: b",),
        (COPY,),
    ),
    "conversion, stored column": Planned(
        "CREATE TABLE t (a INTEGER, b TEXT, s AS (b || 'x') STORED)",
        (SetType("b", "INTEGER"),),
        ("conversion, stored column: b",),
        (COPY,),
    ),
    "conversion by a query": Planned(
        PLAIN,
        (SetType("b", "TEXT", "(SELECT max(b) FROM t)"),),
        ("conversion by a query: b",),
        (COPY,),
    ),
    "conversion beside REAL": Planned(
        PLAIN,
        (SetType("a", "REAL", "a / 100.0"),),
        ("conversion beside REAL: a", "conversion beside REAL: a"),
        (COPY,),
    ),
    "column filled by a name": Planned(
        f"{PLAIN}; {PARENT}",
        (AddColumn("c", "c TEXT DEFAULT b REFERENCES p (id)"),),
        ("column filled by a name: c", "FOREIGN KEY added: REFERENCES p (id)"),
        (COPY, PARENTS),
    ),
    "conversion, temporary trigger": Planned(
        f"{PLAIN}; CREATE TEMP TRIGGER tr AFTER UPDATE ON t BEGIN SELECT 1; END",
        (SetType("b", "INTEGER"),),
        ("conversion, temporary trigger: b",),
        (COPY,),
    ),
    "columns dropped, several": Planned(
        "CREATE TABLE t (a, b, c, d)",
        tuple(DropColumn(name) for name in "bcd"),
        tuple(f"columns dropped, several: {name}" for name in "bcd"),
        (COPY,),
    ),
    "conversion beside a drop": Planned(
        "CREATE TABLE t (a INTEGER, b TEXT, c TEXT)",
        (SetType("b", "INTEGER"), DropColumn("c")),
        ("column dropped: c", "conversion beside a drop: b"),
        (COPY,),
    ),
    "default of older rows": Planned(
        f"{PLAIN}; INSERT INTO t VALUES (1, 'x'); ALTER TABLE t ADD late DEFAULT 7",
        (SetDefault("late", "8"),),
        ("default of older rows: late",),
        (COPY,),
    ),
    "collation, in use": Planned(
        f"{PLAIN}; CREATE INDEX ix ON t (b)",
        (SetType("b", "TEXT COLLATE NOCASE"),),
        ("collation, in use: b", "constraint respelled: t"),
        (COPY.replace(" (", ", build index 'ix' ("),),
    ),
    "UNIQUE added": Planned(
        PLAIN,
        (AddConstraint("CONSTRAINT uq UNIQUE (b)"),),
        ("UNIQUE added: uq", "constraint respelled: t"),
        (BUILD_UNIQUE,),
        (COPY,),
    ),
    "UNIQUE dropped": Planned(
        "CREATE TABLE t (a INTEGER, b TEXT, CONSTRAINT uq UNIQUE (b))",
        (DropConstraint("uq"),),
        ("UNIQUE dropped: uq", "constraint respelled: t"),
        (EDIT,),
        (COPY,),
    ),
    "key": Planned(
        PLAIN,
        (AddConstraint("PRIMARY KEY (b)"),),
        ("key: t", "constraint respelled: t"),
        (COPY,),
    ),
    "STRICT set": Planned(
        PLAIN,
        (SetOptions(strict=True),),
        ("STRICT set: t",),
        (
            "look for values that do not fit their types"
            " (every row is read, and written where what it stores differs)",
            EDIT,
        ),
        (COPY,),
        minimum=(3, 37),
    ),
    "STRICT dropped, ANY": Planned(
        "CREATE TABLE t (a ANY) STRICT",
        (SetOptions(strict=False), SetType("a", "ANY")),
        ("STRICT dropped, ANY: t",),
        (COPY,),
        minimum=(3, 37),
    ),
    "WITHOUT ROWID": Planned(
        KEYED, (SetOptions(without_rowid=True),), ("WITHOUT ROWID: t",), (COPY,)
    ),
    "AUTOINCREMENT set": Planned(
        KEYED,
        (SetOptions(autoincrement=True),),
        ("AUTOINCREMENT set: t", "constraint respelled: t"),
        (COPY,),
    ),
    "asked for": Planned(
        PLAIN, (), ("asked for: t",), (COPY,), options=Options(recreate="always")
    ),
}
"""One block for each kind of difference, by its key in ``CASES``."""


class Before3355(DirectDatabase):
    """A library whose DROP COLUMN damages files."""

    version = (3, 35, 4)


class Defensive(DirectDatabase):
    """A library that does not let its schema be written."""

    @property
    def can_write_schema(self) -> bool:
        """Whether the schema may be written."""
        return False


def plan(
    file: File,
    *block: changes.Change,
    options: Options | None = None,
    database: type[DirectDatabase] = DirectDatabase,
) -> Plan:
    """Plan a block on the table ``t``, and see that this changes nothing at all."""
    before = read_state(file.path)
    file.connection.execute("BEGIN IMMEDIATE")
    db = database(file.connection)
    try:
        catalogue = read_catalogue(db, "main")
        snapshot = around(db, catalogue, read_table(catalogue, "t"))
        return make_plan(db, snapshot, block, options or Options(), None)
    finally:
        temporary = "SELECT name FROM sqlite_temp_master WHERE type <> 'trigger'"
        assert file.query(temporary) == []
        file.connection.execute("COMMIT")
        assert read_state(file.path) == before


def lines(steps: t.Iterable[t.Any]) -> tuple[str, ...]:
    """Each step in one line, with its cost."""
    return tuple(f"{step} ({step.cost.value})" for step in steps)


def need(file: File, minimum: tuple[int, ...] = (3, 31)) -> None:
    """Skip where the library in use has to plan otherwise."""
    if sqlite3.sqlite_version_info < minimum:
        pytest.skip(f"SQLite {'.'.join(map(str, minimum))} plans this")
    if not DirectDatabase(file.connection).can_write_schema:
        pytest.skip("this SQLite library does not let its schema be written")


def test_every_case_has_a_plan() -> None:
    """A kind of difference that comes to the table comes to these tests."""
    assert PLANS.keys() == CASES.keys()


@pytest.mark.parametrize("case", PLANS)
def test_plan(make: Make, case: str) -> None:
    """A block gives these differences, and takes the way of its costliest one."""
    given = PLANS[case]
    if sqlite3.sqlite_version_info < given.minimum:
        pytest.skip(f"needs SQLite {given.minimum}")
    file = make(given.schema)
    need(file)
    made = plan(file, *given.block, options=given.options)
    assert tuple(f"{d.case}: {d.subject}" for d in made.differences) == (
        given.differences
    )
    assert case in {d.case for d in made.differences}
    assert made.way is (given.way or max(d.way for d in made.differences))
    assert made.lines == given.steps
    assert lines(made.instead) == given.instead
    costliest = max(d.way for d in made.differences)
    deciding = next(d for d in made.differences if d.way is costliest)
    assert made.reason == f"{deciding.case} ('{deciding.subject}'): " + (
        CASES[deciding.case].reason
    )
    assert str(made) == f"t: {made.way.title}, {made.reason}"
    assert (made.table, made.is_second) == ("t", False)


@pytest.mark.parametrize("case", PLANS)
def test_what_is_planned_is_done(make: Make, case: str) -> None:
    """The report of the run has the plan that was made without one."""
    given = PLANS[case]
    if sqlite3.sqlite_version_info < given.minimum:
        pytest.skip(f"needs SQLite {given.minimum}")
    file = make(given.schema)
    need(file)
    planned = plan(file, *given.block, options=given.options)
    report = file.alter(*given.block, recreate=given.options.recreate)
    done = report.plans[-1]
    assert (done.way, done.reason) == (planned.way, planned.reason)
    # A lone column is added without a look at the rest, and takes the same steps.
    assert done.lines == planned.lines or done.lines == (ADD,)


def test_steps_come_in_their_order(make: Make) -> None:
    """Indexes go first; columns come, rows are looked at, columns go; keys are last."""
    file = make(
        f"{PARENT}; CREATE TABLE t (a INTEGER, b TEXT, old TEXT);"
        " CREATE INDEX ix ON t (b); CREATE INDEX kept ON t (a)"
    )
    need(file, (3, 35, 5))
    made = plan(
        file,
        changes.DropIndex("ix"),
        AddColumn("c", "c INT DEFAULT 5"),
        SetNotNull("b", True),
        DropColumn("old"),
        AddConstraint("CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id)"),
        changes.CreateIndex("ab", "CREATE INDEX ab ON t (a, b)"),
    )
    assert made.lines == (
        "drop index 'ix' (no row is read or written)",
        ADD,
        "look for rows that break NOT NULL of 'b' (every row is read once)",
        "drop column 'old' by ALTER TABLE (every row is written)",
        EDIT,
        "build index 'ab' (every row is read to build an index)",
        PARENTS,
    )
    assert lines(made.instead) == (
        COPY.replace(" (", ", keep index 'kept', build index 'ab' ("),
        PARENTS,
    )


def test_a_conversion_builds_the_indexes_of_what_it_writes(make: Make) -> None:
    """An index stays where it leads to the same rows by the same values."""
    file = make(
        f"{PLAIN}; INSERT INTO t VALUES (1, 'x'); CREATE INDEX ia ON t (a);"
        " CREATE INDEX ib ON t (b); CREATE INDEX ie ON t (a) WHERE b > 5"
    )
    need(file)

    def built(type_: str) -> tuple[str, ...]:
        made = plan(file, SetType("b", type_, keep_misfits=True))
        assert made.way is Way.CONVERT
        lines = (line.partition(" (")[0] for line in made.lines)
        return tuple(line for line in lines if "index" in line)

    assert built("INTEGER") == ("drop index 'ie'", "build index 'ie'")
    file.connection.execute("INSERT INTO t VALUES (2, '2')")
    assert built("INTEGER") == (
        *("drop index 'ib'", "drop index 'ie'"),
        "build index 'ib', 'ie'",
    )
    assert built("BLOB") == ("drop index 'ie'", "build index 'ie'")


@pytest.mark.parametrize(
    ("using", "cost"),
    [
        ("nullif(trim(b), '') || (a IN (1, 2))", Cost.CHANGED),
        ("next_number(b)", Cost.REWRITE),
        ("random()", Cost.REWRITE),
    ],
)
def test_a_function_with_a_memory_is_called_once_for_each_row(
    make: Make, using: str, cost: Cost
) -> None:
    """Others are computed twice, to find out which rows hold their value already."""
    file = make(PLAIN)
    need(file)
    file.connection.create_function("next_number", 1, lambda value: value)
    made = plan(file, SetType("b", "TEXT", using))
    assert made.way is Way.CONVERT
    assert made.steps[0].cost is cost


def test_a_copy_says_what_it_keeps_and_builds(make: Make) -> None:
    """Indexes that lead to the same rows may go on as they are."""
    file = make(f"{PLAIN}; CREATE INDEX ix ON t (a)")
    need(file)
    block = (
        changes.Reorder((("b", "a"),)),
        changes.CreateIndex("new", "CREATE INDEX new ON t (b)"),
    )
    made = plan(file, *block)
    assert made.lines == (COPY.replace(" (", ", keep index 'ix', build index 'new' ("),)
    made = plan(file, *block, options=Options(keep_indexes=False))
    assert made.lines == (COPY.replace(" (", ", build index 'ix', 'new' ("),)


def test_a_copy_looks_for_what_sqlite_would_number(make: Make) -> None:
    """NULL in a column that becomes the rowid is looked for before the copy."""
    file = make("CREATE TABLE t (a INT PRIMARY KEY, b)")
    assert plan(file, SetType("a", "INTEGER")).lines == (
        "look for NULL in the new rowid 'a' (every row is read once)",
        COPY,
    )


def test_a_copy_looks_at_computed_values(make: Make) -> None:
    """SQLite does not look at the computed values of a STRICT table."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    file = make("CREATE TABLE t (a INT UNIQUE, g INT AS (a)) STRICT")
    assert plan(file, SetType("a", "TEXT")).lines == (
        COPY,
        "look for computed values that do not fit the type of 'g'"
        " (every row is read once)",
    )


def test_indexes_alone(make: Make) -> None:
    """No definition differs, and no row is written."""
    file = make(PLAIN)
    made = plan(file, changes.CreateIndex("ix", "CREATE INDEX ix ON t (b)"))
    assert (made.way, made.differences) == (Way.ALTER, ())
    assert made.reason == "only indexes change"
    assert made.lines == ("build index 'ix' (every row is read to build an index)",)


@pytest.mark.parametrize(("most", "keep"), [(2, True), (4, False)])
def test_several_columns_are_dropped_by_a_copy(
    make: Make, most: int, keep: bool
) -> None:
    """Each DROP COLUMN writes every row; a copy does once, and builds indexes."""
    file = make("CREATE TABLE t (a, b, c, d, e, f); CREATE INDEX ix ON t (a)")
    need(file, (3, 35, 5))

    def made(count: int) -> Plan:
        drops = (DropColumn(name) for name in "bcdef"[:count])
        return plan(file, *drops, options=Options(keep_indexes=keep))

    drops = [f"drop column '{n}' by ALTER TABLE (every row is written)" for n in "bcde"]
    assert made(most).lines == (*drops[:most], EDIT)
    assert made(most + 1).way is Way.COPY


def test_a_conversion_beside_a_drop(make: Make) -> None:
    """It is made in place only where a copy would have to build other indexes."""
    file = make("CREATE TABLE t (a, b TEXT, c); CREATE INDEX ix ON t (a)")
    need(file, (3, 35, 5))
    block = (SetType("b", "INTEGER", "c + 1"), DropColumn("c"))
    assert plan(file, *block).way is Way.COPY
    assert plan(file, *block, options=Options(keep_indexes=False)).lines == (
        CONVERT,
        MISFITS,
        "drop column 'c' by ALTER TABLE (every row is written)",
        EDIT,
    )


def test_a_library_that_guards_its_schema(make: Make) -> None:
    """What would be an edit is a copy; there is nothing to be done instead."""
    made = plan(make(PLAIN), SetNotNull("b", True), database=Defensive)
    assert (made.way, made.lines, made.instead) == (Way.COPY, (COPY,), ())
    forbidden = "this SQLite library forbids writing the schema"
    assert made.reason == f"NOT NULL set ('b'): {forbidden}"


def test_a_library_without_a_safe_drop_column(make: Make) -> None:
    """The plan names the release, and the column."""
    made = plan(make(PLAIN), DropColumn("b"), database=Before3355)
    assert made.way is Way.COPY
    assert made.reason == "column dropped ('b'): SQLite 3.35.4 has no safe DROP COLUMN"


def test_a_broken_view_elsewhere(make: Make) -> None:
    """It stops SQLite's ALTER TABLE, and the plan names it."""
    file = make(f"{PLAIN}; CREATE VIEW v AS SELECT nope FROM nowhere")
    need(file, (3, 35, 5))
    made = plan(file, DropColumn("b"))
    assert made.way is Way.COPY
    assert made.reason == (
        "column dropped ('b'): SQLite drops no column while view 'v' cannot be compiled"
    )


def test_rows_that_are_elsewhere(make: Make) -> None:
    """Whether they can be converted in place is not known."""
    file = make(PLAIN)
    need(file)
    elsewhere = Options(may_be_short=lambda _: False)
    made = plan(file, SetType("b", "INTEGER"), options=elsewhere)
    assert made.way is Way.COPY
    assert made.reason.startswith("type, other storage ('b'): the rows are in another")


def test_a_copy_that_is_ruled_out(make: Make) -> None:
    """``recreate="never"``: no copy stands behind an edit, and none is planned."""
    file = make(PLAIN)
    need(file)
    never = Options(recreate="never")
    assert plan(file, SetNotNull("b", True), options=never).instead == ()
    with pytest.raises(ChangeRefused, match="recreate='never' rules out"):
        plan(file, changes.Reorder((("b", "a"),)), options=never)


def test_what_is_refused_is_refused_by_the_plan(make: Make) -> None:
    """A view needs the column: that is known before anything is run."""
    file = make("CREATE TABLE t (a, oid); CREATE VIEW v AS SELECT oid AS c FROM t")
    with pytest.raises(ChangeRefused, match="view 'v'"):
        plan(file, DropColumn("oid"))


def test_renames_are_a_plan_before_the_other(make: Make) -> None:
    """The rest is planned on what they leave, and says so."""
    file = make(PLAIN)
    need(file)
    report = file.alter(changes.RenameColumn("b", "c"), SetNotNull("c", True))
    first, second = report.plans
    assert first.lines == (
        "rename 'b' to 'c' by ALTER TABLE (no row is read or written)",
    )
    assert second.lines == (
        "look for rows that break NOT NULL of 'c' (every row is read once)",
        EDIT,
    )
    assert [p.is_second for p in report.plans] == [False, True]
    assert second.reason.endswith("; after the renames")


def test_another_name_of_the_table_is_a_plan_after_the_others(make: Make) -> None:
    """It comes last, under the old name of the table."""
    file = make(PLAIN)
    report = file.alter(changes.RenameTable("u"))
    assert [p.lines for p in report.plans] == [
        ("rename the table to 'u' by ALTER TABLE (no row is read or written)",)
    ]


def test_a_plan_that_sqlite_does_not_confirm(make: Make) -> None:
    """The report has the steps that were taken instead, and why."""
    file = make(
        'CREATE TABLE t (a, b, c DEFAULT "x"); CREATE TABLE other (d);'
        ' CREATE VIEW v AS SELECT d, "some text" AS e FROM other'
    )
    need(file, (3, 37))
    planned = plan(file, DropColumn("b"))
    assert planned.way is Way.EDIT
    (done,) = file.alter(DropColumn("b")).plans
    assert done.steps == planned.turned().steps
    assert (done.way, done.instead) == (Way.COPY, ())
    assert done.reason == f"column dropped ('b'): {NOT_CONFIRMED}"
    assert done.lines == lines(planned.instead)

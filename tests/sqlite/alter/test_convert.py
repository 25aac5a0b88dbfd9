"""Values are stored anew where they are, exactly as a copy would store them.

The copy of the same table by ``recreate="always"`` is the oracle: refusals with the
same words, or equal values, storage classes, index entries and records, byte for byte.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import itertools
import pathlib
import sqlite3
import tempfile
import typing as t

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.engine import Report
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.database import Row
from flask_batchmigrate.sqlite.target.changes import AddColumn
from flask_batchmigrate.sqlite.target.changes import Change
from flask_batchmigrate.sqlite.target.changes import DropColumn
from flask_batchmigrate.sqlite.target.changes import SetOptions
from flask_batchmigrate.sqlite.target.changes import SetType
from tests.oracles.stored_records import read_records
from tests.sqlite.engine_file import Make

HAS_STRICT = sqlite3.sqlite_version_info >= (3, 37)
needs_strict = pytest.mark.skipif(not HAS_STRICT, reason="STRICT came with 3.37")

LOOSE = ("TEXT", "INTEGER", "NUMERIC(10, 2)", "REAL", "BLOB", "", "VARCHAR(9)", "ANY")
STRICT = ("TEXT", "INTEGER", "REAL", "BLOB", "ANY")
NUMBERS = (
    *(0, 1, -1, 42, 127, 128, 2**31, 2**47 - 1, 2**47, -(2**47), -(2**47) - 1),
    *(2**53, 2**53 + 1, 2**63 - 1, -(2**63), 10**16),
    *(0.0, -0.0, 1.0, -1.0, 0.5, 42.0, 1e15, 1e16, 2.0**47, -(2.0**47), 2.0**53),
    *(2.0**62, 2.0**63, -(2.0**63), 9223372036854774784.0, -9223372036854774784.0),
    *(9223372036854773760.0, 1e300, 1e-300, float("inf"), float("-inf")),
)
TEXTS = (
    *(
        "",
        " ",
        "a",
        "A",
        "abc",
        "0",
        "1",
        "1.0",
        "01",
        " 7 ",
        "7\n",
        "+5",
        "-0",
        "-0.0",
    ),
    *("1e3", "1e16", "1e400", "-1e400", ".5", "5.", "0x10", "1_000", "inf", "nan"),
    *("9007199254740993", "9223372036854775807", "9223372036854775808"),
    *("123456789012345678901234567890", "1" * 300, "x" * 300, "1\x00", "7 x", "é"),
)
BLOBS = (b"", b"42", b"\x00\xff", b"7" * 300)
VALUES: t.Final = (None, *NUMBERS, *TEXTS, *BLOBS)
"""Every storage class, and the edges of how SQLite stores a number."""


@dataclasses.dataclass(frozen=True)
class Given:
    """A table, and a block of changes.

    :param old: the type of the column ``c``.
    :param parts: what belongs to the table besides, by the names in ``PARTS``.
    :param options: the options of the table.
    :param rows: the values of ``c`` and ``d``.
    """

    old: str
    block: tuple[Change, ...]
    rows: tuple[tuple[t.Any, t.Any], ...]
    parts: tuple[str, ...] = ()
    options: str = ""
    enforced: bool = True
    keep_indexes: bool = True

    def script(self) -> str:
        """Write what makes the table."""
        number = "INTEGER" if "STRICT" in self.options else "NUMERIC"
        columns = [f"c {self.old}", f"d {number}", "e TEXT DEFAULT 'e'"]
        columns += [IN_TABLE[part] for part in IN_TABLE if part in self.parts]
        after = [PARTS[part] for part in self.parts if part in PARTS]
        return (
            "CREATE TABLE parent (p PRIMARY KEY); CREATE TABLE log (what, value);"
            f" CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(columns)})"
            f" {self.options}; {'; '.join(after)};"
        )


IN_TABLE: t.Final = {
    "virtual": "v TEXT AS (c || 'x')",
    "stored": "s TEXT AS (typeof(c)) STORED",
    "check": "CHECK (c IS NOT 'never')",
    "unique": "UNIQUE (c, id) ON CONFLICT REPLACE",
    "child": "FOREIGN KEY (c) REFERENCES parent (p) ON UPDATE CASCADE",
    "self": "FOREIGN KEY (d) REFERENCES t (id) ON DELETE CASCADE",
    "parent": "UNIQUE (c)",
}
_FIRE: t.Final = "BEGIN INSERT INTO log VALUES ('fired', old.c); END"
PARTS: t.Final = {
    "virtual": "CREATE INDEX iv ON t (v)",
    "index": "CREATE INDEX ic ON t (c DESC, d)",
    "unique index": "CREATE UNIQUE INDEX iu ON t (c, id)",
    "other index": "CREATE INDEX ix ON t (e, d)",
    "partial index": "CREATE INDEX ip ON t (id) WHERE c > 5",
    "expression": "CREATE INDEX ie ON t (typeof(c), c || d)",
    "after": f"CREATE TRIGGER af AFTER UPDATE ON t {_FIRE}",
    "before": f"CREATE TRIGGER be BEFORE UPDATE OF c ON t {_FIRE}",
    "parent": (
        "CREATE TABLE child (x REFERENCES t (c) ON UPDATE CASCADE ON DELETE CASCADE)"
    ),
    "child of id": (
        "CREATE TABLE kid (x REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE)"
    ),
    "statistics": "ANALYZE",
}


class Door(DirectDatabase):
    """A door that counts the rows that conversions write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.written: list[int] = []

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement."""
        found = super().execute(sql, parameters)
        if sql.startswith("UPDATE OR ABORT"):
            self.written.append(super().execute("SELECT changes()")[0][0])
        return found


@dataclasses.dataclass
class Done:
    """What came of a block: a refusal, or a report and the file afterwards."""

    said: str | None
    report: Report | None
    state: dict[str, t.Any]
    records: list[tuple[int | None, bytes]]
    before: list[tuple[int | None, bytes]]
    written: list[int]


def run(case: Given, path: pathlib.Path, recreate: str) -> Done:
    """Make the file, change the table, and read everything."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(case.script())
        sql = "INSERT OR IGNORE INTO t (id, c, d) VALUES (?, ?, ?)"
        for number, (c, d) in enumerate(case.rows, start=1):
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(sql, (number * 3, c, d))
        if "late" in case.parts:
            connection.execute("ALTER TABLE t ADD COLUMN l INTEGER DEFAULT '007'")
        if "statistics" in case.parts:
            connection.execute("ANALYZE")
        connection.execute(f"PRAGMA foreign_keys = {int(case.enforced)}")
        before = read_records(path, "t")
        door = Door(connection)
        connection.execute("BEGIN IMMEDIATE")
        said, report = None, None
        try:
            options = Options(recreate=recreate, keep_indexes=case.keep_indexes)
            report = alter_table(door, "t", case.block, options=options)
        except ChangeRefused as refusal:
            said = str(refusal)
        connection.execute("COMMIT")
        state = read_everything(connection)
    return Done(said, report, state, read_records(path, "t"), before, door.written)


def read_everything(connection: sqlite3.Connection) -> dict[str, t.Any]:
    """Read what statements can see of a file, and what SQLite says of it."""
    names = [row[1] for row in connection.execute("PRAGMA table_xinfo(t)")]
    connection.text_factory = bytes  # some of it is no UTF-8
    exact = ", ".join(f"quote({name}), typeof({name})" for name in names)
    found: dict[str, t.Any] = {
        "rows": connection.execute(f"SELECT {exact} FROM t NOT INDEXED").fetchall(),
        "log": connection.execute("SELECT * FROM log").fetchall(),
        "catalogue": connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
        ).fetchall(),
        "sound": connection.execute("PRAGMA integrity_check").fetchall(),
        "settings": connection.execute("PRAGMA foreign_keys").fetchall(),
    }
    if any(row[1] == b"sqlite_stat1" for row in found["catalogue"]):
        found["statistics"] = sorted(
            connection.execute("SELECT * FROM sqlite_stat1"), key=repr
        )
    for name, value in itertools.product(("c", "d"), (None, 1, 42, "1", "a", 0.5)):
        hits = [
            connection.execute(
                f"SELECT count(*) FROM t {how} WHERE {name} IS ?", (value,)
            ).fetchone()[0]
            for how in ("", "NOT INDEXED")
        ]
        assert hits[0] == hits[1], f"an index is wrong about {name} = {value!r}"
    return found


def compare(case: Given) -> Done:
    """Make the block in place and by a copy, and hold one against the other."""
    with tempfile.TemporaryDirectory() as folder:
        here = run(case, pathlib.Path(folder, "here.db"), "auto")
        copied = run(case, pathlib.Path(folder, "copied.db"), "always")
    # An index may be read in the place of the table, which has another order.
    assert _words(here.said) == _words(copied.said)
    assert here.state == copied.state
    if "late" not in case.parts and not _drops(case):
        # A row from before the column has no place for it until it is written; and
        # DROP COLUMN writes records as SQLite likes.
        assert here.records == copied.records
    if here.report and here.report.way is Way.CONVERT:
        pairs = zip(here.before, here.records, strict=True)
        differing = sum(old != new for old, new in pairs)
        computed = any(_writes_all(change) for change in case.block)
        assert sum(here.written) >= differing or _drops(case)
        if not computed and sum(map(bool, here.written)) <= 1:
            assert sum(here.written) == differing
    return here


def _words(said: str | None) -> list[str]:
    return sorted((said or "").replace(",", " ").replace(".", " ").split())


def _drops(case: Given) -> bool:
    return any(isinstance(change, DropColumn) for change in case.block)


def _writes_all(change: Change) -> bool:
    return isinstance(change, AddColumn | DropColumn) or (
        isinstance(change, SetType) and change.using is not None
    )


values = st.one_of(
    st.sampled_from(VALUES),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.floats(-(2.0**64), 2.0**64).map(round).map(float),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.text(max_size=3),
    st.binary(max_size=3),
)

EXPRESSIONS = ("CAST(c AS INTEGER)", "c || 'x'", "nullif(c, '1')", "t.c", "d", "c + d")


@st.composite
def cases(draw: st.DrawFn) -> Given:
    """Draw a table and a block that changes the types of its columns."""
    was_strict = HAS_STRICT and draw(st.booleans())
    becomes = draw(st.sampled_from([None, None, True])) if HAS_STRICT else None
    is_strict = was_strict or bool(becomes)
    old = draw(st.sampled_from(STRICT if was_strict else LOOSE))
    new = draw(st.sampled_from(STRICT if is_strict else LOOSE))
    block: list[Change] = []
    using = draw(st.sampled_from((None, None, *EXPRESSIONS)))
    keep = draw(st.sampled_from((True, True, False)))
    block.append(SetType("c", new, using, keep))
    if draw(st.booleans()):
        type_ = draw(st.sampled_from(STRICT if is_strict else LOOSE))
        block.append(SetType("d", type_, keep_misfits=keep))
    elif is_strict and not was_strict:
        block.append(SetType("d", "REAL", keep_misfits=True))
    if draw(st.integers(0, 3)) == 0:
        fill = draw(st.sampled_from((None, "c || id", "id * 1.0")))
        default = "" if fill else "DEFAULT (1 + 1)"
        block.append(AddColumn("f", f"f TEXT {default}", fill=fill))
    if draw(st.integers(0, 7)) == 0:
        type_ = draw(st.sampled_from(STRICT if is_strict else LOOSE))
        block.append(SetType("id", type_, keep_misfits=True))
    if draw(st.integers(0, 5)) == 0:
        block.append(DropColumn("e"))
    if becomes and not was_strict:
        block.append(SetOptions(strict=True))
    options = ["STRICT"] if was_strict else []
    if draw(st.integers(0, 3)) == 0:
        options.append("WITHOUT ROWID")
    parts = draw(
        st.lists(st.sampled_from((*IN_TABLE, *PARTS)), max_size=4, unique=True)
    )
    if draw(st.integers(0, 5)) == 0:
        parts.append("late")
        type_ = draw(st.sampled_from(STRICT if is_strict else LOOSE))
        block.append(SetType("l", type_, keep_misfits=True))
    rows = draw(st.lists(st.tuples(values, values), max_size=8))
    return Given(
        old,
        tuple(block),
        tuple(rows),
        tuple(parts),
        ", ".join(options),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@settings(deadline=None)
@given(cases())
def test_a_conversion_stores_what_a_copy_would(case: Given) -> None:
    """Whatever the types, the values, and what the table has besides."""
    compare(case)


PAIRS = [(a, b) for a in LOOSE for b in LOOSE if a != b]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_value_of_every_type(old: str, new: str) -> None:
    """All edges, of each type to each other; only what differs is written."""
    rows = tuple((value, value) for value in VALUES)
    case = Given(old, (SetType("c", new, keep_misfits=True),), rows, ("index", "after"))
    done = compare(case)
    assert done.report is not None
    assert done.report.way is not Way.COPY


ROWS: t.Final = (("1", 1), ("02", 2), ("x", None), (None, 4.5), (b"1", "y"), ("3.0", 1))
COPIED: t.Final = ("unique", "parent", "stored")
"""What a conversion of the column is in the way of."""


@pytest.mark.parametrize("part", sorted({*IN_TABLE, *PARTS, "late"}))
def test_what_a_table_has_besides(part: str) -> None:
    """No trigger fires, no key acts, no clause drops a row; indexes are right."""
    block = (SetType("c", "INTEGER", keep_misfits=True),)
    done = compare(Given("TEXT", block, ROWS, (part, "statistics")))
    assert done.report is not None
    assert done.report.way is (Way.COPY if part in COPIED else Way.CONVERT)


@pytest.mark.parametrize(
    "block",
    [
        (SetType("c", "INTEGER", "CASE c WHEN '02' THEN 7 ELSE length(c) END"),),
        (SetType("c", "NUMERIC", "d", True), SetType("d", "TEXT", "c", True)),
        (SetType("c", "INTEGER", None, True), SetType("d", "TEXT", "c || '!'", True)),
        (SetType("c", "BLOB", "CAST(c AS BLOB)"),),
        (AddColumn("f", "f TEXT NOT NULL DEFAULT (lower('X'))"),),
        (AddColumn("f", "f TEXT", fill="c || d"), AddColumn("g", "g INT DEFAULT 5")),
        (AddColumn("f", "f DEFAULT CURRENT_DATE"), SetType("c", "NUMERIC", None, True)),
    ],
)
def test_expressions_see_the_table_as_it_was(block: tuple[Change, ...]) -> None:
    """They are computed by the old types and values, also of each other's columns."""
    done = compare(Given("TEXT COLLATE NOCASE", block, ROWS, ("index", "after")))
    assert done.report is not None
    assert done.report.way is Way.CONVERT


@pytest.mark.parametrize(
    ("type_", "using", "written"),
    [
        ("TEXT", "nullif(c, 'x')", 2),
        ("TEXT", "upper(c)", 2),
        ("TEXT", "c", 0),
        ("BLOB", "CASE c WHEN 'x' THEN -0.0 ELSE c END", 2),
        ("INTEGER", "trim(c, '0')", 5),
    ],
)
def test_what_is_computed_and_there_already_is_not_written(
    type_: str, using: str, written: int
) -> None:
    """An expression writes the rows for which it computes something else."""
    block = (SetType("c", type_, using, True),)
    rows = (*ROWS, ("X", 1), ("0.0", 1))
    done = compare(Given("TEXT COLLATE NOCASE", block, rows, ("after",)))
    assert done.report is not None
    assert (done.report.way, done.written) == (Way.CONVERT, [written])


# Found by a random block.
@pytest.mark.parametrize("recreate", ["auto", "always"])
def test_a_type_takes_back_no_expression(make: Make, recreate: str) -> None:
    """A type after it converts what it makes, and so does another expression."""
    file = make("CREATE TABLE t (a TEXT, b TEXT); INSERT INTO t VALUES ('x', '7');")
    file.alter(
        SetType("a", "VARCHAR(9)", "upper(a)"),
        AddColumn("c", "c INTEGER NOT NULL", fill="b + 1"),
        SetType("a", "VARCHAR(20)"),
        SetType("c", "TEXT"),
        SetType("b", "INTEGER"),
        SetType("b", "TEXT", "b + 0.5"),
        SetType("c", "TEXT", "c || '!'"),
        SetType("b", "TEXT", "b || '?'"),
        recreate=recreate,
    )
    assert file.query("SELECT * FROM t") == [("X", "7.5?", "8!")]


@needs_strict
def test_types_that_strict_does_not_know_are_changed_with_it() -> None:
    """The values stay as they are, and are of the five types."""
    block = (
        SetType("c", "TEXT"),
        SetType("d", "INTEGER", keep_misfits=True),
        SetOptions(strict=True),
    )
    done = compare(Given("VARCHAR(20)", block, (("x", 1), (None, 3)), ("index",)))
    assert done.report is not None
    assert (done.report.way, done.written) == (Way.CONVERT, [0])


@pytest.mark.parametrize("type_", ["NUMERIC", "BIGINT", "TEXT", "REAL"])
def test_the_rowid_gets_another_type(type_: str) -> None:
    """What numbers the rows is stored nowhere else: the column gets it by a copy."""
    block = (SetType("id", type_, keep_misfits=True), SetType("c", "BLOB", "c || 'x'"))
    compare(Given("TEXT", block, ROWS, ("index", "other index")))


@needs_strict
def test_strict_is_set_without_a_write() -> None:
    """The rows are read, and a value that does not fit is refused as by a copy."""
    block = (SetType("d", "REAL"), SetOptions(strict=True))
    good = compare(Given("TEXT", block, (("x", 1), (None, 2.5)), ("check",)))
    assert good.report is not None
    assert (good.report.way, good.written) == (Way.CONVERT, [0, 0])
    bad = compare(Given("TEXT", block, (("x", 1), (b"x", 2.5)), ("check",)))
    assert bad.said is not None
    assert "cannot store BLOB value in TEXT column t.c" in bad.said


def test_rows_that_do_not_fit_are_refused_alike() -> None:
    """The refusal has the words and the examples that it has for a copy."""
    done = compare(Given("TEXT", (SetType("c", "INTEGER"),), ROWS, ("after", "index")))
    assert done.said is not None
    assert "column 'c' cannot become INTEGER, which cannot hold" in done.said


def test_no_copy_is_asked_for(tmp_path: pathlib.Path) -> None:
    """``recreate="never"`` forbids a copy, not to write values where they are."""
    block = (SetType("c", "INTEGER", keep_misfits=True),)
    done = run(Given("TEXT", block, ROWS), tmp_path / "app.db", "never")
    assert done.report is not None
    assert done.report.way is Way.CONVERT

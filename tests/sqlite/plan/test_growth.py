"""What a change costs grows with what it concerns, and with nothing else.

Counted are statements, and calls of the engine's functions; no clock is looked at.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import pathlib
import sqlite3
import sys
import types
import typing as t

import pytest

from flask_batchmigrate.sqlite.plan import engine
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.target import changes

FOLDER = str(pathlib.Path(engine.__file__).parents[1])
LINEAR = 2.6
"""What is the square of it grows fourfold when everything is doubled."""


@dataclasses.dataclass
class Work:
    """What a change came to."""

    calls: int
    statements: list[str]
    sql: str


class Counted(DirectDatabase):
    """A door that notes what goes through it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.statements: list[str] = []

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> t.Any:
        self.statements.append(sql)
        return super().execute(sql, parameters)


def work(path: pathlib.Path, script: str, *block: changes.Change) -> Work:
    """Change table ``t``, and count."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(script)
    connection.execute("BEGIN IMMEDIATE")
    db = Counted(connection)
    # What is found out once for a connection does not count.
    assert db.version and db.can_write_schema
    db.statements.clear()
    calls = 0

    def count(frame: types.FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(FOLDER)

    sys.setprofile(count)
    try:
        engine.alter_table(db, "t", block)
    finally:
        sys.setprofile(None)
    connection.execute("COMMIT")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ((sql,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 't'")
    connection.close()
    return Work(calls, db.statements, sql)


def wide(n: int) -> str:
    """A table of n columns and one more."""
    columns = ", ".join(f"c{i} VARCHAR(20)" for i in range(n))
    return f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});"


def generated(n: int) -> str:
    """A table of n columns that are computed from one."""
    columns = ", ".join(f"g{i} INTEGER AS (a + {i})" for i in range(n))
    return f"CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20), {columns});"


def triggers(n: int) -> str:
    """A table with n triggers."""
    body = "BEGIN INSERT INTO log VALUES (new.a); END;"
    return "CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE log (x);" + (
        "".join(f"CREATE TRIGGER r{i} AFTER UPDATE OF a ON t {body}" for i in range(n))
    )


def others(n: int) -> str:
    """A table among n others with keys, indexes, views and triggers."""
    return "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20));" + "".join(
        f"CREATE TABLE o{i} (id INTEGER PRIMARY KEY, p_id REFERENCES o0 (id), name);"
        f"CREATE INDEX ix_o{i} ON o{i} (name);"
        f"CREATE VIEW v{i} AS SELECT * FROM o{i};"
        f"CREATE TRIGGER r{i} AFTER INSERT ON o{i}"
        f" BEGIN UPDATE o{i} SET name = 'x'; END;"
        for i in range(n)
    )


def each(
    make: cabc.Callable[[int], changes.Change],
) -> cabc.Callable[[int], list[changes.Change]]:
    return lambda n: [make(i) for i in range(n)]


BLOCKS: dict[str, tuple[cabc.Callable[[int], str], cabc.Callable[[int], t.Any]]] = {
    "a type beside generated columns": (
        generated,
        lambda n: [changes.SetType("a", "VARCHAR(40)")],
    ),
    "an affinity below generated columns": (
        generated,
        lambda n: [changes.SetType("a", "INTEGER")],
    ),
    "order": (
        wide,
        lambda n: [changes.Reorder((tuple(f"c{i}" for i in reversed(range(n))),))],
    ),
    "defaults": (wide, each(lambda i: changes.SetDefault(f"c{i}", f"'{i}'"))),
    "types": (wide, each(lambda i: changes.SetType(f"c{i}", "INTEGER"))),
    "NOT NULL": (wide, each(lambda i: changes.SetNotNull(f"c{i}", True))),
    "columns added": (wide, each(lambda i: changes.AddColumn(f"n{i}", f"n{i} TEXT"))),
    "columns dropped": (wide, each(lambda i: changes.DropColumn(f"c{i}"))),
    "a name among triggers": (triggers, lambda n: [changes.RenameColumn("a", "z")]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_twice_as_much_is_twice_the_work(tmp_path: pathlib.Path, name: str) -> None:
    """A block that changes twice as much does about twice the work."""
    build, block = BLOCKS[name]
    path = tmp_path / "app.db"
    few, many = (work(path, build(n), *block(n)).calls for n in (100, 200))
    assert many < few * LINEAR


def test_rows_are_asked_once_for_all_new_defaults(tmp_path: pathlib.Path) -> None:
    """How many defaults a block sets does not change how often it looks at the rows."""
    block = BLOCKS["defaults"][1]
    path = tmp_path / "app.db"
    few, many = (len(work(path, wide(n), *block(n)).statements) for n in (5, 50))
    assert few == many


def test_triggers_are_compiled_together(tmp_path: pathlib.Path) -> None:
    """SQLite compiles all triggers of an event at once, so it is asked once."""
    change = changes.RenameColumn("a", "z")
    explained = [
        sum(s.startswith("EXPLAIN") for s in work(path, script, change).statements)
        for n in (5, 50)
        for path, script in [(tmp_path / "app.db", triggers(n))]
    ]
    assert explained[0] == explained[1]


@pytest.mark.parametrize(
    "change",
    [
        changes.AddColumn("b", "b VARCHAR(20)"),
        changes.AddColumn("b", "b VARCHAR(20) DEFAULT 'x' NOT NULL"),
        changes.CreateIndex("ix_t_a", "CREATE INDEX ix_t_a ON t (a)"),
    ],
)
def test_additions_ask_for_their_own_table(
    tmp_path: pathlib.Path, change: changes.Change
) -> None:
    """A plain column or index costs the same statements in a big database."""
    path = tmp_path / "app.db"
    few, many = (work(path, others(n), change) for n in (2, 40))
    assert many.statements == few.statements
    assert len(many.statements) <= 8
    # Only the words of views and triggers are looked for.
    assert many.calls - few.calls < 10 * 40
    for name in ("o1", "v1", "EXPLAIN"):
        assert not any(name in statement for statement in many.statements)


@pytest.mark.parametrize(
    ("beside", "added"),
    [
        # Each of these has to be looked at, and is.
        ("CREATE VIEW w AS SELECT * FROM t UNION SELECT 1, 2;", "b INT"),
        (
            "CREATE TABLE l (x); CREATE TRIGGER w AFTER INSERT ON l"
            " BEGIN INSERT INTO t VALUES (1, 2); END;",
            "b INT",
        ),
        (
            "CREATE VIEW u AS SELECT * FROM t;CREATE VIEW w (p, q) AS SELECT * FROM u;",
            "b",
        ),
    ],
)
def test_additions_see_what_uses_the_table(
    tmp_path: pathlib.Path, beside: str, added: str
) -> None:
    """A view or trigger that a new column would break is not passed over."""
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY, a);" + beside
    with pytest.raises(engine.ChangeRefused, match="would break"):
        work(tmp_path / "app.db", script, changes.AddColumn("b", added))

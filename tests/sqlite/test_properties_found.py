"""What the random examples have found, each as small as it gets."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import sqlite3

import pytest

from flask_batchmigrate.sqlite import changes
from flask_batchmigrate.sqlite.database import DirectDatabase
from flask_batchmigrate.sqlite.engine import alter_table
from flask_batchmigrate.sqlite.engine import Report
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.table import ConstraintKind


@pytest.fixture
def database() -> cabc.Iterator[sqlite3.Connection]:
    """A database in an open transaction."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("BEGIN")
        yield made


def alter(database: sqlite3.Connection, *block: changes.Change) -> Report:
    """Alter the table ``t``."""
    return alter_table(DirectDatabase(database), "t", block)


def test_explains_anew_after_the_schema_changed(database: sqlite3.Connection) -> None:
    """A compiled EXPLAIN of before the change is not run again: it may crash."""
    database.execute("CREATE TABLE other (d, b)")
    database.execute("CREATE TABLE t (a UNIQUE, FOREIGN KEY (a) REFERENCES t (a))")
    database.execute(
        "CREATE TRIGGER tr AFTER DELETE ON other BEGIN"
        " DELETE FROM t WHERE a = old.b; END"
    )
    seen: list[str] = []
    database.set_trace_callback(seen.append)
    alter(database, changes.AddColumn("x", "x TIME"), changes.SetNotNull("a", True))
    database.set_trace_callback(None)
    door = DirectDatabase(database)
    texts: list[str] = []

    class Watching(DirectDatabase):
        def execute(self, sql: str, parameters: cabc.Sequence[object] = ()) -> list:
            texts.append(sql)
            return super().execute(sql, parameters)

    alter_table(Watching(database), "t", [changes.SetNotNull("a", False)])
    explained = [sql for sql in texts if sql.startswith("EXPLAIN")]
    assert door.version and len(explained) == len(set(explained)) > 2


def test_primary_key_column_that_holds_null(database: sqlite3.Connection) -> None:
    """SQLite lets NULL into a primary key, so NOT NULL is looked at by itself."""
    database.execute("CREATE TABLE t (a REAL PRIMARY KEY, b)")
    database.execute("INSERT INTO t VALUES (NULL, 1)")
    drop = changes.DropConstraint(None, ConstraintKind.PRIMARY_KEY, ("a",))
    for block in (
        [changes.SetNotNull("a", True)],
        [changes.SetNotNull("a", True), drop],
    ):
        with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
            alter(database, *block)
    assert database.execute("SELECT a, b FROM t").fetchall() == [(None, 1)]


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE VIEW v AS SELECT "x y" AS c FROM t',
        'CREATE VIEW v AS SELECT b FROM t WHERE "x y" IS NOT NULL',
        'CREATE TRIGGER tr AFTER INSERT ON other BEGIN DELETE FROM t WHERE "x y" = 1;'
        " END",
    ],
)
@pytest.mark.parametrize("recreate", [False, True])
def test_dropped_name_does_not_become_a_text(
    database: sqlite3.Connection, statement: str, recreate: bool
) -> None:
    """SQLite reads a double-quoted name without a column as text; that is no use."""
    database.execute('CREATE TABLE t ("x y", b)')
    database.execute("CREATE TABLE other (d)")
    database.execute(statement)
    extra = [
        changes.SetOptions(strict=False),
        changes.AddColumn("z", "z DEFAULT (1+1)"),
    ]
    block = [changes.DropColumn("x y"), *(extra if recreate else [])]
    with pytest.raises(ChangeRefused, match="x y"):
        alter(database, *block)
    assert [r[1] for r in database.execute("PRAGMA table_info(t)")] == ["x y", "b"]


def test_double_quoted_text_that_is_one_is_no_obstacle(
    database: sqlite3.Connection,
) -> None:
    """A view that always meant text by double quotes stands in nobody's way."""
    database.execute("CREATE TABLE t (a, b)")
    database.execute('CREATE VIEW v AS SELECT a, "some text" AS c FROM t')
    alter(database, changes.DropColumn("b"))
    assert [r[1] for r in database.execute("PRAGMA table_info(t)")] == ["a"]


def test_definition_that_sqlite_does_not_accept(database: sqlite3.Connection) -> None:
    """What SQLite says of a new definition is passed on in terms of the table."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    database.execute("CREATE TABLE t (a INTEGER, b JSON)")
    with pytest.raises(ChangeRefused, match=r"'t'.*unknown datatype for t\.b"):
        alter(database, changes.SetOptions(strict=True))
    with pytest.raises(ChangeRefused, match=r"'t'.*no such column: missing"):
        alter(database, changes.AddConstraint("CHECK (missing > 0)"))

"""Every step of the engine fails once: nothing is changed, and the error is told."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import sqlite3
import typing as t
import warnings

import pytest

from flask_batchmigrate.sqlite.alter.drop import drop_table
from flask_batchmigrate.sqlite.alter.pending_keys import PendingKeys
from flask_batchmigrate.sqlite.error_codes import is_verdict
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.engine import Report
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.database import Database
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.database import Row
from flask_batchmigrate.sqlite.target import changes
from flask_batchmigrate.sqlite.target.changes import AddColumn
from flask_batchmigrate.sqlite.target.changes import AddConstraint
from flask_batchmigrate.sqlite.target.changes import Change
from flask_batchmigrate.sqlite.target.changes import DropColumn
from flask_batchmigrate.sqlite.target.changes import RenameColumn
from flask_batchmigrate.sqlite.target.changes import RenameTable
from flask_batchmigrate.sqlite.target.changes import SetDefault
from flask_batchmigrate.sqlite.target.changes import SetNotNull
from flask_batchmigrate.sqlite.target.changes import SetType

SCHEMA = """
PRAGMA page_size = 512;
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
INSERT INTO author VALUES (1, 'Ada'), (2, 'Bob');
CREATE TABLE book ( -- what there is to read
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id INTEGER REFERENCES author(id) ON DELETE CASCADE,
    title VARCHAR(60) COLLATE NOCASE,
    pages VARCHAR(10) DEFAULT '1',
    old TEXT,
    long TEXT AS (title || pages),
    UNIQUE (title, id)
);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
    INSERT INTO book (id, author_id, title, pages, old)
    SELECT i * 3, 1 + i % 2, 'title ' || i, i, 'x' FROM n;
CREATE TABLE mark (
    id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES book(id) ON DELETE CASCADE
);
INSERT INTO mark VALUES (1, 3), (2, 6), (3, 9);
CREATE INDEX ix_title ON book (title, pages DESC);
CREATE UNIQUE INDEX ix_some ON book (id, author_id) WHERE author_id = 1;
CREATE INDEX ix_old ON book (old);
CREATE TABLE log (what TEXT);
CREATE TRIGGER book_gone AFTER DELETE ON book BEGIN
    INSERT INTO log VALUES ('gone ' || old.title);
END;
CREATE TRIGGER book_changed AFTER UPDATE ON book BEGIN
    INSERT INTO log VALUES ('changed ' || old.title);
END;
CREATE TRIGGER author_new AFTER INSERT ON author BEGIN
    INSERT INTO book (author_id, title) VALUES (new.id, 'untitled');
END;
CREATE VIEW thick AS SELECT title, pages FROM book WHERE pages > 200;
ALTER TABLE book ADD COLUMN late TEXT DEFAULT 'unknown';
DELETE FROM book WHERE id = 75;
DELETE FROM log;
ANALYZE;
"""

SETTINGS = (
    "foreign_keys",
    "writable_schema",
    "legacy_alter_table",
    "ignore_check_constraints",
    "recursive_triggers",
    "defer_foreign_keys",
)


class NoSchemaWriting(DirectDatabase):
    """The door to a library in defensive mode."""

    @property
    def can_write_schema(self) -> bool:
        """Whether the schema may be written."""
        return False


class OldLibrary(DirectDatabase):
    """The door to a library before 3.36, which reloads the schema in another way."""

    @property
    def version(self) -> tuple[int, int, int]:
        """The version that it says it has."""
        return (3, 31, 0)


Work = cabc.Callable[[Database], object]


def altering(*block: Change, **options: t.Any) -> Work:
    """Change the table of books."""

    def work(db: Database) -> object:
        return alter_table(db, "book", block, options=Options(**options))

    return work


KEYS = (
    changes.DropConstraint(columns=("title", "id")),
    AddConstraint("CONSTRAINT uq UNIQUE (author_id, id)"),
    AddColumn("isbn", "isbn TEXT UNIQUE"),
)
CONVERT = (SetType("pages", "INTEGER"), SetNotNull("title", True))
COPY = (*CONVERT, changes.Reorder((("old", "title"),)))

WORKS: dict[str, tuple[Work, type[DirectDatabase]]] = {
    "alter": (
        altering(AddColumn("extra", "extra TEXT COLLATE NOCASE DEFAULT 'e'")),
        DirectDatabase,
    ),
    "edit": (
        altering(
            SetNotNull("author_id", True),
            SetDefault("pages", "'2'"),
            SetType("title", "VARCHAR(90)"),
            AddConstraint("CONSTRAINT ck CHECK (id > 0)"),
            AddConstraint("CONSTRAINT fk FOREIGN KEY (id) REFERENCES book (id)"),
            changes.CreateIndex("ix_new", "CREATE INDEX ix_new ON book (late)"),
        ),
        DirectDatabase,
    ),
    "edit-old-library": (altering(SetNotNull("author_id", True)), OldLibrary),
    "drop": (altering(DropColumn("old"), DropColumn("long")), DirectDatabase),
    "keys": (altering(*KEYS), DirectDatabase),
    "keys-old-library": (altering(*KEYS[:2]), OldLibrary),
    "convert": (altering(*CONVERT), DirectDatabase),
    "convert-old-library": (altering(*CONVERT), OldLibrary),
    "convert-numbers": (altering(SetType("author_id", "REAL")), DirectDatabase),
    "convert-by-expressions": (
        altering(
            SetType("old", "BLOB", "CAST(old AS BLOB)"),
            AddColumn("extra", "extra TEXT NOT NULL", fill="title || id"),
            AddConstraint("CONSTRAINT uq UNIQUE (extra, id)"),
            AddConstraint("CONSTRAINT ck CHECK (extra <> '')"),
        ),
        DirectDatabase,
    ),
    # Beside indexes that a copy would have to build, all is done in place.
    "convert-and-drop": (
        altering(SetType("pages", "INTEGER"), DropColumn("old"), keep_indexes=False),
        DirectDatabase,
    ),
    "convert-and-fill": (
        altering(
            AddColumn("extra", "extra INTEGER NOT NULL DEFAULT (1 + 1)"),
            SetType("pages", "REAL"),
            changes.CreateIndex("ix_new", "CREATE INDEX ix_new ON book (extra)"),
        ),
        DirectDatabase,
    ),
    "copy": (altering(*COPY), DirectDatabase),
    "copy-building-indexes": (altering(*COPY, keep_indexes=False), DirectDatabase),
    "copy-of-conversion-and-drop": (
        altering(SetType("pages", "INTEGER"), DropColumn("old")),
        DirectDatabase,
    ),
    "copy-keys": (
        altering(
            AddConstraint("CONSTRAINT uq UNIQUE (pages, id)"),
            DropColumn("old"),
            AddColumn("extra", "extra INT NOT NULL DEFAULT 5", before="title"),
            recreate="always",
        ),
        DirectDatabase,
    ),
    "copy-old-library": (altering(*COPY), OldLibrary),
    "copy-without-schema-writing": (altering(*COPY), NoSchemaWriting),
    "rename": (
        altering(RenameColumn("title", "name"), RenameTable("volume")),
        DirectDatabase,
    ),
    "rename-and-convert": (
        altering(
            RenameColumn("title", "name"), SetType("pages", "INT"), RenameTable("Book")
        ),
        DirectDatabase,
    ),
    "default-of-older-rows": (altering(SetDefault("late", "'x'")), DirectDatabase),
    "drop-table": (
        lambda db: drop_table(db, "main", "book", PendingKeys(db, warnings.warn)),
        DirectDatabase,
    ),
    "refused-row": (
        altering(SetType("title", "INTEGER"), recreate="always"),
        DirectDatabase,
    ),
    "refused-row-in-place": (altering(SetType("title", "INTEGER")), DirectDatabase),
    "refused-view": (altering(DropColumn("pages")), DirectDatabase),
}
"""What is done, and through which door."""

if sqlite3.sqlite_version_info >= (3, 37):
    STRICT = (
        AddColumn("note", "note TEXT NOT NULL", fill="'n' || id"),
        SetType("book_id", "INT"),
        changes.SetOptions(strict=True),
    )
    WORKS["convert-to-strict"] = (
        lambda db: alter_table(db, "mark", STRICT),
        DirectDatabase,
    )

UNENFORCED = ("copy-without-schema-writing",)
REFUSED = ("refused-row", "refused-row-in-place", "refused-view")
WAYS = {"alter": Way.ALTER, "edit": Way.EDIT, "convert": Way.CONVERT, "copy": Way.COPY}
"""The way that a work takes, by the first word of its name."""


class Injected(sqlite3.OperationalError):
    """The error that a test puts in the way."""

    sqlite_errorcode = 13


class Door:
    """A door where one statement fails.

    :param door: the real one.
    :param at: the number of the statement.
    :param fail: called with the statement and what runs it.
    """

    driver_error: t.ClassVar[type[Exception]] = sqlite3.Error

    def __init__(
        self,
        door: DirectDatabase,
        at: int = 0,
        fail: cabc.Callable[[cabc.Callable[[], list[Row]]], list[Row]] | None = None,
    ) -> None:
        self._door = door
        self._at = at
        self._fail = fail
        self.count = 0
        #: the statement that failed
        self.failed = ""

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the SQLite library."""
        return self._door.version

    @property
    def can_write_schema(self) -> bool:
        """Whether the schema may be written."""
        return self._door.can_write_schema

    def execute(self, sql: str, parameters: cabc.Sequence[t.Any] = ()) -> list[Row]:
        """Run one statement, or let it fail."""
        self.count += 1
        if self.count != self._at or self._fail is None:
            return self._door.execute(sql, parameters)
        self.failed = sql
        return self._fail(lambda: self._door.execute(sql, parameters))


@dataclasses.dataclass
class Ground:
    """A file, one connection to it, and what is to be done with it."""

    name: str
    path: pathlib.Path
    connection: sqlite3.Connection
    door: DirectDatabase
    work: Work
    refused: bool
    before: list[t.Any] = dataclasses.field(default_factory=list)

    def state(self) -> list[t.Any]:
        """Everything in the file, and the settings, as the connection sees them."""
        return [*contents(self.connection), *settings(self.connection)]

    def attempt(self, door: Door) -> BaseException | None:
        """Do the work in a transaction that stays open."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self.work(door)
        except BaseException as error:
            return error
        return None

    def check_untouched(self, hint: str) -> None:
        """Make sure that nothing is different, now and for everybody else."""
        assert self.state() == self.before, hint
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        with contextlib.closing(sqlite3.connect(self.path)) as other:
            found = contents(other)
        assert found == self.before[: len(found)], hint
        assert len(found) + len(SETTINGS) == len(self.before)

    def undo(self) -> None:
        """Roll the open transaction back."""
        self.connection.execute("ROLLBACK")


def contents(connection: sqlite3.Connection) -> list[t.Any]:
    """Everything that a file holds."""
    rows = connection.execute(
        "SELECT rowid, * FROM sqlite_master ORDER BY 1"
    ).fetchall()
    # What a number of a page is, is nobody's business.
    found: list[t.Any] = [(*row[:4], row[5]) for row in rows]
    for row in rows:
        if row[1] == "table":
            found += connection.execute(f'SELECT rowid, * FROM "{row[2]}"').fetchall()
    found += connection.execute("SELECT * FROM temp.sqlite_master").fetchall()
    return found + connection.execute("PRAGMA integrity_check").fetchall()


def settings(connection: sqlite3.Connection) -> list[t.Any]:
    """The settings that the engine has to do with."""
    return [connection.execute(f"PRAGMA {name}").fetchone() for name in SETTINGS]


@pytest.fixture(params=list(WORKS))
def ground(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> cabc.Iterator[Ground]:
    """A file for each of the works."""
    work, door = WORKS[request.param]
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(SCHEMA)
    enforced = request.param not in UNENFORCED
    connection.execute(f"PRAGMA foreign_keys = {int(enforced)}")
    refused = request.param in REFUSED
    ground = Ground(request.param, path, connection, door(connection), work, refused)
    ground.before = ground.state()
    yield ground
    connection.close()


def steps(ground: Ground) -> int:
    """Count the statements of the work, and make sure that it does something."""
    door = Door(ground.door)
    error = ground.attempt(door)
    if ground.refused:
        assert isinstance(error, ChangeRefused)
        ground.check_untouched("refused")
    else:
        assert error is None
        assert ground.state() != ground.before
        ground.undo()
    assert ground.state() == ground.before
    assert door.count > 3
    return door.count


def is_setting(sql: str) -> bool:
    """Whether a statement only sets a switch: SQLite does so while preparing it."""
    return sql.startswith("PRAGMA ") and "=" in sql and "schema_version" not in sql


def is_undoing(sql: str) -> bool:
    """Whether a statement undoes what a savepoint encloses."""
    return sql.startswith(("ROLLBACK TO", "RELEASE"))


def told(error: BaseException | None) -> set[BaseException]:
    """The errors that an error tells of."""
    found: set[BaseException] = set()
    while error is not None and error not in found:
        found.add(error)
        error = error.__cause__ or error.__context__
    return found


def test_the_way(ground: Ground) -> None:
    """A work is what its name says: the way that it takes is not another one."""
    wanted = WAYS.get(ground.name.split("-")[0])
    ground.connection.execute("BEGIN IMMEDIATE")
    report = None if ground.refused else ground.work(ground.door)
    assert wanted is None or (isinstance(report, Report) and report.way is wanted)
    if ground.name == "convert-and-drop" and report.way is Way.CONVERT:
        steps = {type(step).__name__ for step in report.plans[-1].steps}
        assert {"ConvertRows", "DropColumn"} <= steps


@pytest.mark.parametrize("runs_first", [False, True], ids=["instead", "afterwards"])
def test_a_failing_statement(ground: Ground, runs_first: bool) -> None:
    """Each statement in turn fails once: everything is undone, the error comes out."""
    failure = Injected("database or disk is full")

    def fail(run: cabc.Callable[[], list[Row]]) -> list[Row]:
        if runs_first:
            # Some are there to fail: a copy that finds rows that do not fit.
            with contextlib.suppress(sqlite3.IntegrityError):
                run()
        raise failure

    for number in range(1, steps(ground) + 1):
        door = Door(ground.door, number, fail)
        error = ground.attempt(door)
        hint = f"statement {number}: {door.failed}"
        assert error is failure or failure in told(error), hint
        if not isinstance(error, Injected):
            assert is_undoing(door.failed) or not isinstance(error, ChangeRefused), hint
        if is_undoing(door.failed) or (is_setting(door.failed) and not runs_first):
            # What could not be undone alone is undone with the whole transaction.
            ground.undo()
            for name in ("writable_schema", "legacy_alter_table"):
                ground.connection.execute(f"PRAGMA {name} = OFF")
        ground.check_untouched(hint)
    assert (ground.attempt(Door(ground.door)) is None) is not ground.refused
    ground.undo()


def test_an_interrupt(ground: Ground) -> None:
    """SQLite itself rolls back what it interrupts: nothing is written after that."""

    def interrupt(run: cabc.Callable[[], list[Row]]) -> list[Row]:
        ground.connection.set_progress_handler(lambda: 1, 1)
        try:
            return run()
        finally:
            ground.connection.set_progress_handler(None, 1)

    rolled_back = 0
    for number in range(1, steps(ground) + 1):
        door = Door(ground.door, number, interrupt)
        error = ground.attempt(door)
        hint = f"statement {number}: {door.failed}"
        if error is None:
            # Too short to be interrupted.
            assert not ground.refused
            assert ground.state() != ground.before
            ground.undo()
        elif not (ground.refused and isinstance(error, ChangeRefused)):
            # The second is what SQLite calls it while it reads the schema again.
            assert str(error) in ("interrupted", "database schema has changed"), hint
            rolled_back += not ground.connection.in_transaction
            if is_undoing(door.failed) and ground.connection.in_transaction:
                # What could not be undone alone is undone with the transaction.
                ground.undo()
        ground.check_untouched(hint)
    assert rolled_back or ground.refused


def test_a_full_disk(ground: Ground) -> None:
    """The file may grow by no page, by one, by two, ...: all of it, or nothing."""
    connection = ground.connection
    connection.execute("VACUUM")
    ground.before = ground.state()
    most = connection.execute("PRAGMA max_page_count").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    for more in range(400):
        connection.execute(f"PRAGMA max_page_count = {pages + more}")
        error = ground.attempt(Door(ground.door))
        connection.execute(f"PRAGMA max_page_count = {most}")
        if error is None or (ground.refused and isinstance(error, ChangeRefused)):
            break
        assert str(error) == "database or disk is full"
        ground.check_untouched(f"{more} more pages")
    else:
        pytest.fail(f"never enough: {error!r}")
    if error is None:
        ground.undo()
    ground.check_untouched("the end")


def interrupted(connection: sqlite3.Connection) -> None:
    connection.set_progress_handler(lambda: 1, 1)
    connection.execute("SELECT * FROM t, t AS u, t AS v")


def full(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("INSERT INTO t VALUES (zeroblob(9000))")


def read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.execute("INSERT INTO t VALUES (1)")


def unauthorized(connection: sqlite3.Connection) -> None:
    connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    connection.execute("INSERT INTO t VALUES (1)")


def locked(connection: sqlite3.Connection) -> None:
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    connection.execute("BEGIN EXCLUSIVE")
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as second:
        second.execute("SELECT * FROM t")


def not_a_database(connection: sqlite3.Connection) -> None:
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    text = pathlib.Path(path).with_name("text")
    text.write_text("no database" * 100)
    connection.execute("ATTACH ? AS other", (str(text),))


def not_to_open(connection: sqlite3.Connection) -> None:
    connection.execute("ATTACH '/nowhere/at/all.db' AS other")


@pytest.mark.parametrize(
    "cause",
    [interrupted, full, read_only, unauthorized, locked, not_a_database, not_to_open],
)
def test_errors_that_say_nothing_of_the_statement(
    tmp_path: pathlib.Path, cause: cabc.Callable[[sqlite3.Connection], None]
) -> None:
    """The same statement may succeed another time, on any Python."""
    with contextlib.closing(
        sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    ) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(9)])
        with pytest.raises(sqlite3.DatabaseError) as caught:
            cause(connection)
    assert not is_verdict(caught.value)
    # Python 3.10 knows the text only.
    assert not is_verdict(type(caught.value)(str(caught.value)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT nope FROM t",
        "SELECT FROM",
        "INSERT INTO t VALUES (1, 2)",
        "INSERT INTO u VALUES (NULL)",
        "ALTER TABLE t DROP COLUMN a",
        "CREATE TABLE t (b)",
    ],
)
def test_errors_about_the_statement(statement: str) -> None:
    """It will never succeed."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("CREATE TABLE u (a NOT NULL)")
        with pytest.raises(sqlite3.DatabaseError) as caught:
            connection.execute(statement)
    assert is_verdict(caught.value)
    assert is_verdict(type(caught.value)(str(caught.value)))

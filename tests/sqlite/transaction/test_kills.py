"""Upgrades that are killed at random moments, and those that come after them."""

from __future__ import annotations

import collections
import collections.abc as cabc
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from tests.apps import write_revision
from tests.processes import start_python
from tests.sqlite.transaction.driver_setups import dump

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a process is killed by a signal"
)

HEAD = "dd44"

SERVER = """
import os, pathlib, sys
import flask, flask_sqlalchemy
import flask_batchmigrate, flask_batchmigrate.commands
import flask_batchmigrate.environment.runner, alembic.command
from sqlalchemy import orm

folder = pathlib.Path(sys.argv[1])

def migrate(separately, target):
    app = flask.Flask("an_app", root_path=str(folder))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder / 'app.db'}"
    app.config["BATCHMIGRATE_TRANSACTION_PER_MIGRATION"] = separately == "separately"
    db = flask_sqlalchemy.SQLAlchemy(app)
    flask_batchmigrate.BatchMigrate(app, db)
    with app.app_context():
        flask_batchmigrate.upgrade(revision=target)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            migrate(*line.split())
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Starts an upgrade in a process of its own for each line that it reads."""

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO author VALUES (1, 'Ada'), (2, 'Bob');
CREATE TABLE book ( -- what there is to read
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id INTEGER REFERENCES author(id) ON DELETE CASCADE,
    title VARCHAR(60) COLLATE NOCASE,
    pages VARCHAR(10),
    old TEXT
);
CREATE INDEX ix_book_title ON book (title, pages DESC);
CREATE INDEX ix_book_author ON book (author_id) WHERE author_id = 1;
CREATE TABLE log (what TEXT);
CREATE TRIGGER book_gone AFTER DELETE ON book BEGIN
    INSERT INTO log VALUES ('gone ' || old.title);
END;
CREATE TRIGGER book_changed AFTER UPDATE OF pages ON book BEGIN
    INSERT INTO log VALUES ('changed ' || old.title);
END;
CREATE VIEW thick AS SELECT title FROM book WHERE pages > 200;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
    INSERT INTO book (author_id, title, pages, old)
    SELECT 1 + i % 2, 'title ' || (i * 7919 % {rows}), i % 500, 'x' || i FROM n;
"""

REVISIONS = {
    "aa11": """\
with op.batch_alter_table('book') as batch:
        batch.alter_column('pages', type_=sa.Integer)
        batch.alter_column('title', new_column_name='name')""",
    "bb22": """\
op.execute("UPDATE book SET old = old || '!' WHERE id % 3 = 0")
    with op.batch_alter_table('book') as batch:
        batch.add_column(
            sa.Column('rank', sa.Integer, nullable=False, server_default='7'))
        batch.create_unique_constraint('uq_book', ['id', 'name'])
    op.create_index('ix_book_old', 'book', ['old'])""",
    "cc33": """\
op.create_table('shelf', sa.Column('id', sa.Integer, primary_key=True))
    op.execute('INSERT INTO shelf SELECT id FROM book')
    with op.batch_alter_table('book') as batch:
        batch.drop_column('old')
        batch.alter_column('author_id', nullable=False)""",
    HEAD: """\
op.rename_table('book', 'volume')
    with op.batch_alter_table('volume', recreate='always') as batch:
        batch.create_check_constraint('ck_rank', 'rank > 0')
    op.drop_table('shelf')""",
}

ONE_WAY = {
    # Each row is written where it is; two of the indexes are built again.
    "conversion in place": """\
with op.batch_alter_table('book') as batch:
        batch.alter_column('pages', type_=sa.Integer)
        batch.alter_column('old', type_=sa.LargeBinary,
            sqlite_using='CAST(old AS BLOB)')
        batch.add_column(sa.Column('rank', sa.Integer, nullable=False,
            server_default=sa.text('(1 + 6)')))""",
    # All rows are copied, and the indexes stay.
    "copy that keeps indexes": """\
with op.batch_alter_table('book',
            partial_reordering=[('id', 'old', 'title')]) as batch:
        batch.create_check_constraint('ck_id', 'id > 0')""",
}
"""Revisions of which nearly all of the time is the work of one way."""


class Server:
    """Runs upgrades of one file, each in a process that may be killed.

    :param folder: where the migrations and the file ``app.db`` are.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._process = start_python(
            *("-c", SERVER, folder),
            where=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def upgrade(
        self,
        mode: str,
        target: str = "head",
        kill_after: float | None = None,
        kill_when: cabc.Callable[[], bool] | None = None,
    ) -> int:
        """Upgrade; return the status that the process left.

        :param kill_after: when to kill it, in seconds.
        :param kill_when: asked until it is true, or the process has ended.
        """
        assert self._process.stdin is not None
        print(mode, target, file=self._process.stdin, flush=True)
        child = self._read()
        if kill_when is not None:
            while not kill_when() and is_alive(child):
                time.sleep(0.0005)
            kill_after = 0.0
        if kill_after is not None:
            time.sleep(kill_after)
            # Not yet waited for by its parent, or it would have to be quicker than
            # the system is in handing out all other numbers.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Let the server end."""
        self._process.communicate(timeout=60)


def is_alive(process: int) -> bool:
    """Tell whether a process exists that its parent has not waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@dataclasses.dataclass
class Ground:
    """A file to migrate, and what it holds at each revision.

    :param revisions: the revisions, in order.
    :param duration: how long an upgrade takes from start to end, in seconds.
    :param was_at_work: whether the last kill left something to be rolled back.
    """

    folder: pathlib.Path
    revisions: tuple[str, ...]
    server: Server
    states: dict[str, str]
    duration: float
    was_at_work: bool = False

    @property
    def file(self) -> pathlib.Path:
        """The database."""
        return self.folder / "app.db"

    @property
    def head(self) -> str:
        """The last revision."""
        return self.revisions[-1]

    def roots(self) -> dict[str, int]:
        """The page at which each table and index begins."""
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute("SELECT name, rootpage FROM sqlite_master")
            return dict(rows.fetchall())

    def reset(self, journal: str) -> None:
        """Put the file back to where it was before all revisions."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self.file.with_name(f"app.db{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self.folder / "start.db", self.file)
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()

    def log_size(self) -> int:
        """How many bytes are in the journal, or in the write-ahead log."""
        sizes = [0]
        for end in ("-journal", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(self.file.with_name(f"app.db{end}").stat().st_size)
        return max(sizes)

    def largest_log(self, journal: str) -> int:
        """How large that becomes during an upgrade."""
        self.reset(journal)
        sizes = [0]
        assert self.server.upgrade("together", kill_when=lambda: self._note(sizes)) == 0
        return max(sizes)

    def _note(self, sizes: list[int]) -> bool:
        sizes.append(self.log_size())
        return False

    def state(self) -> str:
        """Everything that the file stores, in short."""
        lines = "\n".join(dump(self.file))
        return hashlib.sha256(lines.encode()).hexdigest()

    def check(self) -> list[object]:
        """What SQLite has to say against the file."""
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            problems = connection.execute("PRAGMA integrity_check").fetchall()
            keys = connection.execute("PRAGMA foreign_key_check").fetchall()
            return [p for p in problems if p != ("ok",)] + keys

    def revision(self) -> str:
        """The revision that the file says it is at."""
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            tables = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            ).fetchall()
            if not tables:
                return "base"
            rows = connection.execute("SELECT * FROM alembic_version").fetchall()
            return str(rows[0][0]) if rows else "base"


@contextlib.contextmanager
def prepare(
    folder: pathlib.Path, rows: int, revisions: dict[str, str] = REVISIONS
) -> cabc.Iterator[Ground]:
    """Make the file and the migrations, and find out what each revision makes of it."""
    previous = None
    for revision, upgrade in revisions.items():
        write_revision(folder / "migrations", revision, previous, upgrade)
        previous = revision
    with contextlib.closing(sqlite3.connect(folder / "start.db")) as connection:
        connection.executescript(SCHEMA.format(rows=rows))
    server = Server(folder)
    try:
        ground = Ground(folder, tuple(revisions), server, {}, 0.0)
        ground.reset("DELETE")
        ground.states["base"] = ground.state()
        for revision in revisions:
            assert server.upgrade("separately", revision) == 0
            ground.states[revision] = ground.state()
        ground.reset("DELETE")
        started = time.monotonic()
        assert server.upgrade("together") == 0
        ground.duration = time.monotonic() - started
        # One transaction or several: the end is the same.
        assert ground.state() == ground.states[ground.head]
        assert len(set(ground.states.values())) == len(revisions) + 1
        yield ground
    finally:
        server.close()


def kill_once(
    ground: Ground, journal: str, mode: str, moment: float, most: int | None = None
) -> str:
    """Kill one upgrade and judge what it leaves.

    :param moment: when, as a part of the time that an upgrade takes.
    :param most: how large the journal becomes; then a part of that is meant.
    :return: the revision that the file was left at.
    """
    ground.reset(journal)
    if most is None:
        ground.server.upgrade(mode, kill_after=moment * ground.duration)
    else:
        size = moment * most
        ground.server.upgrade(mode, kill_when=lambda: ground.log_size() >= size)
        ground.was_at_work = ground.log_size() > 0
    revision = ground.revision()
    assert ground.check() == []
    assert ground.state() == ground.states[revision], f"not quite at {revision}"
    if mode == "together":
        assert revision in ("base", ground.head)
    assert ground.server.upgrade(mode) == 0
    assert ground.state() == ground.states[ground.head]
    assert ground.check() == []
    return revision


MODES = [(j, m) for j in ("DELETE", "WAL") for m in ("together", "separately")]


def test_a_killed_upgrade_leaves_a_whole_revision(tmp_path: pathlib.Path) -> None:
    """The file is sound and exactly at a revision, and the next upgrade succeeds."""
    moments = random.Random(7)
    with prepare(tmp_path, 3000) as ground:
        for journal, mode in MODES:
            kill_once(ground, journal, mode, moments.uniform(0.3, 1.0))


@pytest.mark.long
def test_many_killed_upgrades_leave_whole_revisions(tmp_path: pathlib.Path) -> None:
    """So it is at any moment, for a table with 200,000 rows: 208 kills."""
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    left = {mode: collections.Counter[str]() for mode in MODES}
    with prepare(tmp_path, 200_000) as ground:
        for number in range(208):
            journal, mode = MODES[number % len(MODES)]
            moment = moments.uniform(0.0, 1.1)
            left[journal, mode][kill_once(ground, journal, mode, moment)] += 1
        for (journal, mode), counts in left.items():
            # Neither all too early nor all too late, also where the machine has become
            # slower or faster since the time was taken.
            for moment in (0.0, 2.0, 4.0, 8.0, 16.0):
                if ("base" if moment < 1 else HEAD) not in counts:
                    counts[kill_once(ground, journal, mode, moment)] += 1
        print(f"\nseed {seed}, an upgrade takes {ground.duration:.2f} s")
    for (journal, mode), counts in left.items():
        print(journal, mode, dict(sorted(counts.items())))
        assert "base" in counts and HEAD in counts


def check_way(ground: Ground, way: str) -> None:
    """Make sure that an upgrade takes the way that is to be killed."""
    ground.reset("DELETE")
    before = ground.roots()
    assert ground.server.upgrade("together") == 0
    after = ground.roots()
    # A table that is copied begins at another page, and an index that is kept does not.
    is_copied = before.pop("book") != after.pop("book")
    assert is_copied is (way == "copy that keeps indexes")
    assert not is_copied or before.items() <= after.items()


@pytest.mark.parametrize("way", ONE_WAY)
def test_a_killed_change_leaves_the_old_or_the_new_table(
    tmp_path: pathlib.Path, way: str
) -> None:
    """While rows are converted in place, and while they are copied."""
    moments = random.Random(11)
    with prepare(tmp_path, 3000, {HEAD: ONE_WAY[way]}) as ground:
        check_way(ground, way)
        for journal in ("DELETE", "WAL"):
            kill_once(ground, journal, "together", moments.uniform(0.3, 1.0))


@pytest.mark.long
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize("way", ONE_WAY)
def test_many_killed_changes_leave_the_old_or_the_new_table(
    tmp_path: pathlib.Path, way: str, journal: str
) -> None:
    """So it is at any moment, for a table with 30,000 rows: 100 kills in all."""
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    left: collections.Counter[str] = collections.Counter()
    hot = 0
    with prepare(tmp_path, 30_000, {HEAD: ONE_WAY[way]}) as ground:
        check_way(ground, way)
        most = ground.largest_log(journal)
        for _ in range(25):
            moment = moments.uniform(0.01, 1.0)
            left[kill_once(ground, journal, "together", moment, most)] += 1
            hot += ground.was_at_work
        print(f"\nseed {seed}, {way}, {journal}: {dict(left)}, {hot} at work")
    assert hot

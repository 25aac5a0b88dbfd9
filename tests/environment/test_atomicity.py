"""An upgrade is made as a whole or not at all, wherever it fails, and says which."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import textwrap
import typing as t

import pytest
from flask import Flask

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.cli_project import Project
from tests.processes import start_python

SCHEMA = """
    CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR(20), age TEXT);
    INSERT INTO author VALUES (1, 'Ada', '36'), (2, 'Bob', '40');
    CREATE TABLE book (
        id INTEGER PRIMARY KEY,
        author_id INTEGER REFERENCES author(id) ON DELETE CASCADE
    );
    INSERT INTO book VALUES (10, 1), (20, 2);
    CREATE INDEX ix_book ON book (author_id);
    CREATE VIEW named AS SELECT name FROM author;
"""

REVISIONS = {
    "aa11": """\
        with op.batch_alter_table('author') as batch:
            batch.alter_column('age', type_=sa.Integer)
        op.execute("DELETE FROM author WHERE name = 'Bob'")
        """,
    "bb22": """\
        with op.batch_alter_table('book') as batch:
            batch.add_column(sa.Column('title', sa.String(50)))
        op.execute("UPDATE book SET title = 'untitled'")
        op.alter_column('book', 'title', nullable=False)
        """,
    "cc33": """\
        op.rename_table('book', 'volume')
        op.create_table('shelf', sa.Column('id', sa.Integer, primary_key=True))
        """,
}


class Full(sqlite3.OperationalError):
    """The error that a test puts in the way."""


class Failing:
    """Counts the statements of all connections of the driver, and lets one fail."""

    at = commit = 0
    count = commits = 0
    killed = False
    failed = ""

    @classmethod
    def reset(cls, at: int = 0, commit: int = 0, killed: bool = False) -> None:
        """Start to count.

        :param at: the number of the statement that fails; 0 for none.
        :param commit: the same among those that commit.
        :param killed: end the process instead.
        """
        cls.at, cls.commit, cls.killed = at, commit, killed
        cls.count = cls.commits = 0
        cls.failed = ""

    @classmethod
    def meet(cls, sql: str) -> None:
        """Count one."""
        if sql.startswith("PRAGMA ") and "=" in sql and "schema_version" not in sql:
            # SQLite sets a switch while it prepares the statement: no page is read.
            return
        cls.count += 1
        cls.commits += sql == "COMMIT"
        if cls.count == cls.at or (sql == "COMMIT" and cls.commits == cls.commit):
            cls.failed = sql
            if cls.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Full("database or disk is full")


class Cursor(sqlite3.Cursor):
    """A cursor whose statements may fail."""

    def execute(self, sql: str, *args: t.Any) -> Cursor:
        Failing.meet(sql)
        super().execute(sql, *args)
        return self


class Connection(sqlite3.Connection):
    """A connection of the driver whose statements may fail."""

    def cursor(self, factory: t.Any = Cursor) -> t.Any:
        return super().cursor(factory)

    def commit(self) -> None:
        if self.in_transaction:
            Failing.meet("commit()")
        super().commit()


def dump(file: pathlib.Path) -> list[str]:
    """Everything in a file."""
    with contextlib.closing(sqlite3.connect(file, timeout=0)) as connection:
        return list(connection.iterdump())


def write(folder: pathlib.Path, **other: str) -> None:
    """Write the three revisions.

    :param other: other texts for some of them.
    """
    previous = None
    for revision, text in (REVISIONS | other).items():
        lines = textwrap.indent(textwrap.dedent(text), "    ").strip()
        write_revision(folder / "migrations", revision, previous, lines)
        previous = revision


def fill(file: pathlib.Path, journal: str = "DELETE") -> None:
    """Make the database."""
    file.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)


def make(apps: Apps, **options: t.Any) -> Flask:
    """Make an application whose statements may fail."""
    fill(apps.path / "app.db")
    Failing.reset()
    return apps.make(
        {None: ["author name"]},
        config={"SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"factory": Connection}}},
        **options,
    )


def states(apps: Apps, app: Flask) -> dict[str, list[str]]:
    """What the file holds at each revision."""
    file = apps.path / "app.db"
    found = {"base": dump(file)}
    with app.app_context():
        for revision in REVISIONS:
            fb.upgrade(revision=revision)
            found[revision] = dump(file)
    return found


def settings(app: Flask) -> list[t.Any]:
    """The settings of the connection that the application gets from its pool."""
    names = (
        "foreign_keys",
        "writable_schema",
        "legacy_alter_table",
        "ignore_check_constraints",
        "busy_timeout",
        "query_only",
    )
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.connect() as connection:
            assert not connection.connection.driver_connection.in_transaction
            return [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names
            ]


def upgrade_failing(number: int) -> str:
    """Upgrade while a statement fails; return what is said, nothing if none failed."""
    Failing.reset(number)
    try:
        fb.upgrade()
    except Exception as error:
        return str(error)
    return ""


def fail_each(apps: Apps, app: Flask, journal: str, numbers: cabc.Iterable[int]) -> int:
    """Let one statement of an upgrade fail after the other.

    :param numbers: which ones.
    :return: how many failed.
    """
    file = apps.path / "app.db"
    separately = app.extensions["migrate"].configure_args.get(
        "transaction_per_migration"
    )
    boundaries = states(apps, app)
    failures = 0
    for number in numbers:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
            fill(file, journal)
            assert settings(app)
            message = upgrade_failing(number)
        hint = f"statement {number}: {Failing.failed}: {message}"
        if not Failing.failed:
            assert not message
            return failures
        failures += 1
        Failing.reset()
        found = dump(file)
        reached = [name for name, state in boundaries.items() if state == found]
        assert reached, f"not at a revision, {hint}"
        if not message:
            # It was of no importance, the restoring of a timeout for instance.
            assert reached == ["cc33"], hint
        else:
            assert "database or disk is full" in message, hint
            assert ("Nothing was changed" in message) <= (reached == ["base"]), hint
            assert separately or reached == ["base"], hint
        with contextlib.closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # The application goes on, with its settings, and the next upgrade succeeds.
        assert settings(app) == [0, 0, 0, 0, 5000, 0], hint
        with app.app_context():
            fb.upgrade()
        assert dump(file) == boundaries["cc33"], hint
    return failures


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize("separately", [False, True], ids=["together", "separately"])
def test_some_failing_statements(apps: Apps, journal: str, separately: bool) -> None:
    """Whichever statement fails, the upgrade is undone, and the next one succeeds."""
    write(apps.path)
    app = make(apps, transaction_per_migration=separately)
    start = 1 + 2 * (journal == "WAL") + separately
    assert fail_each(apps, app, journal, range(start, 10_000, 11)) > 10


@pytest.mark.long
@pytest.mark.parametrize("separately", [False, True], ids=["together", "separately"])
def test_every_failing_statement(apps: Apps, separately: bool) -> None:
    """So it is for every single one."""
    write(apps.path)
    app = make(apps, transaction_per_migration=separately)
    failures = fail_each(apps, app, "DELETE", range(1, 10_000))
    print(f"\n{failures} statements")
    assert failures > 100


@pytest.mark.parametrize(
    "line",
    [
        "1 / 0",
        "op.execute('DELETE FROM nowhere')",
        "op.execute('INSERT INTO author (id) VALUES (1)')",
        "op.alter_column('author', 'nope', nullable=False)",
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
    ],
)
@pytest.mark.parametrize("separately", [False, True], ids=["together", "separately"])
def test_a_revision_in_the_middle_fails(
    apps: Apps, separately: bool, line: str
) -> None:
    """Nothing stays; with a transaction for each revision, exactly the finished ones.

    What ends the program instead of failing is undone as well.
    """
    write(apps.path)
    app = make(apps, transaction_per_migration=separately)
    boundaries = states(apps, app)
    write(apps.path, bb22=textwrap.dedent(REVISIONS["bb22"]) + line)
    file = apps.path / "app.db"
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
        fill(file)
        with pytest.raises(BaseException) as caught:
            fb.upgrade()
    assert dump(file) == boundaries["aa11" if separately else "base"]
    if isinstance(caught.value, Exception):
        assert isinstance(caught.value, fb.BatchMigrateError)
        message = str(caught.value)
        assert "'bb22'" in message
        assert ("Nothing was changed" in message) is not separately, message
    assert settings(app) == [0, 0, 0, 0, 5000, 0]
    write(apps.path)
    with app.app_context():
        fb.upgrade()
    assert dump(file) == boundaries["cc33"]


@pytest.mark.parametrize("separately", [False, True], ids=["together", "separately"])
def test_a_downgrade_fails(apps: Apps, separately: bool) -> None:
    """The same goes for the other direction."""
    for revision, down in (("aa11", None), ("bb22", "aa11"), ("cc33", "bb22")):
        write_revision(
            apps.path / "migrations",
            revision,
            down,
            f"op.create_table('t{revision}', sa.Column('id', sa.Integer))",
            f"op.drop_table('t{revision}')"
            + ("\n    1 / 0" if revision == "aa11" else ""),
        )
    app = make(apps, transaction_per_migration=separately)
    file = apps.path / "app.db"
    with app.app_context():
        fb.upgrade()
        with pytest.raises(fb.RevisionFailed):
            fb.downgrade(revision="base")
    made = {"taa11"} if separately else {"taa11", "tbb22", "tcc33"}
    assert {name for name in tables_of(file) if name.startswith("t")} == made
    assert version_of(file) == {"aa11" if separately else "cc33"}


TWO = """\
def upgrade(engine_name):
    globals()[f'upgrade_{engine_name}']()


def upgrade_():
    op.execute("UPDATE author SET name = name || '!'")
    op.alter_column('author', 'age', type_=sa.Integer)


def upgrade_logs():
    op.execute("UPDATE author SET name = name || '?'")
    op.alter_column('author', 'age', type_=sa.Integer)
"""

NAMES = "SELECT name, age FROM author"
OLD, NEW = [("Ada", "36"), ("Bob", "40")], [("Ada!", 36), ("Bob!", 40)]
OTHER = [("Ada?", 36), ("Bob?", 40)]


def two_binds(apps: Apps) -> Flask:
    """Make an application with two databases and a revision for both."""
    app = make(apps)
    fill(apps.path / "logs.db")
    app = apps.make(
        {None: ["author name"], "logs": ["entry text"]},
        config={
            "SQLALCHEMY_BINDS": {
                "logs": {
                    "url": apps.url("logs.db"),
                    "connect_args": {"factory": Connection},
                }
            },
            "SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"factory": Connection}},
        },
    )
    versions = apps.path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "aa11_.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n\n\n" + TWO
    )
    return app


def test_any_statement_of_two_binds(apps: Apps) -> None:
    """Two databases are both changed or both not, unless the second COMMIT fails.

    Then each of them is at a revision, the message says which one is done, and the
    next upgrade completes the other.
    """
    app = two_binds(apps)
    files = [apps.path / "app.db", apps.path / "logs.db"]
    met = set()
    for number in range(1, 10_000, 3):
        with app.app_context():
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()
            for file in files:
                fill(file)
            message = upgrade_failing(number)
            if not Failing.failed:
                break
            hint = f"statement {number}: {Failing.failed}: {message}"
            Failing.reset()
            found = [query(file, NAMES) for file in files]
            assert found[0] in (OLD, NEW) and found[1] in (OLD, OTHER), hint
            half = (found[0] == OLD) != (found[1] == OLD)
            if "Nothing was changed" in message:
                assert found == [OLD, OLD], hint
            elif not message:
                assert found == [NEW, OTHER], hint
            met.add((found[0] == OLD, found[1] == OLD))
            assert half is ("had been migrated before it" in message), hint
            fb.upgrade()
            assert [query(file, NAMES) for file in files] == [NEW, OTHER], hint
    assert (True, True) in met


@pytest.mark.parametrize("killed", [False, True], ids=["failing", "killed"])
def test_between_two_commits(apps: Apps, killed: bool) -> None:
    """The bind that was committed stays so, and the next upgrade completes the other.

    The COMMIT of the other fails, or the process is killed before it.
    """
    app = two_binds(apps)
    files = [apps.path / "app.db", apps.path / "logs.db"]
    with app.app_context():
        if killed:
            child = os.fork()
            if child == 0:
                Failing.reset(commit=2, killed=True)
                fb.upgrade()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
        else:
            Failing.reset(commit=2)
            with pytest.raises(fb.BatchMigrateError) as caught:
                fb.upgrade()
            assert f"'{files[0]}' could not be committed" in str(caught.value)
            assert f"'{files[1]}' had been migrated before it" in str(caught.value)
        Failing.reset()
        # The default bind is committed last.
        assert [query(file, NAMES) for file in files] == [OLD, OTHER]
        assert "alembic_version" not in tables_of(files[0])
        assert version_of(files[1]) == {"aa11"}
        fb.upgrade()
    assert [query(file, NAMES) for file in files] == [NEW, OTHER]


WORKER = """
import pathlib
import flask, flask_sqlalchemy
import flask_batchmigrate
app = flask.Flask("an_app", root_path=".")
folder = pathlib.Path.cwd()
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder / 'app.db'}"
db = flask_sqlalchemy.SQLAlchemy(app)
flask_batchmigrate.BatchMigrate(app, db)
"""

ONCE = "op.execute(\"INSERT INTO runs (what) VALUES ('{}')\")\n"


def test_processes_at_once(apps: Apps) -> None:
    """``flask db upgrade`` in all of them succeeds, and each revision runs once."""
    upgrade_at_once(apps, 4, "DELETE", behind=True)


@pytest.mark.long
@pytest.mark.parametrize("behind", [False, True], ids=["fresh", "three-behind"])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_sixteen_processes_at_once(apps: Apps, journal: str, behind: bool) -> None:
    """So it is for sixteen, on fresh databases and others, in both journal modes."""
    upgrade_at_once(apps, 16, journal, behind)


def upgrade_at_once(apps: Apps, count: int, journal: str, behind: bool) -> None:
    """Start processes and judge what they have done."""
    file = apps.path / "app.db"
    (apps.path / "an_app.py").write_text(WORKER)
    previous = None
    first = "op.create_table('runs', sa.Column('what', sa.String(9)))\n    "
    for number in range(6):
        revision = f"{number}{number}aa"
        text = (first if number == 0 else "") + ONCE.format(revision).strip()
        text += f"\n    op.add_column('runs', sa.Column('c{number}', sa.Integer))"
        text += f"\n    op.alter_column('runs', 'c{number}', type_=sa.String(9))"
        write_revision(apps.path / "migrations", revision, previous, text)
        previous = revision
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()
    if behind:
        with apps.make({None: ["user"]}).app_context():
            fb.upgrade(revision="22aa")
    workers = [
        start_python(
            *("-m", "flask", "--app", "an_app", "db", "upgrade"),
            where=apps.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(count)
    ]
    outputs = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * count, outputs
    assert query(file, "SELECT what FROM runs") == [(f"{n}{n}aa",) for n in range(6)]
    assert version_of(file) == {"55aa"}
    assert query(file, "PRAGMA integrity_check") == [("ok",)]


def test_keys_count_at_the_end_of_the_transaction(tmp_path: pathlib.Path) -> None:
    """Revisions that share it may move a key together; alone each is refused."""
    project = Project(tmp_path)
    project.add_revision(
        "r1",
        upgrade="op.execute('CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT)')\n"
        "    op.execute('CREATE TABLE c (p_id REFERENCES p (id), code TEXT)')\n"
        "    op.execute(\"INSERT INTO p VALUES (1, 'a')\")\n"
        "    op.execute(\"INSERT INTO c VALUES (1, 'a')\")",
    )
    script = project.add_revision(
        "r2",
        "r1",
        "with op.batch_alter_table('p') as batch:\n"
        "        batch.create_primary_key('pk_p', ['code'])\n"
        "        batch.drop_column('id')",
    )
    project.add_revision(
        "r3",
        "r2",
        "with op.batch_alter_table('c') as batch:\n"
        "        batch.drop_column('p_id')\n"
        "        batch.create_foreign_key('fk', 'p', ['code'], ['code'])",
    )
    project.ok("upgrade", "r1")
    content = project.database.read_bytes()
    refused = project.db("upgrade", "r2")
    assert refused.exit_code != 0
    assert f"{script}, line " in refused.stderr
    assert "Nothing was changed" in refused.stderr
    assert "Traceback" not in refused.output
    assert project.database.read_bytes() == content
    project.ok("upgrade")
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT * FROM c").fetchall() == [("a",)]

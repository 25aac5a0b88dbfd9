"""``--plan`` and ``--dry-run``: what would happen is told, and nothing happens."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import signal
import sqlite3
import threading
import typing as t

import pytest
import sqlalchemy as sa

from flask_batchmigrate import rehearse
from flask_batchmigrate import upgrade
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from flask_batchmigrate.results import TablePlan
from tests.apps import Apps
from tests.apps import query
from tests.apps import write_revision
from tests.cli_project import flask
from tests.cli_project import Project
from tests.cli_project import start_flask
from tests.cli_project import write_app
from tests.example import history
from tests.processes import python
from tests.servers import new_database

BOTH: t.Final = ("--plan", "--dry-run")
MAKES_BOOK: t.Final = (
    "op.create_table('book', sa.Column('id', sa.Integer, primary_key=True),"
    " sa.Column('title', sa.String(50)), sa.Column('pages', sa.String(10)))"
)
BLOCK: t.Final = "with op.batch_alter_table('book') as batch: "


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """A table with three rows, and a revision that changes it."""
    project = Project(tmp_path)
    project.add_revision("aa11", None, MAKES_BOOK, "op.drop_table('book')")
    project.ok("upgrade")
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.executemany(
            "INSERT INTO book (title, pages) VALUES (?, ?)",
            [("Frankenstein", "280"), ("Mathilda", "120"), (None, "none")],
        )
        connection.commit()
    return project


def add(project: Project, change: str, revision: str = "bb22") -> None:
    project.add_revision(revision, "aa11", BLOCK + change)


NOT_NULL = "batch.alter_column('title', nullable=False)"
DROP = "batch.drop_column('pages')"
NUMBER = "batch.alter_column('pages', type_=sa.Integer())"


@pytest.mark.parametrize("option", BOTH)
def test_shown_and_not_done(project: Project, option: str) -> None:
    """The table, the way, its cost and reason are shown; no byte changes."""
    add(project, "batch.alter_column('title', type_=sa.String(80))")
    before = project.state()
    shown = project.ok("upgrade", option)
    assert project.state() == before
    lines = shown.stdout.splitlines()
    assert lines[0] == f"Would upgrade '{project.database}': 1 revision"
    assert lines[1].startswith("  bb22  step bb22")
    assert lines[2] == "    book: schema edit, 0 of 3 rows written"
    assert "both types store every value alike" in lines[3]
    assert shown.stderr.endswith("Nothing was changed.\n")


@pytest.mark.parametrize("option", BOTH)
def test_loss_is_marked(project: Project, option: str) -> None:
    """What loses values or rows has a mark, and the last line counts it."""
    add(project, DROP)
    text = project.ok("upgrade", option).stdout
    assert "\n  ! book: schema edit, 3 of 3 rows written\n" in text
    assert text.endswith("! 1 revision would lose rows or values.\n")


@pytest.mark.parametrize(
    ("change", "is_destructive"),
    [
        ("op.drop_table('book')", True),
        ("op.execute('DELETE FROM book')", True),
        ("op.execute('DELETE FROM book WHERE id > 99')", False),
        ("op.drop_column('book', 'title')", True),
        ("op.create_index('i', 'book', ['title'])", False),
        ("op.execute('UPDATE book SET pages = 1')", False),
    ],
)
def test_what_is_a_loss(project: Project, change: str, is_destructive: bool) -> None:
    """Rows, columns and tables that go are losses, nothing else."""
    project.add_revision("bb22", "aa11", change)
    found = json.loads(project.ok("upgrade", "--plan", "--json").stdout)
    assert [r["is_destructive"] for r in found["revisions"]] == [is_destructive]


def test_json(project: Project) -> None:
    """A program gets the values."""
    add(project, NUMBER.replace("))", "), sqlite_keep_values=True)"))
    found = json.loads(project.ok("upgrade", "--plan", "--json").stdout)
    (revision,) = found["revisions"]
    assert (revision["revision"], revision["bind"]) == ("bb22", "")
    (change,) = revision["changes"]
    assert change["table"] == "book"
    assert change["way"] == "conversion in place"
    # The third value is no number, and stays as it is.
    assert (change["rows"], change["rows_written"]) == (3, 2)


def test_downgrade(project: Project) -> None:
    """The way back is rehearsed like the way there."""
    before = project.state()
    text = project.ok("downgrade", "--plan").stdout
    assert project.state() == before
    assert "Would downgrade" in text
    assert "\n  ! book: ALTER TABLE, 0 of 3 rows written\n" in text
    assert "drop the table" in text


def test_steps_of_a_downgrade(project: Project) -> None:
    """A number of steps is understood as without the option."""
    text = project.ok("downgrade", "-1", "--plan").stdout
    assert "aa11" in text


def test_rows_that_stop_it(project: Project) -> None:
    """A dry run finds the rows that break a rule; nothing is changed."""
    add(project, NOT_NULL)
    before = project.state()
    failed = project.db("upgrade", "--dry-run")
    assert (failed.exit_code, project.state()) == (1, before)
    assert "'title'" in failed.stderr
    assert "1 row" in failed.stderr
    assert "Nothing was changed" in failed.stderr


def test_plan_does_not_pay_for_rows(project: Project) -> None:
    """Without a script that needs them, the rows are counted and not copied."""
    add(project, "batch.alter_column('title', type_=sa.String(80))")
    with project.app() as app, app.app_context():
        assert not rehearse(directory=str(project.path / "migrations")).with_rows


@pytest.mark.parametrize(
    "line",
    [
        "op.get_bind().execute(sa.text('SELECT count(*) FROM book')).scalar_one()",
        "op.execute('UPDATE book SET pages = NULL')",
        "op.execute('CREATE TABLE other AS SELECT * FROM book')",
        "assert op.get_bind().scalar(sa.text('SELECT count(*) FROM book')) == 3",
    ],
)
def test_plan_takes_the_rows_that_scripts_need(project: Project, line: str) -> None:
    """A script that reads or changes rows runs with them."""
    project.add_revision("bb22", "aa11", line)
    before = project.state()
    with project.app() as app, app.app_context():
        assert rehearse(directory=str(project.path / "migrations")).with_rows
    assert project.state() == before


def test_way_that_depends_on_rows(project: Project) -> None:
    """Rows that are older than a default, and read it, are taken into account."""
    project.add_revision(
        "bb22",
        "aa11",
        "op.add_column('book', sa.Column('n', sa.Integer, server_default='1'))",
    )
    project.ok("upgrade")
    change = BLOCK + "batch.alter_column('n', server_default='2')"
    project.add_revision("cc33", "bb22", change)
    text = " ".join(project.ok("upgrade", "--plan").stdout.split())
    assert "book: copy, 3 of 3 rows written" in text
    assert "rows from before an ADD COLUMN read the default" in text


def test_database_that_does_not_exist(tmp_path: pathlib.Path) -> None:
    """It is not made."""
    project = Project(tmp_path)
    project.add_history("aa11", "bb22")
    for option in BOTH:
        text = project.ok("upgrade", option).stdout
        assert "2 revisions" in text
        assert not project.database.exists()


def test_nothing_to_do(project: Project) -> None:
    """It says so."""
    assert "nothing to upgrade" in project.ok("upgrade", "--plan").stdout


def test_options_that_do_not_go_together(project: Project) -> None:
    """The command line says what is wrong with it."""
    assert project.db("upgrade", "--json").exit_code == 2
    assert project.db("upgrade", "--plan", "--sql").exit_code == 2


def test_narrow_terminal(project: Project) -> None:
    """No line is wider than the terminal."""
    add(project, DROP)
    text = project.ok("upgrade", "--plan", env={"COLUMNS": "60"}).stdout
    name = str(project.database)
    assert max(len(line) for line in text.splitlines() if name not in line) <= 60


# The files


@pytest.mark.parametrize("option", BOTH)
@pytest.mark.parametrize("mode", ["wal", "persist", "truncate"])
def test_journal_modes(project: Project, mode: str, option: str) -> None:
    """The files beside the database stay as they are, and none is made."""
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("UPDATE book SET pages = 1")
        connection.commit()
    add(project, DROP)
    before = project.state()
    project.ok("upgrade", option)
    assert project.state() == before


@pytest.mark.parametrize("option", BOTH)
def test_log_left_by_a_crash(project: Project, option: str) -> None:
    """Rows in a log that nobody has moved yet count, and the log stays as it is."""
    file = project.database
    python(
        None,
        f"""
import os, sqlite3
connection = sqlite3.connect({str(file)!r})
connection.execute("PRAGMA journal_mode = wal")
connection.execute("INSERT INTO book (title) VALUES ('in the log')")
connection.commit()
print(flush=True)
os._exit(0)
""",
    )
    assert (project.path / "app.db-wal").stat().st_size
    add(project, DROP)
    before = project.state()
    text = project.ok("upgrade", option).stdout
    assert "of 4 rows written" in text
    after = project.state()
    # The index of the log is no part of the database.
    del before["app.db-shm"], after["app.db-shm"]
    assert after == before


def test_killed(project: Project) -> None:
    """A rehearsal that is killed half-way leaves the database alone, too."""
    write_app(project.path, models="")
    lines = "op.execute('DELETE FROM book'); print('here', flush=True)"
    add(project, f"{DROP}; import time; {lines}; time.sleep(600)")
    before = project.state()
    with start_flask(project.path, "db", "upgrade", "--dry-run") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert project.state() == before


DIES: t.Final = """
import os, signal, sqlite3, sys

left, counted, connecting = int(os.environ["DIES_AT"]), 0, sqlite3.dbapi2.connect

def count(sql):
    global counted
    counted += 1
    if counted == left:
        os.kill(os.getpid(), signal.SIGKILL)

def connect(*args, **options):
    connection = connecting(*args, **options)
    connection.set_trace_callback(count)
    return connection

sqlite3.connect = sqlite3.dbapi2.connect = connect
import atexit; atexit.register(lambda: print("statements:", counted))
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("option", BOTH)
def test_killed_at_several_moments(project: Project, option: str, mode: str) -> None:
    """Whichever statement a rehearsal has come to: the files stay as they are."""
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    write_app(project.path, models="")
    app = project.path / "app.py"
    app.write_text(DIES + app.read_text())
    add(project, f"{NUMBER[:-1]}, sqlite_keep_values=True); {DROP[:-8]}'title')")
    before = project.state()
    told = flask(project.path, "db", "upgrade", option, DIES_AT="0")
    assert told.exit_code == 0
    assert project.state() == before
    statements = int(told.stdout.rsplit("statements: ", 1)[1])
    assert statements > 50
    for moment in range(1, statements + 1, statements // 4):
        killed = flask(project.path, "db", "upgrade", option, DIES_AT=str(moment))
        assert killed.exit_code == -signal.SIGKILL
        assert project.state() == before


@pytest.mark.parametrize("option", BOTH)
def test_killed_on_postgresql(tmp_path: pathlib.Path, option: str) -> None:
    """The server undoes what a killed rehearsal has done, and keeps no lock of it."""
    with new_database("postgresql") as url:
        project = Project(tmp_path, uri=url)
        project.add_revision("aa11", None, MAKES_BOOK)
        project.ok("upgrade")
        write_app(project.path, models="")
        app = project.path / "app.py"
        uri = f"sqlite:///{project.database}"
        app.write_text(app.read_text().replace(uri, url))
        lines = "print('here', flush=True); import time; time.sleep(600)"
        project.add_revision("bb22", "aa11", f"op.drop_table('book'); {lines}")
        with start_flask(project.path, "db", "upgrade", option) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            process.send_signal(signal.SIGKILL)
            process.wait()
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            # This waits until the server has undone it.
            connection.execute(sa.text("INSERT INTO book (title) VALUES ('x')"))
        engine.dispose()
        assert "aa11" in project.ok("current").stdout


def test_other_threads_keep_their_database(apps: Apps) -> None:
    """What another thread writes meanwhile is written to the database itself."""
    app = apps.make({None: []})
    db = app.extensions["sqlalchemy"]
    folder = apps.path / "migrations"
    write_revision(
        folder, "aa11", None, "op.create_table('t', sa.Column('a', sa.Integer))"
    )
    with app.app_context():
        upgrade()
        engine = db.engine

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))

    class Writing(Reporter):
        def revision_started(self, *_: str) -> None:
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()

    write_revision(folder, "bb22", "aa11", "op.execute('DELETE FROM t')")
    with app.app_context(), reporting_to(Writing()):
        (revision,) = rehearse().revisions
    assert revision.revision == "bb22"
    rows = query(apps.path / "app.db", "SELECT a FROM t")
    assert rows
    assert set(rows) == {(1,)}


def test_connections_made_by_the_application(tmp_path: pathlib.Path) -> None:
    """Where they cannot be led to a copy, the rehearsal is refused."""
    file = tmp_path / "own.db"
    project = Project(tmp_path)
    project.add_history("aa11")
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(file))
    project.options = {"engine": engine, "metadata": sa.MetaData()}
    refused = project.db("upgrade", "--plan")
    engine.dispose()
    assert refused.exit_code == 1
    assert "by itself" in refused.stderr
    assert project.tables_in("own.db") == set()


def test_attached_databases(project: Project) -> None:
    """One that the copy's connections would attach is not put at risk."""
    other = project.path / "other.db"
    engine = sa.create_engine(f"sqlite:///{project.database}")

    @sa.event.listens_for(engine, "connect")
    def attach(dbapi: t.Any, record: t.Any) -> None:
        dbapi.execute(f"ATTACH '{other}' AS other")

    project.options = {"engine": engine, "metadata": sa.MetaData()}
    add(project, DROP)
    refused = project.db("upgrade", "--dry-run")
    engine.dispose()
    assert refused.exit_code == 1
    assert f"attach '{other}'" in refused.stderr


# The plan against what then happens


class _Taking(Reporter):
    """Keeps the plans of a run."""

    def __init__(self) -> None:
        self.plans: list[TablePlan] = []

    def table_changed(self, plan: TablePlan) -> None:
        self.plans.append(plan)


@pytest.mark.parametrize("with_rows", [False, True])
def test_same_as_what_happens(tmp_path: pathlib.Path, with_rows: bool) -> None:
    """The example's history takes the steps that were told, with and without rows."""
    for number, fill in enumerate((False, True)):
        with history.example(f"sqlite:///{tmp_path / f'{number}.db'}"):
            if fill:
                upgrade(revision=history.MOVES)
                for table, rows in history.OLD_ROWS:
                    history.insert(table, rows)
            told = rehearse(with_rows=with_rows)
            taking = _Taking()
            with reporting_to(taking):
                done = upgrade()
        assert [r.revision for r in told.revisions] == [a.revision for a in done]
        plans = [c for r in told.revisions for c in r.changes]
        assert [_steps(p) for p in plans if isinstance(p, TablePlan)] == [
            _steps(p) for p in taking.plans
        ]


def _steps(plan: TablePlan) -> tuple[t.Any, ...]:
    return plan.table, plan.way, plan.reason, plan.steps


# Other databases and environments


def test_postgresql(tmp_path: pathlib.Path) -> None:
    """It runs in the transaction, which is rolled back."""
    with new_database("postgresql") as url:
        project = Project(tmp_path, uri=url)
        project.add_revision("aa11", None, MAKES_BOOK)
        project.ok("upgrade")
        project.add_revision("bb22", "aa11", "op.drop_column('book', 'pages')")
        text = project.ok("upgrade", "--plan").stdout
        assert "\n  ! ALTER TABLE book DROP COLUMN pages\n" in text
        engine = sa.create_engine(url)
        names = [c["name"] for c in sa.inspect(engine).get_columns("book")]
        engine.dispose()
        assert names == ["id", "title", "pages"]
        assert "aa11" in project.ok("current").stdout


def test_postgresql_outside_of_a_transaction(tmp_path: pathlib.Path) -> None:
    """A script that stores something by itself is stopped before it does."""
    with new_database("postgresql") as url:
        project = Project(tmp_path, uri=url)
        project.add_revision(
            "aa11",
            None,
            f"{MAKES_BOOK}\n    with op.get_context().autocommit_block(): pass",
        )
        refused = project.db("upgrade", "--plan")
        assert refused.exit_code == 1
        assert "cannot be rehearsed" in refused.stderr
        engine = sa.create_engine(url)
        assert sa.inspect(engine).get_table_names() == []
        engine.dispose()


def test_mariadb(tmp_path: pathlib.Path) -> None:
    """It is refused in one line: what it does could not be undone."""
    with new_database("mariadb") as url:
        project = Project(tmp_path, uri=url)
        project.add_revision("aa11", None, MAKES_BOOK)
        refused = project.db("upgrade", "--plan")
        assert refused.exit_code == 1
        assert "does not undo changes of tables" in refused.stderr
        assert "book" not in project.db("current").output


@pytest.mark.filterwarnings("ignore:'get_engine'")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_env_py_of_flask_migrate(tmp_path: pathlib.Path, kind: str) -> None:
    """A folder's own ``env.py`` is led astray, or kept from committing, as well."""
    with new_database(kind) if kind != "sqlite" else contextlib.nullcontext() as url:
        project = Project(tmp_path, uri=url)
        source = pathlib.Path(pytest.importorskip("flask_migrate").__file__).parent
        template = source / "templates" / "flask"
        project.versions.mkdir(parents=True)
        shutil.copy(template / "env.py", project.versions.parent / "env.py")
        ini = (template / "alembic.ini.mako").read_text()
        (project.versions.parent / "alembic.ini").write_text(ini)
        project.add_revision("aa11", None, MAKES_BOOK)
        for option in BOTH:
            text = project.ok("upgrade", option).stdout
            assert "CREATE TABLE book" in text
        assert project.tables_in() == set()
        assert "aa11" not in project.ok("current").stdout


def test_binds(tmp_path: pathlib.Path) -> None:
    """Each database has its part, and none is made."""
    project = Project(tmp_path, {"a": ["x"]}, {"other": {"b": ["y"]}})
    project.ok("migrate", "--no-verify")
    before = project.state()
    text = project.ok("upgrade", "--plan").stdout
    assert project.state() == before
    assert "app.db': 1 revision" in text
    assert "other.db' (bind 'other'): 1 revision" in text
    project.ok("upgrade")
    text = project.ok("downgrade", "--plan").stdout
    assert text.endswith("! 1 revision would lose rows or values.\n")

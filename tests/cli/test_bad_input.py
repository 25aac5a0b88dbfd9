"""Bad input: one line that says what to do, exit code 1, and nothing changed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.cli_project import flask
from tests.cli_project import Outcome
from tests.cli_project import Project
from tests.cli_project import write_app
from tests.permissions import unwritable


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """Three revisions; the database is at the second and has a row."""
    project = Project(tmp_path, {"user": ["name"]})
    project.add_history("aa11", "bb22", "cc33")
    project.ok("upgrade", "bb22")
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute("INSERT INTO t_bb22 VALUES (7)")
        connection.commit()
    return project


@pytest.fixture
def empty(tmp_path: pathlib.Path) -> Project:
    """A project with models, and no migrations folder or database yet."""
    return Project(tmp_path, {"user": ["name"]})


def refused(project: Project, *args: str) -> str:
    """Run a command that must fail; return its one line."""
    before = project.state()
    outcome = project.db(*args)
    assert project.state() == before
    # Of "check", 1 is a finding.
    return one_line(outcome, 2 if args[0] == "check" else 1)


def one_line(outcome: Outcome, exit_code: int = 1) -> str:
    """The error, which is the last line; only progress stands before it."""
    assert outcome.exit_code == exit_code, outcome.output
    assert outcome.stdout == ""
    *progress, error = outcome.stderr.splitlines()
    assert error.startswith("Error: "), outcome.stderr
    for line in progress:
        assert line.startswith(("Upgrading ", "Downgrading ", "Detected ")), line
    return error


# -- models


@pytest.mark.parametrize("command", ["migrate", "check"])
def test_no_models(empty: Project, command: str) -> None:
    """No tables in the metadata: the likely cause is named, no file is written."""
    empty.tables.clear()
    empty.versions.mkdir(parents=True)
    assert "import" in refused(empty, command).lower()


def test_no_models_and_no_folder(empty: Project) -> None:
    """The very first ``migrate`` makes neither a folder nor a database then."""
    empty.tables.clear()
    assert "import" in refused(empty, "migrate").lower()


@pytest.mark.parametrize("command", ["migrate", "check"])
def test_no_models_on_a_filled_database(project: Project, command: str) -> None:
    """With tables in the database, no revision that drops them is written."""
    project.ok("upgrade")
    project.tables.clear()
    assert "import" in refused(project, command).lower()


def test_not_up_to_date(project: Project) -> None:
    """``migrate`` against a database behind the head says what to run first."""
    assert "upgrade" in refused(project, "migrate")


def test_database_object_not_set_up(tmp_path: pathlib.Path) -> None:
    """``db.init_app`` was forgotten: that is named, and no traceback shown."""
    write_app(tmp_path, "")
    source = (
        (tmp_path / "app.py").read_text().replace("SQLAlchemy(app)", "SQLAlchemy()")
    )
    (tmp_path / "app.py").write_text(source)
    Project(tmp_path).add_history("aa11")
    assert "init_app" in one_line(flask(tmp_path, "db", "upgrade"))


# -- revisions


@pytest.mark.parametrize(
    "args",
    [
        ["upgrade", "zz99"],
        ["upgrade", "zz99@head"],
        ["upgrade", "--sql", "zz99"],
        ["upgrade", "--sql", "zz99:bb22"],
        ["downgrade", "zz99"],
        ["downgrade", "--sql", "bb22:zz99"],
        ["stamp", "zz99"],
        ["stamp", "aa11", "zz99"],
        ["stamp", "--purge", "zz99"],
        ["show", "zz99"],
        ["edit", "zz99"],
        ["merge", "bb22", "zz99"],
        ["history", "-r", "zz99:"],
        ["history", "-r", ":zz99"],
        ["revision", "--head", "zz99"],
        ["revision", "--depends-on", "zz99"],
        ["migrate", "--head", "zz99"],
    ],
    ids=" ".join,
)
def test_unknown_revision(project: Project, args: list[str]) -> None:
    """An unknown revision is named, whichever command was given it."""
    if args[0] == "migrate":
        project.ok("upgrade")
    assert "'zz99" in refused(project, *args)


@pytest.mark.parametrize(
    "args",
    [
        ["upgrade", "+9"],
        ["downgrade", "9"],
        ["downgrade", "-9"],
        ["upgrade", "aa11:bb22"],
        ["downgrade", "bb22:aa11"],
        ["history", "-r", "aa11"],
        ["downgrade", "cc33"],
    ],
    ids=" ".join,
)
def test_impossible_target(project: Project, args: list[str]) -> None:
    """Too many steps, or a range where none is allowed."""
    refused(project, *args)


@pytest.mark.parametrize(
    "args",
    [
        ["upgrade"],
        ["upgrade", "aa11"],
        ["downgrade"],
        ["downgrade", "base"],
        ["current"],
        ["migrate"],
        ["check"],
        ["stamp", "cc33"],
        ["history", "-i"],
    ],
    ids=" ".join,
)
def test_stored_revision_without_file(project: Project, args: list[str]) -> None:
    """A database at a revision whose file is missing: both are named."""
    next(project.versions.glob("cc33*")).unlink()
    next(project.versions.glob("bb22*")).unlink()
    line = refused(project, *args)
    assert "'bb22'" in line
    assert "app.db" in line


def test_stored_revision_without_file_has_a_way_out(project: Project) -> None:
    """``stamp --purge`` is the way out that the message names."""
    next(project.versions.glob("cc33*")).unlink()
    next(project.versions.glob("bb22*")).unlink()
    assert "stamp --purge" in refused(project, "upgrade")
    project.ok("stamp", "--purge", "aa11")
    assert project.version() == {"aa11"}


@pytest.mark.parametrize(
    "args",
    [["upgrade"], ["upgrade", "head"], ["revision"], ["downgrade", "--sql"]],
    ids=" ".join,
)
def test_several_heads(project: Project, args: list[str]) -> None:
    """Two heads by accident are named, with the way to join them."""
    project.add_revision("dd44", "bb22")
    line = refused(project, *args)
    assert "cc33" in line
    assert "dd44" in line
    assert "merge" in line


def test_several_heads_migrate(project: Project) -> None:
    """``migrate`` refuses two heads as well."""
    project.add_revision("dd44", "bb22")
    project.ok("upgrade", "heads")
    line = refused(project, "migrate")
    assert "cc33" in line
    assert "dd44" in line


def test_nothing_to_merge(project: Project) -> None:
    """``merge`` with one head has nothing to join."""
    refused(project, "merge")
    refused(project, "merge", "cc33")


def test_rev_id_taken(project: Project) -> None:
    """A revision id that a file has already is refused before a file is written."""
    assert "'bb22'" in refused(project, "revision", "--rev-id", "bb22")


IDS = ["", " ", "../x", "a/b", "a\\b", ".a", "__init__", "a\nb", "a\0b", "a b"]
SYMBOLS = ["base", "head", "heads", "current", "a@b", "a:b", "a+1", "a-1", "-1", "*"]


@pytest.mark.parametrize("command", ["revision", "migrate", "merge"])
@pytest.mark.parametrize("rev_id", IDS + SYMBOLS)
def test_rev_id_that_is_none(project: Project, command: str, rev_id: str) -> None:
    """What a file or a command could not be named by is refused before the work."""
    assert repr(rev_id) in refused(project, command, "--rev-id", rev_id)


@pytest.mark.parametrize("label", ["", "a\nb", "a\0", *SYMBOLS[:6]])
def test_label_that_is_none(project: Project, label: str) -> None:
    """The same goes for the label of a branch."""
    assert repr(label) in refused(project, "revision", "--branch-label", label)


def test_rev_id_of_any_letters(project: Project) -> None:
    """Letters of any script, digits, underscores and dots are welcome."""
    for rev_id in ("0001", "v1.2", "_x", "\u00e9t\u00e9"):
        project.ok("revision", "--rev-id", rev_id)
    project.ok("upgrade")
    assert project.version() == {"\u00e9t\u00e9"}


@pytest.mark.parametrize("command", ["revision", "migrate"])
def test_sql_where_it_means_nothing(project: Project, command: str) -> None:
    """``--sql`` with nothing to write is refused."""
    project.ok("upgrade")
    refused(project, command, "--sql")


# -- revision files


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("revision = 'dd44'\ndown_revision = 'cc33'\ndef upgrade(:\n", "line 3"),
        ("import nonexistent_module\nrevision = 'dd44'\n", "nonexistent_module"),
        ("revision = 'dd44'\n1 / 0\n", "ZeroDivisionError"),
        ("revision = 'dd44'\n", "down_revision"),
        ("revision = 'dd44'\ndown_revision = 'zz99'\n", "zz99"),
        ("down_revision = 'cc33'\n", "revision"),
        ("revision = 'aa11'\ndown_revision = 'cc33'\n", "aa11"),
        ("revision = 'dd44'\ndown_revision = 'dd44'\n", "dd44"),
        ("revision = 'head'\ndown_revision = 'cc33'\n", "'head'"),
        ("revision = 'base'\ndown_revision = 'cc33'\n", "'base'"),
    ],
    ids=[
        "syntax error",
        "import error",
        "raises",
        "no down_revision",
        "unknown down_revision",
        "no revision",
        "duplicate",
        "own child",
        "head",
        "base",
    ],
)
@pytest.mark.parametrize("args", [["upgrade"], ["history"], ["current"], ["migrate"]])
def test_broken_file(project: Project, source: str, says: str, args: list[str]) -> None:
    """A file that cannot be used is named, with the reason."""
    (project.versions / "dd44_broken.py").write_text(source)
    line = refused(project, *args)
    assert says in line
    assert "dd44_broken.py" in line


@pytest.mark.parametrize("environment", [True, False], ids=["env.py", "packaged"])
def test_script_without_downgrade(project: Project, environment: bool) -> None:
    """It upgrades; the way back names the file, not whoever ran it."""
    if environment:
        source = "from flask_batchmigrate.environment import run\n\nrun()\n"
        (project.versions.parent / "env.py").write_text(source)
    (project.versions / "dd44_.py").write_text(
        "revision = 'dd44'\ndown_revision = 'cc33'\ndef upgrade(): pass\n"
    )
    project.ok("upgrade")
    line = refused(project, "downgrade")
    assert "dd44_.py' has no 'downgrade'. Nothing was changed." in line
    assert "env.py" not in line


def test_script_that_raises(project: Project) -> None:
    """A script's own exception is one line with file and line, and undone."""
    project.add_revision(
        "dd44", "cc33", "op.drop_table('t_bb22'); raise ValueError('no such colour')"
    )
    before = project.tables_in()
    outcome = project.db("upgrade")
    assert outcome.exit_code == 1
    line = outcome.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert "dd44_.py', line 8" in line
    assert "ValueError: no such colour" in line
    assert project.tables_in() == before
    assert project.version() == {"bb22"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["upgrade", "+9"], "history"),
        (["downgrade", "9"], "history"),
        (["upgrade", "cc33+1"], "beyond"),
        (["downgrade", "aa11-5"], "history"),
        (["upgrade", "aa11+5"], "beyond"),
    ],
    ids=" ".join,
)
def test_too_many_steps(project: Project, args: list[str], says: str) -> None:
    """Steps that lead nowhere: the message says how to find out what there is."""
    line = refused(project, *args)
    assert says in line
    assert "'flask db current'" in line


def test_ambiguous_steps(project: Project) -> None:
    """Steps where the history parts."""
    project.add_revision("dd44", "bb22")
    assert "name a revision" in refused(project, "upgrade", "+1")


def test_check_in_words(tmp_path: pathlib.Path) -> None:
    """``check`` says what differs for people, with and without ``--quiet``."""
    project = Project(tmp_path, {"user": ["name"], "new": []})
    project.add_revision(
        "aa11",
        upgrade="op.create_table('user', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('name', sa.Integer, nullable=False, unique=True), sa.Column('old',"
        " sa.Integer)); op.create_index('ix', 'user', ['old'])",
    )
    project.ok("upgrade")
    for args in (["check"], ["check", "-q"]):
        outcome = project.db(*args)
        error = outcome.stderr.splitlines()[-1]
        for said in (
            "added table 'new'",
            "removed index 'ix' of table 'user'",
            "removed column 'user.old'",
            "changed type of 'user.name'",
            "changed NULL or NOT NULL of 'user.name'",
        ):
            assert said in error
        for raw in ("Table(", "MetaData", "0x", "None"):
            assert raw not in outcome.stderr


def test_added_constraint_without_a_name(tmp_path: pathlib.Path) -> None:
    """``migrate`` tells of it by the name that the script gives it."""
    write_app(tmp_path, "db.Table('t', db.Column('a', db.Integer, unique=True))\n")
    project = Project(tmp_path)
    project.add_revision(
        "aa11", upgrade="op.create_table('t', sa.Column('a', sa.Integer))"
    )
    project.ok("upgrade")
    told = flask(tmp_path, "db", "migrate").stderr
    assert "added unique constraint 'uq_t_a' on 't'" in told
    assert "None" not in told


def test_current_without_a_revision(project: Project) -> None:
    """``current`` says that there is none, beside its output."""
    project.ok("downgrade", "base")
    outcome = project.ok("current")
    assert outcome.stdout == ""
    assert outcome.stderr.endswith("app.db': no revision yet.\n")
    assert project.ok("current", "-q").output == ""


@pytest.mark.parametrize("args", [["current"], ["history", "-i"], ["current", "-v"]])
def test_looking_at_a_locked_database(
    project: Project, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once, and the message says what is in the way."""
    project.uri = f"sqlite:///{project.database}?timeout=0.01"
    waits: list[object] = []

    def refused_once(context: sa.engine.ExceptionContext) -> None:
        waits.append(context.original_exception)

    sa.event.listen(sa.Engine, "handle_error", refused_once)
    try:
        with contextlib.closing(sqlite3.connect(project.database)) as other:
            other.execute("BEGIN EXCLUSIVE")
            line = one_line(project.db(*args))
    finally:
        sa.event.remove(sa.Engine, "handle_error", refused_once)
    assert "locked by another program" in line
    assert "folder" not in line
    assert len(waits) == 1


def test_lock_timeout_names_its_setting(project: Project) -> None:
    """Who waited too long for a lock of SQLite reads how to wait longer."""
    project.options = {"lock_timeout": 0.1}
    with contextlib.closing(sqlite3.connect(project.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "'BATCHMIGRATE_LOCK_TIMEOUT'" in refused_in_use(project, "upgrade")


def refused_in_use(project: Project, *args: str) -> str:
    outcome = project.db(*args)
    assert outcome.exit_code == 1
    return outcome.stderr.splitlines()[-1]


@pytest.mark.parametrize("args", [["upgrade"], ["downgrade"]])
def test_folder_where_no_journal_can_be_made(empty: Project, args: list[str]) -> None:
    """The folder is to blame, not the line of the script that wrote first."""
    empty.add_history("aa11", "bb22", "cc33")
    empty.ok("upgrade", "bb22")
    with unwritable(empty.path):
        line = refused_in_use(empty, *args)
    assert "app.db' cannot be written" in line
    assert "Nothing was changed." in line
    assert ".py" not in line
    assert empty.version() == {"bb22"}


LENT = [
    "op.get_bind().close()",
    "op.get_bind().invalidate()",
    "op.get_context().connection.close()",
    "op.get_bind().connection.dbapi_connection.close()",
    "op.execute('PRAGMA query_only = ON')",
    "op.get_bind().connection.dbapi_connection.execute('PRAGMA query_only = 1')",
    "op.execute('PRAGMA query_only = ON'); op.drop_table('t_bb22')",
    "op.execute('PRAGMA query_only = ON'); op.drop_column('t_bb22', 'id')",
    "op.get_bind().connection.dbapi_connection.set_progress_handler(lambda: 1, 1)",
    "op.get_bind().connection.dbapi_connection.set_authorizer(lambda *a: 1)",
]


@pytest.mark.parametrize("statement", LENT)
def test_script_that_spoils_its_connection(project: Project, statement: str) -> None:
    """What a script does to the connection that it was lent is one line, undone."""
    project.add_revision("dd44", "cc33", f"op.drop_table('t_aa11'); {statement}")
    before = project.tables_in()
    error = one_line(project.db("upgrade", "--quiet"))
    assert "Nothing was changed." in error
    if "query_only" in statement and "drop_column" not in statement:
        assert "'PRAGMA query_only'" in error
    assert (project.tables_in(), project.version()) == (before, {"bb22"})


@pytest.mark.parametrize(
    "statement",
    [
        "raise KeyboardInterrupt",
        "op.get_bind().connection.dbapi_connection.set_progress_handler(lambda: 1, 1);"
        " op.execute('DELETE FROM t_bb22')",
    ],
    ids=["in Python", "in SQLite"],
)
def test_interrupt(project: Project, statement: str) -> None:
    """Ctrl+C is told in one way, wherever it was noticed."""
    project.add_revision("dd44", "cc33", f"op.drop_table('t_aa11'); {statement}")
    before = project.tables_in()
    error = one_line(project.db("upgrade", "-q"))
    assert error == "Error: Interrupted. Nothing was changed."
    assert (project.tables_in(), project.version()) == (before, {"bb22"})


def test_settings_of_a_script_do_not_stay(project: Project) -> None:
    """The pool of the application gets back a connection that can write."""
    project.add_revision("dd44", "cc33", "op.execute('PRAGMA query_only = ON')")
    with project.app() as app, app.app_context():
        with pytest.raises(fb.DatabaseError):
            fb.upgrade(project.path / "migrations")
        with app.extensions["sqlalchemy"].engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO t_bb22 VALUES (8)")


@pytest.mark.parametrize("name", ["t", "v", "ix", "tr"])
def test_catalogue_with_a_blob(empty: Project, name: str) -> None:
    """SQLite reads a definition that is stored as a BLOB, and so do changes."""
    with contextlib.closing(sqlite3.connect(empty.database)) as connection:
        connection.executescript(
            "CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);"
            "CREATE INDEX ix ON t (b); CREATE VIEW v AS SELECT b FROM t;"
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;"
            "PRAGMA writable_schema = ON;"
            "UPDATE sqlite_master SET sql = CAST(sql AS BLOB)"
            f" WHERE name = '{name}';"
        )
    empty.add_revision(
        "aa11", None, "op.alter_column('t', 'a', nullable=False); op.drop_column(*'ta')"
    )
    empty.ok("upgrade")
    with contextlib.closing(sqlite3.connect(empty.database)) as connection:
        assert connection.execute("SELECT * FROM t").fetchall() == [(2,)]
        assert connection.execute("SELECT * FROM v").fetchall() == [(2,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_traceback_of_a_script(project: Project) -> None:
    """``--raiseerr`` shows where in the script it happened."""
    write_app(project.path)
    project.add_revision("dd44", "cc33", "raise ValueError('no such colour')")
    outcome = flask(project.path, "db", "upgrade", "--raiseerr")
    assert outcome.exit_code == 1
    assert "Traceback" in outcome.stderr
    assert "raise ValueError('no such colour')" in outcome.stderr


def test_script_with_bad_sql(project: Project) -> None:
    """So is an error of the database that a script's statement caused."""
    project.add_revision("dd44", "cc33", "op.execute('INSERT INTO nowhere VALUES (1)')")
    outcome = project.db("upgrade")
    assert outcome.exit_code == 1
    line = outcome.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert "dd44_.py', line 8" in line
    assert "no such table: nowhere" in line
    assert project.version() == {"bb22"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def broken(:\n", "line 1"),
        ("import nonexistent_module\n", "nonexistent_module"),
        (
            "import asyncio\nfrom flask import current_app\n"
            "async def run_migrations_online():\n"
            "    engine = current_app.extensions['migrate'].db.engine\n"
            "    async with engine.connect():\n        pass\n"
            "asyncio.run(run_migrations_online())\n",
            "asynchronous",
        ),
    ],
    ids=["syntax error", "import error", "async"],
)
def test_broken_env(project: Project, source: str, says: str) -> None:
    """An env.py that cannot run is named."""
    (project.path / "migrations" / "env.py").write_text(source)
    line = refused(project, "upgrade")
    assert "env.py" in line
    assert says in line


# -- folders


@pytest.mark.parametrize(
    "args",
    [
        ["upgrade"],
        ["upgrade", "--sql"],
        ["downgrade"],
        ["current"],
        ["stamp"],
        ["history"],
        ["heads"],
        ["branches"],
        ["show"],
        ["merge"],
        ["edit"],
        ["check"],
        ["ensure-version"],
    ],
    ids=" ".join,
)
def test_no_migrations_folder(empty: Project, args: list[str]) -> None:
    """Without a folder its absolute path is named, and no database appears."""
    assert f"'{empty.path / 'migrations'}'" in refused(empty, *args)


def test_migrate_makes_no_folder_for_a_stamped_database(project: Project) -> None:
    """A database with a version row has a folder somewhere: none is made."""
    (project.path / "migrations").rename(project.path / "elsewhere")
    assert f"'{project.path / 'migrations'}'" in refused(project, "migrate")


def test_init_into_a_full_folder(project: Project) -> None:
    """``init`` overwrites nothing."""
    (project.path / "full").mkdir()
    (project.path / "full" / "notes.txt").write_text("mine")
    assert f"'{project.path / 'full'}'" in refused(project, "init", "-d", "full")


@pytest.mark.parametrize("template", ["nonsense", "./nonsense", "aioflask"])
def test_unknown_template(empty: Project, template: str) -> None:
    """An unknown template is named, and no folder appears."""
    assert template.strip("./") in refused(empty, "init", "-t", template)


@pytest.mark.parametrize("command", ["init", "migrate", "revision"])
def test_folder_that_cannot_be_made(empty: Project, command: str) -> None:
    """A file stands where the folder should be."""
    folder = empty.path / "migrations"
    folder.write_text("not a folder")
    assert f"'{folder}" in refused(empty, command)


@pytest.mark.parametrize("command", ["init", "migrate"])
def test_unwritable_folder(empty: Project, command: str) -> None:
    """A folder without the permission to write is named."""
    with unwritable(empty.path):
        assert "migrations" in refused(empty, command)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc")  # noqa: PTH112
@pytest.mark.parametrize("command", ["init", "migrate"])
def test_folder_where_nobody_may_write(empty: Project, command: str) -> None:
    """Also where even the superuser has no permission."""
    assert "'/proc/migrations" in refused(empty, command, "-d", "/proc/migrations")


# -- databases


@pytest.mark.parametrize(
    "args", [["upgrade"], ["current"], ["stamp"], ["check"]], ids=" ".join
)
def test_missing_database_directory(project: Project, args: list[str]) -> None:
    """The directory of the database is missing: its path is named."""
    file = project.path / "nowhere" / "app.db"
    project.uri = f"sqlite:///{file}"
    assert str(file) in refused(project, *args)


@pytest.mark.parametrize(
    "args",
    [["upgrade"], ["downgrade"], ["stamp", "cc33"], ["stamp", "--purge", "cc33"]],
    ids=" ".join,
)
def test_read_only_database(project: Project, args: list[str]) -> None:
    """A database that may only be read is named."""
    project.uri = f"sqlite:///file:{project.database}?mode=ro&uri=true"
    line = refused(project, *args)
    assert "app.db" in line
    assert "read" in line


@pytest.mark.parametrize("command", ["current", "history"])
def test_read_only_database_can_be_read(project: Project, command: str) -> None:
    """Reading commands work on it."""
    project.uri = f"sqlite:///file:{project.database}?mode=ro&uri=true"
    before = project.state()
    assert "bb22" in project.ok(command).stdout
    assert project.state() == before


def test_read_only_database_with_nothing_to_do(project: Project) -> None:
    """An upgrade with nothing pending works on it, too."""
    project.ok("upgrade")
    project.uri = f"sqlite:///file:{project.database}?mode=ro&uri=true"
    assert "nothing to upgrade" in project.ok("upgrade").stderr


def test_locked_database(project: Project) -> None:
    """A database that another program keeps locked: it is named, after the wait."""
    project.options["lock_timeout"] = 0.2
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        line = refused(project, "upgrade")
    assert "app.db" in line
    assert "0.2 seconds" in line
    assert "Nothing was changed." in line


def test_file_that_is_no_database(project: Project) -> None:
    """A file that SQLite does not know is named."""
    project.database.write_text("this is not a database " * 100)
    assert "app.db" in refused(project, "upgrade")


def test_unreachable_server(project: Project) -> None:
    """A server that does not answer is named, without its password."""
    pytest.importorskip("psycopg")
    project.uri = "postgresql+psycopg://someone:secret@127.0.0.1:1/shop"
    line = refused(project, "upgrade")
    assert "127.0.0.1" in line
    assert "secret" not in line


@pytest.mark.parametrize("setting", ["binds", "exclude_binds"])
def test_unknown_bind(project: Project, setting: str) -> None:
    """A bind that the application does not have is named."""
    project.options[setting] = ["nope"]
    assert "'nope'" in refused(project, "upgrade")


def test_scripts_for_an_unknown_bind(project: Project) -> None:
    """So is one that only the scripts name."""
    (project.versions / "dd44_.py").write_text(
        "revision = 'dd44'\ndown_revision = 'cc33'\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
        "def downgrade(engine_name):\n    globals()[f'downgrade_{engine_name}']()\n"
        "def upgrade_():\n    pass\ndef downgrade_():\n    pass\n"
        "def upgrade_nope():\n    pass\ndef downgrade_nope():\n    pass\n"
    )
    assert "'nope'" in refused(project, "upgrade")


def test_own_exceptions_keep_their_traceback(project: Project) -> None:
    """An error that is nobody's input is not squeezed into a line."""
    write_app(project.path)
    with (project.path / "app.py").open("a") as file:
        file.write("\n@migrate.configure\ndef broken(config):\n    1 / 0\n")
    outcome = flask(project.path, "db", "upgrade")
    assert outcome.exit_code == 1
    assert "Traceback" in outcome.stderr
    assert "ZeroDivisionError" in outcome.stderr


@pytest.mark.parametrize(
    ("made", "upgrade", "lack", "remedy"),
    [
        (
            "a COLLATE mine); CREATE INDEX i ON t (a)",
            "with op.batch_alter_table('t', recreate='always') as b:\n"
            "        b.alter_column('a', nullable=False, existing_type=sa.Text)",
            "no such collation sequence: mine",
            "create_collation()",
        ),
        (
            "a); CREATE INDEX i ON t (a COLLATE mine)",
            "op.alter_column('t', 'a', new_column_name='b')",
            "no such collation sequence: mine",
            "create_collation()",
        ),
        (
            "a)",
            "op.execute('UPDATE t SET a = slug(a)')",
            "no such function: slug",
            "create_function()",
        ),
        (
            "a)",
            "op.execute('CREATE VIRTUAL TABLE v USING mine (a)')",
            "no such module: mine",
            "Load the extension",
        ),
    ],
)
def test_what_the_application_adds_to_a_connection(
    tmp_path: pathlib.Path, made: str, upgrade: str, lack: str, remedy: str
) -> None:
    """SQLite lacks it: the message says where it is to be added."""
    project = Project(tmp_path)
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.create_collation("mine", lambda a, b: (a > b) - (a < b))
        connection.executescript(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {made};")
    project.add_revision("aa11", upgrade=upgrade)
    error = refused(project, "upgrade")
    assert lack in error
    assert remedy in error
    assert "'connect' event" in error
    assert error.endswith("Nothing was changed.")

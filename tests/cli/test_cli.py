"""The command line: its options, its output, its exit codes."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import pathlib
import re
import sqlite3
import typing as t

import alembic.command
import alembic.config
import click
import pytest
from flask import Flask
from flask import g
from flask.cli import with_appcontext
from flask_sqlalchemy import SQLAlchemy

from flask_batchmigrate import BatchMigrate
from flask_batchmigrate._compat import ALEMBIC
from flask_batchmigrate.cli import db as db_group
from tests.cli_project import flask
from tests.cli_project import Project
from tests.cli_project import start_flask
from tests.cli_project import write_app
from tests.processes import python

SHARED = {"--directory", "-d", "--x-arg", "-x", "--quiet", "-q", "--raiseerr"}
SCRIPT = {
    *("--message", "-m", "--sql", "--head", "--splice", "--branch-label"),
    *("--version-path", "--rev-id", "--depends-on"),
}
REHEARSAL = {"--plan", "--dry-run", "--json"}
OPTIONS = {
    "list-templates": set(),
    "init": {"--multidb", "--template", "-t", "--package"},
    "revision": SCRIPT | {"--autogenerate"},
    "migrate": SCRIPT
    | {"--rename", "--no-rename", "--default", "--drop-unknown"}
    | {"--using", "--no-destructive", "--dry-run", "--no-verify", "--amend"}
    | {"--check"},
    "edit": set(),
    "merge": {"--message", "-m", "--branch-label", "--rev-id", "--splice"},
    "upgrade": {"--sql", "--tag", "--verbose", "-v", "--check"} | REHEARSAL,
    "downgrade": {"--sql", "--tag", "--verbose", "-v"} | REHEARSAL,
    "show": set(),
    "history": {"--rev-range", "-r", "--verbose", "-v", "--indicate-current", "-i"},
    "heads": {"--verbose", "-v", "--resolve-dependencies"},
    "branches": {"--verbose", "-v"},
    "current": {"--verbose", "-v", "--check-heads"},
    "stamp": {"--sql", "--tag", "--purge"},
    "check": {"--scratch"},
    "ensure-version": {"--sql"},
}


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return Project(tmp_path, {"user": ["name"]})


@pytest.fixture
def three(project: Project) -> Project:
    """Three revisions in a line, none of them applied."""
    project.add_history("aa11", "bb22", "cc33")
    return project


def options_of(command: click.Command) -> dict[str, click.Option]:
    return {
        name: param
        for param in command.params
        if isinstance(param, click.Option)
        for name in param.opts
    }


# -- options


def test_import_loads_no_alembic() -> None:
    """Registering the commands costs a process neither Alembic nor Mako."""
    code = (
        "import sys, flask_batchmigrate.cli\n"
        "print(sorted({'alembic', 'mako', 'logging.config'} & set(sys.modules)))"
    )
    assert python(None, code).strip() == "[]"


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_there(name: str) -> None:
    """Every command has the options promised, and those that all share."""
    command = db_group.commands[name]
    assert set(options_of(command)) == OPTIONS[name] | SHARED


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_documented(name: str) -> None:
    """``--help`` says what each command and each option is for."""
    command = db_group.commands[name]
    assert command.get_short_help_str()
    assert [n for n, option in options_of(command).items() if not option.help] == []


def test_group_options() -> None:
    """The group takes the shared options as well."""
    assert set(options_of(db_group)) == SHARED


def test_unknown_option(project: Project) -> None:
    """A usage error keeps click's exit code 2."""
    assert project.db("upgrade", "--nonsense").exit_code == 2
    assert project.db("downgrade", "--nonsense").exit_code == 2
    assert project.db("nonsense").exit_code == 2


@pytest.mark.parametrize(
    ("args", "revision", "tag"),
    [
        ([], "-1", None),
        (["-1"], "-1", None),
        (["-2"], "-2", None),
        (["-12"], "-12", None),
        (["--", "-2"], "-2", None),
        (["2"], "2", None),
        (["base"], "base", None),
        (["ab12"], "ab12", None),
        (["-2", "--tag", "x"], "-2", "x"),
        (["--tag", "x", "-2"], "-2", "x"),
        (["--tag", "-2"], "-1", "-2"),
        (["--tag=-2", "-3"], "-3", "-2"),
        (["--tag", "x", "--", "-2"], "-2", "x"),
        (["--sql", "ab12:-1"], "ab12:-1", None),
    ],
)
def test_steps_are_no_option(args: list[str], revision: str, tag: str | None) -> None:
    """``downgrade -1`` is one step back, whatever options stand around it."""
    command = db_group.commands["downgrade"]
    with command.make_context("downgrade", list(args)) as context:
        assert context.params["revision"] == revision
        assert context.params["tag"] == tag


def test_two_steps_are_a_usage_error(three: Project) -> None:
    """Two numbers of steps are refused, none of them is taken silently."""
    three.ok("upgrade")
    assert three.db("downgrade", "-1", "-1").exit_code == 2
    assert three.version() == {"cc33"}


def test_environment_variables(three: Project) -> None:
    """Every option can be set by a variable of the name that Flask-Migrate gave it."""
    write_app(three.path)
    (three.path / "migrations").rename(three.path / "elsewhere")
    flask(three.path, "db", "upgrade", "bb22", FLASK_DB_DIRECTORY="elsewhere")
    assert three.version() == {"bb22"}
    flask(three.path, "db", "downgrade", FLASK_DB_DOWNGRADE_DIRECTORY="elsewhere")
    assert three.version() == {"aa11"}
    env = {"FLASK_DB_DIRECTORY": "elsewhere", "FLASK_DB_UPGRADE_SQL": "1"}
    outcome = flask(three.path, "db", "upgrade", "aa11:bb22", **env)
    assert "CREATE TABLE t_bb22" in outcome.stdout
    assert three.version() == {"aa11"}


def test_directory_of_command_wins(three: Project) -> None:
    """``-d`` works before and after the command; the nearer one wins."""
    (three.path / "migrations").rename(three.path / "elsewhere")
    three.ok("-d", "elsewhere", "upgrade", "aa11")
    three.ok("-d", "nowhere", "upgrade", "-d", "elsewhere", "bb22")
    assert three.version() == {"bb22"}


def test_command_name(tmp_path: pathlib.Path) -> None:
    """The group's name is a setting."""
    project = Project(tmp_path, options={"command": "database"})
    with project.app() as app:
        assert "database" in app.cli.commands
        assert "db" not in app.cli.commands


def test_own_commands_on_the_group(project: Project) -> None:
    """Applications hang commands of their own on the group, and read the options."""
    seen = {}

    @db_group.command("seed-for-test")
    @with_appcontext
    def seed() -> None:
        seen.update(directory=g.directory, x_arg=g.x_arg)

    try:
        project.ok("-d", "there", "-x", "a=1", "-x", "b", "seed-for-test")
    finally:
        del db_group.commands["seed-for-test"]
    assert seen == {"directory": "there", "x_arg": ("a=1", "b")}


def test_x_arg_reaches_env(three: Project) -> None:
    """``-x`` works before and after any command, and env.py gets all of them."""
    (three.path / "migrations" / "env.py").write_text(
        "import pathlib\n"
        "from alembic import context\n"
        "from flask_batchmigrate.environment import run\n"
        "given = context.get_x_argument()\n"
        "pathlib.Path('given.txt').write_text(' '.join(given))\n"
        "run()\n"
    )
    given = three.path / "given.txt"
    for command in ["upgrade", "current", "stamp", "check", "downgrade", "migrate"]:
        given.unlink(missing_ok=True)
        three.db("-x", "a=1", command, "-x", "b", "-x", "c=d e")
        assert given.read_text() == "a=1 b c=d e", command


def test_options_do_not_stay(three: Project) -> None:
    """Options of one command are gone when it ends, in a longer application context."""
    with three.app() as app, app.app_context():
        folder = str(three.path / "migrations")
        args = ["db", "-x", "a=1", "-d", folder, "history"]
        assert app.test_cli_runner().invoke(args=args).exit_code == 0
        assert "x_arg" not in g
        assert "directory" not in g


# -- what is written where


def test_upgrade_tells_what_ran(three: Project) -> None:
    """Each revision with its message and time, on which database, in which order."""
    outcome = three.ok("upgrade")
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    assert len(lines) == 5, outcome.stderr
    assert re.fullmatch(r"Upgrading '.*app\.db' \(sqlite\)", lines[0])
    assert re.fullmatch(r"  aa11  step aa11  \d\.\d\d s", lines[1])
    assert re.fullmatch(r"  bb22  step bb22  \d\.\d\d s", lines[2])
    assert re.fullmatch(r"  cc33  step cc33  \d\.\d\d s", lines[3])
    assert re.fullmatch(r"Done: 3 revisions in \d+\.\d\d s\.", lines[4])
    assert three.version() == {"cc33"}
    assert {"t_aa11", "t_bb22", "t_cc33"} <= three.tables_in()


def test_downgrade_tells_what_ran(three: Project) -> None:
    """A downgrade reads like an upgrade, newest revision first."""
    three.ok("upgrade")
    lines = three.ok("downgrade", "-2").stderr.splitlines()
    assert re.fullmatch(r"Downgrading '.*app\.db' \(sqlite\)", lines[0])
    assert [line.split()[0] for line in lines[1:-1]] == ["cc33", "bb22"]
    assert three.version() == {"aa11"}


def test_notes_stand_below_their_revision(project: Project) -> None:
    """What went along with a change is told, under the revision that made it."""
    project.add_revision(
        "aa11",
        upgrade="op.create_table('t', sa.Column('a', sa.Text), sa.Column('b', sa.Text),"
        " sa.UniqueConstraint('a'))",
    )
    project.add_revision("bb22", "aa11", "op.drop_column('t', 'a')")
    lines = project.ok("upgrade", "bb22").stderr.splitlines()
    assert lines[2].startswith("  bb22  step bb22  ")
    assert lines[3].startswith("    ")
    assert "UNIQUE" in lines[3]
    assert lines[4].startswith("Done: ")


def test_nothing_to_do(three: Project) -> None:
    """An upgrade with nothing pending says so and succeeds."""
    three.ok("upgrade")
    outcome = three.ok("upgrade")
    assert outcome.stdout == ""
    assert outcome.stderr.endswith("app.db' (sqlite): nothing to upgrade.\n")
    assert len(outcome.stderr.splitlines()) == 1


def test_waiting_is_told(three: Project) -> None:
    """While another program holds the database, that is what the command says."""
    three.ok("stamp", "base")
    write_app(three.path)
    database = sqlite3.connect(three.database, isolation_level=None)
    with contextlib.closing(database) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with start_flask(three.path, "db", "upgrade") as process:
            assert process.stderr is not None
            told = process.stderr.readline()
            connection.execute("ROLLBACK")
            rest = process.stderr.read()
    assert process.returncode == 0
    assert "wait" in told.lower()
    assert "app.db" in told
    assert rest.startswith("Upgrading ")
    assert three.version() == {"cc33"}


def test_several_databases(tmp_path: pathlib.Path) -> None:
    """With several binds, each line stands under its database."""
    project = Project(tmp_path, {"user": ["name"]}, {"other": {"item": ["title"]}})
    project.ok("migrate", "-m", "first")
    stderr = project.ok("upgrade").stderr
    assert re.search(r"Upgrading '.*app\.db' \(sqlite\)", stderr)
    assert re.search(r"Upgrading '.*other\.db' \(bind 'other', sqlite\)", stderr)
    assert re.search(
        r"^Done: 1 revision on '.*app.db' .* and '.*other.db'", stderr, re.M
    )
    assert "user" in project.tables_in()
    assert "item" in project.tables_in("other.db")
    stdout = project.ok("current").stdout.splitlines()
    assert len(stdout) == 2
    assert all(re.fullmatch(r"[0-9a-f]{12} \(head\)", line) for line in stdout)


def test_quiet(three: Project) -> None:
    """``--quiet`` leaves only what was asked for, and errors."""
    outcome = three.ok("upgrade", "--quiet")
    assert outcome.output == ""
    assert three.ok("-q", "current").output == "cc33 (head)\n"
    assert three.db("upgrade", "-q", "zz").stderr.startswith("Error: ")


def test_raiseerr(three: Project) -> None:
    """``--raiseerr`` shows the traceback of an error, on group and command."""
    write_app(three.path)
    for args in (["--raiseerr", "upgrade", "zz"], ["upgrade", "--raiseerr", "zz"]):
        outcome = flask(three.path, "db", *args)
        assert outcome.exit_code == 1
        assert outcome.stderr.startswith("Traceback (most recent call last):")
        assert "UnknownRevision" in outcome.stderr


def test_error_is_one_line(three: Project) -> None:
    """Without it an error is one line on standard error, exit code 1."""
    write_app(three.path)
    outcome = flask(three.path, "db", "upgrade", "zz")
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("Error: ")
    assert len(outcome.stderr.splitlines()) == 1


def test_colours_only_where_wanted(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe gets no colours; a terminal does, unless ``NO_COLOR`` is set."""

    def upgraded(color: bool) -> str:
        three.database.unlink(missing_ok=True)
        with three.app() as app:
            folder = str(three.path / "migrations")
            result = app.test_cli_runner().invoke(
                args=["db", "upgrade", "-d", folder], color=color
            )
        return result.output

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in upgraded(color=False)
    assert "\x1b[" in upgraded(color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in upgraded(color=True)


def test_sql_goes_to_stdout(three: Project) -> None:
    """``--sql`` writes a script that builds the database, and touches none."""
    outcome = three.ok("upgrade", "--sql")
    assert not three.database.exists()
    for table in ("t_aa11", "t_bb22", "t_cc33", "alembic_version"):
        assert f"CREATE TABLE {table}" in outcome.stdout
    assert outcome.stdout.count("CREATE TABLE t_aa11") == 1
    down = three.ok("downgrade", "--sql").stdout
    assert 'DROP TABLE main."t_cc33"' in down
    assert 'DROP TABLE main."t_bb22"' not in down
    stamped = three.ok("stamp", "--sql", "bb22").stdout
    assert "INSERT INTO alembic_version" in stamped
    assert "CREATE TABLE alembic_version" in three.ok("ensure-version", "--sql").stdout
    assert not three.database.exists()


# -- the log


def loggers() -> dict[str, tuple[t.Any, ...]]:
    known = {"": logging.getLogger(), **logging.Logger.manager.loggerDict}
    return {
        name: (logger.level, logger.handlers[:], logger.propagate, logger.disabled)
        for name, logger in known.items()
        if isinstance(logger, logging.Logger)
    }


def write_ini(project: Project, level: str = "INFO") -> None:
    (project.path / "migrations" / "alembic.ini").write_text(
        "[alembic]\n"
        "[loggers]\nkeys = root,alembic\n"
        "[handlers]\nkeys = console\n"
        "[formatters]\nkeys = generic\n"
        "[logger_root]\nlevel = WARN\nhandlers = console\nqualname =\n"
        f"[logger_alembic]\nlevel = {level}\nhandlers =\nqualname = alembic\n"
        "[handler_console]\nclass = StreamHandler\nargs = (sys.stderr,)\n"
        "level = NOTSET\nformatter = generic\n"
        "[formatter_generic]\nformat = <%(levelname)s %(name)s> %(message)s\n"
    )


def test_migrate_shows_what_was_found(project: Project) -> None:
    """Alembic's findings are shown, its plug-ins' set-up is not."""
    stderr = project.ok("migrate").stderr
    assert "Detected added table 'user'" in stderr
    assert "plugin" not in stderr


def test_what_env_logs(three: Project) -> None:
    """What an env.py says through Alembic's log is shown by its weight."""
    (three.path / "migrations" / "env.py").write_text(
        "import logging\n"
        "from flask_batchmigrate.environment import run\n"
        "log = logging.getLogger('alembic.env')\n"
        "log.debug('a detail')\n"
        "log.info('a remark')\n"
        "log.warning('a doubt')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('a trouble')\n"
        "run()\n"
    )
    lines = three.ok("current").stderr.splitlines()
    assert lines[:3] == ["a remark", "Warning: a doubt", "Error: a trouble"]
    assert "ZeroDivisionError: division by zero" in lines
    quiet = three.ok("current", "-q").stderr.splitlines()
    assert quiet[:2] == ["Warning: a doubt", "Error: a trouble"]


def test_ini_logging_is_honoured(three: Project) -> None:
    """A logging section of the user's ini file decides how the log looks."""
    write_ini(three)
    stderr = three.ok("upgrade", "bb22").stderr
    step = "<INFO alembic.runtime.migration> Running upgrade aa11 -> bb22, step bb22"
    assert step in stderr.splitlines()
    assert "plugin" not in stderr
    assert "  bb22  step bb22" not in stderr, "told twice"
    assert re.search(r"^Done: 2 revisions on '.*app\.db' \(sqlite\) in", stderr, re.M)
    write_ini(three, "WARN")
    assert "Running upgrade" not in three.ok("upgrade").stderr


def test_ini_logging_and_quiet(three: Project) -> None:
    """``--quiet`` silences what an ini file would show."""
    write_ini(three)
    assert three.ok("upgrade", "-q").output == ""


def test_broken_ini_logging(three: Project) -> None:
    """A logging section that cannot be used is named, before anything runs."""
    ini = three.path / "migrations" / "alembic.ini"
    ini.write_text("[alembic]\n[loggers]\nkeys = root,missing\n")
    outcome = three.db("upgrade")
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith(f"Error: The logging section of '{ini}'")
    assert not three.database.exists()


@pytest.mark.parametrize("with_ini", [False, True])
def test_logging_is_left_as_found(three: Project, with_ini: bool) -> None:
    """A command called inside a process leaves that process's logging alone."""
    if with_ini:
        write_ini(three)
    mine = logging.getLogger("an.application")
    mine.setLevel(logging.DEBUG)
    handler = logging.NullHandler()
    mine.addHandler(handler)
    three.ok("current")  # loads what creates loggers of its own
    before = loggers()
    three.ok("upgrade", "bb22")
    three.db("upgrade", "zz")
    assert loggers() == before
    mine.removeHandler(handler)


def test_app_that_logs_to_the_terminal(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the application logs to the terminal, no line comes twice."""
    write_app(three.path)
    source = (three.path / "app.py").read_text()
    (three.path / "app.py").write_text(
        f"import logging\nlogging.basicConfig(level=logging.INFO)\n{source}"
    )
    stderr = flask(three.path, "db", "migrate", "--head", "cc33").stderr
    flask(three.path, "db", "upgrade")
    stderr = flask(three.path, "db", "migrate").stderr
    assert stderr.count("Detected added table 'user'") == 1


# -- the history, in Alembic's own words


def alembic_says(project: Project, command: str, *args: t.Any, **kwargs: t.Any) -> str:
    """What Alembic's own command prints for the same folder."""
    out = io.StringIO()
    config = alembic.config.Config(stdout=out)
    folder = str(project.path / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    getattr(alembic.command, command)(config, *args, **kwargs)
    return out.getvalue()


@pytest.fixture
def tree(project: Project) -> Project:
    """A history with a label, a branch point, a dependency and a merge."""
    project.add_revision("aa11", extra="branch_labels = ('shop',)")
    project.add_revision("bb22", "aa11")
    project.add_revision("cc33", "aa11", extra="depends_on = 'bb22'")
    project.add_revision("dd44", "bb22")
    project.add_revision("ee55", ("cc33", "dd44"))
    project.add_revision("ff66", "ee55")
    project.add_revision("ab77", "ee55", extra="depends_on = 'ff66'")
    return project


@pytest.mark.parametrize(
    ("args", "command", "given", "options"),
    [
        (["history"], "history", [], {}),
        (["history", "-v"], "history", [], {"verbose": True}),
        (["history", "-r", "bb22:ee55"], "history", ["bb22:ee55"], {}),
        (["history", "-r", "-1:"], "history", ["-1:"], {}),
        (["heads"], "heads", [], {}),
        (["heads", "-v"], "heads", [], {"verbose": True}),
        (
            ["heads", "--resolve-dependencies"],
            "heads",
            [],
            {"resolve_dependencies": True},
        ),
        (["branches"], "branches", [], {}),
        (["branches", "-v"], "branches", [], {"verbose": True}),
        (["show", "ee55"], "show", ["ee55"], {}),
        (["show", "heads"], "show", ["heads"], {}),
    ],
)
def test_history_is_spelled_as_alembic_does(
    tree: Project,
    args: list[str],
    command: str,
    given: list[str],
    options: dict[str, t.Any],
) -> None:
    """Scripts that parse these lines keep working."""
    said = tree.ok(*args)
    expected = alembic_says(tree, command, *given, **options)
    if command == "branches":  # Alembic lists what follows in no particular order
        assert sorted(said.stdout.splitlines()) == sorted(expected.splitlines())
    else:
        assert said.stdout == expected
    assert said.stderr == ""


def test_history_marks_current(tree: Project) -> None:
    """``history -i`` marks where the database is, in Alembic's place for it."""
    tree.ok("upgrade", "dd44")
    lines = tree.ok("history", "-i").stdout.splitlines()
    assert [line for line in lines if "(current)" in line] == [
        "bb22 -> dd44 (shop) (current), step dd44"
    ]
    verbose = tree.ok("history", "-i", "-v").stdout
    assert "Rev: dd44 (current)\n" in verbose
    tree.ok("upgrade", "ee55")
    merged = "cc33, dd44 -> ee55 (shop) (current) (branchpoint) (mergepoint), step ee55"
    assert merged in tree.ok("history", "-i").stdout.splitlines()


def test_current(three: Project) -> None:
    """``current`` prints the revision; nothing before the first upgrade."""
    assert three.ok("current").stdout == ""
    three.ok("upgrade", "bb22")
    assert three.ok("current").stdout == "bb22\n"
    three.ok("upgrade")
    assert three.ok("current").stdout == "cc33 (head)\n"
    verbose = three.ok("current", "-v").stdout
    assert verbose.startswith("Current revision(s) for ")
    assert "Rev: cc33 (head)\nParent: bb22\n" in verbose


def test_current_check_heads(three: Project) -> None:
    """``current --check-heads`` fails until the database is up to date."""
    three.ok("upgrade", "bb22")
    outcome = three.db("current", "--check-heads")
    assert outcome.exit_code == 1
    assert outcome.stdout == "bb22\n"
    assert outcome.stderr.startswith("Error: ")
    assert "app.db'" in outcome.stderr
    three.ok("upgrade")
    three.ok("current", "--check-heads")


# -- commands


def test_list_templates(project: Project) -> None:
    """The templates of both kinds are listed as Flask-Migrate lists its own."""
    lines = project.ok("list-templates").stdout.splitlines()
    assert lines[:2] == ["Available templates:", ""]
    assert {line.split(" - ")[0] for line in lines[2:]} == {"flask", "flask-multidb"}


def test_revision_prints_its_file(project: Project) -> None:
    """The file's path is on standard output, as Alembic writes it."""
    project.versions.mkdir(parents=True)
    stdout = project.ok("revision", "-m", "First step", "--rev-id", "aa11").stdout
    found = re.fullmatch(r"Generating (.*aa11_first_step\.py) \.\.\.  done\n", stdout)
    assert found
    assert pathlib.Path(found[1]).is_file()
    assert pathlib.Path(found[1]).is_absolute()


def test_init_into_the_folder_of_migrate(project: Project) -> None:
    """``init`` completes the folder that ``migrate`` made; its revisions stay."""
    project.ok("migrate", "--rev-id", "aa11")
    (script,) = project.versions.glob("*.py")
    source = script.read_text()
    assert not (project.path / "migrations" / "env.py").exists()
    outcome = project.ok("init")
    assert str(project.path / "migrations") in outcome.stderr
    assert (project.path / "migrations" / "env.py").is_file()
    assert script.read_text() == source
    project.ok("upgrade")
    project.tables["user"].append("email")
    project.ok("migrate", "--rev-id", "bb22")
    project.ok("upgrade")
    assert project.version() == {"bb22"}
    project.ok("check")


def test_migrate_without_changes(project: Project) -> None:
    """No difference, no file, exit code 0, and one line that says so."""
    project.ok("migrate")
    project.ok("upgrade")
    before = project.state()
    outcome = project.ok("migrate")
    assert outcome.stdout == ""
    assert outcome.stderr.count("No changes in schema detected.") == 1
    assert project.state() == before


def test_depends_on(three: Project) -> None:
    """``--depends-on`` is written into the script, several of them too."""
    three.add_revision("dd44", None)
    three.add_revision("ee55", None)
    three.ok(
        *("revision", "--head", "cc33", "--rev-id", "ff66"),
        *("--depends-on", "dd44", "--depends-on", "ee55"),
    )
    shown = three.ok("show", "ff66").stdout
    assert "Also depends on: dd44, ee55\n" in shown


def test_merge_all_heads(three: Project) -> None:
    """``merge`` without revisions joins all heads."""
    three.add_revision("dd44", "bb22")
    three.add_revision("ee55", "bb22")
    three.ok("merge", "-m", "join", "--rev-id", "ff66")
    assert three.ok("heads").stdout == "ff66 (head)\n"
    merged = three.ok("show", "ff66").stdout
    assert "Merges: " in merged
    for revision in ("cc33", "dd44", "ee55"):
        assert revision in merged


@pytest.mark.skipif(ALEMBIC < (1, 18, 5), reason="Alembic 1.18.5 brought it")
def test_merge_splice(three: Project) -> None:
    """``merge --splice`` joins revisions that are no heads."""
    three.add_revision("dd44", "bb22")
    three.add_revision("ee55", "dd44")
    assert three.db("merge", "cc33", "dd44").exit_code == 1
    three.ok("merge", "--splice", "--rev-id", "ff66", "cc33", "dd44")
    assert "Merges: cc33, dd44\n" in three.ok("show", "ff66").stdout


def test_stamp(three: Project) -> None:
    """``stamp`` stores revisions, several as well, and runs none."""
    three.add_revision("dd44", "bb22")
    three.ok("stamp", "cc33", "dd44")
    assert three.version() == {"cc33", "dd44"}
    assert three.tables_in() == {"alembic_version"}
    three.ok("stamp", "--purge", "aa11")
    assert three.version() == {"aa11"}
    three.ok("stamp", "base")
    assert three.version() == set()


def test_stamp_is_head_by_default(three: Project) -> None:
    """``stamp`` alone stamps the head."""
    outcome = three.ok("stamp")
    assert three.version() == {"cc33"}
    assert re.match(r"Stamping '.*app\.db' \(sqlite\)\n  cc33", outcome.stderr)


def test_ensure_version(three: Project) -> None:
    """``ensure-version`` creates the version table and nothing else."""
    three.ok("ensure-version")
    assert three.tables_in() == {"alembic_version"}
    assert three.version() == set()


def test_check(project: Project) -> None:
    """``check`` fails exactly while the models differ from the database."""
    project.ok("migrate")
    assert project.db("check").exit_code == 4
    project.ok("upgrade")
    assert project.ok("check").stdout == "No new upgrade operations detected.\n"
    project.tables["user"].append("email")
    outcome = project.db("check")
    assert outcome.exit_code == 1
    assert "email" in outcome.stderr


def test_relative_targets(three: Project) -> None:
    """``upgrade +1`` and ``downgrade 1`` count steps."""
    three.ok("upgrade", "+1")
    three.ok("upgrade", "+1")
    assert three.version() == {"bb22"}
    three.ok("downgrade", "1")
    assert three.version() == {"aa11"}
    three.ok("downgrade")
    assert three.version() == set()


def test_edit_uses_the_editor(three: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``edit`` opens the file of the revision."""
    seen = three.path / "edited"
    editor = three.path / "editor.sh"
    editor.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    three.ok("edit", "bb22")
    assert pathlib.Path(seen.read_text().strip()).name == "bb22_.py"


def test_script_that_prints(three: Project) -> None:
    """What a script prints is its own; it reaches standard output."""
    three.add_revision("dd44", "cc33", "print('rows moved: 7')")
    assert three.ok("upgrade").stdout == "rows moved: 7\n"


def test_outside_of_an_initialised_app(tmp_path: pathlib.Path) -> None:
    """The group on an application without the extension says what is missing."""
    app = Flask("bare")
    app.cli.add_command(db_group)
    result = app.test_cli_runner().invoke(args=["db", "current"])
    assert result.exit_code == 1
    assert "init_app" in result.output


def test_two_apps_with_the_same_group(tmp_path: pathlib.Path) -> None:
    """Two applications in one process keep their own folders and databases."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = (Project(folder, {folder.name: ["name"]}) for folder in folders)
    one.ok("migrate")
    two.ok("migrate")
    one.ok("upgrade")
    two.ok("upgrade")
    assert one.tables_in() == {"one", "alembic_version"}
    assert two.tables_in() == {"two", "alembic_version"}


def test_factory_style(tmp_path: pathlib.Path) -> None:
    """The commands are there when ``init_app`` runs inside a factory."""
    db, migrate = SQLAlchemy(), BatchMigrate()
    app = Flask("factory", root_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'app.db'}"
    db.init_app(app)
    migrate.init_app(app, db)
    result = app.test_cli_runner().invoke(args=["db", "--help"])
    assert result.exit_code == 0
    for name in OPTIONS:
        assert name in result.output


@pytest.mark.parametrize(
    "args",
    [
        ["upgrade", ""],
        ["downgrade", ""],
        ["stamp", ""],
        ["show", ""],
        ["merge", "", ""],
        ["migrate", "--head", ""],
    ],
    ids=lambda args: args[0],
)
def test_empty_revision(project: Project, args: list[str]) -> None:
    """A revision from a variable that is not set is a wrong command line."""
    result = project.db(*args)
    assert result.exit_code == 2
    assert "it is empty" in result.stderr


# -- while a command runs


def test_the_collector_is_as_before(three: Project) -> None:
    """A command leaves the garbage collector as the application set it, or left it."""
    script = "import gc; assert gc.get_threshold()[0] == {0}, gc.get_threshold()"
    usual = gc.get_threshold()
    three.add_revision("dd44", "cc33", script.format(10_000))
    three.ok("upgrade")
    assert gc.get_threshold() == usual
    three.add_revision("ee55", "dd44", script.format(0))
    gc.set_threshold(0)
    try:
        three.ok("upgrade")
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*usual)


def test_message_of_several_lines(project: Project) -> None:
    """Where a revision has one line, that has the first line of its message."""
    project.add_history("aa11")
    for name, parent in (("dd44", "aa11"), ("ee55", "aa11")):
        file = project.add_revision(name, parent)
        text = file.read_text().replace(f"step {name}", f"{name} 1st\n2nd\n\n3rd")
        file.write_text(text)
    outputs = [
        project.ok("history").stdout,
        project.ok("history", "--indicate-current").stdout,
        project.ok("branches", "--verbose").stdout.split(" -> ", 1)[1],
        project.ok("upgrade", "dd44").output,
    ]
    for output in outputs:
        assert "dd44 1st" in output
        assert "2nd" not in output


def test_binds_that_share_a_file(tmp_path: pathlib.Path) -> None:
    """A database is named once with all of its binds, and a revision has one line."""
    file = tmp_path / "shared.db"
    tables = "".join(
        f"db.Table('t_{key}', db.Column('id', db.Integer), bind_key='{key}')\n"
        for key in "bc"
    )
    write_app(tmp_path, tables, binds=dict.fromkeys("bc", f"sqlite:///{file}"))
    title = f"'{file}' (binds 'b' and 'c', sqlite)"
    assert flask(tmp_path, "db", "migrate", "--rev-id", "aa11").exit_code == 0
    for command, name in (("upgrade", "Upgrading"), ("downgrade", "Downgrading")):
        done = flask(tmp_path, "db", command)
        lines = [line for line in done.stderr.splitlines() if "aa11" in line]
        assert done.stderr.count(f"{name} {title}\n") == 1, done.stderr
        assert len(lines) == 1, done.stderr
        if command == "upgrade":
            current = flask(tmp_path, "db", "current")
            assert current.stdout == "aa11 (head)\n", current.stderr
    behind = flask(tmp_path, "db", "current", "--check-heads").stderr
    assert behind.count(f"'{file}': no revision yet.") == 1, behind
    assert behind.endswith(f"Not at the newest revision: '{file}'.\n"), behind

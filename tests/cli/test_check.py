"""``flask db check`` tells apart what does not fit together."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import pytest

from flask_batchmigrate import findings
from tests.cli_project import flask
from tests.cli_project import Outcome
from tests.cli_project import Project
from tests.cli_project import write_app
from tests.example import history
from tests.servers import new_database

MODELS, FAILED, PENDING, HEADS, ALTERED = 1, 2, 4, 8, 16
MAKES_USER = (
    "op.create_table('user', sa.Column('id', sa.Integer, primary_key=True),"
    " sa.Column('name', sa.String(50)))"
)


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """A table that the models, a revision and the database agree on."""
    project = Project(tmp_path, {"user": ["name"]})
    project.add_revision("aa11", None, MAKES_USER)
    project.ok("upgrade")
    return project


LOGGING = """
[alembic]
[loggers]
keys = root,alembic
[handlers]
keys = console
[formatters]
keys =
[logger_root]
level = WARN
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""


@pytest.mark.parametrize(
    ("command", "runs"),
    [(["check"], 2), (["check", "--scratch"], 1), (["migrate"], 1)],
)
def test_no_log_of_what_runs_elsewhere(
    project: Project, command: list[str], runs: int
) -> None:
    """Revisions that run on a stand-in do not read as if the database was upgraded."""
    (project.path / "migrations" / "alembic.ini").write_text(LOGGING)
    if command == ["migrate"]:
        project.tables["user"].append("email")
    outcome = project.ok(*command)
    assert "Running upgrade" not in outcome.output
    assert outcome.output.count("Context impl") == runs
    assert "Running downgrade" in project.ok("downgrade").output


def by_hand(project: Project, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def check(project: Project, *arguments: str) -> Outcome:
    """Run it; nothing may change, whatever it finds."""
    before = project.state()
    outcome = project.db("check", *arguments)
    assert project.state() == before
    return outcome


def errors(outcome: Outcome) -> list[str]:
    return [x for x in outcome.stderr.splitlines() if x.startswith("Error: ")]


def test_all_is_well(project: Project) -> None:
    """Then it says the sentence of Alembic, and nothing else."""
    outcome = check(project)
    assert outcome == Outcome("No new upgrade operations detected.\n", "", 0)


def test_models(project: Project) -> None:
    """A change of the models that no revision makes."""
    project.tables["user"].append("email")
    outcome = check(project)
    assert outcome.exit_code == MODELS
    (line,) = errors(outcome)
    assert "added column 'user.email'" in line
    assert "flask db migrate" in line


def test_pending(project: Project) -> None:
    """A database that lacks revisions, although the models are right."""
    project.tables["new"] = []
    project.add_revision(
        "bb22",
        "aa11",
        "op.create_table('new', sa.Column('id', sa.Integer, primary_key=True))",
    )
    outcome = check(project)
    assert outcome.exit_code == PENDING
    (line,) = outcome.stderr.splitlines()
    assert f"'{project.database}': 'bb22'" in line
    assert "flask db upgrade" in line


def test_several_heads(project: Project) -> None:
    """Two revisions that follow the same one by accident."""
    project.add_revision("bb22", "aa11")
    project.add_revision("cc33", "aa11")
    outcome = check(project)
    assert outcome.exit_code == HEADS | PENDING
    assert "flask db merge bb22 cc33" in outcome.stderr


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE user ADD COLUMN age INTEGER", "added column 'user.age'"),
        ("ALTER TABLE user DROP COLUMN name", "removed column 'user.name'"),
        ("CREATE INDEX ix ON user (name)", "added index 'ix' of table 'user'"),
        ("DROP TABLE user", "removed table 'user'"),
        (
            "CREATE TRIGGER t AFTER INSERT ON user BEGIN SELECT 1; END",
            "added trigger 't' of table 'user'",
        ),
    ],
)
def test_altered(project: Project, statement: str, said: str) -> None:
    """What somebody did to the database himself."""
    by_hand(project, statement)
    outcome = check(project)
    assert outcome.exit_code == ALTERED
    (line,) = outcome.stderr.splitlines()
    assert said in line


def test_somebody_elses_tables(project: Project) -> None:
    """A table that no revision mentions, and a view, belong to somebody else."""
    by_hand(project, "CREATE TABLE other (x)", "CREATE VIEW v AS SELECT * FROM other")
    assert check(project).exit_code == 0


def test_only_spelled_differently(project: Project) -> None:
    """A definition that means the same is the same."""
    by_hand(
        project,
        "DROP TABLE user",
        'CREATE TABLE "user" ("id" INTEGER NOT NULL, name varchar(50),'
        " PRIMARY KEY (id))",
    )
    assert check(project).exit_code == 0


def test_all_at_once(project: Project) -> None:
    """Each has its line, and the exit code is the sum."""
    by_hand(project, "ALTER TABLE user ADD COLUMN age INTEGER")
    project.tables["user"].append("email")
    project.add_revision("bb22", "aa11")
    outcome = check(project)
    assert outcome.exit_code == MODELS | PENDING | ALTERED
    assert len(errors(outcome)) == 3


def test_scratch_needs_no_database(project: Project) -> None:
    """In a pipeline, the revisions are run on an empty database."""
    project.database.unlink()
    assert check(project, "--scratch").exit_code == 0
    project.tables["user"].append("email")
    assert check(project, "--scratch").exit_code == MODELS


def test_scratch_and_a_broken_revision(project: Project) -> None:
    """A revision that does not run is an error."""
    project.add_revision("bb22", "aa11", "op.drop_column('user', 'no_such')")
    outcome = check(project, "--scratch")
    assert outcome.exit_code == FAILED
    assert "'bb22'" in outcome.stderr


@pytest.mark.parametrize("option", [(), ("--scratch",)])
def test_check_that_fails(project: Project, option: tuple[str, ...]) -> None:
    """What keeps it from looking is told from all that it may find."""
    (project.versions / "aa11_.py").write_text("revision = 'aa11'\n)")
    outcome = check(project, *option)
    assert outcome.exit_code == FAILED
    assert len(errors(outcome)) == 1


def test_unreachable(tmp_path: pathlib.Path) -> None:
    """A database that cannot be opened is no finding."""
    project = Project(tmp_path, {"user": ["name"]})
    project.uri = f"sqlite:///{tmp_path}/no_such_folder/app.db"
    project.add_revision("aa11", None, MAKES_USER)
    assert project.db("check").exit_code == FAILED


def test_history_that_begins_later(project: Project) -> None:
    """Where revisions cannot be run anew, the models are compared with the database."""
    project.add_revision("bb22", "aa11", "op.add_column('user', sa.Column('no_such'))")
    (project.versions / "aa11_.py").unlink()
    project.add_revision("bb22", None, "op.drop_column('older', 'gone')")
    project.ok("stamp", "--purge", "bb22")
    outcome = check(project)
    assert outcome.exit_code == 0
    assert "cannot be found" in outcome.stderr
    project.tables["user"].append("email")
    assert check(project).exit_code == MODELS


def test_binds(tmp_path: pathlib.Path) -> None:
    """A finding names its database."""
    project = Project(tmp_path, {"a": ["x"]}, {"other": {"b": ["y"]}})
    project.ok("migrate", "--no-verify")
    project.ok("upgrade")
    assert check(project).exit_code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("ALTER TABLE b ADD COLUMN z")
    outcome = check(project)
    assert outcome.exit_code == ALTERED
    assert "other.db" in outcome.stderr


def test_example(tmp_path: pathlib.Path) -> None:
    """The example's history makes what its models say, rows or not."""
    with history.example(f"sqlite:///{tmp_path / 'example.db'}"):
        history.walk_up_with_old_rows()
        assert findings() == []
        assert findings(scratch=True) == []


def test_server(tmp_path: pathlib.Path) -> None:
    """On a server the models are compared with the database."""
    with new_database("postgresql") as url:
        project = Project(tmp_path, {"user": ["name"]}, uri=url)
        project.add_revision("aa11", None, MAKES_USER)
        assert project.db("check").exit_code == PENDING
        project.ok("upgrade")
        assert project.db("check").exit_code == 0
        project.tables["user"].append("email")
        assert project.db("check").exit_code == MODELS
        assert "--scratch" in project.db("check", "--scratch").stderr


def test_current_at_base(project: Project) -> None:
    """A database without a revision is told from one that nobody asked about."""
    empty = Project(project.path / "empty")
    empty.path.mkdir()
    empty.add_history("aa11")
    assert "no revision yet" in empty.ok("current").stderr


def test_real_process(project: Project) -> None:
    """The bits are the exit code of the process."""
    write_app(project.path)
    project.add_revision("bb22", "aa11")
    assert flask(project.path, "db", "check").exit_code == PENDING | MODELS

"""``flask db status``, as a person and a pipeline run it."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from tests.cli_project import flask
from tests.cli_project import Project
from tests.cli_project import write_app
from tests.servers import new_database


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    project = Project(tmp_path)
    project.add_history("aa11", "bb22", "cc33")
    return project


def test_part_of_the_history(project: Project) -> None:
    """Each revision has its box, and the exit code says that something is pending."""
    project.ok("upgrade", "bb22")
    shown = project.db("status")
    assert shown.exit_code == 1
    first, second, *boxes, third = shown.stdout.splitlines()
    assert first == f"'{project.database}' (sqlite)"
    assert second.startswith("  At bb22; newest: cc33. Pending: 1 revision;")
    assert boxes == ["  [x] aa11  step aa11", "  [x] bb22  step bb22"]
    assert third == "  [ ] cc33  step cc33"


def test_at_the_newest_revision(project: Project) -> None:
    """The exit code is 0, and what is written says so."""
    project.ok("upgrade")
    shown = project.ok("status")
    assert "At cc33; newest: cc33. Nothing is pending." in shown.stdout
    assert "[ ]" not in shown.stdout


def test_database_that_does_not_exist(project: Project) -> None:
    """It is shown as empty, and not made."""
    before = project.state()
    shown = project.db("status")
    assert (shown.exit_code, project.state()) == (1, before)
    assert "At no revision yet; newest: cc33. Pending: 3 revisions" in shown.stdout


def test_name_of_django(project: Project) -> None:
    """Who comes from Django finds it."""
    assert project.db("showmigrations") == project.db("status")


def test_drift(project: Project) -> None:
    """One line says which tables differ from their models, as 'check' sees it."""
    project.tables = {"t_aa11": [], "t_bb22": ["name"], "t_cc33": []}
    for name in ("aa11", "bb22", "cc33"):
        file = project.versions / f"{name}_.py"
        made = file.read_text().replace("sa.Integer()", "sa.Integer, primary_key=True")
        file.write_text(made)
    project.ok("upgrade")
    assert "  Differing from the models: 't_bb22'.\n" in project.ok("status").stdout
    project.tables["t_bb22"] = []
    assert "  No table differs from the models.\n" in project.ok("status").stdout


def test_json(project: Project) -> None:
    """A program gets the same as values."""
    project.ok("upgrade", "aa11")
    shown = project.db("status", "--json")
    assert shown.exit_code == 1
    (one,) = json.loads(shown.stdout)["databases"]
    assert one["database"] == str(project.database)
    assert (one["state"], one["current"], one["heads"]) == (
        "pending",
        ["aa11"],
        ["cc33"],
    )
    assert [each["is_applied"] for each in one["revisions"]] == [True, False, False]


def test_each_bind(tmp_path: pathlib.Path) -> None:
    """Every database has its own list."""
    project = Project(tmp_path, {"a": []}, {"other": {"b": []}})
    project.add_history("aa11")
    shown = project.db("status")
    names = re.findall(r"^'(.*)' \((.*)\)$", shown.stdout, re.M)
    assert names == [
        (str(project.database), "sqlite"),
        (str(tmp_path / "other.db"), "bind 'other', sqlite"),
    ]


def test_revision_without_a_file(project: Project) -> None:
    """A database that is newer than the code is an error of its own."""
    project.ok("upgrade")
    (project.versions / "cc33_.py").unlink()
    shown = project.db("status")
    assert shown.exit_code == 2
    assert "[?] aa11" in shown.stdout
    assert "has no file" in shown.stdout


def test_tables_without_a_revision(project: Project) -> None:
    """It says that a stamp is missing."""
    project.tables = {"t_aa11": []}
    with project.app() as app, app.app_context():
        app.extensions["sqlalchemy"].create_all()
    shown = project.db("status")
    assert shown.exit_code == 1
    assert "flask db stamp" in shown.stdout


def test_error(tmp_path: pathlib.Path) -> None:
    """What cannot be told is exit code 2, with a line that says why."""
    shown = Project(tmp_path).db("status", "--json")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr.startswith("Error: ")


def test_help_says_the_exit_codes(project: Project) -> None:
    """The help is enough to write a pipeline."""
    text = " ".join(project.ok("status", "--help").stdout.split())
    assert "0 where every database is at the newest revision, 1 where" in text


def test_password_is_hidden(tmp_path: pathlib.Path) -> None:
    """Neither form shows the password of a server."""
    with new_database("postgresql") as url:
        password = re.search(r":([^:@/]+)@", url)
        if password is None:
            pytest.skip("the server asks for no password")
        project = Project(tmp_path, uri=url)
        project.add_history("aa11")
        for arguments in ((), ("--json",)):
            shown = project.db("status", *arguments)
            assert shown.exit_code == 1
            assert f":{password[1]}@" not in shown.output


def test_real_process(project: Project) -> None:
    """The exit code is that of the process."""
    write_app(project.path)
    assert flask(project.path, "db", "status").exit_code == 1
    flask(project.path, "db", "upgrade")
    assert flask(project.path, "db", "status").exit_code == 0


# ``--check``, as Django has it


def test_check_of_upgrade(tmp_path: pathlib.Path) -> None:
    """A line for each database, and the exit code; nothing is upgraded."""
    project = Project(tmp_path, {"a": ["x"]}, {"other": {"b": ["y"]}})
    project.ok("migrate", "--no-verify")
    before = project.state()
    pending = project.db("upgrade", "--check")
    assert (pending.exit_code, project.state()) == (1, before)
    first, second = pending.stdout.splitlines()
    assert first.startswith(f"'{tmp_path / 'app.db'}' (sqlite): Pending: 1 revision")
    assert second.startswith(f"'{tmp_path / 'other.db'}' (bind 'other', sqlite): Pend")
    project.ok("upgrade")
    assert "Nothing is pending." in project.ok("upgrade", "--check").stdout


def test_check_of_upgrade_that_fails(tmp_path: pathlib.Path) -> None:
    """What cannot be told is no pending revision."""
    project = Project(tmp_path, uri=f"sqlite:///{tmp_path}/no_such_folder/app.db")
    project.add_history("aa11")
    failed = project.db("upgrade", "--check")
    assert failed.exit_code == 2
    assert failed.stderr.startswith("Error: ")


def test_check_of_migrate(tmp_path: pathlib.Path) -> None:
    """It fails where a revision would be written, and writes none."""
    project = Project(tmp_path, {"user": ["name"]})
    project.ok("migrate", "--no-verify")
    project.ok("upgrade")
    assert project.ok("migrate", "--check").stdout == (
        "No new upgrade operations detected.\n"
    )
    project.tables["user"].append("email")
    before = project.state()
    found = project.db("migrate", "--check")
    assert (found.exit_code, project.state()) == (1, before)
    assert "'user.email'" in found.stderr
    assert len(list(project.versions.glob("*.py"))) == 1

"""What is told without Alembic is what Alembic would tell."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

import pytest

import flask_batchmigrate as fb

from .apps import write_revision
from .cli_project import Project
from .cli_project import write_app

NONE: dict[str, t.Any] = {"branch_labels": None, "depends_on": None}

LOOK = """
import sys
from flask.cli import main
try:
    sys.argv[1:] = ["--app", "app.py", "db", {command!r}]
    main()
except SystemExit as end:
    print(end.code, "alembic" in sys.modules)
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return Project(tmp_path)


def line(folder: pathlib.Path) -> None:
    write_revision(folder, "aa11", None, **NONE)
    write_revision(folder, "bb22", "aa11", **NONE)


def merged(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "aa11", **NONE)
    write_revision(folder, "dd44", ("bb22", "cc33"), **NONE)


def labelled(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "bb22", branch_labels=("shop",), depends_on=None)


def labelled_at_the_root(folder: pathlib.Path) -> None:
    write_revision(folder, "aa11", None, branch_labels=("shop",), depends_on=None)
    write_revision(folder, "bb22", "aa11", **NONE)


def labelled_by_code(folder: pathlib.Path) -> None:
    line(folder)
    head = "branch_labels = tuple(['shop'])\ndepends_on = None"
    write_revision(folder, "cc33", "bb22", head=head)


def following_by_code(folder: pathlib.Path) -> None:
    line(folder)
    head = "down_revision = ''.join(['bb', '22'])"
    write_revision(folder, "cc33", "aa11", head=head, **NONE)


def dependent(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", None, branch_labels=None, depends_on=("bb22",))


def for_several(folder: pathlib.Path) -> None:
    path = write_revision(folder, "aa11", None, **NONE)
    text = path.read_text()
    path.write_text(text.replace("grade():", "grade(engine_name):"))


def with_two_heads(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "aa11", **NONE)


SHAPES = [
    line,
    merged,
    labelled,
    labelled_at_the_root,
    labelled_by_code,
    following_by_code,
    dependent,
    for_several,
    with_two_heads,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_it_is_what_a_closer_look_tells(
    project: Project, monkeypatch: pytest.MonkeyPatch, shape: t.Any
) -> None:
    """``heads`` and ``current`` print the same, at the head and behind it."""
    shape(project.path / "migrations")
    monkeypatch.chdir(project.path)
    for revision in ("aa11", "heads"):
        project.ok("stamp", "--purge", revision)
        with project.app() as app, app.app_context():
            heads = [
                each.script.cmd_format(
                    False, include_branches=True, tree_indicators=False
                )
                for each in fb.heads()
            ]
            current = [s.cmd_format(False) for c in fb.current() for s in c.scripts]
        assert project.ok("heads").stdout.splitlines() == heads
        assert project.ok("current").stdout.splitlines() == current


@pytest.mark.parametrize("command", ["upgrade", "current", "heads"])
def test_the_plain_case_loads_no_alembic(project: Project, command: str) -> None:
    """One database at the one head of a line: its files are read, and not run."""
    write_app(project.path)
    line(project.path / "migrations")
    project.ok("upgrade")
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(command=command)],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 False"
    assert command == "upgrade" or done.stdout.startswith("bb22 (head)\n")


def test_a_customised_environment_is_asked(project: Project) -> None:
    """An ``env.py`` may look at another database; it is run, not passed over."""
    line(project.path / "migrations")
    project.ok("upgrade")
    (project.path / "migrations" / "env.py").write_text("raise OSError('asked')\n")
    outcome = project.db("current")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "asked" in outcome.stderr

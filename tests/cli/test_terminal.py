"""What a person at a terminal sees while migrations run."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3

import pytest

from tests.cli_project import flask
from tests.cli_project import Project
from tests.cli_project import start_flask
from tests.cli_project import USER
from tests.cli_project import write_app
from tests.processes import start_python

pty = pytest.importorskip("pty", reason="needs a terminal")


def on_terminal(project: Project, *args: str, models: str = USER, **env: str) -> str:
    """Run ``flask db`` with a terminal as its output; return all of it."""
    write_app(project.path, models=models)
    ours, theirs = pty.openpty()
    process = start_python(
        *("-m", "flask", "db", *args),
        where=project.path,
        env={"NO_COLOR": None, "FLASK_APP": "app.py", **env},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pieces = []
    try:
        while True:
            piece = os.read(ours, 1024)
            if not piece:
                break
            pieces.append(piece)
    except OSError:
        pass  # how Linux ends the output of a terminal
    finally:
        os.close(ours)
        process.wait()
    return b"".join(pieces).decode().replace("\r\n", "\n")


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    project = Project(tmp_path)
    project.add_history("aa11", "bb22")
    return project


def test_running_revision_is_shown(project: Project) -> None:
    """A revision is shown while it runs, and its time takes the place of the dots."""
    seen = on_terminal(project, "upgrade", NO_COLOR="1")
    assert "\x1b" not in seen
    (line,) = [line for line in seen.split("\n") if "aa11" in line]
    running, done = line.split("\r")
    assert running == "  aa11  step aa11 ..."
    assert done.startswith("  aa11  step aa11  0.")
    assert len(done) >= len(running)


def test_message_of_several_lines(project: Project) -> None:
    """The line of a revision is one line, whatever its docstring has."""
    file = project.add_revision("cc33", "bb22")
    text = file.read_text().replace("step cc33", "first\nsecond\n\nthird")
    file.write_text(text)
    seen = on_terminal(project, "upgrade", NO_COLOR="1")
    (line,) = [line for line in seen.split("\n") if "cc33" in line]
    running, done = line.split("\r")
    assert running == "  cc33  first ..."
    assert done.startswith("  cc33  first  0.")
    assert "second" not in seen


def test_error_starts_its_own_line(project: Project) -> None:
    """An error does not stick to the line of the revision that failed."""
    project.add_revision("cc33", "bb22", "raise ValueError('no such colour')")
    seen = on_terminal(project, "upgrade", NO_COLOR="1")
    lines = seen.rstrip("\n").split("\n")
    assert lines[-2] == "  cc33  step cc33 ..."
    assert lines[-1].startswith("Error: ")


def test_colours(project: Project) -> None:
    """A terminal gets colours."""
    assert "\x1b[33maa11\x1b[0m" in on_terminal(project, "upgrade")


def test_quiet(project: Project) -> None:
    """``--quiet`` holds on a terminal as well."""
    assert on_terminal(project, "upgrade", "--quiet") == ""


def test_rename_is_asked(tmp_path: pathlib.Path) -> None:
    """A person at a terminal is asked whether a column was renamed, and answers."""
    model = (
        "\nclass User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
    )
    write_app(tmp_path, f"{model}    fullname = db.Column(db.String(50))\n")
    for command in ("migrate", "upgrade"):
        assert flask(tmp_path, "db", command).exit_code == 0
    write_app(tmp_path, f"{model}    full_name = db.Column(db.String(50))\n")
    ours, theirs = pty.openpty()
    ends = {"stdin": theirs, "stderr": theirs}
    with start_flask(tmp_path, "db", "migrate", **ends) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"y\n")
        process.wait()
        os.close(ours)
    assert b"Was column 'user.fullname' renamed to 'full_name'?" in shown
    assert process.returncode == 0
    texts = [p.read_text() for p in tmp_path.glob("migrations/versions/*.py")]
    assert any("new_column_name='full_name'" in text for text in texts)


@pytest.mark.parametrize("answer", ["NULLIF(age, 'old')", ""])
def test_conversion_is_asked(tmp_path: pathlib.Path, answer: str) -> None:
    """A person is asked how values are converted that do not fit a new type."""
    project = Project(tmp_path)
    model = (
        "\nclass User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
    )
    write_app(tmp_path, f"{model}    age = db.Column(db.String(50))\n")
    for command in ("migrate", "upgrade"):
        assert flask(tmp_path, "db", command).exit_code == 0
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute("INSERT INTO user (age) VALUES ('old'), ('7')")
        connection.commit()
    write_app(tmp_path, f"{model}    age = db.Column(db.Integer)\n")
    ours, theirs = pty.openpty()
    ends = {"stdin": theirs, "stderr": theirs}
    with start_flask(tmp_path, "db", "migrate", **ends) as process:
        os.close(theirs)
        shown = b""
        while b"(empty: none)" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{answer}\n".encode())
        process.wait()
        os.close(ours)
    assert b"1 of 2 values of 'user.age' was not an integer ('old')." in shown
    assert process.returncode == 0
    assert flask(tmp_path, "db", "upgrade").exit_code == (0 if answer else 1)

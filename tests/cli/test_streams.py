"""A command does its work whatever its output can take."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from tests.cli_project import flask
from tests.cli_project import Outcome
from tests.cli_project import Project
from tests.cli_project import start_flask
from tests.cli_project import write_app
from tests.processes import environment
from tests.processes import run_python

WITHOUT = """
import sys
for name in {streams!r}:
    setattr(sys, name, None)
sys.argv[1:] = ["--app", "app.py", "db", *{args!r}]
from flask.cli import main
main()
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    project = Project(tmp_path, {"user": ["name"]})
    project.add_history("aa11", "bb22")
    write_app(tmp_path)
    return project


def without(project: Project, streams: list[str], *args: str) -> Outcome:
    """Run ``flask db`` as ``pythonw`` does, or a shell that closes the streams."""
    code = WITHOUT.format(streams=streams, args=args)
    done = run_python("-c", code, where=project.path)
    return Outcome(done.stdout, done.stderr, done.returncode)


@pytest.mark.parametrize(
    "streams", [["stderr"], ["stdout"], ["stdin", "stdout", "stderr"]], ids="+".join
)
def test_without_a_stream(project: Project, streams: list[str]) -> None:
    """No standard error or output: the database is migrated all the same."""
    assert without(project, streams, "upgrade").exit_code == 0
    assert project.version() == {"bb22"}
    assert without(project, streams, "downgrade", "-2").exit_code == 0
    assert project.version() == set()
    assert without(project, streams, "current").exit_code == 0
    failed = without(project, streams, "upgrade", "zz")
    assert (failed.exit_code, "Traceback" in failed.output) == (1, False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of POSIX")
@pytest.mark.parametrize("streams", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_with_a_closed_stream(project: Project, streams: str) -> None:
    """A shell that closes them."""
    done = subprocess.run(
        f"'{sys.executable}' -m flask --app app.py db upgrade {streams}",
        shell=True,
        cwd=project.path,
        env=environment(),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert project.version() == {"bb22"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes of POSIX")
def test_a_reader_that_leaves(project: Project) -> None:
    """What nobody reads any more is no reason to undo a migration."""
    with start_flask(project.path, "db", "upgrade") as process:
        assert process.stderr is not None
        process.stderr.close()
        process.wait()
    assert process.returncode == 0
    assert project.version() == {"bb22"}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_the_stream_cannot_encode(project: Project, encoding: str) -> None:
    """A question mark stands for it, as with Flask-Migrate; the work is done."""
    message = "\u041f\u0440\u0438\u0432\u0435\u0442 \u2192"
    env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for args in (
        ["revision", "-m", message, "--rev-id", "cc33"],
        ["history"],
        ["upgrade"],
    ):
        done = flask(project.path, "db", *args, **env)
        assert (done.exit_code, "Traceback" in done.stderr) == (0, False), args
    assert project.version() == {"cc33"}
    assert [p.stem for p in project.versions.glob("cc33*")] == [
        f"cc33_{message.split()[0].lower()}"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="arguments of POSIX are bytes")
def test_an_argument_that_is_no_text(project: Project) -> None:
    """Bytes that the terminal's encoding does not know."""
    done = flask(project.path, "db", "revision", "-m", "a\udcffb", "--rev-id", "cc33")
    assert done.exit_code == 0, done.stderr
    project.ok("upgrade")
    assert project.version() == {"cc33"}

"""A command does its work whatever its output can take."""

from __future__ import annotations

import os
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
from tests.processes import start_python

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


@pytest.mark.parametrize("command", ["migrate", "upgrade", "downgrade", "check"])
@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_without_anybody_to_ask(project: Project, command: str, stream: str) -> None:
    """A command that could ask questions, where there is nobody to answer them."""
    project.ok("upgrade")
    expected = {"check": 1}.get(command, 0)
    done = without(project, [stream], command)
    assert (done.exit_code, "Traceback" in done.output) == (expected, False)


full_device = pytest.mark.skipif(
    not pathlib.Path("/dev/full").exists(), reason="needs a device that is always full"
)


def on_full_device(project: Project, stream: str, *args: str) -> Outcome:
    """Run ``flask db`` with a stream that cannot be written to, and is buffered."""
    with pathlib.Path("/dev/full").open("w") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        with start_python(
            *("-m", "flask", "--app", "app.py", "db", *args),
            where=project.path,
            env={"PYTHONUNBUFFERED": None},
            **streams,
        ) as process:
            stdout, stderr = process.communicate(timeout=120)
    return Outcome(stdout or "", stderr or "", process.returncode)


@full_device
@pytest.mark.parametrize(
    "args",
    [
        ["list-templates"],
        ["current"],
        ["heads"],
        ["history"],
        ["show"],
        ["upgrade", "--sql"],
        ["upgrade", "cc33"],
        ["revision", "-m", "more"],
        ["migrate", "--dry-run"],
        ["--help"],
        ["status", "--help"],
        ["downgrade", "--help"],
        ["check"],
        ["status", "--json"],
        ["upgrade", "--plan"],
    ],
    ids=" ".join,
)
def test_full_standard_output(project: Project, args: list[str]) -> None:
    """A command whose output is lost did not work: one line, and an exit code."""
    project.ok("upgrade")
    project.add_revision("cc33", "bb22", "print('said by the script')")
    if args == ["migrate", "--dry-run"]:
        project.ok("upgrade")
    done = on_full_device(project, "stdout", *args)
    has_codes = args[0] in ("check", "status") and "--help" not in args
    assert done.exit_code == (2 if has_codes else 1), done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("Error: Standard output cannot be written to: "), done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if args == ["upgrade", "cc33"]:
        assert project.version() == {"cc33"}


@full_device
def test_full_standard_error(project: Project) -> None:
    """Progress that cannot be shown changes neither the work nor the exit code."""
    assert on_full_device(project, "stderr", "upgrade").exit_code == 0
    assert project.version() == {"bb22"}
    assert on_full_device(project, "stderr", "upgrade", "zz").exit_code == 1
    current = on_full_device(project, "stderr", "current")
    assert (current.exit_code, current.stdout) == (0, "bb22 (head)\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes of POSIX")
def test_a_reader_of_values_that_leaves(project: Project) -> None:
    """``flask db upgrade | head`` is migrated, and nothing is said about the pipe."""
    project.add_revision("cc33", "bb22", "print('said by the script')")
    ours, theirs = os.pipe()
    os.close(ours)
    with start_python(
        *("-m", "flask", "--app", "app.py", "db", "upgrade"),
        where=project.path,
        env={"PYTHONUNBUFFERED": None},
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        _, stderr = process.communicate(timeout=120)
    assert project.version() == {"cc33"}
    assert "pipe" not in stderr.lower()
    assert stderr.splitlines()[-1].startswith("Done: ")


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

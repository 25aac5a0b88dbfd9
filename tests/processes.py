"""Python in processes of its own, each with the package of this checkout on its path.

Every child process of the tests is started here. :func:`python` and :func:`flask` take
several steps for the price of one start.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import pathlib
import subprocess
import sys
import typing as t

ROOT = pathlib.Path(__file__).parent.parent

COMMANDS = """
import shlex
from flask.cli import cli

for line in {lines!r}:
    code = cli.main(shlex.split(line), prog_name="flask", standalone_mode=False)
    assert not code, line
"""

Variables = cabc.Mapping[str, "str | None"]


def environment(variables: Variables | None = None) -> dict[str, str]:
    """The environment of a child: this one without Flask's, and the import path.

    :param variables: more of them; ``None`` takes one away.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLASK_") and name != "DATABASE_URL"
    }
    wanted = {**kept, "PYTHONPATH": str(ROOT), **(variables or {})}
    return {name: value for name, value in wanted.items() if value is not None}


def start_python(
    *arguments: object,
    where: pathlib.Path | None = None,
    env: Variables | None = None,
    **options: t.Any,
) -> subprocess.Popen[str]:
    """Start Python with arguments.

    :param where: its current directory.
    :param env: variables beside those of :func:`environment`.
    :param options: keywords of :class:`subprocess.Popen`.
    """
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=where, env=environment(env), text=True, **options
    )


def run_python(
    *arguments: object, where: pathlib.Path | None = None, env: Variables | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments to its end, whatever that is."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=where,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def python(where: pathlib.Path | None, code: str) -> str:
    """Run Python code in a folder, and return what it writes to standard output."""
    done = run_python("-c", code, where=where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flask(where: pathlib.Path, *lines: str) -> str:
    """Run ``flask`` command lines one after the other in one process."""
    return python(where, COMMANDS.format(lines=lines))

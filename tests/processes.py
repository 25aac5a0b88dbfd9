"""Python in a process of its own: several steps for the price of one start."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent

COMMANDS = """
import shlex
from flask.cli import cli

for line in {lines!r}:
    code = cli.main(shlex.split(line), prog_name="flask", standalone_mode=False)
    assert not code, line
"""


def python(where: pathlib.Path, code: str) -> str:
    """Run Python code in a folder, and return what it writes to standard output."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLASK_") and name != "DATABASE_URL"
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=where,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flask(where: pathlib.Path, *lines: str) -> str:
    """Run ``flask`` command lines one after the other in one process."""
    return python(where, COMMANDS.format(lines=lines))

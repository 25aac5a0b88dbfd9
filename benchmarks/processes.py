"""Runs Python in processes of their own, as an installed application runs.

Modules are compiled once and loaded from then on, whatever this machine's settings say
of that: without it, what would be measured is Python's compiler.
"""

from __future__ import annotations

import atexit
import datetime
import importlib.metadata
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

_compiled = tempfile.mkdtemp(prefix="compiled-")
atexit.register(shutil.rmtree, _compiled, ignore_errors=True)


def versions() -> str:
    """Return what is measured and on what, for the head of a table."""
    names = ("flask-migrate", "alembic", "sqlalchemy")
    found = [f"{name} {importlib.metadata.version(name)}" for name in names]
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    return ", ".join([*found, f"Python {platform.python_version()}", str(today)])


def python(*arguments: str, folder: pathlib.Path | None = None) -> str:
    """Run Python and return what it printed; a failure ends the benchmark.

    :param folder: the current directory of the process.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": _compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout

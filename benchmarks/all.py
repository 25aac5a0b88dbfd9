"""Runs every benchmark, one after the other, and prints their tables.

::

    python benchmarks/all.py           the usual sizes, three quarters of an hour
    python benchmarks/all.py --quick   small ones, to see that everything works
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
USUAL = (
    ("import_cost.py",),
    ("startup.py",),
    ("growth.py",),
    (
        "sqlite_changes.py",
        *("--rows", "100000", "1000000", "5000000"),
        *("--plot", "sqlite_changes.svg"),
    ),
    ("sqlite_changes.py", "--rows", "1000000", "--journal", "wal"),
    ("running_application.py",),
)
QUICK = (
    ("import_cost.py", "3"),
    ("startup.py", "--revisions", "10", "--samples", "1"),
    ("growth.py", "--smallest", "--samples", "1"),
    ("sqlite_changes.py", "--rows", "10000", "--samples", "1"),
    ("running_application.py", "--rows", "10000"),
)


def main() -> None:
    """Run them; the first that fails ends it."""
    for script, *arguments in QUICK if "--quick" in sys.argv[1:] else USUAL:
        print(f"\n## {script}\n", flush=True)
        subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


if __name__ == "__main__":
    main()

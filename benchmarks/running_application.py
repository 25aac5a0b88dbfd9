"""What an application feels while one of its SQLite tables is changed.

Two threads read and two write single rows by their key, each with a connection of its
own and the driver's timeout of five seconds, as an application has it. Meanwhile
another process makes a change, here and with Flask-Migrate::

    python benchmarks/running_application.py --rows 300000

The longest wait is that of one statement with its commit. A wait that reaches the
timeout ends in "database is locked", which is counted; the thread then goes on.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import shutil
import sqlite3
import tempfile
import threading
import time

from cases import build
from cases import CASES
from processes import python
from processes import versions

NOTHING = "no change"
KINDS = (
    NOTHING,
    "NOT NULL dropped",
    "NOT NULL set",
    "FOREIGN KEY added",
    "column dropped",
    "type changed, every row",
    "type changed, no row",
    "order of columns changed",
)
JOURNALS = ("delete", "wal")
WAYS = {"ours": "here", "theirs": "Flask-Migrate"}
CHANGES = pathlib.Path(__file__).with_name("sqlite_changes.py")
BEFORE = 1.0
"""Seconds that the threads run before and after the change."""

READ = "SELECT id, name FROM item WHERE id = ?"
WRITE = "UPDATE item SET age = age + 1 WHERE id = ?"


@dataclasses.dataclass
class Felt:
    """What one thread has felt.

    :param longest: its longest wait, in seconds.
    :param locked: how often it was told that the database is locked.
    """

    longest: float = 0.0
    locked: int = 0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    options = parser.parse_args()
    print(f"{options.rows:,} rows, SQLite {sqlite3.sqlite_version}, {versions()}")
    print(f"load {os.getloadavg()[0]:.1f} at the start\n")
    print(
        "| change | journal | made | takes, s | longest read, s | longest write, s"
        " | locked |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        original = pathlib.Path(folder, "original.db")
        build(str(original), options.rows)
        for kind in options.kinds:
            for journal in JOURNALS:
                for way in WAYS if kind != NOTHING else ("ours",):
                    _measure(original, kind, journal, way, options.rows)


def _measure(
    original: pathlib.Path, kind: str, journal: str, way: str, rows: int
) -> None:
    work = original.with_name("work.db")
    for suffix in ("", "-wal", "-shm", "-journal"):
        work.with_name(f"work.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(original, work)
    with contextlib.closing(sqlite3.connect(work)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        threads = [
            pool.submit(_run, work, sql, rows, over)
            for sql in (READ, READ, WRITE, WRITE)
        ]
        time.sleep(BEFORE)
        try:
            taken = "-" if kind == NOTHING else _change(kind, way, work)
            time.sleep(BEFORE)
        except SystemExit as failure:
            if "database is locked" not in str(failure):
                raise
            taken = "fails: database is locked"
        finally:
            over.set()
        felt = [thread.result() for thread in threads]
    print(
        f"| {kind} | {journal} | {WAYS[way]} | {taken}"
        f" | {max(f.longest for f in felt[:2]):.2f}"
        f" | {max(f.longest for f in felt[2:]):.2f}"
        f" | {sum(f.locked for f in felt)} |",
        flush=True,
    )


def _change(kind: str, way: str, path: pathlib.Path) -> str:
    """Make the change in another process, and return how long it took."""
    seconds = json.loads(python(str(CHANGES), "--one", kind, way, str(path)))[0]
    return f"{seconds:.2f}"


def _run(path: pathlib.Path, sql: str, rows: int, over: threading.Event) -> Felt:
    """Run one statement after the other, each in a transaction of its own."""
    felt = Felt()
    chosen = random.Random(sql)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        while not over.is_set():
            start = time.monotonic()
            try:
                connection.execute(sql, (chosen.randrange(rows),)).fetchall()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                felt.locked += 1
            felt.longest = max(felt.longest, time.monotonic() - start)
            time.sleep(0.002)
    return felt


assert set(KINDS) - {NOTHING} <= {case.name for case in CASES}

if __name__ == "__main__":
    main()

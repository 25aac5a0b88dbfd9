"""How long a change of a big SQLite table takes.

Four ways side by side, each measurement in a process of its own on a fresh copy of the
same file, in turns: this project (telling of its progress, as ``flask db`` has it),
Flask-Migrate (Alembic's batch mode), the best hand-written SQL on a bare connection,
and a plain copy of the file, which is the floor for anything that writes every page.
Only the migration is timed, from its BEGIN to its COMMIT, not the start of the
process::

    python benchmarks/sqlite_changes.py --rows 1000000
    python benchmarks/sqlite_changes.py --rows 1000000 --journal wal
    python benchmarks/sqlite_changes.py --rows 100000 1000000 5000000 --plot changes.svg
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import typing as t

from cases import build
from cases import Case
from cases import CASES
from processes import python
from processes import versions

WAYS = ("ours", "rebuilt", "silent", "theirs", "hand")
"""Ours, ours without ``keep_indexes``, ours telling nothing, theirs, by hand."""
LINES = {
    "theirs": ("Flask-Migrate", "C1o-"),
    "hand": ("hand-written SQL", "C2s--"),
    "ours": ("Flask-BatchMigrate", "C0o-"),
}
"""The lines of the plot, each with its label and style."""
LABELS = {"rebuilt": ", indexes built", "silent": ", nobody told of progress"}
VARIANTS = {
    "order of columns changed": ("rebuilt", "silent"),
    "type changed, every row": ("silent",),
}
"""The changes that are measured in other ways of ours, too."""


class Sample(t.NamedTuple):
    """One measurement: the time by the clock and of the processor, and the memory."""

    seconds: float
    cpu: float
    mebibytes: float


def main() -> None:
    """Measure, print the table, and draw the plot if one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--journal", choices=("delete", "wal"), default="delete")
    parser.add_argument("--cases", nargs="+", default=[c.name for c in CASES])
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_measure_here(*options.one)))
        return
    chosen = [case for case in CASES if case.name in options.cases]
    results = {}
    for rows in options.rows:
        results[rows] = _measure_all(rows, chosen, options.samples, options.journal)
        _print_table(rows, chosen, results[rows], options.journal)
    if options.plot is not None:
        _draw(options.plot, chosen, results)


def _measure_all(
    rows: int, chosen: list[Case], samples: int, journal: str
) -> dict[tuple[str, str], Sample]:
    medians = {}
    with tempfile.TemporaryDirectory() as folder:
        original = pathlib.Path(folder, "original.db")
        build(str(original), rows)
        with contextlib.closing(sqlite3.connect(original)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}").fetchall()
        floor = statistics.median(
            _copy_file(original, pathlib.Path(folder, "work.db"))
            for _ in range(samples)
        )
        medians["file copied", "floor"] = Sample(floor, floor, 0.0)
        for case in chosen:
            taken: dict[str, list[Sample]] = {way: [] for way in _ways(case)}
            for _ in range(samples):
                for way in taken:
                    taken[way].append(_measure(original, case.name, way))
            for way, found in taken.items():
                medians[case.name, way] = Sample(
                    statistics.median(s.seconds for s in found),
                    statistics.median(s.cpu for s in found),
                    statistics.median(s.mebibytes for s in found),
                )
    return medians


def _ways(case: Case) -> tuple[str, ...]:
    more = VARIANTS.get(case.name, ())
    return tuple(way for way in WAYS if way not in LABELS or way in more)


def _copy_file(source: pathlib.Path, target: pathlib.Path) -> float:
    start = time.perf_counter()
    shutil.copyfile(source, target)
    return time.perf_counter() - start


def _measure(original: pathlib.Path, case: str, way: str) -> Sample:
    work = original.with_name("work.db")
    for suffix in ("-wal", "-shm", "-journal"):
        work.with_name(f"work.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(original, work)
    return Sample(*json.loads(python(__file__, "--one", case, way, str(work))))


def _measure_here(name: str, way: str, path: str) -> Sample:
    """Make one change in this process."""
    case = next(case for case in CASES if case.name == name)
    if way == "hand":
        return _by_hand(case, path)
    if way == "theirs":
        return _by_alembic(case, path)
    return _by_engine(case, path, way)


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class _Timer:
    """Begins to measure when it is made."""

    def __init__(self) -> None:
        self._peak = _peak()
        self._start = time.perf_counter(), time.process_time()

    def sample(self) -> Sample:
        """Return what was taken since then."""
        now = time.perf_counter(), time.process_time()
        seconds, cpu = (
            one - other for one, other in zip(now, self._start, strict=True)
        )
        return Sample(seconds, cpu, _peak() - self._peak)


def _by_hand(case: Case, path: str) -> Sample:
    connection = sqlite3.connect(path, isolation_level=None)
    timer = _Timer()
    connection.execute("BEGIN EXCLUSIVE")
    case.by_hand(connection)
    connection.execute("COMMIT")
    sample = timer.sample()
    connection.close()
    return sample


def _by_alembic(case: Case, path: str) -> Sample:
    import sqlalchemy as sa
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        connection.rollback()
        context = MigrationContext.configure(connection)
        timer = _Timer()
        with context.begin_transaction(_per_migration=True):
            case.migrate(Operations(context))
        sample = timer.sample()
    engine.dispose()
    return sample


def _by_engine(case: Case, path: str, way: str) -> Sample:
    import sqlalchemy as sa
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    from flask_batchmigrate.sqlite import adapter

    # The first change of a table loads this, which is a part of the start.
    importlib.import_module("flask_batchmigrate.sqlite.adapter.alterations")
    engine = sa.create_engine(f"sqlite:///{path}")
    settings = adapter.RunOptions(
        keep_indexes=way != "rebuilt", progress=None if way == "silent" else _ignore
    )
    with adapter.activate(settings), engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        connection.rollback()
        context = MigrationContext.configure(connection)
        timer = _Timer()
        with context.begin_transaction():
            case.migrate(Operations(context))
        sample = timer.sample()
    engine.dispose()
    return sample


def _ignore(progress: object) -> None:
    """Be told of progress."""


def _print_table(
    rows: int,
    chosen: list[Case],
    medians: dict[tuple[str, str], Sample],
    journal: str,
) -> None:
    floor = medians["file copied", "floor"].seconds
    print(f"\n{rows:,} rows, SQLite {sqlite3.sqlite_version}, {versions()}, medians")
    print(f"journal mode {journal}; load {os.getloadavg()[0]:.1f} at the end")
    print(f"copying the file takes {floor:.3f} s; MiB: peak beyond an idle process;")
    print("the bounds are for a million rows; the processor's time of both, in the")
    print("column beside, depends less on what else the machine does\n")
    print(
        "| change | ours, s | Flask-Migrate, s | by hand, s"
        " | of Flask-Migrate's (bound) | of its CPU | of by hand | MiB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for case in chosen:
        for way in ("ours", *LABELS):
            if (case.name, way) not in medians:
                continue
            ours = medians[case.name, way]
            theirs = medians[case.name, "theirs"].seconds
            cpu = ours.cpu / medians[case.name, "theirs"].cpu
            hand = medians[case.name, "hand"].seconds
            label = case.name + LABELS.get(way, "")
            bound = 1.05 if way == "rebuilt" else case.bound
            print(
                f"| {label} | {ours.seconds:.4f} | {theirs:.4f} | {hand:.4f}"
                f" | {ours.seconds / theirs:.3f} ({bound:.2f}) | {cpu:.3f}"
                f" | {ours.seconds / hand:.2f} | {ours.mebibytes:.0f} |",
                flush=True,
            )


def _draw(
    path: pathlib.Path,
    chosen: list[Case],
    results: dict[int, dict[tuple[str, str], Sample]],
) -> None:
    """Draw the seconds of all ways over the number of rows, a field for each change."""
    from matplotlib import pyplot

    pyplot.rcParams["svg.fonttype"] = "none"  # text stays text, and the file small
    figure, fields = pyplot.subplots(
        (len(chosen) + 3) // 4, 4, figsize=(14, 3 * ((len(chosen) + 3) // 4))
    )
    for case, field in zip(chosen, fields.flat, strict=False):
        for way, (label, style) in LINES.items():
            sizes = sorted(results)
            taken = [results[size].get((case.name, way)) for size in sizes]
            seconds = [sample.seconds for sample in taken if sample is not None]
            if len(seconds) == len(sizes):
                field.loglog(sizes, seconds, style, label=label)
        field.set_title(case.name, fontsize=9)
    lines, labels = fields.flat[-1].get_legend_handles_labels()
    figure.legend(lines, labels, loc="upper center", ncols=len(LINES), frameon=False)
    figure.supxlabel("rows")
    figure.supylabel("seconds")
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path)


if __name__ == "__main__":
    main()

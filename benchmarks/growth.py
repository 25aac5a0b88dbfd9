"""How the time of a change grows with what it concerns, and with what it does not.

Each case is run with a size, twice it and four times it, by this project and by
Flask-Migrate (Alembic) in turns, on fresh files in one process. Printed are the seconds
of CPU, the ratio of the two, and by what the time grew with each doubling: about 2 is
linear, about 1 does not depend on it, 4 is the square::

    python benchmarks/growth.py
    python benchmarks/growth.py --cases "columns added" "column added, other tables"
"""

from __future__ import annotations

import argparse
import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import time
import typing as t

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from processes import versions

from flask_batchmigrate.sqlite import adapter

Migration = cabc.Callable[[t.Any, int], None]


@dataclasses.dataclass(frozen=True)
class Case:
    """A change, as a migration.

    :param sizes: what it is measured with, each twice the one before.
    :param build: returns the script that makes the database of a size.
    :param migrate: makes the change.
    :param growth: by what the time may grow with a doubling.
    :param bound: what the biggest may take in seconds, where there is a bound.
    """

    name: str
    sizes: tuple[int, ...]
    build: cabc.Callable[[int], str]
    migrate: Migration
    growth: float = 2.5
    bound: float | None = None


def wide(n: int) -> str:
    """A table of n columns and one more."""
    columns = ", ".join(f"c{i} VARCHAR(20)" for i in range(n))
    return f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});"


def generated(n: int) -> str:
    """A table of n columns that are computed."""
    columns = ", ".join(f"g{i} INTEGER AS (a + {i})" for i in range(n))
    return f"CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20), {columns});"


def triggers(n: int) -> str:
    """A table with n triggers."""
    tables = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE log (x);"
    body = "BEGIN INSERT INTO log VALUES (new.a); END;"
    return tables + "".join(
        f"CREATE TRIGGER tr{i} AFTER UPDATE OF a ON t {body}" for i in range(n)
    )


def others(n: int) -> str:
    """A small table among n others, each with a key and an index."""
    return "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20));" + "".join(
        f"CREATE TABLE o{i} (id INTEGER NOT NULL, name VARCHAR(50) NOT NULL,"
        f" o_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(o_id) REFERENCES o0 (id));"
        f"CREATE INDEX ix_o{i}_name ON o{i} (name);"
        for i in range(n)
    )


def others_and_dependants(n: int) -> str:
    """The same with views and triggers on the others."""
    return others(n) + "".join(
        f"CREATE VIEW v{i} AS SELECT id, name FROM o{i};"
        f"CREATE TRIGGER tr{i} AFTER INSERT ON o{i}"
        f" BEGIN UPDATE o{i} SET name = 'x' WHERE id = new.id; END;"
        for i in range(n)
    )


def long_text(n: int) -> str:
    """A table whose text is of n kilobytes."""
    comment = "-- " + "x" * 60 + "\n"
    lines = "".join(
        f"    c{i} VARCHAR(20), {comment * 160}" for i in range(max(1, n // 10))
    )
    return f"CREATE TABLE t (id INTEGER PRIMARY KEY,\n{lines} a VARCHAR(20));"


def _in_a_block(change: Migration) -> Migration:
    def migrate(op: t.Any, n: int) -> None:
        with op.batch_alter_table("t") as batch:
            change(batch, n)

    return migrate


def _each(change: cabc.Callable[[t.Any, int], None]) -> Migration:
    def migrate(op: t.Any, n: int) -> None:
        with op.batch_alter_table("t") as batch:
            for number in range(n):
                change(batch, number)

    return migrate


def _new(number: int) -> sa.Column[t.Any]:
    return sa.Column(f"new{number}", sa.String(20))


def _add_one(op: t.Any, n: int) -> None:
    op.add_column("t", _new(0))


def _index_one(op: t.Any, n: int) -> None:
    op.create_index("ix_t_a", "t", ["a"])


def _reorder(op: t.Any, n: int) -> None:
    order = tuple(f"c{i}" for i in reversed(range(n)))
    with op.batch_alter_table("t", partial_reordering=[order]) as batch:
        batch.alter_column("c0", nullable=True)


def _widen(name: str) -> Migration:
    return _in_a_block(
        lambda b, n: b.alter_column(
            name, existing_type=sa.String(20), type_=sa.String(40)
        )
    )


def _history(op: t.Any, n: int) -> None:
    """What most revisions do: make a table and an index, and add a column."""
    for number in range(n):
        if number % 2 == 0:
            op.create_table(
                f"made{number}",
                sa.Column("id", sa.Integer(), nullable=False),
                sa.Column("name", sa.String(50), nullable=False),
                sa.PrimaryKeyConstraint("id"),
            )
            op.create_index(f"ix_made{number}", f"made{number}", ["name"])
        else:
            op.add_column(f"made{number - 1}", sa.Column("more", sa.String(20)))


CASES = (
    Case("column added, other tables", (50, 100, 200), others, _add_one, 2.0, 0.002),
    Case(
        "column added, other views and triggers",
        (50, 100, 200),
        others_and_dependants,
        _add_one,
    ),
    Case("index created, other tables", (50, 100, 200), others, _index_one),
    Case("type widened, other tables", (50, 100, 200), others, _widen("a")),
    Case("type widened, generated columns", (60, 120, 240), generated, _widen("a")),
    Case("columns reordered", (475, 950, 1900), wide, _reorder),
    Case(
        "defaults set",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.alter_column(f"c{i}", server_default="x")),
    ),
    Case(
        "types changed",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.alter_column(f"c{i}", type_=sa.Integer())),
    ),
    Case(
        "NOT NULL set",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.alter_column(f"c{i}", nullable=False)),
    ),
    Case(
        "columns added", (60, 120, 240), wide, _each(lambda b, i: b.add_column(_new(i)))
    ),
    Case(
        "columns dropped",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.drop_column(f"c{i}")),
    ),
    Case(
        "columns renamed",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.alter_column(f"c{i}", new_column_name=f"d{i}")),
    ),
    Case(
        "constraints added",
        (60, 120, 240),
        wide,
        _each(lambda b, i: b.create_check_constraint(f"ck{i}", f"c{i} <> 'x'")),
    ),
    Case(
        "column renamed, triggers",
        (100, 200, 400),
        triggers,
        _in_a_block(lambda b, n: b.alter_column("a", new_column_name="z")),
    ),
    Case("type widened, long text", (1000, 2000, 4000), long_text, _widen("a")),
    Case("column added, long text", (1000, 2000, 4000), long_text, _add_one),
    Case("history of n revisions", (44, 88, 176), lambda n: "", _history, 3.0),
)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--smallest", action="store_true", help="one size of each case")
    options = parser.parse_args()
    print(f"SQLite {sqlite3.sqlite_version}, {versions()}, medians, seconds of CPU\n")
    print("| change | size | ours | growth | Flask-Migrate | growth | ratio | bound |")
    print("|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if case.name in options.cases:
            sizes = case.sizes[: 1 if options.smallest else None]
            _print_case(case, sizes, options.samples)


def _print_case(case: Case, sizes: cabc.Iterable[int], samples: int) -> None:
    earlier: tuple[float | None, float | None] = (None, None)
    for size in sizes:
        ours, theirs = _measure(case, size, samples)
        growth = [
            f"x {now / before:.1f}" if now and before else ""
            for now, before in zip((ours, theirs), earlier, strict=True)
        ]
        last = size == case.sizes[-1]
        bounds = [f"x {case.growth}"]
        if case.bound is not None and last:
            bounds.append(f"{case.bound:.3f} s")
        stated = "stops" if theirs is None else f"{theirs:.4f}"
        ratio = "" if theirs is None or ours is None else f"{ours / theirs:.2f}"
        mine = "stops" if ours is None else f"{ours:.4f}"
        print(
            f"| {case.name} | {size} | {mine} | {growth[0]} | {stated} | {growth[1]}"
            f" | {ratio} | {', '.join(bounds)} |",
            flush=True,
        )
        earlier = (ours, theirs)


def _measure(case: Case, size: int, samples: int) -> tuple[float | None, float | None]:
    taken: dict[bool, list[float]] = {True: [], False: []}
    script = case.build(size)
    for _ in range(samples + 1):
        for ours, found in taken.items():
            seconds = _once(script, case, size, ours)
            if seconds is not None:
                found.append(seconds)
    # What the first of each does for all that follow is not the change's.
    ours, theirs = (
        statistics.median(found[1:]) if found[1:] else None for found in taken.values()
    )
    return ours, theirs


def _once(script: str, case: Case, size: int, ours: bool) -> float | None:
    """Make the change once; nothing is returned where it cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "growth.db")
        with contextlib.closing(sqlite3.connect(path)) as made:
            made.executescript(script)
        engine = sa.create_engine(f"sqlite:///{path}")
        with contextlib.ExitStack() as stack:
            stack.callback(engine.dispose)
            if ours:
                stack.enter_context(adapter.activate())
            connection = stack.enter_context(engine.connect())
            context = MigrationContext.configure(connection)
            with context.begin_transaction(_per_migration=not ours):
                # The lock and the schema belong to the migration, not to the change.
                Operations(context).execute("CREATE TABLE begun (x)")
                Operations(context).add_column("begun", _new(0))
                start = time.process_time()
                try:
                    case.migrate(Operations(context), size)
                except Exception as error:
                    print(f"{case.name}, {size}: {error}"[:200], file=sys.stderr)
                    return None
                return time.process_time() - start


if __name__ == "__main__":
    main()

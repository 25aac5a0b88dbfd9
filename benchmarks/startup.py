"""What starting a command costs with few and with many revisions.

Whole processes, ours and Flask-Migrate's in turns, on the same application, database
and revision files; ours once without an ``env.py`` and once with Flask-Migrate's own::

    python benchmarks/startup.py
    python benchmarks/startup.py --revisions 10 1000 --samples 9

``upgrade`` has nothing to do, ``current`` and ``heads`` look; the last row applies a
history of 200 revisions to a new SQLite file.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sqlite3
import statistics
import tempfile
import time
import typing as t

from processes import python
from processes import versions

OURS = "flask_batchmigrate"
THEIRS = "flask_migrate"
CASES = {
    "ours": (OURS, "migrations"),
    "stock": (OURS, "theirs"),
    "theirs": (THEIRS, "theirs"),
}
"""What is measured: the extension, and the folder that it works with."""
COMMANDS = ("upgrade", "current", "heads")
FROM_SCRATCH = 200

APPLICATION = """
import pathlib

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from {module} import Migrate

app = Flask(__name__)
path = pathlib.Path(__file__).parent.resolve() / "{case}.db"
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{{path}}"
db = SQLAlchemy(app)


class Thing(db.Model):
    id = db.Column(db.Integer, primary_key=True)


Migrate(app, db, directory="{directory}")
"""
REVISION = '''"""step {number}

Revision ID: {revision}
Revises: {down_revision}
Create Date: 2026-01-01 10:00:00

"""
from alembic import op
import sqlalchemy as sa


revision = {revision!r}
down_revision = {down_revision!r}
branch_labels = None
depends_on = None


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''
CHANGES = (
    (
        "op.create_table('t{n}', sa.Column('id', sa.Integer(), nullable=False),"
        " sa.Column('a', sa.String(20)), sa.PrimaryKeyConstraint('id'))",
        "op.drop_table('t{n}')",
    ),
    (
        "with op.batch_alter_table('t{n}') as batch:\n"
        "        batch.add_column(sa.Column('b', sa.Integer()))",
        "with op.batch_alter_table('t{n}') as batch:\n        batch.drop_column('b')",
    ),
    (
        "with op.batch_alter_table('t{n}') as batch:\n"
        "        batch.alter_column('a', type_=sa.String(40), nullable=False)",
        "with op.batch_alter_table('t{n}') as batch:\n"
        "        batch.alter_column('a', type_=sa.String(20), nullable=True)",
    ),
    (
        "with op.batch_alter_table('t{n}') as batch:\n"
        "        batch.create_unique_constraint('uq_t{n}', ['a'])",
        "with op.batch_alter_table('t{n}') as batch:\n"
        "        batch.drop_constraint('uq_t{n}', type_='unique')",
    ),
)
"""Four revisions make and change one table; the next four the next."""


def write_project(folder: pathlib.Path, revisions: int) -> None:
    """Write an application for each case, with the same revisions."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    down_revision: str | None = None
    for number in range(revisions):
        revision = f"{number:012x}"
        upgrade, downgrade = CHANGES[number % len(CHANGES)]
        table = number // len(CHANGES)
        (versions / f"{revision}_step.py").write_text(
            REVISION.format(
                number=number,
                revision=revision,
                down_revision=down_revision,
                upgrade=upgrade.format(n=table),
                downgrade=downgrade.format(n=table),
            )
        )
        down_revision = revision
    shutil.copytree(folder / "migrations", folder / "theirs")
    template = _their_template()
    for name, target in (("env.py", "env.py"), ("alembic.ini.mako", "alembic.ini")):
        shutil.copyfile(template / name, folder / "theirs" / target)
    for case, (module, directory) in CASES.items():
        (folder / f"app_{case}.py").write_text(
            APPLICATION.format(case=case, module=module, directory=directory)
        )


def _their_template() -> pathlib.Path:
    import flask_migrate

    return pathlib.Path(flask_migrate.__file__).parent / "templates" / "flask"


def stamp(folder: pathlib.Path, revisions: int) -> None:
    """Say in every database that everything is applied."""
    for case in CASES:
        connection = sqlite3.connect(folder / f"{case}.db")
        connection.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"
        )
        connection.execute(
            "INSERT INTO alembic_version VALUES (?)", (f"{revisions - 1:012x}",)
        )
        connection.commit()
        connection.close()


class Sample(t.NamedTuple):
    """The seconds of one process, by the clock and of the processor."""

    wall: float
    cpu: float


def run(folder: pathlib.Path, case: str, command: str) -> Sample:
    """Run one command in a process of its own."""
    before, start = os.times(), time.perf_counter()
    python("-m", "flask", "--app", f"app_{case}.py", "db", command, folder=folder)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system
    return Sample(wall, cpu - before.children_user - before.children_system)


def compare(label: str, samples: int, measure: t.Callable[[str], Sample]) -> None:
    """Measure all cases in turns and print the ratios of the medians."""
    taken: dict[str, list[Sample]] = {case: [] for case in CASES}
    for _ in range(samples):
        for case, found in taken.items():
            found.append(measure(case))
    ours, stock, theirs = (
        Sample(
            statistics.median(s.wall for s in found),
            statistics.median(s.cpu for s in found),
        )
        for found in taken.values()
    )
    print(
        f"| {label} | {ours.wall:.3f} | {stock.wall:.3f} | {theirs.wall:.3f}"
        f" | {ours.wall / theirs.wall:.2f} | {stock.wall / theirs.wall:.2f}"
        f" | {ours.cpu / theirs.cpu:.2f} | {stock.cpu / theirs.cpu:.2f} |",
        flush=True,
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--revisions", type=int, nargs="+", default=[10, 100, 1000, 5000]
    )
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    print(f"{versions()}, medians of {options.samples}\n")
    print(
        "| command | ours, s | with its env.py, s | Flask-Migrate, s"
        " | of Flask-Migrate's | with its env.py"
        " | processor time, of Flask-Migrate's | with its env.py |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for revisions in options.revisions:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_project(folder, revisions)
            stamp(folder, revisions)
            for case in CASES:
                run(folder, case, "history")  # compiles the files
            for command in COMMANDS:
                compare(
                    f"{command}, {revisions:,} revisions",
                    options.samples,
                    lambda case, c=command, f=folder: run(f, case, c),
                )
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_project(folder, FROM_SCRATCH)

        def from_scratch(case: str) -> Sample:
            (folder / f"{case}.db").unlink(missing_ok=True)
            return run(folder, case, "upgrade")

        for case in CASES:
            from_scratch(case)
        compare(f"{FROM_SCRATCH} from scratch", options.samples, from_scratch)


if __name__ == "__main__":
    main()

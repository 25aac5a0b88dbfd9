"""What ``flask db migrate`` costs with few and with many tables.

Whole processes, ours and Flask-Migrate's, on the same models and a SQLite file that has
them but for a column. Ours includes the proof of the script. The CPU of the fastest of
some runs is compared, since that does not depend on what else the machine does::

    python benchmarks/generation.py
    python benchmarks/generation.py --tables 10 --samples 1
"""

from __future__ import annotations

import argparse
import pathlib
import resource
import tempfile

from processes import python
from processes import versions

MODULES = ("flask_batchmigrate", "flask_migrate")
#: How many times Flask-Migrate's CPU may be used, by the number of tables.
BOUNDS = {10: 1.2, 200: 1.5}

APPLICATION = """
import pathlib

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from {module} import Migrate

app = Flask(__name__)
path = pathlib.Path(__file__).parent.resolve() / "{module}.db"
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{{path}}"
db = SQLAlchemy(app)
for number in range({tables}):
    columns = [
        sa.Column(f"c{{i}}", sa.String(50), index=i == 0, nullable=i % 2 == 0)
        for i in range(8)
    ]
    if number:
        key = sa.ForeignKey(f"t{{number - 1}}.id")
        columns.append(sa.Column("parent", sa.Integer, key))
    if {changed} and number == {tables} // 2:
        columns.append(sa.Column("new", sa.Integer))
    db.Table(f"t{{number}}", sa.Column("id", sa.Integer, primary_key=True), *columns)

Migrate(app, db, directory="{module}_migrations")
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, nargs="+", default=sorted(BOUNDS))
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    print(f"{versions()}\n")
    print("| Tables | Flask-BatchMigrate | Flask-Migrate | Ratio | Bound |")
    print("|---|---|---|---|---|")
    for tables in options.tables:
        with tempfile.TemporaryDirectory() as path:
            ours, theirs = (
                measure(pathlib.Path(path), module, tables, options.samples)
                for module in MODULES
            )
        cells = [tables, f"{ours:.2f} s", f"{theirs:.2f} s", f"{ours / theirs:.2f}"]
        print("|", " | ".join(map(str, [*cells, BOUNDS.get(tables, "")])), "|")


def measure(folder: pathlib.Path, module: str, tables: int, samples: int) -> float:
    """Return the CPU of the fastest run, in seconds."""

    def write(changed: bool) -> None:
        text = APPLICATION.format(module=module, tables=tables, changed=changed)
        (folder / f"{module}_app.py").write_text(text)

    def run(*command: str) -> float:
        before = _cpu()
        app = f"{module}_app"
        python("-m", "flask", "--app", app, "db", *command, folder=folder)
        return _cpu() - before

    write(changed=False)
    run("init")
    run("migrate", "-m", "start")
    run("upgrade")
    write(changed=True)
    scripts = folder / f"{module}_migrations" / "versions"
    taken = []
    for number in range(samples + 1):
        before = set(scripts.glob("*.py"))
        taken.append(run("migrate", "-m", f"change {number}"))
        for path in set(scripts.glob("*.py")) - before:
            path.unlink()
    # The first run compiles the modules.
    return min(taken[1:])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

"""What the extension costs a process that only starts: time and memory.

Each sample is a new interpreter that first loads Flask and Flask-SQLAlchemy and makes
an application, and then measures the import of one migration extension together with
``init_app``. Both extensions are measured in turns, so that a busy machine is busy
for both::

    python benchmarks/import_cost.py [samples]
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys

from processes import python
from processes import versions

SAMPLE = """
import importlib, json, resource, sys, time
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask("app")
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy()
db.init_app(app)

def memory():
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024

memory_before, time_before = memory(), time.perf_counter()
importlib.import_module(sys.argv[1]).Migrate().init_app(app, db)
time_after, memory_after = time.perf_counter(), memory()
print(json.dumps([time_after - time_before, memory_after - memory_before]))
"""

OURS = "flask_batchmigrate"
THEIRS = "flask_migrate"


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """The medians of all samples of one extension."""

    milliseconds: float
    mebibytes: float


def sample(module: str) -> tuple[float, int]:
    """One interpreter's cost of the module, in seconds and bytes."""
    seconds, size = json.loads(python("-c", SAMPLE, module))
    return seconds, size


def measure(samples: int) -> dict[str, Cost]:
    """The cost of both extensions, measured in turns."""
    found: dict[str, list[tuple[float, int]]] = {OURS: [], THEIRS: []}
    for module in found:
        sample(module)  # writes the compiled files
    for _ in range(samples):
        for module, costs in found.items():
            costs.append(sample(module))
    return {
        module: Cost(
            statistics.median(seconds for seconds, _ in costs) * 1000,
            statistics.median(size for _, size in costs) / 2**20,
        )
        for module, costs in found.items()
    }


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    costs = measure(samples)
    print(f"import + init_app, median of {samples} processes; {versions()}\n")
    print(f"{'':20}{'ms':>10}{'MiB':>10}")
    for module, cost in costs.items():
        print(f"{module:20}{cost.milliseconds:10.1f}{cost.mebibytes:10.2f}")
    ours, theirs = costs[OURS], costs[THEIRS]
    time_ratio = ours.milliseconds / theirs.milliseconds
    memory_ratio = ours.mebibytes / theirs.mebibytes
    print(f"{'ratio':20}{time_ratio:10.3f}{memory_ratio:10.3f}")


if __name__ == "__main__":
    main()

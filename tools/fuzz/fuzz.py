"""Runs random examples for a long time: ``python -m tools.fuzz.fuzz --seconds 600``.

Each example has a seed, so that a failure can be run again with ``--seed``.
"""

from __future__ import annotations

import argparse
import collections
import functools
import re
import time
import traceback

from tests.sqlite.alembic_route import alter_by_alembic
from tests.sqlite.offline_route import compare_script
from tests.sqlite.random_choices import from_seed
from tests.sqlite.random_emphasis import CONVERSIONS
from tests.sqlite.random_emphasis import COPIES
from tests.sqlite.random_emphasis import EVEN
from tests.sqlite.random_example import alter
from tests.sqlite.random_example import Discard
from tests.sqlite.random_example import run_example
from tests.sqlite.random_example import STANDARD
from tests.sqlite.random_example import Wrong

PROGRESS = 2_000
EMPHASES = {"even": EVEN, "conversions": CONVERSIONS, "copies": COPIES}


def main() -> int:
    """Run examples until the time is over; report what came of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, help="run this one example")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--alembic", action="store_true", help="through Alembic")
    parser.add_argument("--offline", action="store_true", help="by the SQL of --sql")
    parser.add_argument("--apsw", action="store_true", help="by the library of APSW")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many")
    parser.add_argument(
        "--emphasis", choices=EMPHASES, default="even", help="what there is more of"
    )
    parser.add_argument("--kinds", action="store_true", help="show one of each kind")
    options = parser.parse_args()
    run = alter_by_alembic if options.alembic else alter
    library = STANDARD
    if options.apsw:
        from tools.fuzz.newest import NEWEST

        library = NEWEST
    example = functools.partial(
        run_example, run=run, library=library, emphasis=EMPHASES[options.emphasis]
    )
    if options.offline:
        example = compare_script
    if options.seed is not None:
        print(example(from_seed(options.seed)))
        return 0
    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    end, seed, failures = time.monotonic() + options.seconds, options.start, 0
    while time.monotonic() < end and failures < options.failures:
        try:
            counts[example(from_seed(seed))] += 1
        except Discard:
            counts["discarded"] += 1
        except Exception as problem:
            failures += 1
            kind = re.sub(r"'[^']*'|\d+", "_", str(problem))[:110]
            kinds[kind] += 1
            if not options.kinds or kinds[kind] == 1:
                print(f"--- seed {seed}\n{problem!s}", flush=True)
                if not isinstance(problem, Wrong):
                    traceback.print_exc()
        seed += 1
        if (seed - options.start) % PROGRESS == 0:
            print(f"{seed - options.start} examples, {failures} failures", flush=True)
    for kind, count in kinds.most_common() if options.kinds else ():
        print(f"{count:8} failures: {kind}")
    for outcome, count in counts.most_common():
        print(f"{count:8} {outcome}")
    print(f"{sum(counts.values()) + failures} examples, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Has Python look for reference cycles less often while a command runs.

A migration reads many statements into small values that live as long as it takes to
look at them, and makes no cycles of them. With Python's usual thresholds the collector
goes over all of the application again and again for nothing, a tenth of the time that
a long history takes: https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import gc

THRESHOLD = 10_000
"""How many more objects than now there have to be before the collector looks."""


@contextlib.contextmanager
def rarely_collecting() -> cabc.Iterator[None]:
    """Collect less often inside the block, unless the user chose differently."""
    usual = gc.get_threshold()
    if 0 < usual[0] < THRESHOLD:
        gc.set_threshold(THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)

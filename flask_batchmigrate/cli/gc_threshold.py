"""Makes Python look for reference cycles less often while a command runs.

A migration parses many statements into small, short-lived values that form no cycles.
With Python's default thresholds, the collector still searches the whole application
again and again, which takes a tenth of the time of a long history:
https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import gc

#: How many new objects there have to be before the collector runs.
THRESHOLD = 10_000


@contextlib.contextmanager
def rarely_collecting() -> cabc.Iterator[None]:
    """Collect less often inside the block, unless the user chose a higher threshold."""
    thresholds = gc.get_threshold()
    if 0 < thresholds[0] < THRESHOLD:
        gc.set_threshold(THRESHOLD, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)

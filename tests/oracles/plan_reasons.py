"""What a plan has to say for itself where it copies a table."""

from __future__ import annotations

import re
import typing as t

_REASON: t.Final = re.compile(
    r"[A-Za-z][\w, -]+ \('(?P<subject>.+)'\): \w.+", re.DOTALL
)
"""Matches a difference, what it is about, and why it needs the way."""


def unexplained(reason: str, texts: str | None = None) -> list[str]:
    """Say what is missing in the reason for a copy.

    :param texts: the stored statements before and after it, as one text, to look for
        the thing in that the reason names.
    """
    found = _REASON.fullmatch(reason)
    if found is None or "_batchmigrate_" in reason:
        return [f"a copy is not explained by {reason!r}"]
    if texts is not None and found["subject"] not in " ".join(texts.split()):
        return [f"a copy is explained by something that is not there: {reason!r}"]
    return []

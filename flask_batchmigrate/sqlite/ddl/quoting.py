"""Writes names as SQL; apart, since it takes no knowledge of SQL's words."""

from __future__ import annotations


def always_quoted(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'

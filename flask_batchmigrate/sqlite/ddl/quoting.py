"""Writes names as SQL, without knowing SQL's keywords."""

from __future__ import annotations


def always_quoted(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'

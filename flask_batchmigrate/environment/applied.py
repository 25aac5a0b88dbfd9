"""Tells which revisions of a migrations folder a database has."""

from __future__ import annotations

import collections.abc as cabc

from alembic.script import Script
from alembic.script import ScriptDirectory


def applied_revisions(
    scripts: ScriptDirectory, history: cabc.Iterable[Script], current: tuple[str, ...]
) -> set[str] | None:
    """Return the revisions that a database has; None where one has no file.

    :param history: all revisions.
    :param current: those that are stored.
    """
    by_id = {script.revision: script for script in history}
    if set(current) - by_id.keys():
        return None
    applied: set[str] = set()
    ahead = [by_id[name] for name in current]
    while ahead:
        script = ahead.pop()
        if script.revision not in applied:
            applied.add(script.revision)
            ahead += _before(scripts, script)
    return applied


def _before(scripts: ScriptDirectory, script: Script) -> list[Script]:
    """Return what a revision follows and depends on."""
    names: list[str] = []
    for each in (script.down_revision, script.dependencies):
        names += [each] if isinstance(each, str) else (each or ())
    return [found for found in scripts.get_revisions(names) if found is not None]

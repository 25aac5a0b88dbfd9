"""Answers questions about the revisions of a folder."""

from __future__ import annotations

import typing as t

from alembic.script import Script
from alembic.script import ScriptDirectory

from ..environment.invocation import Invocation
from ..errors import UnknownRevision
from ..results import RevisionInfo


def describe(
    script: Script, is_current: bool = False, next: tuple[Script, ...] = ()
) -> RevisionInfo:
    """Return a revision with its position in the history."""
    return RevisionInfo(
        script,
        script.is_head,
        is_current,
        script.is_branch_point,
        script.is_merge_point,
        next,
    )


def resolve(call: Invocation, revision: str) -> list[Script]:
    """Return the scripts that a symbol means; it may be ``current``."""
    scripts = call.scripts()
    if revision == "current":
        return [
            script for database in call.look(scripts) for script in database.scripts
        ]
    revisions = scripts.get_revisions(revision)
    return [script for script in revisions if script is not None]


def history(
    call: Invocation, rev_range: str | None, indicate_current: bool
) -> list[RevisionInfo]:
    """Return the revisions of a range, newest first.

    :raises UnknownRevision: the range cannot be read.
    """
    if rev_range is not None and rev_range.count(":") != 1:
        raise UnknownRevision(
            f"A range of revisions is '<from>:<to>', not '{rev_range}'"
        )
    base, _, head = (rev_range or "").strip().partition(":")
    scripts = call.scripts()
    stored: tuple[str, ...] = ()
    if indicate_current or "current" in (base, head):
        stored = call.current_ids(scripts)
    if head == "current" and not stored:
        return []
    start: t.Any = stored if base == "current" else base
    end: t.Any = stored if head == "current" else head
    in_range = scripts.walk_revisions(base=start or "base", head=end or "heads")
    return [describe(script, script.revision in stored) for script in in_range]


def branch_points(scripts: ScriptDirectory) -> list[RevisionInfo]:
    """Return the revisions that several others follow."""
    return [
        describe(
            script,
            next=tuple(scripts.get_revision(name) for name in sorted(script.nextrev)),
        )
        for script in scripts.walk_revisions()
        if script.is_branch_point
    ]


def steps_back(scripts: ScriptDirectory, revision: str) -> str:
    """Return the target of a downgrade as Alembic spells it.

    :raises UnknownRevision: the number of steps is zero.
    """
    digits = revision.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return revision
    if revision == digits:
        for script in scripts.walk_revisions():
            exact = script.revision == digits
            if exact or (len(digits) > 3 and script.revision.startswith(digits)):
                return script.revision
    if not int(digits):
        raise UnknownRevision(
            f"'{revision}' is neither a revision nor a number of steps"
        )
    return f"-{int(digits)}"

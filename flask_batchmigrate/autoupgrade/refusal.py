"""The reasons for which requests are refused."""

from __future__ import annotations

import typing as t

from ..value_classes import value_class

if t.TYPE_CHECKING:
    from ..status import DatabaseStatus


@value_class
class Refusal:
    """The reason for which requests are refused.

    :param reason: one line that says what to do.
    :param error: the error of the upgrade, if it failed.
    """

    reason: str
    error: Exception | None = None


def newer_than_code(status: DatabaseStatus) -> str:
    """Return a sentence about a database at a revision that the code does not have."""
    return (
        f"Database '{status.database}' is at revision '{', '.join(status.current)}', "
        "which has no file: it is newer than the code, or of another branch of it."
    )


def behind_code(status: DatabaseStatus) -> str:
    """Return a sentence about the revisions that a database lacks."""
    if status.state == "newer":
        return newer_than_code(status)
    if status.state == "unstamped":
        return (
            f"Database '{status.database}' has tables but no stored revision. "
            "Run 'flask db stamp <revision>' with the revision that they correspond to."
        )
    names = ", ".join(f"'{each.revision}'" for each in status.pending)
    return (
        f"Database '{status.database}' lacks revision {names}. Run 'flask db upgrade'."
    )

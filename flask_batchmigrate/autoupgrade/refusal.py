"""Why requests are not served."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ..status import DatabaseStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why requests are not served.

    :param reason: the line to act on.
    :param error: the error of the upgrade, if it is one.
    """

    reason: str
    error: Exception | None = None


def newer_than_code(status: DatabaseStatus) -> str:
    """Say that a database is at a revision that the code does not have."""
    return (
        f"Database '{status.database}' is at revision '{', '.join(status.current)}', "
        "which has no file: it is newer than the code, or of another branch of it."
    )


def behind_code(status: DatabaseStatus) -> str:
    """Return what a database lacks, in a sentence."""
    if status.state == "newer":
        return newer_than_code(status)
    if status.state == "unstamped":
        return (
            f"Database '{status.database}' has tables but no revision is stored in it. "
            "Run 'flask db stamp <revision>' with the revision that they correspond to."
        )
    names = ", ".join(f"'{each.revision}'" for each in status.pending)
    return f"Database '{status.database}' lacks {names}. Run 'flask db upgrade'."

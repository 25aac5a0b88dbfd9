"""Works out in what state a run that failed left the databases."""

from __future__ import annotations

import dataclasses
import typing as t

from ..sqlite.errors import Left
from ..sqlite.errors import State
from ..sqlite.errors import TransactionError
from ..sqlite.errors import UNCHANGED
from ..sqlite.errors import UNKNOWN

if t.TYPE_CHECKING:
    from .run_state import Run

_KINDS: t.Final = {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}


def own_state(error: Exception, session: Run | None) -> State | None:
    """Return what a transaction of SQLite says of the state, if that is more."""
    if not isinstance(error, TransactionError):
        return None
    if error.state != UNCHANGED:
        return dataclasses.replace(error.state, revisions=_committed(session))
    done = [t.name for t in session.transactions if t.commits] if session else []
    if not done:
        return None
    # They are other databases: nothing was committed in that of the error.
    return State(
        Left.COMMITTED,
        f"It was not changed; {', '.join(done)} had been migrated before it and stays "
        "so. Run the command again to complete it.",
        _committed(session),
    )


def state_of(session: Run | None) -> State:
    """Return what an error left behind that no revision's script caused."""
    if session is None or session.unchanged:
        return UNCHANGED
    progress = session.progress
    if progress.committed:
        said = "What ran before it was committed."
        return State(Left.COMMITTED, said, _committed(session))
    is_certain = session.can_begin_again and not progress.is_uncertain
    return UNCHANGED if is_certain else UNKNOWN


def state_after_script(session: Run, line: int | None) -> State:
    """Return what a failed revision left behind.

    :param line: where it failed.
    """
    if session.unchanged:
        return UNCHANGED
    if not session.undoes_tables:
        target = session.reached
        kind = "This database" if target is None else _KINDS.get(target.dialect, "It")
        where = "the error" if line is None else f"line {line}"
        said = (
            f"{kind} does not undo changes of tables: what the revision did before "
            f"{where} stays, and so do the revisions before it; the revision itself is "
            f"not stored. Undo by hand what it did, or take that out of the script, "
            "and run the command again."
        )
        return State(Left.COMMITTED, said, _committed(session))
    if session.progress.committed:
        said = "What ran before it was committed."
        return State(Left.COMMITTED, said, _committed(session))
    return UNKNOWN


def _committed(session: Run | None) -> tuple[str, ...]:
    return () if session is None else session.progress.revisions

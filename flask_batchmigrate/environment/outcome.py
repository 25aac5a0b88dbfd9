"""Works out the state in which a failed run left the databases."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import UNCERTAIN
from ..sqlite.errors import EngineError
from ..sqlite.errors import Left
from ..sqlite.errors import State
from ..sqlite.errors import TransactionError
from ..sqlite.errors import UNCHANGED
from ..sqlite.errors import UNKNOWN

if t.TYPE_CHECKING:
    from .run_state import Run

_KINDS: t.Final = {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}
_BEFORE: t.Final = State(Left.COMMITTED, "What ran before it was committed.")


def own_state(error: Exception, session: Run | None) -> State | None:
    """Return the state that an error of the SQLite engine knows better than the run."""
    if session is None or not isinstance(error, EngineError):
        return None
    if error.state != UNCHANGED:
        is_known = isinstance(error, TransactionError)
        return _with_revisions(error.state, session) if is_known else None
    if not (session.progress.has_stored or session.progress.is_uncertain):
        # The error may be one of the commit, which the run takes for done.
        return UNCHANGED
    done = [t.name for t in session.transactions if t.commits]
    if not (done and isinstance(error, TransactionError)):
        is_known = session.undoes_tables and not session.progress.is_uncertain
        return _with_revisions(_BEFORE, session) if is_known else None
    # They are other databases: nothing was committed in that of the error.
    return State(
        Left.COMMITTED,
        f"That database was not changed; {', '.join(done)} had been migrated before it "
        "and will not be undone. Run the command again to complete the rest.",
        session.progress.revisions,
    )


def state_of(session: Run | None) -> State:
    """Return what an error left behind that no revision's script caused."""
    if session is None or session.unchanged:
        return UNCHANGED
    progress = session.progress
    if progress.committed:
        # It may be that very commit that has failed.
        return UNCERTAIN
    is_certain = session.can_begin_again and not progress.is_uncertain
    return UNCHANGED if is_certain else UNKNOWN


def state_after_script(session: Run, line: int | None) -> State:
    """Return what a failed revision left behind.

    :param line: where it failed.
    """
    if session.unchanged:
        return UNCHANGED
    if not session.undoes_tables:
        dialect = session.reached.dialect if session.reached else ""
        kind = _KINDS.get(dialect, "This database")
        where = "the error" if line is None else f"line {line}"
        said = (
            f"{kind} does not undo changes of tables: what the revision did before "
            f"{where} stays, and so do the revisions before it; the revision itself is "
            "not stored. Undo by hand what it did, or take that out of the script, and "
            "run the command again."
        )
        return _with_revisions(State(Left.COMMITTED, said), session)
    if session.progress.committed:
        return _with_revisions(_BEFORE, session)
    return UNKNOWN


def _with_revisions(state: State, session: Run) -> State:
    return dataclasses.replace(state, revisions=session.progress.revisions)

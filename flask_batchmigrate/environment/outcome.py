"""Works out the state in which a failed run left the databases."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import UNCERTAIN
from ..sqlite.errors import EngineError
from ..sqlite.errors import Outcome
from ..sqlite.errors import State
from ..sqlite.errors import TransactionError
from ..sqlite.errors import UNCHANGED
from ..sqlite.errors import UNKNOWN

if t.TYPE_CHECKING:
    from .run_state import Run

_KINDS: t.Final = {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}
_BEFORE: t.Final = State(Outcome.COMMITTED, "What ran before it was committed.")


def own_state(error: Exception, run: Run | None) -> State | None:
    """Return the state that an error of the SQLite engine has, if it is more exact."""
    if run is None or not isinstance(error, EngineError):
        return None
    if error.state != UNCHANGED:
        is_known = isinstance(error, TransactionError)
        return _with_revisions(error.state, run) if is_known else None
    if not (run.commits.has_stored or run.commits.is_uncertain):
        # The error may come from the commit, which the run has already counted.
        return UNCHANGED
    done = [t.name for t in run.transactions if t.commits]
    if not (done and isinstance(error, TransactionError)):
        is_known = run.undoes_tables and not run.commits.is_uncertain
        return _with_revisions(_BEFORE, run) if is_known else None
    # Those are other databases: nothing was committed in the one with the error.
    return State(
        Outcome.COMMITTED,
        f"That database was not changed; {', '.join(done)} had been migrated before it "
        "and will not be undone. Run the command again to complete the rest.",
        run.commits.revisions,
    )


def state_of(run: Run | None) -> State:
    """Return the state after an error that no revision's script caused."""
    if run is None or run.unchanged:
        return UNCHANGED
    commits = run.commits
    if commits.committed:
        # The commit itself may have failed.
        return UNCERTAIN
    is_certain = run.can_begin_again and not commits.is_uncertain
    return UNCHANGED if is_certain else UNKNOWN


def state_after_script(run: Run, line: int | None) -> State:
    """Return the state after a revision failed.

    :param line: the line of the script that failed.
    """
    if run.unchanged:
        return UNCHANGED
    if not run.undoes_tables:
        dialect = run.reached.dialect if run.reached else ""
        kind = _KINDS.get(dialect, "This database")
        where = "the error" if line is None else f"line {line}"
        said = (
            f"{kind} does not undo changes of tables: what the revision did before "
            f"{where} stays, and so do the revisions before it; the revision itself is "
            "not stored. Undo by hand what it did, or take that out of the script, and "
            "run the command again."
        )
        return _with_revisions(State(Outcome.COMMITTED, said), run)
    if run.commits.committed:
        return _with_revisions(_BEFORE, run)
    return UNKNOWN


def _with_revisions(state: State, run: Run) -> State:
    return dataclasses.replace(state, revisions=run.commits.revisions)

"""Makes the errors and warnings of a migration's transaction.

Each function takes the name of the database, in the form that begins a sentence, and
how many transactions of the run were committed before.
"""

from __future__ import annotations

import typing as t

from ..errors import NotWritable
from ..errors import Outcome
from ..errors import State
from ..errors import TransactionError
from ..errors import UNCHANGED

if t.TYPE_CHECKING:
    from .authorizer import Denied


def at(script: str | None) -> str:
    """Write the line of a script in brackets, where it is known."""
    return f" ({script})" if script else ""


def state(commits: int) -> State:
    """Return the state of the databases after this many transactions of the run."""
    if not commits:
        return UNCHANGED
    count = "1 transaction" if commits == 1 else f"{commits} transactions"
    return State(
        Outcome.COMMITTED,
        f"What was committed before ({count}) stays, nothing else was changed.",
    )


def locked(name: str, seconds: float, commits: int) -> TransactionError:
    """Say that the lock was not free in time."""
    return TransactionError(
        f"{name} was in use by another connection for {seconds:g} seconds",
        "stop the program that reads or writes it, or wait longer",
        state=state(commits),
    )


def uncommittable(
    name: str, reason: object, commits: int, orphans: str = ""
) -> TransactionError:
    """Say that SQLite refused the COMMIT.

    :param orphans: the first rows that break a foreign key, where that is why.
    """
    remedy = "Add the parents, or clear the column in these rows." if orphans else ""
    rows = f": {orphans}" if orphans else ""
    return TransactionError(
        f"The migration of {name} could not be committed: {reason}{rows}",
        remedy,
        state=state(commits),
    )


def refused(name: str, refusal: Denied, commits: int) -> TransactionError:
    """Say that a statement was refused because it would have ended the transaction."""
    return TransactionError(
        f"The script ran {refusal.statement}{at(refusal.script)}, which would end the "
        f"transaction of the migration of {name} half-way",
        "run single statements with 'op.execute()', and use "
        "'op.get_bind().begin_nested()' for a transaction inside it. 'executescript()' "
        "and a change of the isolation level commit, too.",
        state=state(commits),
    )


def outside(name: str, refusal: Denied, commits: int) -> TransactionError:
    """Say that a statement on the driver's connection cannot run in a transaction."""
    return TransactionError(
        f"The script ran {refusal.statement}{at(refusal.script)} by the driver, which "
        f"SQLite does not run inside the transaction of the migration of {name}",
        "run it with 'op.execute()', so that it waits for the commit",
        state=state(commits),
    )


def premature(name: str, refusal: Denied, commits: int) -> TransactionError:
    """Say that a statement was refused because the transaction had not begun."""
    return TransactionError(
        f"The script wrote by the driver of {name}{at(refusal.script)} before the "
        "transaction of its revision had begun",
        "run its first statement with 'op.execute()'",
        state=state(commits),
    )


def lost(name: str, reason: str, commits: int) -> TransactionError:
    """Say that the transaction was rolled back before the migration ended."""
    return TransactionError(
        f"The transaction of the migration of {name} was rolled back: {reason}",
        state=state(commits),
    )


def ended(name: str) -> TransactionError:
    """Say that the transaction has ended, where the driver does not say why."""
    return TransactionError(
        f"The transaction of the migration of {name} was ended by a statement of the "
        "script",
        "Use 'op.execute()', without COMMIT, ROLLBACK and 'executescript()'.",
        state=State(Outcome.UNKNOWN, "What ran before it may be committed."),
    )


def second(name: str, script: str | None, commits: int) -> TransactionError:
    """Say that the lock of the migration stops a second connection."""
    return TransactionError(
        f"The script uses a second connection{at(script)} to {name}, which the "
        "migration has locked",
        "use the connection 'op.get_bind()', or 'db.session'",
        state=state(commits),
    )


def unwritable(name: str, reason: object, commits: int) -> NotWritable:
    """Say that SQLite could not write the file, or a file beside it."""
    return NotWritable(
        f"{name} cannot be written: {reason}",
        "Give the program write access to the file and its folder, and room on the "
        "disk.",
        state=state(commits),
    )


def query_only(name: str, commits: int) -> TransactionError:
    """Say that a statement was refused because of a pragma of the script."""
    return TransactionError(
        f"'PRAGMA query_only' is on, so nothing can be written to {name}: a migration "
        "has to store its revision",
        "Switch it off before the script ends.",
        state=state(commits),
    )


def still_enforced(
    name: str, table: str, script: str | None, commits: int
) -> TransactionError:
    """Say that a statement would fire an action that the script has switched off."""
    return TransactionError(
        f"'PRAGMA foreign_keys = OFF' has no effect inside the migration of {name}"
        f"{at(script)} before Python 3.12, so this statement on '{table}' would change"
        " rows of the tables that refer to it",
        "Changes of tables need no such pragma: remove it, or delete and update the"
        " rows of the other tables first, or use Python 3.12 or later.",
        state=state(commits),
        table=table,
    )


def uncopied(name: str, where: str, commits: int) -> TransactionError:
    """Say that a statement can run neither inside the transaction nor after it.

    :param where: the script's line, in brackets.
    """
    return TransactionError(
        f"The script runs VACUUM INTO{where}, which SQLite does not run inside the "
        f"transaction of the migration of {name}",
        "make the copy before the command, or after it",
        state=state(commits),
    )


def without_engine(name: str, lack: str) -> str:
    """Warn that the engine cannot work with a driver."""
    return (
        f"{name} is migrated as Alembic does it, because {lack}: what SQLAlchemy does "
        "not know of a table is lost where the table is copied, and a failure is not "
        "undone. Make a backup, or use another driver."
    )

"""What the user is told when a migration's transaction cannot go on."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .authorizer import Denied


def at(script: str | None) -> str:
    """Put a script's line in brackets, where it is known."""
    return f" ({script})" if script else ""


def state(commits: int) -> str:
    """Say what is stored, after so many transactions of the run were committed."""
    if not commits:
        return "Nothing was changed."
    count = "1 transaction" if commits == 1 else f"{commits} transactions"
    return f"What was committed before ({count}) stays, nothing else was changed."


def locked(name: str, seconds: float, commits: int) -> str:
    """The lock was not free in time."""
    return (
        f"{name} was in use by another connection for {seconds:g} seconds: stop the "
        f"program that reads or writes it, or wait longer. {state(commits)}"
    )


def uncommittable(name: str, reason: object, commits: int) -> str:
    """SQLite refused the COMMIT."""
    return f"The migration of {name} could not be committed: {reason}. {state(commits)}"


def refused(name: str, refusal: Denied, commits: int) -> str:
    """A statement that would have ended the transaction was refused."""
    return (
        f"The script ran {refusal.statement}{at(refusal.script)}, which would end the "
        f"transaction of the migration of {name} half-way: run single statements with "
        "'op.execute()', and use 'op.get_bind().begin_nested()' for a transaction "
        "within. 'executescript()' and a change of the isolation level commit, too. "
        f"{state(commits)}"
    )


def outside(name: str, refusal: Denied, commits: int) -> str:
    """A statement on the driver's connection is not for a transaction."""
    return (
        f"The script ran {refusal.statement}{at(refusal.script)} by the driver, which "
        f"SQLite does not take inside the transaction of the migration of {name}: run "
        f"it with 'op.execute()', so that it waits for the commit. {state(commits)}"
    )


def premature(name: str, refusal: Denied, commits: int) -> str:
    """A statement was refused because the transaction had not begun."""
    return (
        f"The script wrote by the driver of {name}{at(refusal.script)} before the "
        "transaction of its revision had begun: run its first statement with "
        "'op.execute()'. "
        f"{state(commits)}"
    )


def lost(name: str, reason: str, commits: int) -> str:
    """The transaction was rolled back before the migration ended."""
    return (
        f"The transaction of the migration of {name} was rolled back: {reason}. "
        f"{state(commits)}"
    )


def ended(name: str) -> str:
    """The transaction has ended, on a driver that cannot say how."""
    return (
        f"The transaction of the migration of {name} was ended by a statement of the "
        "script: what ran before it may be committed. Use 'op.execute()', without "
        "COMMIT, ROLLBACK and 'executescript()'."
    )


def second(name: str, script: str | None, commits: int) -> str:
    """A second connection met the lock of the migration."""
    return (
        f"The script uses a second connection{at(script)} to {name}, which the "
        "migration has locked: use the connection 'op.get_bind()', or 'db.session'. "
        f"{state(commits)}"
    )


def unwritable(name: str, reason: object, commits: int) -> str:
    """SQLite could not write the file, or one beside it."""
    return (
        f"{name} cannot be written: {reason}. Give the program write access to the "
        f"file and its folder, and room on the disk. {state(commits)}"
    )


def query_only(name: str, commits: int) -> str:
    """A statement was refused because of a pragma of the script."""
    return (
        f"'PRAGMA query_only' is on, so nothing can be written to {name}: a migration "
        "has to store its revision. Switch it off before the script ends. "
        f"{state(commits)}"
    )


def still_enforced(name: str, table: str, script: str | None, commits: int) -> str:
    """A statement would fire what the script has switched off."""
    return (
        f"'PRAGMA foreign_keys = OFF' has no effect inside the migration of {name}"
        f"{at(script)} before Python 3.12, so this statement on '{table}' would change"
        " rows of the tables that refer to it. Changes of tables need no such pragma:"
        " remove it, or delete and update the rows of the other tables first, or use"
        f" Python 3.12 or later. {state(commits)}"
    )


def without_engine(name: str, lack: str) -> str:
    """A driver does not let the engine do its work."""
    return (
        f"{name} is migrated as Alembic does it, because {lack}: what SQLAlchemy does "
        "not know of a table is lost where the table is copied, and a failure is not "
        "undone. Make a backup, or use another driver."
    )

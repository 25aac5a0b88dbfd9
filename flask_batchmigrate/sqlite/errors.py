"""The errors of the SQLite engine, and the base of all the project's errors.

A leaf: it imports nothing of the project.
"""

from __future__ import annotations

import enum
import pathlib
import typing as t

from ..value_classes import value_class


class Outcome(enum.Enum):
    """The state in which an error left the databases, in a word."""

    UNCHANGED = "unchanged"
    """They are as they were before the command."""
    COMMITTED = "committed"
    """Some of the work was committed, and stays."""
    UNKNOWN = "unknown"
    """The state is not known, or has to be looked up."""


@value_class
class State:
    """The state in which an error left the databases.

    :param outcome: the state in a word.
    :param text: the state in sentences, for the end of the message; empty where there
        is nothing to say.
    :param revisions: the ids of the revisions that were committed, in order, where
        they are known.
    """

    outcome: Outcome
    text: str = ""
    revisions: tuple[str, ...] = ()


UNCHANGED: t.Final = State(Outcome.UNCHANGED, "Nothing was changed.")
UNKNOWN: t.Final = State(Outcome.UNKNOWN)


def render(problem: str, remedy: str, state: State, *, state_last: bool) -> str:
    """Make the message of an error: the one place where its parts become sentences.

    :param problem: what is wrong and where, with or without its full stop.
    :param remedy: what to do. A remedy that begins with a small letter follows the
        problem after a colon, unless the state comes between them.
    :param state: the state of the databases.
    :param state_last: whether the state comes after the remedy, not before it.
    """
    if state.text and not state_last:
        remedy = remedy[:1].upper() + remedy[1:]
        parts = [_sentence(problem), state.text, _sentence(remedy)]
    elif remedy[:1].islower():
        parts = [_sentence(f"{problem}: {remedy}"), state.text]
    else:
        parts = [_sentence(problem), _sentence(remedy), state.text]
    return " ".join(filter(None, parts))


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the singular or the plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


_Error = t.TypeVar("_Error", bound="DescribedError")


class DescribedError(Exception):
    """An error that carries what a person needs to act on it.

    The message is made of these parts, so no program has to read it.

    :param problem: what is wrong, and where.
    :param remedy: what to do about it, where that can be said.
    :param state: the state of the databases; by default that of the class.
    :param table: the table that is concerned. This and the following are ``None``
        where they are not known, or where there is none.
    :param column: the column.
    :param revision: the id of the revision.
    :param path: the file.
    :param line: the line in the file, counted from 1.
    :param bind: the bind key; that of the default bind is the empty string.
    """

    state: State = UNKNOWN
    #: Whether the message has the state after the remedy, not before it.
    state_last: bool = False

    def __init__(
        self,
        problem: str,
        remedy: str = "",
        *,
        state: State | None = None,
        table: str | None = None,
        column: str | None = None,
        revision: str | None = None,
        path: pathlib.Path | None = None,
        line: int | None = None,
        bind: str | None = None,
    ) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy
        if state is not None:
            self.state = state
        self.table = table
        self.column = column
        self.revision = revision
        self.path = path
        self.line = line
        self.bind = bind

    def __str__(self) -> str:
        return render(self.problem, self.remedy, self.state, state_last=self.state_last)

    def __reduce__(self) -> tuple[t.Any, ...]:
        # Exceptions are pickled by their arguments, and these carry more than that.
        return _unpickled, (type(self), self.args), self.__dict__


def _unpickled(kind: type[_Error], args: tuple[t.Any, ...]) -> _Error:
    return kind.__new__(kind, *args)


class EngineError(DescribedError):
    """Base of every error that the engine raises; its message is one line."""

    state_last = True


class SqlTextError(EngineError):
    """A stored statement could not be read with certainty, so it is not edited.

    :param message: what was not understood.
    :param sql: the statement.
    :param offset: the place in it, in characters from its start.
    """

    def __init__(self, message: str, sql: str, offset: int) -> None:
        near = sql[offset : offset + 30].strip() or "the end of the statement"
        super().__init__(f"{message} near {near!r} (character {offset + 1})")
        self.message = message
        self.sql = sql
        self.offset = offset

    def of(self, what: str) -> SqlTextError:
        """Return the same error with the name of the object that has the text.

        :param what: the object: ``"view 'v'"``.
        """
        return SqlTextError(
            f"The text of {what}: {self.message}", self.sql, self.offset
        )


class ChangeRefused(EngineError):
    """A change cannot be made without losing something; nothing was changed."""

    state = UNCHANGED


class MissingTable(ChangeRefused):
    """There is no such table, or it cannot be altered."""


class MissingColumn(ChangeRefused, KeyError):
    """The table has no such column."""


class MissingConstraint(ChangeRefused, ValueError):
    """The table has no such constraint."""


class MissingIndex(ChangeRefused, ValueError):
    """The table has no such index."""


class AlreadyThere(ChangeRefused):
    """There is already an object of that name."""


class RowsRefused(ChangeRefused):
    """Stored rows do not fit the new definition."""


class TransactionError(EngineError):
    """The migration's transaction could not begin, ended early, or was blocked."""


class NotWritable(TransactionError):
    """The file cannot be written, or a file beside it cannot be made."""


class VerificationError(EngineError):
    """The result is not what was planned: a defect of the engine.

    :param table: the table that was changed.
    :param what: how the result differs, as the end of a sentence.
    """

    state = State(Outcome.UNCHANGED, "Everything was rolled back.")

    def __init__(self, table: str, what: str) -> None:
        super().__init__(
            f"Internal error: after the change of table '{table}' {what}",
            "Please report this with the table's CREATE TABLE statement and the"
            " migration.",
            table=table,
        )


class UnsupportedLibrary(EngineError):
    """The SQLite library in use is older than the engine supports."""

    state = UNCHANGED

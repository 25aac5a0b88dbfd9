"""What the SQLite engine raises. A leaf: it imports nothing of the project."""

from __future__ import annotations


class EngineError(Exception):
    """Base of every error the engine raises; the message is one line to act on."""

    def __str__(self) -> str:
        # KeyError, which one of them is too, would show the message in quotes.
        return str(self.args[0]) if self.args else ""


class SqlTextError(EngineError):
    """A stored statement could not be read with certainty, so it is not edited.

    :param message: what was not understood.
    :param sql: the statement.
    :param offset: where in it, in characters from its start.
    """

    def __init__(self, message: str, sql: str, offset: int) -> None:
        near = sql[offset : offset + 30].strip() or "the end of the statement"
        super().__init__(f"{message} near {near!r} (character {offset + 1})")
        self.message = message
        self.sql = sql
        self.offset = offset

    def of(self, what: str) -> SqlTextError:
        """Return the same error with the name of what it was met in.

        :param what: the object: ``"view 'v'"``.
        """
        return SqlTextError(
            f"The text of {what}: {self.message}", self.sql, self.offset
        )


class ChangeRefused(EngineError):
    """A change cannot be made without losing something; nothing was changed."""


class MissingTable(ChangeRefused):
    """There is no such table, or it is none that can be altered."""


class MissingColumn(ChangeRefused, KeyError):
    """The table has no such column."""


class MissingConstraint(ChangeRefused, ValueError):
    """The table has no such constraint."""


class MissingIndex(ChangeRefused, ValueError):
    """The table has no such index."""


class AlreadyThere(ChangeRefused):
    """There is something of that name already."""


class RowsRefused(ChangeRefused):
    """Rows that are already stored do not fit the new definition."""


class TransactionError(EngineError):
    """The migration's transaction could not begin, was ended early, or blocked."""


class NotWritable(TransactionError):
    """The file cannot be written, or a file beside it cannot be made."""


class VerificationError(EngineError):
    """The result is not what was planned: a defect of the engine, rolled back."""


class UnsupportedLibrary(EngineError):
    """The SQLite library in use is older than the engine supports."""

"""Savepoints in place of the commits of a script."""

from __future__ import annotations

import itertools
import types
import typing as t

import sqlalchemy as sa
from alembic.util import CommandError

from .committed_steps import CommittedSteps
from .rollback_calls import may_roll_back

_numbers: t.Final = itertools.count(1)

#: Dialects that commit implicitly at each change of a table.
_COMMITTING: t.Final = ("mysql", "mariadb")


class Savepoints:
    """Sets savepoints in place of the commits of scripts.

    :param connection: the migration's connection.
    :param commits: learns when a script has ended the transaction.
    """

    def __init__(self, connection: sa.Connection, commits: CommittedSteps) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._commits = commits
        self._start = self._point = ""
        self._number: t.Any = None
        #: Whether the savepoints are set.
        self.held = False
        #: Whether the first commit will set them.
        self._awaits_commit = False

    def begin(self, module: types.ModuleType) -> bool:
        """Set the savepoints for a script that begins, if it needs them.

        They show what happens to a transaction. On SQLite the engine knows that without
        them.

        :param module: the script's module.
        :return: False if there is no transaction.
        """
        self._awaits_commit = False
        if self._dialect.name == "sqlite" and not may_roll_back(module):
            self._awaits_commit = True
            return True
        return self.take()

    def take(self) -> bool:
        """Set the savepoints.

        :return: False if there is no transaction.
        """
        try:
            self._start, self._point = self._set(), self._set()
            if self._dialect.name in _COMMITTING:
                # In autocommit, MariaDB accepts a savepoint and drops it at once.
                self._dialect.do_rollback_to_savepoint(self._connection, self._point)
        except sa.exc.DBAPIError:
            return False
        self._number = self._transaction_number()
        self.held = True
        return True

    def commit(self) -> None:
        """Make everything done so far a part of the migration."""
        if self._awaits_commit:
            self._awaits_commit = False
            self.take()
        if not self.held:
            return
        try:
            if self._is_same_transaction():
                self._dialect.do_release_savepoint(self._connection, self._point)
                self._point = self._set()
                return
        except sa.exc.DBAPIError:
            if self._dialect.name not in _COMMITTING:
                raise
        self._lose(committed=True)

    def rollback(self) -> None:
        """Undo what was done since the last commit.

        :raises InvalidRequestError: there is no savepoint, since the script has no word
            for a rollback in its source.
        """
        if self._awaits_commit:
            raise sa.exc.InvalidRequestError(
                "A module that the script does not import itself rolled back, and the "
                "migration kept no savepoint. Put the word 'rollback' into a comment "
                "of the script, so that it keeps one."
            )
        if not self.held or self._is_lost:
            return
        try:
            self._dialect.do_rollback_to_savepoint(self._connection, self._point)
        except sa.exc.DBAPIError:
            self._connection.connection.rollback()
            self._lose(self._was_committed())

    def end(self) -> None:
        """Ignore every later commit or rollback."""
        self.held = self._awaits_commit = False

    def release(self) -> None:
        """Release the savepoints of a script that has succeeded.

        :raises InvalidRequestError: the script undid the migration.
        """
        held = self.held
        self.end()
        if not held:
            return
        if not self._is_same_transaction():
            if not self._was_committed():
                raise sa.exc.InvalidRequestError(
                    "The script rolled the transaction of the migration back by the "
                    "driver, and with it the revisions before: use "
                    "'op.get_bind().rollback()', which undoes what the script did."
                )
            self._note_commit()
            return
        try:
            self._dialect.do_release_savepoint(self._connection, self._start)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise CommandError(
                    "the connection of the migration is gone: the script has closed "
                    "it, or the server has."
                ) from error
            if self._dialect.name not in _COMMITTING:
                raise
            self._note_commit()

    def undo(self) -> None:
        """Undo what a failed script did, and note if the server has committed it.

        On SQLite the engine does this.
        """
        held = self.held
        self.end()
        # If the connection is lost, the server rolls back.
        if not held or self._dialect.name == "sqlite" or self._is_lost:
            return
        try:
            self._dialect.do_rollback_to_savepoint(self._connection, self._start)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                return
            self._connection.connection.rollback()
            if self._was_committed():
                self._note_commit()

    @property
    def _is_lost(self) -> bool:
        """Whether the connection is lost; a statement would hide the reason."""
        own = self._connection
        return own.invalidated or not own.connection.is_valid

    def _set(self) -> str:
        name = f"batchmigrate_script_{next(_numbers)}"
        self._dialect.do_savepoint(self._connection, name)
        return name

    def _lose(self, committed: bool) -> None:
        """Continue in the transaction that is open now."""
        if committed:
            self._note_commit()
        self.held = False
        self.take()

    def _note_commit(self) -> None:
        if self._dialect.name in _COMMITTING:
            self._commits.was_ended_by_server(self._connection)
        else:
            self._commits.was_committed(self._connection)

    def _transaction_number(self) -> t.Any:
        """Return the number of a transaction, on a database that has one.

        On PostgreSQL a missing savepoint is an error that aborts the transaction, so
        that savepoints cannot show which transaction is open.
        https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
        """
        if self._dialect.name != "postgresql":
            return None
        return self._connection.exec_driver_sql("SELECT txid_current()").scalar()

    def _is_same_transaction(self) -> bool:
        return bool(self._transaction_number() == self._number)

    def _was_committed(self) -> bool:
        """Return whether the transaction that has ended was committed."""
        if self._dialect.name != "postgresql":
            return True
        status = self._connection.execute(
            sa.text("SELECT txid_status(:number)"), {"number": self._number}
        ).scalar()
        return status == "committed"

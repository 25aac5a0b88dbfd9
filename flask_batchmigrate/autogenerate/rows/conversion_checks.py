"""Decides how the values of a column are converted when its type changes."""

from __future__ import annotations

import sqlalchemy as sa

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...errors import words
from ...reporting import reporter
from ..request import Request
from .conversion_trials import Unfit
from .conversion_trials import unfit
from .conversions import AlterColumn


class Conversions:
    """Finds out how values are converted: by an option, or by whoever is asked.

    :param request: the options, and who is asked.
    :param connection: a connection to the database before the upgrade.
    """

    def __init__(self, request: Request, connection: sa.Connection) -> None:
        self._request = request
        self._connection = connection
        self._given = dict(_parse(text) for text in request.conversions)
        self._refused: list[str] = []
        #: What is known of values that a conversion takes for others.
        self.changed: list[str] = []

    def take(self, change: AlterColumn) -> None:
        """Give the change of a type the expression that an option has for it."""
        place = f"{change.table_name}.{change.column_name}"
        change.using = self._given.pop(place, None)

    def misfit(
        self, change: AlterColumn, table: sa.TableClause, column: str
    ) -> str | None:
        """Describe the values that do not fit a column's new type.

        :param change: the change of the type; if nobody gave it an expression and a
            value does not fit, a person is asked for one.
        :param table: the table, by the name that the database has.
        :param column: the column, by the name that the database has.
        :return: a sentence without a full stop; None if every value fits.
        """
        place = f"{change.table_name}.{change.column_name}"
        found = self._unfit(change, table, column, place)
        if found is not None and change.using is None:
            said = found.about(place, change.modify_type)
            change.using = self._request.questioner.conversion_for(place, said)
            if change.using is not None:
                found = self._unfit(change, table, column, place)
        if found is None:
            return None
        text = found.about(place, change.modify_type)
        if found.refused:
            self._refused.append(place)
        else:
            self.changed.append(text)
        return text

    def _unfit(
        self, change: AlterColumn, table: sa.TableClause, column: str, place: str
    ) -> Unfit | None:
        try:
            return unfit(self._connection, table, column, change)
        except sa.exc.SQLAlchemyError as error:
            if change.using is None:
                reporter().note(
                    f"It is not known whether the values of '{place}' fit "
                    f"{change.modify_type!r}: {words(error)}"
                )
                return None
            raise BatchMigrateError(
                f"'--using {place}={change.using}' fails: {words(error)}",
                f"Write an expression of {self._connection.dialect.name}.",
                state=NOTHING_WRITTEN,
            ) from error

    @property
    def advice(self) -> str:
        """What else can be done about values that do not fit."""
        if not self._refused:
            return ""
        using = f"--using {self._refused[0]}=<SQL expression>"
        if self._request.dry_run:
            return f", or pass '{using}'"
        return f", or generate it anew by 'flask db migrate --amend {using}'"

    def conclude(self) -> None:
        """Warn of values that change.

        :raises BatchMigrateError: the request does not allow that, or an option names
            a column whose type does not change.
        """
        if self._given:
            places = ", ".join(f"'{place}'" for place in self._given)
            raise BatchMigrateError(
                f"'--using' for {places}: the type of no such column changes",
                "Correct the option.",
                state=NOTHING_WRITTEN,
            )
        if not self.changed:
            return
        text = "; ".join(self.changed)
        if not self._request.destructive:
            raise BatchMigrateError(
                f"The script would change values, which '--no-destructive' or "
                f"'BATCHMIGRATE_DESTRUCTIVE' forbids: {text}",
                "Say how they are converted with '--using <table>.<column>=<SQL "
                "expression>', or allow the change.",
                state=NOTHING_WRITTEN,
            )
        reporter().warning(f"The script changes values: {text}.")


def _parse(text: str) -> tuple[str, str]:
    place, _, expression = text.partition("=")
    if not expression.strip() or "." not in place:
        raise BatchMigrateError(
            f"'--using {text}' is not understood",
            "Write '<table>.<column>=<SQL expression>'.",
            state=NOTHING_WRITTEN,
        )
    return place, expression

"""Chooses the value of the rows that have none in a column that must not be NULL."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import sqlalchemy as sa

from ...errors import BatchMigrateError
from ...errors import NOTHING_WRITTEN
from ...reporting import reporter
from ...sqlite.errors import counted
from ..request import Request
from .fill_values import Clock
from .fill_values import converted
from .fill_values import Expression
from .fill_values import TypedValue
from .model_defaults import given_by
from .model_defaults import has_function
from .model_defaults import NOT_GIVEN
from .stored_names import Place


class _None:
    """The mark for a column that has no value and needs none."""


NO_VALUE: t.Final = _None()


class Values:
    """Takes values from the options, the models and whoever is asked, in this order.

    :param request: has the options.
    :param dialect: the dialect of the database.
    :param created: the tables that the revision creates, which have no rows.
    :raises BatchMigrateError: an option is not understood.
    """

    def __init__(
        self, request: Request, dialect: sa.Dialect, created: cabc.Container[Place]
    ) -> None:
        self._request = request
        self._dialect = dialect
        self._created = created
        #: The values of ``--default`` that no column has got yet.
        self._options = dict(_parse(text) for text in request.defaults)

    def has_option(self, table: str, model: sa.Column[t.Any]) -> bool:
        """Tell whether an option gives a column a value, which it has not got yet."""
        return f"{table}.{model.name}" in self._options

    def choose(self, table: str, model: sa.Column[t.Any], rows: int) -> object:
        """Return the value of the rows that have none; :data:`NO_VALUE` for no rows.

        :param table: the name of the table.
        :param rows: the number of these rows.
        :raises BatchMigrateError: there are rows, and no value is known.
        """
        place = f"{table}.{model.name}"
        if rows:
            self._refuse_new_parent(place, model, rows)
        if place in self._options:
            return converted(self._options.pop(place), model, place)
        given = given_by(model, self._dialect)
        if given is not NOT_GIVEN:
            if rows:
                _tell(table, model, given, rows)
            return given
        return self._asked(place, model, rows) if rows else NO_VALUE

    def conclude(self) -> None:
        """Refuse options for columns that got no value.

        :raises BatchMigrateError: there is one.
        """
        if self._options:
            places = ", ".join(f"'{place}'" for place in self._options)
            raise BatchMigrateError(
                f"'--default' for {places}: this revision neither adds such a "
                "column nor makes it NOT NULL, or the column is computed",
                "Correct the option.",
                state=NOTHING_WRITTEN,
            )

    def _refuse_new_parent(
        self, place: str, model: sa.Column[t.Any], rows: int
    ) -> None:
        """Refuse a foreign key for which no value can be right."""
        for key in model.foreign_keys:
            parent = key.column.table
            if (parent.schema, str(parent.name)) in self._created:
                raise BatchMigrateError(
                    f"Column '{place}' is NOT NULL and refers to '{parent.name}', "
                    "which the revision creates without rows, so there is no value "
                    f"for {counted(rows, 'row')} of the database",
                    "Let the column be NULL for now: run 'flask db migrate' and 'flask "
                    "db upgrade', give each row its value, and forbid NULL after that.",
                    state=NOTHING_WRITTEN,
                )

    def _asked(self, place: str, model: sa.Column[t.Any], rows: int) -> object:
        def problem(answer: str) -> str:
            try:
                converted(answer, model, place)
            except BatchMigrateError as error:
                return f"{error.problem}. {error.remedy}"
            return ""

        missing = (
            f"Column '{place}' is NOT NULL, and {counted(rows, 'row')} of the "
            "database would have no value for it"
        )
        later = (
            "let the column be NULL for now, give each row its value, and forbid NULL "
            "in the next revision."
        )
        if model.unique and rows > 1:
            raise BatchMigrateError(
                f"{missing}: each needs another, since the column is UNIQUE",
                f"First {later}",
                state=NOTHING_WRITTEN,
            )
        answer = self._request.questioner.value_for(place, str(model.type), problem)
        if answer is not None:
            return converted(answer, model, place)
        if model.default is not None:
            why = "nothing that a script can hold"
            if has_function(model):
                why = f"a function that gives each row another value, or {why}"
            raise BatchMigrateError(
                f"{missing}: the model's default is {why}",
                f"If all of them may have the same, run the command with '--default "
                f"{place}=<value>'; if not, {later}",
                state=NOTHING_WRITTEN,
            )
        raise BatchMigrateError(
            missing,
            f"Run the command with '--default {place}=<value>', or give the column a "
            "default.",
            state=NOTHING_WRITTEN,
        )


def _tell(table: str, model: sa.Column[t.Any], given: object, rows: int) -> None:
    """Tell which value of a function rows get, for it may be one of today only."""
    value = given.value if isinstance(given, TypedValue) else given
    is_plain = not isinstance(value, (Clock, Expression))
    if is_plain and value and has_function(model):
        reporter().note(
            f"{counted(rows, 'row')} of '{table}' will have '{value}' for "
            f"'{model.name}', which the model's default gives now."
        )


def _parse(text: str) -> tuple[str, str]:
    place, equals, value = text.partition("=")
    if not equals or "." not in place:
        raise BatchMigrateError(
            f"'--default {text}' is not understood",
            "Write '<table>.<column>=<value>'.",
            state=NOTHING_WRITTEN,
        )
    return place, value

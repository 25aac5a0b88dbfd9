"""The options of a generated revision; imports no other module of the package."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t

from ..value_classes import value_class


class Questioner(t.Protocol):
    """Answers questions that only a person can answer."""

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Tell whether something was renamed; None if nobody can tell.

        :param what: ``"column"`` or ``"table"``.
        :param old: its name in the database.
        :param new: its name in the models.
        """

    def value_for(
        self, column: str, type_: str, problem: cabc.Callable[[str], str]
    ) -> str | None:
        """Return the value that rows get for a column; None if nobody gives one.

        :param column: the column, as in ``user.age``.
        :param type_: its type, as SQL.
        :param problem: returns what is wrong with an answer; an empty text if nothing
            is.
        """

    def conversion_for(self, column: str, problem: str) -> str | None:
        """Return the SQL expression that converts values; None if nobody gives one.

        :param column: the column, as in ``user.age``.
        :param problem: what is known of its values, as a sentence without a full stop.
        """


class Nobody:
    """Answers no question, as in a pipeline or in a call of the API."""

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Return no answer."""
        return None

    def value_for(
        self, column: str, type_: str, problem: cabc.Callable[[str], str]
    ) -> str | None:
        """Return no answer."""
        return None

    def conversion_for(self, column: str, problem: str) -> str | None:
        """Return no answer."""
        return None


@value_class
class Request:
    """How a revision is generated.

    :param renames: ``users.fullname:full_name`` for a column, ``students:scholars`` for
        a table.
    :param no_rename: take no drop and addition for a rename.
    :param defaults: the values that rows get in columns without one: ``users.age=0``.
    :param conversions: the SQL expressions that convert the values of columns whose
        type changes: ``users.age=NULLIF(age, '')``.
    :param drop_unknown: drop also tables and columns that no revision mentions.
    :param destructive: write also operations that lose rows or values.
    :param dry_run: show the script, and keep no file.
    :param verify: run the script on a scratch database before it is kept.
    :param writes: write a revision; otherwise, only the differences are needed.
    :param questioner: answers the questions that the options leave open.
    """

    renames: cabc.Sequence[str] = ()
    no_rename: bool = False
    defaults: cabc.Sequence[str] = ()
    conversions: cabc.Sequence[str] = ()
    drop_unknown: bool = False
    destructive: bool = True
    dry_run: bool = False
    verify: bool = True
    writes: bool = True
    questioner: Questioner = dataclasses.field(default_factory=Nobody)

"""The options of a generated revision. A leaf."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import typing as t


class Questioner(t.Protocol):
    """Answers what only a person can know."""

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Tell whether something was renamed; None: nobody is there to tell.

        :param what: ``"column"`` or ``"table"``.
        :param old: its name in the database.
        :param new: its name in the models.
        """

    def value_for(self, column: str, type_: str) -> str | None:
        """Return the value that rows get for a column; None: nobody tells one.

        :param column: as ``user.age``.
        :param type_: its type, as SQL.
        """


class Nobody:
    """Stands for a person where there is none: in a pipeline, or behind the API."""

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Tell nothing."""
        return None

    def value_for(self, column: str, type_: str) -> str | None:
        """Tell nothing."""
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """How a revision is to be generated.

    :param renames: ``users.fullname:full_name`` for a column, ``students:scholars`` for
        a table.
    :param no_rename: what looks like a rename is none.
    :param defaults: ``users.age=0``: the values of rows for columns without one.
    :param drop_unknown: drop also what no revision of the history has made.
    :param destructive: write also what loses rows or values.
    :param dry_run: show the script, and keep no file.
    :param verify: run the script on a scratch database before it is kept.
    :param writes: a revision is written; else the difference alone is asked for.
    :param questioner: answers what is left open.
    """

    renames: cabc.Sequence[str] = ()
    no_rename: bool = False
    defaults: cabc.Sequence[str] = ()
    drop_unknown: bool = False
    destructive: bool = True
    dry_run: bool = False
    verify: bool = True
    writes: bool = True
    questioner: Questioner = dataclasses.field(default_factory=Nobody)

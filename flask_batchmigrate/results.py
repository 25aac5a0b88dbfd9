"""The values that the commands return; importing them does not load Alembic."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

if t.TYPE_CHECKING:
    from alembic.script import Script

Direction = t.Literal["upgrade", "downgrade", "stamp"]


def first_line(message: str) -> str:
    """Return the first line of a revision's message, to show it among other text."""
    return next(iter(message.splitlines()), "")


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """A migrations folder template that ``init`` can write.

    :param name: the name for ``init --template``.
    :param synopsis: the first line of the template's README.
    :param path: the folder of the template.
    """

    name: str
    synopsis: str
    path: pathlib.Path


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """One revision that was run, or stamped, on one database.

    :param bind: the bind key; ``''`` for the default bind.
    :param database: the database, without a password.
    :param direction: ``upgrade``, ``downgrade`` or ``stamp``.
    :param revision: the revision that was applied or reverted.
    :param down_revision: the revisions that it follows; empty for a first revision.
    :param message: the first paragraph of the script's docstring.
    :param seconds: the time the script took; 0 for a stamp.
    """

    bind: str
    database: str
    direction: Direction
    revision: str
    down_revision: tuple[str, ...]
    message: str
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class TablePlan:
    """How one table of a SQLite database was changed, and why in this way.

    :param table: the table's name before the change.
    :param way: ``ALTER TABLE``, ``schema edit`` or ``copy``: the cheapest safe way.
    :param reason: why a cheaper way was not safe.
    :param steps: a line for each step, with its cost.
    """

    table: str
    way: str
    reason: str
    steps: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class RevisionInfo:
    """A revision and its position in the history.

    :param script: Alembic's object; ``script.cmd_format(verbose, ...)`` prints it.
    :param is_head: no other revision follows it.
    :param is_current: a database is at this revision; only filled in by commands that
        look at the database (``history`` with ``indicate_current``).
    :param is_branch_point: several revisions follow it.
    :param is_merge_point: it follows several revisions.
    :param next: the scripts that follow it; filled in by ``branches``.
    """

    script: Script
    is_head: bool
    is_current: bool
    is_branch_point: bool
    is_merge_point: bool
    next: tuple[Script, ...] = ()

    @property
    def revision(self) -> str:
        """The revision's id."""
        return self.script.revision


@dataclasses.dataclass(frozen=True, slots=True)
class Current:
    """The current revisions of one database.

    :param bind: the bind key; ``''`` for the default bind.
    :param database: the database, without a password.
    :param heads: the ids stored in the database; empty before the first upgrade.
    :param scripts: the scripts of ``heads``, and of the revisions they depend on.
    :param is_head: the database is at every head of the migrations folder.
    """

    bind: str
    database: str
    heads: tuple[str, ...]
    scripts: tuple[Script, ...]
    is_head: bool

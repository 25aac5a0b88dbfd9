"""The values that the commands return; importing them does not load Alembic."""

from __future__ import annotations

import pathlib
import typing as t

from .value_classes import value_class

if t.TYPE_CHECKING:
    from alembic.script import Script

Direction = t.Literal["upgrade", "downgrade", "stamp"]


@value_class
class Template:
    """A migrations folder template that ``init`` can write.

    :param name: the name for ``init --template``.
    :param synopsis: the first line of the template's README.
    :param path: the folder of the template.
    """

    name: str
    synopsis: str
    path: pathlib.Path


class Sql(str):
    """The SQL of a command for all of its databases, one after the other.

    :param scripts: the SQL for each database, by the key of its first bind; ``''`` is
        the default bind. An ``env.py`` may write the SQL elsewhere.
    """

    __slots__ = ("scripts",)
    scripts: dict[str, str]

    def __new__(cls, scripts: dict[str, str]) -> Sql:
        """Join the scripts."""
        self = super().__new__(cls, "\n".join(scripts.values()))
        self.scripts = scripts
        return self


@value_class
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


@value_class
class TableStep:
    """One step of a change of a table. ``str()`` of it is one line for a person.

    :param text: what it does.
    :param cost: what it costs on a table of any size.
    :param reads_rows: it reads every row.
    :param writes_rows: it writes every row, or every one whose values it changes.
    :param is_destructive: it drops values that nothing brings back.
    """

    text: str
    cost: str
    reads_rows: bool
    writes_rows: bool
    is_destructive: bool

    def __str__(self) -> str:
        return f"{self.text} ({self.cost})"


@value_class
class TablePlan:
    """How one table of a SQLite database is changed, and why in this way.

    :param table: the table's name before the change.
    :param way: the cheapest safe one of ``ALTER TABLE``, ``schema edit``,
        ``conversion in place`` and ``copy``.
    :param reason: why a cheaper way was not safe.
    :param steps: what is done, in order.
    :param new_name: the table's name after the change.
    :param depends_on_rows: the way was chosen by what the rows hold.
    :param rows: how many rows the table has; only filled in by a rehearsal.
    :param converted: how many rows a conversion in place has written, where it does not
        write all; ``None`` also for a rehearsal without rows.
    """

    table: str
    way: str
    reason: str
    steps: tuple[TableStep, ...]
    new_name: str
    depends_on_rows: bool = False
    rows: int | None = None
    converted: int | None = None

    @property
    def rows_written(self) -> int | None:
        """How many rows are written; ``None`` where that is not known.

        A rehearsal without rows tells how many they are at most.
        """
        writing = [step for step in self.steps if step.writes_rows]
        if len(writing) == 1 and self.converted is not None:
            return self.converted
        return self.rows if writing else 0

    @property
    def scans(self) -> int:
        """How many times all rows are read, besides being written."""
        return sum(step.reads_rows and not step.writes_rows for step in self.steps)

    @property
    def is_destructive(self) -> bool:
        """Whether a step drops values that nothing brings back."""
        return any(step.is_destructive for step in self.steps)


@value_class
class Statement:
    """A statement of a script that changes something.

    :param sql: the statement.
    :param rows: how many rows it has changed, where the database says so.
    :param is_destructive: it drops a table, a column or rows.
    """

    sql: str
    rows: int | None
    is_destructive: bool


@value_class
class RehearsedRevision:
    """A revision that was rehearsed on one database.

    :param bind: the bind key; ``''`` for the default bind.
    :param database: the database, without a password.
    :param direction: ``upgrade`` or ``downgrade``.
    :param revision: its id.
    :param message: the first paragraph of the script's docstring.
    :param changes: what it does, in this order.
    :param seconds: how long it took; ``None`` where it ran without the rows.
    """

    bind: str
    database: str
    direction: Direction
    revision: str
    message: str
    changes: tuple[TablePlan | Statement, ...]
    seconds: float | None

    @property
    def is_destructive(self) -> bool:
        """Whether a change drops rows or values that nothing brings back."""
        return any(change.is_destructive for change in self.changes)


@value_class
class Rehearsal:
    """What a migration would do; nothing was stored.

    :param revisions: the revisions that would run, in order.
    :param with_rows: they ran with the rows of the databases.
    :param notes: side effects of the changes, in sentences.
    :param warnings: what would not be as it should be.
    """

    revisions: tuple[RehearsedRevision, ...]
    with_rows: bool
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@value_class
class Finding:
    """Something that ``check`` has found.

    :param kind: ``models``: they differ from what the revisions make. ``pending``: a
        database lacks revisions. ``heads``: the history has several by accident.
        ``altered``: a database is not what its revision makes.
    :param database: the database that it is about, without a password, if it is
        about one.
    :param problem: what is not as it should be.
    :param remedy: what to do about it.
    """

    kind: t.Literal["models", "pending", "heads", "altered"]
    database: str | None
    problem: str
    remedy: str

    @property
    def bit(self) -> int:
        """What it adds to the exit code of ``flask db check``."""
        return {"models": 1, "pending": 4, "heads": 8, "altered": 16}[self.kind]


@value_class
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


@value_class
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

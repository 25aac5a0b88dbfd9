"""What the ``flask db`` commands write to the terminal: the only module that prints.

Values go to standard output, everything else to standard error, so that the output of
``current`` or of ``upgrade --sql`` can be piped. The lines about revisions are
spelled as Alembic spells them, because scripts read them.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import sys
import time
import typing as t

import click

from ..autogenerate.request import Nobody
from ..autogenerate.request import Questioner
from ..reporting import Reporter
from ..results import Applied
from ..results import Direction
from ..results import TablePlan
from .progress import Progress

if t.TYPE_CHECKING:
    from alembic.script import Script


class Console:
    """Writes for one command.

    Colours appear only on a terminal, and never where ``NO_COLOR`` is set
    (https://no-color.org).

    :param quiet: leave out progress and notes; values, warnings and errors stay.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._color = False if os.environ.get("NO_COLOR") else None
        self._line_is_open = False
        self._drawn = 0
        self._error_stream_is_gone = False

    def value(self, text: str) -> None:
        """Write what the command was asked for to standard output."""
        self._close_line()
        if sys.stdout is not None:
            click.echo(_encodable(text, sys.stdout), color=self._color)

    def say(self, text: str, **style: t.Any) -> None:
        """Write a line of progress to standard error, unless quiet.

        :param style: keywords of :func:`click.style`.
        """
        if not self.quiet:
            self._close_line()
            self._error_stream(click.style(text, **style))

    @property
    def is_terminal(self) -> bool:
        """Whether standard error is a terminal, on which a line can be drawn again."""
        return sys.stderr is not None and sys.stderr.isatty()

    def begin(self, text: str) -> None:
        """Show what is being done, on a terminal, until :meth:`finish` replaces it."""
        if not self.quiet and self.is_terminal:
            self._close_line()
            self._error_stream(f"{text} ...", nl=False)
            self._line_is_open = True

    def redraw(self, text: str) -> None:
        """Show something in the place of the open line, or as one, on a terminal."""
        if not self.quiet and self.is_terminal:
            self._error_stream(f"\r{text.ljust(self._drawn)}", nl=False)
            self._line_is_open, self._drawn = True, len(text)

    def finish(self, text: str) -> None:
        """Write what was done, over the shorter line that :meth:`begin` showed."""
        if not self.quiet:
            start = "\r" if self._line_is_open else ""
            rest = " " * (self._drawn - len(click.unstyle(text)))
            self._line_is_open, self._drawn = False, 0
            self._error_stream(start + text + rest)

    def warn(self, text: str) -> None:
        """Write a warning to standard error, quiet or not."""
        self._labelled("Warning:", "yellow", text)

    def error(self, text: str) -> None:
        """Write why the command failed to standard error, quiet or not."""
        self._labelled("Error:", "red", text)

    def questioner(self) -> Questioner:
        """Return who answers questions: a person, where input and output are theirs."""
        here = sys.stdin.isatty() and sys.stderr.isatty()
        return Terminal(self) if here else Nobody()

    def ask(self, question: str) -> bool:
        """Ask a question that is answered with yes or no."""
        self._close_line()
        return click.confirm(question, err=True)

    def ask_for(self, question: str) -> str:
        """Ask for a text."""
        self._close_line()
        return str(click.prompt(question, err=True))

    def _labelled(self, label: str, color: str, text: str) -> None:
        self._close_line()
        self._error_stream(f"{click.style(label, fg=color, bold=True)} {text}")

    def _close_line(self) -> None:
        if self._line_is_open:
            self._line_is_open, self._drawn = False, 0
            self._error_stream("")

    def _error_stream(self, text: str, *, nl: bool = True) -> None:
        """Write to standard error, where there is one.

        What cannot be told is no reason to undo a migration: the reader of a pipe may
        have left, and a program without a console has no standard error at all.
        """
        if sys.stderr is None or self._error_stream_is_gone:
            return
        try:
            text = _encodable(text, sys.stderr)
            click.echo(text, err=True, nl=nl, color=self._color)
        except OSError:
            self._error_stream_is_gone = True


def _encodable(text: str, stream: t.TextIO) -> str:
    """Return a text with question marks for what a stream cannot show."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding, stream.errors or "strict")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace").decode(encoding)
    return text


class Terminal(Nobody):
    """Asks the person at the terminal.

    :param console: whose output the questions stand in.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Ask whether something was renamed."""
        return self._console.ask(f"Was {what} '{old}' renamed to '{new}'?")

    def value_for(self, column: str, type_: str) -> str | None:
        """Ask for the value that the rows get."""
        return self._console.ask_for(
            f"Column '{column}' ({type_}) must not be NULL. Value for the rows that"
            " are there"
        )


class ConsoleReporter(Reporter):
    """Shows the events of a run as lines of the command's output.

    Notes about a revision stand below its line; those about one that failed are left
    out, since what they tell of was undone.

    :param console: where to write.
    :param plans: below each revision, show how each table was changed.
    :param steps: show each revision; without, something else does (the log, as the
        user's ini file shows it) or nobody wants to know (SQL is written instead).
    """

    _TITLES: t.Final[dict[Direction, str]] = {
        "upgrade": "Upgrading",
        "downgrade": "Downgrading",
        "stamp": "Stamping",
    }

    def __init__(
        self, console: Console, *, steps: bool = True, plans: bool = False
    ) -> None:
        self.console = console
        self.steps = steps
        self.plans = plans
        self.databases: dict[str, str] = {}
        self._titled: set[tuple[str, Direction]] = set()
        self._notes: list[str] | None = None
        self._start = time.perf_counter()
        self._progress = Progress(console.is_terminal)

    @property
    def seconds(self) -> float:
        """The time since the command began."""
        return time.perf_counter() - self._start

    def names(self, binds: cabc.Container[str]) -> str:
        """Name the databases of some binds that the run has reached."""
        return " and ".join(self.databases[b] for b in self.databases if b in binds)

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        """Remember how to name the database."""
        kind = f"bind '{bind}', {dialect}" if bind else dialect
        self.databases[bind] = f"'{database}' ({kind})"

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Show the revision while it runs, on a terminal."""
        if self.steps and direction != "stamp":
            self._title(bind, direction)
            self._notes = []
            self.console.begin(f"  {revision}  {message}")

    def revision_done(self, applied: Applied) -> None:
        """Write the line of the revision, and the notes below it."""
        if not self.steps:
            return
        self._title(applied.bind, applied.direction)
        line = f"  {click.style(applied.revision, fg='yellow')}  {applied.message}"
        if applied.direction != "stamp":
            line += click.style(f"  {duration(applied.seconds)}", dim=True)
        self.console.finish(line)
        for note in self._notes or ():
            self.console.say(f"    {note}")
        self._notes = None

    def table_changed(self, plan: TablePlan) -> None:
        """Note the plan of a table, if plans are shown."""
        if self.plans:
            self.note(f"{plan.table}: {plan.way}, {plan.reason}")
            for step in plan.steps:
                self.note(f"  {step}")

    def progress(self, table: str, step: str, fraction: float, rows: int) -> None:
        """Show how far a long statement has come."""
        text = self._progress.text(table, step, fraction, rows)
        if text is not None and self._progress.is_terminal:
            self.console.redraw(text)
        elif text is not None:
            self.console.say(f"    {text}")

    def script_shown(self, text: str) -> None:
        """Write the script to standard output."""
        self.console.value(text.rstrip("\n"))

    def note(self, text: str) -> None:
        """Write a line, below the revision if one runs."""
        if self._notes is None:
            self.console.say(text)
        else:
            self._notes.append(text)

    def warning(self, text: str) -> None:
        """Write a warning."""
        self.console.warn(text)

    def waiting(self, text: str) -> None:
        """Say what is being waited for."""
        self.console.say(text, fg="cyan")

    def _title(self, bind: str, direction: Direction) -> None:
        if (bind, direction) not in self._titled:
            self._titled.add((bind, direction))
            title = f"{self._TITLES[direction]} {self.databases.get(bind, bind)}"
            self.console.say(title, bold=True)


def history_line(
    script: Script, *, verbose: bool = False, is_current: bool = False
) -> str:
    """Spell a revision as ``history`` shows it."""
    if verbose:
        return log_entry(script, is_current=is_current)
    text = script.cmd_format(
        False, include_branches=True, include_doc=True, include_parents=True
    )
    if not is_current:
        return text
    # Alembic's own spelling puts the mark after '(head)' and before the rest.
    start = script.cmd_format(
        False, include_branches=True, include_parents=True, tree_indicators=False
    )
    return f"{start} (current){text[len(start) :]}"


def log_entry(script: Script, *, is_current: bool = False) -> str:
    """Spell a revision in full, as ``show`` and the verbose forms do."""
    entry = script.log_entry
    if is_current:
        first, rest = entry.split("\n", 1)
        entry = f"{first} (current)\n{rest}"
    return entry


def head_line(script: Script, *, verbose: bool = False) -> str:
    """Spell a revision as ``heads`` shows it."""
    return script.cmd_format(verbose, include_branches=True, tree_indicators=False)


def branch_lines(
    script: Script, children: cabc.Iterable[Script], *, verbose: bool = False
) -> str:
    """Spell a branch point and what starts from it, as ``branches`` shows them."""
    indent = " " * len(script.revision)
    lines = [script.cmd_format(verbose, include_branches=True)]
    for child in children:
        text = child.cmd_format(False, include_branches=True, include_doc=verbose)
        lines.append(f"{indent} -> {text}")
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """Spell a time for people."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def counted(number: int, noun: str) -> str:
    """Spell a number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show_run(to: ConsoleReporter, done: list[Applied] | str, *, nothing: str) -> None:
    """Close the account of a command that ran revisions, or write their SQL."""
    if isinstance(done, str):
        to.console.value(done.rstrip("\n"))
    elif done:
        revisions = counted(len({each.revision for each in done}), "revision")
        binds = {each.bind for each in done}
        titled = to.steps and len(binds) == 1
        where = "" if titled else f" on {to.names(binds)}"
        to.console.say(
            f"Done: {revisions}{where} in {duration(to.seconds)}.", fg="green"
        )
    else:
        to.console.say(f"{to.names(to.databases) or 'The database'}: {nothing}")


def interrupted(error: BaseException) -> str | None:
    """Spell the end of a command that a person interrupted; None for any other.

    Python may handle Ctrl+C in a function that SQLite calls; then the KeyboardInterrupt
    is lost, and all that comes out is that the statement was interrupted.
    """
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "Interrupted."
    cause: BaseException | None = error
    while cause is not None and str(getattr(cause, "orig", cause)) != "interrupted":
        cause = cause.__cause__
    if cause is None:
        return None
    from ..errors import UNCERTAIN
    from ..errors import UNCHANGED

    is_unchanged = getattr(error, "state", None) == UNCHANGED
    return f"Interrupted. {(UNCHANGED if is_unchanged else UNCERTAIN).said}"

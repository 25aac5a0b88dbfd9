"""Writes the output of the ``flask db`` commands; no other module prints.

Values are written to standard output and everything else to standard error, so that
the output of ``current`` or of ``upgrade --sql`` can be piped. The lines about
revisions have Alembic's format, because shell scripts read them.
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
from ..reporting import first_line
from ..reporting import Reporter
from .progress import Progress
from .streams import discard
from .streams import encodable
from .streams import failing_in_one_line
from .streams import is_terminal

if t.TYPE_CHECKING:
    from alembic.script import Script

    from ..results import Applied
    from ..results import Direction
    from ..results import TablePlan


class Console:
    """Writes for one command.

    Colours appear only on a terminal, and never if ``NO_COLOR`` is set
    (https://no-color.org).

    :param quiet: leave out progress and notes; show values, warnings and errors.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._color = False if os.environ.get("NO_COLOR") else None
        self._line_is_open = False
        self._stderr_has_failed = False
        self._drawn = 0

    def value(self, text: str) -> None:
        """Write a result of the command to standard output.

        :raises click.ClickException: it cannot be written.
        """
        self._close_line()
        if sys.stdout is not None:
            with failing_in_one_line():
                click.echo(encodable(text, sys.stdout), color=self._color)

    def flush(self) -> None:
        """Write the text that standard output still buffers, as a script's ``print``.

        :raises click.ClickException: it cannot be written.
        """
        if sys.stdout is not None and not sys.stdout.closed:
            with failing_in_one_line():
                sys.stdout.flush()

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
        return is_terminal(sys.stderr)

    def begin(self, text: str) -> None:
        """Show the present step on a terminal, until :meth:`finish` replaces it."""
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
        """Write a finished step over the shorter line that :meth:`begin` showed."""
        if not self.quiet:
            start = "\r" if self._line_is_open else ""
            rest = " " * (self._drawn - len(click.unstyle(text)))
            self._line_is_open, self._drawn = False, 0
            self._error_stream(start + text + rest)

    def warn(self, text: str) -> None:
        """Write a warning to standard error, quiet or not."""
        self._labelled("Warning:", "yellow", text)

    def error(self, text: str) -> None:
        """Write an error to standard error, quiet or not."""
        self._labelled("Error:", "red", text)

    def questioner(self) -> Questioner:
        """Return one that asks the person at the terminal, if there is one."""
        has_person = is_terminal(sys.stdin) and is_terminal(sys.stderr)
        return Terminal(self) if has_person else Nobody()

    def ask(self, question: str) -> bool:
        """Ask a question whose answer is yes or no."""
        self._close_line()
        return click.confirm(question, err=True)

    def ask_for(self, question: str, default: str | None = None) -> str:
        """Ask for a text.

        :param default: what an empty answer means; None asks again.
        """
        self._close_line()
        return str(
            click.prompt(question, err=True, default=default, show_default=False)
        )

    def _labelled(self, label: str, color: str, text: str) -> None:
        self._close_line()
        self._error_stream(f"{click.style(label, fg=color, bold=True)} {text}")

    def _close_line(self) -> None:
        if self._line_is_open:
            # A bar is erased, with what the terminal has shown of Ctrl+C after it.
            end = f"\r{' ' * (self._drawn + 2)}\r" if self._drawn else "\n"
            self._line_is_open, self._drawn = False, 0
            self._error_stream(end, nl=False)

    def _error_stream(self, text: str, *, nl: bool = True) -> None:
        """Write to standard error, if there is one.

        A failure is ignored, because a message that cannot be shown is no reason to
        undo a migration: the reader of a pipe may have closed it, and a program without
        a console has no standard error at all.
        """
        if sys.stderr is None or self._stderr_has_failed:
            return
        try:
            text = encodable(text, sys.stderr)
            click.echo(text, err=True, nl=nl, color=self._color)
        except OSError:
            self._stderr_has_failed = True
            discard(sys.stderr)


class Terminal(Nobody):
    """Asks the person at the terminal.

    :param console: writes the questions.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def is_rename(self, what: str, old: str, new: str) -> bool | None:
        """Ask whether something was renamed."""
        return self._console.ask(f"Was {what} '{old}' renamed to '{new}'?")

    def value_for(
        self, column: str, type_: str, problem: cabc.Callable[[str], str]
    ) -> str | None:
        """Ask for the value that existing rows get, until it is one of the type."""
        empty = "" if problem("''") else " ('' is the empty text)"
        question = (
            f"Column '{column}' ({type_}) must not be NULL. Value for existing rows"
        )
        while text := problem(answer := self._console.ask_for(question + empty)):
            self._console.error(text)
        return answer

    def conversion_for(self, column: str, problem: str) -> str | None:
        """Ask for the expression that converts values."""
        question = f"{problem}. SQL expression that converts them (empty: none)"
        return self._console.ask_for(question, "") or None


class ConsoleReporter(Reporter):
    """Shows the events of a run as lines of the command's output.

    Notes about a revision follow its line. If the revision fails, they are left out,
    since the changes they describe were undone.

    :param console: writes the lines.
    :param plans: below each revision, show how each table was changed.
    :param steps: show each revision. It is False where the log shows them, as
        configured in the user's ini file, or where SQL is written instead.
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
        #: The database file that was reached last, and the binds that share it.
        self._file = ""
        self._sharing: list[str] = []
        #: The revision whose lines were written last; binds that share a file share it.
        self._begun = self._done = ("", "", "")
        self._start = time.perf_counter()
        self._progress = Progress(console.is_terminal)

    @property
    def seconds(self) -> float:
        """The time since the command began."""
        return time.perf_counter() - self._start

    def names(self, binds: cabc.Container[str]) -> str:
        """Return the names of the databases of those binds that the run has reached."""
        names = [name for bind, name in self.databases.items() if bind in binds]
        return " and ".join(dict.fromkeys(names))

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        """Store the name of the database for later lines."""
        is_file = dialect == "sqlite" and not database.startswith((":", "file:"))
        if not is_file or database != self._file or bind in self._sharing:
            self._file, self._sharing = database, []
        self._sharing.append(bind)
        keys = " and ".join(f"'{key}'" for key in self._sharing if key)
        if len(self._sharing) > 1:
            first = "default bind and" if "" in self._sharing else "binds"
            keys = f"{first} {keys}"
        elif bind:
            keys = f"bind {keys}"
        name = f"'{database}' ({', '.join(filter(None, [keys, dialect]))})"
        self.databases.update(dict.fromkeys(self._sharing, name))

    def revision_started(
        self, bind: str, direction: Direction, revision: str, message: str
    ) -> None:
        """Show the revision while it runs, on a terminal."""
        step = (self.databases.get(bind, bind), direction, revision)
        is_shown = self._notes is not None and step == self._begun
        if self.steps and direction != "stamp" and not is_shown:
            self._begun = step
            self._title(bind, direction)
            self._notes = []
            self.console.begin(f"  {revision}  {first_line(message)}")

    def revision_done(self, applied: Applied) -> None:
        """Write the line of the revision, and its notes below the line."""
        name = self.databases.get(applied.bind, applied.bind)
        step = (name, applied.direction, applied.revision)
        if not self.steps or step == self._done:
            return
        self._done = step
        self._title(applied.bind, applied.direction)
        message = first_line(applied.message)
        line = f"  {click.style(applied.revision, fg='yellow')}  {message}"
        if applied.direction != "stamp":
            line += click.style(f"  {duration(applied.seconds)}", dim=True)
        self.console.finish(line)
        for note in self._notes or ():
            self.console.say(f"    {note}")
        self._notes = None

    def table_changed(self, plan: TablePlan) -> None:
        """Add the plan of a table to the notes, if plans are shown."""
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
        """Write a line, below the line of the revision if one is running."""
        if self._notes is None:
            self.console.say(text)
        else:
            self._notes.append(text)

    def warning(self, text: str) -> None:
        """Write a warning."""
        self.console.warn(text)

    def waiting(self, text: str) -> None:
        """Write what the run waits for."""
        self.console.say(text, fg="cyan")

    def _title(self, bind: str, direction: Direction) -> None:
        name = self.databases.get(bind, bind)
        if (name, direction) not in self._titled:
            self._titled.add((name, direction))
            title = f"{self._TITLES[direction]} {name}"
            self.console.say(title, bold=True)


def history_line(
    script: Script, *, verbose: bool = False, is_current: bool = False
) -> str:
    """Return a revision as ``history`` shows it."""
    if verbose:
        return log_entry(script, is_current=is_current)
    text = script.cmd_format(False, include_branches=True, include_parents=True)
    if is_current:
        # Alembic itself puts the mark after '(head)' and before the rest.
        start = script.cmd_format(
            False, include_branches=True, include_parents=True, tree_indicators=False
        )
        text = f"{start} (current){text[len(start) :]}"
    return f"{text}, {first_line(script.doc)}"


def log_entry(script: Script, *, is_current: bool = False) -> str:
    """Return a revision in full, as ``show`` and the verbose forms show it."""
    entry = script.log_entry
    if is_current:
        first, rest = entry.split("\n", 1)
        entry = f"{first} (current)\n{rest}"
    return entry


def head_line(script: Script, *, verbose: bool = False) -> str:
    """Return a revision as ``heads`` shows it."""
    return script.cmd_format(verbose, include_branches=True, tree_indicators=False)


def branch_lines(
    script: Script, children: cabc.Iterable[Script], *, verbose: bool = False
) -> str:
    """Return a branch point and the revisions after it, as ``branches`` shows them."""
    indent = " " * len(script.revision)
    lines = [script.cmd_format(verbose, include_branches=True)]
    for child in children:
        text = child.cmd_format(False, include_branches=True)
        if verbose:
            text = f"{text}, {first_line(child.doc)}"
        lines.append(f"{indent} -> {text}")
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """Return a time in seconds or minutes, to read."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"

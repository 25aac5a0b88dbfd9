"""Shows what a migration would do: the options ``--plan`` and ``--dry-run``."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import itertools
import json
import shutil
import textwrap
import typing as t

import click

from .. import commands
from ..sqlite.errors import counted
from . import options
from .console import ConsoleReporter
from .console import duration

if t.TYPE_CHECKING:
    from ..results import Direction
    from ..results import Rehearsal
    from ..results import RehearsedRevision
    from ..results import Statement
    from ..results import TablePlan

asked: t.Final = options.joined(
    click.option(
        "--plan",
        is_flag=True,
        help="Only show the revisions, and what each does to which table; change"
        " nothing.",
    ),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Like --plan, on a copy with all rows: shows times, and rows that do not"
        " fit.",
    ),
    options.as_json,
)

_WIDEST: t.Final = 100
_LONGEST: t.Final = 240


def is_asked(arguments: dict[str, t.Any]) -> bool:
    """Tell whether a migration is only to be rehearsed.

    :param arguments: the options of the command.
    :raises click.UsageError: the options exclude each other.
    """
    rehearses = arguments["plan"] or arguments["dry_run"]
    if arguments["as_json"] and not rehearses:
        raise click.UsageError("'--json' needs '--plan' or '--dry-run'.")
    if rehearses and arguments["sql"]:
        raise click.UsageError("'--sql' and a rehearsal exclude each other.")
    return bool(rehearses)


def rehearse(
    to: ConsoleReporter,
    direction: t.Literal["upgrade", "downgrade"],
    directory: str | None,
    arguments: dict[str, t.Any],
) -> None:
    """Rehearse a migration, and write what it would do to standard output.

    :param arguments: the options of the command.
    """
    to.steps = False
    rehearsal = commands.rehearse(
        direction,
        arguments["revision"],
        arguments["dry_run"],
        directory,
        tag=arguments["tag"],
    )
    if arguments["as_json"]:
        to.console.value(json.dumps(_as_json(rehearsal), indent=2))
        return
    if not rehearsal.revisions:
        to.console.value(f"{to.names(to.databases)}: nothing to {direction}.")
        return
    for line in _lines(rehearsal):
        to.console.value(line)
    for warning in rehearsal.warnings:
        to.console.warn(warning)
    from ..errors import UNCHANGED

    to.console.say(UNCHANGED.text, fg="green")


def _as_json(rehearsal: Rehearsal) -> dict[str, t.Any]:
    from ..results import TablePlan

    values = dataclasses.asdict(rehearsal)
    revisions = zip(values["revisions"], rehearsal.revisions, strict=True)
    for value, revision in revisions:
        value["is_destructive"] = revision.is_destructive
        for written, change in zip(value["changes"], revision.changes, strict=True):
            if isinstance(change, TablePlan):
                written["rows_written"], written["scans"] = (
                    change.rows_written,
                    change.scans,
                )
                written["is_destructive"] = change.is_destructive
    return values


def _lines(rehearsal: Rehearsal) -> cabc.Iterator[str]:
    for (database, bind), group in itertools.groupby(
        rehearsal.revisions, key=lambda each: (each.database, each.bind)
    ):
        revisions = list(group)
        title = _TITLES[revisions[0].direction]
        where = f" (bind '{bind}')" * bool(bind)
        what = f"{title} '{database}'{where}: {counted(len(revisions), 'revision')}"
        yield click.style(what, bold=True)
        for revision in revisions:
            yield from _revision(revision)
    for note in rehearsal.notes:
        yield from _wrapped(f"Note: {note}", "  ", "    ")
    # A revision may run on several databases.
    losing = {each.revision for each in rehearsal.revisions if each.is_destructive}
    if losing:
        text = f"! {counted(len(losing), 'revision')} would lose rows or values."
        yield click.style(text, fg="red")


_TITLES: t.Final[dict[Direction, str]] = {
    "upgrade": "Would upgrade",
    "downgrade": "Would downgrade",
    "stamp": "Would stamp",
}


def _revision(revision: RehearsedRevision) -> cabc.Iterator[str]:
    # Every application loads this module when it starts, but few rehearse.
    from ..results import TablePlan

    took = ""
    if revision.seconds is not None:
        took = click.style(f"  {duration(revision.seconds)}", dim=True)
    name = click.style(revision.revision, fg="yellow")
    yield f"  {name}  {revision.message}{took}"
    for change in revision.changes:
        if isinstance(change, TablePlan):
            yield from _table(change)
        else:
            yield from _statement(change)


def _table(plan: TablePlan) -> cabc.Iterator[str]:
    costs = [plan.way, _rows_written(plan)]
    if plan.scans:
        costs.append(counted(plan.scans, "scan"))
    yield from _marked(f"{plan.table}: {', '.join(costs)}", plan.is_destructive)
    yield from _wrapped(plan.reason, "        ", "        ")
    for step in plan.steps:
        yield from _wrapped(f"- {step}", "        ", "          ")


def _rows_written(plan: TablePlan) -> str:
    if plan.rows is None:
        return "rows are written" if plan.rows_written is None else "no row is written"
    is_known = plan.way != "conversion in place" or plan.converted is not None
    at_most = "" if is_known else "at most "
    return f"{at_most}{plan.rows_written or 0:,} of {counted(plan.rows, 'row')} written"


def _statement(statement: Statement) -> cabc.Iterator[str]:
    text = textwrap.shorten(statement.sql, _LONGEST, placeholder=" ...")
    if statement.rows is not None:
        text += f" ({counted(statement.rows, 'row')})"
    yield from _marked(text, statement.is_destructive)


def _marked(text: str, is_destructive: bool) -> cabc.Iterator[str]:
    """Wrap the text of a change, after a mark if the change loses rows or values."""
    mark = "  ! " if is_destructive else "    "
    for number, line in enumerate(_wrapped(text, mark, "      ")):
        loud = is_destructive and not number
        yield click.style(line, fg="red") if loud else line


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text,
        max(40, width),
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )

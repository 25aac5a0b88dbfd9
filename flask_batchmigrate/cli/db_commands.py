"""The ``flask db`` commands: each calls one function and prints what it returns."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import click

from .. import commands
from . import options
from . import rehearsal
from .console import branch_lines
from .console import Console
from .console import ConsoleReporter
from .console import head_line
from .console import history_line
from .console import log_entry
from .group import command
from .outcome import show_run
from .outcome import show_sql
from .status_command import show_pending

if t.TYPE_CHECKING:
    from alembic.script import Script


def _show_written(console: Console, scripts: cabc.Iterable[Script]) -> None:
    for script in scripts:
        console.value(f"Generating {script.path} ...  done")


def _real(given: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of a run that is no rehearsal."""
    return {name: given[name] for name in ("revision", "sql", "tag")}


@command()
def list_templates(to: ConsoleReporter, directory: str | None) -> None:
    """List the templates that "init --template" takes."""
    to.console.value("Available templates:\n")
    for template in commands.list_templates():
        to.console.value(f"{template.name} - {template.synopsis}")


@command(
    click.option(
        "--multidb", is_flag=True, help="Write scripts for several databases."
    ),
    click.option(
        "-t",
        "--template",
        default=None,
        help='Template to use: a name, or the path of a folder (default: "flask").',
    ),
    click.option("--package", is_flag=True, help="Make the folder a Python package."),
)
def init(to: ConsoleReporter, directory: str | None, **arguments: t.Any) -> None:
    """Write a migrations folder to customise.

    You do not need it to begin with: "migrate" makes the folder by itself.
    """
    path = commands.init(directory, **arguments)
    to.console.say(f"The migrations folder is '{path}'.", fg="green")


@command(
    click.option(
        "--autogenerate",
        is_flag=True,
        help="Fill it with the differences between the models and the database.",
    ),
    options.script,
)
def revision(to: ConsoleReporter, directory: str | None, **arguments: t.Any) -> None:
    """Write a new, empty revision."""
    _show_written(to.console, commands.revision(directory, **arguments))


@command(
    options.script,
    options.generated,
    click.option(
        "--check",
        is_flag=True,
        help="Only fail if a revision would be written; write none.",
    ),
)
def migrate(
    to: ConsoleReporter, directory: str | None, check: bool, **arguments: t.Any
) -> None:
    """Write a revision with the differences from the models."""
    if check:
        commands.check(directory)
        to.console.value("No new upgrade operations detected.")
        return
    request = options.request(arguments, to.console.questioner())
    _show_written(to.console, commands.migrate(directory, request=request, **arguments))


@command(options.revision("head"))
def edit(to: ConsoleReporter, directory: str | None, revision: str) -> None:
    """Open a revision's file in the editor.

    REVISION is an id, "head" (the default) or "current".
    """
    commands.edit(directory, revision)


@command(
    options.message,
    options.branch_label,
    options.rev_id,
    click.option("--splice", is_flag=True, help="Allow revisions that are not heads."),
    options.revisions,
)
def merge(
    to: ConsoleReporter,
    directory: str | None,
    revisions: tuple[str, ...],
    **arguments: t.Any,
) -> None:
    """Join heads with a new revision.

    REVISIONS are the heads to join (default: all heads).
    """
    _show_written(to.console, [commands.merge(directory, revisions, **arguments)])


@command(
    options.sql,
    options.tag,
    options.plans,
    rehearsal.asked,
    click.option(
        "--check",
        is_flag=True,
        help="Only exit with 1 if revisions are pending, and 2 after an error; change"
        " nothing.",
    ),
    options.revision("head"),
)
def upgrade(
    to: ConsoleReporter,
    directory: str | None,
    verbose: bool,
    check: bool,
    **arguments: t.Any,
) -> None:
    """Bring the databases to a later revision.

    REVISION is an id, "head" (the default), "heads", or steps such as "+1"; with --sql
    also a range "<from>:<to>".
    """
    if rehearsal.is_asked(arguments):
        rehearsal.rehearse(to, "upgrade", directory, arguments)
        return
    if check:
        show_pending(to, directory)
    to.plans = verbose
    done = commands.upgrade(directory, **_real(arguments))
    show_run(to, done, nothing="nothing to upgrade.")


@command(
    options.sql,
    options.tag,
    options.plans,
    rehearsal.asked,
    options.revision("-1"),
    cls=options.StepsCommand,
)
def downgrade(
    to: ConsoleReporter, directory: str | None, verbose: bool, **arguments: t.Any
) -> None:
    """Take the databases back to an earlier revision.

    REVISION is an id, "base", or the number of steps to take back, as "2" or "-2"
    (default: one); with --sql also a range "<from>:<to>".
    """
    if rehearsal.is_asked(arguments):
        rehearsal.rehearse(to, "downgrade", directory, arguments)
        return
    to.plans = verbose
    done = commands.downgrade(directory, **_real(arguments))
    show_run(to, done, nothing="nothing to downgrade.")


@command(options.revision("head"))
def show(to: ConsoleReporter, directory: str | None, revision: str) -> None:
    """Show a revision in full.

    REVISION is an id, "head" (the default), "heads" or "current".
    """
    for script in commands.show(directory, revision):
        to.console.value(log_entry(script))


@command(
    click.option(
        "-r",
        "--rev-range",
        default=None,
        metavar="[START]:[END]",
        help='The part of the history to list; START and END may be "current".',
    ),
    options.verbose,
    click.option(
        "-i",
        "--indicate-current",
        is_flag=True,
        help="Mark the current revisions of the databases.",
    ),
)
def history(
    to: ConsoleReporter,
    directory: str | None,
    rev_range: str | None,
    verbose: bool,
    indicate_current: bool,
) -> None:
    """List the revisions, newest first."""
    for info in commands.history(directory, rev_range, verbose, indicate_current):
        to.console.value(
            history_line(info.script, verbose=verbose, is_current=info.is_current)
        )


@command(
    options.verbose,
    click.option(
        "--resolve-dependencies",
        is_flag=True,
        help="Leave out heads that another revision depends on.",
    ),
)
def heads(
    to: ConsoleReporter,
    directory: str | None,
    verbose: bool,
    resolve_dependencies: bool,
) -> None:
    """Show the newest revisions of the migrations folder."""
    # Applications load this module when they start, but few of them run a command.
    from ..project import fast_path

    head = None if verbose else fast_path.head(directory)
    if head is not None:
        to.console.value(f"{head} (head)")
        return
    for info in commands.heads(directory, verbose, resolve_dependencies):
        to.console.value(head_line(info.script, verbose=verbose))


@command(options.verbose)
def branches(to: ConsoleReporter, directory: str | None, verbose: bool) -> None:
    """Show the branch points: revisions that several others follow."""
    for info in commands.branches(directory, verbose):
        to.console.value(branch_lines(info.script, info.next, verbose=verbose))


@command(
    options.verbose,
    click.option(
        "--check-heads",
        is_flag=True,
        help="Fail if a database is not at the newest revisions.",
    ),
)
def current(
    to: ConsoleReporter, directory: str | None, verbose: bool, check_heads: bool
) -> None:
    """Show the current revision of each database."""
    from ..project import fast_path

    head = None if verbose else fast_path.current(directory)
    if head is not None:
        to.console.value(f"{head} (head)")
        return
    databases = commands.current(directory, verbose)
    shown = set()
    for current in databases:
        name = current.database
        heading = to.names({current.bind}) or name
        if (heading, current.heads) in shown:
            continue  # binds that share a database
        shown.add((heading, current.heads))
        if verbose:
            to.console.value(f"Current revision(s) for {name}:")
        elif len(databases) > 1:
            to.console.say(f"{heading}:", bold=True)
        for script in current.scripts:
            to.console.value(script.cmd_format(verbose))
        if not current.heads:
            to.console.say(f"'{name}': no revision yet.")
    behind = [current.database for current in databases if not current.is_head]
    if check_heads and behind:
        names = " and ".join(f"'{name}'" for name in dict.fromkeys(behind))
        raise click.ClickException(f"Not at the newest revision: {names}.")


@command(
    options.sql,
    options.tag,
    click.option(
        "--purge",
        is_flag=True,
        help="Delete the stored revisions first, even unknown ones.",
    ),
    options.revisions,
)
def stamp(
    to: ConsoleReporter,
    directory: str | None,
    revisions: tuple[str, ...],
    **arguments: t.Any,
) -> None:
    """Set the stored revision without running a script.

    REVISIONS are ids, "head" (the default), "heads", or "base".
    """
    done = commands.stamp(directory, revisions or "head", **arguments)
    show_run(to, done, nothing="nothing to stamp.")


@command(
    click.option(
        "--scratch",
        is_flag=True,
        help="Read no database: compare the models with the result of the revisions on"
        " an empty one (on a server, that of BATCHMIGRATE_SCRATCH_URL).",
    ),
    failure=2,
)
def check(to: ConsoleReporter, directory: str | None, scratch: bool) -> None:
    """Fail if models, revisions and databases do not fit together.

    The exit code is the sum of the faults that were found: 1 if the models differ from
    the result of the revisions, 4 if a database lacks revisions, 8 if the history has
    several heads by accident, and 16 if a SQLite database differs from the result of
    its revisions. It is 0 if there is no fault, and 2 if the check itself fails.
    """
    findings = commands.findings(directory, scratch)
    for finding in findings:
        to.console.error(f"{finding.problem}. {finding.remedy}")
    if not findings:
        to.console.value("No new upgrade operations detected.")
    click.get_current_context().exit(sum({finding.bit for finding in findings}))


@command(options.sql)
def ensure_version(to: ConsoleReporter, directory: str | None, sql: bool) -> None:
    """Create the table that stores the revision."""
    text = commands.ensure_version(directory, sql)
    if text is not None:
        show_sql(to.console, text)

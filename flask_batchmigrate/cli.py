"""The ``flask db`` commands: options in, one call, values out, an exit code.

Importing this module loads neither Alembic nor the commands: an application that only
registers the group does not pay for them.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import pathlib
import typing as t

import click
from flask import current_app
from flask import g
from flask.cli import with_appcontext

from . import options
from .collector import rarely_collecting
from .console import branch_lines
from .console import Console
from .console import ConsoleReporter
from .console import head_line
from .console import history_line
from .console import log_entry
from .console import show_run
from .reporting import reporting_to


class _Commands:
    """Stands for the module of the commands until one of them is used."""

    def __getattr__(self, name: str) -> t.Any:
        from . import commands

        return getattr(commands, name)


if t.TYPE_CHECKING:
    from alembic.script import Script

    from . import commands
    from .results import Applied
else:
    commands = _Commands()

_Function = cabc.Callable[..., t.Any]

_QUIET = "flask_batchmigrate.quiet"
_RAISEERR = "flask_batchmigrate.raiseerr"


def _expected(error: Exception) -> bool:
    """Tell whether an error's message says all that a person needs."""
    from alembic.util import CommandError

    from .settings import SetupError

    return isinstance(error, (CommandError, SetupError))


@click.group()
@options.shared
@with_appcontext
def db(
    directory: str | None, x_arg: tuple[str, ...], quiet: bool, raiseerr: bool
) -> None:
    """Migrate the application's databases."""
    g.directory = directory
    g.x_arg = x_arg  # the configuration that environments read takes them from here
    context = click.get_current_context()
    context.meta[_QUIET] = quiet
    context.meta[_RAISEERR] = raiseerr
    # The application context may be the caller's, and outlive this command.
    context.call_on_close(lambda: (g.pop("directory", None), g.pop("x_arg", None)))


def _command(
    *decorators: options.Decorator, cls: type[click.Command] = click.Command
) -> cabc.Callable[[_Function], click.Command]:
    """Register a function as a command, with the options that all commands have.

    The function gets the console, the folder and its own options. An error that the
    commands raise on purpose becomes one line and exit code 1; any other is a defect
    and keeps its traceback.
    """

    def decorate(function: _Function) -> click.Command:
        @functools.wraps(function)
        @with_appcontext
        def invoke(
            directory: str | None,
            x_arg: tuple[str, ...],
            quiet: bool,
            raiseerr: bool,
            **arguments: t.Any,
        ) -> None:
            meta = click.get_current_context().meta
            console = Console(quiet=quiet or meta.get(_QUIET, False))
            directory = directory or g.get("directory")
            g.x_arg = (*g.get("x_arg", ()), *x_arg)
            try:
                shown = _shown(console, directory, sql=arguments.get("sql", False))
                with rarely_collecting(), shown as to:
                    function(to, directory, **arguments)
            except click.exceptions.Exit:
                raise
            except Exception as error:
                if raiseerr or meta.get(_RAISEERR) or not _expected(error):
                    raise
                console.error(" ".join(str(error).splitlines()))
                click.get_current_context().exit(1)

        return db.command(cls=cls)(options.joined(*decorators, options.shared)(invoke))

    return decorate


@contextlib.contextmanager
def _shown(
    console: Console, directory: str | None, *, sql: bool
) -> cabc.Iterator[ConsoleReporter]:
    """Show what happens in the ``with`` block: events of the run, and the log."""
    from .logs import shown_logs

    with shown_logs(console, _ini_file(directory)) as log_tells:
        reporter = ConsoleReporter(console, steps=not (sql or log_tells))
        with reporting_to(reporter):
            yield reporter


def _ini_file(directory: str | None) -> pathlib.Path:
    """Return where the user's ini file would be."""
    from .environment.folder import locate
    from .state import current_state

    folder = locate(current_app, directory or current_state().directory)
    return folder.path / "alembic.ini"


def _show_written(console: Console, scripts: cabc.Iterable[Script]) -> None:
    for script in scripts:
        console.value(f"Generating {script.path} ...  done")


@_command()
def list_templates(to: ConsoleReporter, directory: str | None) -> None:
    """List the templates that "init --template" takes."""
    to.console.value("Available templates:\n")
    for template in commands.list_templates():
        to.console.value(f"{template.name} - {template.synopsis}")


@_command(
    click.option(
        "--multidb", is_flag=True, help="Write scripts for several databases."
    ),
    click.option(
        "-t",
        "--template",
        default=None,
        help='Template to write: a name, or the path of a folder (default: "flask").',
    ),
    click.option("--package", is_flag=True, help="Make the folder a Python package."),
)
def init(to: ConsoleReporter, directory: str | None, **given: t.Any) -> None:
    """Write a migrations folder to customise.

    Not needed to begin with: "migrate" makes the folder by itself.
    """
    folder = commands.init(directory, **given)
    to.console.say(f"The migrations folder is '{folder}'.", fg="green")


@_command(
    click.option(
        "--autogenerate",
        is_flag=True,
        help="Fill it with what differs between the models and the database.",
    ),
    options.script,
)
def revision(to: ConsoleReporter, directory: str | None, **given: t.Any) -> None:
    """Write a new, empty revision."""
    _show_written(to.console, commands.revision(directory, **given))


@_command(options.script, options.generated)
def migrate(to: ConsoleReporter, directory: str | None, **given: t.Any) -> None:
    """Write a revision with what differs from the models."""
    request = options.request(given, to.console.questioner())
    _show_written(to.console, commands.migrate(directory, request=request, **given))


@_command(options.revision("head"))
def edit(to: ConsoleReporter, directory: str | None, revision: str) -> None:
    """Open a revision's file in the editor.

    REVISION is an id, "head" (the default) or "current".
    """
    commands.edit(directory, revision)


@_command(
    options.message,
    options.branch_label,
    options.rev_id,
    click.option("--splice", is_flag=True, help="Allow revisions that are no heads."),
    options.revisions,
)
def merge(
    to: ConsoleReporter,
    directory: str | None,
    revisions: tuple[str, ...],
    **given: t.Any,
) -> None:
    """Join heads with a new revision.

    REVISIONS are the heads to join; without any, all of them.
    """
    _show_written(to.console, [commands.merge(directory, revisions, **given)])


@_command(options.sql, options.tag, options.revision("head"))
def upgrade(to: ConsoleReporter, directory: str | None, **given: t.Any) -> None:
    """Bring the databases to a later revision.

    REVISION is an id, "head" (the default), "heads", or steps such as "+1"; with --sql
    also a range "<from>:<to>".
    """
    from .environment import glance

    # The commands load Alembic, which a repeated deploy mostly has no use for.
    plain = given == {"revision": "head", "sql": False, "tag": None}
    done: list[Applied] | str = []
    if not plain or not glance.nothing_to_upgrade(directory):
        from .environment.invocation import Invocation

        # Not commands.upgrade(), which would take the same glance once more.
        done = Invocation(directory).upgrade(**given)
    show_run(to, done, nothing="nothing to upgrade.")


@_command(options.sql, options.tag, options.revision("-1"), cls=options.StepsCommand)
def downgrade(to: ConsoleReporter, directory: str | None, **given: t.Any) -> None:
    """Take the databases back to an earlier revision.

    REVISION is an id, "base", or the number of steps to take back, as "2" or "-2"
    (default: one); with --sql also a range "<from>:<to>".
    """
    done = commands.downgrade(directory, **given)
    show_run(to, done, nothing="nothing to downgrade.")


@_command(options.revision("head"))
def show(to: ConsoleReporter, directory: str | None, revision: str) -> None:
    """Show a revision in full.

    REVISION is an id, "head" (the default), "heads" or "current".
    """
    for script in commands.show(directory, revision):
        to.console.value(log_entry(script))


@_command(
    click.option(
        "-r",
        "--rev-range",
        default=None,
        metavar="[START]:[END]",
        help='The part of the history to list; "current" may be an end.',
    ),
    options.verbose,
    click.option(
        "-i",
        "--indicate-current",
        is_flag=True,
        help="Mark the revisions that the databases are at.",
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


@_command(
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
    from .environment import glance

    head = None if verbose else glance.head(directory)
    if head is not None:
        to.console.value(f"{head} (head)")
        return
    for info in commands.heads(directory, verbose, resolve_dependencies):
        to.console.value(head_line(info.script, verbose=verbose))


@_command(options.verbose)
def branches(to: ConsoleReporter, directory: str | None, verbose: bool) -> None:
    """Show the revisions that several others follow."""
    for info in commands.branches(directory, verbose):
        to.console.value(branch_lines(info.script, info.next, verbose=verbose))


@_command(
    options.verbose,
    click.option(
        "--check-heads",
        is_flag=True,
        help="Fail where a database is not at the newest revisions.",
    ),
)
def current(
    to: ConsoleReporter, directory: str | None, verbose: bool, check_heads: bool
) -> None:
    """Show the revision that each database is at."""
    from .environment import glance

    head = None if verbose else glance.head(directory)
    if head is not None and glance.is_at(head):
        to.console.value(f"{head} (head)")
        return
    databases = commands.current(directory, verbose)
    for each in databases:
        if verbose:
            to.console.value(f"Current revision(s) for {each.database}:")
        elif len(databases) > 1:
            to.console.say(f"{to.databases.get(each.bind, each.database)}:", bold=True)
        for script in each.scripts:
            to.console.value(script.cmd_format(verbose))
    behind = [each.database for each in databases if not each.is_head]
    if check_heads and behind:
        names = " and ".join(f"'{name}'" for name in behind)
        raise click.ClickException(f"Not at the newest revision: {names}.")


@_command(
    options.sql,
    options.tag,
    click.option(
        "--purge",
        is_flag=True,
        help="Forget the stored revisions first, also unknown ones.",
    ),
    options.revisions,
)
def stamp(
    to: ConsoleReporter,
    directory: str | None,
    revisions: tuple[str, ...],
    **given: t.Any,
) -> None:
    """Set the stored revision without running anything.

    REVISIONS are ids, "head" (the default), "heads", or "base".
    """
    done = commands.stamp(directory, revisions or "head", **given)
    show_run(to, done, nothing="nothing to stamp.")


@_command()
def check(to: ConsoleReporter, directory: str | None) -> None:
    """Fail when the models and the database differ."""
    commands.check(directory)
    to.console.value("No new upgrade operations detected.")


@_command(options.sql)
def ensure_version(to: ConsoleReporter, directory: str | None, sql: bool) -> None:
    """Create the table that stores the revision."""
    text = commands.ensure_version(directory, sql)
    if text is not None:
        to.console.value(text.rstrip("\n"))

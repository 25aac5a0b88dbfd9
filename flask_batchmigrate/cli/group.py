"""The ``flask db`` group, and the decorator that turns a function into a command.

Importing this module loads neither Alembic nor the functions of the commands, so an
application that only registers the group starts fast.
"""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import functools
import pathlib
import typing as t

import click
from flask import current_app
from flask.cli import with_appcontext

from ..reporting import reporting_to
from ..state import command_line
from ..state import forget_command_line
from ..state import set_command_line
from . import options
from .console import Console
from .console import ConsoleReporter
from .gc_threshold import rarely_collecting

_Function = cabc.Callable[..., t.Any]

_QUIET = "flask_batchmigrate.quiet"
_RAISEERR = "flask_batchmigrate.raiseerr"


def _is_expected(error: BaseException) -> bool:
    """Return whether an error's message is enough, so that no traceback is needed."""
    from alembic.util import CommandError

    from ..settings import SetupError

    # Its subclasses are about the command line, and click shows them with more.
    is_own = type(error) is click.ClickException
    return is_own or isinstance(error, (CommandError, SetupError))


@click.group(cls=options.Group)
@options.shared
@with_appcontext
def db(
    directory: str | None, x_arg: tuple[str, ...], quiet: bool, raiseerr: bool
) -> None:
    """Migrate the application's databases."""
    set_command_line(directory, x_arg)
    context = click.get_current_context()
    context.meta[_QUIET] = quiet
    context.meta[_RAISEERR] = raiseerr
    # The application context may belong to the caller and outlive this command.
    context.call_on_close(forget_command_line)


def command(
    *decorators: options.Decorator,
    cls: type[click.Command] = options.Command,
    failure: int = 1,
) -> cabc.Callable[[_Function], click.Command]:
    """Register a function as a command, with the options that all commands share.

    The function receives the reporter, the folder and its own options. An error of this
    project becomes one line and an exit code; any other error is a defect and keeps its
    traceback.

    :param failure: that exit code.
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
            of_group = command_line()
            directory = directory or of_group.directory
            set_command_line(directory, (*of_group.x_arg, *x_arg))
            try:
                showing = _showing(console, directory, sql=arguments.get("sql", False))
                with rarely_collecting(), showing as reporter:
                    _call(console, function, reporter, directory, **arguments)
            except click.exceptions.Exit:
                raise
            except (Exception, KeyboardInterrupt) as error:
                interruption = _interrupted(error)
                raiseerr = raiseerr or meta.get(_RAISEERR, False)
                if interruption is None and (raiseerr or not _is_expected(error)):
                    raise
                console.error(interruption or " ".join(str(error).splitlines()))
                click.get_current_context().exit(failure)

        return db.command(cls=cls)(options.joined(*decorators, options.shared)(invoke))

    return decorate


def _call(console: Console, function: _Function, *args: t.Any, **kw: t.Any) -> None:
    """Call the function of a command, and write what standard output buffers."""
    try:
        function(*args, **kw)
    except click.exceptions.Exit:
        console.flush()
        raise
    console.flush()


@contextlib.contextmanager
def _showing(
    console: Console, directory: str | None, *, sql: bool
) -> cabc.Iterator[ConsoleReporter]:
    """Show the events of the run and the log while the ``with`` block runs."""
    from .logs import shown_logs

    with shown_logs(console, _ini_file(directory)) as is_logged:
        reporter = ConsoleReporter(console, steps=not (sql or is_logged))
        with reporting_to(reporter):
            yield reporter


def _ini_file(directory: str | None) -> pathlib.Path:
    """Return the path of the user's ini file, which may not exist."""
    from ..project.folder import locate
    from ..state import current_state

    folder = locate(current_app, directory or current_state().directory)
    return folder.path / "alembic.ini"


def _interrupted(error: BaseException) -> str | None:
    """Return the last line of a command that a person interrupted, else None.

    Python may handle Ctrl+C in a function that SQLite calls. Then the KeyboardInterrupt
    is lost, and only SQLite's error "interrupted" arrives here.
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
    return f"Interrupted. {(UNCHANGED if is_unchanged else UNCERTAIN).text}"

"""The options that several ``flask db`` commands share."""

from __future__ import annotations

import collections.abc as cabc
import re
import typing as t

import click

from ..autogenerate.request import Questioner
from ..autogenerate.request import Request
from ..sqlite.errors import UNCHANGED
from .streams import failing_in_one_line

_Function = cabc.Callable[..., t.Any]
Decorator = cabc.Callable[[_Function], _Function]


def joined(*decorators: Decorator) -> Decorator:
    """Join option decorators into one; the first is the first in the help text."""

    def decorate(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def not_empty(ctx: click.Context, param: click.Parameter, value: t.Any) -> t.Any:
    """Refuse an empty revision, such as an unset shell variable leaves."""
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("it is empty.", ctx, param)
    return value


def revision(default: str) -> Decorator:
    """Return the argument that names one revision."""
    return click.argument("revision", default=default, callback=not_empty)


revisions = click.argument("revisions", nargs=-1, callback=not_empty)

shared = joined(
    click.option(
        "-d",
        "--directory",
        default=None,
        help="Migrations folder to use instead of the application's own.",
    ),
    click.option(
        "-x",
        "--x-arg",
        multiple=True,
        metavar="NAME=VALUE",
        help="Value for a custom env.py to read; may be repeated.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="Write only results, warnings and errors; no progress.",
    ),
    click.option(
        "--raiseerr",
        is_flag=True,
        help="Show the full traceback if the command fails.",
    ),
)

message = click.option(
    "-m", "--message", default=None, help="What the revision does, in a few words."
)
sql = click.option(
    "--sql",
    is_flag=True,
    help="Write the SQL to standard output, or for several databases to files"
    " <bind>.sql; change no database.",
)
tag = click.option("--tag", default=None, help="A word for a custom env.py to read.")
verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Show each revision in full."
)
plans = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show how each table of a SQLite database is changed, and why.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Write the values as JSON."
)
branch_label = click.option(
    "--branch-label", default=None, help="Name of the branch that the revision starts."
)
rev_id = click.option(
    "--rev-id", default=None, help="Id of the revision, instead of a generated one."
)

script = joined(
    message,
    click.option(
        "--sql",
        is_flag=True,
        help="Run a custom env.py in offline mode, without a database.",
    ),
    click.option(
        "--head",
        default="head",
        callback=not_empty,
        help='The revision that it follows: an id, or "<branch>@head".',
    ),
    click.option(
        "--splice",
        is_flag=True,
        help="Allow it to follow a revision that is not a head, as a new branch.",
    ),
    branch_label,
    click.option(
        "--version-path",
        default=None,
        help="Folder for the file, one of the configured version locations.",
    ),
    rev_id,
    click.option(
        "--depends-on",
        multiple=True,
        metavar="REVISION",
        help="A revision that must be applied before it; may be repeated.",
    ),
)


generated = joined(
    click.option(
        "--rename",
        "renames",
        multiple=True,
        metavar="[TABLE.]OLD:NEW",
        help="A column or table that was renamed; may be repeated.",
    ),
    click.option(
        "--no-rename",
        is_flag=True,
        help="Treat nothing as a rename: drop the old, add the new.",
    ),
    click.option(
        "--default",
        "defaults",
        multiple=True,
        metavar="TABLE.COLUMN=VALUE",
        help="Value for existing rows in a column that must not be NULL; may be"
        " repeated.",
    ),
    click.option(
        "--using",
        "conversions",
        multiple=True,
        metavar="TABLE.COLUMN=SQL",
        help="SQL expression that converts the values of a column whose type changes;"
        " may be repeated.",
    ),
    click.option(
        "--drop-unknown",
        is_flag=True,
        help="Also drop tables and columns that no revision mentions.",
    ),
    click.option(
        "--no-destructive",
        is_flag=True,
        help="Fail instead of writing a script that loses rows or values.",
    ),
    click.option(
        "--dry-run", is_flag=True, help="Show the script instead of writing it."
    ),
    click.option(
        "--no-verify",
        is_flag=True,
        help="Keep the script without running it on a scratch database first.",
    ),
    click.option(
        "--amend",
        is_flag=True,
        help="Generate the newest revision anew, which only this database has: take it"
        " back from the database, and replace its file.",
    ),
)


def request(arguments: dict[str, t.Any], questioner: Questioner) -> Request:
    """Take the options of ``generated`` out of a command's arguments."""
    return Request(
        renames=arguments.pop("renames"),
        no_rename=arguments.pop("no_rename"),
        defaults=arguments.pop("defaults"),
        conversions=arguments.pop("conversions"),
        drop_unknown=arguments.pop("drop_unknown"),
        destructive=not arguments.pop("no_destructive"),
        dry_run=arguments.pop("dry_run"),
        verify=not arguments.pop("no_verify"),
        questioner=questioner,
    )


class Command(click.Command):
    """A command whose help text may fail to be written."""

    def make_context(self, *args: t.Any, **kwargs: t.Any) -> click.Context:
        """Read the arguments, and write the help text if they ask for it."""
        with failing_in_one_line(UNCHANGED.text):
            return super().make_context(*args, **kwargs)


class Group(click.Group):
    """A group of commands whose help text may fail to be written."""

    def make_context(self, *args: t.Any, **kwargs: t.Any) -> click.Context:
        """Read the arguments, and write the help text if they ask for it."""
        with failing_in_one_line(UNCHANGED.text):
            return super().make_context(*args, **kwargs)


class StepsCommand(Command):
    """A command whose revision may be a number of steps back, as ``downgrade -1``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse ``-2`` as a number of steps, not as an option."""
        value_options = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        steps = [
            i
            for i in range(end)
            if re.fullmatch(r"-\d+", args[i])
            and not (i > 0 and args[i - 1] in value_options)
        ]
        options = [arg for i, arg in enumerate(args[:end]) if i not in steps]
        numbers = [args[i] for i in steps]
        separator = ["--"] if numbers or end < len(args) else []
        arguments = [*numbers, *args[end + 1 :]]
        return super().parse_args(ctx, [*options, *separator, *arguments])

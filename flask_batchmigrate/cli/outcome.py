"""Writes what a command has done, or its SQL.

The SQL for several databases goes to files. They have the names that they have with
Flask-Migrate's environment for several databases, so that pipelines find them.
"""

from __future__ import annotations

import pathlib
import typing as t

import click

from ..sqlite.errors import counted
from .console import Console
from .console import ConsoleReporter
from .console import duration

if t.TYPE_CHECKING:
    from ..results import Applied
    from ..results import Sql


def show_run(to: ConsoleReporter, done: list[Applied] | Sql, *, nothing: str) -> None:
    """Write the summary of a command that ran revisions, or their SQL.

    :param done: the revisions that were run, or the SQL.
    :param nothing: the text to show if no revision was run.
    """
    if isinstance(done, str):
        show_sql(to.console, done)
    elif done:
        revisions = counted(len({applied.revision for applied in done}), "revision")
        binds = {applied.bind for applied in done}
        has_title = to.steps and len(binds) == 1
        where = "" if has_title else f" on {to.names(binds)}"
        to.console.say(
            f"Done: {revisions}{where} in {duration(to.seconds)}.", fg="green"
        )
    else:
        to.console.say(f"{to.names(to.databases) or 'The database'}: {nothing}")


def show_sql(console: Console, sql: Sql) -> None:
    """Write the SQL of one database to standard output, that of several to files.

    The files are in the current directory: ``<bind>.sql``, and ``.sql`` for the default
    bind. A file is written even if there is nothing to do, in place of an older one.

    :raises click.ClickException: a file cannot be written.
    """
    if len(sql.scripts) < 2:
        if sql:  # an env.py may have written it elsewhere
            console.value(sql.rstrip("\n"))
        return
    for bind, script in sql.scripts.items():
        path = pathlib.Path(f"{bind}.sql")
        text = script or "-- There is nothing to do.\n"
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise click.ClickException(
                f"The SQL cannot be written to '{path}': {reason}."
            ) from error
        name = f"bind '{bind}'" if bind else "the default bind"
        console.say(f"The SQL for {name} is in '{path}'.", fg="green")

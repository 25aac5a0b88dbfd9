"""``flask db status``: the state of each database, revision by revision."""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import json
import typing as t

import click

from ..sqlite.errors import counted
from . import options
from .console import ConsoleReporter
from .group import command
from .group import db

if t.TYPE_CHECKING:
    from ..status import DatabaseStatus
    from ..status import ListedRevision

#: The exit codes: no revision is pending, some are, or the state is unknown.
_AT_HEAD, _PENDING, _ERROR = 0, 1, 2
_CODES: t.Final = {
    "current": _AT_HEAD,
    "pending": _PENDING,
    "unstamped": _PENDING,
    "newer": _ERROR,
}


@command(options.as_json, failure=_ERROR)
def status(to: ConsoleReporter, directory: str | None, as_json: bool) -> None:
    """Show the state of each database.

    Lists the revisions, with [x] for those that the database has, and the tables that
    differ from the models. Changes nothing. The exit code is 0 where every database is
    at the newest revision, 1 where revisions are pending, and 2 after an error, such as
    a database at a revision that has no file.
    """
    # This module loads Alembic, which an application does not need in order to start.
    from ..status import read

    databases = read(compare=True, directory=directory)
    if as_json:
        values = {"databases": [dataclasses.asdict(database) for database in databases]}
        to.console.value(json.dumps(values, indent=2))
    else:
        for number, database in enumerate(databases):
            if number:
                to.console.value("")
            for line in _lines(database):
                to.console.value(line)
    _exit(databases)


def show_pending(to: ConsoleReporter, directory: str | None) -> t.NoReturn:
    """Say of each database in a line whether revisions are pending, and exit."""
    from ..errors import BatchMigrateError
    from ..status import read

    try:
        databases = read(compare=False, directory=directory)
    except BatchMigrateError as error:
        to.console.error(str(error))
        click.get_current_context().exit(_ERROR)
    for database in databases:
        to.console.value(f"{_name(database)}: {_SAYS[database.state](database)}")
    _exit(databases)


def _exit(databases: cabc.Iterable[DatabaseStatus]) -> t.NoReturn:
    code = max((_CODES[database.state] for database in databases), default=_AT_HEAD)
    click.get_current_context().exit(code)


# The name of the command in Django.
db.add_command(status, "showmigrations")


def _lines(database: DatabaseStatus) -> cabc.Iterator[str]:
    yield click.style(_name(database), bold=True)
    at = ", ".join(database.current) or "no revision yet"
    heads = ", ".join(database.heads) or "none"
    yield f"  At {at}; newest: {heads}. {_SAYS[database.state](database)}"
    for revision in database.revisions:
        name = click.style(revision.revision, fg="yellow")
        yield f"  {_box(revision)} {name}  {revision.message}"
    if database.differing is not None:
        yield f"  {_drift(database)}"


def _name(database: DatabaseStatus) -> str:
    kind = f"bind '{database.bind}', " if database.bind else ""
    return f"'{database.database}' ({kind}{database.dialect})"


def _box(revision: ListedRevision) -> str:
    if revision.is_applied is None:
        return "[?]"
    return "[x]" if revision.is_applied else "[ ]"


def _drift(database: DatabaseStatus) -> str:
    """Name the tables that differ from the models, in one line."""
    if not database.differing:
        return "No table differs from the models."
    names = ", ".join(f"'{name}'" for name in database.differing)
    also = ", which pending revisions may change" * bool(database.pending)
    return f"Differing from the models{also}: {names}."


_SAYS: t.Final[dict[str, cabc.Callable[[DatabaseStatus], str]]] = {
    "current": lambda _: "Nothing is pending.",
    "pending": lambda each: (
        f"Pending: {counted(each.pending_count, 'revision')}; run 'flask db upgrade'."
    ),
    "unstamped": lambda each: (
        f"Pending: {counted(each.pending_count, 'revision')}. It has tables, and no "
        "revision is stored: run 'flask db stamp <revision>' with the revision that "
        "they correspond to."
    ),
    "newer": lambda _: (
        "This revision has no file: the database is newer than the code, or belongs to "
        "another branch of it."
    ),
}

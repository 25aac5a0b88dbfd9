"""The commands as functions: they return values, raise, and print nothing.

The names and parameters are Flask-Migrate's. All but :func:`list_templates` need an
application context. Errors are of the family in :mod:`~flask_batchmigrate.errors`; any
other is a defect of this project or of a library. Where a function takes them:

``directory``
    is another migrations folder than the application's own.
``x_arg``
    is what ``-x`` passes to ``env.py``, as ``context.get_x_argument()`` returns it.
``tag``
    is what ``context.get_tag_argument()`` returns.
``sql``
    leaves the database alone; the SQL text is returned, and also written to the
    ``output_buffer`` of Alembic's config where a configure function has set one.
``verbose``
    is there for compatibility; the scripts returned know everything.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import pathlib
import typing as t

from alembic import command
from alembic.script import Script

from ..autogenerate.request import Request
from ..environment.invocation import Invocation
from ..errors import UnknownRevision
from ..results import Applied
from ..results import Current
from ..results import RevisionInfo
from ..results import Template
from . import lookup
from . import offline
from . import scaffold
from . import writing
from .upgrading import Directory
from .upgrading import XArg


def list_templates() -> list[Template]:
    """List the templates that :func:`init` can write."""
    return scaffold.templates()


def init(
    directory: Directory = None,
    multidb: bool = False,
    template: str | None = None,
    package: bool = False,
) -> pathlib.Path:
    """Write a migrations folder to customise.

    It is not needed to begin with, since :func:`migrate` makes the folder by itself. A
    folder that it made keeps its revisions.

    :param multidb: scripts have a function for each bind; on by itself where several
        binds have tables.
    :param template: the name of a template, or the path of its folder.
    :param package: make the folder a Python package.
    :return: the absolute path of the folder.
    :raises MigrationFolderError: there is a folder with other files, or it cannot be
        written.
    :raises UnknownTemplate: there is no such template.
    """
    call = Invocation(directory)
    with call.translated():
        source = scaffold.find_template(call.config, template, multidb)
        return scaffold.write(call.config, source, package)


def revision(
    directory: Directory = None,
    message: str | None = None,
    autogenerate: bool = False,
    sql: bool = False,
    head: str = "head",
    splice: bool = False,
    branch_label: str | None = None,
    version_path: str | os.PathLike[str] | None = None,
    rev_id: str | None = None,
    *,
    depends_on: str | cabc.Sequence[str] | None = None,
    x_arg: XArg = None,
    request: Request | None = None,
) -> list[Script]:
    """Write a new revision file.

    :param message: its description, which also names the file.
    :param autogenerate: fill it with what differs between models and database.
    :param head: the revision, or ``<branch>@head``, to follow.
    :param splice: allow a ``head`` that other revisions follow.
    :param branch_label: a label for the branch that begins with it.
    :param version_path: which of several version folders to write to.
    :param rev_id: its id, instead of a random one.
    :param depends_on: revisions of other branches that have to be applied before.
    :param request: how it is filled with what differs.
    :return: the revisions written; none where nothing differs.
    :raises NotVerified: what was generated is not right.
    """
    call = Invocation(directory, x_arg, ["autogenerate"] if autogenerate else [])
    return writing.revision(
        call,
        (request or Request()) if autogenerate else None,
        message=message,
        autogenerate=autogenerate,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=depends_on,
    )


def migrate(
    directory: Directory = None,
    message: str | None = None,
    sql: bool = False,
    head: str = "head",
    splice: bool = False,
    branch_label: str | None = None,
    version_path: str | os.PathLike[str] | None = None,
    rev_id: str | None = None,
    x_arg: XArg = None,
    *,
    depends_on: str | cabc.Sequence[str] | None = None,
    request: Request | None = None,
) -> list[Script]:
    """Write a revision with what differs between the models and the databases.

    The parameters are those of :func:`revision`. The migrations folder is made where
    there is none, unless a database is already at a revision of one.

    :return: the revisions written; none where nothing differs.
    :raises NoModels: the models define no tables.
    :raises DatabaseNotUpToDate: a database is not at the newest revision.
    """
    return revision(
        directory,
        message,
        True,
        sql,
        head,
        splice,
        branch_label,
        version_path,
        rev_id,
        depends_on=depends_on,
        x_arg=x_arg,
        request=request,
    )


def edit(directory: Directory = None, revision: str = "current") -> list[Script]:
    """Open revision files in the editor that ``EDITOR`` names.

    :param revision: an id, ``head``, or ``current`` for those the databases are at.
    :return: the scripts that were opened.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.translated():
        scripts = lookup.resolve(call, revision)
        if not scripts:
            raise UnknownRevision(
                f"No revision is '{revision}'",
                "Run 'flask db upgrade' first, or name a revision.",
            )
        for script in scripts:
            command.edit(call.config, script.revision)
    return scripts


def merge(
    directory: Directory = None,
    revisions: str | cabc.Sequence[str] = "",
    message: str | None = None,
    branch_label: str | None = None,
    rev_id: str | None = None,
    *,
    splice: bool = False,
) -> Script:
    """Join several heads with a new revision that follows them all.

    :param revisions: the heads to join; none: all of them.
    :param splice: allow revisions that are not heads; needs Alembic 1.18.5.
    :return: the new revision.
    :raises BatchMigrateError: there are not two revisions to join.
    """
    named = [revisions] if isinstance(revisions, str) and revisions else revisions
    call = Invocation(directory)
    return writing.merge(call, list(named), message, branch_label, rev_id, splice)


@t.overload
def downgrade(
    directory: Directory = ...,
    revision: str | int = ...,
    sql: t.Literal[False] = ...,
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> list[Applied]: ...
@t.overload
def downgrade(
    directory: Directory = ...,
    revision: str | int = ...,
    *,
    sql: t.Literal[True],
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> str: ...
def downgrade(
    directory: Directory = None,
    revision: str | int = "-1",
    sql: bool = False,
    tag: str | None = None,
    x_arg: XArg = None,
) -> list[Applied] | str:
    """Take the databases back to an earlier revision.

    :param revision: an id, ``base``, or a number of steps, with or without a minus
        sign; with ``sql`` also a range ``<from>:<to>``. A number that is a revision's
        id, or the beginning of one with at least four digits, means that revision.
    :return: what was reverted, in order; the SQL text with ``sql``.
    :raises RevisionFailed: a script raised.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory, x_arg)
    if sql and offline.can_record(call):
        return offline.record("downgrade", str(revision), directory, tag, x_arg)
    with call.guarded():
        target = lookup.steps_back(call.scripts(), str(revision))
        if sql and target.startswith("-"):
            target = f"head:{target}"
        return call.apply(sql, command.downgrade, target, tag=tag)


def show(directory: Directory = None, revision: str = "head") -> list[Script]:
    """Return the scripts that a symbol stands for.

    :param revision: an id, ``head``, ``heads`` or ``current``.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.translated():
        return lookup.resolve(call, revision)


def history(
    directory: Directory = None,
    rev_range: str | None = None,
    verbose: bool = False,
    indicate_current: bool = False,
) -> list[RevisionInfo]:
    """Return the revisions, newest first.

    :param rev_range: ``<from>:<to>``; either may be missing, or ``current``.
    :param indicate_current: look at the databases, to fill in ``is_current``.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.translated():
        return lookup.history(call, rev_range, indicate_current)


def heads(
    directory: Directory = None,
    verbose: bool = False,
    resolve_dependencies: bool = False,
) -> list[RevisionInfo]:
    """Return the newest revisions of the migrations folder.

    :param resolve_dependencies: leave out those that another one depends on.
    """
    call = Invocation(directory)
    with call.translated():
        scripts = call.scripts()
        wanted = "heads" if resolve_dependencies else scripts.get_heads()
        return [lookup.describe(s) for s in scripts.get_revisions(wanted)]


def branches(directory: Directory = None, verbose: bool = False) -> list[RevisionInfo]:
    """Return the revisions that several others follow (``next``)."""
    call = Invocation(directory)
    with call.translated():
        return lookup.branch_points(call.scripts())


def current(directory: Directory = None, verbose: bool = False) -> list[Current]:
    """Return the revisions that each database is at; nothing is changed.

    :raises UnknownRevision: a database is at a revision that has no file.
    """
    call = Invocation(directory)
    with call.translated():
        return call.look(call.scripts())


@t.overload
def stamp(
    directory: Directory = ...,
    revision: str | cabc.Sequence[str] = ...,
    sql: t.Literal[False] = ...,
    tag: str | None = ...,
    purge: bool = ...,
) -> list[Applied]: ...
@t.overload
def stamp(
    directory: Directory = ...,
    revision: str | cabc.Sequence[str] = ...,
    *,
    sql: t.Literal[True],
    tag: str | None = ...,
    purge: bool = ...,
) -> str: ...
def stamp(
    directory: Directory = None,
    revision: str | cabc.Sequence[str] = "head",
    sql: bool = False,
    tag: str | None = None,
    purge: bool = False,
) -> list[Applied] | str:
    """Set the revision that the databases are said to be at, and run nothing.

    :param revision: one or several ids, ``head``, ``heads``, or ``base`` for none.
    :param purge: forget what is stored before, also revisions that have no file.
    :return: what was stamped; the SQL text with ``sql``.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.guarded():
        call.scripts()
        given = [revision] if isinstance(revision, str) else list(revision)
        targets = [call.head_target(name) for name in given]
        return call.apply(sql, command.stamp, targets, tag=tag, purge=purge)


def check(directory: Directory = None) -> bool:
    """Compare the models with the databases.

    :return: True: nothing differs.
    :raises SchemaDiffers: something does.
    :raises NoModels: the models define no tables.
    :raises DatabaseNotUpToDate: a database is not at the newest revision.
    """
    writing.check(Invocation(directory))
    return True


def ensure_version(directory: Directory = None, sql: bool = False) -> str | None:
    """Create the table that stores the revision, where it is missing.

    :return: the SQL text with ``sql``, else None.
    """
    call = Invocation(directory)
    call.setup.ensures_version_table = True
    with call.guarded():
        call.scripts()
        done = call.apply(sql, command.ensure_version)
    return done if isinstance(done, str) else None

"""The commands as functions: they return values, raise, and print nothing.

The names and parameters are Flask-Migrate's. All functions but :func:`list_templates`
need an application context. Their errors are those of
:mod:`~flask_batchmigrate.errors`; any other error is a defect of this project or of a
library. Several functions share these parameters:

``directory``
    is a migrations folder to use instead of the application's own.
``x_arg``
    is the value of ``-x`` for ``env.py``, which ``context.get_x_argument()`` returns.
``tag``
    is the value that ``context.get_tag_argument()`` returns.
``sql``
    returns the SQL text and does not change the database. The text is also written to
    the ``output_buffer`` of Alembic's config if a configure function has set one.
``verbose``
    has no effect and exists for compatibility; the returned scripts have all details.
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
from ..results import Sql
from ..results import Template
from . import comparing
from . import lookup
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

    It is not needed to begin with, since :func:`migrate` makes the folder by itself. If
    :func:`migrate` made the folder, its revisions stay.

    :param multidb: write scripts with a function for each bind; this is the default if
        several binds have tables.
    :param template: the name of a template, or the path of its folder.
    :param package: make the folder a Python package.
    :return: the absolute path of the folder.
    :raises MigrationFolderError: the folder contains other files, or cannot be written.
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

    :param message: the description of the revision, which also names the file.
    :param autogenerate: fill it with the differences between models and database.
    :param head: the revision, or ``<branch>@head``, to follow.
    :param splice: allow a ``head`` that other revisions follow.
    :param branch_label: a label for the branch that begins with this revision.
    :param version_path: the version folder to write to, if there are several.
    :param rev_id: the id of the revision, instead of a random one.
    :param depends_on: revisions of other branches that must be applied before it.
    :param request: how to generate the contents.
    :return: the revisions that were written; none if nothing differs.
    :raises NotVerified: the generated script is not right.
    """
    call = Invocation(directory, x_arg, ["autogenerate"] if autogenerate else [])
    return writing.revision(
        call,
        lambda: Invocation(directory, x_arg),
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
    amend: bool = False,
) -> list[Script]:
    """Write a revision with the differences between the models and the databases.

    The parameters are those of :func:`revision`. A missing migrations folder is made,
    unless a database already stores a revision, which must come from another folder.

    :param amend: take the databases back to before the newest revision, and generate it
        anew in its file, with its id and, unless ``message`` is given, its message.
        Only for a revision that no other database has.
    :return: the revisions that were written; none if nothing differs.
    :raises NoModels: the models define no tables.
    :raises DatabaseNotUpToDate: a database is not at the newest revision.
    """
    if amend:
        # It loads what other commands do not need.
        from . import amending

        amending.refuse_options(
            sql=sql,
            head=head != "head",
            splice=splice,
            branch_label=branch_label,
            version_path=version_path,
            rev_id=rev_id,
            depends_on=depends_on,
        )
        return amending.amend(directory, message, x_arg, request or Request())
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

    :param revision: an id, ``head``, or ``current`` for the databases' revisions.
    :return: the scripts that were opened.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.translated():
        scripts = lookup.resolve(call, revision)
        if not scripts:
            raise UnknownRevision(
                f"There is no revision '{revision}' to edit",
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

    :param revisions: the heads to join; if empty, all heads.
    :param splice: allow revisions that are not heads; needs Alembic 1.18.5.
    :return: the new revision.
    :raises BatchMigrateError: there are fewer than two revisions to join.
    """
    ids = [revisions] if isinstance(revisions, str) and revisions else revisions
    call = Invocation(directory)
    return writing.merge(call, list(ids), message, branch_label, rev_id, splice)


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
) -> Sql: ...
def downgrade(
    directory: Directory = None,
    revision: str | int = "-1",
    sql: bool = False,
    tag: str | None = None,
    x_arg: XArg = None,
) -> list[Applied] | Sql:
    """Take the databases back to an earlier revision.

    :param revision: an id, ``base``, or a number of steps, with or without a minus
        sign; with ``sql`` also a range ``<from>:<to>``. A number that is a revision's
        id, or the beginning of one with at least four digits, means that revision.
    :return: the revisions that were reverted, in order; with ``sql``, the SQL text.
    :raises RevisionFailed: a script raised an error.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory, x_arg)
    if sql:
        from . import offline

        if offline.can_record(call):
            return offline.record("downgrade", str(revision), directory, tag, x_arg)
    with call.guarded():
        target = lookup.steps_back(call.scripts(), str(revision))
        if sql and target.startswith("-"):
            target = f"head:{target}"
        return call.apply(sql, command.downgrade, target, tag=tag)


def show(directory: Directory = None, revision: str = "head") -> list[Script]:
    """Return the scripts that a symbol means.

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

    :param resolve_dependencies: leave out heads that another revision depends on.
    """
    call = Invocation(directory)
    with call.translated():
        scripts = call.scripts()
        wanted = "heads" if resolve_dependencies else scripts.get_heads()
        return [lookup.describe(s) for s in scripts.get_revisions(wanted)]


def branches(directory: Directory = None, verbose: bool = False) -> list[RevisionInfo]:
    """Return the revisions that several others follow; ``next`` has the others."""
    call = Invocation(directory)
    with call.translated():
        return lookup.branch_points(call.scripts())


def current(directory: Directory = None, verbose: bool = False) -> list[Current]:
    """Return the current revisions of each database; nothing is changed.

    :raises UnknownRevision: a database stores a revision that has no file.
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
) -> Sql: ...
def stamp(
    directory: Directory = None,
    revision: str | cabc.Sequence[str] = "head",
    sql: bool = False,
    tag: str | None = None,
    purge: bool = False,
) -> list[Applied] | Sql:
    """Set the stored revision of the databases without running a script.

    :param revision: one or several ids, ``head``, ``heads``, or ``base`` for none.
    :param purge: delete the stored revisions first, even those that have no file.
    :return: the revisions that were stamped; with ``sql``, the SQL text.
    :raises UnknownRevision: there is no such revision.
    """
    call = Invocation(directory)
    with call.guarded():
        call.scripts()
        ids = [revision] if isinstance(revision, str) else list(revision)
        targets = [call.head_target(name) for name in ids]
        return call.apply(sql, command.stamp, targets, tag=tag, purge=purge)


def check(directory: Directory = None) -> bool:
    """Compare the models with the databases.

    :return: True, since nothing differs.
    :raises SchemaDiffers: something differs.
    :raises NoModels: the models define no tables.
    :raises DatabaseNotUpToDate: a database is not at the newest revision.
    """
    comparing.check(Invocation(directory))
    return True


def ensure_version(directory: Directory = None, sql: bool = False) -> Sql | None:
    """Create the table that stores the revision, if it is missing.

    :return: the SQL text with ``sql``, else None.
    """
    call = Invocation(directory)
    call.setup.ensures_version_table = True
    with call.guarded():
        call.scripts()
        done = call.apply(sql, command.ensure_version)
    return done if isinstance(done, Sql) else None

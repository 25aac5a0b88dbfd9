"""``upgrade``, which loads Alembic only if there is something to do."""

from __future__ import annotations

import collections.abc as cabc
import os
import typing as t

from ..project.fast_path import nothing_to_upgrade

if t.TYPE_CHECKING:
    from ..results import Applied
    from ..results import Sql

Directory: t.TypeAlias = "str | os.PathLike[str] | None"
XArg: t.TypeAlias = "str | cabc.Sequence[str] | None"


@t.overload
def upgrade(
    directory: Directory = ...,
    revision: str = ...,
    sql: t.Literal[False] = ...,
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> list[Applied]: ...
@t.overload
def upgrade(
    directory: Directory = ...,
    revision: str = ...,
    *,
    sql: t.Literal[True],
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> Sql: ...
def upgrade(
    directory: Directory = None,
    revision: str = "head",
    sql: bool = False,
    tag: str | None = None,
    x_arg: XArg = None,
) -> list[Applied] | Sql:
    """Bring the databases to a later revision.

    :param revision: an id, steps such as ``+1``, or ``heads``; ``head``, the default,
        means all heads if each is a branch with its own label.
    :return: the revisions that were applied, in order; with ``sql``, the SQL text.
    :raises MultipleHeads: ``revision`` is ``head``, and there are several by accident.
    :raises RevisionFailed: a script raised an error.
    :raises UnknownRevision: there is no such revision.
    """
    is_plain = (revision, sql, tag, x_arg) == ("head", False, None, None)
    if is_plain and nothing_to_upgrade(directory):
        return []
    # This loads Alembic, which a deploy without new revisions does not need.
    from ..environment.invocation import Invocation

    call = Invocation(directory, x_arg)
    if sql:
        from . import offline

        if offline.can_record(call):
            return offline.record("upgrade", revision, directory, tag, x_arg)
    return call.upgrade(revision, sql, tag)

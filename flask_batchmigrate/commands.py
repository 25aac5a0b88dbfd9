"""The commands as functions: they return values, raise, and print nothing.

All of them need an application context, except :func:`list_templates`.
"""

from __future__ import annotations

import collections.abc as cabc
import os
import pathlib
import typing as t

from .results import Applied
from .results import Current
from .results import RevisionInfo
from .results import Template

if t.TYPE_CHECKING:
    from alembic.script import Script

Directory: t.TypeAlias = "str | os.PathLike[str] | None"
XArg: t.TypeAlias = "str | cabc.Sequence[str] | None"


def list_templates() -> list[Template]:
    """List the templates that :func:`init` can write."""
    raise NotImplementedError


def init(
    directory: Directory = None,
    multidb: bool = False,
    template: str | None = None,
    package: bool = False,
) -> pathlib.Path:
    """Write a migrations folder; return its absolute path."""
    raise NotImplementedError


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
) -> list[Script]:
    """Write a new revision file; return the scripts written."""
    raise NotImplementedError


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
) -> list[Script]:
    """Write a revision with what differs; an empty list: nothing differs."""
    raise NotImplementedError


def edit(directory: Directory = None, revision: str = "current") -> list[Script]:
    """Open revision files in the editor; return their scripts."""
    raise NotImplementedError


def merge(
    directory: Directory = None,
    revisions: str | cabc.Sequence[str] = "",
    message: str | None = None,
    branch_label: str | None = None,
    rev_id: str | None = None,
    *,
    splice: bool = False,
) -> Script:
    """Join heads with a new revision; with no revisions named, all heads."""
    raise NotImplementedError


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
    directory: Directory,
    revision: str,
    sql: bool,
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> list[Applied] | str: ...
@t.overload
def upgrade(
    directory: Directory = ...,
    revision: str = ...,
    *,
    sql: bool,
    tag: str | None = ...,
    x_arg: XArg = ...,
) -> list[Applied] | str: ...
def upgrade(
    directory: Directory = None,
    revision: str = "head",
    sql: bool = False,
    tag: str | None = None,
    x_arg: XArg = None,
) -> list[Applied] | str:
    """Upgrade; return what was applied, or the SQL text with ``sql``."""
    raise NotImplementedError


def downgrade(
    directory: Directory = None,
    revision: str | int = "-1",
    sql: bool = False,
    tag: str | None = None,
    x_arg: XArg = None,
) -> list[Applied] | str:
    """Downgrade; return what was reverted, or the SQL text with ``sql``."""
    raise NotImplementedError


def show(directory: Directory = None, revision: str = "head") -> list[Script]:
    """Return the scripts that a symbol stands for."""
    raise NotImplementedError


def history(
    directory: Directory = None,
    rev_range: str | None = None,
    verbose: bool = False,
    indicate_current: bool = False,
) -> list[RevisionInfo]:
    """Return the history, newest first."""
    raise NotImplementedError


def heads(
    directory: Directory = None,
    verbose: bool = False,
    resolve_dependencies: bool = False,
) -> list[RevisionInfo]:
    """Return the heads of the migrations folder."""
    raise NotImplementedError


def branches(directory: Directory = None, verbose: bool = False) -> list[RevisionInfo]:
    """Return the branch points, each with the scripts that follow (``next``)."""
    raise NotImplementedError


def current(directory: Directory = None, verbose: bool = False) -> list[Current]:
    """Return the revisions of each database."""
    raise NotImplementedError


def stamp(
    directory: Directory = None,
    revision: str | cabc.Sequence[str] = "head",
    sql: bool = False,
    tag: str | None = None,
    purge: bool = False,
) -> list[Applied] | str:
    """Set the stored revision without running a script."""
    raise NotImplementedError


def check(directory: Directory = None) -> bool:
    """Return True; raise :exc:`.SchemaDiffers` when models and database differ."""
    raise NotImplementedError


def ensure_version(directory: Directory = None, sql: bool = False) -> str | None:
    """Create the version table where it is missing; return the SQL with ``sql``."""
    raise NotImplementedError

"""Determines the binds of a run, and the form of its scripts."""

from __future__ import annotations

import re
import typing as t

from ..errors import UnknownBind
from ..project import binds
from ..project.binds import Bind
from ..project.folder import Folder
from ..project.revision_files import names_in
from ..project.revision_files import takes_engine_name
from ..state import MigrateState
from ..value_classes import value_class

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_FOR_SEVERAL: t.Final = re.compile(r"engine_name|_upgrades")


@value_class
class Scope:
    """The binds of one run, and the form of its scripts.

    :param binds: the binds that the packaged environment migrates.
    :param left_out: binds to migrate that do not fit the form of the scripts.
    :param known: every bind of the application.
    :param multi: whether scripts have a function for each bind.
    """

    binds: tuple[Bind, ...]
    left_out: tuple[Bind, ...]
    known: tuple[Bind, ...]
    multi: bool

    @property
    def selected(self) -> tuple[Bind, ...]:
        """Every bind that should be migrated."""
        return self.binds + self.left_out


def make(state: MigrateState, folder: Folder, scripts: ScriptDirectory) -> Scope:
    """Choose the binds and the form for an application and its folder.

    If the folder has a ``script.py.mako``, that decides the form. If not, scripts have
    the form for several databases as soon as there is a bind beside the default one.

    :raises UnknownBind: no bind is left to migrate, or a setting names an unknown one.
    """
    known = binds.find(state)
    named: set[str] = set()
    multi = False
    for script in scripts.walk_revisions():
        if takes_engine_name(script):
            named |= names_in(script)
            multi = True
        else:
            named.add("")
    if not folder.env.is_file():
        binds.require_named(state, known, named)
    selected = binds.select(state, known, named)
    if not selected:
        raise UnknownBind(
            "The settings leave no bind to migrate",
            "Correct 'BATCHMIGRATE_BINDS' or 'BATCHMIGRATE_EXCLUDE_BINDS'.",
        )
    template = folder.script_template
    if template.is_file():
        multi = multi or bool(_FOR_SEVERAL.search(template.read_text("utf-8")))
    else:
        multi = multi or [bind.key for bind in selected] != [""]
    count = len(selected) if multi else 1
    everything = tuple(known.values())
    return Scope(tuple(selected[:count]), tuple(selected[count:]), everything, multi)

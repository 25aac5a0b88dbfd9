"""Works out which binds a migrations folder serves, and the form of its scripts."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..errors import UnknownBind
from ..state import MigrateState
from . import binds
from .binds import Bind
from .folder import Folder
from .revision_files import names_in
from .revision_files import takes_engine_name

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_FOR_SEVERAL: t.Final = re.compile(r"engine_name|_upgrades")


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """What one run is about.

    :param binds: the binds that the packaged environment migrates.
    :param left_out: binds that should be migrated, but not in the folder's form.
    :param known: every bind of the application.
    :param multi: scripts have a function for each bind.
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
    """Choose the binds and the form, from the application and the folder.

    A folder with a ``script.py.mako`` has the form of that. One without has the form
    for several databases as soon as there is more than the default bind.

    :raises UnknownBind: nothing is left to migrate, or a setting names no bind.
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

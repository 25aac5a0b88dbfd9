"""Which binds a migrations folder is for, and in which form its scripts are."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..errors import UnknownBind
from . import targets
from .config import Setup
from .folder import check_files
from .folder import names_in
from .folder import takes_engine_name
from .targets import Target

if t.TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_FOR_SEVERAL: t.Final = re.compile(r"engine_name|_upgrades")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What one run is about.

    :param targets: the binds that the packaged environment migrates.
    :param left_out: binds that should be migrated, but not in the folder's form.
    :param known: every bind of the application.
    :param multi: scripts have a function for each bind.
    """

    targets: tuple[Target, ...]
    left_out: tuple[Target, ...]
    known: tuple[Target, ...]
    multi: bool

    @property
    def selected(self) -> tuple[Target, ...]:
        """Every bind that should be migrated."""
        return self.targets + self.left_out


def make(setup: Setup, scripts: ScriptDirectory) -> Plan:
    """Choose the binds and the form, from the application and the folder.

    A folder with a ``script.py.mako`` has the form of that. One without has the form
    for several databases as soon as there is more than the default bind.

    :raises UnknownBind: nothing is left to migrate, or a setting names no bind.
    """
    if not setup.files_checked:
        check_files(scripts)
    known = targets.find(setup.state)
    named: set[str] = set()
    multi = False
    for script in scripts.walk_revisions():
        if takes_engine_name(script):
            named |= names_in(script)
            multi = True
        else:
            named.add("")
    if not setup.folder.env.is_file():
        targets.require_named(setup.state, known, named)
    selected = targets.select(setup.state, known, named)
    if not selected:
        raise UnknownBind(
            "The settings leave no bind to migrate. Nothing was changed. Correct "
            "'BATCHMIGRATE_BINDS' or 'BATCHMIGRATE_EXCLUDE_BINDS'."
        )
    template = setup.folder.script_template
    if template.is_file():
        multi = multi or bool(_FOR_SEVERAL.search(template.read_text("utf-8")))
    else:
        multi = multi or [target.bind for target in selected] != [""]
    count = len(selected) if multi else 1
    everything = tuple(known.values())
    return Plan(tuple(selected[:count]), tuple(selected[count:]), everything, multi)

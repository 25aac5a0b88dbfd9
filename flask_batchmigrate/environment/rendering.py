"""Renders revision files: from the user's template, else from the packaged one."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from mako.template import Template  # type: ignore[import-untyped]

from ..errors import BrokenScript
from . import plan
from .config import setup_of
from .config import TEMPLATES


def engine_names(config: AlembicConfig) -> list[str]:
    """Return the names of the binds that a new revision has functions for."""
    made = plan.make(setup_of(config), ScriptDirectory.from_config(config))
    return [target.name for target in made.targets]


def render_revision(arguments: cabc.Mapping[str, t.Any]) -> str:
    """Return the text of a new revision file.

    :param arguments: what Alembic hands to ``script.py.mako``.
    :raises BrokenScript: the user's template fails.
    """
    config = arguments["config"]
    setup = setup_of(config)
    path = setup.folder.script_template
    if not path.is_file():
        made = plan.make(setup, ScriptDirectory.from_config(config))
        name = "flask-multidb" if made.multi else "flask"
        path = TEMPLATES / name / "script.py.mako"
    try:
        return render(path, arguments)
    except Exception as error:
        raise BrokenScript(
            f"Template '{path}' failed: {type(error).__name__}: {error}. "
            "No file was written. Correct the template, or delete it to use the "
            "packaged one.",
            path,
        ) from error


def render(path: pathlib.Path, arguments: cabc.Mapping[str, t.Any]) -> str:
    """Return what a Mako template makes of its arguments."""
    template = Template(filename=str(path))
    return t.cast("str", template.render_unicode(**arguments))

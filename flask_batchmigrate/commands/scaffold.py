"""Writes migrations folders from templates."""

from __future__ import annotations

import os
import pathlib
import shutil

from alembic.script import ScriptDirectory

from ..environment.config import Config
from ..environment.config import setup_of
from ..environment.config import TEMPLATES
from ..environment.rendering import render
from ..errors import MigrationFolderError
from ..errors import NOTHING_WRITTEN
from ..errors import NotSupported
from ..errors import UnknownTemplate
from ..reporting import reporter
from ..results import Template

#: The entries that ``migrate`` may have made before ``init`` is called.
_MADE_BY_MIGRATE = {"versions", "__init__.py", "__pycache__"}


def templates() -> list[Template]:
    """Return the templates of this package."""
    return [
        Template(path.name, (path / "README").read_text("utf-8").splitlines()[0], path)
        for path in sorted(TEMPLATES.iterdir())
        if path.is_dir()
    ]


def find_template(config: Config, name: str | None, multidb: bool) -> pathlib.Path:
    """Return the folder of a template.

    :param name: a name, or a path that contains a separator; None chooses the template
        that fits the application.
    :param multidb: whether the form for several databases was asked for.
    :raises UnknownTemplate: there is no such template.
    :raises NotSupported: the template is for asynchronous engines.
    """
    if name is None:
        several = multidb or _is_multi(config)
        name = "flask-multidb" if several else "flask"
    if name.startswith("aioflask"):
        raise NotSupported(
            f"Template '{name}' is for asynchronous engines, which are not supported",
            "Use 'flask' or 'flask-multidb' with a synchronous driver.",
            state=NOTHING_WRITTEN,
        )
    is_path = "/" in name or "\\" in name
    path = pathlib.Path(name) if is_path else TEMPLATES / name
    if not path.is_dir():
        known = ", ".join(f"'{template.name}'" for template in templates())
        raise UnknownTemplate(
            f"There is no template '{name}'",
            f"Name one of {known}, or the path of a folder.",
        )
    return path


def _is_multi(config: Config) -> bool:
    """Return whether the application or the folder needs the form for several binds."""
    return setup_of(config).make_scope(ScriptDirectory.from_config(config)).multi


def write(config: Config, template: pathlib.Path, package: bool) -> pathlib.Path:
    """Write a migrations folder and return its path.

    If ``migrate`` made the folder, its revisions stay.

    :param package: write ``__init__.py`` files.
    :raises MigrationFolderError: the folder contains other files.
    """
    folder = setup_of(config).folder.path
    if folder.is_dir() and {path.name for path in folder.iterdir()} - _MADE_BY_MIGRATE:
        raise MigrationFolderError(
            f"'{folder}' exists and is not empty",
            "Choose another folder with '--directory', or move all but 'versions' out "
            "of this one.",
            state=NOTHING_WRITTEN,
        )
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    ini = pathlib.Path(config.config_file_name or folder / "alembic.ini")
    for source in sorted(template.iterdir()):
        if source.name == "alembic.ini.mako":
            _write_ini(source, ini, folder)
        elif source.is_file():
            shutil.copyfile(source, folder / source.name)
            reporter().file_written(str(folder / source.name))
    for path in (folder, versions) if package else ():
        (path / "__init__.py").touch()
        reporter().file_written(str(path / "__init__.py"))
    return folder


def _write_ini(source: pathlib.Path, ini: pathlib.Path, folder: pathlib.Path) -> None:
    """Write the ini file of a template, unless the file exists."""
    if ini.exists():
        return
    location = os.path.relpath(folder, ini.absolute().parent)
    value = "%(here)s" if location == "." else f"%(here)s/{location}"
    ini.write_text(render(source, {"script_location": value}), "utf-8")
    reporter().file_written(str(ini))

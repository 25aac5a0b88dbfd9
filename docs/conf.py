"""Sphinx settings; the tables of commands and settings are written from the code."""

from __future__ import annotations

import collections.abc as cabc
import importlib.metadata
import inspect
import pathlib
import typing as t

import click

from flask_batchmigrate.cli import db
from flask_batchmigrate.settings import SETTINGS

project = "Flask-BatchMigrate"
author = "Flask-BatchMigrate contributors"
project_copyright = "2026, Flask-BatchMigrate contributors"
version = release = importlib.metadata.version(project)

extensions = [
    "sphinx.ext.autodoc",
    "myst_parser",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"

GENERATED = pathlib.Path(__file__).parent / "_build" / "generated"


def commands() -> cabc.Iterator[str]:
    """One section for each command, from its help text and parameters."""
    for name, command in sorted(db.commands.items()):
        arguments = [
            p.make_metavar(click.Context(command))
            for p in command.params
            if isinstance(p, click.Argument)
        ]
        yield f"## {' '.join(['flask db', name, *arguments])}\n"
        yield f"{inspect.cleandoc(command.help or '')}\n"
        for option in own_options(command):
            spelling = ", ".join(f"`{opt}`" for opt in option.opts)
            yield f"{spelling}\n: {option.help}\n"


def own_options(command: click.Command) -> cabc.Iterator[click.Option]:
    """The options of the command that the group does not have too."""
    shared = {param.name for param in db.params}
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in shared:
            yield param


def shared_options() -> cabc.Iterator[str]:
    for param in db.params:
        if isinstance(param, click.Option):
            spelling = ", ".join(f"`{opt}`" for opt in param.opts)
            yield f"{spelling}\n: {param.help}\n"


def settings() -> cabc.Iterator[str]:
    """One section for each setting."""
    for setting in SETTINGS:
        yield f"## {setting.argument}\n"
        yield f"`{setting.key}`, {setting.accepts}; default `{setting.default!r}`.\n"
        yield f"{setting.meaning}\n"


def generate(app: t.Any) -> None:
    GENERATED.mkdir(parents=True, exist_ok=True)
    for function in (commands, shared_options, settings):
        text = "\n".join(function())
        file = GENERATED / f"{function.__name__}.md"
        file.write_text(text, encoding="utf-8")


def setup(app: t.Any) -> None:
    app.connect("builder-inited", generate)

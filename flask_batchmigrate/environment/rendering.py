"""Renders revision files: from the user's template, else from the packaged one."""

from __future__ import annotations

import ast
import collections.abc as cabc
import pathlib
import re
import typing as t

from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from mako.template import Template  # type: ignore[import-untyped]

from ..errors import BrokenScript
from ..errors import NOTHING_WRITTEN
from .config import setup_of
from .config import TEMPLATES

_IN_DOCSTRING: t.Final = re.compile(r'(?<![rR])"""\$\{\s*message\s*\}')
_ENDS_DOCSTRING: t.Final = re.compile(r'"{3,}|"+\Z')
#: Characters that Python refuses in a file, or that control a terminal.
_CONTROL: t.Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE: t.Final = re.compile(r"[\ud800-\udfff]")


def engine_names(config: AlembicConfig) -> list[str]:
    """Return the names of the binds that a new revision has functions for."""
    made = setup_of(config).make_scope(ScriptDirectory.from_config(config))
    return [bind.name for bind in made.binds]


def render_revision(arguments: cabc.Mapping[str, t.Any]) -> str:
    """Return the text of a new revision file.

    :param arguments: the values that Alembic passes to ``script.py.mako``.
    :raises BrokenScript: the user's template fails.
    """
    config = arguments["config"]
    setup = setup_of(config)
    setup.rendered = arguments["up_revision"]
    path = setup.folder.script_template
    if not path.is_file():
        made = setup.make_scope(ScriptDirectory.from_config(config))
        name = "flask-multidb" if made.multi else "flask"
        path = TEMPLATES / name / "script.py.mako"
    try:
        text = render(path, _quotable(path, arguments))
        ast.parse(text)
    except SyntaxError as error:
        raise BrokenScript(
            f"Template '{path}' produces invalid Python (line {error.lineno}): "
            f"{error.msg}",
            "Correct the template or the message.",
            state=NOTHING_WRITTEN,
            path=path,
        ) from error
    except Exception as error:
        raise BrokenScript(
            f"Template '{path}' failed: {type(error).__name__}: {error}",
            "Correct the template, or delete it to use the packaged one.",
            state=NOTHING_WRITTEN,
            path=path,
        ) from error
    return text


def _quotable(
    path: pathlib.Path, arguments: cabc.Mapping[str, t.Any]
) -> cabc.Mapping[str, t.Any]:
    """Return the arguments with a message that is valid in a Python file.

    If the template puts the message into a docstring, it is escaped for that.
    """
    message = arguments.get("message")
    if not message:
        return arguments
    message = re.sub(r"\r\n?", "\n", message)
    message = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", message))
    if not _IN_DOCSTRING.search(path.read_text("utf-8")):
        return {**arguments, "message": message}
    escaped = _ENDS_DOCSTRING.sub(
        lambda quotes: '\\"' * len(quotes[0]), message.replace("\\", "\\\\")
    )
    return {**arguments, "message": escaped}


def render(path: pathlib.Path, arguments: cabc.Mapping[str, t.Any]) -> str:
    """Return the text of a Mako template with these arguments."""
    template = Template(filename=str(path))
    return t.cast("str", template.render_unicode(**arguments))

"""Handles the file of a revision that is generated anew."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import pathlib
import shutil
import tempfile

from alembic.script import Script

from ..environment.config import escaped
from ..environment.invocation import Invocation
from ..errors import BatchMigrateError
from ..errors import MultipleHeads
from ..errors import UNCHANGED
from ..value_classes import value_class


def amendable(call: Invocation) -> Script:
    """Return the newest revision.

    :raises MultipleHeads: there are several.
    :raises BatchMigrateError: it is not one that can be generated.
    """
    call.setup.folder.require_writable()
    scripts = call.scripts()
    heads = scripts.get_heads()
    if len(heads) > 1:
        raise MultipleHeads(
            f"There are several heads, {', '.join(map(repr, heads))}, so it is not "
            "known which one to amend",
            "Join them with 'flask db merge', or delete the one that is not needed.",
            heads=tuple(heads),
        )
    if not heads:
        raise BatchMigrateError(
            f"There is no revision in '{call.setup.folder.path}' to amend",
            "Run 'flask db migrate' without '--amend'.",
            state=UNCHANGED,
        )
    (script,) = (each for each in scripts.get_revisions(heads) if each is not None)
    path = pathlib.Path(script.path)
    problem = ""
    if script.is_merge_point:
        problem = "it joins other revisions, and has nothing that is generated"
    elif path.suffix != ".py":
        problem = "its file has no source"
    else:
        problem = _unwritable(path)
    if problem:
        raise BatchMigrateError(
            f"Revision '{script.revision}' ('{path}') cannot be amended: {problem}",
            "Write another revision with 'flask db migrate'.",
            state=UNCHANGED,
            revision=script.revision,
            path=path,
        )
    return script


def _unwritable(path: pathlib.Path) -> str:
    """Return why a file may not be written; an empty text if it may."""
    try:
        path.open("r+b").close()
    except OSError as error:
        return f"its file may not be written ({error.strerror})"
    return ""


@value_class
class Copies:
    """Copies of version folders.

    :param all: the copies, in the order of the folders.
    :param own: the copy of the folder with the file that is left out.
    """

    all: tuple[pathlib.Path, ...]
    own: pathlib.Path

    def use(self, call: Invocation) -> Invocation:
        """Let a call find the copies instead of the folders; return it."""
        text = "\n".join(map(os.fspath, self.all))
        call.config.set_main_option("version_locations", escaped(text))
        call.config.set_main_option("path_separator", "newline")
        return call


@contextlib.contextmanager
def copies_without(path: pathlib.Path, call: Invocation) -> cabc.Iterator[Copies]:
    """Copy the version folders of a call, except for one file.

    The copies are beside the folders, so that scripts find other files, and programs
    that are run on the new file their settings, as in the folders themselves.
    """

    def ignored(folder: str, names: list[str]) -> set[str]:
        # A compiled file must not take the place of the source.
        compiled = {name for name in names if name.startswith(f"{path.stem}.")}
        is_there = pathlib.Path(folder).resolve()
        caches = (path.parent / "__pycache__", path.parent)
        return compiled if is_there in caches else set()

    locations = [
        pathlib.Path(each).resolve()
        for each in call.config.get_version_locations_list() or []
    ]
    copies = []
    own: pathlib.Path | None = None
    with contextlib.ExitStack() as stack:
        for location in locations:
            prefix = f"{location.name}-amending-"
            made = tempfile.mkdtemp(prefix=prefix, dir=location.parent)
            stack.callback(shutil.rmtree, made)
            copy = pathlib.Path(made)
            if location.is_dir():
                shutil.copytree(location, copy, ignore=ignored, dirs_exist_ok=True)
            copies.append(copy)
            if own is None and path.is_relative_to(location):
                own = copy
        assert own is not None
        yield Copies(tuple(copies), own)


@contextlib.contextmanager
def prepared(
    path: pathlib.Path, text: bytes
) -> cabc.Iterator[cabc.Callable[[], object]]:
    """Write a text beside a file, so that it can take the file's place in one step.

    :return: the function that puts it there.
    """
    handle, name = tempfile.mkstemp(prefix=".amending-", suffix=".tmp", dir=path.parent)
    replacement = pathlib.Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, replacement)
        yield lambda: replacement.replace(path)
    finally:
        replacement.unlink(missing_ok=True)


@contextlib.contextmanager
def kept(path: pathlib.Path, text: bytes) -> cabc.Iterator[pathlib.Path]:
    """Keep the text of a file in another one, which goes if the block fails.

    :return: the other file, which Alembic does not take for a revision.
    """
    number = 1
    while True:
        backup = path.with_name(f"{path.name}.bak{'' if number == 1 else number}")
        try:
            with backup.open("xb") as file:
                file.write(text)
            break
        except FileExistsError:
            number += 1
    try:
        yield backup
    except BaseException:
        backup.unlink()
        raise

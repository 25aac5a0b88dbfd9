"""Finds the file and line of a migrations folder that an error comes from.

Only file names are looked at: the source of a file may be missing.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import traceback


def place_in(
    error: Exception, folder: pathlib.Path
) -> tuple[pathlib.Path, int | None] | None:
    """Return the innermost file of a folder that an error comes from, and its line."""
    if isinstance(error, SyntaxError) and error.filename:
        path = pathlib.Path(error.filename)
        if folder in path.parents or folder.resolve() in path.parents:
            return path, error.lineno
    for path, line in _frames(error):
        if folder in path.parents or folder.resolve() in path.parents:
            return path, line
    return None


def line_in(error: Exception, path: pathlib.Path) -> int | None:
    """Return the line of a file that an error comes from."""
    return next((line for file, line in _frames(error) if file == path), None)


def _frames(error: Exception) -> cabc.Iterator[tuple[pathlib.Path, int]]:
    """Yield the files and lines of an error's traceback, the innermost first."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        yield pathlib.Path(frame.f_code.co_filename), line

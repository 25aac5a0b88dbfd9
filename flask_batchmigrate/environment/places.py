"""Finds the file and line of a migrations folder that an error comes from."""

from __future__ import annotations

import pathlib
import traceback


def place_in(
    error: Exception, folder: pathlib.Path
) -> tuple[pathlib.Path, int | None] | None:
    """Return the innermost file of a folder that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename:
        path = pathlib.Path(error.filename)
        if folder in path.parents or folder.resolve() in path.parents:
            return path, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = pathlib.Path(frame.filename)
        if folder in path.parents or folder.resolve() in path.parents:
            return path, frame.lineno
    return None


def line_in(error: Exception, path: pathlib.Path) -> int | None:
    """Return the line of a file that an error comes from."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if pathlib.Path(frame.filename) == path:
            return frame.lineno
    return None

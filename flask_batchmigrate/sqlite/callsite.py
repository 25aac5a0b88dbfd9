"""Finds the line of a migration script that is being run, for error messages."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sys
import sysconfig
import traceback
import typing as t

if t.TYPE_CHECKING:
    import types

_OURS = str(pathlib.Path(__file__).parent.parent)
_LIBRARIES = tuple(
    {
        sysconfig.get_path(name)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
)


def calling_script(error: BaseException | None = None) -> str | None:
    """Name file and line of the innermost caller that belongs to the application.

    A file in a folder called ``versions`` is preferred: it is the migration.

    :param error: look through the traceback of this error instead of the stack.
    :return: ``"path/to/file.py, line 7"``, or ``None`` where no caller belongs to it.
    """
    best: tuple[str, int] | None = None
    for path, line in _raised_through(error) if error else _called_through():
        if pathlib.PurePath(path).parent.name == "versions":
            best = (path, line)
            break
        if best is None and not path.startswith((_OURS, "<", *_LIBRARIES)):
            best = (path, line)
    return f"{best[0]}, line {best[1]}" if best else None


def _called_through() -> cabc.Iterator[tuple[str, int]]:
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _raised_through(error: BaseException) -> cabc.Iterator[tuple[str, int]]:
    frames = traceback.walk_tb(error.__traceback__)
    for frame, line in reversed(list(frames)):
        yield frame.f_code.co_filename, line

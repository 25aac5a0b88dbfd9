"""Folders and files that cannot be written, for the superuser too."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import ctypes
import os
import pathlib
import sys

import pytest

#: ``CAP_DAC_OVERRIDE`` of capabilities(7): whether permissions count for a thread.
_OVERRIDE = 1 << 1
#: ``_LINUX_CAPABILITY_VERSION_3`` of capget(2).
_VERSION = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextlib.contextmanager
def _like_others() -> cabc.Iterator[None]:
    """Let permissions count for this thread, as they do for users but the superuser."""
    library = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION, 0), (_Set * 2)()
    if library.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capget")
    before = sets[0].effective
    try:
        sets[0].effective = before & ~_OVERRIDE
        if library.capset(ctypes.byref(header), sets):
            raise OSError(ctypes.get_errno(), "capset")
        yield
    finally:
        sets[0].effective = before
        library.capset(ctypes.byref(header), sets)


@contextlib.contextmanager
def unwritable(path: pathlib.Path) -> cabc.Iterator[None]:
    """Let nothing be made in a folder, or written to a file."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs permissions of POSIX")
    is_superuser = os.geteuid() == 0
    if is_superuser and sys.platform != "linux":
        pytest.skip("the superuser may write anywhere")
    mode = path.stat().st_mode
    path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with _like_others() if is_superuser else contextlib.nullcontext():
            yield
    finally:
        path.chmod(mode)

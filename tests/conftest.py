"""Fixtures that all tests may use."""

from __future__ import annotations

import collections.abc as cabc
import pathlib

import pytest

from .apps import Apps


@pytest.fixture
def apps(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> cabc.Iterator[Apps]:
    """Makes applications in an empty current directory, and closes their engines."""
    monkeypatch.chdir(tmp_path)
    made = Apps(tmp_path)
    yield made
    made.close()

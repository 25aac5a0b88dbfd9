"""The comparison on the first page of the documentation is what really happens."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.processes import ROOT
from tools.docs import comparison

PAGE = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
ROWS = {
    cells[0]: cells[1:]
    for line in re.findall(r"^\| (.*) \|$", PAGE, re.M)
    if len(cells := line.split(" | ")) == 3
}
pytest.importorskip("flask_migrate")


@pytest.mark.parametrize("case", comparison.CASES, ids=lambda case: case.what)
def test_row(tmp_path: pathlib.Path, case: comparison.Case) -> None:
    """Each row was tried with both."""
    told = []
    for package in ("flask_batchmigrate", "flask_migrate"):
        folder = tmp_path / package
        folder.mkdir()
        told.append(comparison.outcome(case, package, folder))
    assert ROWS[case.what] == told

"""Alembic's own tests pass with the engine, but for a list with a reason for each."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import typing as t
from xml.etree import ElementTree

import pytest

from tests.alembic_suite import test_differences
from tests.alembic_suite.differences import ALEMBIC
from tests.alembic_suite.differences import DIFFERENCES
from tests.alembic_suite.differences import LEFT_OUT
from tests.alembic_suite.differences import plain_name
from tests.processes import environment
from tests.processes import ROOT
from tools.docs import alembic_differences_page

HERE = pathlib.Path(__file__).parent


def unpacked(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A copy of Alembic's source distribution that tests may write to."""
    if source.is_dir():
        shutil.copytree(source, folder / "alembic")
    else:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
    return next(folder.glob("alembic*"))


@pytest.mark.skipif(
    "ALEMBIC_SOURCE" not in os.environ,
    reason="ALEMBIC_SOURCE does not name a source distribution of Alembic",
)
def test_alembics_own_tests(tmp_path: pathlib.Path) -> None:
    """Each test passes, or is listed and fails."""
    source = pathlib.Path(os.environ["ALEMBIC_SOURCE"]).resolve()
    alembic = unpacked(source, tmp_path)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests", "-q", "-p", "engine_plugin"),
            *("-p", "no:warnings", "-p", "no:logging", "-p", "no:cacheprovider"),
            *("-o", "addopts=--tb=short", "--junitxml=report.xml"),
            *(f"--ignore=tests/{name}" for name in LEFT_OUT),
        ],
        cwd=alembic,
        env=environment({"PYTHONPATH": os.pathsep.join(map(str, (HERE, ROOT)))}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    outcomes = read(alembic / "report.xml")
    failed_as_listed = {name for name, how in outcomes if how == "xfail"}
    assert sum(how == "passed" for _, how in outcomes) > 1000
    version = re.search(r'__version__ = "([\d.]+)"', code(alembic))
    assert version is not None
    if version[1].startswith(f"{ALEMBIC}."):
        assert failed_as_listed == {d.test for d in DIFFERENCES}


def code(alembic: pathlib.Path) -> str:
    return (alembic / "alembic" / "__init__.py").read_text(encoding="utf-8")


def read(report: pathlib.Path) -> list[tuple[str, str]]:
    """The tests of a report, by their plain names, and how each one went."""
    found: list[tuple[str, str]] = []
    for case in ElementTree.parse(report).iter("testcase"):
        file, _, class_ = case.attrib["classname"].removeprefix("tests.").partition(".")
        name = plain_name(f"{file}.py::{class_}::{case.attrib['name']}")
        skipped = case.find("skipped")
        how: t.Any = "passed"
        if skipped is not None:
            how = skipped.attrib.get("type", "").removeprefix("pytest.")
        found.append((name, how))
    return found


def test_every_difference_is_shown() -> None:
    """For each test of the list there is one of ours that shows what happens."""
    for difference in DIFFERENCES:
        assert callable(getattr(test_differences, difference.ours)), difference


def test_the_list_is_published() -> None:
    """The documentation holds the list as it is."""
    page = alembic_differences_page
    assert page.PAGE.read_text(encoding="utf-8") == page.render()

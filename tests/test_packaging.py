"""What the distribution says about itself, and what it carries."""

from __future__ import annotations

import importlib.metadata
import pathlib
import re

import flask_batchmigrate

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = pathlib.Path(flask_batchmigrate.__file__).parent


def section(name: str) -> str:
    """The text of one table of pyproject.toml (Python 3.10 has no reader for it)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
    assert found is not None
    return found[1]


def declared_dependencies() -> dict[str, str]:
    """Name and lower bound of each dependency."""
    block = re.search(r"^dependencies = \[\n(.*?)^\]", section("project"), re.M | re.S)
    assert block is not None
    return dict(re.findall(r'"([a-z-]+) >=([0-9.]+)"', block[1]))


def test_every_import_is_declared() -> None:
    """The package imports nothing but its dependencies and what they require."""
    declared = {name.replace("-", "_") for name in declared_dependencies()}
    # Alembic's and Flask's own requirements, which both promise to bring along.
    brought = {"mako", "werkzeug"}
    # Supported where the application has it; never imported without asking. The other
    # is imported by type checkers alone.
    optional = {"flask_sqlalchemy_lite", "typing_extensions"}
    imported = set()
    for path in FOLDER.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        imported |= set(re.findall(r"^\s*(?:import|from) ([a-z_]+)", text, re.M))
    distributions = importlib.metadata.packages_distributions()
    foreign = {
        name
        for name in imported & set(distributions)
        if name != "flask_batchmigrate" and name not in optional
    }
    assert foreign <= declared | brought


def test_lowest_releases_are_tested() -> None:
    """The pinned releases of the lowest test run are the declared lower bounds."""
    text = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8")
    pinned: dict[str, str] = {}
    for name, release in re.findall(r"^([a-z-]+)==([0-9.]+)", text, re.M):
        pinned.setdefault(name, release)
    assert pinned.keys() == declared_dependencies().keys()
    for name, bound in declared_dependencies().items():
        assert f"{pinned[name]}.".startswith(f"{bound}."), name


def test_readme_and_license_are_named() -> None:
    """The files that the metadata names exist."""
    project = section("project")
    for name in re.findall(r'(?:readme = |license-files = \[)"([^"]+)"', project):
        assert (ROOT / name).is_file()


def test_changelog_has_the_version() -> None:
    """The version that is built is described in the changelog."""
    version = re.search(r'^version = "([^"]+)"', section("project"), re.M)
    assert version is not None
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {version[1]} - " in changelog


def test_data_files_are_inside_the_package() -> None:
    """What is not Python is inside the package folder, so that every wheel has it."""
    assert (FOLDER / "py.typed").is_file()
    assert (FOLDER / "environment" / "packaged" / "script.py.mako").is_file()
    templates = FOLDER / "environment" / "templates"
    for template in ("flask", "flask-multidb"):
        names = {path.name for path in (templates / template).iterdir()}
        assert {"README", "alembic.ini.mako", "env.py", "script.py.mako"} <= names

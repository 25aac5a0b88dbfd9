"""README and documentation say what the code does, and their examples run."""

from __future__ import annotations

import pathlib
import re

import click
import pytest

import flask_batchmigrate
from flask_batchmigrate.cli import db
from flask_batchmigrate.settings import SETTINGS
from tests.apps import Apps
from tests.apps import query
from tests.apps import version_of
from tests.apps import write_revision
from tests.processes import flask
from tests.processes import python
from tests.processes import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHARED = {param.name for param in db.params}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the README, without its header."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines[2:]]


def block(text: str, label: str) -> str:
    """The code block that follows a comment."""
    found = re.search(rf"<!-- {re.escape(label)} -->\n```\w+\n(.*?)```", text, re.S)
    assert found is not None, label
    return found[1]


def own_options(command: click.Command) -> set[str]:
    return {
        opt
        for param in command.params
        if isinstance(param, click.Option) and param.name not in SHARED
        for opt in param.opts
        if opt.startswith("--")
    }


def test_every_command_and_option_is_in_the_readme() -> None:
    """The table of commands is exactly what the command line has."""
    documented = {
        cells[0].strip("`").partition(" ")[0]: set(re.findall(r"--[\w-]+", cells[2]))
        for cells in rows("Commands")
    }
    assert documented == {n: own_options(c) for n, c in db.commands.items()}


@pytest.mark.parametrize("name", db.commands)
def test_every_command_takes_the_shared_options(name: str) -> None:
    """What the README says of all commands holds for each."""
    taken = {param.name for param in db.commands[name].params}
    assert taken >= SHARED
    text = README.partition("\n## Commands\n")[2].partition("| Command")[0]
    for param in db.params:
        assert max(param.opts, key=len) in text


def test_every_setting_is_in_the_readme() -> None:
    """The table of settings has the names and defaults of the code."""
    documented = [[cell.strip("`") for cell in cells[:3]] for cells in rows("Settings")]
    assert documented == [[s.argument, s.key, repr(s.default)] for s in SETTINGS]


def test_every_function_is_in_the_reference() -> None:
    """The reference of the Python API lists each function that is public."""
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"autofunction:: flask_batchmigrate\.(\w+)$", text, re.M))
    assert listed == {n for n in flask_batchmigrate.__all__ if n[0].islower()}


def test_every_page_is_reached() -> None:
    """The README's links lead somewhere."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("label", ["set-up: example", "set-up: tests"])
def test_set_up_is_one_line(label: str) -> None:
    """Each set-up command can be pasted as one line."""
    assert len(block(README, label).splitlines()) == 1


def test_quick_start_runs(tmp_path: pathlib.Path) -> None:
    """The README's quick start, pasted into an empty folder, makes the table."""
    code = block(README, "quick start: app.py")
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    lines = block(README, "quick start: commands").splitlines()
    assert all(line.startswith("flask ") for line in lines)
    flask(tmp_path, *(line.removeprefix("flask ") for line in lines))

    (file,) = tmp_path.rglob("app.sqlite")
    assert query(file, "SELECT name FROM pragma_table_info('user')") == [
        ("id",),
        ("name",),
    ]
    assert len(version_of(file)) == 1


def test_tutorial_runs(tmp_path: pathlib.Path) -> None:
    """The tutorial's steps do what it says they do."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    before, after = re.findall(r"```python\n(.*?)```", text, re.S)
    model = re.compile(r"class Book\(db\.Model\):\n(?:    .*\n)+")
    shell = re.findall(r"^>>> (.*)$", text, re.M)
    app = tmp_path / "app.py"
    file = tmp_path / "instance" / "books.sqlite"

    app.write_text(before, encoding="utf-8")
    flask(tmp_path, "db migrate -m books", "db upgrade")
    with_context = ["from app import create_app", "create_app().app_context().push()"]
    python(tmp_path, "\n".join([*with_context, *shell]))

    app.write_text(model.sub(lambda _: after, before), encoding="utf-8")
    flask(tmp_path, "db migrate -m 'pages are numbers'", "db upgrade", "db downgrade")
    rows = query(file, "SELECT title, pages FROM book")
    assert rows == [("Frankenstein", "280")]

    flask(tmp_path, "db upgrade", "db check")
    rows = query(file, "SELECT title, pages, mark FROM book")
    assert rows == [("Frankenstein", 280, None)]


def test_tutorial_quotes_what_is_written(apps: Apps) -> None:
    """The line of a script that the tutorial quotes is one that is written."""
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    write_revision(
        apps.path / "migrations",
        "aa11",
        None,
        "op.create_table('book', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('pages', sa.Integer))",
    )
    with apps.make({None: ["book pages"]}).app_context():
        flask_batchmigrate.upgrade()
        (script,) = flask_batchmigrate.migrate()
    written = pathlib.Path(script.path).read_text(encoding="utf-8")
    (quoted,) = re.findall(r"`(with op\..*?)`", tutorial)
    assert f"    {quoted}\n" in written

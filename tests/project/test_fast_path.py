"""What is told without Alembic is what Alembic would tell."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

import flask_batchmigrate as fb
from tests.apps import write_revision
from tests.cli_project import Project
from tests.cli_project import write_app
from tests.processes import python

CREATE = """
def upgrade():
    from alembic import op
    import sqlalchemy as sa
    op.create_table("t", sa.Column("id", sa.Integer))

def downgrade():
    pass
"""

NONE: dict[str, t.Any] = {"branch_labels": None, "depends_on": None}

LOOK = """
import sys
from flask.cli import main
try:
    sys.argv[1:] = ["--app", "app.py", "db", {command!r}]
    main()
except SystemExit as end:
    print(end.code, "alembic" in sys.modules)
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return Project(tmp_path)


def line(folder: pathlib.Path) -> None:
    write_revision(folder, "aa11", None, **NONE)
    write_revision(folder, "bb22", "aa11", **NONE)


def merged(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "aa11", **NONE)
    write_revision(folder, "dd44", ("bb22", "cc33"), **NONE)


def labelled(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "bb22", branch_labels=("shop",), depends_on=None)


def labelled_at_the_root(folder: pathlib.Path) -> None:
    write_revision(folder, "aa11", None, branch_labels=("shop",), depends_on=None)
    write_revision(folder, "bb22", "aa11", **NONE)


def labelled_by_code(folder: pathlib.Path) -> None:
    line(folder)
    head = "branch_labels = tuple(['shop'])\ndepends_on = None"
    write_revision(folder, "cc33", "bb22", head=head)


def following_by_code(folder: pathlib.Path) -> None:
    line(folder)
    head = "down_revision = ''.join(['bb', '22'])"
    write_revision(folder, "cc33", "aa11", head=head, **NONE)


def dependent(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", None, branch_labels=None, depends_on=("bb22",))


def for_several(folder: pathlib.Path) -> None:
    path = write_revision(folder, "aa11", None, **NONE)
    text = path.read_text()
    path.write_text(text.replace("grade():", "grade(engine_name):"))


def with_two_heads(folder: pathlib.Path) -> None:
    line(folder)
    write_revision(folder, "cc33", "aa11", **NONE)


SHAPES = [
    line,
    merged,
    labelled,
    labelled_at_the_root,
    labelled_by_code,
    following_by_code,
    dependent,
    for_several,
    with_two_heads,
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_it_is_what_a_closer_look_tells(
    project: Project, monkeypatch: pytest.MonkeyPatch, shape: t.Any
) -> None:
    """``heads`` and ``current`` print the same, at the head and behind it."""
    shape(project.path / "migrations")
    monkeypatch.chdir(project.path)
    for revision in ("aa11", "heads"):
        project.ok("stamp", "--purge", revision)
        with project.app() as app, app.app_context():
            heads = [
                each.script.cmd_format(
                    False, include_branches=True, tree_indicators=False
                )
                for each in fb.heads()
            ]
            current = [s.cmd_format(False) for c in fb.current() for s in c.scripts]
        assert project.ok("heads").stdout.splitlines() == heads
        assert project.ok("current").stdout.splitlines() == current


#: The beginnings of files: where the ids stand, and what only looks like one.
HEADERS = {
    "in the docstring": '"""Step\n\nrevision = "aa11"\n"""\n{}\n',
    "in the docstring, with quotes": '"""Step "" "\nrevision = "aa11"\n"""\n{}\n',
    "in a raw docstring": "r'''Step\nrevision = 'aa11'\n'''\n{}\n",
    "in a string": "{}\nNOTE = '''\nrevision = 'aa11'\n'''\n",
    "in a string before": "NOTE = '''\nrevision = 'aa11'\n'''\n{}\n",
    "in a string of lines": "{}\nNOTE = '\\\nrevision = 1'\n",
    "in a comment": "# one\n#revision = 'aa11'\n{}\n# revision = 'aa11'\n",
    "in a call": "{}\nNOTE = dict(\nrevision='aa11',\ndown_revision=None)\n",
    "in a branch not taken": "{}\nif not revision:\n    revision = 'aa11'\n",
    "in a branch taken": "revision = 'aa11'\nif revision:\n    {}\n",
    "on the line of a branch": "{}\nif not revision: revision = 'aa11'\n",
    "in the other branch": "try:\n    import nothing\nexcept ImportError:\n    {}\n",
    "in a loop": "down_revision = 'bb22'\n"
    "for revision in ('dd44', 'cc33'):\n    pass\n",
    "in a function": "{}\ndef other():\n    revision = 'aa11'\n    return revision\n",
    "by a function": "revision = down_revision = 'bb22'\ndef name():\n"
    "    global revision\n    revision = 'cc33'\nname()\n",
    "in a class": "{}\nclass Other:\n    revision = 'aa11'\n",
    "twice": "revision = 'aa11'\n{}\n",
    "twice, with types": "revision: str = 'aa11'\nrevision: str = 'cc33'\n"
    "down_revision: str | None = 'bb22'\n",
    "in a chain": "number = revision = 'cc33'\ndown_revision = 'bb22'\n",
    "by unpacking": "revision, down_revision = 'cc33', 'bb22'\n",
    "on one line": "revision = 'cc33'; down_revision = 'bb22'\n",
    "as one of several": "revision = 'cc33'\n"
    "down_revision = (\n    'bb22',  # one\n)\n",
    "in pieces": "revision = 'cc' '33'\ndown_revision = ('bb'\n'22')\n",
    "by an escape": "revision = '\\x63c33'\ndown_revision = 'bb22'\n",
    "with a hash": "revision = 'cc33'  # 'aa11'\ndown_revision = 'bb22' # none\n",
    "by adding": "revision = 'cc'\nrevision += '33'\ndown_revision = 'bb22'\n",
    "by importing": "from flask import Flask as down_revision\n{}\n",
    "by a walrus": "print_ = (revision := 'cc33')\ndown_revision = 'bb22'\n",
    "without a space": "revision='cc33'\ndown_revision='bb22'\n",
    "after a form feed": "\f{}\n",
    "after a byte order mark": "\ufeff{}\n",
}


@pytest.mark.parametrize("command", ["upgrade", "heads", "current"])
@pytest.mark.parametrize("shape", HEADERS)
def test_a_header_is_read_as_python_reads_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, shape: str, command: str
) -> None:
    """What a file assigns counts, and nothing else that its text has."""
    line(project.path / "migrations")
    project.ok("upgrade")
    text = HEADERS[shape].format("revision = 'cc33'; down_revision = 'bb22'")
    path = project.versions / "cc33_.py"
    path.write_text(text + CREATE, encoding="utf-8")
    if command == "upgrade":
        project.ok("upgrade")
        assert (project.version(), "t" in project.tables_in()) == ({"cc33"}, True)
    else:
        for revision in ("bb22", "cc33"):
            project.ok("stamp", "--purge", revision)
            named = "cc33" if command == "heads" else revision
            head = " (head)" if named == "cc33" else ""
            assert project.ok(command).stdout == f"{named}{head}\n"


@pytest.mark.parametrize(
    "message",
    [
        "Step\nrevision = 'aa11'\ndown_revision = None",
        'say """no"""',
        "say '''no'''",
        '"',
        "a back\\slash",
        r"\N{nothing} \x \u12",
        "ends with a back\\",
        "a\rb\r\nc",
        "a\0b",
        "\x1b[31mred",
        "\udcff",
        "${nothing} % end\n% if x:\n## no",
        "",
    ],
)
@pytest.mark.parametrize("command", ["revision", "migrate", "merge"])
def test_a_message_is_written_into_the_file(
    project: Project, command: str, message: str
) -> None:
    """Whatever it says, the file can be read, and says the same."""
    line(project.path / "migrations")
    if command == "merge":
        write_revision(project.path / "migrations", "cc33", "aa11", **NONE)
    project.ok("upgrade", "heads")
    project.tables = {"t": ["name"]}
    project.ok(command, "-m", message, "--rev-id", "dd44")
    project.ok("upgrade")
    assert project.version() == {"dd44"}
    with project.app() as app, app.app_context():
        (script,) = fb.show(project.path / "migrations", "dd44")
    shown = str.maketrans({"\0": " ", "\x1b": " ", "\udcff": "\ufffd"})
    said = message.replace("\r\n", "\n").replace("\r", "\n").translate(shown)
    assert script.module.__doc__.startswith(f"{said}\n")


@pytest.mark.parametrize("command", ["upgrade", "current", "heads"])
def test_the_plain_case_loads_no_alembic(project: Project, command: str) -> None:
    """One database at the one head of a line: its files are read, and not run."""
    write_app(project.path)
    line(project.path / "migrations")
    project.ok("upgrade")
    said = python(project.path, LOOK.format(command=command))
    assert said.splitlines()[-1] == "0 False"
    assert command == "upgrade" or said.startswith("bb22 (head)\n")


def test_a_customised_environment_is_asked(project: Project) -> None:
    """An ``env.py`` may look at another database; it is run, not passed over."""
    line(project.path / "migrations")
    project.ok("upgrade")
    (project.path / "migrations" / "env.py").write_text("raise OSError('asked')\n")
    outcome = project.db("current")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "asked" in outcome.stderr

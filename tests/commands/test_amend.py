"""The newest revision is generated anew, and nothing is lost on the way."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import re
import sqlite3
import typing as t

import pytest
from alembic.operations import ops

from tests.apps import query
from tests.cli_project import Outcome
from tests.cli_project import Project
from tests.cli_project import write_app
from tests.permissions import unwritable
from tests.processes import start_python


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """A table at its second revision, with a row, and a model that has moved on."""
    project = Project(tmp_path, {"user": ["name"]})
    project.ok("migrate", "-m", "users", "--rev-id", "aa11")
    project.ok("upgrade")
    project.tables["user"].append("mail")
    project.ok("migrate", "-m", "mail of users", "--rev-id", "bb22")
    project.ok("upgrade")
    project.tables["user"][1] = "email"
    return project


def newest(project: Project, revision: str = "bb22") -> pathlib.Path:
    (file,) = project.versions.glob(f"{revision}_*.py")
    return file


def insert(project: Project, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute(sql)
        connection.commit()


def columns(project: Project, table: str = "user") -> list[str]:
    rows = query(project.database, f"SELECT name FROM pragma_table_info('{table}')")
    return [name for (name,) in rows]


def test_cycle(project: Project) -> None:
    """The file keeps its name, id, place and message, and says what the models say."""
    insert(project, "INSERT INTO user (name) VALUES ('Ada')")
    file = newest(project)
    old = file.read_bytes()
    outcome = project.ok("migrate", "--amend")
    assert f"Generating {file} ...  done" in outcome.stdout
    text = file.read_text()
    assert newest(project) == file
    assert '"""mail of users\n' in text
    assert "down_revision = 'aa11'" in text
    assert "'email'" in text and "'mail'" not in text
    assert file.with_name(f"{file.name}.bak").read_bytes() == old
    assert f"old text is in '{file.name}.bak'" in outcome.stderr
    assert project.version() == {"aa11"}
    assert columns(project) == ["id", "name"]
    project.ok("upgrade")
    assert columns(project) == ["id", "name", "email"]
    assert query(project.database, "SELECT name FROM user") == [("Ada",)]
    project.ok("check")
    left = {path.name for path in project.versions.parent.iterdir()}
    assert left == {"versions"}


def test_not_applied_yet(project: Project) -> None:
    """Where the database is at the revision before, it stays there."""
    project.ok("downgrade")
    insert(project, "INSERT INTO user (name) VALUES ('Ada')")
    had = project.database.read_bytes()
    outcome = project.ok("migrate", "--amend", "-m", "email of users")
    assert project.database.read_bytes() == had
    assert '"""email of users\n' in newest(project).read_text()
    assert "loses" not in outcome.output


@pytest.mark.parametrize("applied", [True, False])
def test_first_revision(tmp_path: pathlib.Path, applied: bool) -> None:
    """The first revision has none before it."""
    project = Project(tmp_path, {"user": ["name"]})
    project.ok("migrate", "--rev-id", "aa11")
    if applied:
        project.ok("upgrade")
    project.tables = {"user": ["name", "email"], "pet": []}
    project.ok("migrate", "--amend")
    assert "down_revision = None" in newest(project, "aa11").read_text()
    project.ok("upgrade")
    assert columns(project) == ["id", "name", "email"]
    project.ok("check")


def test_again_and_again(project: Project) -> None:
    """Every old text is kept."""
    file = newest(project)
    texts = [file.read_bytes()]
    for name in ("post", "letter"):
        project.tables["user"][1] = name
        project.ok("migrate", "--amend")
        texts.append(file.read_bytes())
    kept = [file.with_name(f"{file.name}.bak{n}").read_bytes() for n in ("", "2")]
    assert kept == texts[:2]


def test_same_again(project: Project) -> None:
    """Where the same would be written, nothing is done."""
    project.tables["user"][1] = "mail"
    state = project.state()
    outcome = project.ok("migrate", "--amend")
    assert "already what would be generated" in " ".join(outcome.stderr.split())
    assert project.state() == state
    assert outcome.stdout == ""


def test_losses_are_told_beforehand(project: Project) -> None:
    """Values that go with the revision are counted, and may be forbidden."""
    insert(
        project, "INSERT INTO user (name, mail) VALUES ('Ada', 'a@b'), ('Bob', NULL)"
    )
    state = project.state()
    refused = project.db("migrate", "--amend", "--no-destructive")
    assert refused.exit_code == 1
    assert "would lose 1 value of 'user.mail', which '--no-destructive'" in (
        " ".join(refused.stderr.split())
    )
    assert project.state() == state
    outcome = project.ok("migrate", "--amend")
    assert "loses 1 value of 'user.mail'" in " ".join(outcome.stderr.split())


@pytest.mark.parametrize(
    ("downgrade", "lost"),
    [
        ("op.drop_table('user')", "2 rows of table 'user'"),
        ("op.execute('DELETE FROM user')", "the rows that 'DELETE FROM user;' deletes"),
        (
            "op.get_bind().execute(sa.text('SELECT 1')).all()",
            "an unknown number of rows",
        ),
        (
            "op.rename_table('user', 'u'); op.alter_column('u', 'name',"
            " new_column_name='n'); op.drop_column('u', 'n')",
            "1 value of 'user.name'",
        ),
        ("op.drop_table('nothing', if_exists=True)", None),
        ("pass", None),
    ],
)
def test_what_a_downgrade_loses(
    tmp_path: pathlib.Path, downgrade: str, lost: str | None
) -> None:
    """What a downgrade drops or deletes is told for every form of script."""
    project = Project(tmp_path, {"user": ["name"]})
    project.ok("migrate", "--rev-id", "aa11")
    project.ok("upgrade")
    project.add_revision("bb22", "aa11", "pass", downgrade)
    project.ok("upgrade")
    insert(project, "INSERT INTO user (name) VALUES ('Ada'), (NULL)")
    outcome = project.db("migrate", "--amend", "--no-destructive")
    said = " ".join(outcome.stderr.split())
    assert outcome.exit_code == 1
    if lost is None:
        assert "would lose" not in said
    else:
        assert f"Taking back revision 'bb22' would lose {lost}" in said


# What is refused


def two_heads(project: Project) -> None:
    project.add_revision("cc33", "aa11")


def merge(project: Project) -> None:
    project.add_revision("cc33", "aa11")
    project.ok("merge", "heads", "--rev-id", "dd44")
    project.ok("upgrade")


def behind(project: Project) -> None:
    project.ok("downgrade", "base")


def failing_downgrade(project: Project) -> None:
    edit(project, "def downgrade():\n", "def downgrade():\n    op.drop_table('no')\n")


def nothing_left(project: Project) -> None:
    project.tables["user"].pop()


def statement(project: Project) -> None:
    edit(project, "def upgrade():\n", "def upgrade():\n    op.execute('SELECT 1')\n")


def insertion(project: Project) -> None:
    line = "    op.bulk_insert(sa.table('user', sa.column('name')), [])\n"
    edit(project, "def upgrade():\n", f"def upgrade():\n{line}")


def in_a_block(project: Project) -> None:
    edit(project, "        batch_op.add", "        print('now')\n        batch_op.add")


def function(project: Project) -> None:
    edit(project, "def upgrade():\n", "def helper():\n    pass\n\n\ndef upgrade():\n")


def variable(project: Project) -> None:
    edit(project, "depends_on = None\n", "depends_on = None\nlimit = 7\n")


def condition(project: Project) -> None:
    line = "    if op.get_bind().dialect.name == 'sqlite':\n        pass\n"
    edit(project, "def upgrade():\n", f"def upgrade():\n{line}")


def edit(project: Project, old: str, new: str) -> None:
    file = newest(project)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def rename(project: Project) -> None:
    """A likely rename, which nobody confirms."""
    project.ok("downgrade", "base")
    project.ok("upgrade", "aa11")
    project.tables["user"] = ["nom"]


REFUSED: dict[str, tuple[cabc.Callable[[Project], None], str]] = {
    "several heads": (two_heads, "There are several heads, 'bb22', 'cc33'"),
    "merge": (merge, "it joins other revisions"),
    "database behind": (
        behind,
        "but at no revision. Nothing was changed",
    ),
    "failing downgrade": (failing_downgrade, "Revision 'bb22' on"),
    "nothing left": (nothing_left, "nothing would be left to write"),
    "SQL by hand": (statement, "'op.execute('SELECT 1')' was written by hand"),
    "rows by hand": (insertion, "was written by hand"),
    "line in a block": (in_a_block, "'print('now')' was written by hand"),
    "function": (function, "'def helper():' was written by hand"),
    "variable": (variable, "'limit = 7' was written by hand"),
    "condition": (condition, "was written by hand"),
    "question": (rename, "'--rename user.name:nom'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(project: Project, case: str) -> None:
    """What cannot be amended is refused, and every file is as it was."""
    prepare, why = REFUSED[case]
    prepare(project)
    assert_refused(project, why)


def assert_refused(project: Project, why: str, *options: str) -> Outcome:
    state = project.state()
    outcome = project.db("migrate", "--amend", *options)
    assert outcome.exit_code == 1
    said = " ".join(outcome.stderr.split())
    assert why in said
    assert project.state() == state
    return outcome


def test_no_revision(tmp_path: pathlib.Path) -> None:
    """There has to be a revision."""
    project = Project(tmp_path, {"user": []})
    outcome = project.db("migrate", "--amend")
    assert outcome.exit_code == 1
    assert "There is no migrations folder" in outcome.stderr
    project.versions.mkdir(parents=True)
    assert_refused(project, "There is no revision in")


@pytest.mark.parametrize(
    "options",
    [
        ["--rev-id", "cc33"],
        ["--head", "aa11"],
        ["--splice"],
        ["--branch-label", "x"],
        ["--version-path", "x"],
        ["--depends-on", "aa11"],
        ["--sql"],
    ],
    ids=lambda each: each[0],
)
def test_options_of_new_revisions(project: Project, options: list[str]) -> None:
    """What places a new revision cannot be said of an old one."""
    assert_refused(project, f"'{options[0]}' cannot be used with '--amend'", *options)


def test_file_that_may_not_be_written(project: Project) -> None:
    """A file that is protected is not replaced."""
    with unwritable(newest(project)):
        assert_refused(project, "its file may not be written")


def test_script_that_is_not_right(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that is not proven does not take the place of one that is there."""

    def spoil(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        directives[0].downgrade_ops.ops.clear()

    project.options = {"process_revision_directives": spoil}
    assert_refused(project, "stays as it is, since what would take its place is not")
    project.ok("migrate", "--amend", "--no-verify")


def test_by_hand_and_generated_again(project: Project) -> None:
    """What a hook of the application writes is no loss."""

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        if not directives[0].upgrade_ops.is_empty():
            directives[0].upgrade_ops.ops.append(ops.ExecuteSQLOp("SELECT 1"))

    statement(project)
    project.options = {"process_revision_directives": hook}
    project.ok("migrate", "--amend")
    assert newest(project).read_text().count("SELECT 1") == 1


# Interruptions

KILLED = """
import os, pathlib, sys
import flask_batchmigrate.commands.amending as module
{patch}
from flask.cli import main
sys.argv = ["flask", "db", "migrate", "--amend"]
main()
"""

PATCHES = {
    "before the file is put": (
        "pathlib.Path.replace = lambda *_: os._exit(9)",
        {"aa11"},
    ),
    "while the script is generated": (
        "module.lost_statements = lambda *_: os._exit(9)",
        {"bb22"},
    ),
    "before the downgrade": (
        "module._Amendment._replace = lambda *_: os._exit(9)",
        {"bb22"},
    ),
}


@pytest.mark.parametrize("when", PATCHES)
def test_killed(project: Project, when: str) -> None:
    """After a kill the old file is there and whole, and the command can be repeated."""
    patch, at = PATCHES[when]
    model = "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
    fields = [f"    {n} = db.Column(db.String(50))\n" for n in ("name", "email")]
    write_app(project.path, model + "".join(fields))
    file = newest(project)
    old = file.read_bytes()
    code = KILLED.format(patch=patch)
    process = start_python("-c", code, where=project.path, env={"FLASK_APP": "app.py"})
    process.wait()
    assert process.returncode == 9
    assert file.read_bytes() == old
    assert project.version() == at
    assert project.ok("heads").stdout == "bb22 (head)\n"
    project.ok("migrate", "--amend")
    project.ok("upgrade")
    assert columns(project) == ["id", "name", "email"]
    project.ok("check")


# Several databases, branches, and files in other forms


@pytest.mark.parametrize("at", ["both", "one", "none"])
def test_binds(tmp_path: pathlib.Path, at: str) -> None:
    """Each database is taken back, wherever it is of the two places."""
    project = Project(tmp_path, {"user": ["name"]}, {"other": {"pet": ["name"]}})
    project.ok("migrate", "--rev-id", "aa11")
    project.ok("upgrade")
    project.tables["user"].append("mail")
    project.bound["other"]["pet"].append("age")
    project.ok("migrate", "--rev-id", "bb22")
    if at == "one":
        before = (tmp_path / "other.db").read_bytes()
    if at != "none":
        project.ok("upgrade")
    if at == "one":
        (tmp_path / "other.db").write_bytes(before)
    project.tables["user"][1] = "email"
    project.bound["other"]["pet"][1] = "years"
    project.ok("migrate", "--amend")
    assert project.version() == project.version("other.db") == {"aa11"}
    project.ok("upgrade")
    project.ok("check")
    names = query(tmp_path / "other.db", "SELECT name FROM pragma_table_info('pet')")
    assert names == [("id",), ("name",), ("years",)]


def test_label_and_dependency(project: Project) -> None:
    """What the file says of its place in the history stays."""
    edit(project, "branch_labels = None", "branch_labels = ('main', 'x')")
    edit(project, "depends_on = None", "depends_on = 'aa11'")
    project.ok("migrate", "--amend")
    text = newest(project).read_text()
    assert "branch_labels = ('main', 'x')" in text
    assert "depends_on = 'aa11'" in text


def test_long_message(project: Project) -> None:
    """A description of several paragraphs stays."""
    edit(project, "mail of users", "mail of users\n\nThey want it.\n- all of them")
    project.ok("migrate", "--amend")
    assert (
        newest(project)
        .read_text()
        .startswith(
            '"""mail of users\n\nThey want it.\n- all of them\n\nRevision ID: bb22\n'
        )
    )


def test_file_beside(project: Project) -> None:
    """A script that reads a file beside it when it is loaded finds it."""
    (project.versions / "data.txt").write_text("x")
    (file,) = project.versions.glob("aa11_*.py")
    read = "open(__file__.rsplit('/', 1)[0] + '/data.txt').close()"
    file.write_text(f"{file.read_text()}\n{read}\n")
    project.ok("migrate", "--amend")


def test_dry_run(project: Project) -> None:
    """The script is shown, and nothing is changed."""
    insert(project, "INSERT INTO user (name, mail) VALUES ('Ada', 'a@b')")
    state = project.state()
    outcome = project.ok("migrate", "--amend", "--dry-run")
    assert "revision = 'bb22'" in outcome.stdout
    assert re.search(r"add_column\(.*'email'", outcome.stdout)
    assert "would lose 1 value" in " ".join(outcome.stderr.split())
    assert project.state() == state


@pytest.mark.servers
@pytest.mark.parametrize("applied", [True, False])
def test_on_servers(tmp_path: pathlib.Path, url: str, applied: bool) -> None:
    """A server's database is taken back, and upgraded again if nothing is written."""
    project = Project(tmp_path, {"user": ["name"]}, uri=url)
    project.ok("migrate", "--rev-id", "aa11")
    project.ok("upgrade")
    project.tables["user"].append("mail")
    project.ok("migrate", "--rev-id", "bb22")
    if applied:
        project.ok("upgrade")
    at = project.ok("current").stdout
    project.tables["user"].pop()
    refused = assert_refused(project, "nothing would be left to write")
    unchanged = "Nothing was changed" in " ".join(refused.stderr.split())
    assert unchanged is not applied
    assert project.ok("current").stdout == at
    project.tables["user"].append("email")
    if applied:
        assert_refused(project, "Run 'flask db downgrade' first", "--dry-run")
    else:
        assert "'email'" in project.ok("migrate", "--amend", "--dry-run").stdout
    statement(project)
    assert_refused(project, "was written by hand")
    assert project.ok("current").stdout == at
    edit(project, "    op.execute('SELECT 1')\n", "")
    project.ok("migrate", "--amend")
    assert project.ok("current").stdout == "aa11\n"
    project.ok("upgrade")
    project.ok("check")
    with_email = project.ok("current").stdout
    assert with_email == "bb22 (head)\n"
    same = project.ok("migrate", "--amend")
    assert "already what would be generated" in " ".join(same.stderr.split())
    assert project.ok("current").stdout == with_email
    project.ok("check")

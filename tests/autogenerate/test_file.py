"""The file of a generated revision: its message, or none at all."""

from __future__ import annotations

import pathlib
import sys

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.apps import Apps
from tests.apps import write_revision
from tests.cli_project import Project

from . import changes
from .bench import Bench
from .bench import bench as bench
from .changes import Define

MESSAGES = {
    "table added": "create pet",
    "table removed": "drop pet",
    "column added": "add age to person",
    "column removed": "remove age from person",
    "column with an index added": "add x to person",
    "VARCHAR widened": "change x of person",
    "UNIQUE without a name added": "change constraints of person",
    "index added": "change indexes of person",
    "AUTOINCREMENT added": "change options of person",
    "NOT NULL column with a server default added": "add age to person",
    "NOT NULL column with a Python default added": "add age to person",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message(bench: Bench, name: str) -> None:
    """A message is made of what the script does; one that is given stays."""
    app, _ = bench.app(changes.before(name))
    with app.app_context():
        (first,) = fb.migrate(message="the first one")
        fb.upgrade()
    app, _ = bench.app(changes.after(name))
    with app.app_context():
        (script,) = fb.migrate()
    assert first.doc == "the first one"
    assert script.doc == MESSAGES[name]
    assert pathlib.Path(script.path).stem.endswith(MESSAGES[name].replace(" ", "_"))


def wide(*names: str) -> Define:
    def define(metadata: sa.MetaData) -> None:
        changes.person(*(sa.Column(name, sa.Integer) for name in names))(metadata)

    return define


def test_message_of_many(bench: Bench) -> None:
    """Of many changes, the first is named."""
    bench.migrate(wide())
    app, _ = bench.app(wide("a", "b", "c", "d"))
    with app.app_context():
        (script,) = fb.migrate()
    assert script.doc == "add a to person and 3 more"


def test_message_of_a_table_with_indexes(bench: Bench) -> None:
    """The indexes of a new table, or of one that is dropped, are a part of it."""

    def define(metadata: sa.MetaData) -> None:
        wide()(metadata)
        for name in ("b", "c"):
            column = sa.Column("x", sa.Integer, index=True)
            sa.Table(name, metadata, sa.Column("id", sa.Integer), column)

    bench.migrate(wide())
    for models, doc in (
        (define, "create b and create c"),
        (wide(), "drop b and drop c"),
    ):
        app, _ = bench.app(models)
        with app.app_context():
            (script,) = fb.migrate()
            fb.upgrade()
        assert script.doc == doc


def test_message_of_several_binds(apps: Apps) -> None:
    """What is done to each database is in the message."""
    with apps.make({None: ["user"], "other": ["pet"]}).app_context():
        (script,) = fb.migrate()
    assert script.doc == "create user and create pet"


@pytest.mark.parametrize("exists", [True, False])
def test_dry_run(tmp_path: pathlib.Path, exists: bool) -> None:
    """The script is shown, and no file or folder is there afterwards."""
    project = Project(tmp_path, {"user": ["name"]})
    if exists:
        project.ok("migrate")
        project.ok("upgrade")
        project.tables["user"].append("email")
    state = project.state()
    state.pop("app.db", None)
    outcome = project.ok("migrate", "--dry-run")
    now = project.state()
    now.pop("app.db", None)
    assert now == state
    assert "def upgrade():" in outcome.stdout
    assert ("add_column" if exists else "create_table") in outcome.stdout
    assert "Generating" not in outcome.output


def test_dry_run_through_the_api(apps: Apps) -> None:
    """No script is returned, for there is none."""
    with apps.make().app_context():
        assert fb.migrate(request=Request(dry_run=True)) == []
    assert not (apps.path / "migrations").exists()


def test_post_write_hooks(apps: Apps) -> None:
    """What the setting names is run on each file that is written, in its order."""
    program = apps.path / "stamp.py"
    program.write_text(
        "import sys\n"
        "with open(sys.argv[1], 'a') as file:\n"
        "    file.write(f'# {sys.argv[2]} 100%\\n')\n"
    )
    hooks = {
        name: {
            "type": "exec",
            "executable": sys.executable,
            "options": f"{program} REVISION_SCRIPT_FILENAME {name}",
        }
        for name in ("first", "second")
    }
    app = apps.make(config={"BATCHMIGRATE_POST_WRITE_HOOKS": hooks})
    with app.app_context():
        (script,) = fb.migrate()
    text = pathlib.Path(script.path).read_text()
    assert text.endswith("# first 100%\n# second 100%\n")


@pytest.mark.parametrize("command", ["migrate", "merge"])
@pytest.mark.parametrize("kind", ["missing program", "missing module", "unknown type"])
def test_post_write_hook_that_cannot_be_run(
    apps: Apps, command: str, kind: str
) -> None:
    """No file is left, so the command can be run again; the error names the hook."""
    options = {
        "missing program": {"type": "exec", "executable": "no-such-program"},
        "missing module": {"type": "module", "module": "no_such_module"},
        "unknown type": {"type": "no_such_type"},
    }[kind]
    folder = apps.path / "migrations"
    for revision in ("aa11", "bb22") if command == "merge" else ():
        write_revision(folder, revision, None)
    config = {"BATCHMIGRATE_POST_WRITE_HOOKS": {"tidy": {**options, "options": ""}}}
    with apps.make(config=config).app_context():
        with pytest.raises(fb.BatchMigrateError, match="'tidy'") as caught:
            fb.migrate() if command == "migrate" else fb.merge()
        assert "BATCHMIGRATE_POST_WRITE_HOOKS" in caught.value.remedy
        assert "No file was written." in str(caught.value)
    files = {path.name for path in folder.glob("versions/*.py")}
    assert files == ({"aa11_.py", "bb22_.py"} if command == "merge" else set())


@pytest.mark.parametrize("kind", ["dry run", "failing hook"])
def test_nothing_is_left_in_another_folder(apps: Apps, kind: str) -> None:
    """Revisions may be in a folder that is not below that of the migrations."""
    other = apps.path / "others"
    other.mkdir()
    migrations = apps.path / "migrations"
    migrations.mkdir()
    (migrations / "alembic.ini").write_text(f"[alembic]\nversion_locations = {other}\n")
    hook = {"type": "exec", "executable": "no-such-program", "options": ""}
    hooks = {"BATCHMIGRATE_POST_WRITE_HOOKS": {"tidy": hook}}
    failing = kind == "failing hook"
    with apps.make(config=hooks if failing else {}).app_context():
        if failing:
            with pytest.raises(fb.BatchMigrateError, match="'tidy'"):
                fb.migrate()
        else:
            fb.migrate(request=Request(dry_run=True))
    assert list(other.glob("*.py")) == []
    with apps.make().app_context():
        fb.migrate()
    assert len(list(other.glob("*.py"))) == 1

"""Where the databases stand, as ``migrate.status()`` tells."""

from __future__ import annotations

import pathlib
import re

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_batchmigrate import BatchMigrate
from flask_batchmigrate import downgrade
from flask_batchmigrate import MigrationFolderError
from flask_batchmigrate import stamp
from flask_batchmigrate import upgrade
from flask_batchmigrate.status import DatabaseStatus
from flask_batchmigrate.status import ListedRevision
from flask_batchmigrate.status import PendingRevision
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.processes import ROOT


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A migrations folder with three revisions in a line."""
    folder = tmp_path / "migrations"
    for revision, down in (("aa11", None), ("bb22", "aa11"), ("cc33", "bb22")):
        write_revision(folder, revision, down, create(f"t_{revision}"))
    return folder


def status(app: Flask) -> list[DatabaseStatus]:
    with app.app_context():
        migrate: BatchMigrate = app.extensions["migrate"].migrate
        return migrate.status()


def only(app: Flask) -> DatabaseStatus:
    (one,) = status(app)
    return one


def ids(one: DatabaseStatus) -> list[str]:
    return [each.revision for each in one.pending]


def test_pending(apps: Apps, folder: pathlib.Path) -> None:
    """What is pending is told in the order in which it would run."""
    app = apps.make()
    assert only(app) == DatabaseStatus(
        bind="",
        database=str(apps.path / "app.db"),
        state="pending",
        current=(),
        heads=("cc33",),
        pending=(
            PendingRevision("aa11", "Step aa11"),
            PendingRevision("bb22", "Step bb22"),
            PendingRevision("cc33", "Step cc33"),
        ),
        differing=None,
        dialect="sqlite",
        revisions=(
            ListedRevision("aa11", "Step aa11", False),
            ListedRevision("bb22", "Step bb22", False),
            ListedRevision("cc33", "Step cc33", False),
        ),
    )
    with app.app_context():
        upgrade(revision="bb22")
    assert (only(app).current, ids(only(app))) == (("bb22",), ["cc33"])
    assert only(app).pending_count == 1


def test_nothing_is_changed(apps: Apps, folder: pathlib.Path) -> None:
    """Looking makes no database, not even the table for the revision in one."""
    app = apps.make()
    only(app)
    assert not (apps.path / "app.db").exists()
    (apps.path / "app.db").touch()
    only(app)
    assert (apps.path / "app.db").read_bytes() == b""


def test_current(apps: Apps, folder: pathlib.Path) -> None:
    """After an upgrade nothing is pending."""
    app = apps.make()
    with app.app_context():
        upgrade()
    assert (only(app).state, only(app).pending) == ("current", ())


def test_back_at_base(apps: Apps, folder: pathlib.Path) -> None:
    """A database that was taken back to nothing waits for an upgrade like a new one."""
    app = apps.make()
    for name in ("aa11", "bb22", "cc33"):
        drop = f"op.drop_table('t_{name}')"
        file = folder / "versions" / f"{name}_.py"
        file.write_text(file.read_text()[: -len("pass\n")] + drop + "\n")
    with app.app_context():
        upgrade()
        downgrade(revision="base")
    assert only(app).state == "pending"


def test_unstamped(apps: Apps, folder: pathlib.Path) -> None:
    """Tables without a revision are told from an empty database."""
    app = apps.make()
    with app.app_context():
        app.extensions["sqlalchemy"].create_all()
    assert (only(app).state, only(app).pending_count) == ("unstamped", 3)
    with app.app_context():
        stamp()
    assert only(app).state == "current"


def test_newer(apps: Apps, folder: pathlib.Path) -> None:
    """A revision without a file is no error: the code was rolled back."""
    app = apps.make()
    with app.app_context():
        upgrade()
    (folder / "versions" / "cc33_.py").unlink()
    assert (only(app).state, only(app).current, only(app).pending) == (
        "newer",
        ("cc33",),
        (),
    )


def test_branches_and_dependencies(apps: Apps, folder: pathlib.Path) -> None:
    """A revision that another branch depends on counts as applied with it."""
    write_revision(folder, "dd44", None, branch_labels="other", depends_on="bb22")
    app = apps.make()
    with app.app_context():
        upgrade(revision="other@head")
    assert (only(app).heads, ids(only(app))) == (("cc33", "dd44"), ["cc33"])


def test_each_bind(apps: Apps) -> None:
    """Every bind is told of by its key."""
    app = apps.make({None: ["user"], "log": ["entry"]})
    write_revision(apps.path / "migrations", "aa11", None)
    assert [(each.bind, each.state) for each in status(app)] == [
        ("", "pending"),
        ("log", "pending"),
    ]


def test_no_folder(apps: Apps) -> None:
    """Without a migrations folder nobody can tell."""
    with pytest.raises(MigrationFolderError):
        status(apps.make())


def test_documented_endpoint(apps: Apps, folder: pathlib.Path) -> None:
    """The recipe for a health endpoint answers 503 until the database is ready."""
    text = (ROOT / "docs" / "how-to" / "health.md").read_text(encoding="utf-8")
    recipe = re.search(r"<!-- health: endpoint -->\n```python\n(.*?)```", text, re.S)
    assert recipe is not None
    app = apps.make()
    exec(recipe[1], {"app": app, "migrate": app.extensions["migrate"].migrate})
    client = app.test_client()
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json == {
        "ready": False,
        "databases": [
            {
                "bind": "",
                "state": "pending",
                "current": [],
                "heads": ["cc33"],
                "pending": 3,
            }
        ],
    }
    with app.app_context():
        upgrade()
    assert client.get("/health").status_code == 200


def test_differing_tables(apps: Apps, folder: pathlib.Path) -> None:
    """On request, it is told which tables differ from their models.

    A table that no revision mentions is somebody else's.
    """
    app = apps.make({None: ["user name", "same", "added"]})
    db = app.extensions["sqlalchemy"]
    with app.app_context():
        with db.engine.begin() as connection:
            for statement in (
                "CREATE TABLE user (id INTEGER NOT NULL PRIMARY KEY)",
                "CREATE TABLE same (id INTEGER NOT NULL PRIMARY KEY)",
                "CREATE TABLE t_aa11 (id INTEGER NOT NULL PRIMARY KEY, name TEXT)",
                "CREATE INDEX i ON t_aa11 (name)",
                "CREATE TABLE anothers (id INTEGER NOT NULL PRIMARY KEY)",
            ):
                connection.execute(sa.text(statement))
        (one,) = app.extensions["migrate"].migrate.status(compare=True)
    assert one.differing == ("added", "t_aa11", "user")

"""A generated script is proven before it is kept."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import ops

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import tables_of
from tests.cli_project import Project

from .bench import Bench
from .bench import bench as bench


def test_it_is_told(tmp_path: pathlib.Path) -> None:
    """One line tells, and the application's database is not touched by it."""
    project = Project(tmp_path, {"user": ["name"]})
    outcome = project.ok("migrate")
    assert "Verified: upgrade reaches the models, downgrade restores the start." in (
        outcome.stderr
    )
    assert project.tables_in() == set()


def test_it_is_left_out(tmp_path: pathlib.Path) -> None:
    """Nothing is proven with ``--no-verify``, nor where nothing is written."""
    project = Project(tmp_path, {"user": ["name"]})
    assert "Verified" not in project.ok("migrate", "--no-verify").output
    project.ok("upgrade")
    assert "Verified" not in project.ok("migrate").output


def broken(what: str) -> t.Any:
    """A hook of an environment that spoils what Alembic found."""

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        (script,) = directives
        container = getattr(script, f"{what}_ops")
        container.ops.append(ops.ExecuteSQLOp("SELECT * FROM nowhere"))

    return hook


@pytest.mark.parametrize("what", ["upgrade", "downgrade"])
def test_a_script_that_fails(apps: Apps, what: str) -> None:
    """The file is kept, the error says what failed, and nothing was changed."""
    app = apps.make(process_revision_directives=broken(what))
    failed = pytest.raises(fb.NotVerified, match=f"{what} failed.*nowhere")
    with app.app_context(), failed as caught:
        fb.migrate()
    assert caught.value.path.exists()
    assert len(caught.value.problems) == 1
    assert tables_of(apps.path / "app.db") == set()


def test_a_downgrade_that_restores_too_little(apps: Apps) -> None:
    """What the downgrade leaves otherwise is named."""

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        directives[0].downgrade_ops.ops.clear()

    app = apps.make(process_revision_directives=hook)
    failed = pytest.raises(fb.NotVerified, match="table 'user' is still there")
    with app.app_context(), failed:
        fb.migrate()


def test_functions_of_the_application(apps: Apps) -> None:
    """Functions and collations that the application gives its connections are there."""
    app = apps.make({None: []})
    db = app.extensions["sqlalchemy"]
    items = [
        sa.CheckConstraint("twice(id) > 1"),
        sa.Column("name", sa.String(20, collation="backwards")),
    ]
    db.Table("user", db.Column("id", db.Integer, primary_key=True), *items)
    with app.app_context():

        @sa.event.listens_for(db.engine, "connect")
        def connected(connection: t.Any, _: t.Any) -> None:
            connection.create_function("twice", 1, lambda x: 2 * x, deterministic=True)
            connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))

        (script,) = fb.migrate()
        assert tables_of(apps.path / "app.db") == set()
        fb.upgrade()
        assert fb.check() is True
    assert "twice(id) > 1" in pathlib.Path(script.path).read_text()


def test_rows_and_neighbours_are_left_alone(apps: Apps) -> None:
    """Views and triggers of the database are in the trial; its rows are not read."""
    with apps.make().app_context():
        fb.migrate(rev_id="aa11")
        fb.upgrade()
        engine = apps.make().extensions["sqlalchemy"]
    app = apps.make({None: ["user name email"]})
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.begin() as connection:
            for text in (
                "INSERT INTO user (name) VALUES ('Ada')",
                "CREATE VIEW names AS SELECT name FROM user",
                "CREATE TRIGGER t AFTER INSERT ON user BEGIN SELECT 1; END",
                "CREATE VIRTUAL TABLE words USING fts5(word)",
            ):
                connection.exec_driver_sql(text)
        fb.migrate(rev_id="bb22")
        fb.upgrade()
    assert query(apps.path / "app.db", "SELECT * FROM names") == [("Ada",)]


@pytest.mark.parametrize("default", [sa.false(), sa.true(), sa.text("TRUE")])
def test_proof_says_nothing_of_what_it_compares(
    bench: Bench, caplog: pytest.LogCaptureFixture, default: sa.ColumnElement[bool]
) -> None:
    """Alembic takes ``false`` for another default than the ``0`` that is stored."""

    def define(metadata: sa.MetaData) -> None:
        flag = sa.Column("flag", sa.Boolean, server_default=default, nullable=False)
        sa.Table("thing", metadata, sa.Column("id", sa.Integer, primary_key=True), flag)

    with caplog.at_level("INFO", "alembic.autogenerate"):
        assert bench.migrate(define)
        assert bench.migrate(define) == []
    assert [x.message for x in caplog.records if "autogenerate" in x.name] == []

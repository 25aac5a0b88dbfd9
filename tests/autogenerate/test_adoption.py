"""Databases whose tables were made by ``db.create_all()``."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import pytest
from flask import Flask

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import tables_of
from tests.cli_project import flask
from tests.cli_project import write_app


def create_all(app: Flask) -> None:
    """Make the tables of an application, as its author did."""
    app.extensions["sqlalchemy"].create_all()


def test_tables_without_revision(apps: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """It is said that the tables exist, and doing what is said works."""
    app = apps.make()
    with app.app_context():
        create_all(app)
        assert fb.migrate() == []
    (warning,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "already has tables of the models but no revision" in warning
    assert "'user'" in warning
    assert not (apps.path / "migrations").exists()
    with contextlib.closing(sqlite3.connect(apps.path / "app.db")) as connection:
        connection.execute("INSERT INTO user (name) VALUES ('Ada')")
        connection.commit()

    with apps.make(file="empty.db").app_context():
        fb.migrate()
    with app.app_context():
        fb.stamp("migrations", "head")
        assert fb.check() is True
        assert fb.upgrade() == []
    with apps.make({None: ["user name email"]}).app_context():
        fb.migrate()
        fb.upgrade()
    rows = query(apps.path / "app.db", "SELECT name, email FROM user")
    assert rows == [("Ada", None)]
    with apps.make({None: ["user name email"]}, file="new.db").app_context():
        fb.upgrade()
        assert fb.check() is True
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


def test_moved_aside(apps: Apps) -> None:
    """A SQLite file that is moved away for a while counts as an empty database."""
    app, file = apps.make(), apps.path / "app.db"
    with app.app_context():
        create_all(app)
    file.rename(apps.path / "before.db")
    with apps.make().app_context():
        (script,) = fb.migrate()
    (apps.path / "before.db").rename(file)
    with apps.make().app_context():
        fb.stamp()
        (current,) = fb.current()
        assert current.heads == (script.revision,)
        assert fb.check() is True
    assert tables_of(file) == {"user", "alembic_version"}


def test_first_revision_with_a_part_only(
    apps: Apps, caplog: pytest.LogCaptureFixture
) -> None:
    """A first revision that would not make every table is warned of."""
    app = apps.make()
    with app.app_context():
        create_all(app)
    with apps.make({None: ["user name", "pet"]}).app_context():
        (script,) = fb.migrate()
    (warning,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "does not make them: 'user'. A new database would lack them" in warning
    assert "create_table('pet'" in pathlib.Path(script.path).read_text()


def test_nothing_to_warn_of(apps: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """An empty database, or one at a revision, is no reason to warn."""
    with apps.make().app_context():
        fb.migrate()
        fb.upgrade()
        assert fb.migrate() == []
    assert [r for r in caplog.records if r.levelname == "WARNING"] == []


def test_constraints_without_names(tmp_path: pathlib.Path) -> None:
    """A stamped database loses and gets the constraints that it has no names for."""
    own = """
class Team(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    lead = db.Column(db.ForeignKey("person.id"){unique})

class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    team = db.Column(db.ForeignKey("team.id"))
"""
    write_app(tmp_path, own.format(unique=", unique=True"))
    assert flask(tmp_path, "db", "migrate").exit_code == 0
    file = tmp_path / "app.db"
    tables = """
        CREATE TABLE team (id INTEGER NOT NULL, lead INTEGER, PRIMARY KEY (id),
            UNIQUE (lead), FOREIGN KEY(lead) REFERENCES person (id));
        CREATE TABLE person (id INTEGER NOT NULL, team INTEGER, PRIMARY KEY (id),
            FOREIGN KEY(team) REFERENCES team (id));
    """
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(tables)
    for command in ("stamp", "check", "downgrade", "upgrade", "check"):
        outcome = flask(tmp_path, "db", command)
        assert outcome.exit_code == 0, outcome.output


def test_beside_revisions(apps: Apps) -> None:
    """Where revisions exist, ``stamp`` is named, and doing it works."""
    with apps.make(file="empty.db").app_context():
        (script,) = fb.migrate()
    app = apps.make()
    with app.app_context():
        create_all(app)
    wider = apps.make({None: ["user name email"]})
    with wider.app_context():
        with pytest.raises(fb.DatabaseNotUpToDate, match="'flask db stamp <revision>'"):
            fb.migrate()
        with pytest.raises(fb.RevisionFailed, match="'flask db stamp <revision>'"):
            fb.upgrade()
        assert tables_of(apps.path / "app.db") == {"user"}
        fb.stamp(revision=script.revision)
        fb.migrate()
        fb.upgrade()
        assert fb.check() is True
    # A database that is behind needs no such advice.
    with apps.make({None: ["user name"]}, file="empty.db").app_context():
        fb.upgrade(revision=script.revision)
        with pytest.raises(fb.DatabaseNotUpToDate) as caught:
            fb.migrate()
    assert "stamp" not in str(caught.value)

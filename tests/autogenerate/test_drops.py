"""Nothing is dropped by accident."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import sqlite3

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.apps import Apps
from tests.apps import query
from tests.apps import tables_of
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .changes import person


@pytest.fixture
def pets(apps: Apps) -> Apps:
    """A database with people and pets, some rows, and what others put there."""
    with apps.make({None: ["user name email", "pet name"]}).app_context():
        fb.migrate(rev_id="aa11")
        fb.upgrade()
    with contextlib.closing(sqlite3.connect(apps.path / "app.db")) as connection:
        connection.executescript(
            "CREATE TABLE theirs (id INTEGER PRIMARY KEY, x UNIQUE);"
            "CREATE INDEX ix_theirs ON theirs (x);"
            "ALTER TABLE user ADD COLUMN added TEXT;"
            "CREATE INDEX ix_added ON user (added);"
            "INSERT INTO user VALUES (1, 'Ada', 'a@b', 'x'), (2, 'Bob', NULL, 'y');"
            "INSERT INTO pet VALUES (1, 'Rex');"
        )
    return apps


def test_strangers_are_left_alone(pets: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """What no revision made is no difference; it is told, and dropped if asked for."""
    caplog.set_level(logging.INFO)
    app = pets.make({None: ["user name email", "pet name"]})
    with app.app_context():
        assert fb.migrate() == []
        assert fb.check() is True
        assert any(
            "Left alone: table 'theirs', column 'user.added'" in r.message
            for r in caplog.records
        )
        fb.migrate(request=Request(drop_unknown=True))
        fb.upgrade()
        assert fb.check() is True
    assert tables_of(pets.path / "app.db") == {"user", "pet", "alembic_version"}
    assert query(pets.path / "app.db", "SELECT * FROM user") == [
        (1, "Ada", "a@b"),
        (2, "Bob", None),
    ]


def test_losses_are_told(pets: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """Rows and values that go are counted, in a warning and in the script."""
    app = pets.make({None: ["user name"]})
    with app.app_context():
        (script,) = fb.migrate()
    text = pathlib.Path(script.path).read_text()
    upgrade = text.partition("def downgrade")[0]
    assert "# Loses 1 value of 'user.email'." in upgrade
    assert "# Loses 1 row of table 'pet'." in upgrade
    assert "Loses" not in text.partition("def downgrade")[2]
    (warning,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert warning == (
        "The script loses 1 value of 'user.email'; 1 row of table 'pet'."
    )


@pytest.mark.parametrize("by", ["option", "setting"])
def test_losses_are_forbidden(pets: Apps, by: str) -> None:
    """Nothing is written where losses are not allowed; what loses nothing is."""
    config = {"BATCHMIGRATE_DESTRUCTIVE": False} if by == "setting" else {}
    request = Request(destructive=by == "setting")
    app = pets.make({None: ["user name"]}, config=config)
    files = sorted((pets.path / "migrations").rglob("*.py"))
    with app.app_context():
        with pytest.raises(fb.BatchMigrateError, match=r"1 value of 'user\.email'"):
            fb.migrate(request=request)
        assert sorted((pets.path / "migrations").rglob("*.py")) == files
    with contextlib.closing(sqlite3.connect(pets.path / "app.db")) as connection:
        connection.executescript("DELETE FROM pet; UPDATE user SET email = NULL;")
    with app.app_context():
        assert len(fb.migrate(request=request)) == 1


def test_renames_lose_nothing(pets: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """A rename is no loss."""
    app = pets.make({None: ["person name mail", "pet name"]})
    renames = ["user:person", "person.email:mail"]
    with app.app_context():
        fb.migrate(request=Request(renames=renames, destructive=False))
        fb.upgrade()
    rows = query(pets.path / "app.db", "SELECT name, mail, added FROM person")
    assert rows == [("Ada", "a@b", "x"), ("Bob", None, "y")]


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_columns_come_back_in_order(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A downgrade gives dropped columns the order that they had."""
    monkeypatch.chdir(tmp_path)
    names = [f"column_{letter}" for letter in "qwertzuiop"]

    def define(metadata: sa.MetaData) -> None:
        person(*(sa.Column(name, sa.Integer) for name in names))(metadata)

    def without(metadata: sa.MetaData) -> None:
        person()(metadata)

    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'app.db'}"
        if kind != "sqlite":
            url = stack.enter_context(new_database(kind))
        bench = Bench(url, tmp_path)
        bench.migrate(define, rev_id="aa11")
        bench.migrate(without, rev_id="bb22")
        app, db = bench.app(without)
        with app.app_context():
            fb.downgrade()
            columns = sa.inspect(db.engine).get_columns("person")
    assert [each["name"] for each in columns][-len(names) :] == names

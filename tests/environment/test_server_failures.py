"""What a failure on a server leaves behind, and how it is said."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import threading

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.locks.hold import held
from flask_batchmigrate.locks.hold import Lockable
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.servers import new_database

pytestmark = pytest.mark.servers


def fails_half_way(folder: pathlib.Path) -> pathlib.Path:
    """The second revision makes a table, and then one that there is already."""
    write_revision(folder, "aa11", None, create("one"))
    second = f"{create('two')}\n    {create('one')}\n    {create('three')}"
    return write_revision(folder, "bb22", "aa11", second)


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


@pytest.mark.parametrize("first", [False, True])
def test_half_a_revision(apps: Apps, first: bool) -> None:
    """MariaDB keeps the first half: that is said, and no advice skips the other."""
    folder = apps.path / "migrations"
    with new_database("mariadb") as url:
        app = apps.make(config={"SQLALCHEMY_DATABASE_URI": url})
        with app.app_context():
            path = fails_half_way(folder)
            if first:
                text = path.read_text()
                (folder / "versions" / "aa11_.py").unlink()
                path.write_text(
                    text.replace("'aa11'", "None").replace("'one'", "'two'")
                )
            else:
                fb.upgrade(revision="aa11")
            with pytest.raises(fb.RevisionFailed) as caught:
                fb.upgrade()
            said = str(caught.value)
            assert caught.value.line is not None
            assert f"before line {caught.value.line} stays" in said
            assert "stamp" not in said
            assert "Nothing was changed" not in said
            assert "already exists (1050)" in said
            assert "two" in tables(url)
            # What the message says to do.
            lines = path.read_text().splitlines()
            del lines[caught.value.line - 2 : caught.value.line]
            path.write_text(
                "\n".join(lines).replace("def upgrade():", "def upgrade():")
            )
            fb.upgrade()
            assert "three" in tables(url)


def test_half_a_revision_on_postgresql(apps: Apps) -> None:
    """PostgreSQL undoes it, and the message says so."""
    with new_database("postgresql") as url:
        app = apps.make(config={"SQLALCHEMY_DATABASE_URI": url})
        with app.app_context():
            fails_half_way(apps.path / "migrations")
            with pytest.raises(fb.RevisionFailed, match="Nothing was changed"):
                fb.upgrade()
        assert tables(url) <= {"alembic_version"}


@pytest.fixture
def engine(url: str) -> cabc.Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def lock(engine: sa.Engine) -> contextlib.AbstractContextManager[None]:
    """Migrate, as another process would."""
    return held([Lockable(engine, "it", "alembic_version")], 60)


def test_ensure_version_takes_turns(apps: Apps, url: str, engine: sa.Engine) -> None:
    """Two that make the table at once: one waits; nobody does once it is there."""
    write_revision(apps.path / "migrations", "aa11", None, create("one"))
    config = {"SQLALCHEMY_DATABASE_URI": url}
    with apps.make(config=config, lock_timeout=0.2).app_context():
        with lock(engine), pytest.raises(fb.LockTimeout):
            fb.ensure_version()
        fb.ensure_version()
        assert tables(url) == {"alembic_version"}
        with lock(engine):
            fb.ensure_version()


def test_who_waits_looks(apps: Apps, url: str, engine: sa.Engine) -> None:
    """Once there is nothing left to do, nobody waits for the lock any more."""
    write_revision(apps.path / "migrations", "aa11", None, create("one"))
    app = apps.make(config={"SQLALCHEMY_DATABASE_URI": url}, lock_timeout=300)
    waiting, done = threading.Event(), []

    class Heard(Reporter):
        def waiting(self, text: str) -> None:
            waiting.set()

    def upgrade() -> None:
        with app.app_context(), reporting_to(Heard()):
            done.append(fb.upgrade())

    with lock(engine):
        thread = threading.Thread(target=upgrade)
        thread.start()
        assert waiting.wait(60)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"
            )
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('aa11')")
        thread.join(60)
        assert not thread.is_alive()
    assert done == [[]]


def test_a_server_that_is_down(apps: Apps, kind: str) -> None:
    """It cannot be reached; the message is not about locks."""
    address = {
        "postgresql": "postgresql+psycopg://u:secret@127.0.0.1:1/test",
        "mariadb": "mysql+pymysql://u:secret@127.0.0.1:1/test",
    }[kind]
    write_revision(apps.path / "migrations", "aa11", None, create("one"))
    app = apps.make(config={"SQLALCHEMY_DATABASE_URI": address})
    with app.app_context(), pytest.raises(fb.DatabaseUnavailable) as caught:
        fb.upgrade()
    said = str(caught.value)
    assert "cannot be reached" in said
    assert "lock" not in said
    assert "secret" not in said
    assert "(2003, " not in said

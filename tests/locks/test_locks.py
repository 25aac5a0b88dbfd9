"""One migrator at a time on servers: who waits, for how long, and who need not."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import typing as t

import alembic.command
import pytest
import sqlalchemy as sa
from flask import current_app
from flask import Flask

import flask_batchmigrate as fb
from flask_batchmigrate.errors import DatabaseError
from flask_batchmigrate.errors import DatabaseUnavailable
from flask_batchmigrate.errors import LockTimeout
from flask_batchmigrate.locks import hold
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.legacy import folders
from tests.processes import start_python
from tests.servers import new_database

pytestmark = [
    pytest.mark.servers,
    # An old env.py asks for it, as it did when it was the only way.
    pytest.mark.filterwarnings("ignore:'get_engine' is deprecated"),
]

KILL = {
    "postgresql": "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_locks"
    " WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())",
    "mariadb": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist"
    " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}


class Heard(Reporter):
    """Keeps what is told, and sets an event when a run waits."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.waits: list[str] = []
        self.waiting_began = threading.Event()

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def waiting(self, text: str) -> None:
        self.waits.append(text)
        self.waiting_began.set()


@pytest.fixture
def make(apps: Apps, url: str) -> cabc.Iterator[t.Callable[..., Flask]]:
    """Makes applications on one new database, with two revisions."""
    folder = apps.path / "migrations"
    for revision, down in (("aa11", None), ("bb22", "aa11")):
        drop = f"op.drop_table('t_{revision}')"
        write_revision(folder, revision, down, create(f"t_{revision}"), drop)

    def made(**config: t.Any) -> Flask:
        return apps.make(config={"SQLALCHEMY_DATABASE_URI": url, **config})

    yield made
    apps.close()


@contextlib.contextmanager
def lock(url: str, table: str = "alembic_version") -> cabc.Iterator[None]:
    """Hold the lock as another process would."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with hold.held([hold.Lockable(engine, url, table)], 0):
        yield


def tables(url: str) -> set[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def stored(url: str, table: str = "alembic_version") -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT version_num FROM {table}")
        return list(found.scalars())


def alembic_upgrade() -> None:
    """What an application does that calls Alembic itself."""
    migrate = current_app.extensions["migrate"].migrate
    alembic.command.upgrade(migrate.get_config(), "head")


COMMANDS: dict[str, t.Callable[[], object]] = {
    "upgrade": fb.upgrade,
    "downgrade": lambda: fb.downgrade(revision="base"),
    "one step down": fb.downgrade,
    "stamp": fb.stamp,
    "stamp purged": lambda: fb.stamp(revision="aa11", purge=True),
    "alembic": alembic_upgrade,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_lock_that_is_kept(
    make: t.Callable[..., Flask], url: str, command: str
) -> None:
    """Every command that changes the database waits, then says who is in the way."""
    with make(BATCHMIGRATE_LOCK_TIMEOUT=0.1).app_context():
        fb.upgrade(revision="aa11")
        before = tables(url)
        with lock(url), pytest.raises(LockTimeout) as caught:
            COMMANDS[command]()
        assert (tables(url), stored(url)) == (before, ["aa11"])
    text = str(caught.value)
    assert str(sa.make_url(url).database) in text
    assert re.search(r"since \d+ s", text)
    assert "Nothing was changed." in text
    if url.startswith("postgresql"):
        assert f"process {os.getpid()}" in text


@pytest.mark.parametrize("env", [None, "single 2", "single 4", "multi"])
def test_old_environments_wait(
    make: t.Callable[..., Flask], url: str, apps: Apps, env: str | None
) -> None:
    """Whoever's ``env.py`` it is: it waits, and migrates when the lock is free."""
    if env is not None:
        files = folders.write(apps.path / "old", env)
        for name in ("env.py", "alembic.ini"):
            (files / name).rename(apps.path / "migrations" / name)
    with make(BATCHMIGRATE_LOCK_TIMEOUT=0.1).app_context():
        with lock(url), pytest.raises(LockTimeout):
            fb.upgrade()
        assert tables(url) == set()
        fb.upgrade()
        assert stored(url) == ["bb22"]
        with lock(url):
            assert fb.upgrade() == []


def test_whoever_waited_goes_on(make: t.Callable[..., Flask], url: str) -> None:
    """The run says what it waits for, and finds done what the other has done."""
    heard = Heard()
    applied: list[list[t.Any]] = []
    app = make()

    def migrate() -> None:
        with app.app_context(), reporting_to(heard):
            applied.append(fb.upgrade())

    other = threading.Thread(target=migrate)
    with lock(url):
        other.start()
        assert heard.waiting_began.wait(30)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in (
                "CREATE TABLE t_aa11 (id INTEGER PRIMARY KEY)",
                "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
                "INSERT INTO alembic_version VALUES ('aa11')",
            ):
                connection.exec_driver_sql(statement)
    other.join(30)
    assert [[each.revision for each in steps] for steps in applied] == [["bb22"]]
    (text,) = heard.waits
    assert text.startswith("Waiting for another migration of ")
    assert stored(url) == ["bb22"]


NOTHING: dict[str, t.Callable[[], object]] = {
    "upgrade": fb.upgrade,
    "heads": lambda: fb.upgrade(revision="heads"),
    "downgrade": lambda: fb.downgrade(revision="bb22"),
    "stamp": fb.stamp,
    "alembic": alembic_upgrade,
    "current": fb.current,
    "history": lambda: fb.history(indicate_current=True),
    "check": fb.check,
    "sql": lambda: fb.upgrade(sql=True),
}


@pytest.mark.parametrize("command", NOTHING)
def test_nothing_to_do_waits_for_nobody(
    make: t.Callable[..., Flask], url: str, command: str
) -> None:
    """A deploy without migrations does not wait for the lock; nor does looking."""
    with make(BATCHMIGRATE_LOCK_TIMEOUT=0).app_context():
        fb.upgrade()
        db = current_app.extensions["sqlalchemy"]
        db.metadata.clear()
        for revision in ("aa11", "bb22"):
            db.Table(f"t_{revision}", db.Column("id", db.Integer, primary_key=True))
        with lock(url):
            NOTHING[command]()
        assert stored(url) == ["bb22"]


def test_switched_off(make: t.Callable[..., Flask], url: str) -> None:
    """Without the lock, nobody waits."""
    with make(BATCHMIGRATE_LOCK=False).app_context(), lock(url):
        assert len(fb.upgrade()) == 2


def test_another_version_table(make: t.Callable[..., Flask], url: str) -> None:
    """Applications that share a database and not its version table do not wait."""
    with make(BATCHMIGRATE_LOCK_TIMEOUT=0).app_context(), lock(url, "others"):
        assert len(fb.upgrade()) == 2


def test_a_version_table_of_the_environment(
    make: t.Callable[..., Flask], url: str, apps: Apps
) -> None:
    """What only ``env.py`` knows is no reason to migrate without the lock."""
    with make(BATCHMIGRATE_LOCK_TIMEOUT=0).app_context():
        fb.stamp()
        (apps.path / "migrations" / "env.py").write_text(
            "from flask_batchmigrate.environment import run\n"
            "run(version_table='private_version')\n"
        )
        with lock(url), pytest.raises(LockTimeout):
            fb.upgrade()
        assert "t_aa11" not in tables(url)
        assert [each.revision for each in fb.upgrade()] == ["aa11", "bb22"]
        assert stored(url, "private_version") == ["bb22"]
        assert fb.upgrade() == []


def test_an_environment_that_hides_errors(
    make: t.Callable[..., Flask], url: str, apps: Apps
) -> None:
    """An ``env.py`` that goes on after an error does not hide that it was stopped."""
    with make().app_context():
        fb.stamp()
        (apps.path / "migrations" / "env.py").write_text(
            "import contextlib\n"
            "from flask_batchmigrate.environment import run\n"
            "with contextlib.suppress(Exception):\n"
            "    run(version_table='private_version')\n"
        )
        assert [each.revision for each in fb.upgrade()] == ["aa11", "bb22"]


def test_a_pool_of_one(make: t.Callable[..., Flask]) -> None:
    """The lock takes no connection from the application's pool."""
    options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    with make(SQLALCHEMY_ENGINE_OPTIONS=options).app_context():
        assert len(fb.upgrade()) == 2
        assert len(fb.downgrade(revision="base")) == 2


def test_connected_as_the_application_is(
    make: t.Callable[..., Flask], url: str
) -> None:
    """A function that makes the connections makes the lock's, too."""
    real = sa.create_engine(url, poolclass=sa.NullPool)
    made: list[object] = []

    def creator() -> t.Any:
        connection = real.raw_connection()
        connection.detach()
        made.append(connection)
        return connection.dbapi_connection

    nowhere = sa.make_url(url).set(host="host.invalid", password="wrong")
    with make(
        SQLALCHEMY_DATABASE_URI=nowhere.render_as_string(hide_password=False),
        SQLALCHEMY_ENGINE_OPTIONS={"creator": creator},
    ).app_context():
        assert len(fb.upgrade()) == 2
    assert len(made) == 2


def test_one_database_by_two_names(
    apps: Apps, make: t.Callable[..., Flask], url: str
) -> None:
    """Binds that lead to one database do not wait for each other."""
    other = sa.make_url(url)
    assert other.host == "127.0.0.1"
    app = make(
        SQLALCHEMY_BINDS={
            "twin": other.set(host="localhost").render_as_string(hide_password=False)
        },
        BATCHMIGRATE_BINDS=["", "twin"],
        BATCHMIGRATE_LOCK_TIMEOUT=0.5,
    )
    with app.app_context():
        made = [
            hold.Lockable(engine, str(number), "alembic_version")
            for number, engine in enumerate(
                app.extensions["sqlalchemy"].engines.values()
            )
        ]
        assert len(made) == 2
        with hold.held(made, 0.5), pytest.raises(LockTimeout), hold.held(made, 0):
            pass
        with hold.held(made, 0):
            pass


HOLD = """
import sys, time
import sqlalchemy as sa
from flask_batchmigrate.locks import hold

engine = sa.create_engine(sys.argv[1])
with hold.held([hold.Lockable(engine, "x", "alembic_version")], 0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_no_lock(
    make: t.Callable[..., Flask], url: str
) -> None:
    """kill -9: the next one goes on at once."""
    with start_python("-c", HOLD, url, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
    with make(BATCHMIGRATE_LOCK_TIMEOUT=20).app_context():
        assert len(fb.upgrade()) == 2


def test_a_lock_that_is_lost(
    make: t.Callable[..., Flask], kind: str, url: str, apps: Apps
) -> None:
    """Where the server ends the session that holds the lock, the user is warned."""
    lines = [
        "bind = op.get_bind()",
        f"for kill in bind.exec_driver_sql({KILL[kind]!r}).scalars().all():",
        "    bind.exec_driver_sql(kill)",
    ]
    write_revision(apps.path / "migrations", "cc33", "bb22", "\n    ".join(lines))
    heard = Heard()
    with make().app_context(), reporting_to(heard):
        assert len(fb.upgrade()) == 3
    (text,) = heard.warnings
    assert "was lost before the migration was over" in text


def test_a_server_without_such_locks(
    make: t.Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Other servers are migrated, with a note that nobody is kept out."""
    dialect = "mysql" if kind == "mariadb" else kind
    monkeypatch.delitem(hold._MECHANISMS, dialect)
    heard = Heard()
    with make().app_context(), reporting_to(heard):
        assert len(fb.upgrade()) == 2
    (text,) = heard.notes
    assert f"no migration lock for {dialect}" in text


def test_a_server_that_refuses(
    make: t.Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, url: str, kind: str
) -> None:
    """A server that claims to be one of these, and has no locks, is told about."""
    mechanism = hold._MECHANISMS["mysql" if kind == "mariadb" else kind]
    monkeypatch.setattr(
        mechanism,
        "acquire",
        lambda connection, key, wait: connection.exec_driver_sql("SELECT no_such()"),
        raising=False,
    )
    with make().app_context():
        with pytest.raises(DatabaseError, match="set 'BATCHMIGRATE_LOCK' to False"):
            fb.upgrade()
        assert tables(url) == set()


def test_a_server_that_is_away(
    apps: Apps, make: t.Callable[..., Flask], url: str
) -> None:
    """The message names the database that cannot be reached."""
    away = sa.make_url(url).set(port=1).render_as_string(hide_password=False)
    with (
        make(SQLALCHEMY_DATABASE_URI=away).app_context(),
        pytest.raises(DatabaseUnavailable, match=":1/"),
    ):
        fb.stamp()


def write_for_two(folder: pathlib.Path) -> None:
    """Write a revision for binds ``one`` and ``two``, and for the default one."""
    file = write_revision(folder, "aa11", None)
    text, _, _ = file.read_text().partition("def upgrade")
    functions = [
        "def upgrade(engine_name): globals()[f'upgrade_{engine_name}']()",
        "def downgrade(engine_name): pass",
        "def upgrade_one(): op.execute('CREATE TABLE a (a INTEGER)')",
        "def upgrade_two(): op.execute('CREATE TABLE b (b INTEGER)')",
        "downgrade_one = downgrade_two = upgrade_ = downgrade_ = lambda: None",
    ]
    file.write_text("\n".join([text, *functions, ""]))


def test_several_servers(apps: Apps) -> None:
    """Every bind's database is locked; SQLite's own transaction is its lock."""
    write_for_two(apps.path / "migrations")
    with new_database("postgresql") as one, new_database("mariadb") as two:
        app = apps.make(
            config={"SQLALCHEMY_BINDS": {"one": one, "two": two}},
            lock_timeout=0,
        )
        with app.app_context():
            for each in (one, two):
                with lock(each), pytest.raises(LockTimeout):
                    fb.upgrade()
                assert tables(one) | tables(two) == set()
            fb.upgrade()
            assert (tables(one), tables(two)) == (
                {"a", "alembic_version"},
                {"b", "alembic_version"},
            )
            with lock(one), lock(two):
                assert fb.upgrade() == []
        apps.close()


def test_begun_again_with_the_lock(apps: Apps, url: str) -> None:
    """What a run did on SQLite before it needed a server's lock is told of once."""
    write_for_two(apps.path / "migrations")
    app = apps.make(
        config={"SQLALCHEMY_BINDS": {"one": apps.url("one.db"), "two": url}}
    )
    with app.app_context():
        fb.stamp()
        (apps.path / "migrations" / "env.py").write_text(
            "from flask_batchmigrate.environment import run\n"
            "run(version_table='private_version')\n"
        )
        applied = fb.upgrade()
        assert [each.bind for each in applied] == ["", "one", "two"]
        assert tables(apps.url("one.db")) >= {"a", "private_version"}
        assert tables(url) >= {"b", "private_version"}
    apps.close()

"""The upgrade that the first request of a process brings about."""

from __future__ import annotations

import collections.abc as cabc
import concurrent.futures
import contextlib
import logging
import pathlib
import sqlite3
import threading
import typing as t

import click
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

import flask_batchmigrate as fb
from flask_batchmigrate.autoupgrade import gate
from tests.apps import Apps
from tests.apps import create
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.processes import python
from tests.servers import new_database
from tests.servers import SERVERS


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A migrations folder with two revisions; the second one counts its runs."""
    folder = tmp_path / "migrations"
    write_revision(folder, "aa11", None, create("user"))
    write_revision(folder, "bb22", "aa11", insert_run())
    return folder


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next attempt follow at once."""
    monkeypatch.setattr(gate, "FIRST_PAUSE", 0.0)


def insert_run(before: str = "") -> str:
    return f"{before}\n    op.execute('CREATE TABLE IF NOT EXISTS run (n)')\n" + (
        "    op.execute('INSERT INTO run VALUES (1)')"
    )


def serving(apps: Apps, *args: t.Any, **options: t.Any) -> Flask:
    """Return an application that answers 200 on '/' and on '/alive'."""
    options.setdefault("auto_upgrade", True)
    app = apps.make(*args, **options)
    app.add_url_rule("/", "index", lambda: "served")
    app.add_url_rule("/alive", "alive", lambda: "alive")
    return app


def get(app: Flask, path: str = "/") -> int:
    return app.test_client().get(path).status_code


def file(apps: Apps) -> pathlib.Path:
    return apps.path / "app.db"


def test_before_the_first_request(apps: Apps, folder: pathlib.Path) -> None:
    """The request is served on the upgraded database."""
    app = serving(apps)
    seen = []

    @app.before_request
    def look() -> None:
        seen.append(version_of(file(apps)))

    assert not file(apps).exists()
    assert get(app) == 200
    assert seen == [{"bb22"}]


def test_before_the_session_is_opened(apps: Apps, folder: pathlib.Path) -> None:
    """A session that is kept in the database finds its table."""
    seen = []

    class InDatabase(SecureCookieSessionInterface):
        def open_session(self, app: t.Any, request: t.Any) -> t.Any:
            seen.append(version_of(file(apps)))
            return super().open_session(app, request)

    app = serving(apps)
    app.session_interface = InDatabase()
    assert get(app) == 200
    assert seen == [{"bb22"}]


def test_every_bind(apps: Apps) -> None:
    """All databases are upgraded, not just the default one."""
    write_revision(
        apps.path / "migrations",
        "aa11",
        None,
        "globals()[f'upgrade_{engine_name}']()",
        head="def upgrade_(): op.execute('CREATE TABLE a (n)')\n"
        "def downgrade_(): pass\n"
        "def upgrade_log(): op.execute('CREATE TABLE b (n)')\n"
        "def downgrade_log(): pass\n",
    )
    script = apps.path / "migrations" / "versions" / "aa11_.py"
    script.write_text(script.read_text().replace("grade():", "grade(engine_name):"))
    app = serving(apps, {None: ["user"], "log": ["entry"]})
    assert get(app) == 200
    assert tables_of(file(apps)) == {"alembic_version", "a"}
    assert tables_of(apps.path / "log.db") == {"alembic_version", "b"}


def test_out_of_the_way_afterwards(apps: Apps, folder: pathlib.Path) -> None:
    """Later requests go through Flask's own method, as without the extension."""
    app = serving(apps)
    assert get(app) == 200
    assert "wsgi_app" not in vars(app)


@pytest.mark.parametrize("value", [False, True])
def test_middleware_stays(apps: Apps, folder: pathlib.Path, value: bool) -> None:
    """Middleware put around the application before and after stays in its place."""
    calls: list[str] = []

    def around(name: str, inner: t.Any) -> t.Any:
        def middleware(environ: t.Any, start_response: t.Any) -> t.Any:
            calls.append(name)
            return inner(environ, start_response)

        return middleware

    app = Flask("an_app", root_path=str(apps.path))
    app.wsgi_app = around("inner", app.wsgi_app)  # type: ignore[method-assign]
    inner = app.wsgi_app
    db = sa.create_engine(apps.url("app.db"), poolclass=sa.NullPool)
    fb.BatchMigrate(
        app, metadata=sa.MetaData(), engine=db, auto_upgrade=value, compare_type=True
    )
    gate = app.wsgi_app
    app.wsgi_app = around("outer", gate)  # type: ignore[method-assign]
    for _ in range(2):
        assert get(app) == 404
    assert calls == ["outer", "inner"] * 2
    app.wsgi_app = gate  # type: ignore[method-assign]
    assert get(app) == 404
    assert app.wsgi_app in (gate, inner)
    assert file(apps).exists() is value


def test_off_by_default(apps: Apps, folder: pathlib.Path) -> None:
    """Nobody's database is upgraded who did not ask for it."""
    app = serving(apps, auto_upgrade=None)
    assert get(app) == 200
    assert "wsgi_app" not in vars(app)
    assert not file(apps).exists()


def test_configured_late(apps: Apps, folder: pathlib.Path) -> None:
    """The setting counts as it is when the first request comes."""
    app = serving(apps, auto_upgrade=None)
    app.config["BATCHMIGRATE_AUTO_UPGRADE"] = True
    assert get(app) == 200
    assert version_of(file(apps)) == {"bb22"}


def test_not_in_commands(apps: Apps, folder: pathlib.Path) -> None:
    """A command of the application is no request."""
    app = serving(apps)
    app.cli.add_command(click.Command("hello", callback=lambda: click.echo("hello")))
    result = app.test_cli_runner().invoke(args=["hello"])
    assert result.output == "hello\n"
    assert not file(apps).exists()


def test_off_under_testing(apps: Apps, folder: pathlib.Path) -> None:
    """Tests that make their own schema are left alone."""
    app = serving(apps, config={"TESTING": True})
    assert get(app) == 200
    assert not file(apps).exists()


def test_under_testing_by_name(apps: Apps, folder: pathlib.Path) -> None:
    """Unless they ask for it by name."""
    app = serving(apps, auto_upgrade="always", config={"TESTING": True})
    assert get(app) == 200
    assert version_of(file(apps)) == {"bb22"}


def test_a_long_upgrade_leaves_threads_free(apps: Apps, folder: pathlib.Path) -> None:
    """A worker whose threads all meet the upgrade still answers its probe."""
    wait = "current_app.extensions['probed'].wait(60)"
    head = "from flask import current_app"
    write_revision(folder, "bb22", "aa11", insert_run(wait), head=head)
    app = serving(apps, auto_upgrade_exempt=["alive"])
    probed = app.extensions["probed"] = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        try:
            requests = [pool.submit(get, app) for _ in range(8)]
            assert pool.submit(get, app, "/alive").result(timeout=30) == 200
            assert not requests[0].done()
        finally:
            probed.set()
        assert [each.result() for each in requests] == [200, *[503] * 7]
    assert get(app) == 200
    assert query(file(apps), "SELECT * FROM run") == [(1,)]


def test_few_wait_for_an_upgrade(
    apps: Apps, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than some wait at all; the others are sent away at once."""
    monkeypatch.setattr(gate, "MOST_WAITING", 2)
    wait = "current_app.extensions['refused'].wait(60)"
    head = "from flask import current_app"
    write_revision(folder, "bb22", "aa11", insert_run(wait), head=head)
    app = serving(apps)
    refused = app.extensions["refused"] = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        requests = [pool.submit(get, app) for _ in range(6)]
        first = concurrent.futures.as_completed(requests, timeout=50)
        try:
            assert [next(first).result() for _ in range(3)] == [503] * 3
        finally:
            refused.set()
        assert [each.result() for each in first] == [200] * 3


def test_other_threads_wait(
    apps: Apps, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that come meanwhile are served after the one upgrade.

    Where no endpoint is exempt, however long it takes.
    """
    monkeypatch.setattr(gate, "LONGEST_WAIT", 0.0)
    write_revision(folder, "bb22", "aa11", insert_run("import time; time.sleep(0.3)"))
    app = serving(apps)
    start = threading.Barrier(16)

    def request(_: int) -> int:
        start.wait()
        return get(app)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(request, range(16))) == [200] * 16
    assert query(file(apps), "SELECT * FROM run") == [(1,)]


AT_HEAD = """
import sys
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_batchmigrate import BatchMigrate

app = Flask("an_app")
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{file}"
db = SQLAlchemy(app)
BatchMigrate(app, db, auto_upgrade=True)
with app.app_context():
    sa.event.listen(db.engine, "before_cursor_execute", lambda *a: print(*a[2].split()))
print(app.test_client().get("/").status)
print({{name.partition(".")[0] for name in sys.modules}} & {{"alembic", "mako"}})
"""


def test_at_head_costs_little(apps: Apps, folder: pathlib.Path) -> None:
    """With nothing to do, a process reads what is stored, without loading Alembic."""
    get(serving(apps))
    assert python(apps.path, AT_HEAD.format(file=file(apps))).splitlines() == [
        "SELECT alembic_version.version_num FROM alembic_version",
        "404 NOT FOUND",
        "set()",
    ]


@contextlib.contextmanager
def migrated_elsewhere(file: pathlib.Path) -> cabc.Iterator[sqlite3.Connection]:
    """Hold a database as another process does that migrates it."""
    with contextlib.closing(
        sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


IMPATIENT = {"SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"timeout": 0.05}}}


def test_another_process_is_waited_for(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A request waits for another process, for longer than other statements would."""
    app = serving(apps, config=IMPATIENT)
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with migrated_elsewhere(file(apps)) as other:
        timer = threading.Timer(0.5, other.rollback)
        # From when another statement has given up, however long it takes to get there.
        sa.event.listen(engine, "handle_error", lambda _: timer.start(), once=True)
        assert get(app) == 200, caplog.text
        timer.join()
    assert version_of(file(apps)) == {"bb22"}


def test_another_process_takes_too_long(
    apps: Apps, folder: pathlib.Path, no_pause: None
) -> None:
    """A request does not wait for ever; a later one finds the work done."""
    app = serving(apps, config=IMPATIENT, lock_timeout=0.2)
    with migrated_elsewhere(file(apps)):
        assert get(app) == 503
    assert get(app) == 200


# What is left alone


def test_exempt_endpoint(apps: Apps, folder: pathlib.Path) -> None:
    """An exempt endpoint is served, and upgrades nothing; the others still do."""
    app = serving(apps, auto_upgrade_exempt=["alive"])
    assert get(app, "/alive") == 200
    assert not file(apps).exists()
    assert get(app, "/alive/not") == 404
    assert version_of(file(apps)) == {"bb22"}


def test_exempt_endpoint_while_it_fails(apps: Apps, folder: pathlib.Path) -> None:
    """An exempt endpoint answers while the others cannot."""
    write_revision(folder, "bb22", "aa11", "1 / 0")
    app = serving(apps, auto_upgrade_exempt={"alive"})
    assert [get(app), get(app, "/alive"), get(app)] == [503, 200, 503]


def test_unstamped_database(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture, no_pause: None
) -> None:
    """Tables that no revision made are not touched; the log names the remedy."""
    app = serving(apps)
    with app.app_context():
        app.extensions["sqlalchemy"].create_all()
    assert get(app) == 503
    assert "'flask db stamp <revision>'" in caplog.text
    assert tables_of(file(apps)) == {"user"}
    with app.app_context():
        fb.stamp(revision="aa11")
    assert get(app) == 200
    assert version_of(file(apps)) == {"bb22"}


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
def test_unstamped_database_on_a_server(
    apps: Apps, folder: pathlib.Path, kind: str
) -> None:
    """Not even an empty table for the revision is left behind."""
    with new_database(kind) as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE other (id INTEGER)"))
        app = Flask("an_app", root_path=str(apps.path))
        fb.BatchMigrate(app, metadata=sa.MetaData(), engine=engine, auto_upgrade=True)
        assert get(app) == 503
        assert sa.inspect(engine).get_table_names() == ["other"]


def test_empty_version_table(apps: Apps, folder: pathlib.Path, no_pause: None) -> None:
    """Tables beside an empty table for the revision are not touched either."""
    app = serving(apps)
    with app.app_context():
        fb.ensure_version()
        app.extensions["sqlalchemy"].create_all()
    assert get(app) == 503
    assert tables_of(file(apps)) == {"alembic_version", "user"}
    with app.app_context():
        fb.stamp(revision="aa11")
    assert get(app) == 200


def test_newer_database(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is newer than the code is said and served."""
    get(serving(apps))
    (folder / "versions" / "bb22_.py").unlink()
    app = serving(apps)
    assert [get(app), get(app)] == [200, 200]
    assert [
        r.levelno for r in caplog.records if "newer than the code" in r.message
    ] == [logging.WARNING]
    assert version_of(file(apps)) == {"bb22"}


def test_newer_database_refused(apps: Apps, folder: pathlib.Path) -> None:
    """Who does not tolerate that gets 503."""
    get(serving(apps))
    (folder / "versions" / "bb22_.py").unlink()
    assert get(serving(apps, auto_upgrade_tolerates=())) == 503


# Failures


def test_failure(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed upgrade is 503; the error is in the log, once, not in the answer."""
    write_revision(folder, "bb22", "aa11", "raise ValueError('a secret')")
    client = serving(apps).test_client()
    for _ in range(3):
        answer = client.get("/")
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= gate.LONGEST_PAUSE
        assert "secret" not in answer.text
    assert caplog.text.count("Traceback") <= 2
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "bb22_.py" in record.getMessage()
    assert record.exc_info is not None
    assert tables_of(file(apps)) == set()


def test_attempts_are_spread(
    apps: Apps, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts follow at growing distances, whatever number of requests comes."""
    now = 1000.0
    monkeypatch.setattr(gate.time, "monotonic", lambda: now)
    attempts = apps.path / "attempts"
    note = f"with open({str(attempts)!r}, 'a') as f: f.write('x')"
    write_revision(folder, "bb22", "aa11", f"{note}\n    1 / 0")
    app, at = serving(apps), []
    for _ in range(200):
        before = len(attempts.read_text()) if attempts.exists() else 0
        assert get(app) == 503
        if len(attempts.read_text()) > before:
            at.append(now - 1000)
        now += 0.5
    assert at == [0, 1, 3, 7, 15, 31, 61, 91]


def test_recovery(apps: Apps, folder: pathlib.Path, no_pause: None) -> None:
    """Once the revision is mended, the same process goes on."""
    write_revision(folder, "bb22", "aa11", "1 / 0")
    app = serving(apps)
    assert [get(app), get(app)] == [503, 503]
    write_revision(folder, "bb22", "aa11", insert_run())
    assert [get(app), get(app)] == [200, 200]
    assert query(file(apps), "SELECT * FROM run") == [(1,)]
    assert "wsgi_app" not in vars(app)


def test_tolerated_failure(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture, no_pause: None
) -> None:
    """Who says so gets requests served although the upgrade failed."""
    write_revision(folder, "bb22", "aa11", "1 / 0")
    app = serving(apps, auto_upgrade_tolerates=["failed"])
    assert [get(app), get(app)] == [200, 200]
    assert [r.levelno for r in caplog.records].count(logging.ERROR) == 1
    write_revision(folder, "bb22", "aa11", insert_run())
    assert get(app) == 200
    assert version_of(file(apps)) == {"bb22"}


def test_no_folder(apps: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """A deployment without its migrations folder is not served on any schema."""
    assert get(serving(apps)) == 503
    assert "There is no migrations folder" in caplog.text


def test_refused_without_running_the_application(
    apps: Apps, folder: pathlib.Path
) -> None:
    """Nothing of the application runs for a request that is refused."""
    write_revision(folder, "bb22", "aa11", "1 / 0")
    app = serving(apps)
    app.before_request(lambda: pytest.fail("the application ran"))
    assert app.test_client().post("/", data={"a": "b"}).status_code == 503


# Only checking


def test_check(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture, no_pause: None
) -> None:
    """In the mode 'check' nothing is upgraded; requests wait for somebody who does."""
    app = serving(apps, auto_upgrade="check")
    assert [get(app), get(app)] == [503, 503]
    assert "lacks revision 'aa11', 'bb22'" in caplog.text
    assert tables_of(file(apps)) == set()
    with app.app_context():
        fb.upgrade()
    assert get(app) == 200
    assert "wsgi_app" not in vars(app)


def test_another_extension(apps: Apps, folder: pathlib.Path) -> None:
    """An application that replaced the extension afterwards is served as ever."""
    app = serving(apps)
    app.extensions["migrate"] = object()
    assert get(app) == 200
    assert not file(apps).exists()


def test_check_while_another_process_upgrades(
    apps: Apps, folder: pathlib.Path, caplog: pytest.LogCaptureFixture, no_pause: None
) -> None:
    """A database that is being upgraded is no error, just not ready."""
    app = serving(apps, auto_upgrade="check", config=IMPATIENT)
    with app.app_context():
        fb.upgrade()
    with migrated_elsewhere(file(apps)):
        assert get(app) == 503
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert get(app) == 200

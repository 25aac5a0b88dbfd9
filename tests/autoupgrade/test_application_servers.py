"""The upgrade at the first request, in the processes of a real application server."""

from __future__ import annotations

import collections.abc as cabc
import concurrent.futures
import contextlib
import http.client
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import sqlalchemy as sa

from tests.apps import create
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.processes import start_python
from tests.servers import new_database
from tests.servers import SERVERS

APP = """
import os
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_batchmigrate import BatchMigrate

app = Flask(__name__)
file = "sqlite:///" + os.path.abspath("app.db")
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("APP_DATABASE", file)
db = SQLAlchemy(app)
BatchMigrate(app, db, auto_upgrade=True)

@app.get("/")
def index():
    return str(db.session.execute(sa.text("SELECT count(*) FROM run")).scalar_one())
"""

STEPS = 20


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with an application and its first revision."""
    (tmp_path / "app.py").write_text(APP)
    write_revision(tmp_path / "migrations", "aa11", None, create("user"))
    return tmp_path


def write_slow_revision(project: pathlib.Path) -> None:
    """Write a revision that takes its time, and counts its runs in a table.

    It stops in the middle as long as there is a file named ``hold``.
    """
    write_revision(
        project / "migrations",
        "bb22",
        "aa11",
        "open('running', 'w').write(str(os.getpid()))\n"
        "    op.execute('CREATE TABLE run (n INTEGER)')\n"
        f"    for n in range({STEPS}):\n"
        "        op.create_table(f't{n}', sa.Column('id', sa.Integer))\n"
        "        time.sleep(0.015)\n"
        f"        while n == {STEPS // 2} and os.path.exists('hold'):\n"
        "            time.sleep(0.01)\n"
        "    op.execute('INSERT INTO run VALUES (1)')",
        head="import os, time",
    )


class Server:
    """A running server.

    :param port: where it listens.
    :param log: the file with what it wrote.
    """

    def __init__(self, port: int, log: pathlib.Path) -> None:
        self.port = port
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self) -> int:
        """Ask for the page; return the status, which is 0 without an answer."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/", timeout=120
            ) as answer:
                assert answer.read() == b"1"
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                assert error.headers["Retry-After"]
                return error.code
        except (ConnectionError, http.client.HTTPException, urllib.error.URLError):
            return 0

    def get_all(self, count: int) -> list[int]:
        """Ask as often, at once."""
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.get(), range(count)))


@contextlib.contextmanager
def serving(
    project: pathlib.Path, *command: str, port: int = 0, **options: object
) -> cabc.Iterator[Server]:
    """Run a server until the end of the block."""
    log = project / "log"
    with log.open("w") as output:
        process = start_python(
            "-m",
            *command,
            where=project,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
    try:
        yield Server(port, log)
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextlib.contextmanager
def gunicorn(
    project: pathlib.Path, workers: int, threads: int
) -> cabc.Iterator[Server]:
    """Run gunicorn, on a socket that takes requests from the beginning."""
    pytest.importorskip("gunicorn")
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        number = listening.fileno()
        port = listening.getsockname()[1]
        # Not known to every release, so not an option of the command line.
        (project / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
        command = ["gunicorn", "app:app", "--bind", f"fd://{number}"]
        command += ["--workers", str(workers), "--threads", str(threads)]
        with serving(project, *command, port=port, pass_fds=[number]) as server:
            yield server


def booted(server: Server) -> list[str]:
    return re.findall(r"Booting worker with pid: (\d+)", server.log)


def wait_for(condition: cabc.Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_many_first_requests(project: pathlib.Path) -> None:
    """Many first requests at many processes: one upgrade, and then all are served.

    Those that it would keep waiting for long are sent away meanwhile.
    """
    write_slow_revision(project)
    with gunicorn(project, 4, 4) as server:
        assert set(server.get_all(200)) <= {200, 503}
        wait_for(lambda: set(server.get_all(16)) == {200})
        assert server.get_all(200) == [200] * 200
        assert len(booted(server)) == 4
    assert query(project / "app.db", "SELECT n FROM run") == [(1,)]
    assert version_of(project / "app.db") == {"bb22"}


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
def test_many_first_requests_on_servers(
    project: pathlib.Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same on servers, also where half an upgrade can be seen from outside."""
    write_slow_revision(project)
    with new_database(kind) as url:
        monkeypatch.setenv("APP_DATABASE", url)
        with gunicorn(project, 4, 4) as server:
            assert set(server.get_all(200)) <= {200, 503}
            wait_for(lambda: set(server.get_all(16)) == {200})
            assert server.get_all(200) == [200] * 200
            assert len(booted(server)) == 4
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            assert connection.scalars(sa.text("SELECT n FROM run")).all() == [1]


def test_failure_and_recovery(project: pathlib.Path) -> None:
    """While the revision fails, no worker dies; mended, the same workers go on."""
    write_revision(project / "migrations", "bb22", "aa11", "raise ValueError('bad')")
    with gunicorn(project, 4, 4) as server:
        assert server.get_all(200) == [503] * 200
        assert not tables_of(project / "app.db")
        write_slow_revision(project)
        wait_for(lambda: set(server.get_all(16)) == {200})
        assert server.get_all(200) == [200] * 200
        assert len(booted(server)) == 4
        assert server.log.count("Traceback (most recent call last)") <= 2 * 4
    assert query(project / "app.db", "SELECT n FROM run") == [(1,)]


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(50, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_killed_worker(project: pathlib.Path, rounds: int) -> None:
    """A worker is killed in the middle of the upgrade; the next request ends it."""
    write_slow_revision(project)
    database, running = project / "app.db", project / "running"
    hold = project / "hold"
    dice = random.Random(rounds)
    with gunicorn(project, 1, 4) as server:
        for number in range(rounds):
            # One kill is surely before the end, however fast or slow all this is.
            if number == 0:
                hold.touch()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                first = pool.submit(server.get)
                wait_for(lambda: running.exists() and running.read_text())
                time.sleep(dice.uniform(0, 0.02 * STEPS))
                os.kill(int(running.read_text()), signal.SIGKILL)
                hold.unlink(missing_ok=True)
                answer = first.result()
            assert answer == 0 or (answer == 200 and number > 0)
            if number == 0:
                assert "run" not in tables_of(database)
            assert server.get() == 200
            assert query(database, "SELECT n FROM run") == [(1,)]
            assert version_of(database) == {"bb22"}
            assert query(database, "PRAGMA integrity_check") == [("ok",)]

            # A worker that has seen nothing, on a database that has seen nothing.
            worker = int(booted(server)[-1])
            for file in project.glob("app.db*"):
                file.unlink()
            running.unlink()
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda gone=worker: int(booted(server)[-1]) != gone)


def test_development_server(project: pathlib.Path) -> None:
    """A request that 'flask run' serves triggers the upgrade."""
    write_slow_revision(project)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(project, "flask", "run", "-p", str(port), port=port) as server:
        wait_for(lambda: "Running on" in server.log)
        assert not (project / "app.db").exists()
        assert server.get() == 200
    assert version_of(project / "app.db") == {"bb22"}

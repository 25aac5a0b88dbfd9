"""Many processes migrate one database at once: each revision runs once, all go on."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import json
import os
import pathlib
import sqlite3

import pytest
import sqlalchemy as sa

from tests.apps import create
from tests.apps import write_revision
from tests.processes import flask
from tests.processes import python
from tests.servers import new_database
from tests.servers import SERVERS

MANY = 16
FEWER = 8

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")

APP = """
from flask import Flask
from flask_batchmigrate import BatchMigrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
app.config["BATCHMIGRATE_LOCK_TIMEOUT"] = 240
db = SQLAlchemy(app)
BatchMigrate(app, db)
"""

HERD = """
import io, json, os, sys
import alembic.command, flask.cli, flask_batchmigrate.commands, flask_sqlalchemy
import sqlalchemy.dialects.postgresql, sqlalchemy.dialects.mysql

gate, opener = os.pipe()
children = []
for number in range({processes}):
    output = os.open(f"{{number}}.log", os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(opener)
            os.read(gate, 1)
            flask.cli.cli.main(["--app", "app", "db", "upgrade"], prog_name="flask")
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    children.append((child, output))
os.close(opener)
results = []
for child, output in children:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    results.append([code, os.pread(output, 100_000, 0).decode()])
print(json.dumps(results))
"""

RECORD = "op.execute(\"INSERT INTO runs (revision) VALUES ('{}')\")"
SLEEP = "import time; time.sleep(0.02)"
CONCURRENTLY = """
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_runs_revision", "runs", ["revision"], postgresql_concurrently=True
        )"""


@contextlib.contextmanager
def database(kind: str, folder: pathlib.Path) -> cabc.Iterator[str]:
    """Yield the URL of a new, empty database."""
    if kind in SERVERS:
        with new_database(kind) as url:
            yield url
        return
    file = folder / "app.db"
    file.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        if kind == "sqlite-wal":
            connection.execute("PRAGMA journal_mode = WAL")
    yield f"sqlite:///{file}"


def write_history(folder: pathlib.Path, special: str = "") -> list[str]:
    """Write five revisions, each of which leaves a row when it runs."""
    table = (
        "op.create_table('runs', sa.Column('revision', sa.String(20), nullable=False))"
    )
    ids = [f"r{number}" for number in range(5)]
    for number, revision in enumerate(ids):
        lines = [table] if number == 0 else [create(f"made_by_{revision}")]
        lines += [SLEEP, RECORD.format(revision)]
        if number == 3 and special:
            lines.append(special.strip())
        down = ids[number - 1] if number else None
        write_revision(folder / "migrations", revision, down, "\n    ".join(lines))
    return ids


def herd(folder: pathlib.Path, processes: int) -> None:
    """Run ``flask db upgrade`` in many processes that start at the same moment."""
    results = json.loads(python(folder, HERD.format(processes=processes)))
    assert [output for code, output in results if code != 0] == []
    assert len(results) == processes


def runs(url: str) -> list[str]:
    """The revisions that have run, as often as they have."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT revision FROM runs").scalars()
        return sorted(found)


def check(folder: pathlib.Path, kind: str, behind: bool, processes: int) -> None:
    """Let the processes loose on one database, on PostgreSQL with a slow index.

    Whoever waits must not hold up ``CREATE INDEX CONCURRENTLY``.
    """
    ids = write_history(folder, CONCURRENTLY if kind == "postgresql" else "")
    with database(kind, folder) as url:
        (folder / "app.py").write_text(APP.format(url=url), encoding="utf-8")
        if behind:
            flask(folder, "--app app db upgrade r1")
        herd(folder, processes)
        assert runs(url) == ids


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_many_at_once(tmp_path: pathlib.Path, kind: str) -> None:
    """Processes that find an empty database all exit with 0."""
    check(tmp_path, kind, False, FEWER)


@pytest.mark.long
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kind", ["sqlite", "sqlite-wal", *SERVERS])
def test_twenty_rounds(tmp_path: pathlib.Path, kind: str, behind: bool) -> None:
    """So they do in the rare orders of events, and three revisions behind."""
    for number in range(20):
        place = tmp_path / str(number)
        place.mkdir()
        check(place, kind, behind, MANY)

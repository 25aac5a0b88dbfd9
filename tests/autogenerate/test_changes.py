"""Every single change of a model: found, made, and undone, with the rows in place."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import re
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from . import server_judge
from .changes import after
from .changes import before
from .changes import Define
from .changes import EVERYWHERE
from .changes import NAMES
from .changes import NOT_ON_MARIADB
from .judge import schema_of
from .judge import schema_of_models

ROWS = {
    "person": {"id": 4, "name": "Ada"},
    "pet": {"id": 5, "owner_id": 4},
    "membership": {"a": 1, "b": 2, "c": 3},
}


class Bench:
    """One database, under the applications before and after a change."""

    def __init__(self, url: str, path: pathlib.Path) -> None:
        self.url = url
        self.path = path

    def app(self, define: Define, **options: t.Any) -> tuple[Flask, SQLAlchemy]:
        app = Flask("an_app", root_path=str(self.path))
        app.config["SQLALCHEMY_DATABASE_URI"] = self.url
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": sa.pool.NullPool}
        db = SQLAlchemy(app)
        define(db.metadata)
        fb.BatchMigrate(app, db, **options)
        return app, db

    def migrate(self, define: Define, **options: t.Any) -> list[str]:
        """Write a revision and run it; return what was written."""
        app, _ = self.app(define)
        with app.app_context():
            scripts = fb.migrate(**options)
            fb.upgrade()
            return [pathlib.Path(s.path).read_text() for s in scripts]

    def agrees(self, define: Define) -> bool:
        """Whether the database is what the models say."""
        app, _ = self.app(define)
        with app.app_context():
            return fb.check()

    def insert(self, define: Define) -> None:
        app, db = self.app(define)
        with app.app_context(), db.engine.begin() as connection:
            for table in db.metadata.sorted_tables:
                connection.execute(table.insert(), ROWS[table.name])

    def rows(self, define: Define) -> dict[str, t.Any]:
        """The rows, as far as every version of the models has them."""
        app, db = self.app(define)
        with app.app_context(), db.engine.connect() as connection:
            return {
                table.name: [
                    {k: str(v) for k, v in row.items() if k in ROWS[table.name]}
                    for row in connection.execute(table.select()).mappings()
                ]
                for table in db.metadata.sorted_tables
            }


@pytest.fixture
def bench(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> cabc.Iterator[Bench]:
    """A SQLite file."""
    monkeypatch.chdir(tmp_path)
    yield Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)


def made_by(define: Define, path: pathlib.Path) -> dict[str, t.Any]:
    metadata = sa.MetaData()
    define(metadata)
    return schema_of_models(metadata, path / "models.db")


@pytest.mark.parametrize("name", NAMES)
def test_on_sqlite(bench: Bench, name: str) -> None:
    """Judged by SQLite: the schema is what ``create_all()`` makes, both ways."""
    file = bench.path / "app.db"
    start, end = before(name), after(name)
    bench.migrate(start, rev_id="aa11")
    assert schema_of(file) == made_by(start, bench.path)
    bench.insert(start)
    had = bench.rows(start)

    (text,) = bench.migrate(end, rev_id="bb22")
    assert schema_of(file) == made_by(end, bench.path), text
    assert bench.agrees(end)
    assert "None" not in re.findall(r"constraint\((\w+)", text), text
    for table, rows in bench.rows(end).items():
        kept = {k: str(v) for k, v in ROWS[table].items()}
        assert rows == ([kept] if table in had else []), text

    app, _ = bench.app(start)
    with app.app_context():
        fb.downgrade()
    assert schema_of(file) == made_by(start, bench.path), text
    with app.app_context():
        fb.upgrade()
    assert schema_of(file) == made_by(end, bench.path), text


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> cabc.Iterator[tuple[str, str, str]]:
    """Two databases on a server: one to migrate, one for ``create_all()``."""
    kind = request.param
    with new_database(kind) as url, new_database(kind) as judged:
        yield kind, url, judged


@pytest.mark.servers
@pytest.mark.parametrize("name", EVERYWHERE)
def test_on_servers(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    server: tuple[str, str, str],
    name: str,
) -> None:
    """A script that a server was compared for: found, made and undone there."""
    kind, url, judged = server
    if kind == "mariadb" and name in NOT_ON_MARIADB:
        pytest.skip("it cannot be had on MariaDB")
    monkeypatch.chdir(tmp_path)
    server_judge.empty(url)
    bench = Bench(url, tmp_path)
    start, end = before(name), after(name)

    def wanted(define: Define) -> dict[str, t.Any]:
        metadata = sa.MetaData()
        define(metadata)
        return server_judge.schema_of_models(metadata, judged)

    bench.migrate(start, rev_id="aa11")
    assert server_judge.schema_of_server(url) == wanted(start)
    bench.insert(start)
    had = bench.rows(start)

    texts = bench.migrate(end, rev_id="bb22")
    if not texts:
        # PostgreSQL needs no check for a Boolean.
        assert wanted(start) == wanted(end)
        return
    (text,) = texts
    assert server_judge.schema_of_server(url) == wanted(end), text
    assert bench.agrees(end)
    assert "None" not in re.findall(r"constraint\((\w+)", text), text
    for table, rows in bench.rows(end).items():
        kept = {k: str(v) for k, v in ROWS[table].items()}
        assert rows == ([kept] if table in had else []), text

    app, _ = bench.app(start)
    with app.app_context():
        fb.downgrade()
        assert server_judge.schema_of_server(url) == wanted(start), text
        fb.upgrade()
    assert server_judge.schema_of_server(url) == wanted(end), text


@pytest.mark.servers
@pytest.mark.parametrize("name", EVERYWHERE)
def test_script_of_sqlite_on_servers(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    server: tuple[str, str, str],
    name: str,
) -> None:
    """A script that was generated on SQLite runs on the servers, up, down and up."""
    kind, url, _ = server
    if kind == "mariadb" and name in NOT_ON_MARIADB:
        pytest.skip("it cannot be had on MariaDB")
    monkeypatch.chdir(tmp_path)
    file = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    file.migrate(before(name), rev_id="aa11")
    file.migrate(after(name), rev_id="bb22")
    server_judge.empty(url)
    bench = Bench(url, tmp_path)
    app, _ = bench.app(after(name))
    with app.app_context():
        fb.upgrade(revision="aa11")
    bench.insert(before(name))
    with app.app_context():
        fb.upgrade()
        fb.downgrade()
        fb.upgrade()

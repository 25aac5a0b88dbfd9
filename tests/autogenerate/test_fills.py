"""Columns that must not be NULL, on tables with rows."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Nobody
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .bench import bench as bench
from .bench import made_by
from .changes import Define
from .changes import named
from .changes import person
from .judge import schema_of


def column(type_: t.Any, **options: t.Any) -> Define:
    """A person with one more column, made anew each time."""

    def define(metadata: sa.MetaData) -> None:
        person(sa.Column("x", type_, nullable=False, **options))(metadata)

    return define


def start(metadata: sa.MetaData) -> None:
    person()(metadata)


VALUES: dict[str, tuple[Define, list[str], t.Any]] = {
    "number": (column(sa.Integer), ["person.x=7"], 7),
    "text": (column(sa.String(20)), ["person.x=it's: 5 %"], "it's: 5 %"),
    "empty text": (column(sa.String(20)), ["person.x=''"], ""),
    "quotes within": (column(sa.String(20)), ["person.x='it's'"], "it's"),
    "truth": (column(sa.Boolean), ["person.x=true"], True),
    "day": (column(sa.Date), ["person.x=2024-02-29"], datetime.date(2024, 2, 29)),
    "default of the model": (column(sa.Integer, default=5), [], 5),
    "truth of the model": (column(sa.Boolean, default=False), [], False),
    "option before the model": (column(sa.Integer, default=5), ["person.x=6"], 6),
    "server default": (column(sa.Integer, server_default="8"), [], 8),
}


def value(bench: Bench, define: Define) -> t.Any:
    app, db = bench.app(define)
    with app.app_context(), db.engine.connect() as connection:
        (made,) = db.metadata.sorted_tables
        (row,) = connection.execute(made.select()).mappings()
        return dict(row)


@pytest.mark.parametrize("case", VALUES)
def test_added(bench: Bench, case: str) -> None:
    """The rows get the value, and the column is what the model says."""
    define, options, wanted = VALUES[case]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    bench.migrate(define, rev_id="bb22", request=Request(defaults=options))
    assert value(bench, define) == {"id": 4, "name": "Ada", "x": wanted}
    assert schema_of(bench.path / "app.db") == made_by(define)
    app, _ = bench.app(start)
    with app.app_context():
        fb.downgrade()
    assert schema_of(bench.path / "app.db") == made_by(start)


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("case", VALUES)
def test_added_on_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, case: str
) -> None:
    """The same there."""
    monkeypatch.chdir(tmp_path)
    define, options, wanted = VALUES[case]
    with new_database(kind) as url:
        server = Bench(url, tmp_path)
        server.migrate(start, rev_id="aa11")
        server.insert(start)
        server.migrate(define, rev_id="bb22", request=Request(defaults=options))
        assert value(server, define) == {"id": 4, "name": "Ada", "x": wanted}
        assert server.agrees(define)


def test_made_not_null(bench: Bench) -> None:
    """Rows with NULL in a column that forbids it from now on get a value."""

    def before(metadata: sa.MetaData) -> None:
        named(sa.String(50))(metadata)

    def after(metadata: sa.MetaData) -> None:
        named(sa.String(50), nullable=False)(metadata)

    bench.migrate(before, rev_id="aa11")
    app, db = bench.app(before)
    with app.app_context(), db.engine.begin() as connection:
        rows = [{"id": 1, "name": None}, {"id": 2, "name": "Ada"}]
        connection.execute(db.metadata.tables["person"].insert(), rows)
    app, db = bench.app(after)
    refused = pytest.raises(fb.BatchMigrateError, match="1 row of the database would")
    with app.app_context(), refused:
        fb.migrate()
    bench.migrate(after, request=Request(defaults=["person.name=nobody"]))
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT name FROM person ORDER BY id"))
        assert found.scalars().all() == ["nobody", "Ada"]
    assert bench.agrees(after)


def test_nobody_says(bench: Bench) -> None:
    """Nothing is written, and the error says how; without rows there is no question."""
    define = VALUES["number"][0]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(define)
    files = sorted(bench.path.glob("migrations/versions/*.py"))
    wanted = "'--default person.x=<value>'"
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=wanted):
        fb.migrate()
    assert sorted(bench.path.glob("migrations/versions/*.py")) == files


def test_without_rows(bench: Bench) -> None:
    """An empty table needs no value."""
    bench.migrate(start, rev_id="aa11")
    bench.migrate(VALUES["number"][0])
    assert bench.agrees(VALUES["number"][0])


class Says(Nobody):
    """A person who answers."""

    def value_for(self, column: str, type_: str) -> str | None:
        assert (column, type_) == ("person.x", "INTEGER")
        return "9"


def test_a_person_says(bench: Bench) -> None:
    """A person is asked for the value."""
    define = VALUES["number"][0]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    bench.migrate(define, request=Request(questioner=Says()))
    assert value(bench, define)["x"] == 9


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("x=7", "not understood"),
        ("person.x", "not understood"),
        ("person.x=seven", "'seven' is not a valid value for column 'person.x'"),
        ("person.name=x", "neither adds such a column"),
    ],
)
def test_wrong_option(bench: Bench, option: str, why: str) -> None:
    """What ``--default`` cannot mean is refused."""
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(VALUES["default of the model"][0])
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=why):
        fb.migrate(request=Request(defaults=[option]))

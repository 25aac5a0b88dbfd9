"""Indexes that PostgreSQL makes without locking their table."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database

from .bench import Bench
from .changes import Define


def models(*columns: str, label: bool = False) -> Define:
    """Return models of one table, with an index on some columns."""

    def define(metadata: sa.MetaData) -> None:
        table = sa.Table(
            "thing",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(30)),
            *([sa.Column("label", sa.String(30))] if label else []),
        )
        options: dict[str, t.Any] = {"postgresql_concurrently": True}
        if columns:
            sa.Index("ix_thing", *(table.c[c] for c in columns), **options)

    return define


#: Models before and after.
CASES: dict[str, tuple[Define, Define]] = {
    "added": (models(), models("name")),
    "removed": (models("name"), models()),
    "changed": (models("name"), models("id", "name")),
    "added with its column": (models(), models("label", label=True)),
    "removed with its column": (models("label", label=True), models()),
}


def indexes(url: str) -> list[t.Any]:
    """Return the indexes of the table."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = sa.inspect(engine).get_indexes("thing")
    return [(each["name"], each["column_names"]) for each in found]


def walk(bench: Bench, first: Define, second: Define, *others: Bench) -> None:
    """Go there and back, also on databases that were not compared."""
    states = []
    for number, define in enumerate([first, second]):
        app, _ = bench.app(define)
        with app.app_context():
            request = Request(no_rename=True)
            assert fb.migrate(rev_id=f"aa{number}", request=request)
            fb.upgrade()
            assert fb.migrate() == []
        states.append(indexes(bench.url))
    assert states[0] != states[1]
    app, _ = bench.app(second)
    with app.app_context():
        fb.downgrade()
        assert indexes(bench.url) == states[0]
        fb.upgrade()
        assert indexes(bench.url) == states[1]
    for other in others:
        app, _ = other.app(second)
        with app.app_context():
            fb.upgrade(revision="aa0")
            assert indexes(other.url) == states[0]
            fb.upgrade()
            assert indexes(other.url) == states[1]
            fb.downgrade()
            assert indexes(other.url) == states[0]


@pytest.mark.servers
@pytest.mark.parametrize("generated", ["postgresql", "sqlite"])
@pytest.mark.parametrize("name", CASES)
def test_one_script_for_both(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str, generated: str
) -> None:
    """The script runs, up and down, where it was generated and in the other place."""
    monkeypatch.chdir(tmp_path)
    with new_database("postgresql") as url:
        places = [
            Bench(url, tmp_path),
            Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path),
        ]
        if generated == "sqlite":
            places.reverse()
        walk(places[0], *CASES[name], places[1])


@pytest.mark.servers
def test_no_lock(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of a table with rows is made concurrently, and only that."""
    monkeypatch.chdir(tmp_path)
    with new_database("postgresql") as url:
        bench = Bench(url, tmp_path)
        for number, define in enumerate([models("id"), models("name")]):
            app, _ = bench.app(define)
            with app.app_context():
                fb.migrate(rev_id=f"aa{number}")
                with statements() as made:
                    fb.upgrade()
            concurrent = ["CONCURRENTLY" in s for s in made if "CREATE INDEX" in s]
            assert concurrent == [bool(number)]


@pytest.mark.servers
def test_rows_that_do_not_fit(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The warning, the script and the error say what a failed unique index leaves.

    What the error says to do leads to the models.
    """
    monkeypatch.chdir(tmp_path)

    def unique(metadata: sa.MetaData) -> None:
        models(label=True)(metadata)
        name = metadata.tables["thing"].c.name
        sa.Index("ix_thing", name, unique=True, postgresql_concurrently=True)

    with new_database("postgresql") as url:
        bench = Bench(url, tmp_path)
        bench.migrate(models())
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO thing (name) VALUES ('a'), ('a')")
        app, _ = bench.app(unique)
        with app.app_context():
            (script,) = fb.migrate(rev_id="bb22")
            assert "committed before 'ix_thing'" in caplog.text
            lines = pathlib.Path(script.path).read_text().splitlines()
            (comment,) = (n for n, line in enumerate(lines) if "shared a value" in line)
            assert "op.create_index('ix_thing'" in lines[comment + 1]
            with pytest.raises(fb.RevisionFailed) as failed:
                fb.upgrade()
            assert failed.value.line == comment + 2
            for said in ("INVALID index ix_thing", "stamp bb22", "was committed"):
                assert said in str(failed.value)
            with engine.begin() as connection:
                for sql in (
                    "DROP INDEX ix_thing",
                    "UPDATE thing SET name = id",
                    "CREATE UNIQUE INDEX ix_thing ON thing (name)",
                ):
                    connection.exec_driver_sql(sql)
            fb.stamp(revision="bb22")
            assert fb.check()


@contextlib.contextmanager
def statements() -> cabc.Iterator[list[str]]:
    """Yield a list to which the statements of all engines are added in the block."""
    made: list[str] = []

    def note(connection: t.Any, cursor: t.Any, statement: str, *others: t.Any) -> None:
        made.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

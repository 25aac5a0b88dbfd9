"""Tables that refer to one another are made and dropped in an order that works."""

from __future__ import annotations

import collections.abc as cabc
import pathlib

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .changes import Define
from .judge import schema_of


def circle(*names: str) -> Define:
    """Tables each of which refers to the next, and the last one to the first."""

    def define(metadata: sa.MetaData) -> None:
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("alone", metadata, id_)
        for name, other in zip(names, (*names[1:], *names[:1]), strict=True):
            sa.Table(
                name,
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("next_id", sa.ForeignKey(f"{other}.id"), unique=True),
            )

    return define


CIRCLES = [("a",), ("a", "b"), ("b", "c", "a")]


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> cabc.Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'app.db'}"
        return
    with new_database(request.param) as made:
        yield made


def keys(url: str, path: pathlib.Path) -> list[tuple[str, str]]:
    """The foreign keys: which table refers to which."""
    if url.startswith("sqlite"):
        tables = schema_of(path / "app.db")
        return sorted((t, k[0][0]) for t in tables for k in tables[t]["keys"])
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    return sorted(
        (table, key["referred_table"])
        for table in inspector.get_table_names()
        for key in inspector.get_foreign_keys(table)
    )


@pytest.mark.servers
@pytest.mark.parametrize("names", CIRCLES, ids="-".join)
def test_circle(
    url: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
) -> None:
    """All its keys are made with the tables, dropped with them, and made anew."""
    monkeypatch.chdir(tmp_path)
    bench = Bench(url, tmp_path)
    wanted = sorted(zip(names, (*names[1:], *names[:1]), strict=True))
    bench.migrate(circle(), rev_id="aa11")
    bench.migrate(circle(*names), rev_id="bb22")
    assert keys(url, tmp_path) == wanted
    app, _ = bench.app(circle(*names))
    with app.app_context():
        assert fb.migrate() == []
        fb.downgrade()
        assert keys(url, tmp_path) == []
        fb.upgrade()
    assert bench.migrate(circle(), rev_id="cc33")
    assert keys(url, tmp_path) == []
    app, _ = bench.app(circle())
    with app.app_context():
        fb.downgrade()
    assert keys(url, tmp_path) == wanted


@pytest.mark.servers
@pytest.mark.parametrize("names", CIRCLES, ids="-".join)
@pytest.mark.parametrize("kind", SERVERS)
def test_script_of_sqlite(
    kind: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
) -> None:
    """A script that was generated on SQLite makes all the keys on a server."""
    monkeypatch.chdir(tmp_path)
    file = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    file.migrate(circle(*names), rev_id="aa11")
    file.migrate(circle(), rev_id="bb22")
    with new_database(kind) as made:
        app, _ = Bench(made, tmp_path).app(circle())
        with app.app_context():
            fb.upgrade(revision="aa11")
            assert len(keys(made, tmp_path)) == len(names)
            fb.upgrade()
            fb.downgrade()
        assert len(keys(made, tmp_path)) == len(names)


def status(*tables: str) -> Define:
    """Tables that have an Enum each, with a type of its own."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table("alone", metadata, sa.Column("id", sa.Integer, primary_key=True))
        for name in tables:
            sa.Table(
                name,
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("kind", sa.Enum("good", "bad", name=f"kind_of_{name}")),
            )

    return define


@pytest.mark.servers
@pytest.mark.parametrize("generated_on", ["sqlite", "postgresql"])
def test_types_go_after_their_tables(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, generated_on: str
) -> None:
    """A server drops a type only when no table has it any more."""
    monkeypatch.chdir(tmp_path)
    models = status("a", "b", "c")
    with new_database("postgresql") as made:
        on_server = generated_on == "postgresql"
        url = made if on_server else f"sqlite:///{tmp_path / 'app.db'}"
        Bench(url, tmp_path).migrate(status(), rev_id="aa11")
        Bench(url, tmp_path).migrate(models, rev_id="bb22")
        app, _ = Bench(made, tmp_path).app(models)
        with app.app_context():
            fb.upgrade()
            fb.downgrade()
            fb.upgrade()
            assert fb.check()
        assert Bench(url, tmp_path).migrate(status(), rev_id="cc33")
        app, _ = Bench(made, tmp_path).app(status())
        with app.app_context():
            fb.upgrade()
            fb.downgrade(revision="base")

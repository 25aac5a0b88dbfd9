"""DEFERRABLE of a UNIQUE, and MATCH FULL, on PostgreSQL: found, made, taken back."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database

from . import server_judge
from .bench import Bench
from .changes import Define


def models(*constraints: t.Callable[[], sa.Constraint]) -> Define:
    """Return models of a parent and a child with constraints."""

    def define(metadata: sa.MetaData) -> None:
        keys = [sa.Column(c, sa.Integer, primary_key=True) for c in "ab"]
        sa.Table("parent", metadata, *keys)
        columns = [sa.Column(c, sa.Integer) for c in "ab"]
        made = [make() for make in constraints]
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("child", metadata, key, *columns, *made)

    return define


def unique(**options: t.Any) -> t.Callable[[], sa.Constraint]:
    return lambda: sa.UniqueConstraint("a", "b", **options)


def key(**options: t.Any) -> t.Callable[[], sa.Constraint]:
    targets = ["parent.a", "parent.b"]
    return lambda: sa.ForeignKeyConstraint(["a", "b"], targets, **options)


LATE: dict[str, t.Any] = {"deferrable": True, "initially": "DEFERRED"}
PAIRS: dict[str, tuple[Define, Define]] = {
    "deferrable": (models(unique()), models(unique(deferrable=True))),
    "deferred": (models(unique(deferrable=True)), models(unique(**LATE))),
    "named": (models(unique(name="uq")), models(unique(name="uq", **LATE))),
    "whole": (models(), models(unique(**LATE))),
    "match": (models(key()), models(key(match="FULL"))),
    "match of a whole key": (models(), models(key(match="FULL"))),
    "match and more": (
        models(key(name="fk", match="FULL", ondelete="CASCADE")),
        models(key(name="fk", **LATE)),
    ),
}


@pytest.fixture(scope="module")
def urls() -> cabc.Iterator[tuple[str, str]]:
    """Two databases."""
    with new_database("postgresql") as url, new_database("postgresql") as judged:
        yield url, judged


@pytest.mark.servers
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("name", PAIRS)
def test_terms(
    urls: tuple[str, str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    back: bool,
) -> None:
    """The database is as ``create_all()`` makes it, up and down."""
    monkeypatch.chdir(tmp_path)
    url, judged = urls
    server_judge.empty(url)
    first, second = reversed(PAIRS[name]) if back else PAIRS[name]
    states = []
    for define in (first, second):
        metadata = sa.MetaData()
        define(metadata)
        states.append(server_judge.schema_of_models(metadata, judged))
    bench = Bench(url, tmp_path)
    for number, define in enumerate((first, second)):
        assert bench.migrate(define, rev_id=f"aa{number}")
        assert server_judge.schema_of_server(url) == states[number]
        assert bench.agrees(define)
    app, _ = bench.app(second)
    with app.app_context():
        fb.downgrade()
        assert server_judge.schema_of_server(url) == states[0]
        fb.upgrade()
    assert server_judge.schema_of_server(url) == states[1]


def legacy(changed: bool) -> Define:
    """Return a table, or one in which all differs that only a server compares."""

    def define(metadata: sa.MetaData) -> None:
        least = 3 if changed else 1
        letters = "xyz" if changed else "xy"
        a = sa.Column("a", sa.Integer, server_default=str(least))
        table = sa.Table(
            "legacy",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            a,
            sa.Column("twice", sa.Integer, sa.Computed(f"a * {least}", persisted=True)),
            sa.Column("text", sa.String(9, collation="C" if changed else None)),
            sa.Column("letter", sa.Enum(*letters, name="letter")),
            sa.UniqueConstraint("a", name="uq", **(LATE if changed else {})),
            sa.CheckConstraint(f"a > {least}", name="ck"),
        )
        sa.Index("ix_legacy", table.c.a, postgresql_where=a > least)

    return define


@pytest.mark.servers
@pytest.mark.parametrize("left_out", [False, True])
def test_left_out(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, left_out: bool
) -> None:
    """No comparison changes a table that the user's filter leaves out."""
    monkeypatch.chdir(tmp_path)

    def include(obj: object, name: str, type_: str, *rest: object) -> bool:
        return not (type_ == "table" and name == "legacy")

    options: dict[str, t.Any] = {"include_object": include} if left_out else {}
    with new_database("postgresql") as url:
        bench = Bench(url, tmp_path)
        bench.migrate(legacy(changed=False))
        app, _ = bench.app(legacy(changed=True), **options)
        with app.app_context():
            (status,) = app.extensions["migrate"].migrate.status(compare=True)
            assert bool(status.differing) is not left_out
            assert bool(fb.migrate()) is not left_out


@pytest.mark.servers
def test_name_of_old_terms(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The downgrade gives a constraint its stored name, whatever the convention."""
    monkeypatch.chdir(tmp_path)

    def under_convention(define: Define) -> Define:
        def defined(metadata: sa.MetaData) -> None:
            convention = {"uq": "uq_%(table_name)s_%(constraint_name)s"}
            metadata.naming_convention = convention
            define(metadata)

        return defined

    first, second = map(under_convention, PAIRS["named"])
    with new_database("postgresql") as url:
        bench = Bench(url, tmp_path)
        bench.migrate(first, rev_id="aa0")
        stored = server_judge.schema_of_server(url, {"uq_child_uq"})
        bench.migrate(second, rev_id="aa1")
        app, _ = bench.app(second)
        with app.app_context():
            fb.downgrade()
        assert server_judge.schema_of_server(url, {"uq_child_uq"}) == stored

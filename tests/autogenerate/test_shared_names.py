"""Constraints of one table that a model, or a naming convention, gives one name."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from . import wide_judge
from .bench import Bench
from .bench import bench as bench
from .changes import Define

CONVENTION: t.Final = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
OWNER: t.Final = ["owner.a", "owner.b"]
PARTS: dict[str, t.Callable[[], t.Any]] = {
    "one": lambda: sa.UniqueConstraint("owner", "a"),
    "two": lambda: sa.UniqueConstraint("owner", "b"),
    "many": lambda: sa.UniqueConstraint("owner", "a", "b"),
    "again": lambda: sa.UniqueConstraint("owner", "a"),
    "check": lambda: sa.CheckConstraint("a > 0", name="fits"),
    "other check": lambda: sa.CheckConstraint("b > 0", name="fits"),
    "key": lambda: sa.ForeignKeyConstraint(["owner", "a"], ["owner.a", "owner.b"]),
    "other key": lambda: sa.ForeignKeyConstraint(
        ["owner", "b"], ["owner.a", "owner.b"]
    ),
}
CHANGES: list[tuple[str, str]] = [
    ("", "one two"),
    ("one", "one two"),
    ("two", "one two"),
    ("one two", "one"),
    ("one two", "two"),
    ("one two", "two many"),
    ("one two many", "many"),
    ("one", "one again"),
    ("check", "check other check"),
    ("check other check", "other check"),
    ("key", "key other key"),
    ("key other key", "other key"),
]


def models(parts: str) -> Define:
    """A table with some of the constraints."""

    def define(metadata: sa.MetaData) -> None:
        metadata.naming_convention = CONVENTION
        sa.Table(
            "owner",
            metadata,
            sa.Column("a", sa.Integer, primary_key=True),
            sa.Column("b", sa.Integer, primary_key=True),
        )
        sa.Table(
            "item",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            *(sa.Column(name, sa.Integer) for name in ("owner", "a", "b")),
            *(PARTS[name]() for name in PARTS if name in _names(parts)),
        )

    return define


def _names(parts: str) -> list[str]:
    for name in ("other check", "other key"):
        parts = parts.replace(name, name.replace(" ", "_"))
    return [part.replace("_", " ") for part in parts.split()]


def contents(bench: Bench) -> t.Any:
    """What the database has, but for the names of constraints."""
    return _nameless(wide_judge.read(bench.path / "app.db"))


def _nameless(schema: wide_judge.Schema) -> t.Any:
    return {
        table: {
            part: sorted(set(value)) if part == "indexes" else value
            for part, value in parts.items()
            if part != "names"
        }
        for table, parts in schema.items()
    }


@pytest.mark.parametrize("made_by_script", [True, False], ids=["script", "create_all"])
@pytest.mark.parametrize("change", CHANGES, ids=" to ".join)
def test_change(bench: Bench, change: tuple[str, str], made_by_script: bool) -> None:
    """Each of them is made, found and dropped, up and down."""
    first, second = map(models, change)
    bench.migrate(first, rev_id="aa11")
    if not made_by_script:
        app, db = bench.app(first)
        with app.app_context():
            db.drop_all()
            db.create_all()
    app, _ = bench.app(first)
    with app.app_context():
        assert fb.migrate() == []
    assert len(bench.migrate(second, rev_id="bb22")) == 1
    assert contents(bench) == _nameless(wide_judge.wanted(second))
    app, _ = bench.app(second)
    with app.app_context():
        assert fb.migrate() == []
        fb.downgrade()
        assert contents(bench) == _nameless(wide_judge.wanted(first))
        fb.upgrade()
    assert contents(bench) == _nameless(wide_judge.wanted(second))


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("parts", ["one two", "check other check", "key other key"])
def test_refused_on_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, parts: str
) -> None:
    """No server makes them, and one is not taken for the other."""
    monkeypatch.chdir(tmp_path)
    with new_database(kind) as url:
        server = Bench(url, tmp_path)
        server.migrate(models(parts.split()[0]), rev_id="aa11")
        app, _ = server.app(models(parts))
        refused = pytest.raises(fb.BatchMigrateError, match="have the name")
        with app.app_context(), refused as caught:
            fb.migrate()
        assert "No file was written" in str(caught.value)


@pytest.mark.servers
def test_same_twice_on_a_server(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is there twice is one."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        server = Bench(stack.enter_context(new_database("postgresql")), tmp_path)
        server.migrate(models("one"), rev_id="aa11")
        assert server.migrate(models("one again")) == []

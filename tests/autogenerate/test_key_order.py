"""A foreign key and the key that it refers to change in one revision."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .bench import made_by
from .changes import Define
from .judge import schema_of


def family(child: str, parent: str, key: str | None, refers: str | None) -> Define:
    """Two tables.

    :param key: what is unique in the parent besides the number, or in its place.
    :param refers: what the child refers to.
    """

    def define(metadata: sa.MetaData) -> None:
        made = sa.Table(
            parent,
            metadata,
            # MariaDB keeps a column that it numbers in a key.
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("second", sa.Integer, primary_key=key == "composite"),
        )
        if key in ("code", "indexed code"):
            made.append_column(sa.Column("code", sa.String(9)))
        if key == "code":
            made.append_constraint(sa.UniqueConstraint("code"))
        elif key == "indexed code":
            sa.Index("ix_code", made.c.code, unique=True)
        columns = {
            "id": (["p_id"], ["id"]),
            "composite": (["p_id", "p_second"], ["id", "second"]),
            "code": (["p_code"], ["code"]),
        }
        keys: list[t.Any] = []
        if refers is not None:
            own, others = columns[refers]
            keys = [sa.ForeignKeyConstraint(own, [f"{parent}.{o}" for o in others])]
        sa.Table(
            child,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("p_id", sa.Integer),
            sa.Column("p_second", sa.Integer),
            sa.Column("p_code", sa.String(9)),
            *keys,
        )

    return define


def alone(define: Define, parent: str) -> Define:
    """The same without the child."""

    def without_child(metadata: sa.MetaData) -> None:
        both = sa.MetaData()
        define(both)
        both.tables[parent].to_metadata(metadata)

    return without_child


STATES: dict[str, tuple[str | None, str | None]] = {
    "no key": (None, None),
    "number": (None, "id"),
    "composite": ("composite", "composite"),
    "code": ("code", "code"),
    "indexed code": ("indexed code", "code"),
}
PAIRS = [
    ("no key", "code"),
    ("no key", "indexed code"),
    ("number", "composite"),
    ("number", "code"),
    ("code", "composite"),
]


def walk(url: str, path: pathlib.Path, *models: Define) -> None:
    """Generate from each to the next, with a downgrade and an upgrade."""
    bench = Bench(url, path)
    for number, define in enumerate(models):
        app, _ = bench.app(define)
        with app.app_context():
            fb.migrate(rev_id=f"aa{number}", request=Request(no_rename=True))
            fb.upgrade()
            assert fb.migrate() == []
            fb.downgrade()
            if number and url.startswith("sqlite"):
                assert schema_of(path / "app.db") == made_by(models[number - 1])
            fb.upgrade()
        if url.startswith("sqlite"):
            assert schema_of(path / "app.db") == made_by(define)


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'app.db'}"
        return
    with new_database(request.param) as made:
        yield made


@pytest.mark.servers
@pytest.mark.parametrize(("child", "parent"), ["ab", "ba"])
@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_both_change(
    url: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    child: str,
    parent: str,
    pair: tuple[str, str],
) -> None:
    """What is referred to is there as long as the foreign key, there and back."""
    monkeypatch.chdir(tmp_path)
    one, other = (family(child, parent, *STATES[name]) for name in pair)
    walk(url, tmp_path, one, other, one)


@pytest.mark.servers
@pytest.mark.parametrize(("child", "parent"), ["ab", "ba"])
@pytest.mark.parametrize("key", ["code", "indexed code", "composite"])
def test_with_the_child(
    url: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    child: str,
    parent: str,
    key: str,
) -> None:
    """The same where the whole child comes and goes."""
    monkeypatch.chdir(tmp_path)
    one = alone(family(child, parent, None, None), parent)
    walk(url, tmp_path, one, family(child, parent, *STATES[key]), one)

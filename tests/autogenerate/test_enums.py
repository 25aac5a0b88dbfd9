"""Types of PostgreSQL: made once, changed with their members, and dropped at last."""

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

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def urls() -> cabc.Iterator[tuple[str, str]]:
    """Two databases: one to migrate, one for ``create_all()``."""
    with new_database("postgresql") as url, new_database("postgresql") as judged:
        yield url, judged


def tables(**columns: list[str]) -> Define:
    """Return what makes tables with columns of one type with these members."""

    def define(metadata: sa.MetaData) -> None:
        for name, members in columns.items():
            id_ = sa.Column("id", sa.Integer, primary_key=True)
            mood = sa.Column("mood", sa.Enum(*members, name="mood"))
            sa.Table(name, metadata, id_, *([mood] if members else []))

    return define


CASES = {
    "two tables with a type": (
        tables(c=[]),
        tables(a=["x", "y"], b=["x", "y"], c=[]),
    ),
    "a second table": (tables(a=["x"]), tables(a=["x"], b=["x"])),
    "a second column": (tables(a=["x"], b=[]), tables(a=["x"], b=["x"])),
    "one of two tables dropped": (tables(a=["x"], b=["x"]), tables(a=["x"])),
    "both tables dropped": (tables(a=["x"], b=["x"], c=[]), tables(c=[])),
    "last column dropped": (tables(a=["x"]), tables(a=[])),
    "member of two columns": (
        tables(a=["x", "z"], b=["x", "z"]),
        tables(a=["w", "x", "y", "z"], b=["w", "x", "y", "z"]),
    ),
    "member gone": (tables(a=["x", "y"], b=["x", "y"]), tables(a=["y"], b=["y"])),
    "members in another order": (tables(a=["x", "y"]), tables(a=["y", "x"])),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("generated_on", ["postgresql", "sqlite"])
def test_types(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    urls: tuple[str, str],
    generated_on: str,
    case: str,
) -> None:
    """Up, down and up again ends where ``create_all()`` does."""
    if generated_on == "sqlite" and ("member" in case or "dropped" in case):
        pytest.skip("without a check, SQLite does not know the type")
    monkeypatch.chdir(tmp_path)
    url, judged = urls
    server_judge.empty(url)
    first, second = CASES[case]
    bench = Bench(url, tmp_path)
    source = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    for wanted in (first, second):
        if generated_on == "sqlite":
            source.migrate(wanted)
        else:
            bench.migrate(wanted)

    def as_created(define: Define) -> dict[str, t.Any]:
        metadata = sa.MetaData()
        define(metadata)
        return server_judge.schema_of_models(metadata, judged)

    app, _ = bench.app(second)
    with app.app_context():
        fb.upgrade()
        assert server_judge.schema_of_server(url) == as_created(second)
        fb.downgrade()
        assert server_judge.schema_of_server(url) == as_created(first)
        fb.upgrade()
    assert server_judge.schema_of_server(url) == as_created(second)

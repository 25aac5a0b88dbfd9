"""The comment of a column stays, and changes, along with all else that changes."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from . import server_judge
from .bench import Bench
from .changes import Define


def x(comment: str, *arguments: t.Any, **options: t.Any) -> Define:
    """Return models of one table, with a column that has a comment."""

    def define(metadata: sa.MetaData) -> None:
        key = sa.Column("id", sa.Integer, primary_key=True)
        column = sa.Column("x", *arguments, comment=comment, **options)
        sa.Table("thing", metadata, key, column)

    return define


NOON = sa.text("'2024-01-01 12:00:00'")
#: A column before and after.
CASES: dict[str, tuple[list[t.Any], list[t.Any]]] = {
    "filled": ([sa.Integer, {}], [sa.Integer, {"nullable": False, "default": 3}]),
    "type, and filled": (
        [sa.Integer, {}],
        [sa.BigInteger, {"nullable": False, "default": 3}],
    ),
    "default of a DateTime": (
        [sa.DateTime, {}],
        [sa.DateTime, {"server_default": NOON}],
    ),
    "type and default": (
        [sa.String(30), {"server_default": "2024-01-01 12:00:00"}],
        [sa.DateTime, {"server_default": NOON}],
    ),
    "type to a default": ([sa.Text, {}], [sa.DateTime, {"server_default": NOON}]),
}


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("comment", ["a word", "another"])
@pytest.mark.parametrize("name", CASES)
def test_comment(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    comment: str,
    name: str,
) -> None:
    """What the models say, and back what they said, with a row in the table."""
    monkeypatch.chdir(tmp_path)
    (old, before), (new, after) = CASES[name]
    first, second = x("a word", old, **before), x(comment, new, **after)
    with new_database(kind) as url, new_database(kind) as judged:
        bench = Bench(url, tmp_path)

        def state(define: Define) -> bool:
            metadata = sa.MetaData()
            define(metadata)
            wanted = server_judge.schema_of_models(metadata, judged)
            return server_judge.schema_of_server(url) == wanted

        bench.migrate(first, rev_id="aa11")
        app, db = bench.app(first)
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(db.metadata.tables["thing"].insert(), {"id": 1})
        bench.migrate(second, rev_id="bb22")
        assert state(second)
        app, _ = bench.app(second)
        with app.app_context():
            fb.downgrade()
        assert state(first)

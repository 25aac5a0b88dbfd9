"""Both columns of a foreign key that get another type, on servers."""

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


def models(type_: t.Any, key: str | None = "parent", child: t.Any = None) -> Define:
    """Return models in which tables refer to a parent, and one of them to itself.

    :param type_: the type of both columns of each foreign key.
    :param key: the table that a child refers to.
    :param child: the type of the child's column if it has no foreign key.
    """

    def define(metadata: sa.MetaData) -> None:
        sa.Table("other", metadata, sa.Column("id", sa.String(36), primary_key=True))
        sa.Table(
            "parent",
            metadata,
            sa.Column("id", type_, primary_key=True, autoincrement=False),
            sa.Column("up", type_, sa.ForeignKey("parent.id", name="fk_up")),
        )
        for name in ("a_child", "the_child"):
            keys = [sa.ForeignKey(f"{key}.id", ondelete="CASCADE")] if key else []
            sa.Table(
                name,
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("parent_id", child or type_, *keys),
            )

    return define


TEXT: t.Final = sa.String(36)
#: Models before and after, and whether PostgreSQL makes the foreign keys again, if all
#: of them stay.
CASES: dict[str, tuple[Define, Define, bool | None]] = {
    "number to text": (models(sa.Integer()), models(TEXT), True),
    "number to decimal": (models(sa.Integer()), models(sa.Numeric(12)), True),
    "number to number": (models(sa.Integer()), models(sa.BigInteger()), False),
    "text to text": (models(sa.String(20)), models(TEXT), False),
    "key goes": (models(sa.Integer()), models(TEXT, None), None),
    "key goes, one column": (
        models(sa.Integer()),
        models(sa.Integer(), None, TEXT),
        None,
    ),
    "key to another table": (
        models(sa.Integer()),
        models(sa.Integer(), "other", TEXT),
        None,
    ),
}


@pytest.mark.servers
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", SERVERS)
def test_retyped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    """The upgrade and the downgrade make what the models say, and keep the rows."""
    monkeypatch.chdir(tmp_path)
    first, second, remade = CASES[name]
    with new_database(kind) as url, new_database(kind) as judged:
        states = []
        for define in (first, second):
            metadata = sa.MetaData()
            define(metadata)
            states.append(server_judge.schema_of_models(metadata, judged))
        bench = Bench(url, tmp_path)
        bench.migrate(first, rev_id="aa11")
        assert server_judge.schema_of_server(url) == states[0]
        app, db = bench.app(first)
        with app.app_context(), db.engine.begin() as connection:
            rows = db.metadata.tables
            is_number = isinstance(rows["parent"].c.id.type, sa.Integer)
            value = 7 if is_number else "7"
            connection.execute(rows["other"].insert(), {"id": "7"})
            connection.execute(rows["parent"].insert(), {"id": value, "up": value})
            connection.execute(rows["a_child"].insert(), {"id": 1, "parent_id": value})
        (script,) = bench.migrate(second, rev_id="bb22")
        assert server_judge.schema_of_server(url) == states[1]
        if kind == "postgresql" and remade is not None:
            assert ("drop_constraint" in script) is remade
        assert bench.agrees(second)
        app, _ = bench.app(second)
        with app.app_context():
            fb.downgrade()
            assert server_judge.schema_of_server(url) == states[0]
            fb.upgrade()
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            query = "SELECT parent_id FROM a_child"
            assert str(connection.exec_driver_sql(query).scalar_one()) == "7"

"""Indexes that foreign keys of MySQL and MariaDB share, and those that they leave."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database

from .bench import Bench
from .changes import Define
from .server_judge import schema_of_models
from .server_judge import schema_of_server

pytestmark = pytest.mark.servers


def _app(url: str, folder: pathlib.Path, *keys: tuple[str, ...]) -> Flask:
    """An application whose table ``c`` has foreign keys on these columns."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app)
    parent = sa.UniqueConstraint("a", "b", name="uq_p")
    db.Table("p", *[sa.Column(c, sa.Integer, primary_key=True) for c in "ab"], parent)
    db.Table(
        "c",
        sa.Column("id", sa.Integer, primary_key=True),
        *[sa.Column(name, sa.Integer) for name in "ab"],
        *[
            sa.ForeignKeyConstraint(
                key, [f"p.{name}" for name in key], name=f"fk_{''.join(key)}"
            )
            for key in keys
        ],
    )
    fb.BatchMigrate(app, db, directory=folder / "migrations")
    return app


@pytest.mark.parametrize(("left", "indexes"), [([], set()), ([("a",)], {"fk_ab"})])
def test_index_of_a_dropped_foreign_key(
    tmp_path: pathlib.Path, left: list[tuple[str, ...]], indexes: set[str]
) -> None:
    """It is dropped as well, unless another foreign key uses its first columns."""
    with new_database("mariadb") as url:
        with _app(url, tmp_path, ("a", "b"), *left).app_context():
            fb.migrate()
            fb.upgrade()
        with _app(url, tmp_path, *left).app_context():
            fb.migrate()
            fb.upgrade()
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        assert {key["name"] for key in inspector.get_foreign_keys("c")} == {
            f"fk_{''.join(key)}" for key in left
        }
        assert {index["name"] for index in inspector.get_indexes("c")} == indexes
        engine.dispose()


#: What serves a foreign key on ``a`` instead of the index that the server makes.
SERVING: dict[str, cabc.Callable[[], list[sa.SchemaItem]]] = {
    "index": lambda: [sa.Index("ix_c_a", "a")],
    "index of two columns": lambda: [sa.Index("ix_c_a_b", "a", "b")],
    "unique": lambda: [sa.UniqueConstraint("a", name="uq_c_a")],
    "unique index": lambda: [sa.Index("ix_c_a", "a", unique=True)],
    "two": lambda: [sa.Index("ix_c_a", "a"), sa.UniqueConstraint("a", "b", name="u")],
    "primary key": lambda: [sa.PrimaryKeyConstraint("a", "b")],
}


def served(name: str | None) -> Define:
    """A table with a foreign key, and what serves the key."""

    def define(metadata: sa.MetaData) -> None:
        sa.Table("p", metadata, sa.Column("id", sa.Integer, primary_key=True))
        key = sa.ForeignKey("p.id", name="fk_c_a", ondelete="CASCADE")
        columns = [
            sa.Column("a", sa.Integer, key, nullable=False, autoincrement=False),
            sa.Column("b", sa.Integer, nullable=False, autoincrement=False),
        ]
        sa.Table("c", metadata, *columns, *(SERVING[name]() if name else []))

    return define


PAIRS = [
    *((None, name) for name in SERVING),
    *((name, None) for name in SERVING),
    ("index", "unique"),
    ("unique", "index of two columns"),
    ("two", "index"),
    ("primary key", "index"),
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_index_that_a_foreign_key_needs(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
    after: str | None,
) -> None:
    """It comes and goes, up and down; the key stays, and the rows."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        url, judged = (stack.enter_context(new_database("mariadb")) for _ in "ab")
        bench = Bench(url, tmp_path)

        def is_as(name: str | None) -> bool:
            metadata = sa.MetaData()
            served(name)(metadata)
            return bool(schema_of_server(url) == schema_of_models(metadata, judged))

        bench.migrate(served(before), rev_id="aa11")
        app, db = bench.app(served(before))
        with app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO p VALUES (1), (2)")
            connection.exec_driver_sql("INSERT INTO c VALUES (1, 1), (2, 1)")
        bench.migrate(served(after), rev_id="bb22")
        assert is_as(after)
        assert bench.agrees(served(after))
        app, db = bench.app(served(before))
        steps: list[tuple[t.Any, str | None]] = [
            (fb.downgrade, before),
            (fb.upgrade, after),
        ]
        with app.app_context():
            for step, name in steps:
                step()
                assert is_as(name)
            with db.engine.connect() as connection:
                rows = connection.exec_driver_sql("SELECT a, b FROM c ORDER BY a")
                assert list(map(tuple, rows)) == [(1, 1), (2, 1)]


def test_index_of_a_renamed_foreign_key(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table, column and parent get other names, and so does the index."""
    monkeypatch.chdir(tmp_path)

    def named(parent: str, child: str, column: str) -> Define:
        def define(metadata: sa.MetaData) -> None:
            id_ = sa.Column("id", sa.Integer, primary_key=True)
            sa.Table(parent, metadata, id_, sa.Column("x", sa.Integer))
            key = sa.ForeignKey(f"{parent}.id", name="fk_c_a")
            own = sa.Column("id", sa.Integer, primary_key=True)
            indexed = sa.Column(column, sa.Integer, key, index=True)
            sa.Table(child, metadata, own, indexed)

        return define

    before = named("author", "book", "author_id")
    after = named("writer", "novel", "writer_id")
    renames = ["author:writer", "book:novel", "novel.author_id:writer_id"]
    with new_database("mariadb") as url:
        bench = Bench(url, tmp_path)
        bench.migrate(before, rev_id="aa11")
        bench.migrate(after, rev_id="bb22", request=Request(renames=renames))
        assert bench.agrees(after)
        app, _ = bench.app(before)
        with app.app_context():
            fb.downgrade()
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        assert [i["name"] for i in inspector.get_indexes("book")] == [
            "ix_book_author_id"
        ]
        (key,) = inspector.get_foreign_keys("book")
        assert key["referred_table"] == "author"
        engine.dispose()

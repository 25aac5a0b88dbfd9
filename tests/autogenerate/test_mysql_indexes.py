"""Indexes that foreign keys of MySQL and MariaDB share, and those that they leave."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from tests.servers import new_database

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


@pytest.mark.parametrize("parent", ["p", "q"])
def test_renames_beside_other_types(tmp_path: pathlib.Path, parent: str) -> None:
    """A foreign key that is set aside is made again on what has another name now.

    :param parent: the new name of the table that it refers to.
    """

    def app_with(type_: t.Any, table: str, renamed: bool) -> Flask:
        app = Flask(__name__)
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        db = SQLAlchemy(app)
        old = {"renamed_from": "p"} if table != "p" else {}
        db.Table(table, sa.Column("id", type_, primary_key=True), info=old)
        key = sa.ForeignKey(f"{table}.id", name="fk", ondelete="CASCADE")
        column = sa.Column("b" if renamed else "a", type_, key, index=renamed)
        column.info.update({"renamed_from": "a"} if renamed else {})
        db.Table("c", sa.Column("id", sa.Integer, primary_key=True), column)
        fb.BatchMigrate(app, db, directory=tmp_path / "migrations")
        return app

    with new_database("mariadb") as url:
        with app_with(sa.Integer, "p", False).app_context():
            fb.migrate()
            fb.upgrade()
        with app_with(sa.BigInteger, parent, True).app_context():
            fb.migrate()
            fb.upgrade()
            assert fb.check()
            fb.downgrade()
            fb.upgrade()
            assert fb.check()
        engine = sa.create_engine(url)
        (key,) = sa.inspect(engine).get_foreign_keys("c")
        assert (key["constrained_columns"], key["referred_table"]) == (["b"], parent)
        assert key["options"] == {"ondelete": "CASCADE"}
        engine.dispose()

"""One database, under the applications before and after a change of the models."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb

from .changes import Define
from .judge import schema_of_models

ROWS = {
    "person": {"id": 4, "name": "Ada"},
    "pet": {"id": 5, "owner_id": 4},
    "membership": {"a": 1, "b": 2, "c": 3},
}


class Bench:
    """One database, under the applications before and after a change."""

    def __init__(self, url: str, path: pathlib.Path) -> None:
        self.url = url
        self.path = path

    def app(self, define: Define, **options: t.Any) -> tuple[Flask, SQLAlchemy]:
        app = Flask("an_app", root_path=str(self.path))
        app.config["SQLALCHEMY_DATABASE_URI"] = self.url
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": sa.pool.NullPool}
        db = SQLAlchemy(app)
        define(db.metadata)
        fb.BatchMigrate(app, db, **options)
        return app, db

    def migrate(self, define: Define, **options: t.Any) -> list[str]:
        """Write a revision and run it; return what was written."""
        app, _ = self.app(define)
        with app.app_context():
            scripts = fb.migrate(**options)
            fb.upgrade()
            return [pathlib.Path(s.path).read_text() for s in scripts]

    def agrees(self, define: Define) -> bool:
        """Whether the database is what the models say."""
        app, _ = self.app(define)
        with app.app_context():
            return fb.check()

    def insert(self, define: Define) -> None:
        app, db = self.app(define)
        with app.app_context(), db.engine.begin() as connection:
            for table in db.metadata.sorted_tables:
                connection.execute(table.insert(), ROWS[table.name])

    def rows(self, define: Define) -> dict[str, t.Any]:
        """The rows, as far as every version of the models has them."""
        app, db = self.app(define)
        with app.app_context(), db.engine.connect() as connection:
            return {
                table.name: [
                    {k: str(v) for k, v in row.items() if k in ROWS[table.name]}
                    for row in connection.execute(table.select()).mappings()
                ]
                for table in db.metadata.sorted_tables
            }


@pytest.fixture
def bench(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> cabc.Iterator[Bench]:
    """A SQLite file."""
    monkeypatch.chdir(tmp_path)
    yield Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)


def made_by(define: Define) -> dict[str, t.Any]:
    """Return what ``create_all()`` makes of models in a SQLite file."""
    metadata = sa.MetaData()
    define(metadata)
    return schema_of_models(metadata)

"""The example application: its pages, its commands, and its engine."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import shutil

import pytest
import sqlalchemy as sa
from flask import Flask

from example_app.models import db
from example_app.seed import seed
from flask_batchmigrate import upgrade
from tests.apps import query
from tests.example import history
from tests.processes import flask
from tests.processes import ROOT


@pytest.fixture
def app(tmp_path: pathlib.Path) -> cabc.Iterator[Flask]:
    with history.example(f"sqlite:///{tmp_path / 'example.sqlite'}") as app:
        yield app


def test_pages(app: Flask) -> None:
    """The pages show shelves, books, loans and moves; a book is lent and returned."""
    upgrade()
    client = app.test_client()
    assert "No shelves yet" in client.get("/").text

    seed()
    front = client.get("/").text
    assert "Novels (2)" in front
    assert "with Ada" in front

    assert client.post("/books/3/lend", data={"borrower": "Cleo"}).status_code == 302
    assert client.post("/books/3/lend", data={"borrower": "Ben"}).status_code == 400
    page = " ".join(client.get("/books/3").text.split())
    assert "Back from Cleo" in page
    assert "Science to Novels" in page

    assert client.post("/books/3/return").status_code == 302
    assert client.post("/books/3/return").status_code == 400
    assert "Lend to" in client.get("/books/3").text


def test_from_the_command_line(tmp_path: pathlib.Path) -> None:
    """With nothing set, ``flask db upgrade`` builds and migrates a SQLite file."""
    shutil.copytree(
        ROOT / "example_app",
        tmp_path / "example_app",
        ignore=shutil.ignore_patterns("__pycache__"),
    )

    app = "--app example_app"
    assert flask(tmp_path, f"{app} db upgrade", f"{app} seed") == (
        "4 books on the shelves.\n"
    )
    (file,) = tmp_path.rglob("*.sqlite")
    assert query(file, "SELECT count(*) FROM book") == [(4,)]

    assert flask(
        tmp_path,
        f"{app} db downgrade base",
        f"{app} db upgrade",
        f"{app} db current --check-heads",
    ) == (f"{history.HEAD} (head)\n")
    assert query(file, "SELECT count(*) FROM book") == [(0,)]


def test_other_engines_of_the_process(app: Flask) -> None:
    """The application's wish for foreign keys is no wish of other engines."""
    with app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0

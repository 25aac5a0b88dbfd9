"""The example application, on SQLite."""

from __future__ import annotations

import collections.abc as cabc
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

import pytest
from flask import Flask

from example_app.seed import seed
from flask_batchmigrate import upgrade
from tests import example_history as history

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture
def app(tmp_path: pathlib.Path) -> cabc.Iterator[Flask]:
    with history.example(f"sqlite:///{tmp_path / 'example.sqlite'}") as app:
        yield app


@pytest.mark.usefixtures("app")
def test_old_rows_arrive_at_the_head() -> None:
    """Rows of old revisions are carried through every change of their tables."""
    history.walk_up_with_old_rows()
    history.head_works()


@pytest.mark.usefixtures("app")
def test_down_and_up_again_with_rows() -> None:
    """Both directions of every revision work with rows in the tables."""
    upgrade()
    seed()
    history.down_and_up_again()
    history.head_works()
    history.to_base_and_up_again()


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


def flask(where: pathlib.Path, *arguments: str) -> str:
    """Run ``flask --app example_app ...`` there; return its standard output."""
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "example_app", *arguments],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_the_command_line(tmp_path: pathlib.Path) -> None:
    """With nothing set, ``flask db upgrade`` builds and migrates a SQLite file."""
    shutil.copytree(
        ROOT / "example_app",
        tmp_path / "example_app",
        ignore=shutil.ignore_patterns("__pycache__"),
    )

    flask(tmp_path, "db", "upgrade")
    assert flask(tmp_path, "seed") == "4 books on the shelves.\n"
    flask(tmp_path, "db", "downgrade", "base")
    flask(tmp_path, "db", "upgrade")
    assert flask(tmp_path, "db", "current", "--check-heads") == (
        f"{history.HEAD} (head)\n"
    )

    (file,) = tmp_path.rglob("*.sqlite")
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM book").fetchone() == (0,)
    connection.close()

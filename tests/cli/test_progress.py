"""A long statement shows how far it has come, and can be interrupted."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sqlite3

import pytest

from flask_batchmigrate.cli import progress
from flask_batchmigrate.cli.progress import Progress
from tests.cli.test_terminal import on_terminal
from tests.cli_project import Project
from tests.cli_project import start_flask
from tests.cli_project import write_app

ROWS = 60_000
AT_ONCE = """
from flask_batchmigrate.cli import progress
progress.FIRST = progress.REDRAWN = progress.LOGGED = 0
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """A table that takes some steps to copy, and a revision that copies it."""
    project = Project(tmp_path)
    project.add_revision(
        "aa11",
        None,
        "op.create_table('item', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('code', sa.String(20)))",
    )
    project.ok("upgrade")
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {ROWS}) INSERT INTO item SELECT i, i FROM n"
        )
        connection.commit()
    change = "batch.alter_column('code', type_=sa.Integer())"
    project.add_revision(
        "bb22",
        "aa11",
        "with op.batch_alter_table('item', recreate='always') as batch: " + change,
    )
    return project


def test_bar_on_a_terminal(project: Project) -> None:
    """A bar with rows, rate and time left takes the place of the line meanwhile."""
    seen = on_terminal(project, "upgrade", models=AT_ONCE, NO_COLOR="1")
    bar = r"\r    item: copying rows  \[[#-]+\]  .*\d+k? of 60k rows, \d+k?/s"
    assert re.search(bar, seen)
    last = [line for line in seen.split("\n") if "bb22" in line][-1]
    *_, bar, done = last.split("\r")
    assert done.startswith("  bb22  step bb22  ")
    assert len(done) >= len(bar.rstrip()), "nothing of the bar is left"


def test_lines_in_a_log(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it is a line now and then, without control characters."""
    monkeypatch.setattr(progress, "LOGGED", 0)
    text = project.ok("upgrade").stderr
    assert re.search(
        r"^    item: copying rows, [\d,]+ of 60,000 rows \(\d+%\), .* s left$",
        text,
        re.M,
    )
    assert "\x1b" not in text


def test_quiet(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--quiet`` keeps it back."""
    monkeypatch.setattr(progress, "LOGGED", 0)
    assert project.ok("upgrade", "--quiet").output == ""


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("rows", [0, 7, 60_000, 3_000_000, 123_456_789])
def test_bar_fits_the_terminal(
    columns: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar and its label give way; rows, rate and time left are in full."""
    monkeypatch.setenv("COLUMNS", str(columns))
    now = 0.0
    shown = Progress(True, lambda: now)
    for second in range(9):
        now = float(second)
        text = shown.text("book", "building index 'ix_book_shelf'", second / 9, rows)
        if text is not None:
            assert len(text) <= columns - 3
            assert columns < 80 or text.endswith("/s")
            assert columns < 80 or re.search(r"\[[#-]{6,20}\]", text)
            assert columns < 60 or text.startswith("    book: b")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (9_994_000, "9.99M"),
        (9_995_000, "10.0M"),
        (1_234_567_890, "1234.6M"),
    ],
)
def test_rounded(number: int, text: str) -> None:
    """Short enough for a line that grows."""
    assert progress.rounded(number) == text


def test_short_statements_are_not_worth_it(project: Project) -> None:
    """Nothing is shown before some time has passed, and then from time to time."""
    now = 0.0
    shown = Progress(False, lambda: now)
    told = []
    for second in range(21):
        now = float(second)
        text = shown.text("t", "copying rows", second / 100, 1000)
        told += [second] if text else []
    assert told == [5, 10, 15, 20]
    assert shown.text("t", "another step", 0.5, 1000) is None


def test_what_a_line_says(project: Project) -> None:
    """Rows, part, rate and time left."""
    now = 0.0
    shown = Progress(False, lambda: now)
    shown.text("t", "copying rows", 0.0, 4_000_000)
    now = 10.0
    assert shown.text("t", "copying rows", 0.25, 4_000_000) == (
        "t: copying rows, 1,000,000 of 4,000,000 rows (25%), 100,000 rows/s, 30 s left"
    )


def test_interrupted(project: Project) -> None:
    """Ctrl+C in the middle of a copy rolls back, and one sentence says so."""
    stopping = (
        "import os, signal\nfrom flask_batchmigrate.cli.console import ConsoleReporter"
        # A shell lets what it starts in the background ignore Ctrl+C.
        "\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
        "\nConsoleReporter.progress = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
    )
    write_app(project.path, models=stopping)
    before = project.database.read_bytes()
    with start_flask(project.path, "db", "upgrade") as process:
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == "Error: Interrupted. Nothing was changed."
    assert project.version() == {"aa11"}
    assert project.database.read_bytes() == before

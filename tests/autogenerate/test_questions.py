"""What a person at a terminal is asked, and what becomes of the answers."""

from __future__ import annotations

import importlib.metadata
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.cli import console

from .bench import Bench
from .bench import bench as bench
from .changes import Define
from .changes import person


@pytest.fixture
def answered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A table with a row, and commands that have a person to ask."""
    monkeypatch.setattr(console, "is_terminal", lambda stream: True)

    def start(metadata: sa.MetaData) -> None:
        person()(metadata)

    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    return bench


def with_columns(**types: sa.types.TypeEngine[object]) -> Define:
    def define(metadata: sa.MetaData) -> None:
        columns = (sa.Column(n, t, nullable=False) for n, t in types.items())
        person(*columns)(metadata)

    return define


def migrate(bench: Bench, define: Define, answers: str) -> tuple[int, str]:
    app, _ = bench.app(define)
    result = app.test_cli_runner().invoke(args=["db", "migrate"], input=answers)
    return result.exit_code, result.output


def test_a_wrong_answer_is_asked_again(answered: Bench) -> None:
    """The right answers before it are not lost."""
    define = with_columns(age=sa.Integer(), born=sa.Date(), note=sa.String(3))
    code, output = migrate(answered, define, "old\n7\n1.2.2003\n2003-02-01\nlong\n''\n")
    assert code == 0, output
    assert "'old' is not a valid value" in output
    assert "Give a date, such as 2024-12-31" in output
    assert "Give a text of at most 3 characters" in output
    assert output.count("'' is the empty text") == 2
    app, db = answered.app(define)
    with app.app_context():
        fb.upgrade()
    with app.app_context(), db.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT age, born, note FROM person").one()
        assert tuple(row) == (7, "2003-02-01", "")


CLICK: t.Final = importlib.metadata.version("click").split(".")


@pytest.mark.skipif(
    (int(CLICK[0]), int(CLICK[1])) < (8, 2),
    reason="the test runner of this click gives empty lines where the input ends",
)
@pytest.mark.parametrize("answers", ["", "old\n", "7\n"])
def test_no_answer(answered: Bench, answers: str) -> None:
    """Where the input ends, nothing is written."""
    define = with_columns(age=sa.Integer(), size=sa.Integer())
    files = set(answered.path.rglob("*.py"))
    code, _ = migrate(answered, define, answers)
    assert code == 1
    assert set(answered.path.rglob("*.py")) == files

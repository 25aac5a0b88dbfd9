"""Long statements tell how far they have come, and can be interrupted."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from flask_batchmigrate.sqlite import adapter
from flask_batchmigrate.sqlite.schema.progress import Progress

ROWS = 60_000


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> cabc.Iterator[sa.Engine]:
    """A table that takes some steps to copy."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, a, b, c)"
        )
        connection.exec_driver_sql("CREATE INDEX ix_code ON item(code)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {ROWS}) INSERT INTO item SELECT i, i, i, i, i FROM n"
        )
    yield engine
    engine.dispose()


def change(engine: sa.Engine, listener: cabc.Callable[[Progress], object]) -> None:
    """Change the type of a column, which writes its values."""
    settings = adapter.RunOptions(progress=listener)
    with adapter.activate(settings), engine.connect() as connection:
        context = MigrationContext.configure(connection)
        with context.begin_transaction():
            Operations(context).alter_column("item", "code", type_=sa.Integer())


def test_progress_goes_from_nothing_to_all(engine: sa.Engine) -> None:
    """Each step is told by name, in growing parts, the last of which is the whole."""
    told: list[Progress] = []
    change(engine, told.append)
    steps = list(dict.fromkeys(p.step for p in told))
    assert steps == ["converting rows", "building index 'ix_code'"]
    for step in steps:
        parts = [p.fraction for p in told if p.step == step]
        assert parts == sorted(parts)
        assert parts[-1] == 1.0
    converted = [p.fraction for p in told if p.step == "converting rows"]
    assert len(converted) > 2, "it is told more than once"
    assert 0 < converted[0] < 1
    assert {p.table for p in told} == {"item"}


@pytest.mark.parametrize(
    ("error", "comes_out"),
    [
        (KeyboardInterrupt("enough"), KeyboardInterrupt),
        (RuntimeError("enough"), sqlite3.OperationalError),
    ],
)
def test_an_interrupt_rolls_back(
    engine: sa.Engine, error: BaseException, comes_out: type[BaseException]
) -> None:
    """What the listener raises comes out, and the database is what it was."""

    def stop(progress: Progress) -> None:
        raise error

    with contextlib.closing(engine.raw_connection()) as raw:
        before = list(raw.driver_connection.iterdump())  # type: ignore[union-attr]
    with pytest.raises(comes_out) as caught:
        change(engine, stop)
    assert error in (caught.value, caught.value.__cause__)
    with contextlib.closing(engine.raw_connection()) as raw:
        assert list(raw.driver_connection.iterdump()) == before  # type: ignore[union-attr]


def test_nobody_is_called_afterwards(engine: sa.Engine) -> None:
    """The application's own statements do not call the listener any more."""
    told: list[Progress] = []
    change(engine, told.append)
    count = len(told)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT count(*) FROM item a JOIN item b ON a.id + 1 = b.id"
        )
    assert len(told) == count

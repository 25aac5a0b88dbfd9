"""Models that SQLite cannot have are told, not met by accident."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

import flask_batchmigrate as fb

from .bench import Bench
from .bench import bench as bench

ALIEN = {
    "Column 'thing.x' cannot be made: sqlite has no type ARRAY": lambda: sa.Column(
        "x", sa.ARRAY(sa.Integer)
    ),
    "Column 'thing.x' cannot be made: sqlite has no type TSVECTOR": lambda: sa.Column(
        "x", postgresql.TSVECTOR
    ),
    "Table 'thing' cannot be made": lambda: postgresql.ExcludeConstraint(("id", "=")),
}


def bare(metadata: sa.MetaData) -> None:
    sa.Table("thing", metadata, sa.Column("id", sa.Integer, primary_key=True))


@pytest.mark.parametrize("what", ALIEN)
def test_what_sqlite_does_not_have(bench: Bench, what: str) -> None:
    """In a table that is there, nothing is compared, and one line says what to do."""

    def after(metadata: sa.MetaData) -> None:
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("thing", metadata, key, ALIEN[what]())

    bench.migrate(bare)
    app, _ = bench.app(after)
    with app.app_context():
        for command in (fb.migrate, fb.check):
            with pytest.raises(fb.BatchMigrateError, match=what) as told:
                command()
            assert "No file was written." in str(told.value)
    assert len(list(bench.path.glob("migrations/versions/*.py"))) == 1


def test_variant_for_sqlite(bench: Bench) -> None:
    """The remedy that is told works."""

    def define(metadata: sa.MetaData) -> None:
        kind = postgresql.TSVECTOR().with_variant(sa.Text(), "sqlite")
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("thing", metadata, key, sa.Column("x", kind))

    bench.migrate(bare)
    assert bench.migrate(define)
    assert bench.agrees(define)

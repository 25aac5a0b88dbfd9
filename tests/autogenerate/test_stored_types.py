"""Types that SQLAlchemy writes on SQLite, but does not know when it reads them."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from .bench import Bench
from .bench import bench as bench
from .bench import made_by
from .changes import Define
from .changes import person
from .judge import schema_of

TYPES: list[t.Any] = [
    sa.BINARY(8),
    sa.VARBINARY(9),
    sa.BINARY(),
    sa.CLOB(),
    sa.DOUBLE_PRECISION(),
]
# SQLAlchemy 2.0.16 writes no UUID on SQLite.
with contextlib.suppress(sa.exc.CompileError):
    sa.UUID().compile(dialect=sqlite.dialect())
    TYPES.append(sa.UUID())


#: Types that SQLAlchemy takes the others for, or that are stored like them.
NUMBERS: list[t.Any] = [sa.Numeric(), sa.Numeric(10, 2), sa.Integer(), sa.Date()]


def another(metadata: sa.MetaData) -> None:
    """Another table."""
    sa.Table("another", metadata, sa.Column("id", sa.Integer, primary_key=True))


@pytest.mark.parametrize("type_", TYPES, ids=str)
@pytest.mark.parametrize("end", [person(), another], ids=["column", "table"])
def test_restored(bench: Bench, type_: t.Any, end: Define) -> None:
    """A column or table that was dropped comes back with the type that it had."""

    def start(metadata: sa.MetaData) -> None:
        person(sa.Column("x", type_))(metadata)

    bench.migrate(start, rev_id="aa11")
    bench.migrate(end, rev_id="bb22", request=Request(no_rename=True))
    app, _ = bench.app(start)
    with app.app_context():
        fb.downgrade()
        assert schema_of(bench.path / "app.db") == made_by(start)


@pytest.mark.parametrize("number", NUMBERS, ids=str)
@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_changed(bench: Bench, type_: t.Any, number: t.Any) -> None:
    """A change between one of them and a number is found, there and back."""
    for place, each in enumerate([type_, number, type_]):
        written = bench.migrate(person(sa.Column("x", each)), rev_id=f"aa{place}")
        assert len(written) == 1
        wanted = made_by(person(sa.Column("x", each)))
        assert schema_of(bench.path / "app.db") == wanted
    app, _ = bench.app(person(sa.Column("x", type_)))
    with app.app_context():
        assert fb.migrate() == []

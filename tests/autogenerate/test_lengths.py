"""A length or precision that a type gets, or loses, on SQLite."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb

from .bench import Bench
from .bench import bench as bench
from .bench import made_by
from .changes import Define
from .changes import person
from .judge import schema_of

PAIRS: list[tuple[t.Any, t.Any]] = [
    (sa.String(30), sa.String()),
    (sa.Unicode(30), sa.Unicode()),
    (sa.Numeric(10, 2), sa.Numeric()),
    (sa.Numeric(10, 2), sa.Numeric(10)),
    (sa.VARBINARY(3), sa.VARBINARY()),
]


def x(type_: t.Any) -> Define:
    return lambda metadata: person(sa.Column("x", type_))(metadata)


@pytest.mark.parametrize("back", [False, True], ids=["lost", "got"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: str(pair[0]))
def test_length(bench: Bench, pair: tuple[t.Any, t.Any], back: bool) -> None:
    """It is found, made, and taken back."""
    first, second = (x(type_) for type_ in (reversed(pair) if back else pair))
    bench.migrate(first, rev_id="aa11")
    bench.insert(first)
    assert not bench.migrate(first)
    assert bench.migrate(second, rev_id="bb22")
    assert schema_of(bench.path / "app.db") == made_by(second)
    app, _ = bench.app(first)
    with app.app_context():
        fb.downgrade()
    assert schema_of(bench.path / "app.db") == made_by(first)

"""What a type says besides its name, on servers: found, made, and taken back."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from . import server_judge
from .bench import Bench
from .changes import Define

POSTGRESQL: list[tuple[t.Any, t.Any]] = [
    (sa.String(50), sa.String()),
    (sa.Numeric(10, 2), sa.Numeric()),
    (sa.Numeric(10, 2), sa.Numeric(10)),
    (sa.DateTime(), postgresql.TIMESTAMP(precision=3)),
    (sa.DateTime(True), postgresql.TIMESTAMP(precision=3, timezone=True)),
    (sa.Time(), postgresql.TIME(precision=0)),
    (sa.Interval(), postgresql.INTERVAL(precision=2)),
    (postgresql.BIT(3, varying=True), postgresql.BIT(varying=True)),
    (postgresql.ARRAY(sa.String(3)), postgresql.ARRAY(sa.String())),
    (sa.Float(), sa.Float(24)),
    (sa.Double(), sa.REAL()),
    (postgresql.ARRAY(sa.Float()), postgresql.ARRAY(sa.Float(10))),
]
MARIADB: list[tuple[t.Any, t.Any]] = [
    (sa.Numeric(12, 2), sa.Numeric(12)),
    (sa.DateTime(), mysql.DATETIME(fsp=6)),
    (sa.Time(), mysql.TIME(fsp=3)),
    (sa.Integer(), mysql.INTEGER(unsigned=True)),
    (sa.Numeric(10, 2), mysql.DECIMAL(10, 2, unsigned=True)),
    (mysql.SET("a", "b"), mysql.SET("a", "c", "b")),
    (mysql.BIT(), mysql.BIT(4)),
    (sa.Enum("a", "b", name="q"), sa.Enum("a", "b", name="q", native_enum=False)),
    (sa.Text(), sa.Text(16_777_215)),
    (sa.Text(), sa.Text(4_294_000_000)),
    (sa.Text(), sa.Text(40)),
    (sa.LargeBinary(), sa.LargeBinary(100_000)),
    (sa.Float(), sa.Float(53)),
    (sa.Float(10), sa.REAL()),
    (sa.REAL(), mysql.REAL(10, 2)),
    (sa.Float(10), mysql.FLOAT(unsigned=True)),
]
#: What a server stores as one.
SAME: dict[str, list[tuple[t.Any, t.Any]]] = {
    "postgresql": [
        (sa.Numeric(10, 0), sa.Numeric(10)),
        (sa.CHAR(1), sa.CHAR()),
        (sa.Float(), sa.Float(53)),
        (sa.LargeBinary(), sa.LargeBinary(40)),
        (sa.Float(), sa.Double()),
        (sa.Float(10), sa.REAL()),
        (sa.REAL(), sa.Float(24)),
        (sa.Float(25), sa.DOUBLE_PRECISION()),
        (postgresql.ARRAY(sa.Float(10)), postgresql.ARRAY(sa.REAL())),
    ],
    "mariadb": [
        (sa.Numeric(), sa.Numeric(10)),
        (sa.CHAR(1), sa.CHAR()),
        (sa.Float(), sa.Float(10)),
        (sa.Boolean(), mysql.TINYINT(1)),
        (sa.Float(), sa.Float(24)),
        (sa.REAL(), sa.Double()),
        (sa.Float(25), sa.DOUBLE_PRECISION()),
        (mysql.REAL(10, 2), mysql.DOUBLE(10, 2)),
        (mysql.FLOAT(10, unsigned=True), mysql.FLOAT(unsigned=True)),
    ],
}


def x(type_: t.Any) -> Define:
    """Return models of one table, with a column of a type."""

    def define(metadata: sa.MetaData) -> None:
        key = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("thing", metadata, key, sa.Column("x", type_))

    return define


@pytest.fixture(scope="module")
def databases() -> cabc.Iterator[dict[str, tuple[str, str]]]:
    """Two databases of each server that answers, as far as tests ask for them."""
    with contextlib.ExitStack() as stack:

        class Made(dict[str, tuple[str, str]]):
            def __missing__(self, kind: str) -> tuple[str, str]:
                one, other = (stack.enter_context(new_database(kind)) for _ in "ab")
                self[kind] = one, other
                return self[kind]

        yield Made()


def wanted(define: Define, url: str) -> dict[str, t.Any]:
    """Return what ``create_all()`` makes."""
    metadata = sa.MetaData()
    define(metadata)
    return server_judge.schema_of_models(metadata, url)


def name(value: t.Any) -> str:
    return "-".join(map(repr, value)) if isinstance(value, tuple) else str(value)


@pytest.mark.servers
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize(
    ("kind", "pair"),
    [("postgresql", pair) for pair in POSTGRESQL] + [("mariadb", p) for p in MARIADB],
    ids=name,
)
def test_detail(
    databases: dict[str, tuple[str, str]],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    pair: tuple[t.Any, t.Any],
    back: bool,
) -> None:
    """It is found, made, and taken back, and nothing is found without a change."""
    monkeypatch.chdir(tmp_path)
    url, judged = databases[kind]
    server_judge.empty(url)
    first, second = (x(type_) for type_ in (reversed(pair) if back else pair))
    bench = Bench(url, tmp_path)
    bench.migrate(first, rev_id="aa11")
    assert bench.agrees(first)
    assert bench.migrate(second, rev_id="bb22")
    assert server_judge.schema_of_server(url) == wanted(second, judged)
    assert bench.agrees(second)
    app, _ = bench.app(first)
    with app.app_context():
        fb.downgrade()
    assert server_judge.schema_of_server(url) == wanted(first, judged)


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
def test_same(
    databases: dict[str, tuple[str, str]],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """Nothing is found where the server stores the same."""
    monkeypatch.chdir(tmp_path)
    url, _ = databases[kind]
    server_judge.empty(url)

    def define(number: int) -> Define:
        def tables(metadata: sa.MetaData) -> None:
            for position, pair in enumerate(SAME[kind]):
                key = sa.Column("id", sa.Integer, primary_key=True)
                x = sa.Column("x", pair[number])
                sa.Table(f"thing{position}", metadata, key, x)

        return tables

    bench = Bench(url, tmp_path)
    bench.migrate(define(0))
    assert bench.agrees(define(0))
    assert bench.agrees(define(1))

"""Columns get another type, with the values that they have."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import datetime
import decimal
import pathlib
import typing as t
import uuid

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Nobody
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .changes import Define

KINDS = [
    "sqlite",
    *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS),
]
DAY = datetime.date(2020, 2, 3)
NIGHT = datetime.datetime(2020, 2, 3)
MOMENT = datetime.datetime(2020, 2, 3, 10, 11, 12)
ID = uuid.UUID("12345678123456781234567812345678")


def money() -> t.Any:
    return sa.Numeric(10, 2)


def color() -> t.Any:
    return sa.Enum("red", "blue", name="color")


def text() -> t.Any:
    return sa.String(40)


Type = cabc.Callable[[], t.Any]
#: The old type and the new one, and values before and after.
GOOD: list[tuple[Type, Type, list[t.Any], list[t.Any]]] = [
    (text, sa.Integer, ["1", "-42", None], [1, -42, None]),
    (text, sa.Float, ["1.5", "2"], [1.5, 2.0]),
    (text, money, ["1.5", "2"], [decimal.Decimal("1.50"), decimal.Decimal(2)]),
    (text, sa.Boolean, ["1", "0"], [True, False]),
    (text, sa.Boolean, ["true", "No"], [True, False]),
    (text, sa.Date, ["2020-02-03"], [DAY]),
    (text, sa.DateTime, ["2020-02-03 10:11:12", "2020-02-03"], [MOMENT, NIGHT]),
    (text, sa.Time, ["10:11"], [datetime.time(10, 11)]),
    (sa.Text, sa.JSON, ['{"a": 1}', "[1]"], [{"a": 1}, [1]]),
    (text, color, ["red", "blue"], ["red", "blue"]),
    (color, text, ["red", "blue"], ["red", "blue"]),
    (sa.Integer, sa.Boolean, [1, 0], [True, False]),
    (sa.Boolean, sa.Integer, [True, False], [1, 0]),
    (sa.Integer, text, [7], ["7"]),
    (sa.Float, sa.Integer, [2.0], [2]),
    (sa.Float, money, [2.5], [decimal.Decimal("2.50")]),
    (money, sa.Float, [decimal.Decimal("2.50")], [2.5]),
    (sa.BigInteger, sa.Integer, [5], [5]),
    (sa.DateTime, sa.Date, [NIGHT], [DAY]),
    (sa.Date, sa.DateTime, [DAY], [NIGHT]),
    (sa.Date, text, [DAY], ["2020-02-03"]),
    (text, sa.Uuid, [str(ID), ID.hex], [ID, ID]),
    (sa.Text, sa.LargeBinary, ["a\\b"], [b"a\\b"]),
    (sa.LargeBinary, sa.Text, [b"a\\b"], ["a\\b"]),
    (sa.JSON, sa.Text, [[1, 2]], ["[1, 2]"]),
]

#: The old type and the new one, values, and what is said of them; None where the
#: kinds of databases differ in it.
BAD: list[tuple[Type, Type, list[t.Any], str | None]] = [
    (text, sa.Integer, ["1", "x"], "1 of 2 values of '{}' was not an integer ('x')"),
    (text, sa.Integer, ["1.5", "k"], "2 of 2 values of '{}' were not integers ("),
    (text, sa.Float, ["k"], "1 of 1 value of '{}' was not a number ('k')"),
    (text, sa.Boolean, ["maybe"], "1 of 1 value of '{}' was not true or false"),
    (text, sa.DateTime, ["now", "2020-02-03"], "1 of 2 values of '{}' w"),
    (text, sa.Date, ["03.02.2020"], None),
    (text, sa.Time, ["noon"], "1 of 1 value of '{}' was not a time ('noon')"),
    (sa.Text, sa.JSON, ["hello"], "1 of 1 value of '{}' was not JSON ('hello')"),
    (text, color, ["green"], "1 of 1 value of '{}' was not among 'red', 'blue'"),
    (sa.Integer, color, [1], None),
    (sa.Integer, sa.Boolean, [2], None),
    (sa.Float, sa.Integer, [2.5], None),
    (money, sa.Integer, [decimal.Decimal("2.50")], None),
    (sa.BigInteger, sa.Integer, [5_000_000_000], None),
    (sa.DateTime, sa.Date, [MOMENT, NIGHT], None),
    (sa.Integer, sa.DateTime, [1_600_000_000], "1 of 1 value of '{}' was not a date"),
    (sa.Integer, sa.Date, [20200203], None),
]
#: The same, of what only servers change: SQLite stores every digit.
ROUNDED: list[tuple[Type, Type, list[t.Any], str]] = [
    (text, money, ["1.555"], "1 of 1 value of '{}' would have changed as Numeric("),
    (sa.Float, money, [2.555, 2.5], "1 of 2 values of '{}' would have changed as Num"),
]


def table(given: cabc.Iterable[Type]) -> Define:
    """A table with a column of each type."""
    types = list(given)

    def define(metadata: sa.MetaData) -> None:
        columns = [sa.Column(f"c{n}", type_()) for n, type_ in enumerate(types)]
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("t", metadata, id_, *columns)

    return define


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> cabc.Iterator[Bench]:
    """A database of each kind."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'app.db'}"
        if request.param != "sqlite":
            url = stack.enter_context(new_database(request.param))
        yield Bench(url, tmp_path)


def fill(bench: Bench, define: Define, columns: list[list[t.Any]]) -> None:
    app, db = bench.app(define)
    with app.app_context(), db.engine.begin() as connection:
        (made,) = db.metadata.sorted_tables
        for number in range(max(map(len, columns))):
            row = {
                f"c{n}": values[number] if number < len(values) else None
                for n, values in enumerate(columns)
            }
            # JSON has a null of its own.
            given = {name: value for name, value in row.items() if value is not None}
            connection.execute(made.insert(), {"id": number + 1, **given})


def values(bench: Bench, define: Define) -> list[list[t.Any]]:
    """The values of each column, as the models read them."""
    app, db = bench.app(define)
    with app.app_context(), db.engine.connect() as connection:
        (made,) = db.metadata.sorted_tables
        rows = connection.execute(made.select().order_by(made.c.id)).all()
        return [list(column) for column in zip(*rows, strict=True)][1:]


def test_values_that_fit(bench: Bench) -> None:
    """Nothing is asked or told, and no value is another one afterwards."""
    before, after = table(c[0] for c in GOOD), table(c[1] for c in GOOD)
    bench.migrate(before)
    fill(bench, before, [case[2] for case in GOOD])
    app, _ = bench.app(after)
    result = app.test_cli_runner().invoke(args=["db", "migrate", "--no-destructive"])
    assert result.exit_code == 0, result.output
    assert " of 't." not in result.output
    with app.app_context():
        fb.upgrade()
    found = values(bench, after)
    for case, stored in zip(GOOD, found, strict=True):
        assert stored[: len(case[3])] == case[3], case
    assert bench.agrees(after)
    with app.app_context():
        fb.downgrade()
    assert values(bench, before)[0] == ["1", "-42", None]


def test_values_that_do_not_fit(bench: Bench) -> None:
    """They are counted, with an example, and what would change may be forbidden."""
    on_server = not bench.url.startswith("sqlite")
    cases = [*BAD, *(ROUNDED if on_server else ())]
    before, after = table(c[0] for c in cases), table(c[1] for c in cases)
    bench.migrate(before)
    fill(bench, before, [case[2] for case in cases])
    app, _ = bench.app(after)
    run = app.test_cli_runner().invoke
    result = run(args=["db", "migrate", "--dry-run"])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for number, case in enumerate(cases):
        place = f"t.c{number}"
        assert (case[3] or " of '{}' ").format(place) in said, said
    assert "or pass '--using t.c0=<SQL expression>'" in said
    refused = run(args=["db", "migrate", "--dry-run", "--no-destructive"])
    assert refused.exit_code == (1 if on_server else 0)


#: A type of each family.
FAMILIES: list[Type] = [
    *(sa.Integer, sa.BigInteger, money, sa.Float, sa.Boolean, sa.DateTime, sa.Date),
    *(sa.Time, sa.Interval, sa.LargeBinary, sa.Uuid, sa.JSON, text, sa.Text, color),
]


@pytest.mark.parametrize("half", [0, 1])
def test_every_pair_without_values(bench: Bench, half: int) -> None:
    """Where there are no values, every type becomes every other one, and back.

    A row of MariaDB has no room for all of them.
    """
    pairs = [(a, b) for a in FAMILIES for b in FAMILIES if a is not b][half::2]
    before, after = table(p[0] for p in pairs), table(p[1] for p in pairs)
    bench.migrate(before)
    fill(bench, before, [[None]] * len(pairs))
    bench.migrate(after)
    assert bench.agrees(after)
    app, _ = bench.app(after)
    with app.app_context():
        fb.downgrade()
    assert values(bench, before) == [[None]] * len(pairs)


#: A type, a value, and a type for which nobody but a person knows a value then.
WITHOUT_MEANING: list[tuple[Type, t.Any, Type]] = [
    *[(sa.Integer, 20200203, type_) for type_ in (sa.Date, sa.DateTime, sa.Time)],
    *[(sa.Integer, 20200203, type_) for type_ in (sa.Uuid, sa.LargeBinary)],
    *[(sa.Boolean, True, type_) for type_ in (sa.Date, sa.LargeBinary, sa.Uuid)],
    *[(sa.Date, DAY, type_) for type_ in (sa.Integer, money, sa.Boolean, sa.Time)],
    *[(sa.JSON, 20200203, type_) for type_ in (sa.Date, sa.LargeBinary, sa.Uuid)],
    *[(sa.Uuid, ID, type_) for type_ in (sa.Integer, sa.LargeBinary, sa.JSON)],
]


@pytest.mark.servers
@pytest.mark.parametrize(
    "case",
    WITHOUT_MEANING,
    ids=[f"{a.__name__}-{b.__name__}" for a, _, b in WITHOUT_MEANING],
)
def test_no_conversion_of_postgresql(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[Type, t.Any, Type],
) -> None:
    """A script that was made without values is refused where there are some."""
    monkeypatch.chdir(tmp_path)
    before, after = table([case[0]]), table([case[2]])
    with new_database("postgresql") as url:
        bench = Bench(url, tmp_path)
        bench.migrate(before)
        app, _ = bench.app(after)
        with app.app_context():
            fb.migrate()
        fill(bench, before, [[case[1]]])
        with app.app_context(), pytest.raises(fb.BatchMigrateError) as caught:
            fb.upgrade()
        assert "Nothing was changed" in str(caught.value)
        assert values(bench, before) == [[case[1]]]


def test_expression(bench: Bench) -> None:
    """An expression of a person converts the values, on every kind of database."""
    before, after = table([text]), table([sa.Integer])
    bench.migrate(before)
    fill(bench, before, [["7", "x"]])
    expression = "t.c0=CASE c0 WHEN 'x' THEN NULL ELSE c0 END"
    (script,) = bench.migrate(after, request=Request(conversions=[expression]))
    assert values(bench, after) == [[7, None]]
    assert "sqlite_using=" in script and "postgresql_using=" in script
    assert bench.agrees(after)
    app, _ = bench.app(after)
    with app.app_context():
        fb.downgrade()
    assert values(bench, before) == [["7", None]]


def test_expression_of_a_number(bench: Bench) -> None:
    """The old type need not hold what the expression gives."""
    before, after = table([sa.Integer]), table([color])
    bench.migrate(before)
    fill(bench, before, [[1, 2]])
    expression = "t.c0=CASE c0 WHEN 1 THEN 'red' ELSE 'blue' END"
    bench.migrate(after, request=Request(conversions=[expression]))
    assert values(bench, after) == [["red", "blue"]]
    assert bench.agrees(after)


class Says(Nobody):
    """A person who answers."""

    def conversion_for(self, column: str, problem: str) -> str | None:
        assert column == "t.c0"
        assert problem == "1 of 2 values of 't.c0' was not an integer ('x')"
        return "NULLIF(c0, 'x')"


def test_a_person_says(bench: Bench) -> None:
    """A person is asked where values do not fit, and only there."""
    before, after = table([text, text]), table([sa.Integer, sa.Integer])
    bench.migrate(before)
    fill(bench, before, [["7", "x"], ["1", "2"]])
    bench.migrate(after, request=Request(questioner=Says()))
    assert values(bench, after) == [[7, None], [1, 2]]


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("c0=1", "is not understood"),
        ("t.c0", "is not understood"),
        ("t.c0=", "is not understood"),
        ("t.c0=nothing(1)", "'--using t.c0=nothing(1)' fails"),
        ("t.c1=1", "the type of no such column changes"),
    ],
)
def test_wrong_option(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, option: str, why: str
) -> None:
    """What ``--using`` cannot mean is refused."""
    monkeypatch.chdir(tmp_path)
    bench = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    bench.migrate(table([text]))
    app, _ = bench.app(table([sa.Integer]))
    with app.app_context(), pytest.raises(fb.BatchMigrateError) as caught:
        fb.migrate(request=Request(conversions=[option]))
    assert why in str(caught.value)
    assert "No file was written" in str(caught.value)


def test_renamed_column(bench: Bench) -> None:
    """A column that is renamed as well is read by its old name."""

    def after(metadata: sa.MetaData) -> None:
        number = sa.Column("n", sa.Integer, info={"renamed_from": "c0"})
        id_ = sa.Column("id", sa.Integer, primary_key=True)
        sa.Table("t", metadata, id_, number)

    before = table([text])
    bench.migrate(before)
    fill(bench, before, [["7", "x"]])
    bench.migrate(after, request=Request(conversions=["t.n=NULLIF(n, 'x')"]))
    assert values(bench, after) == [[7, None]]


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
def test_types_of_sqlite_on_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Every type that SQLite reports can be made there, as the downgrade does."""
    monkeypatch.chdir(tmp_path)
    types: list[Type] = [
        *(sa.DateTime, sa.LargeBinary, sa.Double, sa.Float, sa.JSON, sa.Uuid),
        *(sa.Time, sa.SmallInteger, money, sa.Text, sa.Date, sa.Boolean, color),
    ]
    source = Bench(f"sqlite:///{tmp_path / 'app.db'}", tmp_path)
    source.migrate(table(types), rev_id="aa11")
    source.migrate(table([]), rev_id="bb22")

    def other(metadata: sa.MetaData) -> None:
        sa.Table("u", metadata, sa.Column("id", sa.Integer, primary_key=True))

    source.migrate(table(types), rev_id="cc33")
    source.migrate(other, rev_id="dd44", request=Request(no_rename=True))
    with new_database(kind) as url:
        app, _ = Bench(url, tmp_path).app(table([]))
        with app.app_context():
            fb.upgrade()
            fb.downgrade(revision="aa11")
            fb.upgrade()


def test_expression_for_a_shorter_text(bench: Bench) -> None:
    """Texts that are too long are made shorter, and are not counted then."""
    before, after = table([text]), table([lambda: sa.String(3)])
    bench.migrate(before)
    fill(bench, before, [["abcdef"]])
    bench.migrate(after, request=Request(conversions=["t.c0=substr(c0, 1, 3)"]))
    assert values(bench, after) == [["abc"]]


@pytest.mark.parametrize(
    ("old", "given"),
    [
        (sa.Date, [DAY]),
        (text, ["2020-02-03", "2020-02-03 00:00:00", "2020-02-03T00:00:00"]),
    ],
)
def test_moments_are_found(bench: Bench, old: Type, given: list[t.Any]) -> None:
    """A moment that was a date or a text equals one that the application stores."""
    before, after = table([old]), table([sa.DateTime])
    bench.migrate(before)
    app, db = bench.app(before)
    with app.app_context(), db.engine.begin() as connection:
        rows = [{"id": number, "c0": value} for number, value in enumerate(given, 1)]
        connection.execute(db.metadata.tables["t"].insert(), rows)
    bench.migrate(after, rev_id="bb22")
    app, db = bench.app(after)
    with app.app_context(), db.engine.connect() as connection:
        made = db.metadata.tables["t"]
        query = sa.select(sa.func.count()).where(made.c.c0 == NIGHT)
        assert connection.execute(query).scalar_one() == len(given)

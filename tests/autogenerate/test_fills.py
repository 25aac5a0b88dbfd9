"""Columns that must not be NULL, on tables with rows."""

from __future__ import annotations

import collections
import collections.abc as cabc
import contextlib
import datetime
import decimal
import enum
import functools
import pathlib
import re
import time
import typing as t
import uuid
import zoneinfo

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Nobody
from flask_batchmigrate.autogenerate.request import Request
from tests.servers import new_database
from tests.servers import SERVERS

from .bench import Bench
from .bench import bench as bench
from .bench import made_by
from .changes import Define
from .changes import named
from .changes import person
from .judge import schema_of
from .wide_types import Cents
from .wide_types import Mood
from .wide_types import Upper


def column(type_: t.Any, **options: t.Any) -> Define:
    """A person with one more column, made anew each time."""

    def define(metadata: sa.MetaData) -> None:
        person(sa.Column("x", type_, nullable=False, **options))(metadata)

    return define


def person_or_null(type_: t.Any) -> Define:
    """A person with one more column, which may be NULL, made anew each time."""
    return lambda metadata: person(sa.Column("x", type_))(metadata)


def start(metadata: sa.MetaData) -> None:
    person()(metadata)


def by_value() -> sa.Enum:
    """An Enum that stores the values of its members."""
    values = [member.value for member in Mood]
    return sa.Enum(Mood, name="x", values_callable=lambda _: values)


class Silent(sa.TypeDecorator[str]):
    """A type that stores values as they are."""

    impl = sa.String(20)
    cache_ok = True


class Moment(sa.TypeDecorator[datetime.datetime]):
    """Moments in UTC, which are stored without their zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: t.Any, dialect: sa.Dialect) -> t.Any:
        return value.replace(tzinfo=None)


class Size(str, enum.Enum):
    """Texts that have names."""

    small = "it's small"


class Level(enum.IntEnum):
    """Numbers that have names."""

    low = 3


class Share(float):
    """A number whose text is no number."""

    def __repr__(self) -> str:
        return f"{float(self):.0%}"


class Instant(datetime.datetime):
    """A moment of another library."""


class Label:
    """A value whose text is nothing that a script knows."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Label)

    __hash__ = None  # type: ignore[assignment]


FIVE: t.Final = uuid.UUID(int=5)
DAY: t.Final = datetime.timedelta(days=1)
CENTS: t.Final = decimal.Decimal("1.25")
LEAP: t.Final = datetime.datetime(2024, 2, 29)
ZONE: t.Final = zoneinfo.ZoneInfo("Asia/Kolkata")
moment = datetime.datetime
utc = datetime.timezone.utc

VALUES: dict[str, tuple[Define, list[str], t.Any]] = {
    "number": (column(sa.Integer), ["person.x=7"], 7),
    "text": (column(sa.String(20)), ["person.x=it's: 5 %"], "it's: 5 %"),
    "empty text": (column(sa.String(20)), ["person.x=''"], ""),
    "quotes within": (column(sa.String(20)), ["person.x='it's'"], "it's"),
    "truth": (column(sa.Boolean), ["person.x=true"], True),
    "day": (column(sa.Date), ["person.x=2024-02-29"], datetime.date(2024, 2, 29)),
    "default of the model": (column(sa.Integer, default=5), [], 5),
    "truth of the model": (column(sa.Boolean, default=False), [], False),
    "option before the model": (column(sa.Integer, default=5), ["person.x=6"], 6),
    "server default": (column(sa.Integer, server_default="8"), [], 8),
    "default NULL": (
        column(sa.Integer, server_default=sa.text("NULL"), default=8),
        [],
        8,
    ),
    "JSON": (column(sa.JSON), ['person.x={"a": [1, "it\'s"]}'], {"a": [1, "it's"]}),
    "JSON of the model": (column(sa.JSON, default={"a": True}), [], {"a": True}),
    "text as JSON": (column(sa.JSON, default="a"), [], "a"),
    "truth as JSON": (column(sa.JSON, default=True), [], True),
    "dict": (column(sa.JSON, default=dict), [], {}),
    "list": (column(sa.JSON, default=list), [], []),
    "str": (column(sa.String(9), default=str), [], ""),
    "a function of nothing": (column(sa.JSON, default=lambda: [1, 2]), [], [1, 2]),
    "member": (column(sa.Enum(Mood)), ["person.x=good"], Mood.good),
    "member of the model": (column(sa.Enum(Mood), default=Mood.bad), [], Mood.bad),
    "value of a member": (column(by_value()), ["person.x=it's bad"], Mood.bad),
    "member by its name": (column(by_value()), ["person.x=bad"], Mood.bad),
    "member by its value": (column(by_value(), default=Mood.bad), [], Mood.bad),
    "member of texts": (column(sa.Enum("a", "b", name="x"), default="b"), [], "b"),
    "UUID": (column(sa.Uuid), [f"person.x={FIVE}"], FIVE),
    "UUID of the model": (column(sa.Uuid, default=FIVE), [], FIVE),
    "duration": (column(sa.Interval), ["person.x=1 day, 0:00:00"], DAY),
    "duration of the model": (column(sa.Interval, default=DAY), [], DAY),
    "expression": (column(sa.String(20), default=sa.func.lower("ABC")), [], "abc"),
    "query": (column(sa.Integer, default=sa.select(sa.literal(3) + 4)), [], 7),
    "queries": (
        column(
            sa.Integer,
            default=sa.union(sa.select(sa.literal(7)), sa.select(sa.literal(7))),
        ),
        [],
        7,
    ),
    "option before the server default": (
        column(sa.Integer, server_default="8"),
        ["person.x=7"],
        7,
    ),
    "option before the time": (
        column(sa.DateTime, server_default=sa.func.now()),
        [f"person.x={LEAP}"],
        LEAP,
    ),
    "option of a column with NULL": (person_or_null(sa.Integer), ["person.x=7"], 7),
    "function": (column(sa.Integer, default=lambda: 5), [], 5),
    "bytes": (column(sa.LargeBinary, default=b"a"), [], b"a"),
    "pickled": (column(sa.PickleType, default=dict), [], {}),
    "own type": (column(Upper(9), default="abc"), [], "ABC"),
    "own type of numbers": (column(Cents, default=CENTS), [], CENTS),
    "own type that converts nothing": (column(Silent, default="abc"), [], "abc"),
    "text with a name": (column(sa.String(20), default=Size.small), [], "it's small"),
    "text with a name of a function": (
        column(sa.String(20), default=lambda: Size.small),
        [],
        "it's small",
    ),
    "number with a name": (column(sa.Integer, default=Level.low), [], 3),
    "own number": (column(sa.Float, default=Share(0.5)), [], 0.5),
    "own moment": (column(sa.DateTime, default=Instant(2024, 2, 29)), [], LEAP),
    "names in JSON": (
        column(sa.JSON, default={"a": [Size.small, Level.low, Share(0.5)]}),
        [],
        {"a": ["it's small", 3, 0.5]},
    ),
    "other dicts in JSON": (
        column(
            sa.JSON,
            default=lambda: collections.OrderedDict(
                a=collections.defaultdict(list, b=[1])
            ),
        ),
        [],
        {"a": {"b": [1]}},
    ),
    "classes in a pickle": (
        column(sa.PickleType, default={"a": (CENTS, LEAP, FIVE, DAY, set())}),
        [],
        {"a": (CENTS, LEAP, FIVE, DAY, set())},
    ),
    "number that an own type stores": (column(Cents), ["person.x=125"], CENTS),
}
#: Defaults that ask for the time, and what the rows get; Python has the local time.
CLOCKS: dict[str, tuple[t.Any, t.Any]] = {
    "now": (sa.DateTime, datetime.datetime.now),
    "utcnow": (sa.DateTime, datetime.datetime.utcnow),
    "today": (sa.Date, datetime.date.today),
    "function": (sa.DateTime, lambda: datetime.datetime.now(datetime.timezone.utc)),
    "imported": (sa.DateTime, lambda: moment.now(utc)),
    "partial": (sa.DateTime, functools.partial(datetime.datetime.now, utc)),
    "moment of a day": (sa.DateTime, datetime.date.today),
    "own type": (Moment, lambda: moment.now(utc)),
    "SQL": (sa.DateTime, sa.func.now()),
}
#: Defaults that may be another value for each row.
FUNCTIONS: dict[str, tuple[t.Any, t.Any]] = {
    "UUID": (sa.Uuid, uuid.uuid4),
    "text": (sa.String(40), lambda: str(uuid.uuid4())),
    "later": (sa.DateTime, lambda: moment.now() + datetime.timedelta(days=3)),
}


def value(bench: Bench, define: Define) -> t.Any:
    app, db = bench.app(define)
    with app.app_context(), db.engine.connect() as connection:
        (made,) = db.metadata.sorted_tables
        (row,) = connection.execute(made.select()).mappings()
        return dict(row)


@pytest.mark.parametrize("case", VALUES)
def test_added(bench: Bench, case: str) -> None:
    """The rows get the value, and the column is what the model says."""
    define, options, wanted = VALUES[case]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    bench.migrate(define, rev_id="bb22", request=Request(defaults=options))
    assert value(bench, define) == {"id": 4, "name": "Ada", "x": wanted}
    assert schema_of(bench.path / "app.db") == made_by(define)
    app, _ = bench.app(start)
    with app.app_context():
        fb.downgrade()
    assert schema_of(bench.path / "app.db") == made_by(start)


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("case", VALUES)
def test_added_on_servers(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str, case: str
) -> None:
    """The same there."""
    monkeypatch.chdir(tmp_path)
    define, options, wanted = VALUES[case]
    with new_database(kind) as url:
        server = Bench(url, tmp_path)
        server.migrate(start, rev_id="aa11")
        server.insert(start)
        server.migrate(define, rev_id="bb22", request=Request(defaults=options))
        assert value(server, define) == {"id": 4, "name": "Ada", "x": wanted}
        assert server.agrees(define)


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("has_zone", [False, True])
@pytest.mark.parametrize("options", [[], [f"person.x={LEAP.replace(tzinfo=ZONE)}"]])
def test_moment_of_a_zone(
    bench: Bench, tmp_path: pathlib.Path, kind: str, has_zone: bool, options: list[str]
) -> None:
    """The rows get the moment that the default gives a new row."""
    define = column(sa.DateTime(has_zone), default=LEAP.replace(tzinfo=ZONE))
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)
        bench.migrate(start, rev_id="aa11")
        bench.insert(start)
        bench.migrate(define, rev_id="bb22", request=Request(defaults=options))
        app, db = bench.app(define)
        table = db.metadata.tables["person"]
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(table.insert(), {"id": 9})
            old, new = connection.execute(sa.select(table.c.x).order_by(table.c.id))
            assert old == new


#: Defaults that no script can hold.
UNWRITABLE: dict[str, tuple[t.Any, t.Any]] = {
    "object": (sa.PickleType, Label()),
    "object within": (sa.PickleType, {"a": [Label()]}),
    "dict of another class": (sa.PickleType, collections.OrderedDict(a=1)),
    "name without text": (sa.String(20), Mood.good),
    "number that is none": (sa.Float, float("nan")),
    "day in JSON": (sa.JSON, {"a": LEAP.date()}),
    "number in JSON": (sa.JSON, [CENTS]),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_no_script_can_hold_it(bench: Bench, case: str) -> None:
    """A value is asked for where the text of the default gives another one, or none."""
    type_, default = UNWRITABLE[case]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(column(type_, default=default))
    refused = pytest.raises(
        fb.BatchMigrateError, match="default is nothing that a script"
    )
    with app.app_context(), refused as caught:
        fb.migrate()
    assert "No file was written" in str(caught.value)


@pytest.mark.parametrize("unique", [False, True])
def test_another_value_for_each_row(bench: Bench, unique: bool) -> None:
    """One value of a function that gives others is not given to all rows."""
    define = column(sa.Uuid, default=uuid.uuid4, unique=unique)
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, db = bench.app(define)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO person (name) VALUES ('Bob')")
    why = "each needs another" if unique else "a function that gives each row another"
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=why):
        fb.migrate()


#: What is done to a row of ``child`` for its parent, and whether that can be.
PARENTS = {
    "none there": ([], [], False),
    "given one that is not there": ([1], ["child.parent_id=2"], False),
    "given one that is there": ([1], ["child.parent_id=1"], True),
}


def family(has_parents: bool, has_key: bool, **options: t.Any) -> Define:
    """Children, with or without parents, and a key that refers to them."""

    def define(metadata: sa.MetaData) -> None:
        child = sa.Table(
            "child", metadata, sa.Column("id", sa.Integer, primary_key=True)
        )
        if has_parents:
            sa.Table("parent", metadata, sa.Column("id", sa.Integer, primary_key=True))
        if has_key:
            key = sa.ForeignKey("parent.id", name="fk_child_parent")
            child.append_column(sa.Column("parent_id", sa.Integer, key, **options))

    return define


def insert(bench: Bench, define: Define, table: str, **values: t.Any) -> None:
    app, db = bench.app(define)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(db.metadata.tables[table].insert(), values)


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("case", PARENTS)
@pytest.mark.parametrize("was_there", [False, True])
def test_given_parents(
    bench: Bench, tmp_path: pathlib.Path, kind: str, case: str, was_there: bool
) -> None:
    """Rows get a value for a foreign key only if it refers to a row.

    :param was_there: whether the column and its key were there, for NULL.
    """
    parents, options, can_be = PARENTS[case]
    before = family(True, was_there)
    after = family(True, True, nullable=False, **({} if options else {"default": 1}))
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)
        bench.migrate(before, rev_id="aa11")
        for number in parents:
            insert(bench, before, "parent", id=number)
        insert(bench, before, "child", id=7)
        request = Request(defaults=options)
        if can_be:
            bench.migrate(after, rev_id="bb22", request=request)
            assert bench.agrees(after)
            return
        app, _ = bench.app(after)
        refused = pytest.raises(fb.BatchMigrateError, match="to no row of 'parent'")
        with app.app_context(), refused:
            fb.migrate(request=request)


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("options", [["child.parent_id=1"], []])
def test_new_parents_have_no_rows(
    bench: Bench, tmp_path: pathlib.Path, kind: str, options: list[str]
) -> None:
    """No value can be right where the table that is referred to is made as well."""
    before = family(False, False)
    after = family(True, True, nullable=False)
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)
        bench.migrate(before, rev_id="aa11")
        insert(bench, before, "child", id=7)
        app, _ = bench.app(after)
        refused = pytest.raises(fb.BatchMigrateError, match="creates without rows")
        with app.app_context(), refused:
            fb.migrate(request=Request(defaults=options))


def test_made_not_null(bench: Bench) -> None:
    """Rows with NULL in a column that forbids it from now on get a value."""

    def before(metadata: sa.MetaData) -> None:
        named(sa.String(50))(metadata)

    def after(metadata: sa.MetaData) -> None:
        named(sa.String(50), nullable=False)(metadata)

    bench.migrate(before, rev_id="aa11")
    app, db = bench.app(before)
    with app.app_context(), db.engine.begin() as connection:
        rows = [{"id": 1, "name": None}, {"id": 2, "name": "Ada"}]
        connection.execute(db.metadata.tables["person"].insert(), rows)
    app, db = bench.app(after)
    refused = pytest.raises(fb.BatchMigrateError, match="1 row of the database would")
    with app.app_context(), refused:
        fb.migrate()
    bench.migrate(after, request=Request(defaults=["person.name=nobody"]))
    with app.app_context(), db.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT name FROM person ORDER BY id"))
        assert found.scalars().all() == ["nobody", "Ada"]
    assert bench.agrees(after)


def test_nobody_says(bench: Bench) -> None:
    """Nothing is written, and the error says how; without rows there is no question."""
    define = VALUES["number"][0]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(define)
    files = sorted(bench.path.glob("migrations/versions/*.py"))
    wanted = "'--default person.x=<value>'"
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=wanted):
        fb.migrate()
    assert sorted(bench.path.glob("migrations/versions/*.py")) == files


def test_without_rows(bench: Bench) -> None:
    """An empty table needs no value."""
    bench.migrate(start, rev_id="aa11")
    bench.migrate(VALUES["number"][0])
    assert bench.agrees(VALUES["number"][0])


class Says(Nobody):
    """A person who answers."""

    def value_for(
        self, column: str, type_: str, problem: cabc.Callable[[str], str]
    ) -> str | None:
        assert (column, type_) == ("person.x", "INTEGER")
        return "9"


def test_a_person_says(bench: Bench) -> None:
    """A person is asked for the value."""
    define = VALUES["number"][0]
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    bench.migrate(define, request=Request(questioner=Says()))
    assert value(bench, define)["x"] == 9


#: Types, and texts that are no values of theirs.
WRONG: list[tuple[t.Any, str]] = [
    (sa.Boolean, "yes"),
    (sa.Float, "nan"),
    (sa.Numeric, "Infinity"),
    (sa.Date, "31.12.2024"),
    (sa.Time, "noon"),
    (sa.Enum("a", "b", name="ab"), "c"),
    (sa.Enum(Mood), "very good"),
    (sa.JSON, "{a: 1}"),
    (sa.JSON, "null"),
    (sa.Uuid, "7"),
    (sa.Interval, "soon"),
    (sa.PickleType, "x"),
    (sa.String(3), "four"),
    (Cents, "1.x"),
]


@pytest.mark.parametrize(("type_", "text"), WRONG)
def test_no_value_of_the_type(bench: Bench, type_: t.Any, text: str) -> None:
    """A value that the application could not read again is refused."""
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(column(type_))
    refused = pytest.raises(fb.BatchMigrateError, match="is not a valid value")
    with app.app_context(), refused:
        fb.migrate(request=Request(defaults=[f"person.x={text}"]))


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("x=7", "not understood"),
        ("person.x", "not understood"),
        ("person.x=", "'' is not a valid value"),
        ("person.x=seven", "'seven' is not a valid value for column 'person.x'"),
        ("person.name=x", "neither adds such a column"),
        ("person.twice=1", "or the column is computed"),
    ],
)
def test_wrong_option(bench: Bench, option: str, why: str) -> None:
    """What ``--default`` cannot mean is refused."""

    def define(metadata: sa.MetaData) -> None:
        VALUES["default of the model"][0](metadata)
        twice = sa.Column("twice", sa.Integer, sa.Computed("id * 2"))
        metadata.tables["person"].append_column(twice)

    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(define)
    with app.app_context(), pytest.raises(fb.BatchMigrateError, match=why):
        fb.migrate(request=Request(defaults=[option]))


@pytest.mark.parametrize("case", CLOCKS)
def test_clock(bench: Bench, case: str) -> None:
    """The rows get the time of the upgrade where the default asks for the time."""
    type_, default = CLOCKS[case]
    define = column(type_, default=default)
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    (text,) = bench.migrate(define, rev_id="bb22")
    found = value(bench, define)["x"]
    now = moment.now(utc).replace(tzinfo=None)
    if isinstance(found, datetime.datetime):
        is_day = case == "moment of a day"
        assert abs(now - found) < datetime.timedelta(minutes=5, days=is_day)
        assert ("CURRENT_TIMESTAMP" in text) == (case == "SQL")
    else:
        assert abs(now.date() - found) <= datetime.timedelta(days=1)
    assert schema_of(bench.path / "app.db") == made_by(define)


@pytest.fixture(params=["Asia/Kolkata", "UTC"])
def zone(request: pytest.FixtureRequest) -> cabc.Iterator[str]:
    """The zone of this machine, for the time of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


#: The session of a connection is in another zone than the machine.
IN_OTHER_ZONE: t.Final = {
    "sqlite": None,
    "postgresql": "SET TIME ZONE '+07:00'",
    "mariadb": "SET time_zone = '+07:00'",
}


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("case", [case for case in CLOCKS if case != "SQL"])
def test_clock_of_zones(
    bench: Bench,
    tmp_path: pathlib.Path,
    zone: str,
    kind: str,
    case: str,
) -> None:
    """The rows get the time of the upgrade by the clock that the default asks."""
    type_, default = CLOCKS[case]
    if type_ is sa.DateTime:
        type_ = sa.DateTime(timezone=case in ("imported", "now"))
    define = column(type_, default=default)
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)

        def set_zone(connection: t.Any, record: object) -> None:
            if statement := IN_OTHER_ZONE[kind]:
                connection.cursor().execute(statement)
                connection.commit()

        sa.event.listen(sa.Engine, "connect", set_zone)
        stack.callback(sa.event.remove, sa.Engine, "connect", set_zone)
        bench.migrate(start, rev_id="aa11")
        bench.insert(start)
        bench.migrate(define, rev_id="bb22")
        app, db = bench.app(define)
        table = db.metadata.tables["person"]
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(table.insert(), {"id": 9})
            rows = connection.execute(sa.select(table.c.x).order_by(table.c.id))
            old, new = rows.scalars()
        assert datetime.timedelta(0) <= new - old < datetime.timedelta(minutes=5)


@pytest.mark.servers
@pytest.mark.parametrize("is_now", [False, True])
def test_moment_of_a_zone_as_sql_on_mariadb(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, is_now: bool
) -> None:
    """The database takes the SQL of the script, too, and stores the same."""
    monkeypatch.chdir(tmp_path)
    constant = LEAP.replace(tzinfo=ZONE)
    default = (lambda: moment.now(ZONE)) if is_now else constant
    define = column(sa.DateTime, default=default)
    with new_database("mariadb") as url:
        server = Bench(url, tmp_path)
        server.migrate(start, rev_id="aa11")
        server.insert(start)
        app, db = server.app(define)
        table = db.metadata.tables["person"]
        with app.app_context():
            fb.migrate(rev_id="bb22")
            sql = fb.upgrade(revision="aa11:bb22", sql=True)
            text = re.sub("^(--.*|BEGIN;|COMMIT;)$", "", sql, flags=re.M)
            with db.engine.begin() as connection:
                for statement in filter(str.strip, text.split(";\n")):
                    connection.exec_driver_sql(statement)
                connection.execute(table.insert(), {"id": 9})
                rows = connection.execute(sa.select(table.c.x).order_by(table.c.id))
                old, new = rows.scalars()
        assert datetime.timedelta(0) <= new - old < datetime.timedelta(minutes=5)


#: Functions whose values have to do with the time, and the value that rows get; None if
#: it is another one at every call.
TIMES: dict[str, tuple[t.Any, t.Any, t.Any]] = {
    "soon": (sa.DateTime, lambda: moment.now(utc) + datetime.timedelta(seconds=30), ()),
    "just now": (sa.DateTime, lambda: moment.now(utc) - datetime.timedelta(0, 5), ()),
    "seconds": (sa.Integer, lambda: int(time.time()), ()),
    "in a month": (
        sa.Date,
        lambda: datetime.date.today() + datetime.timedelta(days=30),
        lambda: datetime.date.today() + datetime.timedelta(days=30),
    ),
    "text": (
        sa.String(20),
        lambda: datetime.date.today().isoformat(),
        lambda: datetime.date.today().isoformat(),
    ),
}


@pytest.mark.parametrize("case", TIMES)
def test_time_of_generation(
    bench: Bench, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is neither constant nor the present time is asked for, or told."""
    type_, default, wanted = TIMES[case]
    define = column(type_, default=default)
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(define)
    caplog.set_level("INFO")
    if not wanted:
        refused = pytest.raises(fb.BatchMigrateError, match="default is a function")
        with app.app_context(), refused:
            fb.migrate()
        return
    bench.migrate(define, rev_id="bb22")
    assert value(bench, define)["x"] == wanted()
    line = f"1 row of 'person' will have '{wanted()}' for 'x'"
    assert line in caplog.text


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("case", ["now", "today"])
def test_clock_on_servers(tmp_path: pathlib.Path, kind: str, case: str) -> None:
    """The same there."""
    type_, default = CLOCKS[case]
    define = column(type_, default=default)
    with new_database(kind) as url:
        server = Bench(url, tmp_path)
        folder = str(tmp_path / "migrations")
        for number, models in enumerate((start, define)):
            app, db = server.app(models, directory=folder)
            with app.app_context():
                fb.migrate(rev_id=f"aa{number}")
                fb.upgrade()
                if not number:
                    with db.engine.begin() as connection:
                        connection.execute(db.metadata.tables["person"].insert())
        assert isinstance(value(server, define)["x"], datetime.date)


@pytest.mark.parametrize("case", FUNCTIONS)
def test_function(bench: Bench, case: str) -> None:
    """One value of a function that gives others is not given to all rows."""
    type_, default = FUNCTIONS[case]
    define = column(type_, default=default)
    bench.migrate(start, rev_id="aa11")
    bench.insert(start)
    app, _ = bench.app(define)
    refused = pytest.raises(fb.BatchMigrateError, match="default is a function")
    with app.app_context(), refused as caught:
        fb.migrate()
    assert "No file was written" in str(caught.value)


#: The type of a column before, its type and options afterwards, and the value that the
#: rows get that have none; None for any.
TIGHTENED: dict[str, tuple[t.Any, t.Any, dict[str, t.Any], t.Any]] = {
    "now": (sa.DateTime, sa.DateTime, {"server_default": sa.func.now()}, None),
    "function": (
        sa.String(9),
        sa.String(9),
        {"server_default": sa.func.lower("ABC")},
        "abc",
    ),
    "text to number": (sa.String(9), sa.Integer, {"server_default": "3"}, 3),
    "number to text": (sa.Integer, sa.String(9), {"default": "5"}, "5"),
    "longer text": (sa.String(3), sa.String(9), {"default": "no"}, "no"),
}


#: The same where the old type had a check, on SQLite.
CHECKED: dict[str, tuple[t.Any, t.Any, dict[str, t.Any], t.Any]] = {
    "Enum to truth": (
        sa.Enum("good", "bad", name="x", create_constraint=True, native_enum=False),
        sa.Boolean,
        {"default": False},
        False,
    ),
    "truth to Enum": (
        sa.Boolean(create_constraint=True, name="ck_x"),
        sa.Enum("good", "bad", name="x", create_constraint=True, native_enum=False),
        {"server_default": "bad"},
        "bad",
    ),
}


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("case", TIGHTENED)
def test_made_not_null_otherwise(
    bench: Bench, tmp_path: pathlib.Path, kind: str, case: str
) -> None:
    """The value is one of the new type, and any server default can be the value."""
    old, new, options, wanted = TIGHTENED[case]
    if kind == "mariadb" and case == "function":
        options = {"server_default": sa.text("'abc'")}
    if kind == "sqlite":
        tighten(bench, old, new, options, wanted)
        return
    with new_database(kind) as url:
        tighten(Bench(url, tmp_path), old, new, options, wanted)


def tighten(
    bench: Bench,
    old: t.Any,
    new: t.Any,
    options: dict[str, t.Any],
    wanted: t.Any,
    back: bool = True,
) -> None:
    """Make a column NOT NULL that has no value in a row.

    :param back: whether the value is one of the old type, too.
    """

    def before(metadata: sa.MetaData) -> None:
        person(sa.Column("x", old))(metadata)

    define = column(new, **options)
    bench.migrate(before, rev_id="aa11")
    bench.insert(before)
    bench.migrate(define, rev_id="bb22")
    found = value(bench, define)["x"]
    assert found == wanted or (wanted is None and found is not None)
    assert bench.agrees(define)
    if not back:
        return
    app, _ = bench.app(before)
    with app.app_context():
        fb.downgrade()
    if bench.url.startswith("sqlite"):
        assert schema_of(bench.path / "app.db") == made_by(before)


@pytest.mark.parametrize("case", CHECKED)
def test_made_not_null_with_another_check(bench: Bench, case: str) -> None:
    """The check of the old type does not hold up the new value."""
    old, new, options, wanted = CHECKED[case]
    tighten(bench, old, new, options, wanted, back=False)


@pytest.mark.parametrize("unique", ["constraint", "index", "of two columns"])
def test_unique_refuses_one_value_for_all(bench: Bench, unique: str) -> None:
    """Rows that a UNIQUE of the database keeps apart cannot get one value."""

    def define(metadata: sa.MetaData, **options: t.Any) -> None:
        made = sa.Table(
            "person",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("x", sa.Integer, **options),
            sa.Column("y", sa.Integer),
        )
        if unique == "index":
            sa.Index("one_x", made.c.x, unique=True)
        else:
            columns = ["x", "y"] if unique == "of two columns" else ["x"]
            made.append_constraint(sa.UniqueConstraint(*columns))

    def after(metadata: sa.MetaData) -> None:
        define(metadata, nullable=False, default=3)

    bench.migrate(define, rev_id="aa11")
    app, db = bench.app(define)
    with app.app_context(), db.engine.begin() as connection:
        rows = [{"id": number, "y": 1} for number in (1, 2)]
        connection.execute(db.metadata.tables["person"].insert(), rows)
    app, db = bench.app(after)
    with app.app_context():
        refused = pytest.raises(fb.BatchMigrateError, match="would share a value")
        with refused as caught:
            fb.migrate()
        assert "No file was written" in str(caught.value)
        with db.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM person WHERE id = 2")
        fb.migrate(rev_id="bb22")
        fb.upgrade()


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_new_unique_is_counted_with_new_types(
    bench: Bench, tmp_path: pathlib.Path, kind: str, rows: int
) -> None:
    """A value of the new type is held against stored ones of the old type."""

    def define(type_: t.Any, **options: t.Any) -> Define:
        def made(metadata: sa.MetaData) -> None:
            table = sa.Table(
                "person",
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("x", sa.Integer, nullable=False),
                sa.Column("y", type_, **options),
            )
            if options:
                table.append_constraint(sa.UniqueConstraint("x", "y"))

        return made

    before = define(sa.BigInteger)
    after = define(sa.DateTime, nullable=False, server_default="2024-02-29 00:00:00")
    with contextlib.ExitStack() as stack:
        if kind != "sqlite":
            bench = Bench(stack.enter_context(new_database(kind)), tmp_path)
        bench.migrate(before, rev_id="aa11")
        app, db = bench.app(before)
        with app.app_context(), db.engine.begin() as connection:
            values = [{"x": 1} for _ in range(rows)]
            connection.execute(db.metadata.tables["person"].insert(), values)
        if rows == 1:
            bench.migrate(after, rev_id="bb22")
            assert bench.agrees(after)
            return
        app, _ = bench.app(after)
        refused = pytest.raises(fb.BatchMigrateError, match="would share a value")
        with app.app_context(), refused:
            fb.migrate()

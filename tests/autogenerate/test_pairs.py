"""Two models of one table that a random walk between models stumbled over."""

from __future__ import annotations

import contextlib
import enum
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from . import wide_judge
from .bench import Bench
from .bench import bench as bench
from .changes import Define
from .changes import person
from .wide_types import OldFashioned
from .wide_types import Upper

NOCASE: t.Final = {"collation": "NOCASE"}


def x(type_: t.Any, *items: t.Any, **options: t.Any) -> t.Callable[[], Define]:
    """A person with one more column, made anew each time."""
    return lambda: person(sa.Column("x", type_, **options), *(i() for i in items))


def key(**options: t.Any) -> t.Callable[[], Define]:
    """A table that refers to another by a key with these options."""

    def define(metadata: sa.MetaData) -> None:
        person()(metadata)
        keys = [sa.ForeignKey("person.id", **options)] if options else []
        columns = (
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("person_id", sa.Integer, *keys),
        )
        sa.Table("pet", metadata, *columns)

    return lambda: define


def conditional(*dialects: str) -> t.Callable[[], Define]:
    """A table with a constraint of each kind, and an index, for each database."""

    def define(metadata: sa.MetaData) -> None:
        a, b = (sa.Column(name, sa.Integer) for name in "ab")
        made = sa.Table(
            "person", metadata, sa.Column("id", sa.Integer, primary_key=True), a, b
        )
        for number, dialect in enumerate(dialects):
            for part in (
                sa.CheckConstraint(f"a <> {number}", name=f"ck_{dialect}"),
                sa.CheckConstraint(f"b <> {number}"),
                sa.UniqueConstraint(a, name=f"uq_{dialect}"),
                sa.ForeignKeyConstraint([b], [made.c.id], name=f"fk_{dialect}"),
            ):
                made.append_constraint(part)
                part.ddl_if(dialect=dialect)
            sa.Index(f"ix_{dialect}", a, b).ddl_if(dialect=dialect)

    return lambda: define


def check() -> sa.CheckConstraint:
    """A CHECK without a name."""
    return sa.CheckConstraint("x IS NULL OR x <> 9")


class Letter(enum.Enum):
    """An enumeration of the application's."""

    a = 1
    b = 2


def text_enum(**options: t.Any) -> sa.Enum:
    """An Enum that is a text with a CHECK on every database."""
    return sa.Enum("a", "b", native_enum=False, create_constraint=True, **options)


def commented() -> sa.CheckConstraint:
    """A CHECK of several lines, the last of which has a comment."""
    return sa.CheckConstraint("x > 0\n  AND x < 9 -- not: 5% (or so\n")


PAIRS: dict[str, tuple[t.Callable[[], Define], t.Callable[[], Define]]] = {
    "collation to number": (x(sa.String(9, **NOCASE)), x(sa.Integer)),
    "collation to moment": (x(sa.Text(**NOCASE)), x(sa.DateTime)),
    "collation to Enum": (x(sa.String(9, **NOCASE)), x(sa.Enum("a", "b", name="e"))),
    "collation to UUID": (x(sa.String(40, **NOCASE)), x(sa.Uuid)),
    "collation to own type": (x(sa.String(30, **NOCASE)), x(Upper(30))),
    "collation to own type, unique": (
        x(sa.String(30, **NOCASE), unique=True),
        x(sa.Integer, unique=True),
    ),
    "check of a type beside one of its name": (
        x(sa.Boolean, check),
        x(sa.Boolean(create_constraint=True), check),
    ),
    "check of an Enum beside one of its name": (
        x(sa.Integer, check),
        x(sa.Enum("a", "b", create_constraint=True, native_enum=False), check),
    ),
    "length of an Enum with a check": (
        x(text_enum(name="e", length=10)),
        x(text_enum(name="e", length=20)),
    ),
    "length of an Enum with a check without a name": (
        x(text_enum(length=10)),
        x(text_enum(length=20)),
    ),
    "length of an Enum, and the name of its check": (
        x(text_enum(length=10, name="e")),
        x(text_enum(length=20)),
    ),
    "Enum of Python to one of texts": (
        x(sa.Enum(Letter, create_constraint=True), check),
        x(text_enum(length=20), check),
    ),
    "types made by old copy()": (x(OldFashioned(9)), x(OldFashioned(19))),
    "old copy() and a check": (x(OldFashioned(9)), x(OldFashioned(9), check)),
    "CHECK that ends in a comment": (x(sa.Integer), x(sa.Integer, commented)),
    "column with a CHECK that ends in a comment": (
        lambda: person(),
        x(sa.Integer, commented),
    ),
    "for another database": (conditional(), conditional("postgresql", "mysql")),
    "for this database": (conditional(), conditional("sqlite")),
    "for this database and another": (
        conditional("sqlite", "postgresql"),
        conditional("sqlite", "mysql"),
    ),
    "match": (key(match="FULL"), key()),
    "match, all else": (
        key(match="FULL", deferrable=True, initially="DEFERRED", ondelete="CASCADE"),
        key(ondelete="CASCADE"),
    ),
}


#: Pairs that are the same on this database.
NOTHING: t.Final = ("for another database", "for this database and another")


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("pair", PAIRS)
def test_pair(bench: Bench, pair: str, back: bool) -> None:
    """The upgrade makes what ``create_all()`` makes, and the downgrade what was."""
    first, second = reversed(PAIRS[pair]) if back else PAIRS[pair]
    for number, define in enumerate((first, second)):
        written = bench.migrate(define(), rev_id=f"aa{number}")
        assert bool(written) != (pair in NOTHING and bool(number))
        assert differences(bench, define()) == []
    if pair in NOTHING:
        return
    app, _ = bench.app(second())
    with app.app_context():
        assert fb.migrate() == []
        fb.downgrade()
    assert differences(bench, first()) == []


def differences(bench: Bench, define: Define) -> list[str]:
    """Return how the database differs from what ``create_all()`` makes."""
    found = wide_judge.read(bench.path / "app.db")
    return wide_judge.difference(found, wide_judge.wanted(define))


def test_new_column_beside_a_check_of_its_name(bench: Bench) -> None:
    """A type's check does not get the name of a CHECK that stays."""

    def define(metadata: sa.MetaData, *columns: t.Any) -> None:
        taken = sa.CheckConstraint("name <> ''", name="ck_person_x")
        person(taken, *columns)(metadata)

    def after(metadata: sa.MetaData) -> None:
        define(metadata, sa.Column("x", sa.Boolean(create_constraint=True)))

    bench.migrate(define, rev_id="aa11")
    bench.migrate(after, rev_id="bb22", request=Request(no_rename=True))
    assert differences(bench, after) == []
    names = [
        name for name, *_ in wide_judge.read(bench.path / "app.db")["person"]["names"]
    ]
    assert len(names) == len(set(names)) == 2
    app, _ = bench.app(define)
    with app.app_context():
        fb.downgrade()
    assert differences(bench, define) == []


def test_type_stays_as_it_is(bench: Bench) -> None:
    """A type of the application is as it was after it was copied."""
    type_ = OldFashioned(9)
    define = x(type_)()
    bench.migrate(define, rev_id="aa11")
    assert "copy" not in vars(type_)
    with contextlib.closing(sqlite3.connect(bench.path / "app.db")) as connection:
        assert connection.execute("SELECT x FROM person").fetchall() == []

"""The checks that Boolean and Enum make, where columns share a type or change names."""

from __future__ import annotations

import collections.abc as cabc
import itertools
import sqlite3

import pytest
import sqlalchemy as sa
from alembic.operations import BatchOperations
from alembic.operations import Operations

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase

TABLE = (
    "CREATE TABLE t (\n"
    "  id INTEGER NOT NULL PRIMARY KEY,\n"
    "  first VARCHAR(3),\n"
    "  last VARCHAR(3),\n"
    "  free VARCHAR(3),\n"
    "  CONSTRAINT kind CHECK (first IN ('one', 'two')),\n"
    "  CONSTRAINT kind CHECK (last IN ('one', 'two'))\n"
    ");"
    "INSERT INTO t VALUES (1, 'one', 'two', 'one');"
)
Calls = cabc.Callable[[BatchOperations], object]


def kind(*more: str) -> sa.Enum:
    """Make the type that several columns of the table have."""
    return sa.Enum("one", "two", *more, name="kind", create_constraint=True)


#: What a block calls, and the members that each column has afterwards; "*" is any.
SHARED: dict[str, tuple[list[Calls], dict[str, str]]] = {
    "one gets a member": (
        [lambda b: b.alter_column("first", existing_type=kind(), type_=kind("six"))],
        {"first": "one two six", "last": "one two", "free": "*"},
    ),
    "both get a member": (
        [
            lambda b: b.alter_column("first", existing_type=kind(), type_=kind("six")),
            lambda b: b.alter_column("last", existing_type=kind(), type_=kind("six")),
        ],
        {"first": "one two six", "last": "one two six", "free": "*"},
    ),
    "one without the type it has": (
        [lambda b: b.alter_column("last", type_=kind("six"))],
        {"first": "one two", "last": "one two six", "free": "*"},
    ),
    "one becomes text": (
        [lambda b: b.alter_column("last", existing_type=kind(), type_=sa.String(3))],
        {"first": "one two", "last": "*", "free": "*"},
    ),
    "another gets the type": (
        [lambda b: b.alter_column("free", type_=kind())],
        {"first": "one two", "last": "one two", "free": "one two"},
    ),
    "another gets it with a member more": (
        [lambda b: b.alter_column("free", type_=kind("six"))],
        {"first": "one two", "last": "one two", "free": "one two six"},
    ),
    "a new column": (
        [lambda b: b.add_column(sa.Column("new", kind("six")))],
        {"first": "one two", "last": "one two", "free": "*", "new": "one two six"},
    ),
    "a name and a type": (
        [lambda b: b.alter_column("free", new_column_name="new", type_=kind())],
        {"first": "one two", "last": "one two", "new": "one two"},
    ),
    "a name and a member": (
        [
            lambda b: b.alter_column(
                "first", new_column_name="new", existing_type=kind(), type_=kind("six")
            )
        ],
        {"new": "one two six", "last": "one two", "free": "*"},
    ),
    "a name that another column had": (
        [
            lambda b: b.alter_column("first", new_column_name="new"),
            lambda b: b.alter_column(
                "free", new_column_name="first", type_=kind("six")
            ),
        ],
        {"new": "one two", "last": "one two", "first": "one two six"},
    ),
    "a name and a type without a name": (
        [
            lambda b: b.alter_column(
                "free",
                new_column_name="new",
                type_=sa.Enum("one", "six", create_constraint=True),
            )
        ],
        {"first": "one two", "last": "one two", "new": "one six"},
    ),
}


def members_taken(db: Database) -> dict[str, str]:
    """Try out which members each column takes; ``*`` for any."""
    found = {}
    for (column,) in db.query("SELECT name FROM pragma_table_info('t') WHERE cid > 0"):
        taken = []
        for word in ("one", "two", "six", "ten"):
            try:
                db.query(f"UPDATE t SET {column} = '{word}'")
            except sqlite3.IntegrityError:
                continue
            taken.append(word)
        found[column] = " ".join(taken).replace("one two six ten", "*")
    return found


@pytest.mark.parametrize(("calls", "expected"), SHARED.values(), ids=SHARED)
def test_a_type_of_several_columns(
    database: MakeDatabase, calls: list[Calls], expected: dict[str, str]
) -> None:
    """Each column takes the members of its own type, and no others."""
    db = database(TABLE)

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            for call in calls:
                call(batch)

    db.run(script)
    assert members_taken(db) == expected


def test_a_boolean_under_a_new_name(database: MakeDatabase) -> None:
    """Before SQLAlchemy 1.4 every Boolean made a check."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, old INTEGER);")

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.alter_column(
                "old",
                new_column_name="on",
                existing_type=sa.Integer(),
                type_=sa.Boolean(create_constraint=True),
            )

    db.run(script)
    db.query('INSERT INTO t ("on") VALUES (1)')
    with pytest.raises(sqlite3.IntegrityError):
        db.query('INSERT INTO t ("on") VALUES (2)')


@pytest.mark.parametrize("column", ["flag", "other"])
def test_a_check_gets_the_name_of_its_type(database: MakeDatabase, column: str) -> None:
    """A check that says the same without a name can be dropped by it afterwards."""
    db = database(
        "CREATE TABLE t (flag BOOLEAN, other BOOLEAN CHECK (other IN (0, 1)),"
        " CHECK (flag IN (0, 1)));"
    )
    flag = sa.Boolean(name="ck_flag", create_constraint=True)

    def give(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.alter_column(column, existing_type=sa.Boolean(), type_=flag)

    def drop(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_constraint("ck_flag", type_="check")

    db.run(give)
    assert db.sql().count("CHECK") == 2
    db.run(drop)
    db.query(f"INSERT INTO t ({column}) VALUES (2)")
    other = "other" if column == "flag" else "flag"
    with pytest.raises(sqlite3.IntegrityError):
        db.query(f"INSERT INTO t ({other}) VALUES (2)")


TYPES = {"none": None, "six": kind("six"), "text": sa.String(3)}
MEMBERS = {"six": "one two six", "text": "*"}
STORED = {"first": "one two", "last": "one two", "free": "*"}
PAIRS = [("first", "last"), ("first", "free"), ("free", "first")]


@pytest.mark.parametrize("is_exchange", [False, True], ids=["taken", "exchanged"])
@pytest.mark.parametrize("leaves_first", [True, False])
@pytest.mark.parametrize("types", list(itertools.product(TYPES, TYPES)), ids="-".join)
@pytest.mark.parametrize(("leaving", "taking"), PAIRS)
def test_a_column_takes_the_name_of_another(
    database: MakeDatabase,
    leaving: str,
    taking: str,
    types: tuple[str, str],
    leaves_first: bool,
    is_exchange: bool,
) -> None:
    """Each takes the members of its own type, under its new name.

    :param types: the new types of both columns.
    """
    db = database(TABLE)
    names = {leaving: taking if is_exchange else "new", taking: leaving}
    wanted = dict(zip((leaving, taking), types, strict=True))

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            for column in (leaving, taking) if leaves_first else (taking, leaving):
                batch.alter_column(
                    column,
                    new_column_name=names[column],
                    existing_type=sa.String(3) if column == "free" else kind(),
                    type_=TYPES[wanted[column]],
                )

    db.run(script)
    expected = {
        names.get(column, column): MEMBERS.get(wanted.get(column, ""), members)
        for column, members in STORED.items()
    }
    assert members_taken(db) == expected

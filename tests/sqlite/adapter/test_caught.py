"""Refusals are caught by the clauses that scripts have for Alembic's errors."""

from __future__ import annotations

import collections.abc as cabc
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import BatchOperations
from alembic.operations import Operations

from flask_batchmigrate.sqlite.errors import ChangeRefused
from tests.sqlite.alembic_file import MakeDatabase

TABLES = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY);"
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, v TEXT,"
    " CONSTRAINT uq UNIQUE (v), CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));"
    "CREATE INDEX ix ON t (a);"
    "INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1, 'x'), (2, 1, NULL);"
)
Operational = sa.exc.OperationalError
InBlock = cabc.Callable[[BatchOperations], object]
Plain = cabc.Callable[[Operations], object]

IN_BLOCK: list[tuple[str, InBlock, tuple[type[Exception], ...]]] = [
    ("constraint", lambda b: b.drop_constraint("no", type_="unique"), (ValueError,)),
    ("key", lambda b: b.drop_constraint("no", type_="foreignkey"), (ValueError,)),
    ("any constraint", lambda b: b.drop_constraint("no"), (ValueError,)),
    ("index", lambda b: b.drop_index("no"), (ValueError, Operational)),
    ("column", lambda b: b.drop_column("no"), (KeyError,)),
    ("altered", lambda b: b.alter_column("no", nullable=True), (KeyError,)),
    ("renamed", lambda b: b.alter_column("no", new_column_name="n"), (KeyError,)),
    ("in index", lambda b: b.create_index("n", ["no"]), (KeyError, Operational)),
    (
        "name taken",
        lambda b: b.alter_column("a", new_column_name="v"),
        (sa.exc.DuplicateColumnError, Operational),
    ),
    ("in unique", lambda b: b.create_unique_constraint("n", ["no"]), (KeyError,)),
    ("there", lambda b: b.add_column(sa.Column("a", sa.Integer())), (Operational,)),
    ("index there", lambda b: b.create_index("ix", ["v"]), (Operational,)),
    (
        "in check",
        lambda b: b.create_check_constraint("n", sa.text("no > 1")),
        (Operational,),
    ),
    (
        "rows",
        lambda b: b.alter_column("v", nullable=False),
        (sa.exc.IntegrityError, sa.exc.DBAPIError),
    ),
    (
        "equal",
        lambda b: b.create_unique_constraint("n", ["a"]),
        (sa.exc.IntegrityError,),
    ),
]

PLAIN: list[tuple[str, Plain, tuple[type[Exception], ...]]] = [
    ("table", lambda op: op.drop_table("no"), (Operational,)),
    ("column", lambda op: op.drop_column("t", "no"), (Operational,)),
    ("of no table", lambda op: op.drop_column("no", "a"), (Operational,)),
    (
        "there",
        lambda op: op.add_column("t", sa.Column("a", sa.Integer())),
        (Operational,),
    ),
    (
        "table there",
        lambda op: op.create_table("t", sa.Column("a", sa.Integer())),
        (Operational,),
    ),
    ("index there", lambda op: op.create_index("ix", "t", ["v"]), (Operational,)),
    ("index", lambda op: op.drop_index("no", "t"), (Operational,)),
    ("renamed", lambda op: op.rename_table("no", "n"), (Operational,)),
    ("name taken", lambda op: op.rename_table("t", "p"), (Operational,)),
    (
        "column renamed",
        lambda op: op.alter_column("t", "no", new_column_name="n"),
        (Operational,),
    ),
    (
        "constraint",
        lambda op: op.drop_constraint("no", "t", type_="unique"),
        (NotImplementedError, ValueError),
    ),
    (
        "unique",
        lambda op: op.create_unique_constraint("n", "t", ["a"]),
        (NotImplementedError, sa.exc.IntegrityError),
    ),
]


@pytest.mark.parametrize(
    ("call", "clause"),
    [
        pytest.param(call, clause, id=f"{name}-{clause.__name__}")
        for name, call, clauses in IN_BLOCK
        for clause in clauses
    ],
)
def test_caught_around_a_block(
    database: MakeDatabase, call: InBlock, clause: type[Exception]
) -> None:
    """The script goes on; of the block nothing is left."""
    db = database(TABLES)
    before = db.sql()

    def upgrade(op: Operations) -> None:
        try:
            with op.batch_alter_table("t") as batch:
                batch.add_column(sa.Column("half", sa.Integer()))
                batch.create_index("ix_half", ["half"])
                call(batch)
        except clause:
            assert db_sql(op) == before
        else:
            raise AssertionError("the block was made")
        with op.batch_alter_table("t") as batch:
            batch.add_column(sa.Column("whole", sa.Integer()))

    db.run(upgrade)
    columns = [row[1] for row in db.query("PRAGMA table_info(t)")]
    assert columns == ["id", "a", "v", "whole"]
    assert db.query("SELECT name FROM sqlite_master WHERE name = 'ix_half'") == []
    assert db.query("SELECT id, a, v FROM t") == [(1, 1, "x"), (2, 1, None)]


def db_sql(op: Operations) -> str:
    text = sa.text("SELECT sql FROM sqlite_master WHERE name = 't'")
    return str(op.get_bind().execute(text).scalar())


@pytest.mark.parametrize(
    ("call", "clause"),
    [
        pytest.param(call, clause, id=f"{name}-{clause.__name__}")
        for name, call, clauses in PLAIN
        for clause in clauses
    ],
)
def test_caught_around_an_operation(
    database: MakeDatabase, call: Plain, clause: type[Exception]
) -> None:
    """So it is outside of a block; the script goes on."""
    db = database(TABLES)

    def upgrade(op: Operations) -> None:
        with pytest.raises(clause):
            call(op)
        op.add_column("t", sa.Column("whole", sa.Integer()))

    before = db.sql("p")
    db.run(upgrade)
    assert [row[1] for row in db.query("PRAGMA table_info(t)")][3:] == ["whole"]
    assert db.sql("p") == before


@pytest.mark.parametrize(
    "call",
    [
        lambda batch: batch.drop_column("a"),
        lambda batch: batch.add_column(sa.Column("a", sa.Integer())),
        lambda batch: batch.create_index("i", ["a"]),
    ],
)
def test_a_block_on_a_table_that_is_not_there(
    database: MakeDatabase, call: InBlock
) -> None:
    """Alembic reflects it, or SQLite says so."""
    db = database(TABLES)
    for clause in (sa.exc.NoSuchTableError, Operational, Exception):

        def upgrade(op: Operations, clause: type[Exception] = clause) -> None:
            with (
                pytest.raises(clause, match="'no' does not exist"),
                op.batch_alter_table("no") as batch,
            ):
                call(batch)

        db.run(upgrade)


def test_it_stays_our_own_error(database: MakeDatabase) -> None:
    """The message is the engine's; what scripts look for in SQLite's is in it."""
    db = database(TABLES)
    caught: list[t.Any] = []

    def upgrade(op: Operations) -> None:
        try:
            op.add_column("t", sa.Column("a", sa.Integer()))
        except Operational as error:
            caught.append(error)

    db.run(upgrade)
    (error,) = caught
    assert isinstance(error, ChangeRefused)
    assert str(error) == (
        "Table 't' would have two columns 'a' (duplicate column name: a)."
        " Nothing was changed."
    )
    assert isinstance(error.orig, sa.create_engine("sqlite://").dialect.dbapi.Error)
    assert "duplicate column name: a" in str(error.orig)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(
            lambda op: op.drop_constraint(None, "s", type_="foreignkey"), id="unclear"
        ),
        pytest.param(
            lambda op: op.drop_constraint("no", "t", type_="unique"), id="missing"
        ),
        pytest.param(
            lambda op: op.create_check_constraint("n", "t", "a > 1"), id="rows"
        ),
        pytest.param(
            lambda op: op.create_foreign_key("fk", "t", "p", ["v"], ["id"]), id="there"
        ),
        pytest.param(
            lambda op: op.create_unique_constraint("n", "t", ["no"]), id="column"
        ),
    ],
)
def test_words_of_alembic(database: MakeDatabase, call: Plain) -> None:
    """A script that looks for them goes on, as it does where Alembic refuses."""
    db = database(
        TABLES + "CREATE TABLE s (a INT, b INT, FOREIGN KEY (a) REFERENCES p (id),"
        " FOREIGN KEY (b) REFERENCES p (id));"
    )
    before = db.sql()

    def upgrade(op: Operations) -> None:
        try:
            call(op)
        except NotImplementedError as error:
            if "No support for ALTER of constraints in SQLite dialect." not in str(
                error
            ):
                raise
        else:
            raise AssertionError("the constraint was changed")

    db.run(upgrade)
    assert db.sql() == before

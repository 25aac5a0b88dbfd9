"""Deferred foreign keys that are dropped while rows break them."""

from __future__ import annotations

import collections.abc as cabc

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from flask_batchmigrate.sqlite.errors import TransactionError
from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.alembic_file import Script

SCHEMA = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT);"
    "CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER, up INTEGER REFERENCES c (id)"
    " {deferred}, note TEXT, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id)"
    " {deferred});"
    "CREATE TABLE g (id INTEGER PRIMARY KEY, c_id INTEGER REFERENCES c (id));"
    "CREATE TABLE d (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES p (id)"
    " {deferred});"
    "INSERT INTO p VALUES (1, 'a'), (2, 'b');"
    "INSERT INTO c VALUES (7, 1, NULL, '1'), (8, 2, 7, '2');"
    "INSERT INTO g VALUES (1, 7);"
)
INITIALLY = "DEFERRABLE INITIALLY DEFERRED"


def drop_key(op: Operations) -> None:
    with op.batch_alter_table("c") as batch:
        batch.drop_constraint("fk", type_="foreignkey")


def drop_column(op: Operations) -> None:
    with op.batch_alter_table("c") as batch:
        batch.drop_column("p_id")


def copy_without_column(op: Operations) -> None:
    with op.batch_alter_table("c", recreate="always") as batch:
        batch.drop_column("p_id")


def drop_child(op: Operations) -> None:
    op.execute("UPDATE g SET c_id = NULL")
    op.drop_table("c")


def drop_all(op: Operations) -> None:
    for table in ("p", "d", "g", "c"):
        op.drop_table(table)


DROPS = [drop_key, drop_column, copy_without_column, drop_child, drop_all]
MAKING = [
    "INSERT INTO c (id, p_id) VALUES (9, 3), (10, 4)",
    "DELETE FROM p",
    "UPDATE p SET id = id + 10",
    "UPDATE c SET p_id = 5 WHERE id = 8",
]


def in_one(deferred: bool, *parts: str | Script) -> Script:
    """Make a script whose statements and operations run in one transaction."""

    def run(op: Operations) -> None:
        with op.get_bind().begin():
            if not deferred:
                op.execute("PRAGMA defer_foreign_keys = ON")
            for part in parts:
                if isinstance(part, str):
                    op.execute(part)
                else:
                    part(op)

    return run


@pytest.mark.parametrize("deferred", [True, False], ids=["in the key", "by a pragma"])
@pytest.mark.parametrize("making", MAKING)
@pytest.mark.parametrize("drop", DROPS)
def test_rows_that_break_a_dropped_key_do_not_count(
    database: MakeDatabase, drop: Script, making: str, deferred: bool
) -> None:
    """A migration that leaves no row without a parent is committed."""
    schema = SCHEMA.format(deferred=INITIALLY if deferred else "")
    db = database(schema, enforce=True)
    db.run(in_one(deferred, making, drop))
    assert db.query("PRAGMA foreign_key_check") == []
    if drop in (drop_key, drop_column, copy_without_column):
        rows = 4 if "INSERT" in making else 2
        assert db.query("SELECT count(*) FROM c") == [(rows,)]


@pytest.mark.parametrize("deferred", [True, False], ids=["in the key", "by a pragma"])
@pytest.mark.parametrize("drop", DROPS[:-1])
@pytest.mark.parametrize("first", [True, False])
def test_rows_that_break_another_key_still_count(
    database: MakeDatabase, drop: Script, deferred: bool, first: bool
) -> None:
    """The rows of another table have no parent at the end, and are named."""
    schema = SCHEMA.format(deferred=INITIALLY if deferred else "")
    db = database(schema, enforce=True)
    breaking = "INSERT INTO d VALUES (4, 99)"
    parts: cabc.Sequence[str | Script] = (MAKING[0], drop)
    parts = (breaking, *parts) if first else (*parts, breaking)
    with pytest.raises(TransactionError) as caught:
        db.run(in_one(deferred, *parts))
    message = str(caught.value)
    assert "'d' row 4 has no parent in 'p'" in message
    assert message.endswith("Nothing was changed.")
    assert db.query("SELECT count(*) FROM c JOIN p ON p.id = p_id") == [(2,)]


def test_rows_that_broke_a_dropped_key_before(database: MakeDatabase) -> None:
    """They were not counted, so nothing is taken off for them."""
    schema = SCHEMA.format(deferred=INITIALLY)
    db = database(f"{schema} INSERT INTO c (id, p_id) VALUES (9, 3);", enforce=True)
    db.run(in_one(True, drop_key))
    assert db.query("SELECT p_id FROM c WHERE id = 9") == [(3,)]


def test_a_parent_that_comes_later(database: MakeDatabase) -> None:
    """Between two operations a deferred key may be broken, whichever way they take."""
    db = database(SCHEMA.format(deferred=INITIALLY), enforce=True)

    def upgrade(op: Operations) -> None:
        op.execute("INSERT INTO c (id, p_id) VALUES (9, 3)")
        op.alter_column("c", "note", type_=sa.Integer())
        with op.batch_alter_table("p", recreate="always") as batch:
            batch.alter_column("code", new_column_name="name")
        op.add_column("p", sa.Column("more", sa.Integer()))
        op.execute("INSERT INTO p (id) VALUES (3)")

    db.run(in_one(True, upgrade))
    assert db.query("PRAGMA foreign_key_check") == []

"""What goes with a dropped column, and what keeps it from going."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from tests.sqlite.alembic_file import MakeDatabase

OWN = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY);"
    "CREATE TABLE t (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  a INTEGER CONSTRAINT a_p REFERENCES p (id),\n"
    "  b TEXT,\n"
    "  c TEXT DEFAULT 'c',\n"
    "  CONSTRAINT uq UNIQUE (a, b),\n"
    "  CHECK (a > 0 OR b IS NULL),\n"
    "  FOREIGN KEY (b, a) REFERENCES q (x, y)\n"
    ");"
    "CREATE INDEX one ON t (a); CREATE INDEX both ON t (c, a);"
    'CREATE INDEX "cond" ON t (c) WHERE a > 1; CREATE INDEX rest ON t (b);'
    "INSERT INTO t (id, b) VALUES (1, 'kept');"
)


@pytest.mark.parametrize("block", [True, False])
def test_what_is_its_own_goes_along(database: MakeDatabase, block: bool) -> None:
    """Indexes and constraints of the table that mention it go, and each is named."""
    db = database(OWN)

    def upgrade(op: Operations) -> None:
        if block:
            with op.batch_alter_table("t") as batch:
                batch.drop_column("a")
        else:
            op.drop_column("t", "a")

    db.run(upgrade)
    assert db.sql() == (
        "CREATE TABLE t (\n"
        "  id INTEGER PRIMARY KEY,\n"
        "  b TEXT,\n"
        "  c TEXT DEFAULT 'c'\n"
        ")"
    )
    assert db.query("SELECT name FROM sqlite_master WHERE type = 'index'") == [
        ("rest",)
    ]
    assert db.query("SELECT * FROM t") == [(1, "kept", "c")]
    notes = " ".join(db.notes)
    for gone in (
        "'one'",
        "'both'",
        "'cond'",
        "'uq'",
        "'a_p'",
        "CHECK (a > 0",
        "(b, a)",
    ):
        assert gone in notes
    assert "'rest'" not in notes


OUTSIDE = {
    "CREATE TABLE child (f TEXT REFERENCES t (a));": "child",
    "CREATE VIEW v AS SELECT upper(a) FROM t;": "view 'v'",
    "CREATE VIEW v AS SELECT * FROM t;": "view 'v'",
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET b = new.a; END;": "'g'",
    "CREATE TRIGGER g AFTER UPDATE OF a ON t BEGIN SELECT 1; END;": "'g'",
    "CREATE TABLE u (x); CREATE TRIGGER g AFTER INSERT ON u BEGIN"
    " INSERT INTO t VALUES (new.x, 1, 2, 3); END;": "'g'",
    "ALTER TABLE t ADD COLUMN made TEXT AS (a || 'x');": "'made'",
    "CREATE VIRTUAL TABLE f USING fts5 (a, content='t');": "virtual table 'f'",
}


@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_others_need_stays(database: MakeDatabase, outside: str) -> None:
    """Where something outside needs the column, it is refused, and that is named."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT, c TEXT);"
        f"INSERT INTO t VALUES (1, 'a', 'b', 'c'); {outside}"
    )
    message = db.refuse(lambda op: op.drop_column("t", "a"))
    assert OUTSIDE[outside] in message


def test_judged_at_the_end_of_the_block(database: MakeDatabase) -> None:
    """What needs the column may go in the same block."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, made TEXT AS (a || 'x'));"
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_column("a")
            batch.drop_column("made")

    db.run(upgrade)
    assert db.sql() == "CREATE TABLE t (id INTEGER PRIMARY KEY)"


def test_the_view_may_be_made_anew(database: MakeDatabase) -> None:
    """A script that drops the view first and creates it afterwards runs."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);"
        "CREATE VIEW v AS SELECT a, b FROM t;"
    )

    def upgrade(op: Operations) -> None:
        op.execute("DROP VIEW v")
        op.drop_column("t", "a")
        op.execute("CREATE VIEW v AS SELECT b FROM t")

    db.run(upgrade)
    assert db.query("SELECT * FROM v") == []


def test_dropped_and_added_with_another_type(database: MakeDatabase) -> None:
    """A column of the same name is another column; its values are new."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);"
        "CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 'old', 'b');"
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_column("a")
            batch.add_column(sa.Column("a", sa.Integer(), server_default="5"))

    db.run(upgrade)
    assert db.query("SELECT id, a, b FROM t") == [(1, 5, "b")]
    assert db.notes == []
    assert db.query("SELECT id FROM t INDEXED BY i WHERE a = 5") == [(1,)]


def test_the_only_column_stays(database: MakeDatabase) -> None:
    """A table without columns is none."""
    message = database("CREATE TABLE t (a TEXT);").refuse(
        lambda op: op.drop_column("t", "a")
    )
    assert "would lose its only column, 'a'. Drop the table instead." in message


def test_a_column_of_the_primary_key(database: MakeDatabase) -> None:
    """The key goes with its column, said by name; rows and rowids stay."""
    db = database(
        "CREATE TABLE t (a TEXT, b TEXT, CONSTRAINT pk PRIMARY KEY (a, b));"
        "INSERT INTO t (rowid, a, b) VALUES (5, 'a', 'b'), (9, 'c', 'b');"
    )
    db.run(lambda op: op.drop_column("t", "a"))
    assert db.query("SELECT rowid, b FROM t") == [(5, "b"), (9, "b")]
    assert any("PRIMARY KEY 'pk'" in note for note in db.notes)


@pytest.mark.parametrize("enforce", [True, False])
def test_no_child_row_goes(database: MakeDatabase, enforce: bool) -> None:
    """Dropping another column of a parent with cascading children leaves them."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT);"
        "CREATE TABLE child (t_id REFERENCES t ON DELETE CASCADE);"
        "INSERT INTO t VALUES (1, 'a', 'b'); INSERT INTO child VALUES (1), (1);",
        enforce=enforce,
    )
    db.run(lambda op: op.drop_column("t", "a"))
    assert db.query("SELECT count(*) FROM child") == [(2,)]
    db.query("DELETE FROM t", enforce=True)
    assert db.query("SELECT count(*) FROM child") == [(0,)]

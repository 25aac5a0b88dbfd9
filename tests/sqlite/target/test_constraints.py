"""Constraints with and without a name are created, found and dropped."""

from __future__ import annotations

import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from flask_batchmigrate.sqlite.target import changes
from tests.oracles.database_state import read_state
from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.engine_file import alter
from tests.sqlite.engine_file import Make

PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY, a INT, b INT, UNIQUE (a, b));"
PLAIN = (
    PARENT
    + "CREATE TABLE t (\n  id INTEGER PRIMARY KEY,\n  a INTEGER,\n  b INTEGER\n);"
    "INSERT INTO p VALUES (1, 10, 20), (2, 11, 21);"
    "INSERT INTO t VALUES (1, 1, 20), (2, 2, NULL);"
)
UNNAMED = (
    PARENT + "CREATE TABLE t (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  a INTEGER REFERENCES p (id) ON DELETE CASCADE,\n"
    "  b INTEGER CHECK (b > 0),\n"
    "  c TEXT UNIQUE,\n"
    "  UNIQUE (a, b)\n"
    ");"
)
CONVENTION = {
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}


def test_a_foreign_key_without_a_name(database: MakeDatabase) -> None:
    """The first thing every beginner meets works, and so does its downgrade."""
    db = database(PLAIN)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.create_foreign_key(None, "p", ["a"], ["id"])

    def downgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_constraint(None, type_="foreignkey")

    before = db.sql()
    db.run(upgrade)
    assert db.query("PRAGMA foreign_key_list(t)")[0][2:5] == ("p", "a", "id")
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t (a) VALUES (99)", enforce=True)
    db.run(downgrade)
    assert db.sql() == before


def test_a_foreign_key_with_everything(database: MakeDatabase) -> None:
    """Actions, several columns and deferring are as the script has them."""
    db = database(PLAIN.replace("(1, 1, 20)", "(1, 10, 20)").replace("2, 2,", "2, 11,"))

    def upgrade(op: Operations) -> None:
        op.create_foreign_key(
            "fk",
            "t",
            "p",
            ["a", "b"],
            ["a", "b"],
            ondelete="CASCADE",
            onupdate="SET NULL",
            deferrable=True,
            initially="DEFERRED",
        )

    db.run(upgrade)
    keys = db.query("PRAGMA foreign_key_list(t)")
    assert [row[2:7] for row in keys] == [
        ("p", "a", "a", "SET NULL", "CASCADE"),
        ("p", "b", "b", "SET NULL", "CASCADE"),
    ]
    db.query("DELETE FROM p WHERE id = 1", enforce=True)
    assert db.query("SELECT id FROM t") == [(2,)]


def test_unique_and_check_without_a_name(database: MakeDatabase) -> None:
    """They hold, and each is the only one that a nameless drop can mean."""
    db = database(PLAIN)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.create_unique_constraint(None, ["a"])
            batch.create_check_constraint(None, "b IS NULL OR b < 100")

    def downgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_constraint(None, type_="check")
            batch.drop_constraint(None, type_="unique")

    before = db.sql()
    db.run(upgrade)
    for wrong in ("(a) VALUES (1)", "(b) VALUES (100)"):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO t {wrong}")
    db.run(downgrade)
    assert db.sql() == before


@pytest.mark.parametrize(
    ("name", "type_", "gone"),
    [
        ("fk_t_a_p", "foreignkey", "REFERENCES"),
        ("uq_t_a_b", "unique", "UNIQUE (a, b)"),
        ("uq_t_c", "unique", "TEXT UNIQUE"),
    ],
)
def test_dropped_by_the_name_of_the_convention(
    database: MakeDatabase, name: str, type_: str, gone: str
) -> None:
    """A constraint that was stored without a name has the one of the convention."""
    db = database(UNNAMED, convention=CONVENTION)
    before = db.sql()
    assert gone in before
    db.run(lambda op: op.drop_constraint(name, "t", type_=type_))
    assert gone not in db.sql()
    assert len(before) - len(db.sql()) < 40


@pytest.mark.parametrize(
    ("name", "type_", "gone"),
    [
        ("t_a_fkey", "foreignkey", "REFERENCES"),
        ("t_a_b_key", "unique", "UNIQUE (a, b)"),
        ("t_c_key", None, "TEXT UNIQUE"),
        ("t_b_check", "check", "CHECK"),
    ],
)
def test_dropped_by_the_name_that_postgresql_makes_up(
    database: MakeDatabase, name: str, type_: str | None, gone: str
) -> None:
    """Scripts written for PostgreSQL drop by the names it gave."""
    db = database(UNNAMED)
    db.run(lambda op: op.drop_constraint(name, "t", type_=type_))
    assert gone not in db.sql()


def test_the_convention_may_come_with_the_block(database: MakeDatabase) -> None:
    """``naming_convention`` of the block counts as that of the models."""
    db = database(UNNAMED)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t", naming_convention=CONVENTION) as batch:
            batch.drop_constraint("fk_t_a_p", type_="foreignkey")

    db.run(upgrade)
    assert "REFERENCES" not in db.sql()


def test_an_ambiguity_lists_the_candidates(database: MakeDatabase) -> None:
    """Where several fit, none is dropped, and all are named."""
    db = database(UNNAMED)
    message = db.refuse(lambda op: op.drop_constraint(None, "t", type_="unique"))
    assert (
        "2 fit: the unnamed UNIQUE of column 'c' (as 't_c_key' or 'uq_t_c');"
        " the unnamed UNIQUE (a, b) (as 't_a_b_key' or 'uq_t_a_b')."
        " Name the one that is meant."
    ) in message


def test_a_column_that_goes_decides(database: MakeDatabase) -> None:
    """A nameless drop means the constraint of the column that the block drops."""
    db = database(UNNAMED)

    def downgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_constraint(None, type_="unique")
            batch.drop_column("c")

    db.run(downgrade)
    assert "UNIQUE (a, b)" in db.sql()
    assert "TEXT" not in db.sql()


def test_a_name_that_is_not_there(database: MakeDatabase) -> None:
    """The message says which constraints there are."""
    message = database(UNNAMED).refuse(
        lambda op: op.drop_constraint("nope", "t", type_="unique")
    )
    assert "Table 't' has no UNIQUE 'nope' to drop" in message
    assert "UNIQUE (a, b)" in message


def test_a_wrong_type_is_not_dropped(database: MakeDatabase) -> None:
    """A name of a check does not drop a unique constraint."""
    db = database("CREATE TABLE t (a INT, CONSTRAINT one UNIQUE (a));")
    db.refuse(lambda op: op.drop_constraint("one", "t", type_="check"))
    db.run(lambda op: op.drop_constraint("one", "t"))
    assert db.sql() == "CREATE TABLE t (a INT)"


def test_a_second_constraint_of_one_name(database: MakeDatabase) -> None:
    """Outside of a block a name that is taken is refused, as on other databases."""
    db = database("CREATE TABLE t (a INT, b INT, CONSTRAINT one UNIQUE (a));")
    message = db.refuse(lambda op: op.create_unique_constraint("one", "t", ["b"]))
    assert "already has a UNIQUE 'one'" in message


def test_a_constraint_that_is_there_already(database: MakeDatabase) -> None:
    """A script that makes sure of a constraint finds it, as in Alembic's batch mode."""
    db = database("CREATE TABLE t (a INT, b INT, CONSTRAINT one UNIQUE (a));")
    before = db.sql()

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.create_unique_constraint("one", ["a"])

    db.run(upgrade)
    assert db.sql() == before
    assert any("already has UNIQUE 'one'" in note for note in db.notes)


def test_a_foreign_key_that_gets_other_actions(database: MakeDatabase) -> None:
    """One of the same name, columns and parent replaces it, as in Alembic."""
    old = "CONSTRAINT fk FOREIGN KEY(a) REFERENCES p (id)"
    db = database(f"{PARENT} CREATE TABLE t (a INT, b INT, {old});")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.create_foreign_key("fk", "p", ["a"], ["id"], ondelete="CASCADE")

    db.run(upgrade)
    ((*_, on_delete, _),) = db.query("PRAGMA foreign_key_list(t)")
    assert on_delete == "CASCADE"
    assert any("already has FOREIGN KEY 'fk'" in note for note in db.notes)
    db.refuse(lambda op: op.create_foreign_key("fk", "t", "p", ["b"], ["id"]))


@pytest.mark.parametrize("in_block", [False, True])
@pytest.mark.parametrize(
    "stored",
    [
        "a INT, FOREIGN KEY(a) REFERENCES p (id)",
        'a INT REFERENCES "P"("ID")',
        "a INT REFERENCES p (id) ON DELETE NO ACTION",
        "a INT UNIQUE ON CONFLICT IGNORE REFERENCES p (id), CHECK (a>0)",
    ],
)
def test_an_unnamed_constraint_that_is_there_already(
    database: MakeDatabase, stored: str, in_block: bool
) -> None:
    """A script that puts back what it could not drop does not double it."""
    db = database(f"{PARENT} CREATE TABLE t (id INTEGER PRIMARY KEY, {stored});")
    before = db.sql()

    def upgrade(op: Operations) -> None:
        if in_block:
            with op.batch_alter_table("t") as batch:
                batch.create_foreign_key(None, "p", ["a"], ["id"])
                batch.create_primary_key(None, ["id"])
                if "UNIQUE" in stored:
                    batch.create_unique_constraint(None, ["a"])
                    batch.create_check_constraint(None, sa.text("a > 0"))
            return
        op.create_foreign_key(None, "t", "p", ["a"], ["id"])
        op.create_primary_key(None, "t", ["id"])
        if "UNIQUE" in stored:
            op.create_unique_constraint(None, "t", ["a"])
            op.create_check_constraint(None, "t", sa.text("a > 0"))

    db.run(upgrade)
    assert db.sql() == before
    assert any("already has the unnamed" in note for note in db.notes)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("FOREIGN KEY(a) REFERENCES p (id)", {"ondelete": "CASCADE"}),
        (
            "FOREIGN KEY(a) REFERENCES p (id)",
            {"initially": "DEFERRED", "deferrable": True},
        ),
        ("CONSTRAINT fk FOREIGN KEY(a) REFERENCES p (id)", {}),
        ("FOREIGN KEY(b) REFERENCES p (id)", {}),
    ],
)
def test_an_unnamed_key_beside_another(
    database: MakeDatabase, stored: str, wanted: dict[str, t.Any]
) -> None:
    """It is added where the one that is there says something else, or has a name."""
    db = database(f"{PARENT} CREATE TABLE t (a INT, b INT, {stored});")
    db.run(lambda op: op.create_foreign_key(None, "t", "p", ["a"], ["id"], **wanted))
    assert len(db.query("PRAGMA foreign_key_list(t)")) == 2


@pytest.mark.parametrize("in_block", [False, True])
@pytest.mark.parametrize("ondelete", [None, "CASCADE"])
def test_a_named_key_beside_an_unnamed_one(
    database: MakeDatabase, ondelete: str | None, in_block: bool
) -> None:
    """It is the one that is reflected, so scripts and ``check`` know of it."""
    old = "FOREIGN KEY(a) REFERENCES p (id)"
    db = database(f"{PARENT} CREATE TABLE t (a INT, CHECK (a > 0), {old});")
    found: list[object] = []

    def upgrade(op: Operations) -> None:
        if in_block:
            with op.batch_alter_table("t") as batch:
                batch.create_foreign_key("fk", "p", ["a"], ["id"], ondelete=ondelete)
        else:
            op.create_foreign_key("fk", "t", "p", ["a"], ["id"], ondelete=ondelete)
        (key,) = sa.inspect(op.get_bind()).get_foreign_keys("t")
        found.extend((key["name"], key["options"].get("ondelete")))

    with pytest.warns(sa.exc.SAWarning, match="foreign key"):
        db.run(upgrade)
    assert found == ["fk", ondelete]
    assert len(db.query("PRAGMA foreign_key_list(t)")) == 2


@pytest.mark.parametrize("in_block", [False, True])
@pytest.mark.parametrize(
    "stored", ["UNIQUE (a, b)", "UNIQUE (a, b) ON CONFLICT IGNORE"]
)
def test_a_named_unique_beside_an_unnamed_one(
    database: MakeDatabase, stored: str, in_block: bool
) -> None:
    """It is the one that is reflected, and both hold."""
    db = database(
        f"CREATE TABLE t (a TEXT, b INT, {stored}, CHECK (b));"
        "INSERT INTO t VALUES ('x', 1), ('y', 1);"
    )
    found: list[object] = []

    def upgrade(op: Operations) -> None:
        if in_block:
            with op.batch_alter_table("t") as batch:
                batch.create_unique_constraint("uq", ["a", "b"])
        else:
            op.create_unique_constraint("uq", "t", ["a", "b"])
        found.extend(sa.inspect(op.get_bind()).get_unique_constraints("t"))

    db.run(upgrade)
    assert "uq" in {key["name"] for key in found}
    assert f", {stored}," in db.sql()
    assert db.query("SELECT a FROM t ORDER BY a") == [("x",), ("y",)]


def test_autoincrement_where_there_is_no_number(database: MakeDatabase) -> None:
    """Asked of a table without such a key it changes nothing, as in SQLAlchemy."""
    db = database("CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);")
    before = db.sql()

    def upgrade(op: Operations) -> None:
        kw = {"sqlite_autoincrement": True}
        with op.batch_alter_table("t", recreate="always", table_kwargs=kw):
            pass

    db.run(upgrade)
    assert db.sql() == before
    assert db.query("SELECT * FROM t") == [(1, 2)]
    assert any("no INTEGER PRIMARY KEY" in note for note in db.notes)


def test_a_constraint_on_a_column_that_is_not_there(database: MakeDatabase) -> None:
    """A misspelt column is named."""
    message = database(PLAIN).refuse(
        lambda op: op.create_unique_constraint("uq", "t", ["nope"])
    )
    assert "'nope'" in message


@pytest.mark.parametrize("block", [True, False])
def test_a_primary_key_of_several_columns(database: MakeDatabase, block: bool) -> None:
    """Another primary key takes the place of the present one; rowids stay."""
    db = database(
        "CREATE TABLE t (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a));"
        "INSERT INTO t VALUES (1, 1), (5, 1);"
    )

    def upgrade(op: Operations) -> None:
        if block:
            with op.batch_alter_table("t") as batch:
                batch.create_primary_key("pk_t", ["a", "b"])
        else:
            op.create_primary_key("pk_t", "t", ["a", "b"])

    db.run(upgrade)
    db.query("INSERT INTO t VALUES (1, 2)")
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t VALUES (1, 2)")
    assert db.query("SELECT rowid, a FROM t WHERE b = 1") == [(1, 1), (5, 5)]


def test_constraints_that_rows_break(database: MakeDatabase) -> None:
    """Each kind is checked first; the message has the number of rows and the keys."""
    db = database(
        PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER);"
        "INSERT INTO p (id) VALUES (1);"
        "INSERT INTO t VALUES (1, 1, 7), (2, 8, 7), (3, 9, NULL), (4, NULL, 7),"
        " (5, 9, 3), (6, 7, 3);"
    )
    for script, expected in (
        (
            lambda op: op.create_foreign_key("fk", "t", "p", ["a"], ["id"]),
            "FOREIGN KEY 'fk' cannot be added: there is no row in 'p' for 4 rows:"
            " rowid 2, rowid 3, rowid 5, ...",
        ),
        (
            lambda op: op.create_unique_constraint("uq", "t", ["b"]),
            "UNIQUE 'uq' cannot be added: 5 rows: 3 (2 times), 7 (3 times)",
        ),
        (
            lambda op: op.create_check_constraint("ck", "t", sa.text("a < 2")),
            "CHECK 'ck' does not hold for 4 rows: id=2, id=3, id=5, ...",
        ),
        (
            lambda op: op.alter_column("t", "b", nullable=False),
            "column 'b' cannot be NOT NULL, since it would be NULL in 1 row: id=3",
        ),
        (
            lambda op: op.create_primary_key("pk", "t", ["b"]),
            "column 'b' cannot be NOT NULL, since it would be NULL in 1 row: id=3",
        ),
        (
            lambda op: op.create_index("ix", "t", ["b"], unique=True),
            "Unique index 'ix' on 't': 5 rows: 3 (2 times), 7 (3 times) are equal.",
        ),
        (
            lambda op: op.create_index("ix", "t", ["nope"]),
            "Index 'ix' on 't' cannot be created: no such column: nope.",
        ),
    ):
        assert expected in db.refuse(script)


def test_a_foreign_key_to_what_is_not_unique(database: MakeDatabase) -> None:
    """SQLite would accept it and fail on every write; it is refused."""
    message = database(PLAIN).refuse(
        lambda op: op.create_foreign_key("fk", "t", "p", ["a"], ["a"])
    )
    assert "need a primary key or a unique constraint" in message


def test_orphans_from_before_are_not_held_against_it(database: MakeDatabase) -> None:
    """Rows that broke another key before do not stop a new one."""
    db = database(
        PARENT
        + "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT REFERENCES p (id), b INT);"
        "INSERT INTO t VALUES (1, 99, NULL);",
        enforce=True,
    )
    db.run(lambda op: op.create_foreign_key("fk", "t", "p", ["b"], ["id"]))
    assert len(db.query("PRAGMA foreign_key_list(t)")) == 2


def test_another_enumeration_replaces_the_check_of_its_name(
    database: MakeDatabase,
) -> None:
    """More values of an Enum, as autogenerate writes it: only its own check changes."""
    db = database(
        "CREATE TABLE t (a VARCHAR(1), b, "
        "CONSTRAINT kind CHECK (a IN ('x', 'y')), CHECK (b <> 5));"
        "INSERT INTO t VALUES ('x', 1);"
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.alter_column(
                "a",
                existing_type=sa.VARCHAR(1),
                type_=sa.Enum("x", "y", "zz", name="kind", create_constraint=True),
            )

    db.run(upgrade)
    assert db.query("SELECT sql FROM sqlite_master WHERE name = 't'") == [
        (
            "CREATE TABLE t (a VARCHAR(2), b, CHECK (b <> 5), "
            "CONSTRAINT kind CHECK (a IN ('x', 'y', 'zz')))",
        )
    ]


def test_an_enumeration_replaces_no_check_of_another_column(
    database: MakeDatabase,
) -> None:
    """A check that happens to have the name of the Enum is not given up for it."""
    db = database("CREATE TABLE t (a VARCHAR(1), b, CONSTRAINT kind CHECK (b <> 5))")

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            kind = sa.Enum("x", "zz", name="kind", create_constraint=True)
            batch.alter_column("a", existing_type=sa.VARCHAR(1), type_=kind)

    db.run(upgrade)
    db.query("INSERT INTO t VALUES ('zz', 4)")
    for wrong in ("'y', 4", "'x', 5"):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO t VALUES ({wrong})")


# Found by a random block.
def test_primary_key_keeps_its_order_without_autoincrement(
    connection: sqlite3.Connection,
) -> None:
    """The members of a key stay as they are written when it stops counting."""
    connection.execute("CREATE TABLE t (a INTEGER, PRIMARY KEY (a DESC AUTOINCREMENT))")
    alter(connection, changes.SetType("a", "NUMERIC"))
    assert connection.execute(
        "SELECT desc FROM pragma_index_xinfo('sqlite_autoindex_t_1') WHERE key"
    ).fetchall() == [(1,)]


# Found by a random block.
@pytest.mark.parametrize(
    "key",
    [
        "INTEGER PRIMARY KEY AUTOINCREMENT",
        "INTEGER PRIMARY KEY ON CONFLICT REPLACE",
        "INT PRIMARY KEY ON CONFLICT IGNORE",
    ],
)
def test_unnamed_primary_key_that_is_there(make: Make, key: str) -> None:
    """The key keeps what a script does not speak of."""
    file = make(f"CREATE TABLE t (id {key}); INSERT INTO t VALUES (1), (5);")
    before = read_state(file.path)
    file.alter(changes.AddConstraint("PRIMARY KEY (id)"))
    assert read_state(file.path) == before


# Found by a random block.
def test_automatic_index_of_two_keys(make: Make) -> None:
    """SQLite makes one for both, as the first in the text wants it: the named one."""
    file = make(
        "CREATE TABLE t (a, UNIQUE (a DESC) ON CONFLICT IGNORE);"
        "INSERT INTO t VALUES (1), (2), (3);"
    )
    file.alter(changes.AddConstraint("CONSTRAINT u UNIQUE (a)"))
    assert file.query(
        "SELECT desc FROM pragma_index_xinfo('sqlite_autoindex_t_1') WHERE key"
    ) == [(0,)]
    file.query("INSERT INTO t VALUES (2)")
    assert file.query("SELECT a FROM t ORDER BY a DESC") == [(3,), (2,), (1,)]

"""What a change of type does to the values, and which of them stop it."""

from __future__ import annotations

import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.engine_file import alter
from tests.sqlite.engine_file import Make
from tools.docs import types_page


@pytest.mark.parametrize(
    ("type_", "value"),
    [(name, value) for name, fits in types_page.TYPES.items() for value in fits.held],
)
def test_it_holds(type_: str, value: str) -> None:
    """What the documentation says a type holds is carried over."""
    assert types_page.change(value, "", type_) is not None


@pytest.mark.parametrize(
    ("type_", "value"),
    [(name, v) for name, fits in types_page.TYPES.items() for v in fits.refused],
)
def test_it_does_not_hold(type_: str, value: str) -> None:
    """What the documentation says a type does not hold stops the migration."""
    assert types_page.change(value, "", type_) is None


def test_page() -> None:
    """The page of the documentation is what the engine does."""
    assert types_page.PAGE.read_text(encoding="utf-8") == types_page.render()


FIVE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); INSERT INTO t (id, c) VALUES"
    " (1, '42'), (2, 'k'), (3, NULL), (4, 'l'), (5, 'm'), (6, 'n');"
)


def test_misfits_are_counted_and_shown(make: Make) -> None:
    """The message has the number of misfits, and three of them with their keys."""
    message = make(FIVE).refuse(changes.SetType("c", "INTEGER"))
    assert "4 rows: id=2 ('k'), id=4 ('l'), id=5 ('m'), ..." in message
    assert "Table 't': column 'c' cannot become INTEGER" in message


def test_the_script_may_say_how_values_convert(make: Make) -> None:
    """An expression makes the value; what it makes is held against the type."""
    file = make(FIVE)
    file.refuse(changes.SetType("c", "INTEGER", using="c || '!'"))
    file.alter(changes.SetType("c", "INTEGER", using="unicode(c)"))
    assert file.query("SELECT c FROM t")[:3] == [(52,), (107,), (None,)]


def test_the_script_may_keep_misfits(make: Make) -> None:
    """Misfits stay as they are when the script says so; the others are carried."""
    file = make(FIVE)
    file.alter(changes.SetType("c", "INTEGER", keep_misfits=True))
    assert file.query("SELECT c FROM t")[:3] == [(42,), ("k",), (None,)]


@pytest.mark.parametrize(
    "key",
    ["c TEXT UNIQUE ON CONFLICT REPLACE", "c TEXT PRIMARY KEY ON CONFLICT IGNORE"],
)
def test_values_that_become_equal(make: Make, key: str) -> None:
    """No conflict clause drops a row; those that would be equal are named."""
    file = make(
        f"CREATE TABLE t ({key}, d);INSERT INTO t VALUES ('1', 1), ('01', 2), ('2', 3);"
    )
    message = file.refuse(changes.SetType("c", "INTEGER"))
    assert "would not hold: 2 rows: 1 (2 times) are equal." in message


def test_a_value_that_was_a_misfit_before_is_carried(make: Make) -> None:
    """A longer VARCHAR does not look for what the shorter one should not have had."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c VARCHAR(2));"
        "INSERT INTO t (c) VALUES ('much too long'), (x'00');"
    )
    before = file.query("SELECT typeof(c), c FROM t")
    file.alter(changes.SetType("c", "VARCHAR(4)"))
    assert file.query("SELECT typeof(c), c FROM t") == before
    file.refuse(changes.SetType("c", "VARCHAR(3)"))


def test_the_rowid_keeps_its_type(make: Make) -> None:
    """BIGINT for the key would end the numbering of rows, so it stays INTEGER."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); INSERT INTO t (c) VALUES (1);"
    )
    (note,) = file.alter(changes.SetType("id", "BIGINT")).notes
    assert "'t.id' stays INTEGER" in note
    file.query("INSERT INTO t DEFAULT VALUES")
    assert file.query("SELECT id FROM t") == [(1,), (2,)]


SPLIT: t.Final = (
    changes.AddConstraint("CHECK (c > 0)"),
    changes.RenameColumn("c", "d"),
)
"""What makes a block take two passes."""
ENDS: t.Final = (
    (changes.SetOptions(without_rowid=True),),
    (changes.AddConstraint("PRIMARY KEY (d)"),),
    (changes.AddConstraint("PRIMARY KEY (id, d)"),),
    (
        changes.RenameColumn("id", "number"),
        changes.AddConstraint("PRIMARY KEY (number, d)"),
    ),
)


# Found by a random block.
@pytest.mark.parametrize("split", [(), SPLIT], ids=["one pass", "two passes"])
@pytest.mark.parametrize("ends", ENDS)
def test_what_is_no_longer_the_rowid_gets_its_type(
    make: Make, split: tuple[changes.Change, ...], ends: tuple[changes.Change, ...]
) -> None:
    """The block gives it an integer type, and ends the numbering later."""
    column = "c" if split else "d"
    file = make(
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, {column} INT);"
        "INSERT INTO t VALUES (1, 1);"
    )
    report = file.alter(changes.SetType("id", "BIGINT"), *split, *ends)
    found = file.query("PRAGMA table_info(t)")
    assert [row[2] for row in found] == ["BIGINT", "INT"]
    assert not any("stays INTEGER" in note for note in report.notes)


def test_the_rowid_keeps_its_type_in_two_passes(make: Make) -> None:
    """That is said once, by the last name of the column."""
    file = make("CREATE TABLE t (id INTEGER PRIMARY KEY, c INT)")
    report = file.alter(
        changes.SetType("id", "BIGINT"), *SPLIT, changes.RenameColumn("id", "number")
    )
    assert report.notes == (
        "'t.number' stays INTEGER: it is the rowid, whose numbering BIGINT would end",
    )


# Found by a random block.
def test_the_rowid_is_converted(make: Make) -> None:
    """It keeps its type, but not the values that the script converts."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, c TEXT);"
        "INSERT INTO t VALUES (1, 'a'), (7, 'b'); DELETE FROM t WHERE id = 7;"
        "INSERT INTO t (c) VALUES ('c'); CREATE INDEX i ON t (c);"
    )
    file.alter(changes.SetType("id", "BIGINT", using="id * 10"))
    assert file.query("SELECT id, c FROM t ORDER BY c") == [(10, "a"), (80, "c")]
    assert file.query("SELECT id FROM t WHERE c = 'c'") == [(80,)]
    file.query("DELETE FROM t WHERE id = 80")
    file.query("INSERT INTO t (c) VALUES ('d')")
    assert file.query("SELECT id FROM t WHERE c = 'd'") == [(81,)]


# Found by a random block.
@pytest.mark.parametrize("using", ["nullif(id, 1)", "3", "id + 0.5"])
def test_the_rowid_is_not_converted_to_what_it_cannot_be(
    make: Make, using: str
) -> None:
    """SQLite would number a row whose key is NULL; a key is not said twice."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);"
    )
    file.refuse(changes.SetType("id", "BIGINT", using=using))


# Found by a random block.
def test_the_rowid_with_values_that_stay(make: Make) -> None:
    """Where the block ends its being the rowid, the type and the wish come true."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT);"
        "INSERT INTO t VALUES (100000, 'a');"
    )
    end = changes.SetOptions(without_rowid=True)
    assert "100000" in file.refuse(changes.SetType("id", "SMALLINT"), end)
    file.alter(changes.SetType("id", "SMALLINT", keep_misfits=True), end)
    assert file.query("SELECT type FROM pragma_table_info('t')")[0] == ("SMALLINT",)
    assert file.query("SELECT * FROM t") == [(100000, "a")]


def test_two_answers_to_one_conflict_are_refused(make: Make) -> None:
    """Where the rowid's key would get the index of a key with another ON CONFLICT."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, c TEXT,"
        " UNIQUE (id) ON CONFLICT IGNORE); INSERT INTO t VALUES (1, 'a'), (2, 'b');"
    )
    message = file.refuse(changes.SetType("id", "TEXT"))
    assert "SQLite does not accept the new definition: conflicting" in message


@pytest.mark.parametrize("type_", ["", "TEXT"])
def test_a_key_that_shares_an_index_gets_its_own(make: Make, type_: str) -> None:
    """What was taken for the rowid forgot its collation and order; now they count."""
    file = make(
        "CREATE TABLE t (id INTEGER, PRIMARY KEY (id COLLATE NOCASE DESC), UNIQUE (id))"
        " WITHOUT ROWID; INSERT INTO t VALUES (1), (2);"
    )
    assert len(file.query("PRAGMA index_list(t)")) == 1
    file.alter(changes.SetType("id", type_))
    assert len(file.query("PRAGMA index_list(t)")) == 2
    assert file.query("SELECT CAST(id AS INTEGER) FROM t") == [(2,), (1,)]
    with pytest.raises(sqlite3.IntegrityError):
        file.query("INSERT INTO t VALUES (2)")


def test_a_collation_comes_with_the_type(make: Make) -> None:
    """A type with COLLATE changes both, and indexes follow the new order."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT); CREATE INDEX i ON t (c);"
        "INSERT INTO t (c) VALUES ('b'), ('A'), ('a');"
    )
    file.alter(changes.SetType("c", "VARCHAR(5) COLLATE NOCASE"))
    assert file.query("SELECT count(*) FROM t INDEXED BY i WHERE c = 'A'") == [(2,)]


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)
def test_a_strict_table_is_called_by_its_name(make: Make) -> None:
    """SQLite's own refusal of a row names the table, not the one copied to."""
    file = make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT) STRICT;"
        "INSERT INTO t (c) VALUES ('k');"
    )
    message = file.refuse(changes.SetType("c", "INTEGER", keep_misfits=True))
    assert "t.c" in message


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="STRICT came with SQLite 3.37"
)
@pytest.mark.parametrize("schema", ["main", "temp"])
def test_a_definition_that_sqlite_does_not_accept(make: Make, schema: str) -> None:
    """What is wrong with it is said, of temporary tables too."""
    file = make("")
    file.query(f"CREATE TABLE {schema}.t (c CHAR(1), CHECK (c <> 'x'))")
    message = file.refuse(changes.SetOptions(strict=True), schema=schema)
    assert "SQLite does not accept the new definition: unknown datatype" in message
    file.alter(changes.SetNotNull("c", True), schema=schema)


@pytest.mark.parametrize("block", [True, False])
def test_values_that_are_no_members(database: MakeDatabase, block: bool) -> None:
    """The members are what the message speaks of, not how long the column is."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c VARCHAR(20));"
        "INSERT INTO t VALUES (1, 'active'), (2, 'old'), (3, NULL);"
    )
    type_ = sa.Enum("active", "disabled")

    def upgrade(op: Operations) -> None:
        if block:
            with op.batch_alter_table("t") as batch:
                batch.alter_column("c", existing_type=sa.String(20), type_=type_)
        else:
            op.alter_column("t", "c", type_=type_)

    message = db.refuse(upgrade)
    assert (
        "column 'c' cannot become Enum('active', 'disabled'), which cannot hold 1"
        " row: id=2 ('old')"
    ) in message
    assert "VARCHAR" not in message


def enum(*members: str) -> sa.Enum:
    return sa.Enum(*members, name="kind")


def test_a_wider_enumeration(database: MakeDatabase) -> None:
    """Rows that were no members before stay, with a warning; lost members stop it."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c VARCHAR(2));"
        "INSERT INTO t VALUES (1, 'a'), (2, 'no'), (3, 'b');"
    )

    def upgrade(op: Operations, type_: sa.Enum) -> None:
        with op.batch_alter_table("t") as batch:
            batch.alter_column("c", existing_type=enum("a", "b"), type_=type_)

    db.run(lambda op: upgrade(op, enum("a", "b", "longer")))
    assert db.query("SELECT c FROM t") == [("a",), ("no",), ("b",)]
    (warning,) = db.notes
    assert "has values that are no members of Enum('a', 'b', 'longer')" in warning
    assert "and were not before: 1 row: id=2 ('no')" in warning
    message = db.refuse(lambda op: upgrade(op, enum("b", "c")))
    assert "1 row: id=1 ('a')" in message


def test_a_wider_enumeration_with_its_check(database: MakeDatabase) -> None:
    """A new CHECK holds for all rows or is refused."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c VARCHAR(2));"
        "INSERT INTO t VALUES (1, 'a'), (2, 'no');"
    )
    new = sa.Enum("a", "b", "c", name="kind", create_constraint=True)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.alter_column("c", existing_type=enum("a", "b"), type_=new)

    assert "CHECK 'kind' does not hold for 1 row: id=2" in db.refuse(upgrade)


@pytest.mark.parametrize(
    ("old", "default", "new"),
    [
        ("VARCHAR(5)", "''", "INTEGER"),
        ("VARCHAR(5)", "'n/a'", "FLOAT"),
        ("VARCHAR(5)", "'longer'", "VARCHAR(3)"),
        ("TEXT", "('a' || 'b')", "DATE"),
        ("INTEGER", "2", "BOOLEAN"),
        ("TEXT", "'ab'", "Enum('new', 'old')"),
    ],
)
def test_a_default_is_held_against_the_type(
    make: Make, old: str, default: str, new: str
) -> None:
    """As the rows are; also where there are none."""
    if default == "'longer'":
        old = "VARCHAR(9)"
    file = make(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {old} DEFAULT {default});")
    wanted = types_page.set_type(new)
    message = file.refuse(wanted)
    assert f"with DEFAULT {default}, which that type does not hold" in message
    file.refuse(wanted, recreate="always")
    file.alter(changes.SetDefault("c", None), wanted)
    file.query("INSERT INTO t DEFAULT VALUES")
    assert file.query("SELECT c FROM t") == [(None,)]


@pytest.mark.parametrize(
    ("old", "default", "new"),
    [
        ("VARCHAR(5)", "'7'", "INTEGER"),
        ("VARCHAR(5)", "'0'", "BOOLEAN"),
        ("TEXT", "CURRENT_DATE", "DATE"),
        ("INTEGER", "'none'", "SMALLINT"),
        ("TEXT", "NULL", "INTEGER"),
        ("VARCHAR(5)", "''", "VARCHAR(9)"),
    ],
)
def test_a_default_that_fits_stays(
    make: Make, old: str, default: str, new: str
) -> None:
    """So does one that the old type did not hold either."""
    file = make(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {old} DEFAULT {default});")
    file.alter(changes.SetType("c", new))
    assert f"DEFAULT {default}" in file.sql()


def test_a_default_may_stay_as_the_values_may(make: Make) -> None:
    """The script says so with the same argument."""
    file = make("CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT DEFAULT '');")
    file.refuse(changes.SetType("c", "INTEGER", using="length(c)"))
    file.alter(changes.SetType("c", "INTEGER", keep_misfits=True))
    assert "INTEGER DEFAULT ''" in file.sql()


# Found by a random block.
def test_smallest_integer_is_no_decimal(connection: sqlite3.Connection) -> None:
    """Looking at it must not end in SQLite's own overflow error."""
    connection.execute("CREATE TABLE t (a BIGINT)")
    connection.execute("INSERT INTO t VALUES (-9223372036854775808)")
    with pytest.raises(RowsRefused, match=r"cannot become DECIMAL\(10, 2\)"):
        alter(connection, changes.SetType("a", "DECIMAL(10, 2)"))

"""What the random examples have found, each as small as it gets."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3

import pytest

from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.errors import RowsRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.plan.engine import Report
from flask_batchmigrate.sqlite.plan.plan import Options
from flask_batchmigrate.sqlite.plan.ways import Way
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.rows import any_row
from flask_batchmigrate.sqlite.target.target import changes


@pytest.fixture
def database() -> cabc.Iterator[sqlite3.Connection]:
    """A database in an open transaction."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("BEGIN")
        yield made


class Watching(DirectDatabase):
    """Remembers what is executed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.statements: list[str] = []

    def execute(
        self, sql: str, parameters: cabc.Sequence[object] = ()
    ) -> list[tuple[object, ...]]:
        """Run a statement."""
        self.statements.append(sql)
        return super().execute(sql, parameters)


def alter(database: sqlite3.Connection, *block: changes.Change) -> Report:
    """Alter the table ``t``."""
    return alter_table(DirectDatabase(database), "t", block)


def test_explains_anew_after_the_schema_changed(database: sqlite3.Connection) -> None:
    """A compiled EXPLAIN of before the change is not run again: it may crash."""
    database.execute("CREATE TABLE other (d, b)")
    database.execute("CREATE TABLE t (a UNIQUE, FOREIGN KEY (a) REFERENCES t (a))")
    database.execute(
        "CREATE TRIGGER tr AFTER DELETE ON other BEGIN"
        " DELETE FROM t WHERE a = old.b; END"
    )
    door = Watching(database)
    alter_table(door, "t", [changes.AddColumn("x", "x TIME")])
    alter_table(door, "t", [changes.SetNotNull("a", True)])
    explained = [sql for sql in door.statements if sql.startswith("EXPLAIN")]
    assert len(explained) == len(set(explained)) > 4


def test_primary_key_column_that_holds_null(database: sqlite3.Connection) -> None:
    """SQLite lets NULL into a primary key, so NOT NULL is looked at by itself."""
    database.execute("CREATE TABLE t (a REAL PRIMARY KEY, b)")
    database.execute("INSERT INTO t VALUES (NULL, 1)")
    drop = changes.DropConstraint(None, ConstraintKind.PRIMARY_KEY, ("a",))
    for block in (
        [changes.SetNotNull("a", True)],
        [changes.SetNotNull("a", True), drop],
    ):
        with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
            alter(database, *block)
    assert database.execute("SELECT a, b FROM t").fetchall() == [(None, 1)]


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE VIEW v AS SELECT "x y" AS c FROM t',
        'CREATE VIEW v AS SELECT b FROM t WHERE "x y" IS NOT NULL',
        'CREATE TRIGGER tr AFTER INSERT ON other BEGIN DELETE FROM t WHERE "x y" = 1;'
        " END",
    ],
)
@pytest.mark.parametrize("recreate", [False, True])
def test_dropped_name_does_not_become_a_text(
    database: sqlite3.Connection, statement: str, recreate: bool
) -> None:
    """SQLite reads a double-quoted name without a column as text; that is no use."""
    database.execute('CREATE TABLE t ("x y", b)')
    database.execute("CREATE TABLE other (d)")
    database.execute(statement)
    extra = [
        changes.SetOptions(strict=False),
        changes.AddColumn("z", "z DEFAULT (1+1)"),
    ]
    block = [changes.DropColumn("x y"), *(extra if recreate else [])]
    with pytest.raises(ChangeRefused, match="x y"):
        alter(database, *block)
    assert [r[1] for r in database.execute("PRAGMA table_info(t)")] == ["x y", "b"]


def test_double_quoted_text_that_is_one_is_no_obstacle(
    database: sqlite3.Connection,
) -> None:
    """A view that always meant text by double quotes stands in nobody's way."""
    database.execute("CREATE TABLE t (a, b)")
    database.execute('CREATE VIEW v AS SELECT a, "some text" AS c FROM t')
    alter(database, changes.DropColumn("b"))
    assert [r[1] for r in database.execute("PRAGMA table_info(t)")] == ["a"]


def test_definition_that_sqlite_does_not_accept(database: sqlite3.Connection) -> None:
    """What SQLite says of a new definition is passed on in terms of the table."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    database.execute("CREATE TABLE t (a INTEGER, b JSON)")
    with pytest.raises(ChangeRefused, match=r"'t'.*unknown datatype for t\.b"):
        alter(database, changes.SetOptions(strict=True))
    with pytest.raises(ChangeRefused, match=r"'t'.*no such column: missing"):
        alter(database, changes.AddConstraint("CHECK (missing > 0)"))


def test_stored_generated_column_is_dropped_from_the_rows(
    database: sqlite3.Connection,
) -> None:
    """A stored column takes room in each row: without its text, rows read wrongly."""
    database.execute("CREATE TABLE t (a, s GENERATED ALWAYS AS (a || 'x') STORED, b)")
    database.execute("INSERT INTO t VALUES (1, 2)")
    alter(database, changes.DropColumn("s"))
    assert database.execute("SELECT * FROM t").fetchall() == [(1, 2)]


def test_never_means_never(database: sqlite3.Connection) -> None:
    """What SQLite does not confirm is refused where a copy is ruled out."""
    database.execute('CREATE TABLE t (a, b, c DEFAULT "x")')
    database.execute("CREATE TABLE other (d)")
    database.execute('CREATE VIEW v AS SELECT d, "some text" AS e FROM other')
    block = [changes.DropColumn("b")]
    with pytest.raises(ChangeRefused, match="recreate='never' rules out"):
        alter_table(
            DirectDatabase(database), "t", block, options=Options(recreate="never")
        )


def test_view_that_loses_a_column_and_gains_one(database: sqlite3.Connection) -> None:
    """``SELECT *`` needs each column there was, however many there are after."""
    database.execute("CREATE TABLE t (a, b)")
    database.execute("CREATE VIEW v AS SELECT * FROM t")
    with pytest.raises(ChangeRefused, match=r"view 'v' \(it selects b\)"):
        alter(database, changes.AddColumn("c", "c"), changes.DropColumn("b"))


def test_text_before_a_rename_speaks_of_the_names_before_it(
    database: sqlite3.Connection,
) -> None:
    """A condition follows a rename that comes after it, as on other databases."""
    database.execute("CREATE TABLE t (a, b)")
    database.execute("INSERT INTO t VALUES (1, -1)")
    alter(
        database,
        changes.AddConstraint("CONSTRAINT ck CHECK (a > 0)"),
        changes.CreateIndex("ix", "CREATE INDEX ix ON t (a) WHERE a > 5"),
        changes.RenameColumn("a", "spare"),
        changes.RenameColumn("b", "a"),
    )
    database.execute("UPDATE t SET a = -7")
    with pytest.raises(sqlite3.IntegrityError, match="ck"):
        database.execute("UPDATE t SET spare = -7")
    index = database.execute("PRAGMA index_xinfo(ix)").fetchall()
    assert index[0][2] == "spare"


@pytest.mark.parametrize("kind", ["VIRTUAL", "STORED"])
def test_generated_column_is_looked_at_like_any_other(
    database: sqlite3.Connection, kind: str
) -> None:
    """NOT NULL and CHECK hold for the values that generated columns compute."""
    database.execute(f"CREATE TABLE t (a, g GENERATED ALWAYS AS (a + 1) {kind})")
    database.execute("INSERT INTO t VALUES (NULL), (5)")
    for change in (
        changes.SetNotNull("g", True),
        changes.AddColumn("h", "h AS (a * 2) NOT NULL"),
        changes.AddColumn("h", "h AS (a * 2) CHECK (h < 5)"),
        changes.AddConstraint("CHECK (g < 5)"),
    ):
        with pytest.raises(RowsRefused):
            alter(database, change)
    with pytest.raises(RowsRefused):
        alter(
            database,
            changes.AddColumn("h", 'h AS ("a" * 2)'),
            changes.AddConstraint('CHECK ("h" < 5)'),
        )
    assert database.execute("SELECT a, g FROM t").fetchall() == [(None, None), (5, 6)]


def test_check_of_what_is_computed_from_a_changed_column(
    database: sqlite3.Connection,
) -> None:
    """A CHECK is asked again where a generated column it names gets other values."""
    database.execute(
        "CREATE TABLE t (a VARCHAR(9), g AS (typeof(a)), CHECK (g <> 'integer'))"
    )
    database.execute("INSERT INTO t VALUES ('42')")
    with pytest.raises(RowsRefused, match="g <> 'integer'"):
        alter(database, changes.SetType("a", "INTEGER"))


def test_trigger_on_a_generated_column_needs_what_it_names(
    database: sqlite3.Connection,
) -> None:
    """SQLite does not compile such a trigger for an UPDATE, but trips over it later."""
    database.execute("CREATE TABLE t (a, b, g AS (a))")
    database.execute(
        "CREATE TRIGGER tr AFTER UPDATE OF g ON t BEGIN DELETE FROM t WHERE b = 1; END"
    )
    with pytest.raises(ChangeRefused, match=r"trigger 'tr' on 't'"):
        alter(database, changes.DropColumn("b"))


def test_comment_stays_with_its_column(database: sqlite3.Connection) -> None:
    """A comment behind the comma is not taken for that of what comes next."""
    for sql in (
        "CREATE TABLE t (a INT, /* one */\nb INT\n, CONSTRAINT ck CHECK (a <> 1))",
        "CREATE TABLE t (a INT, /* one */\nb INT, CONSTRAINT ck CHECK (a <> 1))",
    ):
        database.execute(sql)
        alter(database, changes.DropColumn("b"), changes.DropConstraint("ck"))
        (text,) = database.execute("SELECT sql FROM sqlite_master").fetchone()
        assert "/* one */" in text
        database.execute("DROP TABLE t")


def test_primary_key_keeps_its_order_without_autoincrement(
    database: sqlite3.Connection,
) -> None:
    """The members of a key stay as they are written when it stops counting."""
    database.execute("CREATE TABLE t (a INTEGER, PRIMARY KEY (a DESC AUTOINCREMENT))")
    alter(database, changes.SetType("a", "NUMERIC"))
    assert database.execute(
        "SELECT desc FROM pragma_index_xinfo('sqlite_autoindex_t_1') WHERE key"
    ).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT oid AS c FROM t",
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t WHERE a = new.OID;"
        " END",
    ],
)
def test_column_named_like_the_rowid_is_needed(
    database: sqlite3.Connection, statement: str
) -> None:
    """Without the column its name would mean the rowid, and nobody would notice."""
    database.execute("CREATE TABLE t (a, oid)")
    database.execute(statement)
    with pytest.raises(ChangeRefused, match="'oid' of 't' cannot be dropped"):
        alter(database, changes.DropColumn("oid"))


def test_column_that_the_table_takes_only_after_the_block(
    database: sqlite3.Connection,
) -> None:
    """A column may be of a type that goes with the table as it will be."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    database.execute("CREATE TABLE t (a INTEGER) STRICT")
    database.execute("INSERT INTO t VALUES (1)")
    alter(
        database,
        changes.SetOptions(strict=False),
        changes.AddColumn("b", "b DATETIME DEFAULT '2020-01-31'"),
    )
    assert database.execute("SELECT * FROM t").fetchall() == [(1, "2020-01-31")]


@pytest.mark.parametrize(
    ("definition", "change"),
    [
        ("a INT PRIMARY KEY, b", changes.SetType("a", "INTEGER")),
        ("a INTEGER, b", changes.AddConstraint("PRIMARY KEY (a)")),
    ],
)
def test_null_does_not_become_a_number(
    database: sqlite3.Connection, definition: str, change: changes.Change
) -> None:
    """A column that becomes the rowid keeps its values; SQLite would number NULL."""
    database.execute(f"CREATE TABLE t ({definition})")
    database.execute("INSERT INTO t VALUES (7, 'x'), (NULL, 'y')")
    with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
        alter(database, change)
    database.execute("DELETE FROM t WHERE a IS NULL")
    alter(database, change)
    assert database.execute("SELECT rowid, a, b FROM t").fetchall() == [(7, 7, "x")]


@pytest.mark.parametrize(
    ("parent", "block"),
    [
        ("a TEXT PRIMARY KEY, b TEXT", [changes.SetType("a", "TEXT", "a || '!'")]),
        (
            "a TEXT PRIMARY KEY, b TEXT",
            [changes.AddConstraint("PRIMARY KEY (b)")],
        ),
        (
            "a TEXT PRIMARY KEY, b TEXT",
            [changes.RenameColumn("a", "c"), changes.RenameColumn("b", "a")],
        ),
    ],
)
def test_children_keep_their_parents(
    database: sqlite3.Connection, parent: str, block: list[changes.Change]
) -> None:
    """Enforced keys hold after the block, or it is refused."""
    database.execute("COMMIT")
    database.execute("PRAGMA foreign_keys = ON")
    database.execute(f"CREATE TABLE t ({parent})")
    database.execute("CREATE TABLE child (p REFERENCES t)")
    database.execute("INSERT INTO t VALUES ('x', 'y')")
    database.execute("INSERT INTO child VALUES ('x')")
    database.execute("BEGIN")
    with contextlib.suppress(ChangeRefused):
        alter(database, *block)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("SELECT p FROM child").fetchall() == [("x",)]


def test_another_connection_notices(tmp_path: pathlib.Path) -> None:
    """A connection that has read the schema before reads it again after the block."""
    path = tmp_path / "app.db"
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        database.execute("CREATE TABLE t (a, b DEFAULT 1)")
        other.execute("INSERT INTO t (a) VALUES (1)")
        database.execute("BEGIN IMMEDIATE")
        alter(database, changes.SetNotNull("a", True))
        database.execute("COMMIT")
        with pytest.raises(sqlite3.IntegrityError, match=r"t\.a"):
            other.execute("INSERT INTO t (a) VALUES (NULL)")


def test_key_of_another_type_without_rowid(database: sqlite3.Connection) -> None:
    """An INTEGER key shifts the numbers by which automatic indexes are found."""
    database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE) WITHOUT ROWID")
    database.execute("INSERT INTO t VALUES (1, 'x')")
    for type_ in ("NUMERIC", "INTEGER"):
        alter(database, changes.SetType("a", type_))
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_smallest_integer_is_no_decimal(database: sqlite3.Connection) -> None:
    """Looking at it must not end in SQLite's own overflow error."""
    database.execute("CREATE TABLE t (a BIGINT)")
    database.execute("INSERT INTO t VALUES (-9223372036854775808)")
    with pytest.raises(RowsRefused, match=r"cannot become DECIMAL\(10, 2\)"):
        alter(database, changes.SetType("a", "DECIMAL(10, 2)"))


def test_collation_of_an_indexed_column(database: sqlite3.Connection) -> None:
    """An index is sorted anew where its column is compared in another way."""
    database.execute("CREATE TABLE t (a TEXT)")
    database.execute("CREATE INDEX ix ON t (a)")
    database.execute("INSERT INTO t VALUES ('B'), ('a'), ('A'), ('b')")
    alter(database, changes.SetType("a", "TEXT COLLATE NOCASE"))
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = database.execute("SELECT count(*) FROM t WHERE a = 'a'").fetchone()
    assert found == (2,)


def test_generated_column_and_a_default(database: sqlite3.Connection) -> None:
    """No row of a generated column is older than its default: it can have none."""
    database.execute("CREATE TABLE t (a, b AS (a))")
    database.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ChangeRefused, match="DEFAULT on a generated column"):
        alter(database, changes.SetDefault("b", "5"))
    alter(database, changes.ReplaceColumn("b", "b INTEGER DEFAULT 5"))
    database.execute("INSERT INTO t (a) VALUES (2)")
    assert database.execute("SELECT a, b FROM t WHERE a = 2").fetchall() == [(2, 5)]


def test_more_rules_than_sqlite_nests(database: sqlite3.Connection) -> None:
    """One look at the rows for all rules is no expression of a thousand levels."""
    database.execute("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES (1), (NULL)")
    door = DirectDatabase(database)
    rules = ["a = 2 -- no )"] * 1200
    assert not any_row(door, "t", rules)
    assert any_row(door, "t", [*rules, "a"])


@pytest.mark.parametrize(
    "block",
    [
        [changes.AddColumn("g", "g AS (a) UNIQUE")],
        [changes.AddColumn("g", "g AS (a)"), changes.AddConstraint("UNIQUE (a, g)")],
    ],
)
def test_key_on_a_new_virtual_column(
    database: sqlite3.Connection, block: list[changes.Change]
) -> None:
    """Its index holds what is computed, and not the name of the column as a text."""
    database.execute("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES (1)")
    alter(database, *block)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("SELECT a FROM t WHERE g = 1").fetchall() == [(1,)]


@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_column_that_goes_with_what_is_computed_from_it(
    database: sqlite3.Connection, kind: str
) -> None:
    """Also where a view has to be asked whether it needs the column."""
    database.execute(f"CREATE TABLE t (a, g AS (a) {kind}, b)")
    database.execute("CREATE VIEW v AS SELECT b FROM t")
    database.execute("INSERT INTO t (a, b) VALUES (1, 2)")
    alter(database, changes.DropColumn("g"), changes.DropColumn("a"))
    assert database.execute("SELECT * FROM t").fetchall() == [(2,)]


def test_default_that_a_strict_column_does_not_hold(
    database: sqlite3.Connection,
) -> None:
    """SQLite's own ALTER TABLE would let the rows that are there read it."""
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT tables came with SQLite 3.37")
    database.execute("CREATE TABLE t (a INT) STRICT")
    database.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(RowsRefused, match="cannot store INT value in BLOB column"):
        alter(database, changes.AddColumn("b", "b BLOB DEFAULT 5"))
    assert alter(database, changes.AddColumn("b", "b INT DEFAULT 5")).way is Way.ALTER


def test_comment_before_a_new_column_on_its_line(database: sqlite3.Connection) -> None:
    """It stays with the column that it describes, and does not go with the new one."""
    sql = "CREATE TABLE t (a, /* about a */\nb, UNIQUE (a), UNIQUE (b), CHECK (a))"
    database.execute(sql)
    alter(database, changes.AddColumn("c", "c INT", after="a"))
    found = database.execute("SELECT sql FROM sqlite_master").fetchone()[0]
    assert "a /* about a */, c INT," in found
    alter(database, changes.DropColumn("c"))
    found = database.execute("SELECT sql FROM sqlite_master").fetchone()[0]
    assert "a /* about a */," in found


def test_two_columns_of_one_name_are_dropped(database: sqlite3.Connection) -> None:
    """A column takes the name of one that is gone, and goes as well."""
    database.execute("CREATE TABLE t (a, b, c)")
    database.execute("INSERT INTO t VALUES (1, 2, 3)")
    alter(
        database,
        changes.DropColumn("b"),
        changes.RenameColumn("a", "b"),
        changes.DropColumn("a"),
    )
    assert database.execute("SELECT * FROM t").fetchall() == [(3,)]


def test_rule_that_cannot_be_computed(database: sqlite3.Connection) -> None:
    """SQLite's own error about it does not hide that another rule is broken."""
    database.execute("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES ('{'), (NULL)")
    check = changes.AddConstraint("CHECK (json_extract(a, '$.b') = 1)")
    with pytest.raises(RowsRefused, match="'a' cannot be NOT NULL"):
        alter(database, changes.SetNotNull("a", True), check)


def test_an_index_of_a_renamed_column_that_goes(database: sqlite3.Connection) -> None:
    """An index that the block makes goes with its column, by the name it has then."""
    database.execute("CREATE TABLE t (a, b)")
    alter(
        database,
        changes.RenameColumn("a", "c"),
        changes.CreateIndex("i", 'CREATE INDEX i ON t ("c", b)'),
        changes.DropColumn("c"),
    )
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]


def test_a_new_index_is_the_key_of_a_parent(database: sqlite3.Connection) -> None:
    """A table that refers to itself may exchange its key for a unique index."""
    database.execute("CREATE TABLE o (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY REFERENCES t (a))")
    database.execute("INSERT INTO o VALUES (1)")
    database.execute("INSERT INTO t VALUES (1)")
    alter(
        database,
        changes.DropConstraint(kind=ConstraintKind.PRIMARY_KEY),
        changes.AddConstraint("FOREIGN KEY (a) REFERENCES o (id)"),
        changes.CreateIndex("i", "CREATE UNIQUE INDEX i ON t (a)"),
    )
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_columns_that_are_computed_from_one_another(
    database: sqlite3.Connection,
) -> None:
    """SQLite makes such a table, and cannot read it."""
    database.execute("CREATE TABLE t (a, g AS (a + 1))")
    with pytest.raises(ChangeRefused, match="generated column loop"):
        alter(
            database,
            changes.DropColumn("a"),
            changes.AddColumn("a", "a AS (g + 1)"),
            changes.AddColumn("c", "c"),
        )

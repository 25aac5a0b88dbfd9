"""Views and triggers that a change would break without an error of SQLite."""

from __future__ import annotations

import collections.abc as cabc
import sqlite3
import typing as t

import pytest

from flask_batchmigrate.sqlite.ddl.objects import parse_index
from flask_batchmigrate.sqlite.ddl.table import parse_table
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.engine import alter_table
from flask_batchmigrate.sqlite.schema.catalogue import StoredTable
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.double_quotes import not_respelled
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import alter
from tests.sqlite.engine_file import Make

TABLE = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);"
    "CREATE TABLE o (x, y, z); INSERT INTO t VALUES (1, 'a', 'b');"
)
ADD = changes.AddColumn("c", "c TEXT")
DROP = changes.DropColumn("b")

IN_SINGLE_QUOTES = [
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN INSERT INTO 't' (b) VALUES (new.x); END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE 't' SET 'b' = new.x; END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN DELETE FROM 't' WHERE b = 1; END",
    "CREATE TRIGGER g AFTER INSERT ON 't' BEGIN UPDATE o SET x = new.'b'; END",
    "CREATE TRIGGER g AFTER INSERT ON o WHEN new.x IN (SELECT b FROM o, 'T')"
    " BEGIN SELECT 1; END",
    "CREATE VIEW g AS SELECT b FROM o, 't'",
    "CREATE VIEW g AS SELECT b FROM ('t')",
    "CREATE VIEW g AS SELECT b FROM (o, ('t'))",
    "CREATE VIEW g AS SELECT x FROM o LEFT JOIN 't' ON b = x",
    "CREATE VIEW w AS SELECT b FROM 't'; CREATE VIEW g AS SELECT b FROM o, 'w'",
]


def drop(*names: str) -> list[changes.Change]:
    return [changes.DropColumn(name) for name in names]


@pytest.mark.parametrize("outside", IN_SINGLE_QUOTES)
@pytest.mark.parametrize("others", [(), ("d", "e")])
def test_a_table_in_single_quotes(
    make: Make, outside: str, others: tuple[str, ...]
) -> None:
    """SQLite takes text for a table's name; it is refused in place and as a copy."""
    file = make(
        "CREATE TABLE t (b TEXT, a TEXT, d TEXT, e TEXT); CREATE TABLE o (x, y);"
        f"{outside};"
    )
    assert "'g'" in file.refuse(*drop("b", *others))


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 35, 5), reason="no safe DROP COLUMN"
)
@pytest.mark.parametrize(
    "outside",
    [
        "CREATE TEMP VIEW g AS SELECT b FROM 't'",
        "CREATE TEMP TRIGGER g AFTER INSERT ON o BEGIN DELETE FROM t WHERE b = 1; END",
    ],
)
def test_what_only_sqlite_sees(make: Make, outside: str) -> None:
    """Where SQLite's own DROP COLUMN refuses, the table is not copied without it."""
    message = make(f"{TABLE} {outside};").refuse(DROP)
    assert " g " in message
    assert "needed" in message


def test_an_insert_into_a_table_in_single_quotes(make: Make) -> None:
    """One that no longer has a value for each column is refused."""
    file = make(
        f"{TABLE} CREATE TRIGGER g AFTER INSERT ON o BEGIN"
        " INSERT INTO 't' VALUES (new.x, 2, 3); END;"
    )
    assert "'g'" in file.refuse(ADD)
    assert "'g'" in file.refuse(DROP)


UNKNOWN = [
    "CREATE VIEW g AS SELECT app_f(b) FROM t",
    "CREATE VIEW g AS SELECT b COLLATE app_c AS x FROM t",
    "CREATE VIEW w AS SELECT app_f(1), b FROM t; CREATE VIEW g AS SELECT b FROM w",
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE o SET x = app_f(new.b); END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN"
    " UPDATE t SET b = app_f(1) WHERE a = new.x; END",
    "CREATE TRIGGER g AFTER INSERT ON o WHEN app_f(1) BEGIN"
    " INSERT INTO t VALUES (1, 2, 3); END",
    "CREATE VIEW g AS SELECT app_f(t.[B]) FROM t",
    "CREATE VIEW g AS SELECT app_f(a), * FROM 't'",
    "CREATE VIEW g AS SELECT x FROM o WHERE (1, 2, app_f(3)) IN t",
    "CREATE VIEW g AS SELECT x FROM o WHERE (1, 2, app_f(3)) IN main.t",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE t SET 'b' = app_f(1); END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE t SET a = 1, 'b' = app_f(1); END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN"
    " INSERT INTO t (a, 'b') VALUES (app_f(1), 2); END",
    "CREATE TABLE k (b); CREATE VIEW g AS SELECT app_f(1) FROM t JOIN k USING ('b')",
    "CREATE TABLE k (b); CREATE VIEW g AS SELECT app_f(1) FROM t NATURAL JOIN k",
]


@pytest.mark.parametrize("outside", UNKNOWN)
def test_what_is_not_compiled_here_and_needs_the_column(
    make: Make, outside: str
) -> None:
    """Functions and collations of an application are unknown here; names are not."""
    file = make(f"{TABLE} {outside};")
    message = file.refuse(DROP)
    assert "'g'" in message


def test_what_is_not_compiled_here_and_does_not_need_it(make: Make) -> None:
    """Other columns are dropped, and others are added."""
    file = make(
        f"{TABLE} CREATE VIEW g AS SELECT app_f(a) FROM t;"
        "CREATE TRIGGER h AFTER INSERT ON o BEGIN"
        " UPDATE t SET a = app_f('b', 'b') WHERE a = 'b'; END;"
    )
    file.alter(DROP, ADD)
    assert file.query("SELECT id, a, c FROM t") == [(1, "a", None)]


def test_an_insert_that_is_not_compiled_here(make: Make) -> None:
    """It has a value for each column now, and would not afterwards."""
    outside = UNKNOWN[5]
    assert "'g'" in make(f"{TABLE} {outside};").refuse(ADD)


BY_PLACE = [
    "CREATE VIEW g AS SELECT * FROM t",
    "CREATE VIEW g (k, l, m) AS SELECT * FROM t",
    "CREATE VIEW g AS SELECT o.x, t.* FROM t JOIN o",
    "CREATE VIEW g AS SELECT x, y, z FROM o UNION SELECT * FROM 't'",
    "CREATE VIEW g AS SELECT x FROM o WHERE (x, y, z) IN t",
    "CREATE VIEW g AS SELECT x FROM o WHERE (x, y, z) NOT IN main.t",
    "CREATE VIEW g AS SELECT x FROM o WHERE (x, y, z) IN [main].'t'",
    "CREATE TRIGGER g AFTER INSERT ON o WHEN (1, 2, 3) IN main.t BEGIN SELECT 1; END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN INSERT INTO t VALUES (1, 2, 3); END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN"
    " INSERT OR IGNORE INTO t SELECT x, y, z FROM o; END",
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO o SELECT * FROM t; END",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN SELECT 1;"
    " REPLACE INTO t VALUES (app_f(new.x), 2, 3); END",
]

MOVING: dict[str, list[changes.Change]] = {
    "reordered": [changes.Reorder((("b", "a"),))],
    "replaced": [changes.DropColumn("a"), ADD],
    "replaced by its name": [
        changes.DropColumn("a"),
        changes.AddColumn("a", "a TEXT"),
    ],
    "in another's place": [
        changes.DropColumn("a"),
        changes.AddColumn("c", "c TEXT", before="b"),
    ],
}


@pytest.mark.parametrize("outside", BY_PLACE)
@pytest.mark.parametrize("how", MOVING)
def test_columns_known_by_their_place(make: Make, outside: str, how: str) -> None:
    """What reads or writes columns by their place does not get another one there."""
    file = make(f"{TABLE} {outside};")
    assert "'g'" in file.refuse(*MOVING[how])


BY_NAME = [
    "CREATE VIEW g AS SELECT b, a, count(*) FROM t",
    "CREATE VIEW g AS SELECT x FROM o WHERE EXISTS (SELECT * FROM t WHERE b = x)",
    "CREATE VIEW g AS SELECT x * y, * FROM o; CREATE VIEW h AS SELECT a, b FROM t",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN"
    " INSERT INTO t (a, b) VALUES (new.x, 2); SELECT * FROM o; END",
]


@pytest.mark.parametrize("outside", BY_NAME)
def test_columns_known_by_their_name(make: Make, outside: str) -> None:
    """These find their columns wherever they are."""
    file = make(f"{TABLE} {outside};")
    file.alter(*MOVING["reordered"])
    assert [row[1] for row in file.query("PRAGMA table_info(t)")] == ["id", "b", "a"]


NATURAL = [
    "CREATE VIEW g AS SELECT a FROM t NATURAL JOIN k",
    "CREATE VIEW g AS SELECT x FROM o WHERE x IN (SELECT a FROM t NATURAL LEFT JOIN k)",
    "CREATE VIEW w AS SELECT * FROM t; CREATE VIEW g AS SELECT 1 FROM k NATURAL JOIN w",
    "CREATE TRIGGER g AFTER INSERT ON o BEGIN"
    " INSERT INTO o (x) SELECT a FROM 't' NATURAL JOIN k; END",
]


@pytest.mark.parametrize("outside", NATURAL)
@pytest.mark.parametrize(
    "change",
    [
        changes.DropColumn("B"),
        changes.RenameColumn("b", "d"),
        changes.AddColumn("c", "c TEXT"),
        changes.RenameColumn("a", "c"),
    ],
)
def test_columns_of_a_natural_join(
    make: Make, outside: str, change: changes.Change
) -> None:
    """By which columns it joins would change without an error of SQLite."""
    file = make(f"{TABLE} CREATE TABLE k (b, c); {outside};")
    message = file.refuse(change)
    assert "'g'" in message
    assert "'w'" in message or "NATURAL JOIN is by column" in message


def test_other_columns_beside_a_natural_join(make: Make) -> None:
    """What only one side has, and what other statements join, is free."""
    file = make(
        f"{TABLE} CREATE TABLE k (b, c); INSERT INTO k VALUES ('b', 7);"
        "CREATE VIEW g AS SELECT id, c FROM t NATURAL JOIN k;"
        "CREATE TRIGGER h AFTER INSERT ON o BEGIN"
        " SELECT 1 FROM o NATURAL JOIN k; SELECT a FROM t; END;"
    )
    file.alter(
        changes.AddColumn("d", "d TEXT"),
        changes.RenameColumn("a", "x"),
        changes.SetType("b", "VARCHAR(5)"),
    )
    file.alter(changes.DropColumn("d"))
    assert file.query("SELECT * FROM g") == [(1, 7)]


SPACED = (
    'CREATE TABLE "my notes" (id INTEGER PRIMARY KEY, "the-body" TEXT, n TEXT);'
    "CREATE VIRTUAL TABLE f USING"
    " fts5(\"the-body\", content='my notes', content_rowid=id);"
)


@pytest.mark.parametrize(
    "change",
    [
        changes.RenameTable("notes"),
        changes.RenameColumn("the-body", "body"),
        changes.DropColumn("the-body"),
    ],
)
def test_a_virtual_table_that_reads_names_of_several_words(
    make: Make, change: changes.Change
) -> None:
    """FTS5 reads another table by its name, however that is spelled."""
    file = make(SPACED)
    assert "'f'" in file.refuse(change, table="my notes")
    file.alter(changes.RenameColumn("n", "note"), table="my notes")


def test_new_columns_come_last(make: Make) -> None:
    """Then everything is where it was."""
    file = make(f"{TABLE} CREATE VIEW g AS SELECT * FROM t;")
    file.alter(ADD)
    assert file.query("SELECT * FROM g") == [(1, "a", "b", None)]


IN_DOUBLE_QUOTES = [
    'CREATE INDEX g ON t (a) WHERE a <> "c"',
    'CREATE INDEX g ON t (a || "c")',
    'ALTER TABLE t ADD COLUMN g AS (a || "C")',
    'ALTER TABLE t ADD COLUMN h INTEGER CONSTRAINT g CHECK (h IS NOT "c")',
    'CREATE VIEW g AS SELECT a, "c" AS x FROM t',
    'CREATE VIEW g AS SELECT id FROM t WHERE a = "c" AND b = "d"',
    'CREATE TRIGGER g AFTER INSERT ON o BEGIN UPDATE t SET a = "c"; END',
    'CREATE TRIGGER g AFTER INSERT ON o WHEN new.x IN (SELECT "c" FROM t)'
    " BEGIN SELECT 1; END",
]


@pytest.mark.parametrize("inside", IN_DOUBLE_QUOTES)
@pytest.mark.parametrize("copied", [False, True])
def test_text_in_double_quotes_does_not_become_a_column(
    make: Make, inside: str, copied: bool
) -> None:
    """SQLite takes it for text as long as no column has that name."""
    file = make(f"{TABLE} {inside};")
    message = file.refuse(ADD, recreate="always" if copied else "auto")
    assert "'g'" in message
    assert "double quotes" in message


@pytest.mark.parametrize("inside", IN_DOUBLE_QUOTES)
def test_text_in_double_quotes_stays_text_when_a_column_is_renamed(
    make: Make, inside: str
) -> None:
    """Another column takes the name: what was text is text, or it is refused."""
    script = f"{TABLE} ALTER TABLE t ADD COLUMN r TEXT DEFAULT 'r'; {inside};"
    file = make(script)
    rename = changes.RenameColumn("r", "c")
    try:
        file.alter(rename)
    except Exception:
        assert "double quotes" in file.refuse(rename)
    else:
        stored = " ".join(
            row[0] for row in file.query("SELECT sql FROM sqlite_master") if row[0]
        )
        assert '"c"' not in stored.replace('"c" TEXT', "").lower()


def test_text_that_older_releases_do_not_respell() -> None:
    """SQLite 3.31 renames the column and leaves the text as it is."""
    old = "CREATE TABLE t (a, {0}, CHECK (a <> {1}), CHECK ({0} > 1 OR a = 'c'))"
    index = "CREATE INDEX i ON t ({0}) WHERE a <> {1}"

    def stored(*names: str) -> StoredTable:
        text, of_it = old.format(*names), index.format(*names)
        return StoredTable("main", "t", parse_table(text), (parse_index(of_it),))

    before = stored("r", '"c"')
    assert not_respelled(before, stored('"c"', "'c'")) == []
    found = not_respelled(before, stored('"c"', '"c"'))
    assert len(found) == 2
    assert "index 'i'" in found[1]


def test_a_name_in_double_quotes_is_a_name(make: Make) -> None:
    """A column that is there already is meant by it, and that stays so."""
    file = make(
        f'{TABLE} CREATE INDEX i ON t ("a") WHERE "b" > 1;'
        'CREATE VIEW g AS SELECT "a", "d" AS x FROM t;'
    )
    file.alter(ADD)
    assert file.query("SELECT * FROM g") == [("a", "d")]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "CREATE VIEW g AS SELECT app_f(x) FROM o",
        "CREATE VIEW g AS SELECT app_f(a) AS k FROM t",
        "CREATE VIEW g AS SELECT a COLLATE app_c AS k FROM t",
        "CREATE TRIGGER g AFTER INSERT ON o BEGIN INSERT INTO o VALUES (1); END",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE o SET x = app_f(new.a); END",
        "CREATE TABLE q (x, w);"
        "CREATE TRIGGER g AFTER INSERT ON o BEGIN SELECT app_f(x) FROM o, q; END",
    ],
)
@pytest.mark.parametrize("table", [False, True])
def test_a_rename_that_sqlite_makes(make: Make, elsewhere: str, table: bool) -> None:
    """What SQLite follows is renamed, whatever else it cannot compile here."""
    script = f"{TABLE} {elsewhere};"
    statement = "ALTER TABLE t RENAME TO k"
    change: changes.Change = changes.RenameTable("k")
    if not table:
        statement = "ALTER TABLE t RENAME COLUMN a TO k"
        change = changes.RenameColumn("a", "k")
    wanted: t.Any = _after(script, statement)
    file = make(script)
    if isinstance(wanted, sqlite3.Error):
        assert "SQLite cannot rename" in file.refuse(change)
    else:
        file.alter(change)
        found = file.query("SELECT name, sql FROM sqlite_master ORDER BY 1")
        assert [(name, sql.replace('"k"', "k")) for name, sql in found] == wanted


def _after(script: str, statement: str) -> t.Any:
    """What SQLite's own statement makes of a schema, or its error."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(script)
        connection.execute(statement)
        return connection.execute(
            "SELECT name, replace(sql, '\"k\"', 'k') FROM sqlite_master ORDER BY 1"
        ).fetchall()
    except sqlite3.Error as error:
        return error
    finally:
        connection.close()


def test_a_rename_that_sqlite_refuses(make: Make) -> None:
    """The object that it cannot follow into is named, with its reason."""
    file = make(f"{TABLE} CREATE VIEW g AS SELECT nought FROM o;")
    message = file.refuse(changes.RenameColumn("a", "k"))
    assert "'g'" in message
    assert "nought" in message


@pytest.mark.parametrize("name", ["t", "main.t", "'t'"])
def test_a_table_after_in_that_is_renamed(make: Make, name: str) -> None:
    """SQLite does not follow that name; the message says how to go on."""
    view = f"CREATE VIEW g AS SELECT x FROM o WHERE (x, y, z) IN {name}"
    file = make(f"{TABLE} {view};")
    message = file.refuse(changes.RenameTable("k"))
    assert "view g" in message
    assert "create it again afterwards" in message
    file.query("DROP VIEW g")
    file.alter(changes.RenameTable("k"))


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


# Found by a random block.
def test_explains_anew_after_the_schema_changed(connection: sqlite3.Connection) -> None:
    """A compiled EXPLAIN of before the change is not run again: it may crash."""
    connection.execute("CREATE TABLE other (d, b)")
    connection.execute("CREATE TABLE t (a UNIQUE, FOREIGN KEY (a) REFERENCES t (a))")
    connection.execute(
        "CREATE TRIGGER tr AFTER DELETE ON other BEGIN"
        " DELETE FROM t WHERE a = old.b; END"
    )
    door = Watching(connection)
    alter_table(door, "t", [changes.AddColumn("x", "x TIME")])
    alter_table(door, "t", [changes.SetNotNull("a", True)])
    explained = [sql for sql in door.statements if sql.startswith("EXPLAIN")]
    assert len(explained) == len(set(explained)) > 4


# Found by a random block.
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
    connection: sqlite3.Connection, statement: str, recreate: bool
) -> None:
    """SQLite reads a double-quoted name without a column as text; that is no use."""
    connection.execute('CREATE TABLE t ("x y", b)')
    connection.execute("CREATE TABLE other (d)")
    connection.execute(statement)
    extra = [
        changes.SetOptions(strict=False),
        changes.AddColumn("z", "z DEFAULT (1+1)"),
    ]
    block = [changes.DropColumn("x y"), *(extra if recreate else [])]
    with pytest.raises(ChangeRefused, match="x y"):
        alter(connection, *block)
    assert [r[1] for r in connection.execute("PRAGMA table_info(t)")] == ["x y", "b"]


# Found by a random block.
def test_double_quoted_text_that_is_one_is_no_obstacle(
    connection: sqlite3.Connection,
) -> None:
    """A view that always meant text by double quotes stands in nobody's way."""
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute('CREATE VIEW v AS SELECT a, "some text" AS c FROM t')
    alter(connection, changes.DropColumn("b"))
    assert [r[1] for r in connection.execute("PRAGMA table_info(t)")] == ["a"]


# Found by a random block.
def test_view_that_loses_a_column_and_gains_one(connection: sqlite3.Connection) -> None:
    """``SELECT *`` needs each column there was, however many there are after."""
    connection.execute("CREATE TABLE t (a, b)")
    connection.execute("CREATE VIEW v AS SELECT * FROM t")
    with pytest.raises(ChangeRefused, match=r"view 'v' \(it selects b\)"):
        alter(connection, changes.AddColumn("c", "c"), changes.DropColumn("b"))


# Found by a random block.
def test_trigger_on_a_generated_column_needs_what_it_names(
    connection: sqlite3.Connection,
) -> None:
    """SQLite does not compile such a trigger for an UPDATE, but trips over it later."""
    connection.execute("CREATE TABLE t (a, b, g AS (a))")
    connection.execute(
        "CREATE TRIGGER tr AFTER UPDATE OF g ON t BEGIN DELETE FROM t WHERE b = 1; END"
    )
    with pytest.raises(ChangeRefused, match=r"trigger 'tr' on 't'"):
        alter(connection, changes.DropColumn("b"))


# Found by a random block.
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT oid AS c FROM t",
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t WHERE a = new.OID;"
        " END",
    ],
)
def test_column_named_like_the_rowid_is_needed(
    connection: sqlite3.Connection, statement: str
) -> None:
    """Without the column its name would mean the rowid, and nobody would notice."""
    connection.execute("CREATE TABLE t (a, oid)")
    connection.execute(statement)
    with pytest.raises(ChangeRefused, match="'oid' of 't' cannot be dropped"):
        alter(connection, changes.DropColumn("oid"))

"""Texts as other programs have stored them: what SQLite takes, a change must carry."""

from __future__ import annotations

import re
import sqlite3

import pytest

from flask_batchmigrate.sqlite.errors import SqlTextError
from flask_batchmigrate.sqlite.schema.database import DirectDatabase
from flask_batchmigrate.sqlite.schema.schema_edit import reload_schema
from flask_batchmigrate.sqlite.target import changes
from tests.sqlite.engine_file import File
from tests.sqlite.engine_file import Make

COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/")


@pytest.mark.parametrize(
    "items",
    [
        "a int -- one\n, /* two */\n b int -- three\n, c int",
        "a int -- one\n, b int /* two */, c int /* three */",
        "a int, -- one\n b int, /* two */ c int",
        "a int /* one */ -- two\n, b int /* three */ -- four\n, c int",
        "/* zero */ a int -- one\n , /* two */ -- three\n b int, c int -- four\n",
    ],
)
@pytest.mark.parametrize("order", ["bac", "cba", "acb", "cab", "bca"])
def test_order_keeps_comments_apart(make: Make, items: str, order: str) -> None:
    """Another order of the columns merges no comment with another."""
    file = make(f"CREATE TABLE t({items})")
    before = sorted(COMMENT.findall(file.sql()))
    file.alter(changes.Reorder((tuple(order),)))
    assert sorted(COMMENT.findall(file.sql())) == before
    assert "".join(row[1] for row in file.query("PRAGMA table_info(t)")) == order


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ("without /* c */ rowid", changes.SetOptions(without_rowid=False)),
        ("without -- c\n rowid", changes.SetOptions(without_rowid=False)),
        (
            "without /* c */ rowid /* d */, /* e */ strict -- f\n",
            changes.SetOptions(without_rowid=False),
        ),
        (
            "strict, without /* c */ -- d\n rowid",
            changes.SetOptions(strict=False, without_rowid=False),
        ),
    ],
)
def test_options_leave_their_comments(
    make: Make, options: str, change: changes.Change
) -> None:
    """An option that goes leaves the comments between its words."""
    if "strict" in options and sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("STRICT came with SQLite 3.37")
    file = make(f"CREATE TABLE t(a int primary key, b int) {options};")
    before = COMMENT.findall(file.sql())
    file.alter(change)
    assert sorted(COMMENT.findall(file.sql())) == sorted(before)


@pytest.mark.parametrize(
    "type_",
    [
        "[bits] [nvarchar](8)",
        "[nvarchar](50)",
        "[int]",
        "[bits] nvarchar (8)",
        "[a] int",
        '"a" "b"',
        "`a` (3)",
        "'a' 'b'",
        "int always",
        "character varying always",
        "int generated always",
        "generated always",
        "[abcdefghi] always",
        "abcdefghijk always (8)",
        "int UNIQUE DEFERRABLE",
        "int UNIQUE DEFERRABLE INITIALLY DEFERRED",
        "int NOT DEFERRABLE",
    ],
)
def test_types_of_other_databases(make: Make, type_: str) -> None:
    """A type is read as SQLite does, and its column and others can be changed."""
    file = make(f"CREATE TABLE t(a {type_}, b int, c int)")
    ((reported,),) = file.query("SELECT type FROM pragma_table_info('t') LIMIT 1")
    file.alter(changes.SetNotNull("b", True))
    assert file.sql() == f"CREATE TABLE t(a {type_}, b int NOT NULL, c int)"
    file.alter(changes.SetDefault("a", "7"))
    ((found, default),) = file.query(
        "SELECT type, dflt_value FROM pragma_table_info('t') LIMIT 1"
    )
    assert (found, default) == (reported, "7")
    file.alter(changes.SetType("a", "TEXT"), changes.DropColumn("c"))
    assert file.query("SELECT upper(type) FROM pragma_table_info('t')") == [
        ("TEXT",),
        ("INT",),
    ]


def test_deferrable_of_another_column(make: Make) -> None:
    """One that changes the foreign key of another column would change owner."""
    script = "CREATE TABLE t(a int REFERENCES t(a), b int UNIQUE DEFERRABLE{}, c int)"
    make(script.format("")).alter(changes.SetNotNull("c", True))
    with pytest.raises(SqlTextError, match=r"table 't'.*column 'b'"):
        make("DROP TABLE IF EXISTS t;" + script.format(" INITIALLY DEFERRED")).alter(
            changes.SetNotNull("c", True)
        )


def test_byte_order_mark(make: Make) -> None:
    """It is white space for SQLite, or, in old releases, a letter."""
    file = make("CREATE TABLE t(a int,\ufeff b int)")
    if [row[1] for row in file.query("PRAGMA table_info(t)")] == ["a", "b"]:
        file.alter(changes.SetNotNull("b", True))
        assert file.sql() == "CREATE TABLE t(a int,\ufeff b int NOT NULL)"
    else:
        with pytest.raises(SqlTextError, match="table 't'"):
            file.alter(changes.SetNotNull("a", True))


@pytest.mark.parametrize(
    "change",
    [
        changes.SetNotNull("b", True),
        changes.RenameColumn("b", "z"),
        changes.DropColumn("b"),
        changes.AddColumn("c", "c int"),
        changes.RenameTable("u"),
    ],
)
def test_text_elsewhere_that_is_not_read(make: Make, change: changes.Change) -> None:
    """The arguments of a module are its own affair."""
    file = make(
        "CREATE TABLE t(a int, b int); CREATE VIRTUAL TABLE f USING fts4(x, $p)"
    )
    file.alter(change)


def test_text_that_is_not_read_is_named(make: Make) -> None:
    """The message says which object's text was not understood."""
    file = make("CREATE TABLE t(a int, b int)")
    file.query("PRAGMA writable_schema = ON")
    file.query(
        "INSERT INTO sqlite_master VALUES"
        " ('view', 'broken', 'broken', 0, 'CREATE VIEW broken AS SELECT $p FROM t')"
    )
    file.query("PRAGMA writable_schema = OFF")
    with pytest.raises(SqlTextError, match="view 'broken'"):
        file.alter(changes.SetNotNull("b", True))


@pytest.mark.parametrize(
    ("module", "shadow"),
    [
        ("fts5(x)", "v_content"),
        ("fts5(x)", "v_data"),
        ("fts4(x)", "v_segments"),
        ("rtree(id, a, b)", "v_node"),
    ],
)
@pytest.mark.parametrize(
    "change",
    [
        changes.AddColumn("z", "z int"),
        changes.CreateIndex("ix", "CREATE INDEX ix ON {} (rowid)"),
        changes.RenameTable("zz"),
    ],
)
def test_shadow_tables(
    make: Make, module: str, shadow: str, change: changes.Change
) -> None:
    """What a virtual table keeps its content in is not touched."""
    file = make(f"CREATE VIRTUAL TABLE v USING {module}; CREATE TABLE v_mine (id)")
    message = file.refuse(change, table=shadow)
    assert "the virtual table 'v'" in message
    # A table of one's own may be called alike.
    file.alter(changes.AddColumn("z", "z int"), table="v_mine")


def with_foreign_module(make: Make, module: str, *others: str) -> File:
    """Make a file with a virtual table of a module that is not loaded here."""
    tables = "".join(f"CREATE TABLE {name} (id, note); " for name in others)
    file = make(f"{tables} INSERT INTO {others[0]} VALUES (1, 'kept')")
    file.query("PRAGMA writable_schema = ON")
    file.query(
        "INSERT INTO sqlite_master VALUES"
        f" ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING {module}')"
    )
    file.query("PRAGMA writable_schema = OFF")
    reload_schema(DirectDatabase(file.connection), "main")
    return file


FOREIGN = [
    ("vec0(embedding float[4])", "v_chunks"),
    ("vec0(embedding float[4])", "v_rowids"),
    ("vec0(embedding float[4])", "v_vector_chunks00"),
    ("vec0(embedding float[4])", "v_metadatatext01"),
    ("vss0(embedding(4))", "V_Index"),
    ("[spellfix1]", "v_vocab"),
    ("nobody_knows", "v_some_content"),
]


@pytest.mark.parametrize(("module", "shadow"), FOREIGN)
@pytest.mark.parametrize(
    "change", [changes.AddColumn("z", "z int"), changes.DropColumn("note")]
)
def test_shadow_tables_of_a_module_that_is_not_loaded(
    make: Make, module: str, shadow: str, change: changes.Change
) -> None:
    """What only a module can read is not touched, whatever SQLite knows of it."""
    file = with_foreign_module(make, module, shadow, "other_chunks")
    message = file.refuse(change, table=shadow)
    assert "the virtual table 'v'" in message
    assert ("is not loaded" in message) == (module == "nobody_knows")
    file.alter(change, table="other_chunks")


@pytest.mark.parametrize("module", ["vec0(x)", "fts5vocab(a, row)", "csv(x)"])
def test_a_table_called_like_a_virtual_one(make: Make, module: str) -> None:
    """Of modules that are known, no other table is taken for a shadow."""
    file = with_foreign_module(make, module, "v_of_mine")
    file.alter(changes.SetType("note", "VARCHAR(9)"), table="v_of_mine")
    assert file.query("SELECT note FROM v_of_mine") == [("kept",)]


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="no table_list")
def test_sqlite_knows_the_shadows_of_a_loaded_module(make: Make) -> None:
    """A module that keeps no table leaves those alone that are called alike."""
    # The module is loaded, and not one of those that the engine knows.
    file = with_foreign_module(make, "json_each", "v_mine")
    # The newest releases load this one when it is used.
    file.query("SELECT * FROM json_each('[]')")
    file.alter(changes.AddColumn("z", "z int"), table="v_mine")


def test_check_that_names_a_database(make: Make) -> None:
    """SQLite passes over the name of a database in a CHECK, and so do the looks."""
    file = make(
        "CREATE TABLE t(a int, b int, CHECK (xyzzy.t.b > 1));"
        "INSERT INTO t VALUES (1, 2)"
    )
    file.alter(changes.SetType("b", "TEXT"))
    assert "CHECK (xyzzy.t.b > 1)" in file.sql()
    with pytest.raises(sqlite3.IntegrityError):
        file.query("INSERT INTO t VALUES (1, 0)")


def test_key_with_a_column_twice(make: Make) -> None:
    """A key may compare a column in two ways; rows that break it are told of."""
    file = make(
        "CREATE TABLE t(a text, b int, PRIMARY KEY (a COLLATE NOCASE, a));"
        "INSERT INTO t VALUES ('1', 1), ('2', 2)"
    )
    message = file.refuse(changes.SetType("a", "INTEGER", using="1"))
    assert "2 rows" in message
    file.alter(changes.SetType("b", "TEXT"))


OTHERS = (
    "CREATE TABLE t(a int, b int, CHECK (b > 1)); CREATE INDEX ix ON t(b);"
    'CREATE TABLE c(x REFERENCES t(a), y REFERENCES "t"(a));'
    "CREATE VIEW v AS SELECT t.b FROM t;"
    "CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t WHERE b = new.b; END;"
)


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (changes.RenameTable("u"), r"\bt\b", "u"),
        (changes.RenameTable("T"), r"\bt\b", "T"),
        (changes.RenameTable("two words"), r'"t"|\bt\b', '"two words"'),
        (changes.RenameColumn("b", "z"), r"\bb\b", "z"),
        (changes.RenameColumn("b", "order"), r"\bb\b", '"order"'),
    ],
)
def test_plain_names_stay_plain(
    make: Make, change: changes.Change, old: str, new: str
) -> None:
    """A new name is in quotes only where it needs them or the old one had them."""
    file = make(OTHERS)
    before = [row[0] for row in file.query("SELECT sql FROM sqlite_master")]
    file.alter(change)
    after = [row[0] for row in file.query("SELECT sql FROM sqlite_master")]
    assert after == [re.sub(old, new, sql) for sql in before]

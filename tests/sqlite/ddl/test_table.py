"""Tables: read as SQLite reads them, or refused."""

from __future__ import annotations

import pathlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings

from flask_batchmigrate.sqlite.ddl.layout import take_apart
from flask_batchmigrate.sqlite.ddl.table import Affinity
from flask_batchmigrate.sqlite.ddl.table import affinity
from flask_batchmigrate.sqlite.ddl.table import ConstraintKind
from flask_batchmigrate.sqlite.ddl.table import is_virtual_table
from flask_batchmigrate.sqlite.ddl.table import parse_column
from flask_batchmigrate.sqlite.ddl.table import parse_table
from flask_batchmigrate.sqlite.ddl.table import parse_table_constraint
from flask_batchmigrate.sqlite.ddl.tokens import tokenize
from flask_batchmigrate.sqlite.errors import SqlTextError
from tests.sqlite.ddl.corpus_files import FILES
from tests.sqlite.ddl.corpus_files import skip_unreadable
from tests.sqlite.ddl.corpus_files import statements
from tests.sqlite.ddl.text_oracle import assert_agrees
from tests.sqlite.ddl.text_oracle import memory
from tests.sqlite.ddl.text_strategies import table_statements

RANDOM = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_corpus_is_read_as_sqlite_reads_it(path: pathlib.Path) -> None:
    """Every stored table of the corpus agrees with the library's own pragmas."""
    skip_unreadable(path)
    with memory() as connection:
        for statement in statements(path):
            connection.execute(statement)
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
        assert rows
        for name, sql in rows:
            table = assert_agrees(connection, name)
            assert sql == take_apart(table).render()
            assert sql == "".join(token.text for token in tokenize(sql))


def test_corpus_is_large() -> None:
    """The corpus keeps the size that makes it worth something."""
    assert sum(1 for path in FILES for _ in statements(path)) >= 200


@RANDOM
@given(table_statements())
def test_whatever_sqlite_accepts_is_read_as_it_reads_it(sql: str) -> None:
    """Random spelling, comments and quoting: each accepted table is understood."""
    with memory() as connection:
        try:
            connection.execute(sql)
        except sqlite3.Error:
            return
        table = assert_agrees(connection, "t")
        assert table.sql == take_apart(table).render()


@RANDOM
@given(table_statements())
def test_spans_are_the_texts(sql: str) -> None:
    """Each piece stands where its span says, inside of what holds it."""
    try:
        table = parse_table(sql)
    except SqlTextError:
        return
    assert table.name == "t"
    for column in table.columns:
        assert column.text == column.span.of(sql)
        assert table.body_span.start <= column.span.start
        assert column.span.end <= table.body_span.end
    for constraint in table.all_constraints:
        assert constraint.text == constraint.span.of(sql)
        assert constraint.text.endswith(constraint.body_span.of(sql))
        if constraint.detail_span is not None:
            assert constraint.detail_span.of(sql) in constraint.text


TYPES = (
    "",
    "INT",
    "integer",
    "TINYINT",
    "UNSIGNED BIG INT",
    "CHARACTER(20)",
    "VARCHAR(255)",
    "NATIVE CHARACTER(70)",
    "CLOB",
    "text",
    "BLOB",
    "blob text",
    "REAL",
    "DOUBLE PRECISION",
    "FLOAT",
    "NUMERIC",
    "DECIMAL(10,5)",
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "CHARINT",
    "FLOATING POINT",
    "STRING",
    "JSON",
    "UUID",
    "ANY",
    "REALBLOB",
)


@pytest.mark.parametrize("declared", TYPES)
def test_affinity_is_sqlites(declared: str) -> None:
    """The affinity of a type is the one that CREATE TABLE AS takes from it."""
    by_name = {
        "": Affinity.BLOB,
        "INT": Affinity.INTEGER,
        "TEXT": Affinity.TEXT,
        "REAL": Affinity.REAL,
        "NUM": Affinity.NUMERIC,
    }
    with memory() as connection:
        connection.execute(f"CREATE TABLE t(x {declared})")
        connection.execute("CREATE TABLE u AS SELECT x FROM t")
        row = connection.execute("PRAGMA table_info(u)").fetchone()
    # A type with BLOB in it comes out as one, or as none, by release.
    assert by_name.get(row[2], Affinity.BLOB) == affinity(declared)


def test_any_has_no_affinity_in_strict_tables() -> None:
    """ANY is NUMERIC as a word, but keeps values as they are in a STRICT table."""
    assert parse_table("CREATE TABLE t(a ANY)").affinity("a") is Affinity.NUMERIC
    strict = parse_table("CREATE TABLE t(a ANY) STRICT")
    assert strict.affinity("A") is Affinity.BLOB


@pytest.mark.parametrize(
    ("sql", "alias"),
    [
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "a"),
        ("CREATE TABLE t(a integer PRIMARY KEY ASC, b)", "a"),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY DESC, b)", None),
        ("CREATE TABLE t(a INTEGER, b, PRIMARY KEY(A DESC))", "a"),
        ("CREATE TABLE t(a INTEGER, b, PRIMARY KEY((a)))", "a"),
        ("CREATE TABLE t(a INTEGER, b, PRIMARY KEY(a, b))", None),
        ("CREATE TABLE t(a INT PRIMARY KEY, b)", None),
        ("CREATE TABLE t(a INTEGER(8) PRIMARY KEY, b)", None),
        ('CREATE TABLE t(a "INTEGER" PRIMARY KEY, b)', "a"),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b) WITHOUT ROWID", None),
        ("CREATE TABLE t(a INTEGER UNIQUE, b)", None),
    ],
)
def test_rowid_alias(sql: str, alias: str | None) -> None:
    """The column that is the rowid is found, by SQLite's rules and quirks."""
    assert alias == parse_table(sql).rowid_alias
    with memory() as connection:
        connection.execute(sql)
        if "WITHOUT" in sql:
            return
        connection.execute("INSERT INTO t(rowid, b) VALUES (42, 1)")
        value = connection.execute("SELECT a FROM t").fetchone()[0]
    assert (value == 42) == (alias == "a")


@pytest.mark.parametrize(
    ("clauses", "deferred"),
    [
        ("REFERENCES p", False),
        ("REFERENCES p DEFERRABLE", False),
        ("REFERENCES p DEFERRABLE INITIALLY IMMEDIATE", False),
        ("REFERENCES p DEFERRABLE INITIALLY DEFERRED", True),
        ("REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED", False),
        ("REFERENCES p NOT NULL DEFERRABLE INITIALLY DEFERRED", True),
        ("REFERENCES p DEFERRABLE INITIALLY DEFERRED CHECK(a) NOT DEFERRABLE", False),
        ("REFERENCES p CONSTRAINT d DEFERRABLE INITIALLY DEFERRED", True),
        (", FOREIGN KEY(a) REFERENCES p DEFERRABLE INITIALLY DEFERRED", True),
        (", FOREIGN KEY(a) REFERENCES p NOT DEFERRABLE", False),
    ],
)
def test_deferred_foreign_keys(clauses: str, deferred: bool) -> None:
    """A foreign key is deferred exactly when SQLite lets a violation wait."""
    sql = f"CREATE TABLE t(a INT {clauses})"
    (key,) = parse_table(sql).of_kind(ConstraintKind.FOREIGN_KEY)
    assert key.references is not None
    assert deferred == key.references.initially_deferred
    with memory() as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("CREATE TABLE p(id INTEGER PRIMARY KEY)")
        connection.execute(sql)
        connection.execute("BEGIN")
        try:
            connection.execute("INSERT INTO t VALUES (7)")
            waited = True
        except sqlite3.IntegrityError:
            waited = False
        connection.execute("ROLLBACK")
    assert deferred == waited


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("a > 0", "a"),
        ('"A" > 0', "a"),
        ("`a` > [b]", "a b"),
        ("t.a > t.b", "a b"),
        ("abs(b) > 0", "b"),
        ("'a' = b", "b"),
        ("b COLLATE nocase", "b"),
        ("CAST(b AS a)", "b"),
        ("CAST(b AS a(1)) + a", "a b"),
        ("b /* a */ -- a\n", "b"),
        ("CASE b WHEN 1 THEN 2 END", "b"),
        ("CASE WHEN b THEN end END", "b end"),
        ("b LIKE 'x' AND like", "b like"),
        ("b NOT LIKE a", "a b"),
        ("b NOT GLOB like", "b like"),
        ("NOT like", "like"),
        ("b IN (a, 1)", "a b"),
        ("b IS NOT NULL AND a NOTNULL", "a b"),
        ("b = CURRENT_DATE", "b"),
        ("(key) > -end", "key end"),
        ("a->>'$.b'", "a"),
        ("CASE end WHEN like THEN key ELSE end END LIKE a", "end like key a"),
    ],
)
def test_mentions(expression: str, named: str) -> None:
    """Columns in expressions are found, and nothing else is taken for one.

    SQLite is the judge: without the column, a constraint that names it fails.
    """
    columns = ["a", "b", "end", "like", "key", "t"]
    check = f"CHECK ({expression})"
    table = parse_table(f"CREATE TABLE t({', '.join(columns)}, {check})")
    (constraint,) = table.constraints
    mentioned = [name for name in columns if constraint.mentions(name)]
    assert sorted(named.split()) == sorted(mentioned)
    if '"' in expression or "->>" in expression:
        return
    for name in columns:
        rest = ", ".join(column for column in columns if column != name)
        with memory() as connection:
            try:
                connection.execute(f"CREATE TABLE t({rest}, {check})")
                connection.execute("INSERT INTO t DEFAULT VALUES")
                needed = False
            except sqlite3.OperationalError:
                needed = True
            except sqlite3.IntegrityError:
                needed = False
        assert needed == (name in mentioned)


def test_unknown_column() -> None:
    """A column that is not there is a KeyError with its name."""
    table = parse_table("CREATE TABLE t(a)")
    assert table.has_column("A")
    assert not table.has_column("b")
    with pytest.raises(KeyError, match="b"):
        table.column("b")


def test_what_a_constraint_says() -> None:
    """The parts of constraints are read, whatever their order and spelling."""
    table = parse_table(
        "CREATE TABLE t(a INT CONSTRAINT [n 1] NOT NULL ON CONFLICT fail"
        " DEFAULT -5 COLLATE 'NoCase' CHECK (a > 0),"
        " b AS (a * 2) STORED, c DEFAULT (1 + 1) PRIMARY KEY DESC ON CONFLICT ABORT,"
        " CONSTRAINT u UNIQUE (a COLLATE rtrim DESC, 'b') ON CONFLICT REPLACE,"
        " FOREIGN KEY (a, b) REFERENCES [p q](x, y) ON DELETE SET NULL"
        " ON UPDATE NO ACTION MATCH full DEFERRABLE)"
    )
    a, b, c = table.columns
    not_null = a.effective(ConstraintKind.NOT_NULL)
    assert not_null is not None
    assert (not_null.name, not_null.conflict) == ("n 1", "FAIL")
    assert (a.default, a.collation, a.not_null) == ("-5", "NoCase", True)
    assert b.generated is not None
    assert (b.generated.expression, b.generated.stored) == ("a * 2", True)
    assert (c.default, c.constraints[0].expression) == ("(1 + 1)", "1 + 1")
    assert (c.constraints[1].order, c.constraints[1].conflict) == ("DESC", "ABORT")
    unique, foreign = table.constraints
    assert (unique.name, unique.columns, unique.conflict) == (
        "u",
        ("a", "b"),
        "REPLACE",
    )
    assert [(m.collation, m.order) for m in unique.terms] == [
        ("rtrim", "DESC"),
        (None, None),
    ]
    assert unique.covers(("A", "b"))
    assert not unique.covers(("a",))
    key = foreign.references
    assert key is not None
    assert (key.table, key.columns) == ("p q", ("x", "y"))
    assert (key.on_delete, key.on_update, key.match) == (
        "SET NULL",
        "NO ACTION",
        "full",
    )
    assert (key.deferrable, key.initially_deferred) == (True, False)
    assert table.sql[slice(*key.table_span)] == "[p q]"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE VIEW t AS SELECT 1",
        "CREATE TABLE t",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TABLE t()",
        "CREATE TABLE t(a,)",
        "CREATE TABLE t(a b c 1)",
        "CREATE TABLE t(a, UNIQUE(a),)",
        "CREATE TABLE t(a, UNIQUE(a), b)",
        "CREATE TABLE t(a, UNIQUE(a + 1))",
        "CREATE TABLE t(a, UNIQUE())",
        "CREATE TABLE t(a, UNIQUE(a,))",
        "CREATE TABLE t(a UNIQUE(a))",
        "CREATE TABLE t(a INT(x))",
        "CREATE TABLE t(a INT(1,2,3))",
        "CREATE TABLE t(a DEFAULT)",
        "CREATE TABLE t(a DEFAULT left)",
        "CREATE TABLE t(a DEFAULT - word)",
        "CREATE TABLE t(a DEFAULT 1 + 1)",
        "CREATE TABLE t(a CHECK a)",
        "CREATE TABLE t(a CHECK (a)",
        "CREATE TABLE t(a CHECK (a;))",
        "CREATE TABLE t(a NOT NULL ON CONFLICT PANIC)",
        "CREATE TABLE t(a REFERENCES p ON DELETE EXPLODE)",
        "CREATE TABLE t(a REFERENCES p DEFERRABLE INITIALLY LATE)",
        "CREATE TABLE t(a, UNIQUE(a)) SOMEHOW",
        "CREATE TABLE t(a INT) STRICT STRICT",
        "CREATE TABLE t(a) ; SELECT 1",
        "CREATE TABLE t(a)) STRICT",
        "CREATE TABLE t(select)",
        "",
    ],
)
def test_refuses_what_sqlite_would_not_store(sql: str) -> None:
    """A text that is not understood to its end is an error, never a guess."""
    with pytest.raises(SqlTextError):
        parse_table(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a REFERENCES p, b DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE t(a GENERATED /**/ ALWAYS AS (1), b)",
    ],
)
def test_refuses_what_an_edit_could_change_unseen(sql: str) -> None:
    """SQLite stores these, but their meaning hangs on what is around them."""
    with memory() as connection:
        connection.execute(sql)
    with pytest.raises(SqlTextError):
        parse_table(sql)


def test_virtual_tables_are_told_apart() -> None:
    """A virtual table is known for one, so that it can be left alone."""
    assert is_virtual_table("create /**/ virtual table t using fts5(a)")
    assert not is_virtual_table("CREATE TABLE virtual(a)")


@pytest.mark.parametrize(
    "sql",
    ["a INT, b INT", "a INT)", "UNIQUE (a)", "", "a INT;", "a CHECK (1"],
)
def test_one_column_and_no_more(sql: str) -> None:
    """A definition that would change more than its own column is refused."""
    with pytest.raises(SqlTextError):
        parse_column(sql)


@pytest.mark.parametrize("sql", ["UNIQUE (a), CHECK (b)", "a INT", "", "CHECK (1))"])
def test_one_constraint_and_no_more(sql: str) -> None:
    """A definition that would change more than its own constraint is refused."""
    with pytest.raises(SqlTextError):
        parse_table_constraint(sql)


def test_accepts_what_is_typed_though_not_stored() -> None:
    """IF NOT EXISTS, TEMP and a schema are read, though SQLite does not keep them."""
    table = parse_table('CREATE TEMP TABLE IF NOT EXISTS main."a b"(c);')
    assert (table.name, table.temporary) == ("a b", True)
    assert table.name_span.of(table.sql) == '"a b"'


def test_many_columns_are_read_quickly() -> None:
    """The widest table SQLite allows takes no more than a moment."""
    columns = ", ".join(f"c{i} VARCHAR(20) NOT NULL DEFAULT 'x'" for i in range(2000))
    table = parse_table(f"CREATE TABLE t({columns})")
    assert len(table.columns) == 2000
    assert table.sql == take_apart(table).render()

"""Indexes, triggers and views: their heads read as SQLite reads them."""

from __future__ import annotations

import pathlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_batchmigrate.sqlite.ddl.objects import parse_index
from flask_batchmigrate.sqlite.ddl.objects import parse_trigger
from flask_batchmigrate.sqlite.ddl.objects import parse_view
from flask_batchmigrate.sqlite.ddl.tokens import quote
from flask_batchmigrate.sqlite.ddl.tokens import same_name
from flask_batchmigrate.sqlite.ddl.tokens import upper
from flask_batchmigrate.sqlite.errors import SqlTextError
from tests.sqlite.ddl.corpus_files import FILES
from tests.sqlite.ddl.corpus_files import skip_unreadable
from tests.sqlite.ddl.corpus_files import statements
from tests.sqlite.ddl.text_oracle import memory
from tests.sqlite.ddl.text_oracle import stored
from tests.sqlite.ddl.text_strategies import COLLATIONS
from tests.sqlite.ddl.text_strategies import NAMES
from tests.sqlite.ddl.text_strategies import Speller


def assert_index_agrees(connection: sqlite3.Connection, name: str, table: str) -> None:
    """Assert that an index was read as SQLite reads it."""
    index = parse_index(stored(connection, name))
    assert index.name == name
    assert same_name(index.table, table)
    rows = connection.execute(f"PRAGMA index_list({quote(table)})").fetchall()
    (row,) = (row for row in rows if row[1] == name)
    assert (bool(row[2]), bool(row[4])) == (index.unique, index.where is not None)
    rows = connection.execute(f"PRAGMA index_xinfo({quote(name)})").fetchall()
    keys = [row for row in rows if row[5]]
    assert len(keys) == len(index.terms)
    for (_, number, column, descending, collation, _), term in zip(
        keys, index.terms, strict=True
    ):
        assert bool(descending) == (term.order == "DESC")
        if term.collation is not None:
            assert upper(collation) == upper(term.collation)
        if number >= 0:
            assert term.column is not None
            assert same_name(column, term.column)
        else:
            assert term.column is None
    columns = [term.column for term in index.terms if term.column is not None]
    assert all(map(index.mentions, columns))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_corpus(path: pathlib.Path) -> None:
    """Each index, trigger and view of the corpus stands on what SQLite says."""
    skip_unreadable(path)
    with memory() as connection:
        for statement in statements(path):
            connection.execute(statement)
        rows = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
        for kind, name, table, sql in rows:
            if kind == "index":
                assert_index_agrees(connection, name, table)
            elif kind == "trigger":
                trigger = parse_trigger(sql)
                assert trigger.name == name
                assert same_name(trigger.table, table)
                assert trigger.body[-1].keyword == "END"
            elif kind == "view":
                view = parse_view(sql)
                assert view.name == name
                if view.columns is not None:
                    description = connection.execute(
                        f"PRAGMA table_info({quote(name)})"
                    ).fetchall()
                    assert list(view.columns) == [row[1] for row in description]


@st.composite
def index_statements(draw: st.DrawFn) -> str:
    """A CREATE INDEX on table t, which has all the names as columns."""
    speller = Speller(draw, NAMES)
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        term = speller.name()
        if speller.chance(4):
            term = f"({speller.expression()})"
        elif speller.chance(4):
            term = f"(({term}))"
        if speller.chance(4):
            term += f" {speller.words('COLLATE')} {speller.pick(COLLATIONS)}"
        terms.append(term + speller.pick(("", " ASC", " desc")))
    unique = speller.pick(("", "UNIQUE "))
    comma = f"{speller.space()},{speller.space()}"
    where = ""
    if speller.chance(3):
        where = f"{speller.words('WHERE')} {speller.expression()}{speller.space()}"
    head = speller.words(f"CREATE {unique}INDEX")
    on = speller.words("ON")
    table = speller.pick(("t", '"t"', "[T]", "'t'"))
    name = speller.name()
    return f"{head} {name} {on} {table}({comma.join(terms)}){speller.space()}{where}"


@given(index_statements())
def test_whatever_index_sqlite_accepts_is_read_as_it_reads_it(sql: str) -> None:
    """Random spelling, comments and quoting: each accepted index is understood."""
    columns = ", ".join(map(quote, NAMES))
    with memory() as connection:
        connection.execute(f"CREATE TABLE t({columns})")
        try:
            connection.execute(sql)
        except sqlite3.Error:
            return
        name = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index'"
        ).fetchone()[0]
        assert_index_agrees(connection, name, "t")


def test_index_mentions() -> None:
    """An index mentions the columns of its terms and of its condition."""
    index = parse_index(
        "CREATE INDEX i ON t(a, lower(b) COLLATE c, 'd', \"E\" DESC) WHERE f > g(h)"
    )
    mentioned = [name for name in "abcdefghit" if index.mentions(name)]
    assert list("abdefh") == mentioned
    assert index.where == "f > g(h)"
    assert [term.column for term in index.terms] == ["a", None, "d", "E"]
    assert index.sql[slice(*index.table_span)] == "t"


@pytest.mark.parametrize(
    ("head", "timing", "event", "columns"),
    [
        ("DELETE", "BEFORE", "DELETE", ()),
        ("AFTER INSERT", "AFTER", "INSERT", ()),
        ("BEFORE UPDATE", "BEFORE", "UPDATE", ()),
        ("AFTER UPDATE OF a, \"b c\", 'd'", "AFTER", "UPDATE", ("a", "b c", "d")),
        ("/* - */ instead -- x\n of update of [a]", "INSTEAD OF", "UPDATE", ("a",)),
    ],
)
def test_trigger_head(
    head: str, timing: str, event: str, columns: tuple[str, ...]
) -> None:
    """When a trigger fires is read from its head."""
    trigger = parse_trigger(
        f"CREATE TRIGGER before {head} ON [t 1] FOR EACH ROW"
        " WHEN new.x BEGIN UPDATE 'log' SET y = 'text'; END"
    )
    assert (trigger.name, trigger.table) == ("before", "t 1")
    assert (trigger.timing, trigger.event) == (timing, event)
    assert trigger.update_of == columns
    assert {"X", "Y", "LOG"} <= trigger.names
    assert "TEXT" not in trigger.names


def test_view() -> None:
    """A view's own columns and all names of its SELECT are known."""
    view = parse_view("CREATE VIEW [v](a, 'b c') AS SELECT x, 'y' FROM 'T' -- z")
    assert (view.name, view.columns) == ("v", ("a", "b c"))
    assert view.names & set("AXYZT") == {"X", "T"}
    assert parse_view("CREATE VIEW v AS VALUES (1)").columns is None


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a)",
        "CREATE INDEX i ON t",
        "CREATE INDEX i ON t()",
        "CREATE INDEX i ON t(a,)",
        "CREATE INDEX i ON t(a) WHERE",
        "CREATE INDEX i ON t(a) b",
        "CREATE INDEX ON t(a)",
        "CREATE INDEX i ON t(a) WHERE 'x",
    ],
)
def test_refused_indexes(sql: str) -> None:
    """What is no index to its end is an error."""
    with pytest.raises(SqlTextError):
        parse_index(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER SELECT ON t BEGIN END",
        "CREATE TRIGGER t AFTER INSERT t BEGIN END",
        "CREATE TRIGGER t INSERT ON t FOR EACH STATEMENT BEGIN END",
    ],
)
def test_refused_triggers(sql: str) -> None:
    """What is no trigger is an error."""
    with pytest.raises(SqlTextError):
        parse_trigger(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a)",
        "CREATE VIEW v",
        "CREATE VIEW v AS DELETE FROM t",
        "CREATE VIEW v(a b) AS SELECT 1",
        "CREATE VIEW v(a,) AS SELECT 1",
    ],
)
def test_refused_views(sql: str) -> None:
    """What is no view is an error."""
    with pytest.raises(SqlTextError):
        parse_view(sql)

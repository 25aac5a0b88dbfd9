"""Edits: one change, and every other byte as it was. SQLite is the judge."""

from __future__ import annotations

import collections
import sqlite3
import typing as t

import pytest
from hypothesis import assume
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import reject
from hypothesis import settings
from hypothesis import strategies as st

from flask_batchmigrate.sqlite.ddl import edits
from flask_batchmigrate.sqlite.ddl.constraints import ConstraintKind
from flask_batchmigrate.sqlite.ddl.constraints import ConstraintText
from flask_batchmigrate.sqlite.ddl.table import parse_table
from flask_batchmigrate.sqlite.ddl.table import TableText
from flask_batchmigrate.sqlite.ddl.tokens import Kind
from flask_batchmigrate.sqlite.ddl.tokens import same_name
from flask_batchmigrate.sqlite.ddl.tokens import significant
from flask_batchmigrate.sqlite.ddl.tokens import tokenize
from flask_batchmigrate.sqlite.errors import SqlTextError
from tests.sqlite.ddl.text_oracle import accepts
from tests.sqlite.ddl.text_oracle import assert_agrees
from tests.sqlite.ddl.text_oracle import automatic_indexes_of
from tests.sqlite.ddl.text_oracle import columns_of
from tests.sqlite.ddl.text_oracle import expected_automatic_indexes
from tests.sqlite.ddl.text_oracle import forbids_null
from tests.sqlite.ddl.text_oracle import foreign_keys_of
from tests.sqlite.ddl.text_oracle import memory
from tests.sqlite.ddl.text_strategies import table_statements

RANDOM = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TABLES = table_statements().filter(accepts).map(parse_table)


class Seen(t.NamedTuple):
    """What SQLite says of a table."""

    columns: list[tuple[t.Any, ...]]
    foreign_keys: list[tuple[t.Any, ...]]
    automatic_indexes: list[tuple[t.Any, ...]]

    def column(self, name: str) -> tuple[t.Any, ...]:
        (found,) = (row for row in self.columns if row[0] == name)
        return found

    def without(self, name: str) -> list[tuple[t.Any, ...]]:
        return [row for row in self.columns if row[0] != name]


def seen(sql: str) -> Seen:
    """Run a statement, make sure it is read as SQLite reads it, and look at it."""
    with memory() as connection:
        connection.execute(sql)
        name = parse_table(sql).name
        assert_agrees(connection, name)
        return Seen(
            columns_of(connection, name),
            foreign_keys_of(connection, name),
            automatic_indexes_of(connection, name),
        )


def comments(table: TableText) -> collections.Counter[str]:
    """The comments of a statement, how often each occurs."""
    return collections.Counter(
        token.text for token in table.tokens if token.kind is Kind.COMMENT
    )


Row = tuple[str | None, str | None, str]


def bodies(table: TableText, *skipped: ConstraintKind) -> list[Row]:
    """Each constraint that is one: its column, name and text without the name.

    A DEFERRABLE that stands apart is part of its foreign key: it moves next to it when
    what stood between goes.
    """
    rows: list[Row] = []
    last_key = 0
    for constraint in table.all_constraints:
        text = constraint.body_span.of(table.sql)
        if constraint.kind is ConstraintKind.DEFERRABLE:
            column, name, key = rows[last_key]
            rows[last_key] = (column, name, f"{key} {_plain(text)}")
        elif _counts(constraint) and constraint.kind not in skipped:
            if constraint.kind is ConstraintKind.FOREIGN_KEY:
                last_key = len(rows)
                text = _plain(text)
            rows.append((constraint.column, constraint.name, text))
    return rows


def _plain(text: str) -> str:
    return " ".join(token.text for token in significant(tokenize(text)))


def _counts(constraint: ConstraintText) -> bool:
    uncounted = (ConstraintKind.NAME_ONLY, ConstraintKind.DEFERRABLE)
    return constraint.kind not in uncounted


def counted(table: TableText) -> list[ConstraintText]:
    """The constraints that :func:`bodies` lists, in the same order."""
    return [c for c in table.all_constraints if _counts(c)]


def assert_only(before: TableText, sql: str, *columns: str) -> TableText:
    """Assert that an edit left all but these columns byte for byte as they were."""
    after = parse_table(sql)
    for name in (column.name for column in before.columns):
        if name not in columns and after.has_column(name):
            assert before.column(name).text == after.column(name).text
    kept = [c.name for c in before.columns if c.name not in columns]
    assert sorted(kept) == sorted(c.name for c in after.columns if c.name in kept)
    assert before.sql[: before.body_span.start] == sql[: after.body_span.start]
    assert before.sql[before.body_span.end :] == sql[after.body_span.end :]
    return after


def assume_one_answer(sql: str) -> None:
    """Look for another example where two keys of two ON CONFLICT clauses became one.

    SQLite refuses that, and nothing else.
    """
    with memory() as connection:
        try:
            connection.execute(sql)
        except sqlite3.OperationalError as error:
            assert "conflicting ON CONFLICT clauses" in str(error)
            reject()


def _any_column(data: st.DataObject, table: TableText) -> str:
    return data.draw(st.sampled_from([c.name for c in table.columns]))


# -- columns ------------------------------------------------------------------------


@RANDOM
@given(TABLES, st.data())
def test_add_column_anywhere(table: TableText, data: st.DataObject) -> None:
    """A column comes in at its place; nothing else moves, no comment is lost."""
    place = _any_column(data, table)
    side = data.draw(st.sampled_from(("before", "after", "end")))
    index = len(table.columns)
    if side == "end":
        sql = edits.add_column(table, "added TEXT DEFAULT 'x,'")
    elif side == "before":
        sql = edits.add_column(table, "added TEXT DEFAULT 'x,'", before=place)
        index = table.columns.index(table.column(place))
    else:
        sql = edits.add_column(table, "added TEXT DEFAULT 'x,'", after=place)
        index = table.columns.index(table.column(place)) + 1
    after = assert_only(table, sql)
    assert [c.text for c in table.constraints] == [c.text for c in after.constraints]
    assert comments(table) == comments(after)
    old, new = seen(table.sql), seen(sql)
    old.columns.insert(index, ("added", "TEXT", False, "'x,'", 0, 0))
    assert old == new


@RANDOM
@given(TABLES, st.data())
def test_drop_column(table: TableText, data: st.DataObject) -> None:
    """A column goes with its own clauses, and only it."""
    assume(len(table.columns) > 1)
    name = _any_column(data, table)
    others = [c for c in table.columns if not same_name(c.name, name)]
    assume(not any(k.mentions(name) for c in others for k in c.constraints))
    assume(not all(c.generated for c in others))
    while any(c.mentions(name) for c in table.constraints):
        constraint = next(c for c in table.constraints if c.mentions(name))
        table = parse_table(edits.drop_constraint(table, constraint))
    old = [row for row in columns_if_legal(table) if not same_name(row[0], name)]
    assume(not table.without_rowid or name not in table.primary_key)
    sql = edits.drop_column(table, name)
    after = assert_only(table, sql, table.column(name).name)
    assert [c.text for c in table.constraints] == [c.text for c in after.constraints]
    assert old == seen(sql).columns


def columns_if_legal(table: TableText) -> list[tuple[t.Any, ...]]:
    """The columns as SQLite sees them; without its key a table may be no longer."""
    assume(accepts(table.sql))
    return seen(table.sql).columns


@RANDOM
@given(TABLES, st.data())
def test_replace_column(table: TableText, data: st.DataObject) -> None:
    """A column is written anew where it stood, and the comments around it stay."""
    name = _any_column(data, table)
    own = table.column(name)
    sql = edits.replace_column(table, name, f"{own.text} NOT NULL CHECK(1)")
    after = assert_only(table, sql, own.name)
    assert comments(table) == comments(after)
    assert after.column(name).text == f"{own.text} NOT NULL CHECK(1)"
    assert accepts(sql)


@RANDOM
@given(TABLES, st.data())
def test_reorder(table: TableText, data: st.DataObject) -> None:
    """Columns change places with their comments, and keep every byte of their text."""
    order = data.draw(st.permutations([c.name for c in table.columns]))
    sql = edits.reorder(table, order)
    after = assert_only(table, sql)
    assert order == [c.name for c in after.columns]
    assert [c.text for c in table.constraints] == [c.text for c in after.constraints]
    assert comments(table) == comments(after)
    old, new = seen(table.sql), seen(sql)
    assert sorted(old.columns, key=repr) == sorted(new.columns, key=repr)


# -- clauses of a column ------------------------------------------------------------


@RANDOM
@given(TABLES, st.data(), st.sampled_from(("", "INT", "VARCHAR(7)", "x y (+1,-2)")))
def test_set_type(table: TableText, data: st.DataObject, declared: str) -> None:
    """Only the type of that column changes."""
    name = _any_column(data, table)
    assume(not (table.autoincrement and name in table.primary_key))
    sql = edits.set_type(table, name, declared)
    after = assert_only(table, sql, name)
    assert bodies(table) == bodies(after)
    # What was the rowid gets an index, which another key may have already.
    assume_one_answer(sql)
    old, new = seen(table.sql), seen(sql)
    assert old.without(name) == new.without(name)
    changed = list(old.column(name))
    changed[1] = declared.upper()
    assert changed == list(new.column(name))


@RANDOM
@given(TABLES, st.data(), st.sampled_from((None, "5", "- 5", "'x)'", "1 + 1", "now()")))
def test_set_default(table: TableText, data: st.DataObject, value: str | None) -> None:
    """Only the default of that column changes; an expression gets its parentheses."""
    name = _any_column(data, table)
    assume(table.column(name).generated is None)
    sql = edits.set_default(table, name, value)
    after = assert_only(table, sql, name)
    default = ConstraintKind.DEFAULT
    assert bodies(table, default) == bodies(after, default)
    if value is None:
        assert after.column(name).of_kind(default) == ()
    old, new = seen(table.sql), seen(sql)
    assert old.without(name) == new.without(name)
    changed = list(old.column(name))
    changed[3] = value
    assert changed == list(new.column(name))


@RANDOM
@given(TABLES, st.data(), st.booleans())
def test_set_not_null(table: TableText, data: st.DataObject, flag: bool) -> None:
    """Only whether that column takes NULL changes."""
    name = _any_column(data, table)
    sql = edits.set_not_null(table, name, flag)
    after = assert_only(table, sql, name)
    assert flag == after.column(name).not_null
    skipped = (ConstraintKind.NOT_NULL, ConstraintKind.NULL)
    assert bodies(table, *skipped) == bodies(after, *skipped)
    old, new = seen(table.sql), seen(sql)
    assert old.without(name) == new.without(name)
    changed = list(old.column(name))
    changed[2] = forbids_null(after, after.column(name))
    assert changed == list(new.column(name))


@RANDOM
@given(TABLES, st.data(), st.sampled_from((None, "NOCASE", "rtrim")))
def test_set_collation(
    table: TableText, data: st.DataObject, collation: str | None
) -> None:
    """Only the collation of that column changes, and so that of its keys."""
    name = _any_column(data, table)
    sql = edits.set_collation(table, name, collation)
    assume_one_answer(sql)
    after = assert_only(table, sql, name)
    assert collation == after.column(name).collation
    kind = ConstraintKind.COLLATE
    assert bodies(table, kind) == bodies(after, kind)
    assert seen(table.sql).columns == seen(sql).columns


@RANDOM
@given(TABLES, st.data(), st.sampled_from((None, "1 + ')'")), st.booleans())
def test_set_generated(
    table: TableText, data: st.DataObject, expression: str | None, stored: bool
) -> None:
    """A column becomes generated, another one, or a plain one; no other does."""
    name = _any_column(data, table)
    sql = edits.set_generated(table, name, expression, stored=stored)
    after = assert_only(table, sql, name)
    kind = ConstraintKind.GENERATED
    assert bodies(table, kind) == bodies(after, kind)
    generated = after.column(name).generated
    assert (generated and generated.expression) == expression
    assume(accepts(sql))
    hidden = 0 if expression is None else 3 if stored else 2
    old, new = seen(table.sql), seen(sql)
    assert hidden == new.column(name)[5]
    assert old.without(name) == new.without(name)


# -- constraints --------------------------------------------------------------------

NEW_CONSTRAINTS = (
    "CONSTRAINT added CHECK (1 > ')')",
    'FOREIGN KEY ("{}") REFERENCES other (id) ON DELETE CASCADE',
    'CONSTRAINT "ad ded" UNIQUE ("{}" COLLATE fresh)',
)


@RANDOM
@given(TABLES, st.data(), st.sampled_from(NEW_CONSTRAINTS))
def test_add_constraint(table: TableText, data: st.DataObject, text: str) -> None:
    """A constraint comes in behind all others, which keep their names and texts."""
    definition = text.format(_any_column(data, table).replace('"', '""'))
    sql = edits.add_constraint(table, definition.replace("fresh", "LOCALIZED"))
    after = assert_only(table, sql)
    assert [c.text for c in table.constraints] == [
        c.text for c in after.constraints[:-1]
    ]
    assert after.constraints[-1].text == definition.replace("fresh", "LOCALIZED")
    assert comments(table) == comments(after)
    old, new = seen(table.sql), seen(sql)
    assert old.columns == new.columns
    added = 1 if "FOREIGN" in text else 0
    assert len(old.foreign_keys) + added == len(new.foreign_keys)


@RANDOM
@given(TABLES, st.data())
def test_drop_constraint(table: TableText, data: st.DataObject) -> None:
    """One constraint goes, its DEFERRABLE with it; no other changes its name."""
    assume(table.all_constraints)
    gone = data.draw(st.sampled_from(table.all_constraints))
    sql = edits.drop_constraint(table, gone)
    after = assert_only(table, sql, gone.column or "")
    if gone.kind is not ConstraintKind.DEFERRABLE:
        expected = bodies(table)
        if _counts(gone):
            places = [c.span for c in counted(table)]
            del expected[places.index(gone.span)]
        assert expected == bodies(after)
    needed = (ConstraintKind.PRIMARY_KEY, ConstraintKind.GENERATED)
    if gone.kind not in needed:
        assume_one_answer(sql)
    if accepts(sql):
        seen(sql)


@RANDOM
@given(TABLES, st.data(), st.sampled_from((None, "new", "ne w", "check")))
def test_rename_constraint(
    table: TableText, data: st.DataObject, new: str | None
) -> None:
    """One constraint gets another name; every other keeps its own."""
    named = counted(table)
    assume(named)
    chosen = data.draw(st.sampled_from(named))
    sql = edits.rename_constraint(table, chosen, new)
    after = assert_only(table, sql, chosen.column or "")
    place = [c.span for c in named].index(chosen.span)
    expected = bodies(table)
    expected[place] = (chosen.column, new, expected[place][2])
    assert expected == bodies(after)
    assert seen(table.sql) == seen(sql)


# -- the table ----------------------------------------------------------------------


@RANDOM
@given(TABLES, st.booleans())
def test_without_rowid(table: TableText, flag: bool) -> None:
    """The option comes or goes, and the rest of the statement is what it was."""
    assume(not flag or (table.primary_key and not table.autoincrement))
    sql = edits.set_options(table, without_rowid=flag)
    after = parse_table(sql)
    assert flag == after.without_rowid
    assert table.columns == after.columns
    assert table.constraints == after.constraints
    assert comments(table) == comments(after)
    assume_one_answer(sql)
    seen(sql)


@RANDOM
@given(TABLES, st.sampled_from(("copy", "co py", 'a"b', "select")))
def test_set_name(table: TableText, name: str) -> None:
    """Only the name of the table changes."""
    sql = edits.set_name(table, name)
    after = parse_table(sql)
    assert name == after.name
    assert table.body_span.of(table.sql) == after.body_span.of(sql)
    assert seen(table.sql) == seen(sql)


@RANDOM
@given(TABLES)
def test_relaxed_stores_the_same(table: TableText) -> None:
    """The relaxed copy takes every row the table has, by SQLite's own judgement.

    SQLite moves whole records from one table to another only where they mean the same
    in both.
    """
    sql = edits.relaxed(table, "relaxed copy")
    after = parse_table(sql)
    unwanted = (ConstraintKind.CHECK, ConstraintKind.FOREIGN_KEY)
    assert not after.of_kind(ConstraintKind.NOT_NULL, *unwanted)
    assert table.rowid_alias == after.rowid_alias
    assert expected_automatic_indexes(table) == expected_automatic_indexes(after)
    seen(sql)
    if any(column.generated for column in table.columns):
        return
    with memory() as connection:
        connection.execute(table.sql)
        connection.execute(sql)
        program = connection.execute(
            'EXPLAIN INSERT INTO "relaxed copy" SELECT * FROM t'
        ).fetchall()
    assert {row[1] for row in program} & {"RowCell", "RowData"}


# -- by hand ------------------------------------------------------------------------

NOTES = """CREATE TABLE t ( -- the table
    id INTEGER NOT NULL, -- key
    -- about name
    name TEXT CONSTRAINT nn NOT NULL, /* after */
    ref INT REFERENCES p(id) NOT NULL DEFERRABLE INITIALLY DEFERRED -- r
    -- end
)"""


def drop_from(table: TableText, column: str) -> str:
    """Drop the first constraint that is written on a column."""
    return edits.drop_constraint(table, table.column(column).constraints[0])


NATIVE = "CREATE TABLE t (\n\tid INTEGER, \n\ta TEXT, b INT -- x\n, c INT)"
COMMAS_FIRST = "CREATE TABLE t(\n  a INT -- a\n, b INT -- b\n, c INT -- c\n)"


@pytest.mark.parametrize(
    ("sql", "change", "expected"),
    [
        (
            NOTES,
            lambda table: edits.drop_column(table, "name"),
            """CREATE TABLE t ( -- the table
    id INTEGER NOT NULL, -- key
    ref INT REFERENCES p(id) NOT NULL DEFERRABLE INITIALLY DEFERRED -- r
    -- end
)""",
        ),
        (
            NOTES,
            lambda table: edits.drop_column(table, "ref"),
            """CREATE TABLE t ( -- the table
    id INTEGER NOT NULL, -- key
    -- about name
    name TEXT CONSTRAINT nn NOT NULL /* after */
    -- end
)""",
        ),
        (
            NOTES,
            lambda table: edits.reorder(table, ["ref", "name", "id"]),
            """CREATE TABLE t ( -- the table
    ref INT REFERENCES p(id) NOT NULL DEFERRABLE INITIALLY DEFERRED, -- r
    -- about name
    name TEXT CONSTRAINT nn NOT NULL, /* after */
    id INTEGER NOT NULL -- key
    -- end
)""",
        ),
        (
            NOTES,
            lambda table: edits.add_column(table, "z INT"),
            NOTES.replace("DEFERRED -- r", "DEFERRED, -- r\n    z INT"),
        ),
        (
            NOTES,
            lambda table: drop_from(table, "ref"),
            NOTES.replace(" REFERENCES p(id)", "").replace(
                " DEFERRABLE INITIALLY DEFERRED", ""
            ),
        ),
        (
            NOTES,
            lambda table: edits.set_not_null(table, "name", False),
            NOTES.replace(" CONSTRAINT nn NOT NULL", ""),
        ),
        (
            NATIVE,
            lambda table: edits.drop_column(table, "c"),
            "CREATE TABLE t (\n\tid INTEGER, \n\ta TEXT, b INT -- x\n)",
        ),
        (
            COMMAS_FIRST,
            lambda table: edits.add_column(table, "d INT"),
            COMMAS_FIRST.replace("-- c\n", "-- c\n, d INT\n"),
        ),
        (
            COMMAS_FIRST,
            lambda table: edits.drop_column(table, "b"),
            "CREATE TABLE t(\n  a INT -- a\n, c INT -- c\n)",
        ),
        (
            COMMAS_FIRST,
            lambda table: edits.drop_column(table, "a"),
            "CREATE TABLE t(\n  b INT -- b\n, c INT -- c\n)",
        ),
        (
            COMMAS_FIRST,
            lambda table: edits.reorder(table, ["c", "b", "a"]),
            "CREATE TABLE t(\n  c INT -- c\n, b INT -- b\n, a INT -- a\n)",
        ),
        (
            "CREATE TABLE t(a, b, CHECK(a))",
            lambda table: edits.add_column(table, "c"),
            "CREATE TABLE t(a, b, c, CHECK(a))",
        ),
        (
            "CREATE TABLE t(a)",
            lambda table: edits.add_column(table, "b", before="a"),
            "CREATE TABLE t(b, a)",
        ),
        (
            "CREATE TABLE t(\n  a\n)",
            lambda table: edits.add_constraint(table, "UNIQUE (a)"),
            "CREATE TABLE t(\n  a,\n  UNIQUE (a)\n)",
        ),
        (
            "CREATE TABLE t(a, CONSTRAINT x CONSTRAINT y UNIQUE(a) CHECK(a))",
            lambda table: edits.drop_constraint(table, table.constraints[1]),
            "CREATE TABLE t(a, CONSTRAINT x, CHECK(a))",
        ),
        (
            "CREATE TABLE t(a CONSTRAINT x CONSTRAINT y NOT NULL CHECK(a))",
            lambda table: edits.set_not_null(table, "a", False),
            "CREATE TABLE t(a CHECK(a))",
        ),
        (
            "CREATE TABLE t(a INT CONSTRAINT x)",
            lambda table: edits.set_not_null(table, "a", True),
            "CREATE TABLE t(a INT NOT NULL CONSTRAINT x)",
        ),
        (
            "CREATE TABLE t(a INT -- why\n NOT NULL)",
            lambda table: edits.set_not_null(table, "a", False),
            "CREATE TABLE t(a INT -- why\n)",
        ),
        (
            "CREATE TABLE t(a CHECK(a)NOT NULL)",
            lambda table: drop_from(table, "a"),
            "CREATE TABLE t(a NOT NULL)",
        ),
        (
            "CREATE TABLE t(a DEFAULT(1)NOT NULL)",
            lambda table: edits.set_default(table, "a", "5"),
            "CREATE TABLE t(a DEFAULT 5 NOT NULL)",
        ),
        (
            "CREATE TABLE t([a]NOT NULL)",
            lambda table: edits.set_type(table, "a", "INT"),
            "CREATE TABLE t([a] INT NOT NULL)",
        ),
        (
            "CREATE TABLE t(a INT) STRICT /* s */, WITHOUT ROWID -- w",
            lambda table: edits.set_options(table, strict=False),
            "CREATE TABLE t(a INT) /* s */ WITHOUT ROWID -- w",
        ),
        (
            "CREATE TABLE t(a INT)",
            lambda table: edits.set_options(table, strict=True, without_rowid=True),
            "CREATE TABLE t(a INT) STRICT, WITHOUT ROWID",
        ),
        (
            "CREATE TABLE t(a INT)WITHOUT ROWID -- w",
            lambda table: edits.set_options(table, without_rowid=False),
            "CREATE TABLE t(a INT) -- w",
        ),
        (
            "CREATE TABLE t(a INT)WITHOUT ROWID /* w",
            lambda table: edits.set_options(table, strict=True),
            "CREATE TABLE t(a INT)WITHOUT ROWID, STRICT /* w",
        ),
    ],
)
def test_layout_is_followed(
    sql: str, change: t.Callable[[TableText], str], expected: str
) -> None:
    """What is added or moved is spaced like the rest, and comments stay in place."""
    assert expected == change(parse_table(sql))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "5"),
        (" -5 ", "-5"),
        ("'it''s'", "'it''s'"),
        ("NULL", "NULL"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("true", "true"),
        ("(1 + 1)", "(1 + 1)"),
        ("1 + 1", "(1 + 1)"),
        ("'a' || 'b'", "('a' || 'b')"),
        ("datetime('now')", "(datetime('now'))"),
        ("(1) + (2)", "((1) + (2))"),
    ],
)
def test_default_value(text: str, expected: str) -> None:
    """Expressions get the parentheses that SQLite asks for, literals none."""
    assert expected == edits.default_value(text)
    assert accepts(f"CREATE TABLE t(a DEFAULT {expected})")


@pytest.mark.parametrize("text", ["", " ", "1)", "(1", "1; 2", "'x", "1 -- x"])
def test_default_value_refuses_the_rest(text: str) -> None:
    """What could reach beyond the default is an error."""
    with pytest.raises(SqlTextError):
        edits.default_value(text)


REFUSED: tuple[t.Callable[[TableText], str], ...] = (
    lambda table: edits.add_column(table, "x INT, y INT"),
    lambda table: edits.add_column(table, "UNIQUE (a)"),
    lambda table: edits.add_constraint(table, "x INT"),
    lambda table: edits.add_constraint(table, "CONSTRAINT x"),
    lambda table: edits.add_constraint(table, "CHECK (1), CHECK (2)"),
    lambda table: edits.set_type(table, "a", "INT NOT NULL"),
    lambda table: edits.set_type(table, "a", "INT, c"),
    lambda table: edits.set_type(table, "a", "GENERATED ALWAYS"),
    lambda table: edits.set_generated(table, "a", "1) CHECK (2"),
    lambda table: edits.set_generated(table, "a", "1 -- x"),
    lambda table: edits.replace_column(table, "a", "a INT) STRICT"),
    lambda table: edits.drop_column(parse_table("CREATE TABLE t(a)"), "a"),
)


@pytest.mark.parametrize("change", REFUSED)
def test_refuses_more_than_one_change(change: t.Callable[[TableText], str]) -> None:
    """A definition that would reach beyond its place is an error."""
    with pytest.raises(SqlTextError):
        change(parse_table("CREATE TABLE t(a, b)"))


UNKNOWN: tuple[t.Callable[[TableText], str], ...] = (
    lambda table: edits.add_column(table, "x", before="none"),
    lambda table: edits.add_column(table, "x", after="none"),
    lambda table: edits.drop_column(table, "none"),
    lambda table: edits.set_default(table, "none", "1"),
    lambda table: edits.reorder(table, ["a"]),
    lambda table: edits.reorder(table, ["a", "b", "a"]),
    lambda table: edits.reorder(table, ["a", "none"]),
    lambda table: edits.drop_constraint(
        table, parse_table("CREATE TABLE t(a, b, UNIQUE (b))").constraints[0]
    ),
)


@pytest.mark.parametrize("change", UNKNOWN)
def test_unknown_names(change: t.Callable[[TableText], str]) -> None:
    """What the table does not have cannot be changed."""
    with pytest.raises(KeyError):
        change(parse_table("CREATE TABLE t(a, b, UNIQUE (a))"))


def test_equal_constraints_are_told_apart() -> None:
    """Of two constraints with the same text, the one that is meant goes."""
    table = parse_table("CREATE TABLE t(a CHECK(a) /* 1 */ CHECK(a) /* 2 */)")
    sql = edits.drop_constraint(table, table.column("a").constraints[1])
    assert sql == "CREATE TABLE t(a CHECK(a) /* 1 */ /* 2 */)"


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 37), reason="needs SQLite 3.37 for STRICT"
)
def test_strict_tables() -> None:
    """STRICT comes and goes beside WITHOUT ROWID, and SQLite agrees."""
    table = parse_table("CREATE TABLE t(a INT PRIMARY KEY, b ANY) WITHOUT ROWID")
    sql = edits.set_options(table, strict=True)
    seen(sql)
    assert table.sql == edits.set_options(parse_table(sql), strict=False)
    assert parse_table(edits.relaxed(parse_table(sql), "u")).strict

"""The arguments of ``batch_alter_table`` mean what Alembic's manual says.

See https://alembic.sqlalchemy.org/en/latest/ops.html and
https://alembic.sqlalchemy.org/en/latest/batch.html.
"""

from __future__ import annotations

import pathlib
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import BatchOperations
from alembic.operations import Operations

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase

TABLE = (
    "CREATE TABLE t (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  a TEXT COLLATE NOCASE,\n"
    "  b INTEGER CHECK (b IN (0, 1)),\n"
    "  c TEXT DEFAULT 'c' -- the c\n"
    ");"
    "CREATE INDEX i ON t (a);"
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET c = 'fired'; END;"
    "INSERT INTO t (id, a, b) VALUES (3, 'x', 1), (5, 'y', 0);"
)


def alter(
    db: Database,
    *calls: t.Callable[[BatchOperations], object],
    **arguments: t.Any,
) -> None:
    """Run one batch block on the table ``t``."""
    db.run(lambda op: block(op, calls, arguments))


def block(op: Operations, calls: t.Any, arguments: dict[str, t.Any]) -> None:
    with op.batch_alter_table("t", **arguments) as batch:
        for call in calls:
            call(batch)


def root_page(db: Database) -> int:
    ((page,),) = db.query("SELECT rootpage FROM sqlite_master WHERE name = 't'")
    return int(page)


def columns(db: Database) -> list[str]:
    return [row[0] for row in db.query("SELECT name FROM pragma_table_xinfo('t')")]


def test_recreate_always_writes_the_rows_anew(database: MakeDatabase) -> None:
    """The table is another one afterwards, and the same."""
    db = database(TABLE)
    page, text, rows = root_page(db), db.sql(), db.query("SELECT rowid, * FROM t")
    alter(db, recreate="always")
    assert root_page(db) != page
    assert db.sql() == text
    assert db.query("SELECT rowid, * FROM t") == rows


def test_recreate_never_allows_what_needs_no_copy(database: MakeDatabase) -> None:
    """What is done in place is allowed, a copy is refused with the reason."""
    db = database(TABLE)
    page = root_page(db)
    alter(
        db,
        lambda b: b.alter_column("a", nullable=False),
        lambda b: b.add_column(sa.Column("d", sa.Text())),
        recreate="never",
    )
    assert root_page(db) == page
    assert db.query(
        "SELECT [notnull] FROM pragma_table_info('t') WHERE name = 'a'"
    ) == [(1,)]
    message = db.refuse(
        lambda op: block(
            op,
            [lambda b: b.create_primary_key("pk_t", ["a"])],
            {"recreate": "never"},
        )
    )
    assert "never" in message


def test_an_empty_block_does_nothing(database: MakeDatabase) -> None:
    """A block without operations does not touch the table."""
    db = database(TABLE)
    content = db.path.read_bytes()
    alter(db)
    assert db.path.read_bytes() == content


def test_copy_from_replaces_the_definition(database: MakeDatabase) -> None:
    """What the described table leaves out is dropped; the rest keeps its values."""
    db = database(TABLE)
    described = sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("a", sa.String(10), nullable=False),
        sa.Column("c", sa.Text(), server_default="other"),
        sa.Index("described", "c"),
    )

    def block(b: BatchOperations) -> None:
        b.add_column(sa.Column("d", sa.Integer()))
        b.drop_column("b")

    alter(db, block, copy_from=described)
    assert columns(db) == ["id", "a", "c", "d"]
    assert "NOCASE" not in db.sql()
    assert db.query("SELECT id, a, c, d FROM t") == [
        (3, "x", "fired", None),
        (5, "y", "fired", None),
    ]
    indexes = db.query("SELECT name FROM sqlite_master WHERE type = 'index'")
    assert indexes == [("described",)]
    db.query("INSERT INTO t (a) VALUES ('new')")
    assert db.query("SELECT DISTINCT c FROM t") == [("fired",)]


def test_reflect_args_replace_a_column(database: MakeDatabase) -> None:
    """A described Boolean without a constraint drops the column's CHECK."""
    db = database(TABLE)
    alter(
        db,
        lambda b: b.alter_column("c", server_default="d"),
        reflect_args=[sa.Column("b", sa.Boolean(create_constraint=False))],
    )
    assert db.line("BOOLEAN") == "b BOOLEAN"
    assert "CHECK" not in db.sql()
    assert "COLLATE NOCASE" in db.sql()
    assert db.query("SELECT b FROM t ORDER BY id") == [(1,), (0,)]


def test_reflect_kwargs_listeners_change_columns(database: MakeDatabase) -> None:
    """What a ``column_reflect`` listener changes of a column is changed, no more."""

    def listener(inspector: t.Any, table: t.Any, info: dict[str, t.Any]) -> None:
        if info["name"] == "b":
            info["type"] = sa.Boolean()

    db = database(TABLE)
    arguments = {"listeners": [("column_reflect", listener)]}
    alter(db, reflect_kwargs=arguments, recreate="always")
    assert db.line("BOOLEAN") == "b BOOLEAN CHECK (b IN (0, 1))"
    assert db.line("-- the c") == "c TEXT DEFAULT 'c' -- the c"


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        (None, None),
        ("'x'", "'x'"),
        (sa.text("'y'"), "'y'"),
        (sa.DefaultClause("z"), "'z'"),
    ],
)
def test_reflect_kwargs_listeners_change_defaults(
    database: MakeDatabase, default: t.Any, expected: str | None
) -> None:
    """A listener may take a default away, or give another one in SQLAlchemy's ways."""

    def listener(inspector: t.Any, table: t.Any, info: dict[str, t.Any]) -> None:
        if info["name"] == "c":
            info["default"] = default

    db = database(TABLE)
    arguments = {"listeners": [("column_reflect", listener)]}
    alter(db, reflect_kwargs=arguments, recreate="always")
    defaults = db.query("SELECT dflt_value FROM pragma_table_info('t') WHERE name='c'")
    assert defaults == [(expected,)]


def test_table_args_are_added_once(database: MakeDatabase) -> None:
    """A constraint that the table has is not added again, others are."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT, UNIQUE (a));")
    arguments = {
        "table_args": (
            sa.UniqueConstraint("a"),
            sa.UniqueConstraint("b", name="uq_b"),
            sa.CheckConstraint("b > 0", name="ck_b"),
        )
    }
    alter(db, lambda b: b.alter_column("a", nullable=False), **arguments)
    alter(db, lambda b: b.alter_column("a", nullable=True), **arguments)
    assert db.sql().count("UNIQUE (a)") == 1
    assert db.sql().count("uq_b") == 1
    for wrong in ("(b) VALUES (0)", "(a, b) VALUES ('x', 1), ('x', 2)"):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO t {wrong}")


def test_table_kwargs_set_options(database: MakeDatabase) -> None:
    """SQLAlchemy's own keywords for SQLite's table options."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);INSERT INTO t VALUES (4, 'x');"
    )
    alter(db, table_kwargs={"sqlite_autoincrement": True})
    db.query("DELETE FROM t")
    db.query("INSERT INTO t (a) VALUES ('y')")
    assert db.query("SELECT id FROM t") == [(5,)]
    alter(db, table_kwargs={"sqlite_autoincrement": False})
    alter(db, table_kwargs={"sqlite_with_rowid": False})
    with pytest.raises(sqlite3.OperationalError, match="rowid"):
        db.query("SELECT rowid FROM t")
    assert db.query("SELECT * FROM t") == [(5, "y")]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([("c", "a")], ["id", "b", "c", "a"]),
        ([("c", "id")], ["c", "id", "a", "b"]),
        ([("b", "a"), ("c", "id")], None),
    ],
)
def test_partial_reordering(
    database: MakeDatabase, orders: list[tuple[str, ...]], expected: list[str] | None
) -> None:
    """Each order holds afterwards, and each column has its values and comment."""
    db = database(TABLE)
    alter(db, partial_reordering=orders)
    found = columns(db)
    for order in orders:
        assert sorted(order, key=found.index) == list(order)
    assert expected is None or sorted(found) == sorted(expected)
    assert db.query("SELECT id, a, b FROM t") == [(3, "x", 1), (5, "y", 0)]
    assert db.line("-- the c").startswith("c TEXT DEFAULT 'c'")


def test_columns_before_and_after_others(database: MakeDatabase) -> None:
    """``insert_before`` and ``insert_after`` also name columns of the same block."""
    db = database(TABLE)
    alter(
        db,
        lambda b: b.add_column(sa.Column("n1", sa.Text()), insert_after="id"),
        lambda b: b.add_column(sa.Column("n2", sa.Text()), insert_before="c"),
        lambda b: b.add_column(sa.Column("n3", sa.Text()), insert_after="n1"),
        lambda b: b.add_column(
            sa.Column("n4", sa.Text()), insert_after="b", insert_before="n2"
        ),
    )
    assert columns(db) == ["id", "n1", "n3", "a", "b", "n4", "n2", "c"]
    assert db.query("SELECT id, a, b FROM t") == [(3, "x", 1), (5, "y", 0)]


def test_names_of_before_and_of_after_a_rename(database: MakeDatabase) -> None:
    """In one block a renamed column is known by both of its names."""
    db = database(TABLE)
    alter(
        db,
        lambda b: b.alter_column("a", new_column_name="z"),
        lambda b: b.alter_column("a", nullable=False),
        lambda b: b.create_unique_constraint("uq", ["z"]),
    )
    assert columns(db) == ["id", "z", "b", "c"]
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t (z) VALUES (NULL)")
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t (z) VALUES ('x')")


def test_two_columns_change_names(database: MakeDatabase) -> None:
    """Names may be exchanged."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b);"
        "INSERT INTO t VALUES (1, 'a', 'b');"
    )
    alter(
        db,
        lambda b: b.alter_column("a", new_column_name="b"),
        lambda b: b.alter_column("b", new_column_name="a"),
    )
    assert db.query("SELECT a, b FROM t") == [("b", "a")]


def test_everything_in_one_block(database: MakeDatabase) -> None:
    """Any mix of operations is one pass over the table."""
    db = database(TABLE)
    alter(
        db,
        lambda b: b.add_column(sa.Column("d", sa.Integer(), server_default="1")),
        lambda b: b.alter_column("d", nullable=False),
        lambda b: b.create_index("ix", ["d"]),
        lambda b: b.drop_index("i"),
        lambda b: b.create_check_constraint("ck", "d < 9"),
        lambda b: b.drop_column("b"),
        lambda b: b.create_unique_constraint("uq", ["a"]),
        lambda b: b.drop_constraint("uq"),
    )
    assert columns(db) == ["id", "a", "c", "d"]
    rows = db.query("SELECT id, d FROM t INDEXED BY ix WHERE d = 1")
    assert rows == [(3, 1), (5, 1)]
    assert "uq" not in db.sql()
    db.query("INSERT INTO t (a) VALUES ('new')")
    assert db.query("SELECT DISTINCT c FROM t") == [("fired",)]


@pytest.mark.parametrize("recreate", ["auto", "always"])
def test_a_leftover_is_neither_in_the_way_nor_dropped(
    database: MakeDatabase, recreate: str
) -> None:
    """An interrupted batch of another tool may hold the only copy of rows."""
    db = database(
        TABLE + "CREATE TABLE _alembic_tmp_t (id INTEGER PRIMARY KEY, a TEXT);"
        "INSERT INTO _alembic_tmp_t VALUES (1, 'only here');"
        "CREATE TABLE _batchmigrate_copy_1 (x);"
        "INSERT INTO _batchmigrate_copy_1 VALUES (1);"
    )
    alter(
        db,
        lambda b: b.alter_column(
            "c", type_=sa.Integer(), server_default="0", sqlite_using="1"
        ),
        recreate=recreate,
    )
    assert db.query("SELECT * FROM _alembic_tmp_t") == [(1, "only here")]
    assert db.query("SELECT * FROM _batchmigrate_copy_1") == [(1,)]
    tables = db.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    assert tables == [("_alembic_tmp_t",), ("_batchmigrate_copy_1",), ("t",)]


ON_A_COLUMN = {
    "unique": lambda b: b.create_unique_constraint("made", ["d"]),
    "several": lambda b: b.create_unique_constraint("made", ["a", "d", "e"]),
    "check": lambda b: b.create_check_constraint("made", "d <> e"),
    "key": lambda b: b.create_primary_key("made", ["id", "d"]),
    "foreign key": lambda b: b.create_foreign_key("made", "t", ["d"], ["id"]),
    "index": lambda b: b.create_index("made", ["e", "d"], unique=True),
    "expression": lambda b: b.create_index("made", [sa.text("lower(d)")]),
}
NEW = (
    lambda b: b.add_column(sa.Column("d", sa.Integer, server_default="7")),
    lambda b: b.add_column(sa.Column("e", sa.Integer, nullable=True)),
)


def table_as_made(db: Database) -> list[tuple[t.Any, ...]]:
    """Everything that is stored of ``t``, apart from the spelling of its text."""
    made: list[tuple[t.Any, ...]] = []
    for pragma in ("table_xinfo", "foreign_key_list"):
        made += db.query(f"SELECT * FROM pragma_{pragma}('t')")
    for name, unique, origin in db.query(
        "SELECT name, \"unique\", origin FROM pragma_index_list('t') ORDER BY name"
    ):
        members = db.query(f"SELECT name FROM pragma_index_info('{name}')")
        made.append((name, unique, origin, *members))
    return made + db.query("SELECT * FROM t ORDER BY id")


@pytest.mark.parametrize("what", ON_A_COLUMN)
def test_constraint_before_its_column(tmp_path: pathlib.Path, what: str) -> None:
    """A block may ask for a column after what is on it, which Alembic makes last."""
    script = "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, a TEXT);"
    constraint = ON_A_COLUMN[what]
    earlier = Database(tmp_path / "earlier.db", script)
    later = Database(tmp_path / "later.db", script)
    alter(earlier, constraint, *NEW)
    alter(later, *NEW, constraint)
    assert table_as_made(earlier) == table_as_made(later)
    assert "made" in "".join(
        str(sql) for (sql,) in earlier.query("SELECT sql FROM sqlite_master")
    )


def test_constraint_before_a_column_that_is_replaced(database: MakeDatabase) -> None:
    """A key asked for before its column is dropped and added is on the new one."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);")
    alter(
        db,
        lambda b: b.create_unique_constraint("made", ["a"]),
        lambda b: b.drop_column("a"),
        lambda b: b.add_column(sa.Column("a", sa.Integer)),
    )
    assert "CONSTRAINT made UNIQUE (a)" in db.sql()
    assert "a INTEGER" in db.sql()


def test_constraint_on_a_column_that_never_comes(database: MakeDatabase) -> None:
    """Alembic leaves it out without a word; here it is refused."""
    message = database(TABLE).refuse(
        lambda op: block(
            op,
            [
                lambda b: b.create_unique_constraint("made", ["nope"]),
                lambda b: b.add_column(sa.Column("d", sa.Integer)),
            ],
            {},
        )
    )
    assert "Table 't' has no column 'nope', which UNIQUE 'made' is on" in message


@pytest.mark.parametrize("name", ["a", "z"])
def test_index_after_a_rename(database: MakeDatabase, name: str) -> None:
    """An index finds a renamed column by its new name and, as in Alembic, its old."""
    db = database(TABLE)
    alter(
        db,
        lambda b: b.alter_column("a", new_column_name="z"),
        lambda b: b.create_index("made", [name, "b"], unique=True),
    )
    members = db.query("SELECT name FROM pragma_index_info('made')")
    assert members == [("z",), ("b",)]


REPLACED = {
    "unique": (
        "CONSTRAINT one UNIQUE (a)",
        lambda b: b.create_unique_constraint("one", ["b"]),
        "CONSTRAINT one UNIQUE (b)",
    ),
    "check": (
        "CONSTRAINT one CHECK (a > 0)",
        lambda b: b.create_check_constraint("one", "b > 0"),
        "CONSTRAINT one CHECK (b > 0)",
    ),
    "foreign key": (
        "CONSTRAINT one FOREIGN KEY (a) REFERENCES p (id)",
        lambda b: b.create_foreign_key("one", "p", ["b"], ["id"]),
        "CONSTRAINT one FOREIGN KEY(b) REFERENCES p (id)",
    ),
}


@pytest.mark.parametrize("what", REPLACED)
def test_second_constraint_of_a_name_in_a_block(
    database: MakeDatabase, what: str
) -> None:
    """A block names the constraint that it replaces, as in Alembic; a note says so."""
    before, call, after = REPLACED[what]
    db = database(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);"
        f"CREATE TABLE t (a INT, b INT, {before});"
    )
    alter(db, call)
    assert db.sql() == f"CREATE TABLE t (a INT, b INT, {after})"
    assert any("'one', which is replaced" in note for note in db.notes)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"table_args": [sa.UniqueConstraint("a", "b", name="uq")]},
        {"table_kwargs": {"sqlite_autoincrement": True}},
        {"partial_reordering": [("a", "b")]},
        {"naming_convention": {"uq": "uq_%(table_name)s"}},
    ],
)
def test_a_block_without_calls_needs_no_table(
    database: MakeDatabase, arguments: dict[str, t.Any]
) -> None:
    """Alembic looks for the table only when there is something to do."""
    db = database("CREATE TABLE other (id INTEGER);")
    alter(db, **arguments)
    assert db.query("SELECT name FROM sqlite_master") == [("other",)]
    with pytest.raises(sa.exc.NoSuchTableError):
        alter(db, recreate="always", **arguments)


def test_a_block_without_calls_adds_no_constraint(database: MakeDatabase) -> None:
    """As in Alembic; what it describes may be a table of another time."""
    db = database("CREATE TABLE t (id INTEGER, a TEXT);")
    before = db.sql()
    arguments = {
        "table_args": [
            sa.UniqueConstraint("a", name="uq"),
            sa.UniqueConstraint("a", "no_such_column", name="uq_none"),
            sa.ForeignKeyConstraint(["parent"], ["p.id"], name="fk"),
        ]
    }
    alter(db, **arguments)
    assert db.sql() == before
    with pytest.raises(sa.exc.OperationalError, match="no_such_column"):
        alter(db, recreate="always", **arguments)

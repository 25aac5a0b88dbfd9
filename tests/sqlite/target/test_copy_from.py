"""``copy_from``: looked at where the table is copied, and nothing is lost by it."""

from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase

TABLE = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY);"
    "CREATE TABLE t (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  a VARCHAR(10) COLLATE NOCASE DEFAULT 'a',\n"
    "  n INTEGER CONSTRAINT ck_n CHECK (n > 0),\n"
    "  p_id INTEGER REFERENCES p (id),\n"
    "  rest TEXT,\n"
    "  CONSTRAINT uq UNIQUE (a, n)\n"
    ");"
    "CREATE INDEX ix_a ON t (a DESC); CREATE INDEX ix_n ON t (n) WHERE n > 1;"
    "INSERT INTO t (id, a, n) VALUES (3, 'x', 1), (5, 'y', 2);"
    "INSERT INTO t (id, a, n) VALUES (9, 'z', 3); DELETE FROM t WHERE id = 9;"
)


def described(*more: t.Any, **options: t.Any) -> sa.Table:
    """The table as its owner might describe it."""
    return sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("a", sa.String(10)),
        sa.Column("n", sa.Integer()),
        sa.Column("p_id", sa.Integer()),
        *more,
        **options,
    )


def block(
    table: sa.Table, *calls: t.Callable[[t.Any], object], **options: t.Any
) -> t.Callable[[Operations], None]:
    """A script with one block."""

    def script(op: Operations) -> None:
        with op.batch_alter_table("t", copy_from=table, **options) as batch:
            for call in calls:
                call(batch)

    return script


def copying(batch: t.Any) -> None:
    """An operation for which Alembic copies the table."""
    batch.alter_column("a", type_=sa.String(20))


def said(db: Database) -> str:
    return "\n".join(db.notes)


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.add_column(sa.Column("z", sa.Integer())),
        lambda b: b.add_column(sa.Column("z", sa.Text(), server_default="z")),
        lambda b: b.create_index("ix_new", ["n"]),
        lambda b: b.drop_index("ix_n"),
    ],
)
def test_not_looked_at_where_nothing_is_copied(
    database: MakeDatabase, call: t.Callable[[t.Any], object]
) -> None:
    """Alembic makes these by themselves, so nothing else of the table is touched."""
    db = database(f"{TABLE} UPDATE t SET rest = 'kept';")
    wanted = database_without(db, call)
    db.run(block(described(), call))
    assert db.query("SELECT name, sql FROM sqlite_master") == wanted
    assert db.query("SELECT rest FROM t") == [("kept",), ("kept",)]


def database_without(db: Database, call: t.Callable[[t.Any], object]) -> list[t.Any]:
    """The catalogue after the same block without ``copy_from``."""
    content = db.path.read_bytes()

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            call(batch)

    db.run(script)
    wanted = db.query("SELECT name, sql FROM sqlite_master")
    db.path.write_bytes(content)
    return wanted


def test_recreate_never_copies_nothing(database: MakeDatabase) -> None:
    """Then it is not looked at either."""
    db = database(TABLE)
    drop = lambda b: b.drop_constraint("ck_n", type_="check")  # noqa: E731
    db.run(block(described(), drop, recreate="never"))
    assert "UNIQUE (a, n)" in db.sql()
    assert "ck_n" not in db.sql()


@pytest.mark.parametrize("recreate", ["auto", "always"])
def test_values_are_not_lost(database: MakeDatabase, recreate: str) -> None:
    """A column that is left out and has values is refused, with their number."""
    db = database(f"{TABLE} UPDATE t SET rest = 'kept' WHERE id = 5;")
    call = copying if recreate == "auto" else lambda b: b.create_index("i", ["n"])
    message = db.refuse(block(described(), call, recreate=recreate))
    assert "copy_from leaves out column 'rest'" in message
    assert "1 row: id=5 ('kept')" in message
    assert "drop_column('rest')" in message


def test_a_column_is_dropped_by_name(database: MakeDatabase) -> None:
    """Then it may be left out; a rename beside it is followed."""
    db = database(f"{TABLE} UPDATE t SET rest = 'gone';")
    db.run(
        block(
            described(),
            lambda b: b.alter_column("n", new_column_name="m"),
            lambda b: b.drop_column("rest"),
        )
    )
    assert db.query("SELECT id, a, m, p_id FROM t") == [
        (3, "x", 1, None),
        (5, "y", 2, None),
    ]
    assert "rest" not in db.sql()


def test_what_is_left_out_is_told(database: MakeDatabase) -> None:
    """Constraints, indexes and empty columns go, as in Alembic, and each is named."""
    db = database(TABLE)
    db.run(block(described(), copying))
    assert "CHECK" not in db.sql()
    assert "UNIQUE" not in db.sql()
    told = said(db)
    for gone in (
        "Column 'rest' of 't' is not in copy_from, and not restored",
        "CHECK 'ck_n' of 't'",
        "UNIQUE 'uq' of 't'",
        "REFERENCES p (id)",
        "Index 'ix_a'",
        "Index 'ix_n'",
        "COLLATE NOCASE of 't.a'",
        "DEFAULT 'a' of 't.a'",
    ):
        assert gone in told
    assert db.query("SELECT id, a, n FROM t") == [(3, "x", 1), (5, "y", 2)]


def test_ids_are_not_used_again(database: MakeDatabase) -> None:
    """AUTOINCREMENT stays with its counter, unless it is described as off."""
    db = database(TABLE)
    db.run(block(described(), copying))
    db.query("INSERT INTO t (a) VALUES ('new')")
    assert db.query("SELECT max(id) FROM t") == [(10,)]
    db.run(block(described(sqlite_autoincrement=False), copying))
    assert "AUTOINCREMENT" not in db.sql()


def test_table_options_stay(database: MakeDatabase) -> None:
    """Those that the description does not speak of."""
    db = database("CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT) WITHOUT ROWID;")
    table = sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("a", sa.String(5)),
    )
    db.run(block(table, lambda b: b.alter_column("a", nullable=False)))
    assert db.sql().endswith("WITHOUT ROWID")


@pytest.mark.parametrize(
    ("columns", "parents"),
    [
        (["p_id"], ["p.id"]),
        (["n", "p_id"], ["r.x", "r.y"]),
        (["p_id"], ["t.id"]),
    ],
)
@pytest.mark.parametrize("where", ["copy_from", "table_args"])
def test_a_foreign_key_to_a_table_that_is_not_described(
    database: MakeDatabase, columns: list[str], parents: list[str], where: str
) -> None:
    """The usual way to write one; its parent is known by name alone."""
    db = database(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); "
        "CREATE TABLE r (x, y, PRIMARY KEY (x, y));"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(10), n INTEGER,"
        " p_id INTEGER);"
    )
    again = sa.ForeignKeyConstraint(columns, parents, ondelete="CASCADE")
    if where == "copy_from":
        db.run(block(described(again), copying))
    else:

        def script(op: Operations) -> None:
            with op.batch_alter_table("t", table_args=[again]) as batch:
                copying(batch)

        db.run(script)
    found = [f"{row[2]}.{row[4]}" for row in db.query("PRAGMA foreign_key_list(t)")]
    assert sorted(found) == sorted(parents)


def test_a_column_with_a_foreign_key(database: MakeDatabase) -> None:
    """Written in the column, it is no other."""
    db = database(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, p_id INTEGER);"
    )
    table = sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("a", sa.Text()),
        sa.Column("p_id", sa.Integer(), sa.ForeignKey("p.id", name="fk")),
    )
    db.run(block(table, copying))
    assert "CONSTRAINT fk" in db.sql()


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (sa.Index("ix_a", "n", "a"), "(n, a)"),
        (sa.Index("ix_a", "a", unique=True), "UNIQUE INDEX ix_a ON t (a)"),
        (sa.Index("ix_a", "a"), "(a)"),
        (sa.Index("ix_n", "n"), "(n)"),
        (sa.Index("ix_n", "n", sqlite_where=sa.text("n > 2")), "WHERE n > 2"),
    ],
)
def test_an_index_that_is_described_otherwise(
    database: MakeDatabase, index: sa.Index, text: str
) -> None:
    """It is replaced, and that is told."""
    db = database(TABLE)
    db.run(block(described(index), copying))
    assert db.sql(str(index.name)).endswith(text)
    assert f"Index '{index.name}' of 't' is another one in copy_from" in said(db)


def test_an_index_that_is_described_as_it_is(database: MakeDatabase) -> None:
    """It stays as it is written."""
    db = database(TABLE)
    before = [db.sql("ix_a"), db.sql("ix_n")]
    table = described(sa.Index("ix_n", "n", sqlite_where=sa.text("n > 1")))
    sa.Index("ix_a", table.c.a.desc())
    db.run(block(table, copying))
    assert [db.sql("ix_a"), db.sql("ix_n")] == before
    assert "ndex" not in said(db)

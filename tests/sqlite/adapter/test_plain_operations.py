"""The operations outside of batch blocks, as scripts for PostgreSQL have them."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from tests.sqlite.alembic_file import MakeDatabase

TABLE = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER DEFAULT 5);"
    "INSERT INTO p VALUES (1, 'one'); INSERT INTO t VALUES (1, '10', 1), (2, '20', 1);"
)


def test_a_script_for_postgresql(database: MakeDatabase) -> None:
    """Everything that stock Alembic refuses on SQLite, one after the other."""
    db = database(TABLE)

    def upgrade(op: Operations) -> None:
        op.alter_column("t", "a", existing_type=sa.Text(), nullable=False)
        op.alter_column("t", "a", type_=sa.Integer(), postgresql_using="a::integer")
        op.alter_column("t", "b", server_default=None, comment="only elsewhere")
        op.alter_column("t", "b", new_column_name="p_id")
        op.create_foreign_key("fk_t_p", "t", "p", ["p_id"], ["id"])
        op.create_unique_constraint("uq_t_a", "t", ["a"])
        op.create_check_constraint("ck_t_a", "t", "a > 5")
        op.create_table_comment("t", "only elsewhere")
        op.add_column("t", sa.Column("c", sa.Boolean(), server_default=sa.false()))
        op.alter_column("t", "c", nullable=False)
        op.drop_constraint("ck_t_a", "t", type_="check")
        op.drop_table_comment("t")
        op.rename_table("t", "u")

    db.run(upgrade)
    assert db.query("SELECT * FROM u") == [(1, 10, 1, 0), (2, 20, 1, 0)]
    for wrong in (
        "(p_id) VALUES (1)",
        "(a, p_id) VALUES (10, 1)",
        "(a, p_id) VALUES (1, 9)",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO u {wrong}", enforce=True)
    db.query("INSERT INTO u (a) VALUES (1)")
    assert db.query("SELECT p_id, c FROM u WHERE a = 1") == [(None, 0)]


def test_added_columns_bring_their_constraints(database: MakeDatabase) -> None:
    """A column is added with its key, its uniqueness, its index and its check."""
    db = database(TABLE)

    def upgrade(op: Operations) -> None:
        op.add_column("t", sa.Column("p_id", sa.Integer(), sa.ForeignKey("p.id")))
        op.add_column("t", sa.Column("u", sa.Integer(), unique=True))
        op.add_column("t", sa.Column("i", sa.Integer(), index=True))
        now = sa.Column(
            "n", sa.DateTime(), server_default=sa.func.now(), nullable=False
        )
        op.add_column("t", now)

    db.run(upgrade)
    assert db.query("PRAGMA foreign_key_list(t)")[0][2:5] == ("p", "p_id", "id")
    db.query("INSERT INTO t (u) VALUES (1)")
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t (u) VALUES (1)")
    assert len(db.query("PRAGMA index_list(t)")) == 2
    assert db.query("SELECT count(*) FROM t WHERE length(n) = 19") == [(3,)]


def test_a_new_column_that_must_have_a_value(database: MakeDatabase) -> None:
    """NOT NULL without a default is refused for filled tables, not for empty ones."""
    db = database(TABLE)
    column = sa.Column("n", sa.Integer(), nullable=False)
    message = db.refuse(lambda op: op.add_column("t", column))
    assert "2 rows: id=1, id=2 (it is new and has no default)" in message
    db.query("DELETE FROM t")
    db.run(lambda op: op.add_column("t", sa.Column("n", sa.Integer(), nullable=False)))
    with pytest.raises(sqlite3.IntegrityError):
        db.query("INSERT INTO t (a) VALUES ('x')")


def test_a_rename_is_followed(database: MakeDatabase) -> None:
    """Views, triggers, indexes and other tables' keys know the new names."""
    db = database(
        TABLE + "CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t (a);"
        "CREATE TABLE child (t_id REFERENCES t (id));"
        "CREATE TRIGGER g AFTER INSERT ON child BEGIN UPDATE t SET a = 'fired'; END;"
    )

    def upgrade(op: Operations) -> None:
        op.alter_column("t", "a", new_column_name="z")
        op.rename_table("t", "u")

    db.run(upgrade)
    db.query("INSERT INTO child VALUES (1)", enforce=True)
    assert db.query("SELECT DISTINCT * FROM v") == [("fired",)]
    assert db.query("SELECT count(*) FROM u INDEXED BY i WHERE z = 'fired'") == [(2,)]


def test_a_table_may_change_its_case(database: MakeDatabase) -> None:
    """SQLite takes that for a name that is taken; it is done in two steps."""
    db = database(TABLE)
    db.run(lambda op: op.rename_table("t", "T"))
    assert db.query("SELECT name FROM sqlite_master WHERE name IN ('t', 'T')") == [
        ("T",)
    ]


def test_a_virtual_table_may_be_renamed(database: MakeDatabase) -> None:
    """Its module does it; nothing else can be asked of one."""
    db = database(
        "CREATE VIRTUAL TABLE f USING fts5 (a); INSERT INTO f VALUES ('word');"
    )
    db.run(lambda op: op.rename_table("f", "g"))
    assert db.query("SELECT * FROM g WHERE g MATCH 'word'") == [("word",)]
    message = db.refuse(lambda op: op.add_column("g", sa.Column("b", sa.Text())))
    assert "Table 'g' is a virtual table" in message


@pytest.mark.parametrize("name", ["sqlite_sequence", "sqlite_stat1", "SQLITE_MASTER"])
def test_system_tables_are_left_alone(database: MakeDatabase, name: str) -> None:
    """What belongs to SQLite is not altered."""
    db = database("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); ANALYZE;")
    db.refuse(lambda op: op.add_column(name, sa.Column("b", sa.Text())))
    db.refuse(lambda op: op.rename_table(name, "other"))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda op: op.alter_column("no", "a", nullable=True), "'no' does not exist"),
        (lambda op: op.rename_table("no", "other"), "'no' does not exist"),
        (lambda op: op.rename_table("t", "p"), "there is a table of that name"),
        (lambda op: op.rename_table("v", "w"), "'v' is a view"),
        (lambda op: op.drop_column("t", "no"), "it has 'id', 'a', 'b'"),
        (lambda op: op.add_column("t", sa.Column("A", sa.Text())), "'A'"),
        (lambda op: op.drop_table("no"), "does not exist"),
    ],
)
def test_mistakes_are_named(
    database: MakeDatabase, script: object, expected: str
) -> None:
    """What is not there, or is there already, is said, and nothing is changed."""
    db = database(TABLE + "CREATE VIEW v AS SELECT 1;")
    assert expected in db.refuse(script)  # type: ignore[arg-type]


def test_an_attached_database(database: MakeDatabase) -> None:
    """The schema says which of two tables of one name is meant."""
    db = database(TABLE)
    other = db.path.with_name("other.db")
    with sqlite3.connect(other) as connection:
        connection.executescript(TABLE)
    connection.close()

    @sa.event.listens_for(db.engine, "connect")
    def attach(dbapi: sqlite3.Connection, record: object) -> None:
        dbapi.execute("ATTACH ? AS other", (str(other),)).close()

    before = db.sql()

    def upgrade(op: Operations) -> None:
        op.alter_column("t", "a", type_=sa.Integer(), schema="other")
        op.drop_column("t", "b", schema="other")
        op.create_index("i", "t", ["a"], schema="other")
        op.rename_table("t", "u", schema="other")

    db.run(upgrade)
    assert db.sql() == before
    connection = sqlite3.connect(other)
    assert connection.execute("SELECT id, a FROM u INDEXED BY i").fetchall() == [
        (1, 10),
        (2, 20),
    ]
    connection.close()


def test_an_open_query_stops_a_copy(database: MakeDatabase) -> None:
    """SQLite cannot drop what is being read; it is said what to do."""
    db = database(TABLE)

    def upgrade(op: Operations) -> None:
        rows = op.get_bind().execute(sa.text("SELECT id FROM t"))
        rows.fetchone()
        with op.batch_alter_table("t", recreate="always"):
            pass

    assert "fetch all of them, or close the result" in db.refuse(upgrade)

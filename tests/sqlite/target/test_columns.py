"""What belongs to the columns that a block adds, drops, replaces and renames."""

from __future__ import annotations

import collections.abc as cabc
import sqlite3

import pytest
import sqlalchemy as sa
from alembic.operations import BatchOperations
from alembic.operations import Operations

from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.target.test_constraints import CONVENTION

InBlock = cabc.Callable[[BatchOperations], object]
PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);"


def in_block(*calls: InBlock, **kw: object) -> cabc.Callable[[Operations], None]:
    """Make a script of one block on ``t``."""

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t", **kw) as batch:  # type: ignore[arg-type]
            for call in calls:
                call(batch)

    return upgrade


# Constraints that stand in a column


def column() -> sa.Column[int]:
    """Make a column with everything that can stand in it."""
    return sa.Column(
        "m",
        sa.Integer(),
        sa.CheckConstraint("m > 0", name="ck_m"),
        sa.CheckConstraint("m < 9"),
        sa.ForeignKey("p.id", name="fk_m", ondelete="CASCADE", onupdate="SET NULL"),
        unique=True,
        nullable=True,
    )


def create(op: Operations) -> None:
    op.drop_table("t")
    op.create_table("t", sa.Column("id", sa.Integer(), primary_key=True), column())


@pytest.mark.parametrize(
    "upgrade",
    [
        lambda op: op.add_column("t", column()),
        in_block(lambda batch: batch.add_column(column())),
        in_block(lambda batch: batch.add_column(column()), recreate="always"),
        in_block(lambda batch: batch.add_column(column(), insert_before="id")),
        create,
    ],
    ids=["plain", "block", "copied", "before", "create_table"],
)
def test_constraints_of_a_new_column(
    database: MakeDatabase, upgrade: cabc.Callable[[Operations], None]
) -> None:
    """All that a column is given is made, however it comes into the table."""
    db = database(PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY);")
    db.run(upgrade)
    assert "CONSTRAINT ck_m CHECK (m > 0)" in db.sql()
    (key,) = db.query("PRAGMA foreign_key_list(t)")
    assert key[2:7] == ("p", "m", "id", "SET NULL", "CASCADE")
    db.query("INSERT INTO t (m) VALUES (1), (NULL)", enforce=True)
    for value in (0, 9, 1, 7):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO t (m) VALUES ({value})", enforce=True)


def test_rows_break_the_check_of_a_new_column(database: MakeDatabase) -> None:
    """Its default is what the rows get, and the check is held against it."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);")
    made = sa.Column(
        "m", sa.Integer(), sa.CheckConstraint("m > 0", name="ck"), server_default="0"
    )
    message = db.refuse(lambda op: op.add_column("t", made))
    assert "CHECK 'ck' does not hold for 1 row: id=1" in message


def test_the_check_of_a_new_column_has_the_name_of_the_convention(
    database: MakeDatabase,
) -> None:
    """As in ``create_table``."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY);", convention=CONVENTION)
    made = sa.Column("m", sa.Integer(), sa.CheckConstraint("m > 0", name="pos"))
    db.run(lambda op: op.add_column("t", made))
    assert "CONSTRAINT ck_t_pos CHECK (m > 0)" in db.sql()


def test_constraints_of_a_reflected_column(database: MakeDatabase) -> None:
    """``reflect_args`` bring all that the column has, and keep what stands on it."""
    db = database(
        PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " m INT UNIQUE CONSTRAINT old CHECK (m <> 5) REFERENCES p (id), n INT UNIQUE);"
    )
    arguments = [
        column(),
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("n", sa.BigInteger()),
    ]
    db.run(in_block(reflect_args=arguments, recreate="always"))
    (key,) = db.query("PRAGMA foreign_key_list(t)")
    assert key[2:7] == ("p", "m", "id", "SET NULL", "CASCADE")
    db.query("INSERT INTO t (m, n) VALUES (1, 1)")
    for values in ("0, 2", "9, 2", "1, 2", "5, 2", "2, 1"):
        with pytest.raises(sqlite3.IntegrityError):
            db.query(f"INSERT INTO t (m, n) VALUES ({values})")
    assert db.query("SELECT id FROM t") == [(1,)]
    assert db.query("SELECT name FROM sqlite_sequence") == [("t",)]


@pytest.mark.parametrize(
    "keys",
    [
        [sa.ForeignKey("t.id", name="own")],
        [sa.ForeignKey("p.id"), sa.ForeignKey("p.code")],
        [sa.ForeignKey("t.v"), sa.ForeignKey("p.code")],
    ],
    ids=["own", "twice", "both"],
)
def test_keys_of_a_reflected_column(
    database: MakeDatabase, keys: list[sa.ForeignKey]
) -> None:
    """They may refer to the table itself, and to several columns of a parent."""
    db = database(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code INT UNIQUE);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT UNIQUE, w INT);"
        "INSERT INTO t VALUES (1, 1, NULL);"
    )
    arguments = [sa.Column("w", sa.Integer(), *keys)]
    db.run(in_block(reflect_args=arguments, recreate="always"))
    found = {row[2:5] for row in db.query("PRAGMA foreign_key_list(t)")}
    wanted = [key.target_fullname.split(".") for key in keys]
    assert found == {(table, "w", column) for table, column in wanted}


def _listen(inspector: object, table: object, info: dict[str, object]) -> None:
    if info["name"] == "a":
        info["type"] = sa.Boolean(create_constraint=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"reflect_args": [sa.Column("a", sa.Boolean(create_constraint=True))]},
        {"reflect_args": [sa.Column("a", sa.Text(), nullable=False)]},
        {"reflect_kwargs": {"listeners": [("column_reflect", _listen)]}},
    ],
    ids=["type", "null", "listener"],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.add_column(sa.Column("z", sa.Integer())),
        lambda b: b.create_index("ix_b", ["b"]),
        lambda b: b.drop_index("ix"),
    ],
    ids=["column", "index", "no index"],
)
def test_what_describes_a_table_counts_where_it_is_copied(
    database: MakeDatabase, call: InBlock, arguments: dict[str, object]
) -> None:
    """Where Alembic copies nothing, it does not look at what would be reflected."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE INDEX ix ON"
        " t (a); INSERT INTO t VALUES (1, 'text', 1), (2, NULL, 2);"
    )
    stored = db.line("a TEXT")
    db.run(in_block(call, **arguments))
    assert db.line("a TEXT").startswith(stored.partition(", b")[0])
    assert "CHECK" not in db.sql()
    assert db.query("SELECT id, a, b FROM t") == [(1, "text", 1), (2, None, 2)]
    message = db.refuse(in_block(recreate="always", **arguments))
    assert "column 'a' cannot" in message


def test_an_index_of_table_args(database: MakeDatabase) -> None:
    """It is made as in Alembic, although it is not on a table yet."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);")
    db.run(in_block(table_args=[sa.Index("ix", "a")], recreate="always"))
    assert db.sql("ix") == "CREATE INDEX ix ON t (a)"


@pytest.mark.parametrize(
    ("type_", "check"),
    [
        (sa.Boolean(create_constraint=True), "CHECK (a IN (0, 1))"),
        (sa.Boolean(name="b", create_constraint=True), "CONSTRAINT b CHECK (a IN"),
        (sa.Enum("1", "2", name="e", create_constraint=True), "CONSTRAINT e CHECK"),
    ],
)
def test_a_listener_sets_a_type_with_a_check(
    database: MakeDatabase, type_: sa.types.TypeEngine[object], check: str
) -> None:
    """``column_reflect`` may set a Boolean or Enum; its CHECK is made, once."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1);"
    )

    def listen(inspector: object, table: object, info: dict[str, object]) -> None:
        if info["name"] == "a":
            info["type"] = type_

    arguments = {"listeners": [("column_reflect", listen)]}
    for _ in range(2):
        db.run(in_block(reflect_kwargs=arguments, recreate="always"))
    assert db.sql().count("CHECK") == 1
    assert check in db.sql()


# What goes with a column

FULL = (
    PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY, p_id INTEGER, v TEXT, w TEXT,"
    " u INT UNIQUE,"
    " CONSTRAINT fk_c FOREIGN KEY (p_id) REFERENCES p (id),"
    " CONSTRAINT uq_v UNIQUE (v), CONSTRAINT ck_w CHECK (w <> v), CHECK (p_id > 0));"
    "CREATE INDEX ix_v ON t (v); INSERT INTO t VALUES (1, 1, 'v', 'w', 5);"
)
DROPS: list[tuple[str, InBlock]] = [
    ("p_id", lambda b: b.drop_constraint("fk_c", type_="foreignkey")),
    ("p_id", lambda b: b.drop_constraint("fk_c")),
    ("p_id", lambda b: b.drop_constraint("t_check", type_="check")),
    ("v", lambda b: b.drop_constraint("uq_v", type_="unique")),
    ("w", lambda b: b.drop_constraint("ck_w", type_="check")),
    ("v", lambda b: b.drop_index("ix_v")),
    ("u", lambda b: b.drop_constraint("t_u_key", type_="unique")),
    ("u", lambda b: b.drop_constraint("uq_t_u", type_="unique")),
    ("u", lambda b: b.drop_constraint(None, type_="unique")),
    ("id", lambda b: b.drop_constraint("t_pkey", type_="primary")),
    ("id", lambda b: b.drop_constraint("pk_t", type_="primary")),
]
BETWEEN: dict[str, tuple[InBlock, ...]] = {
    "directly": (),
    "name taken": (lambda b: b.alter_column("z", new_column_name="COLUMN"),),
    "passes": (
        lambda b: b.create_index("ix_z", ["z"]),
        lambda b: b.alter_column("z", new_column_name="y"),
    ),
}


@pytest.mark.parametrize("order", ["after", "before"])
@pytest.mark.parametrize("between", list(BETWEEN))
@pytest.mark.parametrize("number", range(len(DROPS)))
def test_dropped_beside_its_column(
    database: MakeDatabase, number: int, between: str, order: str
) -> None:
    """What goes with a column may be dropped by name as well, in either order."""
    name, call = DROPS[number]
    # Under a convention the name of a check is one that it builds on.
    db = database(
        FULL.replace("u INT", "z INT, u INT").replace("'w', 5", "'w', 0, 5"),
        convention=None if number in (2, 4) else CONVENTION,
    )
    steps: list[InBlock] = [
        lambda b: b.drop_column(name),
        *(
            (lambda b: b.alter_column("z", new_column_name=name))
            if between == "name taken"
            else step
            for step in BETWEEN[between]
        ),
        call,
    ]
    if order == "before":
        steps = [call, *steps[:-1]]
    db.run(in_block(*steps))
    columns = [row[1] for row in db.query("PRAGMA table_info(t)")]
    assert (name in columns) == (between == "name taken")
    assert not any("_batchmigrate_" in note for note in db.notes)
    others = {"fk_c", "uq_v", "ck_w"} - set(db.sql().replace(",", " ").split())
    assert others <= {"p_id": {"fk_c"}, "v": {"uq_v", "ck_w"}, "w": {"ck_w"}}.get(
        name, set()
    )


@pytest.mark.parametrize("number", range(6))
def test_what_never_was_there(database: MakeDatabase, number: int) -> None:
    """A dropped column excuses only what went with it."""
    name, call = (
        ("p_id", lambda b: b.drop_constraint("no", type_="foreignkey")),
        ("p_id", lambda b: b.drop_constraint("fk_c", type_="unique")),
        ("p_id", lambda b: b.drop_index("no")),
        ("v", lambda b: b.drop_constraint("t_u_key_1", type_="unique")),
        ("v", lambda b: b.drop_constraint("uq_w", type_="unique")),
        ("v", lambda b: b.drop_constraint("uq_v") or b.drop_constraint("uq_v")),
    )[number]
    db = database(FULL)
    script = in_block(lambda b: b.drop_column(name), call)
    with pytest.raises(ValueError, match="Nothing was changed"):
        db.run(script)
    db.refuse(script)


def test_messages_name_columns_as_the_script_does(database: MakeDatabase) -> None:
    """Not as they are called while they are out of the way."""
    db = database(FULL)
    message = db.refuse(
        in_block(
            lambda b: b.drop_constraint("no"),
            lambda b: b.drop_column("u"),
            lambda b: b.alter_column("w", new_column_name="u"),
        )
    )
    assert "the unnamed UNIQUE of column 'u'" in message
    assert "_batchmigrate_" not in message


def test_a_nameless_drop_means_what_went(database: MakeDatabase) -> None:
    """It does not reach for a constraint of another column."""
    db = database(
        FULL.replace("u INT UNIQUE", "u INT UNIQUE, o INT UNIQUE").replace(
            "'w', 5", "'w', 5, 6"
        )
    )
    db.run(
        in_block(
            lambda b: b.drop_column("u"),
            lambda b: b.drop_constraint(None, type_="unique"),
        )
    )
    assert "o INT UNIQUE" in db.sql()


# A column that is replaced


def replace(
    batch: BatchOperations, type_: object = sa.BigInteger, **kw: object
) -> None:
    """Replace ``d`` as a generated script does."""
    batch.drop_column("d")
    batch.add_column(sa.Column("d", type_, **kw))  # type: ignore[call-overload]


KEPT = {
    "index": ("d INTEGER", "CREATE INDEX i ON t (d)"),
    "unique index": ("d INTEGER", "CREATE UNIQUE INDEX i ON t (d, e)"),
    "index on an expression": ("d INTEGER", "CREATE INDEX i ON t (abs(d)) WHERE d > 0"),
    "unique": ("d INTEGER, CONSTRAINT u UNIQUE (d)", ""),
    "unnamed unique": ("d INTEGER UNIQUE", ""),
    "unique of two": ("d INTEGER, UNIQUE (e, d)", ""),
    "check": ("d INTEGER CONSTRAINT c CHECK (d > 1)", ""),
    "unnamed check": ("d INTEGER CHECK (d > 1)", ""),
    "foreign key": ("d INTEGER REFERENCES p (id) ON DELETE CASCADE", ""),
    "deferred": ("d INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED", ""),
    "of the table": ("d INTEGER, CONSTRAINT f FOREIGN KEY (d) REFERENCES p (id)", ""),
}


@pytest.mark.parametrize(
    "steps",
    [
        (replace,),
        (lambda b: b.alter_column("e", nullable=True), replace),
        (replace, lambda b: b.alter_column("x", new_column_name="y")),
        (
            lambda b: b.create_index("ix_x", ["x"]),
            lambda b: b.drop_column("d"),
            lambda b: b.alter_column("x", new_column_name="y"),
            lambda b: b.add_column(sa.Column("d", sa.BigInteger())),
        ),
        (
            lambda b: b.drop_column("d"),
            lambda b: b.add_column(sa.Column("n", sa.BigInteger())),
            lambda b: b.alter_column("n", new_column_name="d"),
        ),
        (
            lambda b: b.add_column(sa.Column("n", sa.BigInteger())),
            lambda b: b.create_index("ix_n", ["n"]),
            lambda b: b.drop_column("d"),
            lambda b: b.alter_column("n", new_column_name="d"),
        ),
    ],
    ids=["alone", "later", "renamed", "passes", "under another name", "before"],
)
@pytest.mark.parametrize("kind", list(KEPT))
def test_a_replaced_column_keeps(
    database: MakeDatabase, kind: str, steps: tuple[InBlock, ...]
) -> None:
    """Its index, UNIQUE, CHECK and FOREIGN KEY say of the new one what they said."""
    column, index = KEPT[kind]
    definition = f"id INTEGER PRIMARY KEY, e INTEGER, x INTEGER, {column}"
    db = database(
        f"{PARENT} CREATE TABLE t ({definition});{index};"
        "INSERT INTO t (id, e, d) VALUES (1, 1, 2), (2, 1, NULL);"
    )
    facts = (
        "SELECT count(*) FROM pragma_index_list('t') WHERE name NOT LIKE 'ix%'",
        'SELECT "table", "from", on_delete FROM pragma_foreign_key_list(\'t\')',
        "SELECT name FROM sqlite_master WHERE name = 'i'",
    )
    before = [db.query(fact) for fact in facts]
    checked = db.sql().count("CHECK"), db.sql().count("DEFERRED")
    db.run(in_block(*steps))
    assert [db.query(fact) for fact in facts] == before
    assert (db.sql().count("CHECK"), db.sql().count("DEFERRED")) == checked
    assert db.query("SELECT id, e, d FROM t") == [(1, 1, None), (2, 1, None)]
    assert db.query("SELECT type FROM pragma_table_info('t') WHERE name = 'd'") == [
        ("BIGINT",)
    ]
    assert db.notes == []


def test_what_no_longer_fits_goes(database: MakeDatabase) -> None:
    """The rest stays; a note says what went, and why."""
    db = database(
        f"{PARENT} CREATE TABLE t (id INTEGER PRIMARY KEY, d INT UNIQUE"
        " CONSTRAINT c CHECK (d < 5) REFERENCES p (id));"
        "CREATE INDEX i ON t (d); INSERT INTO t VALUES (1, 1), (2, 2);"
    )
    db.run(in_block(lambda b: replace(b, server_default="7", nullable=False)))
    assert db.query("SELECT id, d FROM t") == [(1, 7), (2, 7)]
    assert db.sql().count("\n") == 0
    assert "UNIQUE" not in db.sql()
    assert "CHECK" not in db.sql()
    assert "REFERENCES" not in db.sql()
    assert db.sql("i") == "CREATE INDEX i ON t (d)"
    notes = " ".join(db.notes)
    assert "UNIQUE of column 'd' of 't' was dropped with column 'd'" in notes
    assert "2 rows: 7 (2 times) are equal" in notes
    assert "CHECK 'c' of 't' was dropped with column 'd'" in notes
    assert "there is no row in 'p'" in notes


@pytest.mark.parametrize("own", [True, False], ids=["own", "other"])
@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize(
    "key", ["d INT UNIQUE", "d INT); CREATE UNIQUE INDEX i ON t (d"]
)
def test_a_replaced_parent_key(
    database: MakeDatabase, key: str, enforce: bool, own: bool
) -> None:
    """Foreign keys go on referring to it; rows that lose their parents count."""
    child = "t" if own else "c"
    db = database(
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, t_d INT REFERENCES t (d), {key});"
        "CREATE TABLE c (id INTEGER PRIMARY KEY, t_d INT REFERENCES t (d));"
        "INSERT INTO t (id, d) VALUES (1, 10), (2, 20);",
        enforce=enforce,
    )
    script = in_block(replace)
    db.run(script)
    db.query("INSERT INTO t (id, d) VALUES (3, 30)", enforce=True)
    db.query(f"INSERT INTO {child} (id, t_d) VALUES (4, 30)", enforce=True)
    with pytest.raises(sqlite3.IntegrityError):
        db.query(f"INSERT INTO {child} (id, t_d) VALUES (5, 31)", enforce=True)
    if enforce:
        assert "would have no parent any more" in db.refuse(script)
    else:
        db.run(script)
        assert db.query("PRAGMA foreign_key_check")[0][:2] == (child, 4)


def test_a_parent_key_that_does_not_come_back(database: MakeDatabase) -> None:
    """What others refer to stays, or nothing is changed."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d INT UNIQUE);"
        "CREATE TABLE c (id INTEGER PRIMARY KEY, t_d INT REFERENCES t (d));"
        "INSERT INTO t VALUES (1, 10), (2, 20);"
    )
    message = db.refuse(in_block(lambda b: replace(b, server_default="1")))
    assert "foreign keys refer to a key that would be removed" in message


def test_the_script_decides_what_a_replaced_column_has(database: MakeDatabase) -> None:
    """What it makes or drops itself is not brought back beside it."""
    db = database(
        f"{PARENT} CREATE TABLE q (id INTEGER PRIMARY KEY);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d INT REFERENCES p (id), e INT,"
        " CONSTRAINT u UNIQUE (d), CONSTRAINT w UNIQUE (d, e),"
        " CHECK (d IN (0, 1)));"
        "CREATE INDEX i ON t (d); CREATE INDEX j ON t (d, e);"
    )
    db.run(
        in_block(
            lambda b: b.drop_column("d"),
            lambda b: b.drop_index("j"),
            lambda b: b.drop_constraint("w", type_="unique"),
            lambda b: b.add_column(
                sa.Column("d", sa.Text(), sa.ForeignKey("q.id", name="f"), unique=True)
            ),
            lambda b: b.create_index("i", ["e"]),
        )
    )
    assert db.sql("i") == "CREATE INDEX i ON t (e)"
    assert db.query("SELECT 1 FROM sqlite_master WHERE name = 'j'") == []
    assert [row[2] for row in db.query("PRAGMA foreign_key_list(t)")] == ["q"]
    assert db.sql().count("UNIQUE") == 1
    assert "CHECK" not in db.sql()


def test_another_column_takes_the_name(database: MakeDatabase) -> None:
    """A renamed column brings its own constraints; a named CHECK speaks of a name."""
    db = database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d INT UNIQUE,"
        " e INT, CONSTRAINT c CHECK (d > 1));"
        "CREATE INDEX i ON t (d); INSERT INTO t VALUES (1, 2, 3), (2, 3, 3);"
    )
    db.run(
        in_block(
            lambda b: b.drop_column("d"),
            lambda b: b.alter_column("e", new_column_name="d"),
        )
    )
    assert db.query("SELECT id, d FROM t") == [(1, 3), (2, 3)]
    assert "CONSTRAINT c CHECK (d > 1)" in db.sql()
    assert "UNIQUE" not in db.sql()
    assert any("index 'i'" in note.lower() for note in db.notes)


# Names


RENAMED: list[tuple[str, str, str]] = [
    ("UNIQUE (a)", "t_a_key", "unique"),
    ("UNIQUE (a)", "uq_t_a", "unique"),
    ("CHECK (a > 0)", "t_check", "check"),
    ("FOREIGN KEY (a) REFERENCES p (id)", "t_a_fkey", "foreignkey"),
    ("FOREIGN KEY (a) REFERENCES p (id)", "fk_t_a_p", "foreignkey"),
    ("UNIQUE (b, a)", "uq_t_b_a", "unique"),
]


@pytest.mark.parametrize("first", [True, False], ids=["drop", "rename"])
@pytest.mark.parametrize(("text", "name", "type_"), RENAMED)
def test_dropped_while_its_column_is_renamed(
    database: MakeDatabase, text: str, name: str, type_: str, first: bool
) -> None:
    """A constraint has the name that its column's name of before the block made."""
    db = database(
        f"{PARENT} CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT, {text});",
        convention=None if type_ == "check" else CONVENTION,
    )
    steps: list[InBlock] = [
        lambda b: b.drop_constraint(name, type_=type_),
        lambda b: b.alter_column("a", new_column_name="c"),
        lambda b: b.alter_column("b", new_column_name="a"),
    ]
    db.run(in_block(*(steps if first else reversed(steps))))
    assert [row[1] for row in db.query("PRAGMA table_info(t)")] == ["id", "c", "a"]
    for word in ("UNIQUE", "CHECK", "REFERENCES"):
        assert word not in db.sql()


def test_names_that_are_not_to_be_built_upon(database: MakeDatabase) -> None:
    """``op.f()`` marks a name as final; without one, none is meant."""
    db = database(
        f"{PARENT} CREATE TABLE t (a INT REFERENCES p (id), b INT UNIQUE);",
        convention=CONVENTION,
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_constraint(op.f("fk_t_a_p"), type_="foreignkey")
            batch.drop_constraint(None, type_="unique")  # type: ignore[arg-type]

    db.run(upgrade)
    assert db.sql() == "CREATE TABLE t (a INT, b INT)"


def test_two_columns_exchange_their_names(database: MakeDatabase) -> None:
    """The name is that of before the exchange."""
    db = database("CREATE TABLE t (a INT, b TEXT, UNIQUE (a), UNIQUE (b));")
    db.run(
        in_block(
            lambda b: b.alter_column("a", new_column_name="b"),
            lambda b: b.alter_column("b", new_column_name="a"),
            lambda b: b.drop_constraint("t_a_key", type_="unique"),
        )
    )
    assert [row[1:3] for row in db.query("PRAGMA table_info(t)")] == [
        ("b", "INT"),
        ("a", "TEXT"),
    ]
    assert '("a")' in db.sql() or "(a)" in db.sql()
    assert db.sql().count("UNIQUE") == 1


def test_the_convention_of_a_block_names_what_has_no_name(
    database: MakeDatabase,
) -> None:
    """As in Alembic, so that a later script drops it by that name."""
    db = database(
        f"{PARENT} CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " a INTEGER REFERENCES p (id), b INT UNIQUE, c INT CHECK (c > 0),"
        " d INT CONSTRAINT own UNIQUE);"
        "INSERT INTO t VALUES (7, 1, 1, 1, 1); DELETE FROM t;"
    )
    db.run(
        in_block(
            lambda b: b.alter_column("a", new_column_name="x", nullable=True),
            naming_convention=CONVENTION,
        )
    )
    for name in ("pk_t", "fk_t_a_p", "uq_t_b", "own"):
        assert f"CONSTRAINT {name} " in db.sql()
    assert "CHECK (c > 0)" in db.sql()
    db.query("INSERT INTO t (b) VALUES (1)")
    assert db.query("SELECT id FROM t") == [(8,)]
    db.run(in_block(lambda b: b.drop_constraint("fk_t_a_p", type_="foreignkey")))
    db.run(in_block(lambda b: b.drop_constraint("uq_t_b", type_="unique")))
    assert "REFERENCES" not in db.sql()
    assert db.sql().count("UNIQUE") == 1


def test_a_block_that_alembic_does_not_reflect_names_nothing(
    database: MakeDatabase,
) -> None:
    """Only a block for which it would copy the table does."""
    db = database("CREATE TABLE t (id INTEGER PRIMARY KEY, b INT UNIQUE);")
    db.run(
        in_block(
            lambda b: b.add_column(sa.Column("n", sa.Integer())),
            naming_convention=CONVENTION,
        )
    )
    assert "CONSTRAINT" not in db.sql()


@pytest.mark.parametrize(
    ("constraints", "name"),
    [
        ("CONSTRAINT u UNIQUE (a), CONSTRAINT u UNIQUE (a)", "u"),
        ("CONSTRAINT u UNIQUE (a), CONSTRAINT u UNIQUE (b)", "u"),
        ("UNIQUE (a), UNIQUE (a)", "t_a_key"),
        ("UNIQUE (a), UNIQUE (a)", None),
    ],
)
def test_two_that_nothing_tells_apart(
    database: MakeDatabase, constraints: str, name: str | None
) -> None:
    """All of them are dropped; a note says how many."""
    db = database(f"CREATE TABLE t (a INT, b INT, {constraints});")
    db.run(in_block(lambda b: b.drop_constraint(name, type_="unique")))  # type: ignore[arg-type]
    assert db.sql() == "CREATE TABLE t (a INT, b INT)"
    assert any("2 times" in note for note in db.notes)


def test_two_of_one_name_and_different_kinds(database: MakeDatabase) -> None:
    """The kind tells them apart, and the message says so."""
    db = database(
        "CREATE TABLE t (a INT, CONSTRAINT u UNIQUE (a), CONSTRAINT u CHECK (a));"
    )
    message = db.refuse(in_block(lambda b: b.drop_constraint("u")))
    assert "Pass the kind that is meant (type_='...')." in message
    db.run(in_block(lambda b: b.drop_constraint("u", type_="check")))
    assert db.sql() == "CREATE TABLE t (a INT, CONSTRAINT u UNIQUE (a))"


def test_a_primary_key_of_the_name_that_the_present_one_has(
    database: MakeDatabase,
) -> None:
    """Another key takes the place of the present one, whatever it is called."""
    db = database(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL,"
        " CONSTRAINT pk_t PRIMARY KEY (a)); INSERT INTO t VALUES (1, 1);"
    )
    db.run(in_block(lambda b: b.create_primary_key("pk_t", ["a", "b"])))
    db.query("INSERT INTO t VALUES (1, 2)")
    assert db.query("SELECT name FROM pragma_table_info('t') WHERE pk > 0") == [
        ("a",),
        ("b",),
    ]


# Numbers


@pytest.mark.parametrize("together", [True, False])
def test_a_column_that_becomes_the_rowid(
    database: MakeDatabase, together: bool
) -> None:
    """Rows keep their numbers, in one block as in two."""
    db = database(
        "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'), ('y'), ('z');"
        "DELETE FROM t WHERE a = 'y';"
    )
    steps: list[InBlock] = [
        lambda b: b.add_column(sa.Column("id", sa.Integer(), nullable=True)),
        lambda b: b.create_primary_key("pk", ["id"]),
    ]
    if together:
        db.run(in_block(*steps))
    else:
        for step in steps:
            db.run(in_block(step))
    assert db.query("SELECT id, a FROM t") == [(1, "x"), (3, "z")]


def test_a_column_with_some_values_is_not_numbered(database: MakeDatabase) -> None:
    """NULL beside values is refused, as before."""
    db = database(
        "CREATE TABLE t (id INTEGER, a); INSERT INTO t VALUES (5, 1), (NULL, 2);"
    )
    message = db.refuse(in_block(lambda b: b.create_primary_key("pk", ["id"])))
    assert "it would be NULL in 1 row" in message

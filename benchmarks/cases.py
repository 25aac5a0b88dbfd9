"""The changes that are measured: as a migration, and as hand-written SQL.

The table is one of a real size: eleven columns of mixed types, a foreign key, a check
and three indexes. The hand-written SQL is the best known for SQLite, edits of the
schema included; it verifies what the change verifies (a scan for NULL, a foreign key
check) and nothing more.
"""

from __future__ import annotations

import collections.abc as cabc
import dataclasses
import random
import sqlite3
import typing as t

import sqlalchemy as sa

TABLE = """
CREATE TABLE item (
    id INTEGER NOT NULL,
    owner_id INTEGER,
    name VARCHAR(50) NOT NULL,
    email VARCHAR(80),
    age INTEGER NOT NULL,
    price NUMERIC(10, 2),
    created DATETIME,
    active BOOLEAN NOT NULL,
    code VARCHAR(20),
    note TEXT,
    seen DATETIME,
    CONSTRAINT pk_item PRIMARY KEY (id),
    CONSTRAINT ck_item_age CHECK (age >= 0),
    CONSTRAINT fk_item_owner FOREIGN KEY(owner_id) REFERENCES owner (id)
)"""
INDEXES = (
    "CREATE INDEX ix_item_name ON item (name)",
    "CREATE INDEX ix_item_email_created ON item (email, created)",
    "CREATE INDEX ix_item_owner ON item (owner_id)",
)
OWNERS = 1000

Operations = t.Any
Migration = cabc.Callable[[Operations], None]
ByHand = cabc.Callable[[sqlite3.Connection], None]


def build(path: str, rows: int) -> None:
    """Write the database that every measurement starts from."""
    random.seed(rows)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE owner (id INTEGER NOT NULL PRIMARY KEY, name TEXT)"
    )
    connection.executemany(
        "INSERT INTO owner VALUES (?, ?)", ((i, f"owner {i}") for i in range(OWNERS))
    )
    connection.execute(TABLE)
    connection.executemany(
        "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(number) for number in range(rows)),
    )
    for index in INDEXES:
        connection.execute(index)
    connection.commit()
    connection.close()


def _row(number: int) -> tuple[object, ...]:
    return (
        number,
        random.randrange(OWNERS),
        f"name {random.randrange(10**6)}",
        f"user{number}@example.org",
        random.randrange(100),
        random.randrange(10**6) / 100,
        f"2026-01-{1 + number % 28:02} 10:00:00.000000",
        number % 2,
        str(number),
        "x" * random.randrange(60),
        f"2026-02-{1 + number % 28:02}" if number % 100 else number,
    )


def edit_schema(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Replace a piece of the table's text, without writing a row."""
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'item'",
        (old, new),
    )
    connection.execute("PRAGMA writable_schema = OFF")
    cookie = connection.execute("PRAGMA schema_version").fetchone()[0]
    connection.execute(f"PRAGMA schema_version = {cookie + 1}")
    connection.execute("SELECT 1 FROM item LIMIT 1").fetchone()


def copy_table(connection: sqlite3.Connection, replacements: dict[str, str]) -> None:
    """Follow the procedure of SQLite's manual for changes that need a copy."""
    text = TABLE.replace("TABLE item", "TABLE item_new")
    for old, new in replacements.items():
        text = text.replace(old, new)
    connection.execute(text)
    rows = connection.execute("SELECT name FROM pragma_table_info('item_new')")
    names = ", ".join(name for (name,) in rows)
    connection.execute(f"INSERT INTO item_new ({names}) SELECT {names} FROM item")
    connection.execute("DROP TABLE item")
    connection.execute("ALTER TABLE item_new RENAME TO item")
    for index in INDEXES:
        connection.execute(index)


def none_found(connection: sqlite3.Connection, query: str) -> None:
    """Run a verification that must find nothing."""
    if connection.execute(query).fetchone() is not None:
        raise SystemExit(f"rows do not fit: {query}")


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One change.

    :param name: what it does.
    :param bound: the most it may take, as a part of Flask-Migrate's time.
    :param migrate: the change, as a migration script makes it.
    :param by_hand: the change, as an expert would make it.
    """

    name: str
    bound: float
    migrate: Migration
    by_hand: ByHand


def _in_batch(change: cabc.Callable[[t.Any], None]) -> Migration:
    def migrate(op: Operations) -> None:
        with op.batch_alter_table("item") as batch:
            change(batch)

    return migrate


def _edit(old: str, new: str, verify: str | None = None) -> ByHand:
    def by_hand(connection: sqlite3.Connection) -> None:
        if verify is not None:
            none_found(connection, verify)
        edit_schema(connection, old, new)

    return by_hand


def _add_foreign_key(connection: sqlite3.Connection) -> None:
    edit_schema(
        connection,
        "\n)",
        ",\n    CONSTRAINT fk_age FOREIGN KEY(age) REFERENCES owner (id)\n)",
    )
    none_found(connection, "PRAGMA foreign_key_check(item)")


def _change_type(old: str, new: str, column: str, classes: str) -> ByHand:
    """Edit the type, and let SQLite store what it stores in another way."""

    def by_hand(connection: sqlite3.Connection) -> None:
        edit_schema(connection, f"{column} {old}", f"{column} {new}")
        connection.execute(
            f"UPDATE item SET {column} = {column} WHERE typeof({column}) IN ({classes})"
        )

    return by_hand


def _reorder(op: Operations) -> None:
    order = [("id", "note", "owner_id")]
    with op.batch_alter_table("item", recreate="always", partial_reordering=order):
        pass


def _drop_convert_refer(batch: t.Any) -> None:
    batch.drop_column("note")
    batch.alter_column("code", type_=sa.Integer(), existing_type=sa.String(20))
    batch.create_foreign_key("fk_age", "owner", ["age"], ["id"])


def _drop_convert_refer_by_hand(connection: sqlite3.Connection) -> None:
    _run(connection, "ALTER TABLE item DROP COLUMN note")
    _change_type("VARCHAR(20)", "INTEGER", "code", "'text'")(connection)
    _add_foreign_key(connection)


def _several(batch: t.Any) -> None:
    batch.alter_column("code", type_=sa.Integer(), existing_type=sa.String(20))
    batch.alter_column("note", nullable=False, existing_type=sa.Text())
    batch.create_check_constraint("ck_price", sa.text("price >= 0"))
    batch.create_unique_constraint("uq_email", ["email"])


_FK = ",\n    CONSTRAINT fk_item_owner FOREIGN KEY(owner_id) REFERENCES owner (id)"
_CHECK = "\n    CONSTRAINT ck_item_age CHECK (age >= 0),"
_NULL = "SELECT 1 FROM item WHERE note IS NULL"
_UNIQUE = ",\n    CONSTRAINT uq_email UNIQUE (email)\n)"
_INTEGER = {"code VARCHAR(20)": "code INTEGER"}

CASES = (
    Case(
        "NOT NULL dropped",
        1 / 50,
        _in_batch(
            lambda b: b.alter_column("age", nullable=True, existing_type=sa.Integer())
        ),
        _edit("age INTEGER NOT NULL", "age INTEGER"),
    ),
    Case(
        "CHECK dropped",
        1 / 50,
        _in_batch(lambda b: b.drop_constraint("ck_item_age", type_="check")),
        _edit(_CHECK, ""),
    ),
    Case(
        "FOREIGN KEY dropped",
        1 / 50,
        _in_batch(lambda b: b.drop_constraint("fk_item_owner", type_="foreignkey")),
        _edit(_FK, ""),
    ),
    Case(
        "VARCHAR widened",
        1 / 50,
        _in_batch(
            lambda b: b.alter_column(
                "email", type_=sa.String(200), existing_type=sa.String(80)
            )
        ),
        _edit("email VARCHAR(80)", "email VARCHAR(200)"),
    ),
    Case(
        "column renamed",
        1 / 50,
        _in_batch(lambda b: b.alter_column("note", new_column_name="remark")),
        lambda c: _run(c, "ALTER TABLE item RENAME COLUMN note TO remark"),
    ),
    Case(
        "NOT NULL set",
        1 / 10,
        _in_batch(
            lambda b: b.alter_column("note", nullable=False, existing_type=sa.Text())
        ),
        _edit("note TEXT", "note TEXT NOT NULL", _NULL),
    ),
    Case(
        "CHECK added",
        1 / 10,
        _in_batch(
            lambda b: b.create_check_constraint("ck_price", sa.text("price >= 0"))
        ),
        _edit(
            "\n)",
            ",\n    CONSTRAINT ck_price CHECK (price >= 0)\n)",
            "SELECT 1 FROM item WHERE NOT (price >= 0)",
        ),
    ),
    Case(
        "FOREIGN KEY added",
        1 / 5,
        _in_batch(lambda b: b.create_foreign_key("fk_age", "owner", ["age"], ["id"])),
        _add_foreign_key,
    ),
    Case(
        "column dropped",
        1 / 2.5,
        _in_batch(lambda b: b.drop_column("note")),
        lambda c: _run(c, "ALTER TABLE item DROP COLUMN note"),
    ),
    Case(
        "type changed, every row",
        0.45,
        _in_batch(
            lambda b: b.alter_column(
                "code", type_=sa.Integer(), existing_type=sa.String(20)
            )
        ),
        _change_type("VARCHAR(20)", "INTEGER", "code", "'text'"),
    ),
    Case(
        "type changed, one row in a hundred",
        0.20,
        _in_batch(
            lambda b: b.alter_column(
                "seen", type_=sa.String(30), existing_type=sa.DateTime()
            )
        ),
        _change_type("DATETIME", "VARCHAR(30)", "seen", "'integer', 'real'"),
    ),
    Case(
        "type changed, no row",
        0.20,
        _in_batch(
            lambda b: b.alter_column(
                "price", type_=sa.Float(), existing_type=sa.Numeric(10, 2)
            )
        ),
        _change_type("NUMERIC(10, 2)", "FLOAT", "price", "'text'"),
    ),
    Case(
        "order of columns changed",
        0.50,
        _reorder,
        lambda c: copy_table(
            c,
            {
                "\n    note TEXT,": "",
                "id INTEGER NOT NULL,": "id INTEGER NOT NULL,\n    note TEXT,",
            },
        ),
    ),
    Case(
        "UNIQUE added",
        0.20,
        _in_batch(lambda b: b.create_unique_constraint("uq_email", ["email"])),
        lambda c: copy_table(c, {"\n)": _UNIQUE}),
    ),
    Case(
        "dropped, type and FOREIGN KEY at once",
        0.70,
        _in_batch(_drop_convert_refer),
        _drop_convert_refer_by_hand,
    ),
    Case(
        "type, NOT NULL, CHECK and UNIQUE at once",
        0.70,
        _in_batch(_several),
        lambda c: copy_table(
            c,
            {
                **_INTEGER,
                "note TEXT": "note TEXT NOT NULL",
                "\n)": ",\n    CONSTRAINT ck_price CHECK (price >= 0)" + _UNIQUE,
            },
        ),
    ),
)


def _run(connection: sqlite3.Connection, statement: str) -> None:
    connection.execute(statement)

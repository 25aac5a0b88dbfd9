"""Foreign keys count at the end of a migration, and between two blocks they do not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase
from tests.sqlite.alembic_file import Script

SCHEMA = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT NOT NULL, tag TEXT,"
    " CONSTRAINT uq_tag UNIQUE (tag));"
    "CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER, p_code TEXT, p_tag TEXT,"
    " CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE,"
    " CONSTRAINT fk_tag FOREIGN KEY (p_tag) REFERENCES p (tag));"
)
ROWS = (
    "INSERT INTO p VALUES (1, 'a', 'x'), (2, 'b', 'y');"
    "INSERT INTO c VALUES (7, 1, 'a', 'x'), (8, 2, 'b', NULL), (9, NULL, NULL, 'y');"
)
pytestmark = pytest.mark.parametrize("enforce", [True, False])
filled = pytest.mark.parametrize("rows", [ROWS, ""])


def whole(script: Script) -> Script:
    """Run all of a script in one transaction, as a migration does."""

    def run(op: Operations) -> None:
        with op.get_bind().begin():
            script(op)

    return run


def new_parent_key(op: Operations) -> None:
    """The parent's primary key is another column."""
    with op.batch_alter_table("p") as batch:
        batch.create_primary_key("pk_p", ["code"])


def moved_key(op: Operations) -> None:
    """The child refers to the new key."""
    with op.batch_alter_table("c") as batch:
        batch.drop_constraint("fk", type_="foreignkey")
        batch.create_foreign_key("fk_code", "p", ["p_code"], ["code"])


def unchanged(db: Database, rows: str) -> None:
    """Every row of the child is there, and has its parent."""
    assert db.query("SELECT count(*) FROM c") == [(3 if rows else 0,)]
    assert db.query("PRAGMA foreign_key_check") == []


@filled
def test_the_parents_key_changes_first(
    database: MakeDatabase, enforce: bool, rows: str
) -> None:
    """The next block moves the child's key to the new one."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("p") as batch:
            batch.drop_column("id")
            batch.create_primary_key("pk_p", ["code"])
        moved_key(op)
        with op.batch_alter_table("c") as batch:
            batch.drop_column("p_id")

    db.run(whole(upgrade))
    unchanged(db, rows)
    assert [row[2:5] for row in db.query("PRAGMA foreign_key_list(c)")] == [
        ("p", "p_code", "code"),
        ("p", "p_tag", "tag"),
    ]
    assert not any("parent" in note for note in db.notes)


@filled
def test_the_childs_key_comes_first(
    database: MakeDatabase, enforce: bool, rows: str
) -> None:
    """What it refers to becomes a key in the next block."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        moved_key(op)
        with op.batch_alter_table("p") as batch:
            batch.create_unique_constraint("uq_code", ["code"])

    db.run(whole(upgrade))
    unchanged(db, rows)


@filled
@pytest.mark.parametrize("index", [True, False])
def test_the_parents_unique_key_is_made_anew(
    database: MakeDatabase, enforce: bool, rows: str, index: bool
) -> None:
    """A UNIQUE, or a unique index, goes and comes back, with other blocks between."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("p") as batch:
            batch.drop_constraint("uq_tag", type_="unique")
        with op.batch_alter_table("c") as batch:
            batch.alter_column("p_code", type_=sa.String(9))
        with op.batch_alter_table("p", recreate="always") as batch:
            batch.alter_column("code", server_default="z")
        if index:
            op.create_index("ix_tag", "p", ["tag"], unique=True)
        else:
            with op.batch_alter_table("p") as batch:
                batch.create_unique_constraint("uq_tag", ["tag"])

    db.run(whole(upgrade))
    unchanged(db, rows)

    def again(op: Operations) -> None:
        op.drop_index("ix_tag")
        op.create_index("ix_other", "p", ["tag"], unique=True)

    if index:
        db.run(whole(again))
        unchanged(db, rows)


@filled
def test_the_parent_is_made_anew(
    database: MakeDatabase, enforce: bool, rows: str
) -> None:
    """Dropped and created again, its key in a block of its own."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        op.execute("CREATE TABLE kept AS SELECT * FROM p")
        op.drop_table("p")
        op.create_table(
            "p",
            sa.Column("id", sa.Integer()),
            sa.Column("code", sa.Text()),
            sa.Column("tag", sa.Text()),
        )
        op.execute("INSERT INTO p SELECT * FROM kept")
        with op.batch_alter_table("p") as batch:
            batch.create_primary_key("pk", ["id"])
            batch.create_unique_constraint("uq_tag", ["tag"])
        op.drop_table("kept")

    db.run(whole(upgrade))
    unchanged(db, rows)


@filled
def test_tables_are_renamed_in_between(
    database: MakeDatabase, enforce: bool, rows: str
) -> None:
    """The keys are found by the new names, and hold."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        new_parent_key(op)
        op.rename_table("c", "child")
        op.rename_table("p", "parent")
        with op.batch_alter_table("child") as batch:
            batch.drop_constraint("fk", type_="foreignkey")
            batch.create_foreign_key("fk_code", "parent", ["p_code"], ["code"])
        op.rename_table("child", "c")

    db.run(whole(upgrade))
    unchanged(db, rows)


@filled
def test_values_of_both_sides_change(
    database: MakeDatabase, enforce: bool, rows: str
) -> None:
    """For a moment no row has a parent."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        for table, column in (("p", "id"), ("c", "p_id")):
            with op.batch_alter_table(table) as batch:
                batch.alter_column(
                    column, type_=sa.Numeric(), sqlite_using=f"{column} + 100"
                )

    db.run(whole(upgrade))
    unchanged(db, rows)
    assert not any("parent" in note for note in db.notes)
    wanted = [(101,), (102,), (None,)] if rows else []
    assert db.query("SELECT p_id FROM c ORDER BY id") == wanted


@filled
@pytest.mark.parametrize("renamed", ["", "by us", "by SQL"])
def test_what_does_not_hold_in_the_end(
    database: MakeDatabase, enforce: bool, rows: str, renamed: str
) -> None:
    """A key that nothing can satisfy is refused with its line, whatever the setting."""
    db = database(SCHEMA + rows, enforce=enforce)

    def upgrade(op: Operations) -> None:
        new_parent_key(op)
        if renamed == "by us":
            op.rename_table("c", "child")
        elif renamed:
            op.execute("ALTER TABLE c RENAME TO child")

    message = db.refuse(whole(upgrade))
    assert "foreign key mismatch" in message
    assert "test_pending_keys.py, line " in message
    child = "child" if renamed else "c"
    assert f'"{child}" referencing "p"' in message


def test_a_new_key_without_a_parent_key(database: MakeDatabase, enforce: bool) -> None:
    """Neither a key that refers to no key is stored."""
    db = database(SCHEMA + ROWS, enforce=enforce)
    assert "need a primary key or a unique" in db.refuse(whole(moved_key))


def test_a_new_key_with_orphans(database: MakeDatabase, enforce: bool) -> None:
    """Its rows are looked at when it has its parent key."""
    db = database(SCHEMA + ROWS, enforce=enforce)

    def upgrade(op: Operations) -> None:
        op.execute("UPDATE p SET code = 'other' WHERE id = 1")
        moved_key(op)
        with op.batch_alter_table("p") as batch:
            batch.create_unique_constraint("uq_code", ["code"])

    assert "there is no row in 'p' for 1 row: rowid 7" in db.refuse(whole(upgrade))


def test_rows_without_a_parent_in_the_end(
    database: MakeDatabase, enforce: bool
) -> None:
    """Refused where keys are enforced, else told; those from before are let be."""
    db = database(
        f"{SCHEMA}{ROWS} INSERT INTO c (id, p_id) VALUES (10, 99);", enforce=enforce
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("p") as batch:
            batch.alter_column("id", type_=sa.Numeric(), sqlite_using="id + 100")

    if enforce:
        assert "2 rows would have no parent any more" in db.refuse(whole(upgrade))
    else:
        db.run(whole(upgrade))
        assert sum("has no parent" in note for note in db.notes) == 2


def test_a_mismatch_from_before_is_let_be(
    database: MakeDatabase, enforce: bool
) -> None:
    """It is not the migration's."""
    db = database(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, a, b UNIQUE);"
        "CREATE TABLE c (x REFERENCES p (a)); CREATE TABLE d (y REFERENCES p (b));",
        enforce=enforce,
    )

    def upgrade(op: Operations) -> None:
        with op.batch_alter_table("p") as batch:
            batch.alter_column("a", type_=sa.Text())
        with op.batch_alter_table("c") as batch:
            batch.add_column(sa.Column("z", sa.Text()))

    db.run(whole(upgrade))
    assert db.query("SELECT z FROM c") == []

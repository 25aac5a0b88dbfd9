"""Blocks that name an index of another table, as SQLite and Alembic let them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.operations import Operations

from tests.sqlite.alembic_file import Database
from tests.sqlite.alembic_file import MakeDatabase

TABLES = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, c TEXT);"
    "CREATE INDEX ix_p ON p (c);"
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);"
    "CREATE INDEX ix_t ON t (a);"
)


def indexes(db: Database) -> dict[str, str]:
    """Return each index's table."""
    rows = db.query("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'")
    return dict(rows)


@pytest.mark.parametrize("name", ["ix_p", "IX_P"])
@pytest.mark.parametrize("in_block", [True, False])
@pytest.mark.parametrize("column", ["a", "no_such_column"])
def test_an_index_that_another_table_has(
    database: MakeDatabase, name: str, in_block: bool, column: str
) -> None:
    """``IF NOT EXISTS`` asks for the name alone, and looks at nothing else."""
    db = database(TABLES)

    def script(op: Operations) -> None:
        if not in_block:
            op.create_index(name, "t", [column], if_not_exists=True)
            return
        with op.batch_alter_table("t") as batch:
            batch.create_index(name, [column], if_not_exists=True)
            batch.create_index("ix_new", ["a"])

    db.run(script)
    assert indexes(db) == {"ix_p": "p", "ix_t": "t"} | (
        {"ix_new": "t"} if in_block else {}
    )
    assert db.notes == [f"'p' already has an index '{name}', so none is created."]


@pytest.mark.parametrize("if_exists", [True, False])
def test_another_tables_index_is_dropped(
    database: MakeDatabase, if_exists: bool
) -> None:
    """Where only indexes change, ``DROP INDEX`` finds it by its name."""
    db = database(TABLES)

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_index("ix_p", if_exists=if_exists)
            batch.drop_index("ix_t")

    db.run(script)
    assert indexes(db) == {}
    assert db.notes == ["Index 'ix_p' of 'p' is dropped."]


def test_a_block_that_copies_has_its_own_indexes_only(database: MakeDatabase) -> None:
    """Alembic looks among the table's indexes then, and scripts catch its error."""
    db = database(TABLES)
    seen: list[str] = []

    def script(op: Operations) -> None:
        try:
            with op.batch_alter_table("t") as batch:
                batch.alter_column("a", nullable=False)
                batch.drop_index("ix_p")
        except ValueError as error:
            seen.append(str(error))

    db.run(script)
    assert len(seen) == 1
    assert indexes(db) == {"ix_p": "p", "ix_t": "t"}


def test_an_index_that_nobody_has(database: MakeDatabase) -> None:
    """It is missed as before."""
    db = database(TABLES)

    def script(op: Operations) -> None:
        with op.batch_alter_table("t") as batch:
            batch.drop_index("ix_none")

    assert "no index 'ix_none'" in db.refuse(script)


def test_an_order_of_columns_that_are_not_there(database: MakeDatabase) -> None:
    """Alembic leaves them out, and orders the others."""
    db = database(TABLES)

    def script(op: Operations) -> None:
        order = [("none", "a", "never", "id")]
        with op.batch_alter_table("t", partial_reordering=order) as batch:
            batch.add_column(sa.Column("b", sa.Text()))

    db.run(script)
    names = [name for (name,) in db.query("SELECT name FROM pragma_table_info('t')")]
    assert names.index("a") < names.index("id")
    assert sorted(names) == ["a", "b", "id"]

"""What the engine does where Alembic's own tests ask for something else."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from flask_batchmigrate.sqlite.adapter import activate
from flask_batchmigrate.sqlite.errors import RowsRefused

FOO = """CREATE TABLE foo(
    id INTEGER PRIMARY KEY, data VARCHAR(50), x INTEGER, CHECK (x > 0)
)"""
ROWS = "INSERT INTO foo VALUES (1, 'd1', 5), (2, '22', 6), (3, '8.5', 7)"


@pytest.fixture
def connection() -> cabc.Iterator[sa.Connection]:
    """An in-memory database with a filled table."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("ATTACH ':memory:' AS my_schema")
        connection.exec_driver_sql(FOO)
        connection.exec_driver_sql(ROWS)
        connection.commit()
        yield connection
    engine.dispose()


@contextlib.contextmanager
def migrating(connection: sa.Connection, **opts: t.Any) -> cabc.Iterator[Operations]:
    """The operations, with the engine; what they did is committed."""
    with activate():
        yield Operations(MigrationContext.configure(connection, opts=opts))
        connection.commit()


def columns(connection: sa.Connection, table: str = "foo") -> list[str]:
    return [c["name"] for c in sa.inspect(connection).get_columns(table)]


def checks(connection: sa.Connection, table: str = "foo") -> list[tuple[t.Any, str]]:
    found = sa.inspect(connection).get_check_constraints(table)
    return sorted(((c["name"], c["sqltext"]) for c in found), key=str)


def rows(connection: sa.Connection, table: str = "foo") -> list[tuple[t.Any, ...]]:
    found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1")
    return [tuple(row) for row in found]


def test_add_column(connection: sa.Connection) -> None:
    """A column is added, of any type, and a comment is no matter."""
    with migrating(connection) as op:
        op.add_column("foo", sa.Column("c1", sa.Integer()))
        op.add_column("foo", sa.Column("c2", sa.Boolean()))
        op.add_column("foo", sa.Column("c3", sa.Integer(), comment="told"))
    assert columns(connection) == ["id", "data", "x", "c1", "c2", "c3"]
    assert rows(connection)[0] == (1, "d1", 5, None, None, None)


def test_add_column_in_a_block(connection: sa.Connection) -> None:
    """The column is there for the connection that migrates, with its default."""
    with migrating(connection) as op:
        with op.batch_alter_table("foo") as batch:
            batch.add_column(sa.Column("data2", sa.String(50), server_default="hi"))
        assert columns(connection) == ["id", "data", "x", "data2"]
    assert [row[3] for row in rows(connection)] == ["hi"] * 3


def test_rename_column(connection: sa.Connection) -> None:
    """A column is renamed with a plain operation."""
    with migrating(connection) as op:
        op.alter_column("foo", "data", new_column_name="text")
    assert columns(connection) == ["id", "text", "x"]


def test_rename_a_table_of_another_schema(connection: sa.Connection) -> None:
    """A table of an attached database is renamed there."""
    connection.exec_driver_sql("CREATE TABLE my_schema.old_name(id INTEGER)")
    connection.commit()
    with migrating(connection) as op:
        op.rename_table("old_name", "new_name", schema="my_schema")
    names = sa.inspect(connection).get_table_names(schema="my_schema")
    assert names == ["new_name"]


def test_constraints_come_and_go_outside_of_a_batch_block(
    connection: sa.Connection,
) -> None:
    """A check is added and dropped by plain operations, and holds in between."""
    before = checks(connection)
    with migrating(connection) as op:
        op.create_check_constraint("big", "foo", sa.column("x") > 4)
    with pytest.raises(sa.exc.IntegrityError, match="big"):
        connection.exec_driver_sql("INSERT INTO foo (x) VALUES (4)")
    connection.rollback()
    with migrating(connection) as op:
        op.drop_constraint("big", "foo")
    assert checks(connection) == before


def test_a_type_change_loses_no_value(connection: sa.Connection) -> None:
    """Text that is no number stops it; the script may say what becomes of it."""
    before = rows(connection)
    connection.rollback()
    with activate():
        op = Operations(MigrationContext.configure(connection))
        with (
            pytest.raises(RowsRefused, match=r"'d1'.*Nothing was changed"),
            op.batch_alter_table("foo") as batch,
        ):
            batch.alter_column("data", type_=sa.Integer())
    assert rows(connection) == before
    connection.rollback()
    using = "CAST(data AS INTEGER)"
    with migrating(connection) as op, op.batch_alter_table("foo") as batch:
        batch.alter_column("data", type_=sa.Integer(), sqlite_using=using)
    assert rows(connection) == [(1, 0, 5), (2, 22, 6), (3, 8, 7)]


@pytest.mark.parametrize("recreate", ["auto", "always"])
@pytest.mark.parametrize("action", ["", "ON DELETE CASCADE", "ON DELETE SET NULL"])
def test_a_parent_changes_while_keys_are_enforced(
    connection: sa.Connection, action: str, recreate: t.Any
) -> None:
    """Rows of other tables and of the table itself still refer to their parents."""
    for statement in (
        f"CREATE TABLE bar(id INTEGER PRIMARY KEY, up INTEGER REFERENCES bar {action})",
        "INSERT INTO bar VALUES (1, NULL), (2, 1)",
        f"CREATE TABLE child(id INTEGER PRIMARY KEY, up INTEGER REFERENCES bar(id)"
        f" {action})",
        "INSERT INTO child VALUES (1, 2)",
    ):
        connection.exec_driver_sql(statement)
    connection.commit()
    native: t.Any = connection.connection.driver_connection
    native.execute("PRAGMA foreign_keys = ON").close()
    with (
        migrating(connection) as op,
        op.batch_alter_table("bar", recreate=recreate) as batch,
    ):
        batch.alter_column("up", new_column_name="over")
    assert columns(connection, "bar") == ["id", "over"]
    assert rows(connection, "bar") == [(1, None), (2, 1)]
    assert rows(connection, "child") == [(1, 2)]
    assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_new_column_gets_its_place_without_recreate(
    connection: sa.Connection,
) -> None:
    """The place that the block asks for, whatever way that takes."""
    with migrating(connection) as op, op.batch_alter_table("foo") as batch:
        batch.add_column(sa.Column("data2", sa.String(50)), insert_before="data")
    assert columns(connection) == ["id", "data2", "data", "x"]
    assert rows(connection)[0] == (1, None, "d1", 5)


def test_a_convention_names_what_has_no_name(connection: sa.Connection) -> None:
    """The check gets its name, and can be dropped by it in a block of its own."""
    convention = {"ck": "ck_%(table_name)s_ck"}
    with (
        migrating(connection) as op,
        op.batch_alter_table(
            "foo", naming_convention=convention, recreate="always"
        ) as batch,
    ):
        batch.add_column(sa.Column("y", sa.Integer()))
    assert checks(connection) == [("ck_foo_ck", "x > 0")]
    connection.rollback()
    with (
        migrating(connection) as op,
        op.batch_alter_table("foo", naming_convention=convention) as batch,
    ):
        batch.drop_constraint("ck_foo_ck", type_="check")
    assert checks(connection) == []


def test_a_type_without_a_name_keeps_its_check(connection: sa.Connection) -> None:
    """The convention needs a name that the type has not, so there is none."""
    connection.exec_driver_sql(
        "CREATE TABLE user(id INTEGER NOT NULL, is_active BOOLEAN,"
        " CONSTRAINT pk_user PRIMARY KEY (id), CHECK (is_active IN (0, 1)))"
    )
    connection.commit()
    metadata = sa.MetaData(
        naming_convention={
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    table = sa.Table(
        "user",
        metadata,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("is_active", sa.Boolean(create_constraint=True)),
    )
    with (
        migrating(connection, target_metadata=metadata) as op,
        op.batch_alter_table("user", copy_from=table, recreate="always") as batch,
    ):
        batch.add_column(sa.Column("y", sa.Integer()))
    assert columns(connection, "user") == ["id", "is_active", "y"]
    assert checks(connection, "user") == [(None, "is_active IN (0, 1)")]


def test_a_named_type_in_copy_from_gets_the_name_of_the_convention(
    connection: sa.Connection,
) -> None:
    """As SQLAlchemy would name it when it creates the table."""
    metadata = sa.MetaData(
        naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"}
    )
    table = sa.Table(
        "user",
        metadata,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("on", sa.Boolean(create_constraint=True, name="on")),
    )
    table.create(connection)
    connection.commit()
    before = checks(connection, "user")
    assert [name for name, _ in before] == ["ck_user_on"]
    connection.rollback()
    with (
        migrating(connection) as op,
        op.batch_alter_table("user", copy_from=table) as batch,
    ):
        batch.add_column(sa.Column("y", sa.Integer()))
    assert checks(connection, "user") == before


@pytest.mark.parametrize("recreate", ["auto", "always"])
def test_checks_without_a_name_are_kept(
    connection: sa.Connection, recreate: t.Any
) -> None:
    """Those of the table, and those of a Boolean."""
    connection.exec_driver_sql("CREATE TABLE b(v BOOLEAN, CHECK (v IN (0, 1)))")
    connection.commit()
    for table in ("foo", "b"):
        before = checks(connection, table)
        connection.rollback()
        with (
            migrating(connection) as op,
            op.batch_alter_table(table, recreate=recreate) as batch,
        ):
            batch.add_column(sa.Column("y", sa.Integer()))
        assert checks(connection, table) == before
        connection.rollback()


@pytest.mark.parametrize("recreate", ["auto", "always"])
@pytest.mark.parametrize("argument", ["copy_from", "reflect_args"])
def test_a_described_column_can_be_renamed(
    connection: sa.Connection, argument: str, recreate: t.Any
) -> None:
    """What describes the table before the block does not lose the renamed column."""
    described: dict[str, t.Any] = {
        "reflect_args": [sa.Column("data", sa.String(80))],
        "copy_from": sa.Table(
            "foo",
            sa.MetaData(),
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("data", sa.String(80)),
            sa.Column("x", sa.Integer()),
        ),
    }
    with (
        migrating(connection) as op,
        op.batch_alter_table(
            "foo", recreate=recreate, **{argument: described[argument]}
        ) as batch,
    ):
        batch.alter_column("data", new_column_name="text")
        batch.create_unique_constraint("one_text", ["text"])
    assert columns(connection) == ["id", "text", "x"]
    assert rows(connection) == [(1, "d1", 5), (2, "22", 6), (3, "8.5", 7)]
    found = sa.inspect(connection)
    assert found.get_columns("foo")[1]["type"].length == 80
    assert found.get_unique_constraints("foo")[0]["column_names"] == ["text"]


@pytest.mark.parametrize("plain", [False, True], ids=["block", "plain"])
def test_a_key_column_becomes_the_key_of_a_table_without_one(
    connection: sa.Connection, plain: bool
) -> None:
    """A column that is added with ``primary_key=True`` is the primary key."""
    connection.exec_driver_sql("CREATE TABLE keyless(name TEXT)")
    connection.exec_driver_sql("INSERT INTO keyless VALUES ('a'), ('b')")
    connection.commit()
    column = sa.Column("id", sa.Integer(), primary_key=True)
    with migrating(connection) as op:
        if plain:
            op.add_column("keyless", column)
        else:
            with op.batch_alter_table("keyless") as batch:
                batch.add_column(column)
    key = sa.inspect(connection).get_pk_constraint("keyless")
    assert key["constrained_columns"] == ["id"]
    assert [row[1] for row in rows(connection, "keyless")] == [1, 2]


def test_a_block_outside_of_a_transaction_is_committed(
    connection: sa.Connection,
) -> None:
    """As Alembic has it: a block is a transaction by itself where there is none."""
    with activate():
        op = Operations(MigrationContext.configure(connection))
        with op.batch_alter_table("foo") as batch:
            batch.add_column(sa.Column("y", sa.Integer()))
        assert not connection.in_transaction()
        connection.rollback()
    assert columns(connection) == ["id", "data", "x", "y"]

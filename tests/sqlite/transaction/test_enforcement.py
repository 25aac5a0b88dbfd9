"""``PRAGMA foreign_keys`` of a script does what the script means by it."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import sys

import pytest
import sqlalchemy as sa

from flask_batchmigrate.sqlite.errors import TransactionError
from flask_batchmigrate.sqlite.transaction import migration

SWITCHABLE = sys.version_info >= (3, 12)


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> cabc.Iterator[sa.Engine]:
    """A parent with two children that cascade, on connections that enforce it."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    sa.event.listen(engine, "connect", _enforce)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE parent(id INTEGER PRIMARY KEY, name)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INTEGER"
            " REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE)",
            "CREATE TABLE free(x)",
            "CREATE TABLE abort(id INTEGER PRIMARY KEY, replace)",
            "CREATE TABLE aborted(x REFERENCES abort ON DELETE CASCADE)",
            "INSERT INTO abort VALUES (1, 1)",
            "INSERT INTO aborted VALUES (1)",
            "CREATE TABLE single(id INTEGER PRIMARY KEY)",
            "CREATE TABLE empty(x REFERENCES single ON DELETE CASCADE)",
            "CREATE TABLE strict_child(x REFERENCES strict(id) ON DELETE RESTRICT)",
            "CREATE TABLE strict(id INTEGER PRIMARY KEY)",
            "INSERT INTO parent(id) VALUES (1), (2), (4)",
            "INSERT INTO single VALUES (1)",
            "INSERT INTO strict VALUES (1)",
            "INSERT INTO strict_child VALUES (1)",
            "INSERT INTO child VALUES (1, 1), (2, 2)",
            "INSERT INTO free VALUES (1)",
        ):
            connection.exec_driver_sql(statement)
    yield engine
    engine.dispose()


def _enforce(connection: object, record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]


def children(connection: sa.Connection) -> int:
    """Count the child rows."""
    return connection.exec_driver_sql("SELECT count(*) FROM child").scalar_one()


@pytest.fixture
def connection(engine: sa.Engine) -> cabc.Iterator[sa.Connection]:
    """A connection in a migration that has written already."""
    with engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.exec_driver_sql("CREATE TABLE made(x)")
        yield connection
        transaction.finish()
        connection.rollback()
        enforced = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
        assert enforced == 1, "the application's setting came back"


SPELLINGS = (
    "PRAGMA foreign_keys = OFF",
    "pragma main.foreign_keys=0",
    "PRAGMA /* for now */ foreign_keys(no)",
    "PRAGMA \"foreign_keys\" = 'off'",
    "PRAGMA foreign_keys = never",
)


@pytest.mark.skipif(not SWITCHABLE, reason="the driver can switch it from 3.12 on")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_switching_off_holds_until_it_is_switched_on(
    connection: sa.Connection, spelling: str
) -> None:
    """A DELETE between OFF and ON does not cascade, one after it does."""
    connection.exec_driver_sql(spelling)
    connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert children(connection) == 2
    connection.exec_driver_sql("PRAGMA foreign_keys = ON")
    connection.exec_driver_sql("DELETE FROM parent WHERE id = 2")
    assert children(connection) == 1


FIRING = (
    "DELETE FROM parent WHERE id = 1",
    'UPDATE OR IGNORE "parent" SET id = 7',
    "DROP TABLE IF EXISTS parent",
    "REPLACE INTO parent VALUES (1, NULL)",
    "INSERT OR REPLACE INTO main.parent(id) VALUES (1)",
    "INSERT INTO parent(id) VALUES (1) ON CONFLICT(id) DO UPDATE SET id = 9",
    "  delete from PARENT",
    "-- both\nWITH old AS (SELECT 1 AS id)DELETE FROM parent"
    " WHERE id IN (SELECT id FROM old)",
    f"DELETE FROM parent WHERE id = 1 AND 'x' <> '{'y' * 600}'",
    "DELETE FROM abort WHERE replace = 1",
    "REPLACE INTO abort VALUES (1, 2)",
    "DROP TABLE IF EXISTS main.abort",
)


@pytest.mark.skipif(SWITCHABLE, reason="the driver can switch it")
@pytest.mark.parametrize("statement", FIRING)
@pytest.mark.parametrize("spelling", SPELLINGS[:2])
def test_what_would_cascade_all_the_same_is_refused(
    connection: sa.Connection, spelling: str, statement: str
) -> None:
    """Where it cannot be switched off, no statement fires what is meant to be off."""
    connection.exec_driver_sql(spelling)
    with pytest.raises(TransactionError, match="has no effect inside the migration"):
        connection.exec_driver_sql(statement)
    assert children(connection) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM free",
        "UPDATE free SET x = 2",
        "INSERT INTO parent(id) VALUES (3)",
        "DELETE FROM parent WHERE id = 4",
        "DELETE FROM parent WHERE id > 100",
        "UPDATE parent SET name = 'x'",
        "UPDATE parent SET id = id",
        "REPLACE INTO parent VALUES (4, 'x')",
        "DELETE FROM single",
        "DROP TABLE single",
        "UPDATE single SET id = 5",
        "DELETE FROM child WHERE id = 1",
        "DROP TABLE free",
    ],
)
def test_what_fires_nothing_runs(connection: sa.Connection, statement: str) -> None:
    """Tables that no other refers to, and inserts, are free in between."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql(statement)
    assert children(connection) == (1 if "child" in statement else 2)


def test_values_and_their_lists(connection: sa.Connection) -> None:
    """A statement is looked at with the values that it runs with."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    delete = sa.text("DELETE FROM parent WHERE id = :id")
    connection.execute(delete, {"id": 4})
    connection.execute(delete, [{"id": 5}, {"id": 6}])
    connection.exec_driver_sql("DELETE FROM parent WHERE id = :id", {"id": 7})
    assert children(connection) == 2
    if not SWITCHABLE:
        with pytest.raises(TransactionError, match="has no effect inside"):
            connection.execute(delete, [{"id": 5}, {"id": 1}])


def test_a_parent_that_comes_back(connection: sa.Connection) -> None:
    """Rows without a parent are judged when all is done."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql("DELETE FROM strict")
    connection.exec_driver_sql("INSERT INTO strict_child VALUES (2)")
    connection.exec_driver_sql("INSERT INTO strict VALUES (1), (2)")
    connection.commit()
    count = "SELECT count(*) FROM strict_child JOIN strict ON x = id"
    assert connection.exec_driver_sql(count).scalar_one() == 2


@pytest.mark.parametrize("on", ["ON", "2", "'true'"])
def test_the_pragma_holds_until_it_is_switched_on(
    connection: sa.Connection, on: str
) -> None:
    """SQLite knows several words and numbers for a setting that is on."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {on}")
    connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert children(connection) == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_pragma_ends_with_its_transaction(
    connection: sa.Connection, end: str
) -> None:
    """The next revision begins with what the application set."""
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    getattr(connection, end)()
    connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert children(connection) == 1
    connection.exec_driver_sql("DELETE FROM free")


def test_a_table_of_another_database(engine: sa.Engine, tmp_path: pathlib.Path) -> None:
    """The keys of an attached database are looked at in that database."""
    with engine.connect() as connection:
        attach = f"ATTACH '{tmp_path / 'other.db'}' AS other"
        connection.exec_driver_sql(attach)
        connection.exec_driver_sql("CREATE TABLE other.free(id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE other.child(x REFERENCES free(id) ON DELETE CASCADE)"
        )
        connection.exec_driver_sql("CREATE TABLE other.parent(id)")
        connection.exec_driver_sql("INSERT INTO other.free VALUES (1)")
        connection.exec_driver_sql("INSERT INTO other.child VALUES (1)")
        connection.commit()
        transaction = migration.begin(connection)
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("DELETE FROM other.parent")
        if SWITCHABLE:
            connection.exec_driver_sql("DELETE FROM other.free")
        else:
            with pytest.raises(TransactionError, match="has no effect inside"):
                connection.exec_driver_sql("DELETE FROM other.free")
        with pytest.raises(sa.exc.OperationalError, match="no such table"):
            connection.exec_driver_sql("DELETE FROM nowhere.free")
        count = "SELECT count(*) FROM other.child"
        assert connection.exec_driver_sql(count).scalar_one() == 1
        transaction.finish()


def test_without_the_pragma_a_delete_cascades(connection: sa.Connection) -> None:
    """Enforcement is what the application set, as on other databases."""
    connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert children(connection) == 1

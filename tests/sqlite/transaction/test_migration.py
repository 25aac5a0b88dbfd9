"""One migration is one transaction, whatever the application set up below it."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

from flask_batchmigrate.sqlite.errors import TransactionError
from flask_batchmigrate.sqlite.transaction import migration
from tests.sqlite.transaction.driver_setups import Application
from tests.sqlite.transaction.driver_setups import parameters


@pytest.fixture(params=parameters())
def app(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> cabc.Iterator[Application]:
    """A filled database in each of the set-ups."""
    application = Application(request.param, tmp_path)
    yield application
    application.engine.dispose()


def fresh(connection: sa.Connection) -> None:
    """Leave the connection as the engine gave it."""


def read(connection: sa.Connection) -> None:
    """Let the connection begin by itself."""
    connection.execute(sa.text("SELECT count(*) FROM parent")).scalar()


def begun(connection: sa.Connection) -> None:
    """Begin by hand, as environments of several databases do."""
    connection.begin()


def begun_and_read(connection: sa.Connection) -> None:
    """Begin by hand, and keep a read transaction where the driver has one."""
    connection.begin()
    connection.execute(sa.text("SELECT count(*) FROM parent")).scalar()


Arrive = cabc.Callable[[sa.Connection], None]


@pytest.fixture(params=[fresh, read, begun, begun_and_read])
def arrive(request: pytest.FixtureRequest) -> Arrive:
    """What the environment did with its connection before the migration."""
    return t.cast(Arrive, request.param)


def script(connection: sa.Connection) -> None:
    """Do what migrations do."""
    connection.exec_driver_sql("CREATE TABLE made(id INTEGER PRIMARY KEY)")
    connection.exec_driver_sql("INSERT INTO made VALUES (1), (2)")
    connection.exec_driver_sql("ALTER TABLE parent ADD COLUMN extra TEXT")
    connection.execute(sa.text("UPDATE parent SET extra = name"))
    connection.exec_driver_sql("DELETE FROM child WHERE id = 20")


def test_a_failure_leaves_everything_as_it_was(
    app: Application, arrive: Arrive
) -> None:
    """A script that raises has changed nothing, in any set-up."""
    before = app.dump()
    with app.engine.connect() as connection:
        arrive(connection)
        transaction = migration.begin(connection)
        script(connection)
        assert transaction.in_progress
        connection.rollback()
        assert not transaction.in_progress
        transaction.finish()
    assert app.dump() == before


def test_a_success_is_stored(app: Application, arrive: Arrive) -> None:
    """What a script did is there for others after the commit, in any set-up."""
    with app.engine.connect() as connection:
        arrive(connection)
        transaction = migration.begin(connection)
        script(connection)
        connection.commit()
        assert not transaction.in_progress
        assert transaction.commits == 1
        transaction.finish()
    dump = app.dump()
    assert "made" in app.tables()
    assert any("INSERT INTO" in line and "'one','one'" in line for line in dump)


def test_closing_without_commit_changes_nothing(app: Application) -> None:
    """An environment that forgets to commit, or breaks, leaves the old state."""
    before = app.dump()
    connection = app.engine.connect()
    transaction = migration.begin(connection)
    script(connection)
    connection.close()
    assert not transaction.in_progress
    transaction.finish()
    assert app.dump() == before


def test_finishing_without_commit_changes_nothing(app: Application) -> None:
    """What was not committed when the run ends is rolled back."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        transaction.finish()
        transaction.finish()
        connection.rollback()
    assert app.dump() == before


def test_one_transaction_for_each_revision(app: Application) -> None:
    """The next begin opens the next transaction; only the failing one is undone."""
    opened = []
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        transaction.after_begin.append(lambda: opened.append(transaction.number))
        connection.exec_driver_sql("CREATE TABLE first(a)")
        connection.commit()
        with connection.begin():
            assert transaction.in_progress or not opened
            connection.exec_driver_sql("CREATE TABLE second(a)")
            assert transaction.in_progress
        # Begun by itself.
        connection.exec_driver_sql("CREATE TABLE third(a)")
        assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert transaction.commits == 2
    assert opened == [2, 3]
    assert app.tables() == {"parent", "child", "first", "second"}


def test_savepoints_of_the_script(app: Application) -> None:
    """``op.get_bind().begin_nested()`` undoes its own part only."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.exec_driver_sql("CREATE TABLE kept(a)")
        with pytest.raises(ZeroDivisionError), connection.begin_nested():
            connection.exec_driver_sql("CREATE TABLE undone(a)")
            raise ZeroDivisionError
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE TABLE released(a)")
            with connection.begin_nested() as inner:
                connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
                inner.rollback()
        assert transaction.in_progress
        connection.commit()
        transaction.finish()
    assert app.tables() == {"parent", "child", "kept", "released"}
    assert not any("INSERT INTO" in line and "kept" in line for line in app.dump())


SETTINGS = (
    "busy_timeout",
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "recursive_triggers",
    "writable_schema",
    "journal_mode",
)


def state(connection: sa.Connection) -> dict[str, object]:
    """The connection's settings, and the driver's."""
    driver = t.cast(t.Any, connection.connection.driver_connection)
    found: dict[str, object] = {
        name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS
    }
    found["isolation_level"] = driver.isolation_level
    found["autocommit"] = getattr(driver, "autocommit", None)
    found["row_factory"] = driver.row_factory
    return found


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_settings_come_back(app: Application, end: str) -> None:
    """Whatever a script switched, the connection is given back as it was."""
    with app.engine.connect() as connection:
        before = state(connection)
        driver = t.cast(t.Any, connection.connection.driver_connection)
        connection.rollback()
        was_open = driver.in_transaction
        transaction = migration.begin(connection)
        for setting in (
            "legacy_alter_table",
            "writable_schema",
            "ignore_check_constraints",
            "recursive_triggers",
        ):
            transaction.execute(f"PRAGMA {setting} = ON")
        getattr(connection, end)()
        if app.setup.name != "null-pool" or end != "close":
            assert driver.in_transaction == was_open
        if end != "close":
            assert state(connection) == before
        transaction.finish()
    with app.engine.connect() as connection:
        assert state(connection) == before


def test_no_listener_stays(app: Application) -> None:
    """After the run the connection's events are those of the application again."""

    def listeners() -> list[int]:
        names = ("begin", "commit", "rollback", "before_cursor_execute")
        return [len(list(getattr(connection.dispatch, name))) for name in names]

    with app.engine.connect() as connection:
        before = listeners()
        transaction = migration.begin(connection)
        assert listeners() != before
        connection.commit()
        transaction.finish()
        assert listeners() == before


def test_a_raw_statement_cannot_come_before_its_transaction(app: Application) -> None:
    """A revision that begins with the bare driver is stopped, not stored at once."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.commit()
        before = app.dump()
        connection.begin()
        driver = t.cast(t.Any, connection.connection.driver_connection)
        assert driver.execute("SELECT count(*) FROM parent").fetchone()[0] == 2
        with pytest.raises(transaction.driver_error) as caught:
            driver.execute("CREATE TABLE late(a)")
        assert "op.execute()" in str(transaction.explain(caught.value))
        connection.rollback()
        driver.execute("SELECT 1").close()
        transaction.finish()
    assert app.dump() == before


def test_verification_rolls_back(app: Application) -> None:
    """What a check before the commit raises undoes everything and comes through."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)

        def refuse() -> None:
            assert transaction.in_progress
            assert transaction.execute("SELECT count(*) FROM made") == [(2,)]
            raise LookupError("not as planned")

        transaction.before_commit.append(refuse)
        script(connection)
        with pytest.raises(LookupError, match="not as planned"):
            connection.commit()
        assert not transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert transaction.commits == 0
    assert app.dump() == before


def test_a_raw_commit_is_refused(app: Application) -> None:
    """COMMIT and ROLLBACK of a script end nothing; the error names the line."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        for statement in ("COMMIT", "END", "ROLLBACK", "BEGIN"):
            with pytest.raises(TransactionError, match=r"test_migration\.py, line"):
                connection.exec_driver_sql(statement)
            assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


def test_executescript_cannot_commit(app: Application) -> None:
    """``executescript()`` commits nothing: where it commits first, it is refused."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        driver = t.cast(t.Any, connection.connection.driver_connection)
        if isinstance(getattr(driver, "autocommit", None), bool):
            # The modes of Python 3.12 do not commit first, so it just works.
            driver.executescript("CREATE TABLE late(a);")
        else:
            with pytest.raises(transaction.driver_error) as caught:
                driver.executescript("CREATE TABLE late(a);")
            explained = transaction.explain(caught.value)
            assert explained is not None
            assert "executescript()" in str(explained)
            assert "Nothing was changed." in str(explained)
            assert "test_migration.py, line" in str(explained)
        with pytest.raises(transaction.driver_error):
            driver.executescript("CREATE TABLE later(a); COMMIT;")
        assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


def test_a_driver_commit_is_refused_or_harmless(app: Application) -> None:
    """``commit()`` and ``rollback()`` of the driver do not end the migration."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        driver = t.cast(t.Any, connection.connection.driver_connection)
        for end in (driver.commit, driver.rollback):
            # With autocommit=True both do nothing at all.
            if getattr(driver, "autocommit", False) is True:
                end()
            else:
                with pytest.raises(transaction.driver_error, match="not authorized"):
                    end()
        assert transaction.in_progress
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


def test_nothing_is_stored_after_sqlite_rolled_back(app: Application) -> None:
    """A transaction that SQLite ended itself takes no further statement."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql("INSERT OR ROLLBACK INTO made VALUES (1)")
        assert not transaction.in_progress
        for statement in (
            "CREATE TABLE late(a)",
            "DELETE FROM child",
            "INSERT INTO parent VALUES (3, 'three')",
        ):
            with pytest.raises(TransactionError, match="Nothing was changed"):
                connection.exec_driver_sql(statement)
        with pytest.raises(TransactionError, match="rolled back: SQLite did so"):
            connection.commit()
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


def test_the_scripts_deletes_cascade(app: Application) -> None:
    """Foreign keys are enforced for the script as the application set them."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        enforced = transaction.execute("PRAGMA foreign_keys")[0][0]
        connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
        left = connection.exec_driver_sql("SELECT count(*) FROM child").scalar()
        connection.rollback()
        transaction.finish()
    assert enforced == (app.setup.name == "foreign-keys")
    assert left == (1 if enforced else 3)


def test_the_connection_works_as_before(app: Application) -> None:
    """After the run the application commits and rolls back as it always did."""
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        script(connection)
        connection.commit()
        transaction.finish()
        connection.exec_driver_sql("INSERT INTO parent VALUES (5, 'five', NULL)")
        connection.commit()
        driver = t.cast(t.Any, connection.connection.driver_connection)
        driver.executescript("SELECT 1")
    with app.engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO parent VALUES (6, 'six', NULL)")
        connection.commit()
    assert sum("'five'" in line or "'six'" in line for line in app.dump()) == 2


def test_what_the_environment_wrote_before_belongs_to_the_migration(
    app: Application,
) -> None:
    """Rows that env.py wrote in its own transaction are neither lost nor half kept."""
    before = app.dump()
    for end in ("rollback", "commit"):
        with app.engine.connect() as connection:
            connection.begin()
            connection.exec_driver_sql("INSERT INTO parent VALUES (7, 'seven')")
            transaction = migration.begin(connection)
            connection.exec_driver_sql("CREATE TABLE made(a)")
            getattr(connection, end)()
            transaction.finish()
        if end == "rollback" and app.setup.name not in STORES_AT_ONCE:
            assert app.dump() == before
        if end == "rollback":
            with app.engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM parent WHERE id = 7")
    assert any("'seven'" in line for line in app.dump())
    assert "made" in app.tables()


#: the application asked for no transactions at all
STORES_AT_ONCE = {"autocommit-level", "driver-none", "autocommit-true"}

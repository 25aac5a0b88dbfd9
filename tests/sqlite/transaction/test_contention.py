"""Locks of others, of other processes above all, and ends by force."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import signal
import sqlite3
import subprocess
import textwrap
import threading
import time

import pytest
import sqlalchemy as sa

from flask_batchmigrate.sqlite.errors import TransactionError
from flask_batchmigrate.sqlite.transaction import migration
from flask_batchmigrate.sqlite.transaction.second_connections import patient
from flask_batchmigrate.sqlite.transaction.second_connections import watch
from tests.processes import start_python
from tests.sqlite.transaction.driver_setups import Application
from tests.sqlite.transaction.driver_setups import dump
from tests.sqlite.transaction.driver_setups import SETUPS

BY_NAME = {setup.name: setup for setup in SETUPS}


@pytest.fixture(params=["plain", "wal"])
def app(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> cabc.Iterator[Application]:
    """A filled file, with a rollback journal and with a write-ahead log."""
    application = Application(BY_NAME[request.param], tmp_path)
    yield application
    application.engine.dispose()


@contextlib.contextmanager
def other(app: Application, *statements: str) -> cabc.Iterator[sqlite3.Connection]:
    """A connection of somebody else, who holds a lock."""
    connection = sqlite3.connect(
        app.path, isolation_level=None, check_same_thread=False
    )
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield connection
    finally:
        connection.close()


WRITER = ("BEGIN IMMEDIATE", "INSERT INTO parent VALUES (50, 'theirs')")
READER = ("BEGIN", "SELECT * FROM parent")


def process(code: str, *args: object) -> subprocess.Popen[str]:
    """Run code in a process of its own."""
    return start_python(
        *("-c", textwrap.dedent(code), *args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_the_lock_is_not_free_in_time(app: Application) -> None:
    """The error names the file, the time and what to do; nothing was changed."""
    before = app.dump()
    notes: list[str] = []
    with other(app, *WRITER), app.engine.connect() as connection:
        started = time.monotonic()
        with pytest.raises(TransactionError) as caught:
            migration.begin(connection, timeout=0.7, wait=notes.append)
        assert time.monotonic() - started >= 0.7
        assert migration.active_for(connection) is None
        timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        assert timeout == 5000
    assert str(caught.value) == (
        f"'{app.path}' was in use by another connection for 0.7 seconds: stop the "
        "program that reads or writes it, or wait longer. Nothing was changed."
    )
    assert notes == [f"Waiting for another connection to '{app.path}'."]
    assert app.dump() == before


def test_no_wait_is_no_news(app: Application) -> None:
    """A free lock is taken without a word, and the application's timeout stays."""
    notes: list[str] = []
    with app.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1234")
        connection.rollback()
        transaction = migration.begin(connection, wait=notes.append)
        connection.commit()
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1234
        transaction.finish()
    assert notes == []


def test_waiting_for_a_writer(app: Application) -> None:
    """The migration begins as soon as the writer is done, and sees what it wrote."""
    with other(app, *WRITER) as writer, app.engine.connect() as connection:
        notes: list[str] = []

        def told(note: str) -> None:
            notes.append(note)
            writer.execute("COMMIT")

        transaction = migration.begin(connection, timeout=10, wait=told)
        count = connection.exec_driver_sql("SELECT count(*) FROM parent").scalar()
        connection.rollback()
        transaction.finish()
    assert len(notes) == 1
    assert count == 3


def test_waiting_in_a_listener_of_the_application(tmp_path: pathlib.Path) -> None:
    """A listener that takes the lock itself waits as long as the migration may."""
    app = Application(BY_NAME["begin-immediate"], tmp_path)
    watch(app.engine)
    app.engine.dispose()
    sa.event.listen(app.engine.pool, "connect", hasty)
    notes: list[str] = []
    try:
        with other(app, *WRITER) as writer:
            with pytest.raises(sa.exc.OperationalError), app.engine.begin():
                raise AssertionError("not reached")
            app.engine.dispose()
            threading.Timer(0.5, lambda: pathlib.Path(tmp_path / "go").touch()).start()
            finish = threading.Thread(
                target=commit_when, args=(tmp_path / "go", writer)
            )
            finish.start()
            with patient(10), app.engine.connect() as connection:
                connection.begin()
                transaction = migration.begin(connection, wait=notes.append)
                connection.exec_driver_sql("CREATE TABLE made(a)")
                connection.commit()
                transaction.finish()
            finish.join()
        with app.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 50
        assert "made" in app.tables()
    finally:
        app.engine.dispose()


def hasty(dbapi: sqlite3.Connection, record: object) -> None:
    """Wait for others for 50 milliseconds only."""
    dbapi.execute("PRAGMA busy_timeout = 50").close()


def commit_when(sign: pathlib.Path, writer: sqlite3.Connection) -> None:
    """End the transaction of another connection once a file appears."""
    while not sign.exists():
        time.sleep(0.02)
    writer.execute("COMMIT")


def test_a_reader(app: Application) -> None:
    """A reader stops the migration before any work, or with a WAL not at all."""
    with other(app, *READER) as reader, app.engine.connect() as connection:
        if app.setup.name == "wal":
            transaction = migration.begin(connection, timeout=0.2)
            connection.exec_driver_sql("CREATE TABLE made(a)")
            connection.commit()
            transaction.finish()
            reader.execute("SELECT * FROM parent").fetchall()
            assert "made" in app.tables()
        else:
            with pytest.raises(TransactionError, match="Nothing was changed"):
                migration.begin(connection, timeout=0.2)


def test_the_application_goes_on_beside_a_reader(app: Application) -> None:
    """While a migration waits for one reader, others are seldom refused."""
    waiting, met = threading.Event(), []

    def migrate() -> None:
        with app.engine.connect() as connection:
            transaction = migration.begin(
                connection, timeout=60, wait=lambda _: waiting.set()
            )
            met.append(transaction.in_progress)
            connection.rollback()
            transaction.finish()

    with other(app, *READER) as reader:
        thread = threading.Thread(target=migrate)
        thread.start()
        if app.path.with_name(f"{app.path.name}-wal").exists():
            thread.join()
        else:
            assert waiting.wait(30)
        refused = 0
        for _ in range(100):
            with other(app, "PRAGMA busy_timeout = 0") as impatient:
                try:
                    impatient.execute("SELECT * FROM parent").fetchall()
                except sqlite3.OperationalError:
                    refused += 1
            time.sleep(0.03)
        reader.execute("ROLLBACK")
        thread.join()
    assert met == [True]
    assert refused < 60


def test_a_reader_that_stays_until_the_commit(tmp_path: pathlib.Path) -> None:
    """Where the lock lets readers in, the COMMIT waits, and then undoes everything."""
    app = Application(BY_NAME["begin-immediate-persist"], tmp_path)
    try:
        with app.engine.connect() as connection:
            transaction = migration.begin(connection, timeout=0.5)
            connection.exec_driver_sql("CREATE TABLE made(a)")
            with (
                other(app, *READER),
                pytest.raises(TransactionError, match=r"0\.5 seconds"),
            ):
                connection.commit()
            assert transaction.commits == 0
            connection.rollback()
            transaction.finish()
        assert "made" not in app.tables()
    finally:
        app.engine.dispose()


def test_a_read_only_file(app: Application) -> None:
    """A database that cannot be written is refused at once, and says so."""
    before = app.dump()
    engine = sa.create_engine(f"sqlite:///file:{app.path}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            with pytest.raises(TransactionError, match=r"read-only.*Nothing was"):
                migration.begin(connection, timeout=0.2)
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    finally:
        engine.dispose()
    assert app.dump() == before


def test_a_deferred_foreign_key_that_fails_at_the_commit(app: Application) -> None:
    """What SQLite refuses to commit is rolled back, and the error says why."""
    before = app.dump()
    with app.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.rollback()
        transaction = migration.begin(connection)
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql("INSERT INTO child VALUES (30, 99)")
        with pytest.raises(TransactionError, match="FOREIGN KEY constraint failed"):
            connection.commit()
        connection.rollback()
        transaction.finish()
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert app.dump() == before


def test_an_interrupt(app: Application) -> None:
    """Ctrl-C in a long statement: SQLite rolls back, and nothing is stored after."""
    before = app.dump()
    with app.engine.connect() as connection:
        transaction = migration.begin(connection)
        connection.exec_driver_sql("CREATE TABLE made(a)")
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(lambda: 1, 1000)
        with pytest.raises(sa.exc.OperationalError, match="interrupted"):
            connection.exec_driver_sql(
                "INSERT INTO made WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                "SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n"
            )
        driver.set_progress_handler(None, 1000)
        with pytest.raises(TransactionError, match="Nothing was changed"):
            connection.exec_driver_sql("CREATE TABLE late(a)")
        connection.rollback()
        transaction.finish()
    assert app.dump() == before


MIGRATE = """
import sys
import sqlalchemy as sa
from flask_batchmigrate.sqlite.transaction import migration as transaction

engine = sa.create_engine("sqlite:///" + sys.argv[1])
with engine.connect() as connection:
    migration = transaction.begin(connection, timeout=60)
    done = connection.exec_driver_sql(
        "SELECT count(*) FROM sqlite_master WHERE name = 'made'"
    ).scalar()
    if not done:
        connection.exec_driver_sql("CREATE TABLE made(a)")
        connection.exec_driver_sql("INSERT INTO parent VALUES (100, 'once')")
    connection.commit()
    migration.finish()
print("nothing to do" if done else "migrated")
engine.dispose()
"""


def test_processes_take_turns(app: Application) -> None:
    """Of several that start at once one migrates; the others find it done."""
    running = [process(MIGRATE, app.path) for _ in range(4)]
    said = [one.communicate(timeout=60)[0].strip() for one in running]
    assert [one.returncode for one in running] == [0] * 4
    assert sorted(said) == ["migrated"] + ["nothing to do"] * 3
    assert sum("'once'" in line for line in app.dump()) == 1


WORK = """
import sys, time
import sqlalchemy as sa
from flask_batchmigrate.sqlite.transaction import migration as transaction

engine = sa.create_engine("sqlite:///" + sys.argv[1])
with engine.connect() as connection:
    migration = transaction.begin(connection)
    # More than fits into the cache, so that pages reach the file.
    connection.exec_driver_sql("PRAGMA cache_size = 10")
    connection.exec_driver_sql("CREATE TABLE made(a)")
    connection.exec_driver_sql("DELETE FROM parent")
    connection.exec_driver_sql(
        "INSERT INTO made WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM n WHERE i < 500) SELECT randomblob(1000) FROM n"
    )
    print("working", flush=True)
    time.sleep(60)
"""


def test_a_killed_migration_leaves_the_old_state(app: Application) -> None:
    """kill -9 in the middle: the next one to open the file finds the old state."""
    before = app.dump()
    worker = process(WORK, app.path)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "working\n"
    leftover = "-wal" if app.setup.name == "wal" else "-journal"
    assert pathlib.Path(f"{app.path}{leftover}").stat().st_size > 0
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert app.dump() == before
    finished = process(MIGRATE, app.path)
    assert finished.communicate(timeout=60)[0].strip() == "migrated"
    check = sqlite3.connect(app.path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


def test_threads_take_turns(app: Application) -> None:
    """Migrations of two threads on one file do not share a transaction."""
    order: list[str] = []
    holding, proceed = threading.Event(), threading.Event()

    def migrate(name: str, hold: bool) -> None:
        with app.engine.connect() as connection:
            transaction = migration.begin(connection, timeout=30)
            order.append(f"{name} begins")
            if hold:
                holding.set()
                proceed.wait(10)
                time.sleep(0.2)
            connection.exec_driver_sql(f"CREATE TABLE made_by_{name}(a)")
            order.append(f"{name} commits")
            connection.commit()
            transaction.finish()

    first = threading.Thread(target=migrate, args=("first", True))
    second = threading.Thread(target=migrate, args=("second", False))
    first.start()
    holding.wait(10)
    second.start()
    proceed.set()
    first.join(30)
    second.join(30)
    assert order == [
        "first begins",
        "first commits",
        "second begins",
        "second commits",
    ]
    assert app.tables() >= {"made_by_first", "made_by_second"}


def test_a_copied_file_is_another_database(
    app: Application, tmp_path: pathlib.Path
) -> None:
    """A migration of one file does not hold up one of another in the same thread."""
    copy = tmp_path / "copy.db"
    copied = sa.create_engine(f"sqlite:///{copy}")
    try:
        with app.engine.connect() as one, copied.connect() as two:
            first = migration.begin(one)
            second = migration.begin(two, timeout=0.2)
            assert second is not first
            two.exec_driver_sql("CREATE TABLE made(a)")
            two.commit()
            one.rollback()
            for transaction in (second, first):
                transaction.finish()
    finally:
        copied.dispose()
    assert any("made" in line for line in dump(copy))

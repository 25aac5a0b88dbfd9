"""Sessions and second connections of a script, while a migration is in progress."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import sqlite3
import threading
import time
import typing as t

import flask
import flask_sqlalchemy
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from flask_batchmigrate.sqlite.errors import TransactionError
from flask_batchmigrate.sqlite.transaction import migration
from flask_batchmigrate.sqlite.transaction.second_connections import second_connections
from flask_batchmigrate.sqlite.transaction.sessions import join
from tests.sqlite.transaction.driver_setups import Application
from tests.sqlite.transaction.driver_setups import dump
from tests.sqlite.transaction.driver_setups import parameters
from tests.sqlite.transaction.driver_setups import SETUPS

SHARING = (
    "static-pool",
    "singleton-pool",
    "memory",
    "memory-static",
    "autocommit-false-memory",
)


@pytest.fixture(params=parameters())
def app(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> cabc.Iterator[Application]:
    """A filled database in each of the set-ups."""
    application = Application(request.param, tmp_path)
    yield application
    application.engine.dispose()


@pytest.fixture
def plain(tmp_path: pathlib.Path) -> cabc.Iterator[Application]:
    """A file without any special settings."""
    application = Application(SETUPS[0], tmp_path)
    yield application
    application.engine.dispose()


class Run:
    """A migration in progress, watched."""

    def __init__(
        self, connection: sa.Connection, transaction: migration.MigrationTransaction
    ) -> None:
        self.connection = connection
        self.transaction = transaction


@contextlib.contextmanager
def running(engine: sa.Engine) -> cabc.Iterator[Run]:
    with engine.connect() as connection:
        transaction = migration.begin(connection, timeout=1)
        try:
            with second_connections(transaction):
                connection.exec_driver_sql("CREATE TABLE made(a)")
                yield Run(connection, transaction)
        finally:
            connection.rollback()
            transaction.finish()


def test_a_second_writer_fails_at_once(app: Application) -> None:
    """It does not wait for the migration's lock; the error names the line."""
    before = app.dump()
    with running(app.engine) as current:
        with pytest.raises(TransactionError) as caught, app.engine.connect() as second:
            second.exec_driver_sql("INSERT INTO parent VALUES (3, 'three')")
            second.commit()
        assert ".py, line" in str(caught.value)
        assert "op.get_bind()" in str(caught.value)
        assert current.transaction.in_progress
        current.connection.exec_driver_sql("INSERT INTO made VALUES (1)")
        current.connection.commit()
    assert app.tables() == {"parent", "child", "made"}
    assert [line for line in app.dump() if "made" not in line] == before


def test_a_reader_sees_what_the_migration_has_made(app: Application) -> None:
    """It reads by the migration's connection, where that can be lent."""
    with running(app.engine) as current:
        if app.setup.name in (*SHARING, "memory-shared"):
            with (
                pytest.raises(TransactionError, match=r"op\.get_bind\(\)"),
                app.engine.connect() as second,
            ):
                second.exec_driver_sql("SELECT * FROM parent").all()
        else:
            for _ in range(2):
                with app.engine.connect() as second:
                    names = set(sa.inspect(second).get_table_names())
                    rows = second.exec_driver_sql("SELECT count(*) FROM parent").all()
                    second.commit()
                assert names >= {"parent", "child", "made"}
                assert rows == [(2,)]
        assert current.transaction.in_progress
        current.connection.commit()
    assert "made" in app.tables()
    with app.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO parent VALUES (9, 'nine')")
    assert "nine" in str(app.dump())


def test_a_lent_connection_reads_with_cte_and_parameters(plain: Application) -> None:
    """All ways of reading work, no way of writing does."""
    with running(plain.engine) as current:
        with plain.engine.connect() as second:
            query = "WITH n AS (SELECT id FROM parent WHERE id = :id) SELECT * FROM n"
            assert second.execute(sa.text(query), {"id": 1}).all() == [(1,)]
            with second.begin_nested():
                assert second.execute(sa.text("SELECT 1")).scalar() == 1
        for statement in (
            "WITH n AS (SELECT 1) INSERT INTO parent SELECT 7, 'x' FROM n",
            "DROP TABLE parent",
            "VACUUM",
            "UPDATE parent SET name = 'x'",
        ):
            with (
                pytest.raises(TransactionError, match="second connection"),
                plain.engine.connect() as second,
            ):
                second.exec_driver_sql(statement)
        assert current.transaction.in_progress


def test_a_lent_connection_is_of_no_use_afterwards(plain: Application) -> None:
    """One that the script has kept says so; the pool does not hand it out again."""
    with running(plain.engine):
        kept = plain.engine.connect()
        kept.exec_driver_sql("SELECT * FROM made")
    with pytest.raises(sa.exc.ProgrammingError, match="lent by a migration"):
        kept.exec_driver_sql("SELECT * FROM parent")
    kept.close()
    with plain.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM parent").scalar() == 2


def test_connections_wait_again_afterwards(app: Application) -> None:
    """The timeouts of connections that were used meanwhile come back."""

    def timeout(dbapi: t.Any) -> int:
        return int(dbapi.cursor().execute("PRAGMA busy_timeout").fetchone()[0])

    with running(app.engine):
        if app.setup.name not in (*SHARING, "memory-shared"):
            with app.engine.connect() as second:
                second.exec_driver_sql("SELECT 1")
    for _ in range(2):
        with app.engine.connect() as connection, app.engine.connect() as another:
            assert timeout(connection.connection) == 5000
            assert timeout(another.connection) == 5000


def test_a_shared_driver_connection_given_back_early(app: Application) -> None:
    """Where a pool rolls back the connection under the migration, all is undone."""
    if app.setup.name not in ("static-pool", "memory-static"):
        pytest.skip("each connection of this pool has a driver connection of its own")
    before = app.dump()
    with running(app.engine) as current:
        app.engine.raw_connection().close()
        with pytest.raises(TransactionError, match="second use of its connection"):
            current.connection.exec_driver_sql("CREATE TABLE late(a)")
        with pytest.raises(TransactionError, match="Nothing was changed"):
            current.connection.commit()
    assert app.dump() == before


def test_the_watch_is_added_once(app: Application) -> None:
    """However many migrations run, an engine is listened to once."""

    def listeners() -> list[int]:
        pool, engine = app.engine.pool.dispatch, app.engine.dispatch
        found = [getattr(pool, name) for name in ("checkout", "connect", "reset")]
        found.append(engine.engine_connect)
        found.append(app.engine.dialect.dispatch.handle_error)
        return [len(list(one)) for one in found]

    before = listeners()
    with running(app.engine):
        pass
    once = listeners()
    assert once == [count + 1 for count in before]
    with running(app.engine):
        pass
    assert listeners() == once


def test_other_threads_wait(plain: Application) -> None:
    """A request that is served meanwhile waits for the migration, and then works."""
    done: list[float] = []

    def serve() -> None:
        with plain.engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO parent VALUES (9, 'nine')")
        done.append(time.monotonic())

    thread = threading.Thread(target=serve)
    with running(plain.engine) as current:
        thread.start()
        time.sleep(0.3)
        assert not done
        current.connection.commit()
        committed = time.monotonic()
    thread.join(10)
    assert done and done[0] >= committed
    assert any("'nine'" in line for line in plain.dump())


def test_a_timeout_that_the_application_sets_itself(plain: Application) -> None:
    """A listener with a timeout of its own does not keep the script waiting."""
    sa.event.listen(plain.engine.pool, "connect", slow)
    plain.engine.dispose()
    with running(plain.engine) as current:
        with pytest.raises(TransactionError), plain.engine.begin() as second:
            second.exec_driver_sql("CREATE TABLE late(a)")
        current.connection.commit()
    with plain.engine.connect() as one, plain.engine.connect() as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 20000


def slow(dbapi: sqlite3.Connection, record: object) -> None:
    """Wait for others for 20 seconds."""
    dbapi.execute("PRAGMA busy_timeout = 20000").close()


def test_a_raw_driver_connection_is_explained(plain: Application) -> None:
    """A lock or a refusal met outside SQLAlchemy leaves the run as one that is told."""
    with (
        pytest.raises(TransactionError, match=r"a second connection .*py, line"),
        running(plain.engine),
        contextlib.closing(sqlite3.connect(plain.path, timeout=0)) as raw,
    ):
        raw.execute("INSERT INTO parent VALUES (3, 'three')")
    with (
        pytest.raises(TransactionError, match=r"COMMIT .*line .*executescript\(\)"),
        running(plain.engine) as current,
    ):
        driver = t.cast(t.Any, current.connection.connection.driver_connection)
        driver.executescript("SELECT 1")
    with (
        pytest.raises(TransactionError, match="rolled back: SQLite did so itself"),
        running(plain.engine) as current,
    ):
        driver = t.cast(t.Any, current.connection.connection.driver_connection)
        with contextlib.suppress(sqlite3.IntegrityError):
            driver.execute("INSERT OR ROLLBACK INTO parent VALUES (1, 'again')")
        driver.execute("CREATE TABLE late(a)")
    with pytest.raises(LookupError), running(plain.engine):
        raise LookupError("the script's own")
    assert plain.tables() == {"parent", "child"}


def test_another_engine_on_the_same_file(plain: Application) -> None:
    """An engine of another bind is watched when it is named."""
    other = sa.create_engine(plain.engine.url)
    try:
        with plain.engine.connect() as connection:
            transaction = migration.begin(connection)
            with (
                second_connections(transaction, [other]),
                pytest.raises(TransactionError),
                other.begin() as second,
            ):
                second.exec_driver_sql("CREATE TABLE late(a)")
            connection.rollback()
            transaction.finish()
    finally:
        other.dispose()


@pytest.mark.parametrize(
    "uri",
    ["file:{path}", "file://{path}?mode=rw", "file://localhost{path}?cache=private#x"],
)
def test_the_same_file_by_its_uri(plain: Application, uri: str) -> None:
    """However a script spells the file, a reader is lent the connection."""
    name = uri.format(path=plain.engine.url.database)
    separator = "&" if "?" in name else "?"
    url = f"sqlite:///{name.partition('#')[0]}{separator}uri=true"
    other = sa.create_engine(url)
    sessions = orm.scoped_session(orm.sessionmaker(other))
    try:
        with join(sessions), running(plain.engine) as current:
            with contextlib.closing(sqlite3.connect(name, uri=True)) as second:
                assert second.execute("SELECT count(*) FROM made").fetchall() == [(0,)]
            sessions.execute(sa.text("INSERT INTO made VALUES (1)"))
            sessions.commit()
            count = "SELECT count(*) FROM made"
            assert current.connection.exec_driver_sql(count).scalar() == 1
    finally:
        other.dispose()


def test_an_unrelated_database_is_left_alone(
    plain: Application, tmp_path: pathlib.Path
) -> None:
    """A script may write to another file, whose locks are waited for as ever."""
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        with plain.engine.connect() as connection:
            transaction = migration.begin(connection)
            with second_connections(transaction, [other]), other.begin() as second:
                second.exec_driver_sql("CREATE TABLE made(a)")
                timeout = second.exec_driver_sql("PRAGMA busy_timeout").scalar()
            connection.rollback()
            transaction.finish()
    finally:
        other.dispose()
    assert timeout == 5000
    assert any("made" in line for line in dump(tmp_path / "other.db"))


def test_two_binds_on_one_file_share(plain: Application) -> None:
    """The second connection is told the first one's transaction; either can undo."""
    other = sa.create_engine(plain.engine.url)
    before = plain.dump()
    try:
        for end in ("rollback", "commit"):
            with plain.engine.connect() as first, other.connect() as second:
                first.begin()
                second.begin()
                transaction = migration.begin(first)
                assert migration.active_for(second) is transaction
                assert migration.begin(second) is transaction
                assert migration.begin(second) is transaction
                assert transaction.connection is first
                first.exec_driver_sql("CREATE TABLE made(a)")
                if end == "rollback":
                    second.rollback()
                    with pytest.raises(TransactionError, match="second connection"):
                        first.commit()
                    assert plain.dump() == before
                else:
                    second.commit()
                    assert transaction.in_progress
                    first.commit()
                transaction.finish()
    finally:
        other.dispose()
    assert "made" in plain.tables()


def test_the_next_run_of_the_same_connection(plain: Application) -> None:
    """Asking again for the same connection answers with the same transaction."""
    with plain.engine.connect() as connection:
        assert migration.active_for(connection) is None
        transaction = migration.begin(connection)
        assert migration.begin(connection) is transaction
        connection.commit()
        assert migration.active_for(connection) is None
        assert migration.begin(connection) is transaction
        assert transaction.in_progress
        transaction.finish()
        assert migration.active_for(connection) is None
        assert migration.begin(connection) is not transaction
        later = migration.active_for(connection)
        assert later is not None
        later.finish()


@pytest.mark.parametrize("pool", [sa.StaticPool, sa.pool.SingletonThreadPool])
def test_one_driver_connection_has_one_migration(pool: type[sa.Pool]) -> None:
    """Between two transactions, too, another connection on it joins the first one's."""
    engine = sa.create_engine("sqlite://", poolclass=pool)
    with engine.connect() as first, engine.connect() as second:
        transaction = migration.begin(first)
        first.exec_driver_sql("CREATE TABLE one(a)")
        first.commit()
        assert not transaction.in_progress
        second.begin()
        assert migration.begin(second) is transaction
        assert transaction.in_progress
        first.exec_driver_sql("CREATE TABLE two(a)")
        second.commit()
        assert (transaction.in_progress, transaction.commits) == (False, 2)
        transaction.finish()
        assert sa.inspect(first).get_table_names() == ["one", "two"]
    engine.dispose()


class Borrowed:
    """A pooled connection whose transaction is not the borrower's."""

    def __init__(self, owner: sa.PoolProxiedConnection) -> None:
        self._owner = owner

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._owner, name)

    def commit(self) -> None:
        """Do nothing."""

    rollback = commit


def test_a_borrowed_connection_begins_no_migration_of_its_own(
    plain: Application,
) -> None:
    """It is told the lender's, whose transaction its commit does not end."""
    lent = sa.Engine(plain.engine.pool, plain.engine.dialect, plain.engine.url)
    with plain.engine.connect() as connection:
        transaction = migration.begin(connection)
        borrowed: t.Any = Borrowed(connection.connection)
        script = sa.Connection(lent, borrowed)
        transaction.admit(script)
        for number in (1, 2):
            assert migration.begin(script) is transaction
            script.exec_driver_sql(f"CREATE TABLE made_{number}(a)")
            script.commit()
            assert (transaction.in_progress, transaction.number) == (True, number)
            connection.commit()
            assert not transaction.in_progress
        transaction.finish()
    assert {"made_1", "made_2"} <= plain.tables()


def test_an_error_is_one_of_its_own_database(
    plain: Application, tmp_path: pathlib.Path
) -> None:
    """Of two databases that are migrated it names the one that it arose in."""
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    third = sa.create_engine(f"sqlite:///{tmp_path / 'third.db'}")
    too_much = "INSERT INTO made VALUES (zeroblob(100000))"
    try:
        with contextlib.ExitStack() as stack:
            engines = (plain.engine, other)
            first, second = (stack.enter_context(e.connect()) for e in engines)
            transactions = migration.begin(first), migration.begin(second)
            for transaction in transactions:
                stack.callback(transaction.finish)
            stack.enter_context(second_connections(transactions[0], [third]))
            full = [second, stack.enter_context(third.connect())]
            for connection in full:
                connection.exec_driver_sql("CREATE TABLE made(a)")
                connection.exec_driver_sql("PRAGMA max_page_count = 3")
            with pytest.raises(sqlite3.OperationalError) as raw:
                transactions[1].driver.execute("VACUUM")
            assert "other.db'" in str(migration.explain(raw.value))
            with pytest.raises(TransactionError, match=r"other\.db' cannot be written"):
                second.exec_driver_sql(too_much)
            with pytest.raises(sa.exc.OperationalError, match="full"):
                full[1].exec_driver_sql(too_much)
    finally:
        other.dispose()
        third.dispose()


# Sessions.


class Base(orm.DeclarativeBase):
    """The models of the scripts."""


class Parent(Base):
    """A row that scripts change through the session."""

    __tablename__ = "parent"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


@pytest.fixture
def sessions(app: Application) -> cabc.Iterator[orm.scoped_session[orm.Session]]:
    """The application's ``db.session``."""
    scoped = orm.scoped_session(orm.sessionmaker(app.engine))
    yield scoped
    scoped.remove()


Sessions = orm.scoped_session[orm.Session]


@contextlib.contextmanager
def migrating(app: Application, sessions: Sessions) -> cabc.Iterator[Run]:
    with join(sessions, [app.engine]), running(app.engine) as current:
        yield current


def test_the_session_works_in_the_migration(
    app: Application, sessions: Sessions
) -> None:
    """It sees what the script did, and its commit is part of the migration."""
    before = app.dump()
    for end in ("rollback", "commit"):
        with migrating(app, sessions) as current:
            current.connection.exec_driver_sql("UPDATE parent SET name = 'new'")
            names = sessions.scalars(sa.select(Parent.name)).all()
            assert names == ["new", "new"]
            sessions.add(Parent(id=3, name="three"))
            sessions.commit()
            assert current.transaction.in_progress
            count = sa.text("SELECT count(*) FROM parent")
            assert current.connection.execute(count).scalar() == 3
            sessions.get(Parent, 3).name = "drei"
            sessions.commit()
            getattr(current.connection, end)()
        if end == "rollback":
            assert app.dump() == before
    assert any("'drei'" in line for line in app.dump())


def test_the_sessions_rollback_undoes_its_own_part(
    app: Application, sessions: Sessions
) -> None:
    """What the script did by ``op`` before and after stays."""
    with migrating(app, sessions) as current:
        sessions.scalars(sa.select(Parent)).all()
        current.connection.exec_driver_sql("CREATE TABLE amid(a)")
        sessions.add(Parent(id=3, name="three"))
        sessions.flush()
        sessions.rollback()
        current.connection.exec_driver_sql("CREATE TABLE later(a)")
        sessions.remove()
        current.connection.commit()
    assert app.tables() == {"parent", "child", "made", "amid", "later"}
    assert not any("'three'" in line for line in app.dump())


def test_a_rollback_of_the_session_never_undoes_the_scripts_work(
    app: Application, sessions: Sessions
) -> None:
    """Where both are entangled the migration stops, and nothing was changed."""
    before = app.dump()
    with migrating(app, sessions) as current:
        sessions.add(Parent(id=3, name="three"))
        sessions.flush()
        current.connection.exec_driver_sql("CREATE TABLE entangled(a)")
        with pytest.raises(TransactionError, match=r"db\.session\.commit\(\)"):
            sessions.rollback()
        with pytest.raises(TransactionError, match="Nothing was changed"):
            current.connection.commit()
    assert app.dump() == before


def test_what_the_session_did_not_commit_is_kept(
    app: Application, sessions: Sessions
) -> None:
    """A flush without a commit is not lost when the migration succeeds."""
    with migrating(app, sessions) as current:
        sessions.add(Parent(id=3, name="three"))
        sessions.flush()
        current.connection.exec_driver_sql("CREATE TABLE entangled(a)")
        current.connection.commit()
    assert any("'three'" in line for line in app.dump())
    assert "entangled" in app.tables()


def test_savepoints_of_the_session(app: Application, sessions: Sessions) -> None:
    """``begin_nested()`` of the session, within and around those of the script."""
    with migrating(app, sessions) as current:
        with contextlib.suppress(ZeroDivisionError), sessions.begin_nested():
            sessions.add(Parent(id=3, name="three"))
            sessions.flush()
            raise ZeroDivisionError
        with sessions.begin_nested():
            sessions.add(Parent(id=4, name="four"))
        sessions.commit()
        with current.connection.begin_nested():
            sessions.add(Parent(id=5, name="five"))
            sessions.flush()
        sessions.add(Parent(id=6, name="six"))
        sessions.commit()
        current.connection.commit()
    dump = "\n".join(app.dump())
    assert "'three'" not in dump
    for name in ("'four'", "'five'", "'six'"):
        assert name in dump


def test_a_new_session_takes_part_too(app: Application, sessions: Sessions) -> None:
    """``db.session.remove()`` in a script does not lead out of the migration."""
    before = app.dump()
    with migrating(app, sessions) as current:
        sessions.remove()
        sessions.execute(sa.text("INSERT INTO made VALUES (1)"))
        sessions.commit()
        current.connection.rollback()
    assert app.dump() == before


def test_sessions_are_as_before_afterwards(
    app: Application, sessions: Sessions
) -> None:
    """The application's session comes back, bound to its own engine."""
    mine = sessions()
    parent = mine.get(Parent, 1)
    mine.rollback()
    with migrating(app, sessions) as current:
        assert sessions() is not mine
        current.connection.commit()
    assert sessions() is mine
    assert mine.get_bind() is app.engine
    assert "get_bind" not in vars(type(mine))
    assert parent.name == "one"
    parent.name = "eins"
    mine.commit()
    assert any("'eins'" in line for line in app.dump())


def test_a_session_with_changes_is_not_thrown_away(
    app: Application, sessions: Sessions
) -> None:
    """Uncommitted work of the caller stops the migration, and is still there."""
    if app.setup.name in ("autocommit-level", "driver-none", "autocommit-true"):
        pytest.skip("without transactions everything is stored at once")
    sessions.add(Parent(id=3, name="three"))
    sessions.flush()
    with (
        pytest.raises(TransactionError, match="may hold uncommitted changes"),
        join(sessions, [app.engine]),
    ):
        raise AssertionError("not reached")
    sessions.commit()
    assert any("'three'" in line for line in app.dump())


def test_a_session_that_has_read_does_not_block(
    app: Application, sessions: Sessions
) -> None:
    """A query before the migration, in the same thread, keeps no lock."""
    sessions.scalars(sa.select(Parent)).all()
    if app.setup.name in CANNOT_TELL:
        with (
            pytest.raises(TransactionError, match="may hold uncommitted changes"),
            join(sessions, [app.engine]),
        ):
            raise AssertionError("not reached")
        sessions.rollback()
    with migrating(app, sessions) as current:
        current.connection.commit()
    assert "made" in app.tables()


#: the application's listener locks for writing, and the journal does not tell
#: whether something was written
CANNOT_TELL = ("begin-immediate-wal", "begin-immediate-persist")


def test_flask_sqlalchemy(tmp_path: pathlib.Path) -> None:
    """Model queries with bind keys, in application contexts pushed by the script."""
    db = flask_sqlalchemy.SQLAlchemy()

    class Thing(db.Model):  # type: ignore[name-defined,misc]
        id = db.Column(db.Integer, primary_key=True)

    class Other(db.Model):  # type: ignore[name-defined,misc]
        __bind_key__ = "other"
        id = db.Column(db.Integer, primary_key=True)

    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'main.db'}"
    app.config["SQLALCHEMY_BINDS"] = {"other": f"sqlite:///{tmp_path / 'other.db'}"}
    db.init_app(app)
    with app.app_context():
        db.create_all()
        engines = list(db.engines.values())
        with (
            join(db.session, engines),
            db.engines[None].connect() as first,
            db.engines["other"].connect() as second,
        ):
            transactions = [migration.begin(first), migration.begin(second)]
            with app.app_context():
                db.session.add_all([Thing(id=1), Other(id=1)])
                db.session.commit()
                assert Thing.query.count() == Other.query.count() == 1
            assert db.session.query(Thing).count() == 1
            first.rollback()
            second.commit()
            for transaction in transactions:
                transaction.finish()
        assert Thing.query.count() == 0
        assert Other.query.count() == 1
        db.session.remove()
        for engine in engines:
            engine.dispose()

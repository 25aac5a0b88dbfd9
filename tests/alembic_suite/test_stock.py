"""Other uses of Alembic in the process stay stock: before, during and after a run."""

from __future__ import annotations

import asyncio
import collections.abc as cabc
import contextlib
import io
import pathlib
import textwrap
import threading
import warnings

import pytest
import sqlalchemy as sa
from alembic.ddl.sqlite import SQLiteImpl
from alembic.migration import MigrationContext
from alembic.operations import batch
from alembic.operations import Operations

from flask_batchmigrate.sqlite.adapter import activate
from tests.processes import ROOT
from tests.processes import run_python

TABLE = "CREATE TABLE foo(id INTEGER PRIMARY KEY, x INTEGER, y TEXT, CHECK (x > 0))"


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> cabc.Iterator[sa.Engine]:
    """A file with a table that stock Alembic cannot copy without a loss."""
    made = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with made.begin() as connection:
        connection.exec_driver_sql(TABLE)
        connection.exec_driver_sql("CREATE TABLE bar(x TEXT)")
        connection.exec_driver_sql("INSERT INTO foo VALUES (1, 5, 'k')")
    yield made
    made.dispose()


def stored(connection: sa.Connection) -> str:
    sql = "SELECT sql FROM sqlite_master WHERE name = 'foo'"
    return str(connection.exec_driver_sql(sql).scalar())


def is_stock(context: MigrationContext) -> bool:
    """Whether Alembic's own classes are at work, and do what they do."""
    assert context.connection is not None
    operations = Operations(context)
    if type(context.impl) is not SQLiteImpl or context.impl.transactional_ddl:
        return False
    with pytest.raises(NotImplementedError, match="No support for ALTER of const"):
        operations.create_check_constraint("c", "foo", sa.text("x < 9"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer releases warn of the lost check
        with operations.batch_alter_table("foo", recreate="always") as block:
            block.alter_column("y", type_=sa.Integer())
    context.connection.commit()
    sql = stored(context.connection)
    values = context.connection.exec_driver_sql("SELECT * FROM foo").all()
    context.connection.rollback()
    # Alembic's copy loses the check and turns text into 0.
    return "CHECK" not in sql and values == [(1, 5, 0)]


def is_ours(context: MigrationContext) -> bool:
    assert context.connection is not None
    with Operations(context).batch_alter_table("foo", recreate="always") as block:
        block.alter_column("x", nullable=False)
    found = stored(context.connection)
    context.connection.rollback()
    return isinstance(context.impl, SQLiteImpl) and (
        type(context.impl) is not SQLiteImpl and "CHECK" in found
    )


def test_after_a_run(engine: sa.Engine) -> None:
    """What was stock before a run is stock after it."""
    with engine.connect() as connection:
        with activate():
            assert is_ours(MigrationContext.configure(connection))
        assert is_stock(MigrationContext.configure(connection))


def test_after_a_run_that_failed(engine: sa.Engine) -> None:
    """An error leaves nothing of ours in force."""
    with engine.connect() as connection:
        with pytest.raises(ZeroDivisionError), activate():
            MigrationContext.configure(connection)
            raise ZeroDivisionError
        assert is_stock(MigrationContext.configure(connection))


def test_a_context_made_before_a_run(engine: sa.Engine) -> None:
    """A context belongs to what it was made in, also while a run goes on."""
    with engine.connect() as connection:
        before = MigrationContext.configure(connection)
        with activate():
            assert is_stock(before)


def test_a_context_outlives_its_run_as_ours(engine: sa.Engine) -> None:
    """A context of a run does not turn into a stock one half-way."""
    with engine.connect() as connection:
        with activate():
            context = MigrationContext.configure(connection)
        assert type(context.impl) is not SQLiteImpl


def test_another_thread_during_a_run(engine: sa.Engine, tmp_path: pathlib.Path) -> None:
    """A thread that the application starts while a run goes on is no part of it."""
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with other.begin() as connection:
        connection.exec_driver_sql(TABLE)
        connection.exec_driver_sql("INSERT INTO foo VALUES (1, 5, 'k')")
    answers: list[bool] = []

    def use() -> None:
        with other.connect() as connection:
            answers.append(is_stock(MigrationContext.configure(connection)))

    with engine.connect() as connection, activate():
        operations = Operations(MigrationContext.configure(connection))
        operations.add_column("bar", sa.Column("more", sa.Integer()))
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert is_ours(MigrationContext.configure(connection))
    other.dispose()
    assert answers == [True]


def test_many_threads_of_both_kinds(tmp_path: pathlib.Path) -> None:
    """Runs and stock uses at the same time do not meet."""
    barrier = threading.Barrier(8)
    answers: dict[int, bool] = {}

    def use(number: int) -> None:
        made = sa.create_engine(f"sqlite:///{tmp_path / f'{number}.db'}")
        with made.begin() as connection:
            connection.exec_driver_sql(TABLE)
            connection.exec_driver_sql("INSERT INTO foo VALUES (1, 5, 'k')")
        ours = number % 2 == 0
        with made.connect() as connection, contextlib.ExitStack() as stack:
            if ours:
                stack.enter_context(activate())
            barrier.wait()
            context = MigrationContext.configure(connection)
            impl_is_ours = type(context.impl) is not SQLiteImpl
            with Operations(context).batch_alter_table("foo") as block:
                block.add_column(sa.Column("z", sa.Integer()))
            barrier.wait()
            answers[number] = impl_is_ours == ours
        made.dispose()

    threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == dict.fromkeys(range(8), True)


def test_tasks_of_an_event_loop(engine: sa.Engine) -> None:
    """A run in one task does not reach into another one."""
    found: list[type] = []

    async def run(started: asyncio.Event, done: asyncio.Event) -> None:
        with engine.connect() as connection, activate():
            MigrationContext.configure(connection)
            started.set()
            await done.wait()

    async def use(started: asyncio.Event, done: asyncio.Event) -> None:
        await started.wait()
        with engine.connect() as connection:
            found.append(type(MigrationContext.configure(connection).impl))
        done.set()

    async def both() -> None:
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(run(*events), use(*events))

    asyncio.run(both())
    assert found == [SQLiteImpl]


def test_offline_during_a_run() -> None:
    """A script of statements is written by Alembic's own code."""
    buffer = io.StringIO()
    with activate():
        context = MigrationContext.configure(
            dialect_name="sqlite", opts={"as_sql": True, "output_buffer": buffer}
        )
        Operations(context).add_column("foo", sa.Column("z", sa.Integer()))
    assert type(context.impl) is SQLiteImpl
    assert buffer.getvalue().strip() == "ALTER TABLE foo ADD COLUMN z INTEGER;"


def test_other_databases_during_a_run() -> None:
    """The implementations of other dialects, and their batch blocks, are untouched."""
    buffer = io.StringIO()
    with activate():
        context = MigrationContext.configure(
            dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer}
        )
        with Operations(context).batch_alter_table("foo") as block:
            block.add_column(sa.Column("z", sa.Integer()))
    assert type(context.impl).__module__ == "alembic.ddl.postgresql"
    assert buffer.getvalue().strip() == "ALTER TABLE foo ADD COLUMN z INTEGER;"


def test_a_class_of_the_application_for_sqlite_is_its_own() -> None:
    """An implementation that the application registers later wins, as Alembic has it.

    In a process of its own, for Alembic keeps such a class until the process ends.
    """
    script = """
        import sqlalchemy as sa
        from alembic.ddl.sqlite import SQLiteImpl
        from alembic.migration import MigrationContext
        from flask_batchmigrate.sqlite.adapter import activate

        with activate():
            pass

        class Own(SQLiteImpl):
            __dialect__ = "sqlite"

        with sa.create_engine("sqlite://").connect() as connection:
            print(type(MigrationContext.configure(connection).impl).__name__)
    """
    assert run(script) == "Own"


def test_nothing_is_registered_by_an_import() -> None:
    """Alembic's classes are in their places until the first run."""
    script = """
        from alembic.ddl.impl import _impls
        from alembic.operations import batch
        import alembic.ddl.sqlite
        import flask_batchmigrate.sqlite.adapter

        print(_impls["sqlite"].__name__, batch.BatchOperationsImpl.__module__)
    """
    assert run(script) == "SQLiteImpl alembic.operations.batch"


def test_a_second_run_registers_nothing_more() -> None:
    """However many runs there are, Alembic's classes are replaced once."""
    with activate():
        first = batch.BatchOperationsImpl
    with activate():
        assert batch.BatchOperationsImpl is first


def test_a_run_within_a_run(engine: sa.Engine) -> None:
    """The inner one ends, the outer one goes on."""
    with engine.connect() as connection, activate():
        with activate():
            pass
        assert is_ours(MigrationContext.configure(connection))


def run(script: str) -> str:
    """Run a script in a process of its own; warnings are errors."""
    done = run_python("-W", "error", "-c", textwrap.dedent(script), where=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

"""What a run of migrations does with the transactions that it begins."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from flask_batchmigrate.sqlite.adapter import activate
from flask_batchmigrate.sqlite.adapter import join_transaction
from flask_batchmigrate.sqlite.adapter import RunOptions
from flask_batchmigrate.sqlite.transaction.migration import MigrationTransaction


def test_a_transaction_is_started_once(tmp_path: pathlib.Path) -> None:
    """However many contexts work in it, and however many commits it has."""
    started: list[MigrationTransaction] = []
    ended: list[MigrationTransaction] = []

    @contextlib.contextmanager
    def note(transaction: MigrationTransaction) -> cabc.Iterator[None]:
        started.append(transaction)
        yield
        ended.append(transaction)

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    try:
        with engine.connect() as first, engine.connect() as second:
            with activate(RunOptions(started=note)):
                for name, connection in (("first", first), ("second", second)):
                    context = MigrationContext.configure(connection)
                    join_transaction(context)
                    op = Operations(context)
                    op.create_table(name, sa.Column("a", sa.Integer()))
                    op.add_column(name, sa.Column("b", sa.Integer()))
                first.commit()
                op.add_column("second", sa.Column("c", sa.Integer()))
                first.commit()
            assert [one.commits for one in started] == [2]
        assert ended == started
        assert sa.inspect(engine).get_table_names() == ["first", "second"]
    finally:
        engine.dispose()

"""What ``--plan`` tells, against what the upgrade does to tables with many rows."""

from __future__ import annotations

import contextlib
import pathlib
import random
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa

from flask_batchmigrate import rehearse
from flask_batchmigrate import upgrade
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from flask_batchmigrate.results import Applied
from flask_batchmigrate.results import Rehearsal
from flask_batchmigrate.results import Statement
from flask_batchmigrate.results import TablePlan
from tests.cli_project import Project
from tests.oracles.stored_records import read_records

ROWS: t.Final = 3_000
TABLES: t.Final = """
op.execute('CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT)')
op.execute('''CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT, a VARCHAR(20), b VARCHAR(20) NOT NULL,
    c VARCHAR(10) DEFAULT 'x', d INTEGER, e TEXT, f TEXT, g INTEGER, n TEXT,
    k TEXT COLLATE NOCASE, CONSTRAINT positive CHECK (g > 0), UNIQUE (e, f))''')
op.execute('CREATE TABLE pair (a TEXT, b INTEGER, x, PRIMARY KEY (a, b)) WITHOUT ROWID')
op.execute('CREATE INDEX ix_d ON item (d DESC)')
op.execute('CREATE VIEW seen AS SELECT id, b FROM item')
"""
FILL: t.Final = (
    "WITH RECURSIVE r(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM r"
    f" WHERE i < {ROWS}) "
)
FILLS: t.Final = (
    f"INSERT INTO parent {FILL} SELECT i, 'code ' || i FROM r",
    f"INSERT INTO pair {FILL} SELECT 'a' || i, i, i FROM r",
    "INSERT INTO item (a, b, d, e, f, g, n, k)"
    f" {FILL} SELECT 'a', 'b' || i, i, i, 'f', i, i, 'k' || i FROM r",
)
CHANGES: t.Final = {
    "NOT NULL on": "batch.alter_column('a', nullable=False)",
    "NOT NULL off": "batch.alter_column('b', nullable=True)",
    "default": "batch.alter_column('c', server_default='y')",
    "longer": "batch.alter_column('a', type_=sa.String(80))",
    "to numbers": "batch.alter_column('n', type_=sa.Integer())",
    "to text": "batch.alter_column('d', type_=sa.String(20))",
    "using": "batch.alter_column('b', type_=sa.Text(), sqlite_using=\"b || 'x'\")",
    "column": "batch.add_column(sa.Column('new', sa.Integer))",
    "computed default": "batch.add_column(sa.Column('at', sa.DateTime,"
    " server_default=sa.text('CURRENT_TIMESTAMP'), nullable=False))",
    "drop": "batch.drop_column('n')",
    "two drops": "batch.drop_column('n'); batch.drop_column('c')",
    "rename": "batch.alter_column('a', new_column_name='aa')",
    "UNIQUE": "batch.create_unique_constraint('uq_b', ['b'])",
    "CHECK": "batch.create_check_constraint('ck_g', 'g < 100000')",
    "FOREIGN KEY": "batch.create_foreign_key('fk_g', 'parent', ['g'], ['id'])",
    "no CHECK": "batch.drop_constraint('positive', type_='check')",
    "index": "batch.create_index('ix_b', ['b'])",
    "no index": "batch.drop_index('ix_d')",
    "several": "batch.drop_column('n'); batch.alter_column('d', type_=sa.Text());"
    " batch.alter_column('a', nullable=False)",
    "reordered": "batch.add_column(sa.Column('newer', sa.Text), insert_after='id')",
}
OTHERS: t.Final = {
    "copy": "with op.batch_alter_table('item', recreate='always') as batch:"
    " batch.alter_column('b', nullable=True)",
    "without rowid": "with op.batch_alter_table('pair') as batch:"
    " batch.alter_column('x', type_=sa.Text())",
    "table renamed": "op.rename_table('parent', 'elder')",
    "table dropped": "op.drop_table('parent')",
    "table made": "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))",
    "rows changed": "op.execute('UPDATE item SET a = 1 WHERE id <= 1000')",
    "rows copied": "op.execute('CREATE TABLE t AS SELECT * FROM item')",
    "rows deleted": "op.execute('DELETE FROM parent WHERE id > 10')",
}
TOGETHER: t.Final = (
    *("NOT NULL on", "default", "to numbers", "to text", "column", "computed default"),
    *("UNIQUE", "CHECK", "FOREIGN KEY", "no CHECK", "index", "no index", "reordered"),
    *("NOT NULL off",),
)
SCRIPTS: t.Final = {
    **{
        name: f"with op.batch_alter_table('item') as batch: {change}"
        for name, change in CHANGES.items()
    },
    **OTHERS,
}


class Measuring(Reporter):
    """Keeps the plans of a run, and counts the rows that SQLite has written.

    :param connections: the connections of the application.
    """

    def __init__(self, connections: list[sqlite3.Connection]) -> None:
        self._connections = connections
        self.plans: list[TablePlan] = []
        self.written: dict[str, int] = {}

    def _total(self) -> int:
        return sum(connection.total_changes for connection in self._connections)

    def revision_started(self, *_: str) -> None:
        self._start = self._total()

    def table_changed(self, plan: TablePlan) -> None:
        self.plans.append(plan)

    def revision_done(self, applied: Applied) -> None:
        self.written[applied.revision] = self._total() - self._start


@pytest.fixture
def project(tmp_path: pathlib.Path) -> t.Iterator[Project]:
    """Tables with many rows, and an engine that tells what it writes."""
    project = Project(tmp_path)
    lines = TABLES.strip().replace("\n", "\n    ")
    project.add_revision("aa11", None, lines)
    project.ok("upgrade")
    with sqlite3.connect(project.database) as connection:
        for statement in FILLS:
            connection.execute(statement)
    connection.close()
    engine = sa.create_engine(f"sqlite:///{project.database}")
    project.options = {"engine": engine, "metadata": sa.MetaData()}
    yield project
    engine.dispose()


def told_and_done(project: Project, with_rows: bool) -> tuple[Rehearsal, Measuring]:
    """Rehearse the upgrade, see that the files stay as they are, and run it."""
    connections: list[sqlite3.Connection] = []
    folder = str(project.path / "migrations")
    before = project.state()
    with project.app() as app, app.app_context():
        told = rehearse(directory=folder, with_rows=with_rows)
        assert project.state() == before
        engine = project.options["engine"]
        sa.event.listen(engine, "connect", lambda dbapi, _: connections.append(dbapi))
        measuring = Measuring(connections)
        with reporting_to(measuring):
            done = upgrade(folder)
    assert [each.revision for each in told.revisions] == [x.revision for x in done]
    return told, measuring


def told_rows(told: Rehearsal) -> dict[str, int]:
    """How many rows each revision would write."""
    return {
        revision.revision: sum(_rows(change) for change in revision.changes)
        for revision in told.revisions
    }


def _rows(change: TablePlan | Statement) -> int:
    if isinstance(change, Statement):
        return change.rows or 0
    return change.rows_written or 0


def steps(plans: t.Iterable[t.Any]) -> list[t.Any]:
    return [
        (plan.table, plan.way, plan.reason, plan.steps)
        for plan in plans
        if isinstance(plan, TablePlan)
    ]


def written(project: Project, done: Measuring) -> int:
    """How many rows the revision has written, as far as SQLite tells it, or the file.

    SQLite does not count the rows that its own ``DROP COLUMN`` writes. It counts those
    of its catalogue, and the stored revision.
    """
    number = done.written["bb22"]
    if any(map(drops_in_place, done.plans)):
        with contextlib.closing(sqlite3.connect(project.database)) as connection:
            columns = len(connection.execute("PRAGMA table_info(item)").fetchall())
        # A record begins with the length of its head, which has a byte for each column.
        records = read_records(project.database, "item")
        number += sum(record[0] == columns + 1 for _, record in records)
    return number


def drops_in_place(plan: TablePlan) -> bool:
    return any(
        step.writes_rows and step.text.endswith("by ALTER TABLE") for step in plan.steps
    )


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize("name", SCRIPTS)
def test_same(project: Project, name: str, with_rows: bool) -> None:
    """The same revisions and steps, and as many rows, within one in a hundred."""
    project.add_revision("bb22", "aa11", SCRIPTS[name])
    told, done = told_and_done(project, with_rows)
    assert steps(told.revisions[0].changes) == steps(done.plans)
    number = written(project, done)
    assert number == pytest.approx(told_rows(told)["bb22"], abs=ROWS // 100)


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize("fitting", [0, 1, ROWS // 2, ROWS])
def test_conversion_that_writes_some_rows(
    project: Project, fitting: int, with_rows: bool
) -> None:
    """Rows that are stored right already are not told as written."""
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, n)")
        connection.execute(
            f"INSERT INTO numbers {FILL}"
            f" SELECT i, CASE WHEN i > {fitting} THEN '' || i ELSE i END FROM r"
        )
        connection.commit()
    change = "batch.alter_column('n', type_=sa.Integer())"
    line = f"with op.batch_alter_table('numbers') as batch: {change}"
    project.add_revision("bb22", "aa11", line)
    told, done = told_and_done(project, with_rows)
    assert done.plans[0].way == "conversion in place"
    assert told_rows(told)["bb22"] == ROWS - fitting
    assert done.written["bb22"] == pytest.approx(ROWS - fitting, abs=ROWS // 100)


@pytest.mark.parametrize("seed", range(10))
def test_random_history(project: Project, seed: int) -> None:
    """Several revisions, each with several changes in some order."""
    chosen, down = random.Random(seed), "aa11"
    # These go together in any order.
    left = [CHANGES[name] for name in TOGETHER]
    chosen.shuffle(left)
    for number in range(3):
        block = "; ".join(left.pop() for _ in range(chosen.randint(1, 4)))
        line = f"with op.batch_alter_table('item') as batch: {block}"
        project.add_revision(f"r{number}", down, line)
        down = f"r{number}"
    told, done = told_and_done(project, with_rows=bool(seed % 2))
    changes = [change for revision in told.revisions for change in revision.changes]
    assert steps(changes) == steps(done.plans)
    for revision in told.revisions:
        plans = [each for each in revision.changes if isinstance(each, TablePlan)]
        if not any(map(drops_in_place, plans)):
            number = sum(plan.rows_written or 0 for plan in plans)
            found = done.written[revision.revision]
            assert found == pytest.approx(number, abs=ROWS // 100)

"""``upgrade --sql`` on SQLite: the script makes the database that ``upgrade`` makes."""

from __future__ import annotations

import contextlib
import pathlib
import random
import shutil
import sqlite3
import subprocess
import typing as t

import pytest

from flask_batchmigrate import history as revisions
from flask_batchmigrate import upgrade
from tests.cli_project import Project
from tests.example import history

SHELL: t.Final = shutil.which("sqlite3")

TABLES: t.Final = """
op.execute('CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE)')
op.execute('''CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- its number
    a VARCHAR(20), b VARCHAR(20) NOT NULL, c VARCHAR(10) DEFAULT 'x', d INTEGER,
    e TEXT, f TEXT, g INTEGER, h TEXT COLLATE NOCASE, i REAL, j TEXT, "k k" TEXT,
    CONSTRAINT positive CHECK (g > 0), UNIQUE (e, f))''')
op.execute('CREATE INDEX ix_d ON item (d DESC)')
op.execute('CREATE INDEX ix_low ON item (lower(h)) WHERE d > 1')
op.execute('CREATE VIEW seen AS SELECT id, b FROM item')
op.execute('''CREATE TRIGGER touched AFTER UPDATE ON item
    BEGIN UPDATE parent SET code = 'touched' WHERE id = -1; END''')
"""
CHANGES: t.Final = (
    "batch.alter_column('a', nullable=False)",
    "batch.alter_column('b', nullable=True)",
    "batch.alter_column('c', server_default='it''s')".replace("''", "\\'"),
    "batch.alter_column('d', type_=sa.String(20))",
    "batch.alter_column('a', type_=sa.String(80))",
    "batch.add_column(sa.Column('new', sa.Integer, nullable=True))",
    "batch.add_column(sa.Column('full', sa.String(9), nullable=False,"
    " server_default='-'))",
    "batch.drop_column('j')",
    "batch.alter_column('k k', new_column_name='kay')",
    "batch.create_unique_constraint('uq_h', ['h'])",
    "batch.create_check_constraint('ck_i', 'i < 100')",
    "batch.create_foreign_key('fk_d', 'parent', ['g'], ['id'])",
    "batch.drop_constraint('positive', type_='check')",
    "batch.create_index('ix_i', ['i'])",
    "batch.drop_index('ix_d')",
)
STATEMENTS: t.Final = (
    "op.execute(\"UPDATE item SET c = 'a;b' || char(10) || '--' WHERE id = 2\")",
    "op.create_table('more', sa.Column('id', sa.Integer, primary_key=True))",
    "op.bulk_insert(sa.table('parent', sa.column('id'), sa.column('code')),"
    " [{'id': 50, 'code': \"it's\"}, {'id': 51, 'code': 'b\\nc'}])",
    "op.get_bind().execute(sa.text('UPDATE item SET i = :x WHERE id = 1'),"
    " {'x': 0.1 + 0.2})",
    "op.rename_table('parent', 'elder'); op.rename_table('elder', 'parent')",
    "op.execute('DROP VIEW seen')",
)
ROWS: t.Final = """
INSERT INTO parent VALUES (1, 'one'), (2, 'two');
INSERT INTO item (a, b, d, e, f, g, h, i, j) VALUES
    ('a', 'b', 5, 'e', 'f', 1, 'H', 1.5, 'j'), ('aa', 'bb', 6, 'e', 'g', 2, 'I', 2, '');
DELETE FROM item WHERE id = 2;
INSERT INTO item (a, b, d, e, f, g, h, i) VALUES ('x', 'y', NULL, NULL, 'f', 2, 'z', 9);
"""


def state(file: pathlib.Path) -> list[t.Any]:
    """Everything in a database; an index may be listed in another place."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [
            *sorted(connection.iterdump()),
            *sorted(connection.execute(query).fetchall(), key=str),
            connection.execute("PRAGMA user_version").fetchone(),
        ]


def run_in_shell(script: str, file: pathlib.Path) -> str:
    """Run a script with the ``sqlite3`` shell; return what it complains of."""
    assert SHELL is not None
    done = subprocess.run(
        [SHELL, str(file)], input=script, text=True, capture_output=True, check=False
    )
    return done.stderr


def run_in_python(script: str, file: pathlib.Path) -> str:
    """Run a script without the two lines that only the shell understands."""
    lines = [line for line in script.splitlines() if not line.startswith(".")]
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        try:
            connection.executescript("\n".join(lines))
        except sqlite3.Error as error:
            return str(error)
    return ""


RUNNERS = [
    pytest.param(run_in_python, id="python"),
    pytest.param(
        run_in_shell,
        id="shell",
        marks=pytest.mark.skipif(SHELL is None, reason="there is no sqlite3 shell"),
    ),
]
Runner = t.Callable[[str, pathlib.Path], str]


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """A database with two tables of some kinds of things, and rows."""
    project = Project(tmp_path)
    lines = TABLES.strip().replace("\n", "\n    ")
    project.add_revision("aa11", None, lines)
    project.ok("upgrade")
    execute(project, ROWS)
    return project


def execute(project: Project, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.executescript(sql)


def both_ways(project: Project, run: Runner, *arguments: str) -> None:
    """Run a command online, and its SQL on a copy; compare what they make."""
    command, *rest = arguments
    script = project.ok(command, "--sql", *rest).stdout
    copy = project.path / "copy.db"
    shutil.copy(project.database, copy)
    project.ok(command, rest[0].split(":")[1])
    assert run(script, copy) == ""
    assert state(copy) == state(project.database)


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize("change", (*CHANGES, *STATEMENTS))
def test_one_change(project: Project, change: str, run: Runner) -> None:
    """Each kind of change, of a table that has rows."""
    is_block = change.startswith("batch.")
    line = f"with op.batch_alter_table('item') as batch: {change}"
    project.add_revision("bb22", "aa11", line if is_block else change)
    both_ways(project, run, "upgrade", "aa11:head")


@pytest.mark.parametrize("seed", range(8))
def test_random_history(project: Project, seed: int) -> None:
    """Several revisions, each with several changes in some order."""
    chosen = random.Random(seed)
    left = [*CHANGES, *STATEMENTS]
    chosen.shuffle(left)
    down = "aa11"
    for number in range(3):
        lines = []
        for change in [left.pop() for _ in range(chosen.randint(1, 4))]:
            block = f"with op.batch_alter_table('item') as batch: {change}"
            lines.append(block if change.startswith("batch.") else change)
        project.add_revision(f"r{number}", down, "\n    ".join(lines))
        down = f"r{number}"
    both_ways(project, run_in_python, "upgrade", "aa11:head")


def test_from_nothing(tmp_path: pathlib.Path) -> None:
    """The whole history on an empty file, the version row included."""
    project = Project(tmp_path)
    project.add_history("aa11", "bb22")
    script = project.ok("upgrade", "--sql").stdout
    assert not project.database.exists()
    assert run_in_python(script, project.path / "copy.db") == ""
    project.ok("upgrade")
    assert state(project.path / "copy.db") == state(project.database)


def test_downgrade(project: Project) -> None:
    """The way back."""
    project.add_revision(
        "bb22",
        "aa11",
        "op.add_column('item', sa.Column('z', sa.Text))",
        "op.drop_column('item', 'z')",
    )
    project.ok("upgrade")
    both_ways(project, run_in_python, "downgrade", "bb22:aa11")


@pytest.mark.parametrize("run", RUNNERS)
def test_other_places_in_the_catalogue(project: Project, run: Runner) -> None:
    """It does not matter in which order things were made, or after a VACUUM."""
    execute(
        project,
        "CREATE TABLE another (x); DROP INDEX ix_d; CREATE INDEX ix_d ON item (d DESC);"
        "DROP TABLE another; VACUUM; CREATE TABLE another (x)",
    )
    lines = [f"with op.batch_alter_table('item') as batch: {c}" for c in CHANGES]
    project.add_revision("bb22", "aa11", "\n    ".join(lines))
    both_ways(project, run, "upgrade", "aa11:head")


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    ("rows", "change"),
    [
        ("UPDATE item SET a = NULL", CHANGES[0]),
        ("UPDATE item SET h = 'same'", CHANGES[9]),
        ("UPDATE item SET i = 1000", CHANGES[10]),
        ("UPDATE item SET g = 77", CHANGES[11]),
        (
            "UPDATE item SET a = 'no number'",
            "batch.alter_column('a', type_=sa.Integer)",
        ),
    ],
)
def test_rows_that_do_not_fit(
    project: Project, rows: str, change: str, run: Runner
) -> None:
    """What would stop the upgrade stops the script, and nothing stays of it."""
    execute(project, rows)
    line = f"with op.batch_alter_table('item') as batch: {change}"
    project.add_revision("bb22", "aa11", line)
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    before = state(project.database)
    assert run(script, project.database) != ""
    assert state(project.database) == before
    assert project.db("upgrade").exit_code == 1


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    "by_hand",
    [
        "ALTER TABLE item ADD COLUMN by_hand TEXT DEFAULT 'precious'",
        "CREATE INDEX by_hand ON item (a)",
        "DROP INDEX ix_d",
        "DROP VIEW seen",
    ],
)
def test_database_altered_by_hand(project: Project, by_hand: str, run: Runner) -> None:
    """A script that was made for another definition changes nothing."""
    line = f"with op.batch_alter_table('item') as batch: {CHANGES[3]}"
    project.add_revision("bb22", "aa11", line)
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    execute(project, by_hand)
    before = state(project.database)
    assert "does not fit" in run(script, project.database)
    assert state(project.database) == before


def test_default_that_old_rows_read(project: Project) -> None:
    """Rows from before the column keep their value, as with ``upgrade``."""
    project.add_revision(
        "bb22",
        "aa11",
        "op.add_column('item', sa.Column('n', sa.Integer, server_default='1'))",
    )
    project.ok("upgrade")
    line = "batch.alter_column('n', server_default='2')"
    project.add_revision(
        "cc33", "bb22", f"with op.batch_alter_table('item') as batch: {line}"
    )
    both_ways(project, run_in_python, "upgrade", "bb22:head")


@pytest.mark.parametrize("run", RUNNERS)
def test_default_that_rows_read_by_hand(tmp_path: pathlib.Path, run: Runner) -> None:
    """Rows whose column somebody added himself would change: the script stops."""
    project = Project(tmp_path)
    table = "CREATE TABLE t (id INTEGER, c INTEGER DEFAULT 1)"
    project.add_revision("aa11", None, f"op.execute({table!r})")
    line = "batch.alter_column('c', server_default='2')"
    project.add_revision(
        "bb22", "aa11", f"with op.batch_alter_table('t') as batch: {line}"
    )
    project.ok("upgrade", "aa11")
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    execute(
        project,
        "DROP TABLE t; CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1);"
        "ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 1",
    )
    before = state(project.database)
    assert "does not fit" in run(script, project.database)
    assert state(project.database) == before


def test_script_that_reads_rows(project: Project) -> None:
    """The SQL and a warning say what it could not know."""
    project.add_revision(
        "bb22",
        "aa11",
        "for row in op.get_bind().execute(sa.text('SELECT id FROM item')): pass",
    )
    outcome = project.ok("upgrade", "--sql", "aa11:head")
    assert "-- A script reads rows here, and found none: SELECT id FROM item" in (
        outcome.stdout
    )
    assert "Warning: A script reads rows" in outcome.stderr
    assert "SELECT id FROM item" in outcome.stderr


def test_nothing_is_touched(project: Project) -> None:
    """Writing the SQL neither changes nor makes a database."""
    project.add_revision("bb22", "aa11", "op.drop_table('item')")
    before = project.state()
    project.ok("upgrade", "--sql")
    assert project.state() == before


def test_shell_stops_at_an_error(project: Project) -> None:
    """The first lines tell the shell to, whatever its own default is."""
    project.add_revision("bb22", "aa11", "op.drop_table('item')")
    lines = project.ok("upgrade", "--sql", "aa11:head").stdout.splitlines()
    first = [line for line in lines if not line.startswith("--")][:2]
    assert first == [".bail on", ".dbconfig defensive off"]


def test_nothing_to_do(project: Project) -> None:
    """Then there is no script."""
    assert project.ok("upgrade", "--sql", "aa11:head").stdout.strip() == ""


@pytest.mark.parametrize("run", RUNNERS)
def test_example(tmp_path: pathlib.Path, run: Runner) -> None:
    """From each revision of the example, without rows that scripts read."""
    with history.example(f"sqlite:///{tmp_path / 'list.db'}"):
        ids = [info.revision for info in revisions()][::-1]
    for start in ids[:-1]:
        file, copy = tmp_path / f"{start}.db", tmp_path / f"{start}-copy.db"
        with history.example(f"sqlite:///{file}"):
            upgrade(revision=start)
            if start == history.LOANS:
                for table, rows in (("shelf", history.OLD_ROWS[0][1]),):
                    history.insert(table, rows)
        shutil.copy(file, copy)
        with history.example(f"sqlite:///{file}"):
            script = upgrade(revision=f"{start}:head", sql=True)
            upgrade()
        assert run(script, copy) == ""
        assert state(copy) == state(file)

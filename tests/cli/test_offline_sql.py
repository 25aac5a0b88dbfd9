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
import sqlalchemy as sa

from flask_batchmigrate import history as revisions
from flask_batchmigrate import upgrade
from tests.cli_project import Project
from tests.example import history
from tests.servers import new_database

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
    """Run a script with the ``sqlite3`` shell; return what it complains of.

    The shell is in defensive mode, as newer ones are by default.
    """
    assert SHELL is not None
    done = subprocess.run(
        [SHELL, str(file)],
        input=f".dbconfig defensive on\n{script}",
        text=True,
        capture_output=True,
        check=False,
    )
    return done.stderr


def run_in_python(script: str, file: pathlib.Path) -> str:
    """Run a script without the two lines that only the shell understands."""
    script = script.replace(".bail on\n.dbconfig defensive off\n", "", 1)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        try:
            connection.executescript(script)
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
    copy.unlink(missing_ok=True)
    if project.database.exists():
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


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize("stored", ["bb22", "cc33", None])
def test_database_at_another_revision(
    project: Project, stored: str | None, run: Runner
) -> None:
    """A script that ran already, or was made for another release, changes nothing."""
    project.add_revision("bb22", "aa11", "op.execute('UPDATE item SET i = i + 1')")
    project.add_revision("cc33", "bb22", "op.execute('UPDATE item SET i = i + 2')")
    script = project.ok("upgrade", "--sql", "aa11:bb22").stdout
    if stored == "bb22":
        assert run(script, project.database) == ""
    else:
        execute(project, "DELETE FROM alembic_version")
    if stored == "cc33":
        execute(project, "INSERT INTO alembic_version VALUES ('cc33')")
    before = state(project.database)
    assert "does not fit" in run(script, project.database)
    assert state(project.database) == before


def test_other_branches(project: Project) -> None:
    """A script of one branch runs on a database that has another one, too."""
    project.add_revision(
        "bb22", "aa11", "op.create_table('t', sa.Column('id', sa.Integer))"
    )
    project.add_revision(
        "other",
        None,
        "op.create_table('o', sa.Column('id', sa.Integer))",
        extra="branch_labels = 'side'",
    )
    project.ok("upgrade", "other")
    both_ways(project, run_in_python, "upgrade", "aa11:bb22")


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


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    ("table", "row", "change"),
    [
        # Neither the old members nor the new ones: a warning, as with the command.
        (
            "CREATE TABLE t (e VARCHAR(1))",
            "'strange'",
            "batch.alter_column('e', existing_type=sa.Enum('a'),"
            " type_=sa.Enum('a', 'b'))",
        ),
        # SQLite stores white space at the end of an index, and takes this for a name.
        ("CREATE TABLE t (`--` TEXT)", "1", "batch.create_index('i', ['--'])"),
        (
            "CREATE TABLE t (a); CREATE INDEX i ON t (a)\n   ",
            "1",
            "batch.alter_column('a', type_=sa.Integer())",
        ),
        # A column that has values becomes the rowid.
        ("CREATE TABLE t (id INTEGER)", "7", "batch.create_primary_key('pk', ['id'])"),
    ],
)
def test_like_the_command(
    tmp_path: pathlib.Path, table: str, row: str, change: str, run: Runner
) -> None:
    """Whatever the command does not mind, the script does not, either."""
    project = Project(tmp_path)
    lines = [f"op.execute({statement!r})" for statement in table.split("; ")]
    project.add_revision("aa11", None, "\n    ".join(lines))
    project.ok("upgrade")
    execute(project, f"INSERT INTO t VALUES ({row})")
    line = f"with op.batch_alter_table('t') as batch: {change}"
    project.add_revision("bb22", "aa11", line)
    both_ways(project, run, "upgrade", "aa11:head")
    project.database.unlink()
    both_ways(project, run, "upgrade", "base:head")


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    "change",
    [
        "op.drop_table('parent')",
        "with op.batch_alter_table('parent') as b:"
        " b.alter_column('code', type_=sa.Text(), sqlite_using='code + 1')",
        "op.rename_table('child', 'kid')\n    op.drop_table('parent')",
    ],
)
def test_rows_without_parents(tmp_path: pathlib.Path, change: str, run: Runner) -> None:
    """Where the application enforces foreign keys, the script leaves no row alone."""
    project = Project(tmp_path)
    engine = sa.create_engine(f"sqlite:///{project.database}")

    @sa.event.listens_for(engine, "connect")
    def enforce(dbapi: t.Any, record: t.Any) -> None:
        dbapi.execute("PRAGMA foreign_keys = ON")

    project.options = {"engine": engine, "metadata": sa.MetaData()}
    project.add_revision(
        "aa11",
        None,
        "op.execute('CREATE TABLE parent (code TEXT UNIQUE, x)')\n    "
        "op.execute('CREATE TABLE child (code TEXT REFERENCES parent(code))')",
    )
    project.add_revision("bb22", "aa11", change)
    project.ok("upgrade", "aa11")
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    fitting, copy = project.path / "fitting.db", project.path / "copy.db"
    shutil.copy(project.database, fitting)
    execute(
        project,
        "INSERT INTO parent VALUES ('007', 1); INSERT INTO child VALUES ('007')",
    )
    shutil.copy(project.database, copy)
    before = state(project.database)
    assert "does not fit" in run(script, copy)
    assert state(copy) == before
    assert project.db("upgrade").exit_code == 1
    execute(project, "DELETE FROM child; DELETE FROM parent")
    if "drop_table" not in change:
        assert run(script, fitting) == ""
        project.ok("upgrade")
        assert state(fitting) == state(project.database)
    engine.dispose()


@pytest.mark.parametrize("run", RUNNERS)
def test_rows_that_are_checked_in_the_copy(tmp_path: pathlib.Path, run: Runner) -> None:
    """A table whose keys are in the way of a quicker check."""
    project = Project(tmp_path)
    table = (
        "CREATE TABLE t (k TEXT UNIQUE, n INTEGER, PRIMARY KEY (k DESC), UNIQUE (k))"
    )
    project.add_revision("aa11", None, f"op.execute({table!r})")
    lines = (
        "with op.batch_alter_table('t', recreate='always') as batch:"
        " batch.create_check_constraint('positive', 'n > 0')"
    )
    project.add_revision("bb22", "aa11", lines)
    project.ok("upgrade", "aa11")
    execute(project, "INSERT INTO t VALUES ('a', -1)")
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    assert "fit" in run(script, project.database)
    execute(project, "UPDATE t SET n = 1")
    both_ways(project, run, "upgrade", "aa11:head")


def test_other_programs_stop_at_once(project: Project) -> None:
    """Without a shell, the lines for it are an error, and nothing is changed."""
    project.add_revision("bb22", "aa11", "op.drop_table('item')")
    script = project.ok("upgrade", "--sql", "aa11:head").stdout
    before = state(project.database)
    with (
        contextlib.closing(sqlite3.connect(project.database)) as connection,
        pytest.raises(sqlite3.OperationalError, match="syntax error"),
    ):
        connection.executescript(script)
    assert state(project.database) == before


READS = "rows = op.get_bind().execute(sa.text({query!r})).fetchall()"
WRITES = '[op.execute(f"UPDATE item SET i = {len(str(row))}") for row in rows]'


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM item",
        "SELECT count(*) FROM item",
        "WITH x AS (SELECT * FROM item) SELECT max(id), 'it''s' FROM x -- all",
        "SELECT a FROM item UNION ALL SELECT code FROM parent ORDER BY 1",
    ],
)
def test_script_that_reads_rows(project: Project, query: str, run: Runner) -> None:
    """The SQL does what the script does without rows, or stops and changes nothing."""
    project.add_revision("bb22", "aa11", f"{READS.format(query=query)}\n    {WRITES}")
    outcome = project.ok("upgrade", "--sql", "aa11:head")
    assert outcome.stdout.count("-- A script reads rows here.") == 1
    assert f"Warning: A script reads rows of '{project.database}'" in outcome.stderr
    assert query in outcome.stderr
    before = state(project.database)
    assert "a script reads rows here" in run(outcome.stdout, project.database)
    assert state(project.database) == before
    execute(
        project, "DELETE FROM item; DELETE FROM parent; DELETE FROM sqlite_sequence"
    )
    both_ways(project, run, "upgrade", "aa11:head")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT name FROM sqlite_master",
        "SELECT name FROM pragma_table_info('item')",
        "PRAGMA table_info(item)",
        "SELECT version_num FROM alembic_version",
    ],
)
def test_script_that_reads_definitions(project: Project, query: str) -> None:
    """They are those of the database that the SQL is for, so there is no warning."""
    project.add_revision("bb22", "aa11", READS.format(query=query))
    outcome = project.ok("upgrade", "--sql", "aa11:head")
    assert "reads rows" not in outcome.output.split("CHECK (is_alike)")[1]
    assert outcome.stderr == ""


def test_script_that_reads_rows_of_its_own(project: Project) -> None:
    """From nothing, all rows are those that the revisions make."""
    insert = "op.execute(\"INSERT INTO parent (code) VALUES ('x')\")"
    read = READS.format(query="SELECT id FROM parent")
    project.add_revision("bb22", "aa11", f"{insert}\n    {read}\n    {WRITES}")
    outcome = project.ok("upgrade", "--sql")
    assert outcome.stderr == ""
    project.database.unlink()
    project.ok("upgrade")
    copy = project.path / "copy.db"
    assert run_in_python(outcome.stdout, copy) == ""
    assert state(copy) == state(project.database)


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


# Several databases


@pytest.fixture
def binds(tmp_path: pathlib.Path) -> Project:
    """Two databases, and a revision of both."""
    project = Project(tmp_path, {"a": ["x"]}, {"other": {"b": ["y"]}})
    project.ok("migrate", "--no-verify")
    return project


def test_files_of_several_databases(binds: Project) -> None:
    """Each script makes its database; the files have Flask-Migrate's names."""
    outcome = binds.ok("upgrade", "--sql")
    assert outcome.stdout == ""
    assert "The SQL for bind 'other' is in 'other.sql'." in outcome.stderr
    assert {file.name for file in binds.path.glob("*.sql")} == {".sql", "other.sql"}
    for file in ("app.db", "other.db"):
        (binds.path / file).unlink(missing_ok=True)
    binds.ok("upgrade")
    for script, file in ((".sql", "app.db"), ("other.sql", "other.db")):
        copy = binds.path / f"copy-{file}"
        assert run_in_python((binds.path / script).read_text(), copy) == ""
        assert state(copy) == state(binds.path / file)


@pytest.mark.parametrize(
    "arguments", [("upgrade", "head:head"), ("upgrade", "head:heads")]
)
def test_files_replace_older_ones(binds: Project, arguments: tuple[str, ...]) -> None:
    """So that nobody runs the script of another release once more."""
    (binds.path / "other.sql").write_text("DROP TABLE b;")
    binds.ok(*arguments, "--sql")
    assert (binds.path / "other.sql").read_text().startswith("-- ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["downgrade", "--sql", "head:base"], 'DROP TABLE main."b"'),
        (["stamp", "--sql", "head"], "INSERT INTO alembic_version"),
        (["ensure-version", "--sql"], "CREATE TABLE alembic_version"),
    ],
)
def test_files_of_other_commands(
    binds: Project, arguments: list[str], expected: str
) -> None:
    """Whatever writes SQL writes it in the same place."""
    assert binds.ok(*arguments).stdout == ""
    assert expected in (binds.path / "other.sql").read_text()


def test_file_that_cannot_be_written(binds: Project) -> None:
    """It is an error of one line."""
    (binds.path / "other.sql").mkdir()
    failed = binds.db("upgrade", "--sql")
    assert failed.exit_code == 1
    assert "'other.sql'" in failed.stderr


def test_files_of_servers(tmp_path: pathlib.Path) -> None:
    """The same where Alembic writes the SQL."""
    with new_database("postgresql") as url:
        project = Project(tmp_path, {"a": ["x"]}, {"other": {"b": ["y"]}}, uri=url)
        project.ok("migrate", "--no-verify")
        assert project.ok("upgrade", "--sql").stdout == ""
        assert "CREATE TABLE a" in (tmp_path / ".sql").read_text()
        assert "CREATE TABLE b" in (tmp_path / "other.sql").read_text()
        assert "CREATE TABLE b" not in (tmp_path / ".sql").read_text()
        with project.app() as app, app.app_context():
            text = upgrade(directory=str(tmp_path / "migrations"), sql=True)
        assert set(text.scripts) == {"", "other"}
        assert text == "\n".join(text.scripts.values())


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

"""Second connections of a script, and statements that SQLite takes at other times."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import pytest

from tests.cli_project import Outcome
from tests.cli_project import Project

FILE = "path = op.get_bind().engine.url.database\n"
SEES = "assert rows == [(1,)], rows\n"
COUNT = "'SELECT count(*) FROM numbers'"

SELECT = f"    rows = second.exec_driver_sql({COUNT}).all()\n"

READERS = {
    "inspect": "inspector = sa.inspect(sa.create_engine(op.get_bind().engine.url))\n"
    "assert inspector.has_table('numbers')\nassert not inspector.has_table('others')",
    "engine": "engine = sa.create_engine('sqlite:///' + path, poolclass=sa.NullPool)\n"
    "with engine.connect() as second:\n" + SELECT + SEES,
    "creator": "import sqlite3\n"
    "engine = sa.create_engine('sqlite://', creator=lambda: sqlite3.connect(path))\n"
    "with engine.connect() as second:\n" + SELECT + SEES,
    "its own engine": "assert sa.inspect(op.get_bind().engine).has_table('numbers')\n"
    f"with op.get_bind().engine.connect() as second:\n{SELECT}{SEES}",
    "driver": "import sqlite3\nsecond = sqlite3.connect(path)\n"
    f"rows = second.execute({COUNT}).fetchall()\nsecond.close()\n{SEES}",
    "block": "import sqlite3\nwith sqlite3.connect(path) as second:\n"
    f"    second.row_factory = sqlite3.Row\n    cursor = second.execute({COUNT})\n"
    "    assert next(cursor)['count(*)'] == 1\n",
    "read-only": "import pathlib, sqlite3\n"
    "second = sqlite3.connect(pathlib.Path(path).as_uri() + '?mode=ro', uri=True)\n"
    f"rows = second.cursor().execute({COUNT}).fetchall()\n{SEES}",
    "path": "import pathlib, sqlite3\nfrom sqlite3 import dbapi2\n"
    f"rows = dbapi2.connect(pathlib.Path(path)).execute({COUNT}).fetchall()\n{SEES}",
    "comment": "import sqlite3\nsecond = sqlite3.connect(path)\n"
    "rows = second.execute('-- how many\\n/* ; */ SELECT count(*) FROM numbers')\n"
    "rows = rows.fetchall()\n" + SEES,
}

WRITERS = (
    "WITH c AS (SELECT 1)DELETE FROM numbers",
    "/* SELECT */ DELETE FROM numbers",
    "PRAGMA user_version(5)",
    "PRAGMA main.application_id = 5",
    ";INSERT INTO numbers VALUES (5)",
    "WITH a(x) AS (SELECT ')'), replace AS (SELECT 2) UPDATE numbers SET id = 3",
)


@pytest.fixture(params=["delete", "wal"])
def project(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Project:
    """A project with a table, in each journal mode."""
    made = Project(tmp_path, {"numbers": []})
    with contextlib.closing(sqlite3.connect(made.database)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}").close()
    made.add_revision(
        "aaaa", None, "op.create_table('numbers', sa.Column('id', sa.Integer))"
    )
    made.ok("upgrade")
    return made


def write(project: Project, script: str) -> pathlib.Path:
    lines = [
        "op.execute('INSERT INTO numbers VALUES (1)')",
        *(FILE + script).split("\n"),
    ]
    path = project.add_revision("bbbb", "aaaa", "\n    ".join(lines))
    project.add_revision("cccc", "bbbb", "op.execute('CREATE TABLE last (id INTEGER)')")
    return path


def query(project: Project, sql: str) -> list[object]:
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        return [row[0] for row in connection.execute(sql)]


@pytest.mark.parametrize("how", READERS)
def test_a_connection_of_the_scripts_own_that_reads(project: Project, how: str) -> None:
    """It sees what the script has written, and is in nobody's way."""
    connect = sqlite3.connect
    write(project, READERS[how])
    project.ok("upgrade")
    assert sqlite3.connect is connect
    assert sqlite3.dbapi2.connect is connect
    assert project.version() == {"cccc"}
    assert query(project, "SELECT id FROM numbers") == [1]


@pytest.mark.parametrize("sql", WRITERS)
@pytest.mark.parametrize("how", ["driver", "engine"])
def test_one_that_writes(project: Project, how: str, sql: str) -> None:
    """It is refused at once, with the line, whatever the statement looks like."""
    before = project.state()
    if how == "driver":
        script = f"import sqlite3\nsqlite3.connect(path).execute({sql!r})"
    else:
        script = (
            "second = sa.create_engine('sqlite:///' + path).connect()\n"
            f"second.exec_driver_sql({sql!r})"
        )
    path = write(project, script)
    outcome = project.db("upgrade")
    assert outcome.exit_code == 1
    number = path.read_text().split("\n").index("    " + script.split("\n")[-1]) + 1
    assert f"'{path}', line {number}" in outcome.stderr
    assert "'op.get_bind()'" in outcome.stderr
    assert "Nothing was changed." in outcome.stderr
    assert project.state()["app.db"] == before["app.db"]


def test_an_engine_that_outlives_the_migration(project: Project) -> None:
    """What it was lent does not stay in its pool."""
    write(
        project,
        "from flask import current_app\n"
        "engine = sa.create_engine('sqlite:///' + path)\n"
        "current_app.extensions['other'] = engine\n"
        "sa.inspect(engine).get_table_names()",
    )
    with project.app() as app, app.app_context():
        import flask_batchmigrate

        flask_batchmigrate.upgrade(str(project.path / "migrations"))
        with app.extensions["other"].begin() as connection:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (7)")
        app.extensions["other"].dispose()
    assert query(project, "SELECT id FROM numbers ORDER BY id") == [1, 7]


OUTSIDE = {
    "PRAGMA journal_mode=WAL": ("PRAGMA journal_mode", "wal"),
    "pragma main.journal_mode(truncate)": ("SELECT count(*) FROM last", 0),
    "PRAGMA synchronous = NORMAL": ("SELECT count(*) FROM last", 0),
    "PRAGMA temp_store = MEMORY": ("SELECT count(*) FROM last", 0),
    "PRAGMA wal_checkpoint(TRUNCATE)": ("SELECT count(*) FROM last", 0),
    "-- tidy up\nVACUUM": ("PRAGMA freelist_count", 0),
    "PRAGMA auto_vacuum = FULL; VACUUM": ("PRAGMA auto_vacuum", 1),
}

WAYS = {
    "op": "op.execute({sql!r})",
    "block": "with op.get_context().autocommit_block(): op.execute({sql!r})",
    "session": "current_app.extensions['sqlalchemy'].session.execute(sa.text({sql!r}))",
}


def upgrade_outside(project: Project, way: str, sql: str, last: str = "") -> Outcome:
    """Run statements in the middle of a script."""
    lines = ["from flask import current_app"]
    lines += [WAYS[way].format(sql=one) for one in sql.split("; ")]
    write(project, "\n".join([*lines, last]))
    return project.db("upgrade")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sql", OUTSIDE)
def test_what_sqlite_does_not_take_inside(project: Project, way: str, sql: str) -> None:
    """It runs after the commit, and a note says so."""
    outcome = upgrade_outside(project, way, sql)
    assert outcome.exit_code == 0, outcome.output
    assert "runs when the migration is committed" in outcome.output
    question, answer = OUTSIDE[sql]
    assert query(project, question) == [answer]
    assert project.version() == {"cccc"}


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA journal_mode = {other}",
        "pragma main.Journal_Mode({other})",
        "PRAGMA synchronous = OFF",
        "PRAGMA temp_store = 2",
        "PRAGMA wal_checkpoint",
        "VACUUM",
    ],
)
@pytest.mark.parametrize("way", ["connection", "cursor"])
def test_by_the_driver(project: Project, way: str, sql: str) -> None:
    """Below SQLAlchemy nothing can wait: it is refused, with the way that works."""
    before = project.state()
    mode = query(project, "PRAGMA journal_mode")
    sql = sql.format(other="WAL" if mode == ["delete"] else "DELETE")
    made = "" if way == "connection" else ".cursor()"
    script = f"op.get_bind().connection.dbapi_connection{made}.execute({sql!r})"
    path = write(project, f"op.execute('DELETE FROM numbers')\n{script}")
    outcome = project.db("upgrade")
    assert outcome.exit_code == 1
    number = path.read_text().split("\n").index(f"    {script}") + 1
    assert f"'{path}', line {number}" in outcome.stderr
    assert "'op.execute()', so that it waits for the commit" in outcome.stderr
    assert outcome.stderr.rstrip().endswith("Nothing was changed.")
    assert project.state()["app.db"] == before["app.db"]


def test_none_of_it_after_a_failure(project: Project) -> None:
    """A migration that is undone leaves the journal as it was as well."""
    before = query(project, "PRAGMA journal_mode")
    other = "PRAGMA journal_mode = " + ("WAL" if before == ["delete"] else "DELETE")
    outcome = upgrade_outside(project, "op", other, "1 / 0")
    assert outcome.exit_code == 1
    assert "Nothing was changed." in outcome.stderr
    assert query(project, "PRAGMA journal_mode") == before
    assert project.version() == {"aaaa"}


def test_the_answer_that_the_script_expects(project: Project) -> None:
    """A script may look at what the pragma answers."""
    outcome = upgrade_outside(
        project,
        "op",
        "SELECT 1",
        "mode = op.get_bind().execute(sa.text('PRAGMA journal_mode = WAL')).scalar()\n"
        "assert mode == 'wal'",
    )
    assert outcome.exit_code == 0, outcome.output
    assert query(project, "PRAGMA journal_mode") == ["wal"]


def test_a_copy_of_the_file(project: Project) -> None:
    """A copy made after the commit would be another one: it is refused."""
    outcome = upgrade_outside(
        project, "op", f"VACUUM INTO '{project.path / 'copy.db'}'"
    )
    assert outcome.exit_code == 1
    assert "make the copy before the command" in outcome.stderr
    assert "Nothing was changed." in outcome.stderr
    assert not (project.path / "copy.db").exists()
    assert project.version() == {"aaaa"}


def test_what_fails_after_the_commit(project: Project) -> None:
    """The migration is done; a warning says what is left to do by hand."""
    if query(project, "PRAGMA journal_mode") != ["wal"]:
        pytest.skip("a reader would be in the migration's way as well")
    with contextlib.closing(sqlite3.connect(project.database)) as reader:
        reader.execute("BEGIN").close()
        reader.execute("SELECT * FROM numbers").fetchall()
        outcome = upgrade_outside(project, "op", "PRAGMA journal_mode = DELETE")
    assert outcome.exit_code == 0, outcome.output
    assert "database is locked. Run it by hand." in outcome.output
    assert project.version() == {"cccc"}
    assert query(project, "PRAGMA journal_mode") == ["wal"]

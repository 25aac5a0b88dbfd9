"""A script for a server is proven on an empty database there, which stays empty."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.cli_project import Project
from tests.servers import new_database

from .bench import Bench
from .changes import after
from .changes import before
from .changes import find
from .changes import NAMES
from .server_judge import empty
from .server_judge import schema_of_server

pytestmark = pytest.mark.servers

VERIFIED = "Verified: upgrade reaches the models, downgrade restores the start."


@pytest.fixture
def scratch(kind: str) -> cabc.Iterator[str]:
    """The URL of an empty database."""
    with new_database(kind) as made:
        yield made


class Notes(Reporter):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def relations(url: str) -> set[str]:
    """Everything in a database that has a row in a catalogue of the server."""
    engine = sa.create_engine(url)
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " UNION SELECT nspname FROM pg_namespace WHERE nspname = 'extra'"
        if engine.dialect.name == "postgresql"
        else "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = DATABASE() UNION SELECT routine_name"
        " FROM information_schema.routines WHERE routine_schema = DATABASE()"
    )
    try:
        with engine.connect() as connection:
            return set(connection.exec_driver_sql(query).scalars())
    finally:
        engine.dispose()


SOME = [
    "Enum column with a check added",
    "member of an Enum removed",
    "foreign key added",
    "computed column added",
]


@pytest.mark.parametrize("change", SOME)
def test_proven(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    url: str,
    scratch: str,
    change: str,
) -> None:
    """The proof is told, and the scratch database is empty again."""
    all_changes(tmp_path, monkeypatch, kind, url, scratch, [change])


@pytest.mark.long
def test_all_changes(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    url: str,
    scratch: str,
) -> None:
    """The same for every change of the tables of one schema."""
    names = [name for name in NAMES if "schema" not in name]
    all_changes(tmp_path, monkeypatch, kind, url, scratch, names)


def all_changes(
    path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    url: str,
    scratch: str,
    names: list[str],
) -> None:
    for number, change in enumerate(names):
        if kind not in find(change).only or kind in find(change).limits:
            continue
        folder = path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        empty(url)
        bench = BenchWithScratch(url, folder, scratch)
        bench.migrate(before(change))
        notes = Notes()
        with reporting_to(notes):
            request = Request(**find(change).options)
            texts = bench.migrate(after(change), request=request)
        assert VERIFIED in notes.texts or not texts, (change, notes.texts)
        assert relations(scratch) == set(), change
        assert bench.agrees(after(change))


class BenchWithScratch(Bench):
    """A database of an application that has a scratch database."""

    def __init__(self, url: str, path: pathlib.Path, scratch: t.Any) -> None:
        super().__init__(url, path)
        self.scratch = scratch

    def app(self, define: t.Any, **options: t.Any) -> t.Any:
        return super().app(define, scratch_url=self.scratch, **options)


@pytest.fixture
def project(tmp_path: pathlib.Path, url: str, scratch: str) -> Project:
    """A table, and the models of a second revision."""
    made = Project(
        tmp_path, {"user": ["name"]}, options={"scratch_url": scratch}, uri=url
    )
    made.ok("migrate", "--rev-id", "aa11")
    made.ok("upgrade")
    made.tables["user"].append("email")
    return made


def test_it_is_told(project: Project, url: str, scratch: str) -> None:
    """One line tells; the application's database is not touched by it."""
    start = schema_of_server(url)
    assert VERIFIED in project.ok("migrate", "--dry-run").stderr
    assert VERIFIED not in project.ok("migrate", "--dry-run", "--no-verify").stderr
    assert VERIFIED in project.ok("migrate", "--rev-id", "bb22").stderr
    assert schema_of_server(url) == start
    assert project.ok("current").stdout == "aa11\n"
    project.ok("upgrade")
    project.tables["user"][1] = "mail"
    outcome = project.ok("migrate", "--amend")
    assert VERIFIED in outcome.stderr
    assert relations(scratch) == set()


def broken(what: str) -> t.Any:
    from alembic.operations import ops

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        container = getattr(directives[0], f"{what}_ops")
        container.ops.append(ops.ExecuteSQLOp("SELECT * FROM nowhere"))

    return hook


@pytest.mark.parametrize("what", ["upgrade", "downgrade"])
def test_a_script_that_fails(
    project: Project, url: str, scratch: str, what: str
) -> None:
    """The file is kept, the error says what failed, and nothing is left anywhere."""
    start = schema_of_server(url)
    project.options["process_revision_directives"] = broken(what)
    outcome = project.db("migrate", "--rev-id", "bb22")
    assert outcome.exit_code == 1
    assert (
        f"was written, but it does not pass the verification: {what} failed"
        in outcome.stderr
    )
    assert "nowhere" in outcome.stderr
    assert list(project.versions.glob("bb22_*.py"))
    assert relations(scratch) == set()
    assert schema_of_server(url) == start


def test_a_downgrade_that_restores_too_little(project: Project, scratch: str) -> None:
    """What the downgrade leaves otherwise is named."""

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        directives[0].downgrade_ops.ops.clear()

    project.options["process_revision_directives"] = hook
    outcome = project.db("migrate")
    assert "after the downgrade, column 'user.email' is still there" in outcome.stderr
    assert relations(scratch) == set()


def test_history_that_does_not_run(project: Project, scratch: str) -> None:
    """Where the revisions need more than an empty database, a line says so."""
    (file,) = project.versions.glob("aa11_*.py")
    text = file.read_text()
    file.write_text(
        text.replace("def upgrade():\n", "def upgrade():\n    op.drop_table('old')\n")
    )
    outcome = project.ok("migrate")
    assert "Not verified, since the revisions do not run on an empty" in outcome.stderr
    assert VERIFIED not in outcome.stderr
    assert relations(scratch) == set()


def test_what_scripts_use(project: Project, url: str, scratch: str, kind: str) -> None:
    """A script's session, engine and own engine for the URL reach the scratch only."""
    (file,) = project.versions.glob("aa11_*.py")
    lines = [
        "from flask import current_app",
        "db = current_app.extensions['sqlalchemy']",
        'insert = sa.text("INSERT INTO " + quoted + " (name) VALUES (\'x\')")',
        "op.get_bind().execute(insert)",
        "with db.engine.connect() as connection:",
        "    connection.execute(sa.text('SELECT 1'))",
        "own = sa.create_engine(db.engine.url, poolclass=sa.pool.NullPool)",
        "with own.connect() as connection:",
        "    connection.execute(sa.text('CREATE TABLE own (id INTEGER)'))",
        "    connection.execute(sa.text('DROP TABLE own'))",
        "    connection.commit()",
    ]
    quoted = '"user"' if kind == "postgresql" else "`user`"
    body = "".join(f"    {line}\n" for line in [f"quoted = {quoted!r}", *lines])
    text = file.read_text()
    head, mark, tail = text.partition("\n\ndef downgrade():\n")
    file.write_text(f"{head}\n{body}{mark}{tail}")
    assert VERIFIED in project.ok("migrate").stderr
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        count = connection.exec_driver_sql(f"SELECT count(*) FROM {quoted}")
        assert count.scalar_one() == 0
    engine.dispose()
    assert "own" not in relations(url)
    assert relations(scratch) == set()


def test_everything_made_is_dropped(project: Project, scratch: str, kind: str) -> None:
    """Views, functions, types and schemas of the revisions go as well."""
    (file,) = project.versions.glob("aa11_*.py")
    made = {
        "postgresql": [
            'CREATE VIEW v AS SELECT * FROM "user"',
            'CREATE MATERIALIZED VIEW m AS SELECT * FROM "user"',
            "CREATE SEQUENCE s",
            "CREATE DOMAIN d AS integer",
            "CREATE TYPE c AS (a integer)",
            "CREATE TYPE e AS ENUM ('x')",
            "CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA extra",
            "CREATE TABLE extra.t (id integer)",
            "CREATE COLLATION k (locale = 'C')",
        ],
        "mariadb": [
            "CREATE VIEW v AS SELECT * FROM `user`",
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "CREATE TABLE q (id INTEGER REFERENCES p (id))",
            "CREATE FUNCTION f() RETURNS INTEGER DETERMINISTIC RETURN 1",
            "CREATE SEQUENCE s",
        ],
    }[kind]
    body = "".join(f"    op.execute({statement!r})\n" for statement in made)
    head, mark, tail = file.read_text().partition("\n\ndef downgrade():\n")
    file.write_text(f"{head}\n{body}{mark}{tail}")
    outcome = project.db("migrate")
    assert "upgrade failed" not in outcome.stderr
    assert "Not verified" not in outcome.stderr
    assert relations(scratch) == set()


# What is refused


def test_the_database_itself(project: Project, url: str) -> None:
    """The application's own database is refused, by whatever name it is called."""
    host = sa.make_url(url).set(host="localhost")
    for same in (url, host.render_as_string(hide_password=False)):
        project.options["scratch_url"] = same
        outcome = project.db("migrate", "--rev-id", "bb22")
        assert outcome.exit_code == 1
        assert "it is the application's own database" in outcome.stderr
        assert not list(project.versions.glob("bb22_*.py"))
    assert "user" in relations(url)


def test_a_database_with_something_in_it(
    project: Project, scratch: str, kind: str
) -> None:
    """A database that is not empty is refused, and keeps what it has."""
    things = ["CREATE TABLE t (id INTEGER)"]
    if kind == "postgresql":
        things = ["CREATE DOMAIN d AS integer", "CREATE SEQUENCE s", *things]
    else:
        things = ["CREATE FUNCTION f() RETURNS INTEGER RETURN 1", *things]
    for statement in things:
        run(scratch, statement)
        outcome = project.db("migrate", "--rev-id", "bb22")
        assert outcome.exit_code == 1
        assert "it is not empty, but has" in outcome.stderr
        assert not list(project.versions.glob("bb22_*.py"))
    wanted = {"t", "d", "s"} if kind == "postgresql" else {"t", "f"}
    assert wanted <= relations(scratch)


def test_other_wrong_databases(project: Project, url: str, kind: str) -> None:
    """A database of another kind, or one that is not there, is refused."""
    missing = sa.make_url(url).set(database="batchmigrate_not_there")
    wrong = {
        "sqlite:///x.db": "it is of sqlite, and that of the application of",
        missing.render_as_string(hide_password=False): "cannot be reached",
    }
    for scratch_url, why in wrong.items():
        project.options["scratch_url"] = scratch_url
        outcome = project.db("migrate", "--rev-id", "bb22")
        assert outcome.exit_code == 1
        assert why in outcome.stderr
        assert not list(project.versions.glob("bb22_*.py"))


def test_bind_without_one(project: Project) -> None:
    """Where a database has none, a line says so."""
    project.options["scratch_url"] = {"other": "sqlite://"}
    assert "Verified" not in project.ok("migrate", "--dry-run").stderr


def test_extension_stays(tmp_path: pathlib.Path) -> None:
    """An extension that is in the database does not count, and is not dropped."""
    with new_database("postgresql") as url, new_database("postgresql") as scratch:
        run(scratch, "CREATE EXTENSION citext")
        project = Project(
            tmp_path, {"user": ["name"]}, options={"scratch_url": scratch}, uri=url
        )
        assert VERIFIED in project.ok("migrate").stderr
        engine = sa.create_engine(scratch)
        with engine.connect() as connection:
            query = "SELECT count(*) FROM pg_extension WHERE extname = 'citext'"
            assert connection.exec_driver_sql(query).scalar_one() == 1
        engine.dispose()


def test_check(project: Project, scratch: str) -> None:
    """``check --scratch`` runs the revisions there, without the database."""
    assert project.db("check", "--scratch").exit_code == 1
    project.tables["user"].pop()
    project.ok("check", "--scratch")
    assert relations(scratch) == set()
    project.options = {}
    outcome = project.db("check", "--scratch")
    assert outcome.exit_code == 2
    assert "Name one with 'BATCHMIGRATE_SCRATCH_URL'" in outcome.stderr


def test_sqlite_beside_a_server(tmp_path: pathlib.Path, url: str, scratch: str) -> None:
    """Binds on both are proven together."""
    project = Project(
        tmp_path,
        {"user": ["name"]},
        {"other": {"pet": ["name"]}},
        {"scratch_url": {None: scratch}},
        url,
    )
    for _ in range(2):
        assert VERIFIED in project.ok("migrate").stderr
        project.ok("upgrade")
        project.tables["user"].append("email")
        project.bound["other"]["pet"].append("age")
    assert relations(scratch) == set()


def test_several_binds(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each database on a server has a scratch database of its own."""
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        kinds = ["postgresql", "mariadb", "postgresql", "mariadb"]
        urls = [stack.enter_context(new_database(kind)) for kind in kinds]
        wrong = stack.enter_context(new_database("postgresql"))

        def app(scratch: t.Any) -> Flask:
            made = Flask("an_app", root_path=str(tmp_path))
            made.config["SQLALCHEMY_DATABASE_URI"] = urls[0]
            made.config["SQLALCHEMY_BINDS"] = {"other": urls[1]}
            made.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": sa.pool.NullPool}
            db = SQLAlchemy(made)
            db.Table("user", db.Column("id", db.Integer, primary_key=True))
            key = db.Column("id", db.Integer, primary_key=True)
            db.Table("pet", key, bind_key="other")
            fb.BatchMigrate(made, db, scratch_url=scratch)
            return made

        both = {"": urls[2], "other": urls[3]}
        for scratch in (wrong, {"": urls[2], "other": wrong}):
            result = app(scratch).test_cli_runner().invoke(args=["db", "migrate"])
            assert result.exit_code == 1
            assert "cannot be the scratch database" in result.output
        result = app(both).test_cli_runner().invoke(args=["db", "migrate"])
        assert result.exit_code == 0, result.output
        assert VERIFIED in result.output
        assert relations(urls[2]) == relations(urls[3]) == set()
        assert relations(urls[0]) == relations(urls[1]) == set()

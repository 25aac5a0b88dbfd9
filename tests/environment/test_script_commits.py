"""What a script commits and rolls back, on every kind of database.

Its commit is part of the migration: all of it is stored with the revision, or nothing.
"""

from __future__ import annotations

import collections.abc as cabc
import importlib
import pathlib
import py_compile
import sys
import textwrap
import types
import typing as t
import uuid
import zipfile

import pytest
import sqlalchemy as sa
from flask import Flask

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.legacy import folders
from tests.servers import new_database
from tests.servers import SERVERS

SESSION = "from sqlalchemy.orm import Session\nsession = Session(bind=op.get_bind())\n"

STORED: dict[str, tuple[str, list[int]]] = {
    "commit": ("add(1)\nop.get_bind().commit()\nadd(2)", [1, 2]),
    "commit at the end": ("add(1)\nop.get_bind().commit()", [1]),
    "commit of the transaction": (
        "add(1)\nop.get_bind().get_transaction().commit()\nadd(2)",
        [1, 2],
    ),
    "commit of the pooled connection": (
        "add(1)\nop.get_bind().connection.commit()\nadd(2)",
        [1, 2],
    ),
    "rollback": ("add(1)\nop.get_bind().rollback()\nadd(2)", [2]),
    "rollback to the commit": (
        "add(1)\nop.get_bind().commit()\nadd(2)\nop.get_bind().rollback()\nadd(3)",
        [1, 3],
    ),
    "context": (
        "add(1)\nop.get_context().connection.rollback()\n"
        "add(2)\nop.get_context().bind.commit()",
        [2],
    ),
    "begin after a commit": (
        "add(1)\nop.get_bind().commit()\n"
        "with op.get_bind().begin():\n    add(2)\nadd(3)",
        [1, 2, 3],
    ),
    "begin that fails": (
        "op.get_bind().commit()\n"
        "try:\n    with op.get_bind().begin():\n        add(1)\n"
        "        1 / 0\nexcept ZeroDivisionError:\n    add(2)",
        [2],
    ),
    "transaction that fails": (
        "try:\n    with op.get_bind().get_transaction():\n        add(1)\n"
        "        1 / 0\nexcept ZeroDivisionError:\n    add(2)",
        [2],
    ),
    "savepoints": (
        "with op.get_bind().begin_nested():\n    add(1)\n"
        "nested = op.get_bind().begin_nested()\nadd(2)\nnested.rollback()\n"
        "op.get_bind().begin_nested()\nadd(3)\nop.get_bind().commit()\nadd(4)",
        [1, 3, 4],
    ),
    "session": (
        SESSION + "add(1, session)\nsession.rollback()\n"
        "add(2, session)\nsession.commit()\nadd(3, session)\nsession.rollback()\n"
        "add(4, session)\nsession.commit()\nsession.close()\nadd(5)",
        [2, 4, 5],
    ),
    "session after the script": (
        "add(1)\n" + SESSION + "add(2, session)\nsession.rollback()\nadd(3)",
        [1, 3],
    ),
    "session that is closed": (
        "add(1)\n" + SESSION + "add(2, session)\nsession.close()",
        [1, 2],
    ),
    "session with a savepoint": (
        SESSION.replace("())", "(), join_transaction_mode='create_savepoint')")
        + "add(1, session)\nsession.commit()\nadd(2, session)\nsession.rollback()",
        [1],
    ),
    "session in control": (
        SESSION.replace("())", "(), join_transaction_mode='control_fully')")
        + "add(1, session)\nsession.commit()\nadd(2, session)\nsession.rollback()",
        [1],
    ),
    "autocommit block": (
        "add(1)\nbind = op.get_bind()\nwith op.get_context().autocommit_block():\n"
        "    add(2)\n    bind.commit()\nadd(3)\nbind.rollback()\nadd(4)",
        [1, 2, 4],
    ),
    "transaction of the context": (
        "with op.get_context().begin_transaction():\n    add(1)\nadd(2)\n"
        "try:\n    with op.get_context().begin_transaction():\n        add(3)\n"
        "        1 / 0\nexcept ZeroDivisionError:\n    add(4)",
        [1, 2, 4],
    ),
    "an error that is expected": (
        "add(1)\nop.get_bind().commit()\ntry:\n    op.execute('SELECT nope')\n"
        "except sa.exc.DBAPIError:\n    op.get_bind().rollback()\nadd(2)",
        [1, 2],
    ),
}

ADD = """\
def add(number, where=None):
    text = sa.text("INSERT INTO numbers VALUES (:n)")
    (where or op.get_bind()).execute(text, {"n": number})
"""


class Database:
    """A database of one kind, and scripts that fill it.

    :param kind: ``"sqlite"``, or the kind of the server.
    """

    def __init__(self, apps: Apps, kind: str, url: str) -> None:
        self.apps = apps
        self.kind = kind
        self.url = url
        self.options: dict[str, t.Any] = {}
        self.folder = apps.path / "migrations"

    def write(self, *scripts: str) -> list[pathlib.Path]:
        """Write a table's revision, one for each script, and one for another table."""
        numbers = "op.create_table('numbers', sa.Column('id', sa.Integer))"
        bodies = [numbers, *scripts, create("last")]
        names = [f"{letter * 4}" for letter in "abcdefg"]
        return [
            write_revision(
                self.folder,
                name,
                down,
                textwrap.indent(body, "    ").strip(),
                head=ADD,
            )
            for name, down, body in zip(names, [None, *names], bodies, strict=False)
        ]

    def app(self, **options: t.Any) -> Flask:
        config = {
            "SQLALCHEMY_DATABASE_URI": self.url,
            "SQLALCHEMY_ENGINE_OPTIONS": self.options,
        }
        return self.apps.make(config=config, **options)

    def upgrade(self, revision: str = "head", **options: t.Any) -> list[t.Any]:
        with self.app(**options).app_context():
            return fb.upgrade(revision=revision)

    def fail(self, **options: t.Any) -> str:
        with pytest.raises(fb.BatchMigrateError) as caught:
            self.upgrade(**options)
        return str(caught.value)

    def query(self, sql: str) -> list[t.Any]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.execute(sa.text(sql)).scalars())

    def tables(self) -> set[str]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        return set(sa.inspect(engine).get_table_names())

    def numbers(self) -> list[int]:
        return self.query("SELECT id FROM numbers ORDER BY id")

    def version(self) -> list[str]:
        return self.query("SELECT version_num FROM alembic_version")


@pytest.fixture(
    params=[
        "sqlite",
        *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS),
    ]
)
def database(apps: Apps, request: pytest.FixtureRequest) -> cabc.Iterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield Database(apps, "sqlite", apps.url("app.db"))
        return
    with new_database(request.param) as url:
        yield Database(apps, request.param, url)
        apps.close()


@pytest.mark.parametrize(
    ("how", "per_migration"),
    [*((how, False) for how in STORED), ("commit", True), ("rollback", True)],
)
def test_all_is_stored_with_the_revision(
    database: Database, how: str, per_migration: bool
) -> None:
    """A commit keeps what ran before it, a rollback undoes what ran after one."""
    script, expected = STORED[how]
    database.write(script)
    applied = database.upgrade(transaction_per_migration=per_migration)
    assert [each.revision for each in applied] == ["aaaa", "bbbb", "cccc"]
    assert database.numbers() == expected
    assert database.tables() == {"alembic_version", "numbers", "last"}
    assert database.version() == ["cccc"]


@pytest.mark.parametrize("how", [how for how in STORED if "block" not in how])
def test_or_nothing_is_stored(database: Database, how: str) -> None:
    """When the script, or a later one, fails, its commits are undone as well."""
    script = STORED[how][0]
    for scripts in (f"{script}\n1 / 0",), (script, "1 / 0"):
        database.write(*scripts)
        message = database.fail()
        if database.kind == "mariadb":
            done = ["aaaa"] if len(scripts) == 1 else ["bbbb"]
            assert database.version() == done
            assert "Nothing was changed" not in message
        else:
            assert database.tables() == set()
            assert "Nothing was changed." in message
        if len(scripts) == 1 and database.kind == "mariadb":
            assert database.numbers() == []


def test_a_rollback_leaves_the_revisions_before(database: Database) -> None:
    """It goes back to where its own script began."""
    database.write("add(1)", "op.get_bind().rollback()\nadd(2)")
    database.upgrade()
    assert database.numbers() == [1, 2]
    assert database.version() == ["dddd"]


REFUSED = {
    "op.get_bind().close()": "closes 'op.get_bind()'",
    "with op.get_bind() as bind: bind.commit()": "closes 'op.get_bind()'",
    "with op.get_bind().begin(): pass": "can't call begin()",
    "op.get_bind().invalidate()": "invalidates 'op.get_bind()'",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_had_is_refused(database: Database, line: str) -> None:
    """At once, with the line of the script."""
    _, path, _ = database.write(f"add(1)\n{line}\nadd(2)")
    message = database.fail()
    lines = path.read_text().splitlines()
    number = next(n for n, text in enumerate(lines, 1) if line in text)
    assert f"'{path}', line {number}" in message
    assert REFUSED[line] in message
    if database.kind == "mariadb":
        assert database.numbers() == []
    else:
        assert database.tables() == set()
        assert "Nothing was changed." in message


GONE = {
    "the server ends it": (
        "end = {'postgresql': 'SELECT pg_terminate_backend(pg_backend_pid())'}\n"
        "name = op.get_bind().dialect.name\n"
        "add(1)\nop.execute(end.get(name, 'KILL CONNECTION_ID()'))\nadd(2)"
    ),
    "the script ends it": "op.get_bind().connection.driver_connection.close()",
    "the script goes back": (
        "try:\n    op.get_bind().connection.driver_connection.close()\n    add(2)\n"
        "except sa.exc.DBAPIError:\n    op.get_bind().rollback()\n    raise"
    ),
}


@pytest.mark.parametrize("how", GONE)
def test_a_connection_that_is_gone(database: Database, how: str) -> None:
    """What the driver or the server says of it is told, and what has become of it."""
    if database.kind == "sqlite" and "server" in how:
        pytest.skip("there is no server")
    _, path, _ = database.write(GONE[how])
    message = database.fail()
    assert f"'{path}'" in message
    assert "Assertion" not in message
    if database.kind == "mariadb":
        assert database.version() == ["aaaa"]
        assert "Nothing was changed" not in message
    else:
        assert database.tables() == set()
        assert "Nothing was changed." in message


ENDS = {
    "COMMIT": "op.execute('COMMIT')",
    "END": "op.get_bind().exec_driver_sql('/* so */ end')",
    "the driver": "op.get_bind().connection.driver_connection.commit()",
    "its cursor": "op.get_bind().connection.cursor().execute('COMMIT')",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_commit_past_sqlalchemy(database: Database, how: str) -> None:
    """It is refused on SQLite; elsewhere it is done, and a failure says what stays."""
    if how == "END" and database.kind == "mariadb":
        pytest.skip("this server does not know the statement")
    end = ENDS[how]
    database.write(f"add(1)\n{end}\nadd(2)\n1 / 0")
    message = database.fail()
    if database.kind == "sqlite":
        assert "would end the transaction" in message
        assert "Nothing was changed." in message
        assert database.tables() == set()
        return
    assert "Nothing was changed" not in message
    assert database.numbers() == [1]
    assert database.version() == ["aaaa"]
    database.write(f"{end}\nadd(2)\nop.get_bind().rollback()\nadd(3)")
    database.upgrade()
    assert database.numbers() == [1, 3]
    assert database.version() == ["cccc"]


def test_a_rollback_past_sqlalchemy(database: Database) -> None:
    """It would undo the revisions before: the run fails, and says so."""
    database.write(
        "add(1)", "add(2)\nop.get_bind().connection.driver_connection.rollback()"
    )
    if database.kind == "mariadb":
        # Each revision has a transaction of its own there.
        database.upgrade()
        assert database.numbers() == [1]
        return
    message = database.fail()
    assert database.tables() == set()
    assert "Nothing was changed." in message


def test_an_engine_without_transactions(database: Database) -> None:
    """Where each statement is stored at once, none is said to be undone."""
    database.options = {"isolation_level": "AUTOCOMMIT"}
    database.write("add(1)\nop.get_bind().commit()\nadd(2)\n1 / 0")
    message = database.fail()
    if database.kind == "sqlite":
        # The migration's own transaction is there all the same.
        assert database.tables() == set()
        assert "Nothing was changed." in message
        return
    assert database.numbers() == [1, 2]
    assert "Nothing was changed" not in message


@pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", ["single 4", "multi"])
def test_environments_of_flask_migrate(database: Database, kind: str) -> None:
    """A commit in a script is no matter of who wrote the environment."""
    folders.write(database.folder, kind)
    database.write("add(1)\nop.get_bind().commit()\nadd(2)")
    for path in (database.folder / "versions").iterdir():
        if kind == "multi":
            text = path.read_text().replace("def upgrade():", "def upgrade_():")
            text = text.replace("def downgrade():", "def downgrade_():")
            path.write_text(
                "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
                "def downgrade(engine_name):\n"
                f"    globals()[f'downgrade_{{engine_name}}']()\n{text}"
            )
    database.upgrade()
    assert database.numbers() == [1, 2]
    assert database.version() == ["cccc"]


HELPER = """\
def give_up(connection):
    connection.rollback()
"""


@pytest.mark.parametrize("deeper", [False, True])
def test_a_helper_that_rolls_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, deeper: bool
) -> None:
    """It goes back as a script does; one that the script does not import says how."""
    name = f"helper_{uuid.uuid4().hex}"
    (database.apps.path / f"{name}_of.py").write_text(HELPER)
    own = f"import {name}_of as of\ndef give_up(c):\n    of.give_up(c)\n"
    (database.apps.path / f"{name}.py").write_text(own if deeper else HELPER)
    monkeypatch.syspath_prepend(database.apps.path)
    _, path, _ = database.write("add(1)\ngive_up(op.get_bind())\nadd(2)")
    text = path.read_text()
    path.write_text(text.replace(ADD, f"from {name} import give_up\n{ADD}"))
    if deeper and database.kind == "sqlite":
        message = database.fail()
        assert f"'{path}', line " in message
        assert "the word 'rollback'" in message
        assert database.tables() == set()
        path.write_text(f"# rollback\n{path.read_text()}")
    database.upgrade()
    assert database.numbers() == [2]


def in_archive(path: pathlib.Path, name: str) -> None:
    archive = path / f"{name}.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{name}.py", HELPER)
    sys.path.insert(0, str(archive))


def compiled_only(path: pathlib.Path, name: str) -> None:
    source = path / f"{name}.py"
    source.write_text(HELPER)
    py_compile.compile(str(source), str(path / f"{name}.pyc"))
    source.unlink()


def deleted(path: pathlib.Path, name: str) -> None:
    source = path / f"{name}.py"
    source.write_text(HELPER)
    importlib.import_module(name)
    source.unlink()


def without_file(path: pathlib.Path, name: str) -> None:
    """As a frozen or built-in module, or one that is made by ``exec``."""
    sys.modules[name] = module = types.ModuleType(name)
    exec(HELPER, module.__dict__)


def unregistered(path: pathlib.Path, name: str) -> None:
    """The functions come from a module that is not in ``sys.modules``."""
    without_file(path, f"{name}_of")
    module = sys.modules.pop(f"{name}_of")
    without_file(path, name)
    vars(sys.modules[name])["give_up"] = vars(module)["give_up"]


def without_name(path: pathlib.Path, name: str) -> None:
    """The functions belong to no module: ``exec`` with a bare dictionary."""
    sys.modules[name] = module = types.ModuleType(name)
    names: dict[str, t.Any] = {}
    exec(HELPER, names)
    names["give_up"].__module__ = None
    vars(module).update(give_up=names["give_up"])


def not_a_module(path: pathlib.Path, name: str) -> None:
    """An object with attributes stands in for the module."""

    class Helper:
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]

        def give_up(self, connection: sa.Connection) -> None:
            connection.rollback()

    Helper.__module__ = name
    sys.modules[name] = Helper()  # type: ignore[assignment]


WITHOUT_SOURCE = [
    in_archive,
    compiled_only,
    deleted,
    without_file,
    unregistered,
    without_name,
    not_a_module,
]


@pytest.mark.parametrize("make", WITHOUT_SOURCE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("imported", ["module", "name"])
def test_a_helper_without_source(
    apps: Apps,
    monkeypatch: pytest.MonkeyPatch,
    make: t.Callable[[pathlib.Path, str], None],
    imported: str,
) -> None:
    """Where nobody can read what a helper does, it may roll back all the same."""
    name = f"helper_{uuid.uuid4().hex}"
    monkeypatch.syspath_prepend(apps.path)
    make(apps.path, name)
    database = Database(apps, "sqlite", apps.url("app.db"))
    _, path, _ = database.write("add(1)\ngive_up(op.get_bind())\nadd(2)")
    line = {
        "module": f"import {name} as helper\n",
        "name": f"from {name} import give_up\n",
    }[imported]
    text = path.read_text().replace(ADD, line + ADD)
    if imported == "module":
        text = text.replace("give_up(op", "helper.give_up(op")
    path.write_text(text)
    try:
        database.upgrade()
    finally:
        sys.modules.pop(name, None)
    assert database.numbers() == [2]
    assert database.version() == ["cccc"]


def test_env_that_imports_what_has_no_hash(
    apps: Apps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ``env.py`` may import an object that is in the place of a module."""
    name = f"helper_{uuid.uuid4().hex}"
    not_a_module(apps.path, name)
    database = Database(apps, "sqlite", apps.url("app.db"))
    database.write("add(1)")
    run = "from flask_batchmigrate.environment import run\nrun()\n"
    (database.folder / "env.py").write_text(f"import {name}\n{run}")
    try:
        database.upgrade()
    finally:
        sys.modules.pop(name)
    assert database.numbers() == [1]


def test_names_that_must_not_be_asked(apps: Apps) -> None:
    """A proxy that raises for any attribute is none of the migration's business."""
    database = Database(apps, "sqlite", apps.url("app.db"))
    _, path, _ = database.write("add(1)")
    proxy = (
        "class Proxy:\n    def __getattribute__(self, name):\n"
        "        raise RuntimeError(name)\nproxy = Proxy()\n"
    )
    path.write_text(path.read_text().replace(ADD, proxy + ADD))
    database.upgrade()
    assert database.numbers() == [1]


@pytest.mark.parametrize("last", ["", "op.get_bind().commit()", "# rollback"])
def test_no_savepoint_around_a_script_without_rollback(apps: Apps, last: str) -> None:
    """What a script overwrites on SQLite is written twice only if it can go back."""
    database = Database(apps, "sqlite", apps.url("app.db"))
    database.write(f"add(1)\nop.execute('UPDATE numbers SET id = 2')\n{last}")
    seen: list[str] = []
    app = database.app()
    with app.app_context():
        engine = app.extensions["migrate"].db.engine

        @sa.event.listens_for(engine, "connect")
        def trace(connection: t.Any, _: t.Any) -> None:
            connection.set_trace_callback(seen.append)

        fb.upgrade()
    update = seen.index("UPDATE numbers SET id = 2")
    points = [n for n, sql in enumerate(seen) if sql.startswith("SAVEPOINT")]
    before, after = any(n < update for n in points), any(n > update for n in points)
    assert database.numbers() == [2]
    assert (before, after) == ("rollback" in last, "commit" in last)


def test_a_downgrade(database: Database) -> None:
    """What goes down commits like what goes up."""
    database.write("add(1)")
    path = database.folder / "versions" / "bbbb_.py"
    text, _, _ = path.read_text().rpartition("    pass")
    path.write_text(f"{text}    add(2)\n    op.get_bind().commit()\n    add(3)\n")
    database.upgrade()
    with database.app().app_context():
        fb.downgrade(revision="aaaa")
    assert database.numbers() == [1, 2, 3]
    assert database.version() == ["aaaa"]


ENV = """\
from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db
with db.engine.connect() as connection:
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
        LAST
"""

NOT_STORED = {
    "rollback": "connection.rollback()",
    "driver": "connection.connection.driver_connection.rollback()",
    "no commit": "context.get_context()._transaction = None",
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("how", NOT_STORED)
def test_what_is_announced_is_stored(database: Database, how: str, first: bool) -> None:
    """An environment that undoes the run makes it fail, not succeed."""
    # As on SQLite and PostgreSQL, so that a rollback has something to undo.
    options = "{'transactional_ddl': True}"
    text = ENV.replace("OPTIONS", options)
    database.write("add(1)", "add(2)")
    if not first:
        database.upgrade("bbbb")
    (database.folder / "env.py").write_text(text.replace("LAST", NOT_STORED[how]))
    message = database.fail()
    if how == "driver" and database.kind == "sqlite":
        assert "would end the transaction" in message
        return
    assert "the scripts ran up to 'dddd'" in message
    stored = {True: "no revision", False: "'bbbb'"}[first]
    if database.kind == "mariadb":
        stored = "'cccc'"  # the change of a table committed it
    assert f"is at {stored}, although" in message

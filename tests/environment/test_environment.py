"""The environment: folders, routes into it, and what it keeps out of the process."""

from __future__ import annotations

import logging
import pathlib
import re
import sqlite3
import threading
import typing as t

import alembic.command
import pytest
import sqlalchemy as sa
from flask import current_app

import flask_batchmigrate as fb
from flask_batchmigrate import BatchMigrate
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from flask_batchmigrate.results import Applied
from tests.apps import Apps
from tests.apps import create
from tests.apps import query
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.processes import run_python


@pytest.mark.parametrize("place", [".", "package", "package/below"])
def test_where_the_folder_is(
    apps: Apps, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current directory, the application's root, and beside its package."""
    root = apps.path / "package" / "below"
    root.mkdir(parents=True)
    (root / "__init__.py").touch()
    write_revision(apps.path / place / "migrations", "aa11", None)
    app = apps.make()
    app.root_path = str(root)
    monkeypatch.chdir(apps.path if place == "." else "/")
    with app.app_context():
        assert [info.revision for info in fb.heads()] == ["aa11"]


@pytest.mark.parametrize("is_package", [False, True])
def test_an_application_inside_another_project(
    apps: Apps, is_package: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the project above is left alone, and that is said."""
    outer, inner = apps.path / "migrations", apps.path / "inner"
    write_revision(outer, "aa11", None, create("theirs"))
    before = sorted(outer.rglob("*"))
    inner.mkdir()
    if is_package:
        (inner / "__init__.py").touch()
    app = apps.make(file="inner/app.db")
    app.root_path = str(inner)
    monkeypatch.chdir(inner)
    events = Events()
    path = re.escape(str(outer))
    with app.app_context(), reporting_to(events):
        for command in (fb.upgrade, fb.heads, fb.current, fb.stamp):
            with pytest.raises(fb.MigrationFolderError, match=f"'{path}' is not used"):
                command()
        (script,) = fb.migrate()
        fb.upgrade()
    assert pathlib.Path(script.path).parents[1] == inner / "migrations"
    assert tables_of(inner / "app.db") == {"user", "alembic_version"}
    assert sorted(outer.rglob("*")) == before
    notes = [text for kind, text in (e for e in events.seen if e[0] == "note")]
    assert any(str(outer) in text and "not used" in text for text in notes)


@pytest.mark.parametrize("name", ["setting", "argument"])
def test_the_folder_of_another_project_by_name(
    apps: Apps, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used when it is asked for."""
    outer, inner = apps.path / "migrations", apps.path / "inner"
    write_revision(outer, "aa11", None, create("user"))
    inner.mkdir()
    setting = {"directory": "../migrations"} if name == "setting" else {}
    app = apps.make(**setting)
    app.root_path = str(inner)
    monkeypatch.chdir(inner)
    with app.app_context():
        fb.upgrade(*([] if setting else ["../migrations"]))
    assert version_of(apps.path / "app.db") == {"aa11"}


def test_no_folder(apps: Apps) -> None:
    """The absolute path that was looked for is named."""
    path = re.escape(str(apps.path / "migrations"))
    with apps.make().app_context():
        for command in (fb.upgrade, fb.heads, fb.current, fb.downgrade, fb.stamp):
            with pytest.raises(fb.MigrationFolderError, match=f"'{path}'"):
                command()
        with pytest.raises(fb.MigrationFolderError):
            alembic.command.upgrade(
                current_app.extensions["migrate"].migrate.get_config(), "head"
            )
    assert list(apps.path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "100%", "ü", "a,b", "a%(x)s"])
def test_strange_paths(apps: Apps, name: str) -> None:
    """Any character may be in the folder's path, and in the database's."""
    (apps.path / name).mkdir()
    app = apps.make(file=f"{name}/x.db", directory=apps.path / name / "migrations")
    with app.app_context():
        (script,) = fb.migrate()
        fb.upgrade()
        assert fb.init() == apps.path / name / "migrations"
        fb.revision()
        fb.upgrade()
    assert pathlib.Path(script.path).is_file()
    assert "user" in tables_of(apps.path / name / "x.db")


def test_alembics_own_command(apps: Apps) -> None:
    """``alembic.command`` with our config: the same environment, the same safety."""
    migrate = BatchMigrate()
    app = apps.make(migrate=migrate)
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("first"))
    with app.app_context():
        alembic.command.upgrade(migrate.get_config(), "head")
        assert version_of(apps.path / "app.db") == {"aa11"}
        write_revision(folder, "bb22", "aa11", f"{create('second')}\n    1 / 0")
        with pytest.raises(fb.RevisionFailed):
            alembic.command.upgrade(migrate.get_config(), "head")
        alembic.command.downgrade(migrate.get_config(), "base")
        alembic.command.stamp(migrate.get_config(), "aa11")
        alembic.command.current(migrate.get_config())
    assert "second" not in tables_of(apps.path / "app.db")


def test_alembics_own_command_line(apps: Apps) -> None:
    """A written folder works with the ``alembic`` program and ``FLASK_APP``."""
    (apps.path / "app.py").write_text(
        "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\n"
        "from flask_batchmigrate import BatchMigrate\n"
        "app = Flask(__name__)\n"
        f"app.config['SQLALCHEMY_DATABASE_URI'] = {apps.url('app.db')!r}\n"
        "db = SQLAlchemy(app)\nBatchMigrate(app, db)\n"
        "db.Table('user', db.Column('id', db.Integer, primary_key=True))\n"
    )
    with apps.make({None: ["user"]}).app_context():
        fb.init()
        fb.migrate()
    done = run_python(
        *("-m", "alembic.config"),
        *("-c", "migrations/alembic.ini", "upgrade", "head"),
        env={"FLASK_APP": "app"},
    )
    assert done.returncode == 0, done.stderr
    assert tables_of(apps.path / "app.db") == {"user", "alembic_version"}


def test_env_with_arguments(apps: Apps) -> None:
    """``run()`` of a written env.py takes more arguments for Alembic."""
    with apps.make({None: ["user", "secret"]}).app_context():
        env = fb.init() / "env.py"
        env.write_text(
            env.read_text().replace(
                "run()\n",
                "run(include_object=lambda o, name, *rest: name != 'secret')\n",
            )
        )
        fb.migrate()
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == {"user", "alembic_version"}


def test_hooks_of_the_constructor(apps: Apps) -> None:
    """Arguments for ``context.configure`` are passed on; hooks are called."""
    calls: list[str] = []

    def on_version_apply(**kwargs: t.Any) -> None:
        calls.append(kwargs["step"].up_revision_id)

    def process_revision_directives(context: t.Any, rev: t.Any, scripts: t.Any) -> None:
        scripts[0].message = "renamed"

    app = apps.make(
        on_version_apply=on_version_apply,
        process_revision_directives=process_revision_directives,
        version_table="versions",
    )
    with app.app_context():
        (script,) = fb.migrate(message="other")
        fb.upgrade()
    assert script.doc == "renamed"
    assert calls == [script.revision]
    assert tables_of(apps.path / "app.db") == {"user", "versions"}


def test_hook_that_writes_several(apps: Apps) -> None:
    """A hook may leave nothing to write."""

    def nothing(context: t.Any, revision: t.Any, directives: list[t.Any]) -> None:
        directives.clear()

    with apps.make(process_revision_directives=nothing).app_context():
        assert fb.migrate() == []
    assert not (apps.path / "migrations").exists()


def test_ini_of_the_user(apps: Apps) -> None:
    """Alembic's options in ``alembic.ini`` are honoured."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "alembic.ini").write_text(
        "[alembic]\nfile_template = n_%%(rev)s\nversion_locations = %(here)s/revs\n"
        "path_separator = os\n[mine]\nx = 1\n"
    )
    with apps.make().app_context():
        (script,) = fb.migrate(rev_id="aa11")
        config = current_app.extensions["migrate"].migrate.get_config()
        assert config.get_section_option("mine", "x") == "1"
    assert pathlib.Path(script.path) == folder / "revs" / "n_aa11.py"


def test_broken_script_template(apps: Apps) -> None:
    """A template that fails is named, and no file is left."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "script.py.mako").write_text("${1 / 0}")
    with (
        apps.make().app_context(),
        pytest.raises(fb.BrokenScript, match=r"script\.py\.mako' failed: ZeroDiv"),
    ):
        fb.revision()
    assert [path.name for path in folder.rglob("*.py")] == []


@pytest.mark.parametrize("template", [None, "flask", "flask-multidb"])
@pytest.mark.parametrize(
    "message", ["read C:\\users", 'say """hi"""', 'four """"', "ends \\", r"\d and \""]
)
def test_any_message(apps: Apps, message: str, template: str | None) -> None:
    """What a message says is what the script is called, whatever characters it has."""
    with apps.make().app_context():
        if template is not None:
            fb.init(template=template)
        (script,) = fb.migrate(message=message)
        (applied,) = fb.upgrade()
    assert script.doc == applied.message == message


def test_message_of_a_template_of_its_own(apps: Apps) -> None:
    """A template that quotes the message itself gets it unchanged."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "script.py.mako").write_text(
        "__doc__ = ${repr(message)}\nrevision = ${repr(up_revision)}\n"
        "down_revision = ${repr(down_revision)}\n"
    )
    with apps.make().app_context():
        fb.revision(message="read C:\\users")
        (script,) = fb.show()
    assert script.doc == "read C:\\users"


@pytest.mark.parametrize("before", ["", "%>"])
@pytest.mark.parametrize("message", ['the "end"', 'C:\\"""', '"'])
def test_message_as_a_whole_docstring(apps: Apps, message: str, before: str) -> None:
    """Nor does a quote at the end close the docstring of a template too early."""
    folder = apps.path / "migrations"
    folder.mkdir()
    block = "<%!\n    import re\n" + before if before else ""
    (folder / "script.py.mako").write_text(
        f'{block}"""${{message}}"""\nrevision = ${{repr(up_revision)}}\n'
        "down_revision = ${repr(down_revision)}\n"
    )
    with apps.make().app_context():
        (script,) = fb.revision(message=message)
    assert script.doc == message


def test_message_that_a_template_cannot_hold(apps: Apps) -> None:
    """A file that is no Python is not written: it would block every command."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "script.py.mako").write_text(
        "# ${message}\nrevision = ${repr(up_revision)}\n"
        "down_revision = ${repr(down_revision)}\n"
    )
    with apps.make().app_context():
        with pytest.raises(fb.errors.BrokenScript, match="No file was written"):
            fb.revision(message="the end\nof it")
        assert fb.heads() == []
        (script,) = fb.revision(message="the end")
    assert script.doc == ""


BROKEN = {
    "syntax": ("revision = 'bb22'\ndef (", "bb22_.py', line 2"),
    "import": (
        "revision = 'bb22'\ndown_revision = 'aa11'\nimport nothing_like_it",
        "bb22_.py', line 3: ModuleNotFoundError",
    ),
    "duplicate": (
        "revision = 'aa11'\ndown_revision = None\n",
        "have the same revision id 'aa11'",
    ),
    "predecessor": (
        "revision = 'bb22'\ndown_revision: str = 'zz99'  # 'aa11'\n",
        "bb22_.py' follows revision 'zz99'",
    ),
    "itself": ("revision = 'bb22'\ndown_revision = ('bb22',)\n", "follows itself"),
    "no down": ("revision = 'bb22'\n", "bb22_.py' has no 'down_revision'"),
    "no revision": ("down_revision = 'aa11'\n", "versions/bb22_.py' has no 'revision'"),
    "NUL": ("revision = 'bb22'\n\0", "bb22_.py' has NUL bytes"),
    "empty": ("", "versions/bb22_.py' has no 'revision'. Nothing was changed."),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_scripts(apps: Apps, broken: str) -> None:
    """A file that cannot be loaded is named; nothing happens."""
    text, match = BROKEN[broken]
    path = write_revision(apps.path / "migrations", "aa11", None)
    path.with_name("bb22_.py").write_text(text)
    with apps.make().app_context():
        for command in (fb.upgrade, fb.heads, fb.revision, fb.current, fb.migrate):
            with pytest.raises(fb.BrokenScript, match=match):
                command()
    assert not (apps.path / "app.db").exists()


def test_env_py_with_nul_bytes(apps: Apps) -> None:
    """A damaged ``env.py`` is named."""
    path = write_revision(apps.path / "migrations", "aa11", None)
    (path.parent.parent / "env.py").write_bytes("run()".encode("utf-16"))
    with (
        apps.make().app_context(),
        pytest.raises(fb.BrokenScript, match=r"env\.py' has NUL bytes"),
    ):
        fb.upgrade()


class Events(Reporter):
    """Keeps the names of the events."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, ...]] = []

    def bind_started(self, bind: str, database: str, dialect: str) -> None:
        self.seen.append(("bind", bind, dialect))

    def revision_started(
        self, bind: str, direction: str, revision: str, message: str
    ) -> None:
        self.seen.append(("start", direction, revision, message))

    def revision_done(self, applied: Applied) -> None:
        self.seen.append(("done", applied.revision))

    def note(self, text: str) -> None:
        self.seen.append(("note", text))


def test_events(apps: Apps) -> None:
    """A receiver is told what runs, when it runs."""
    write_revision(apps.path / "migrations", "aa11", None, create("user"))
    events = Events()
    with apps.make({None: ["user"]}).app_context(), reporting_to(events):
        fb.upgrade()
        assert events.seen == [
            ("bind", "", "sqlite"),
            ("start", "upgrade", "aa11", "Step aa11"),
            ("done", "aa11"),
        ]
        events.seen.clear()
        fb.migrate()
    assert ("note", "No changes in schema detected.") in events.seen


def test_log_by_default(apps: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """Without a receiver the events are in the log of the package."""
    with apps.make().app_context(), caplog.at_level(logging.INFO, "flask_batchmigrate"):
        fb.migrate()
        fb.upgrade()
        fb.migrate()
    assert "No changes in schema detected." in caplog.messages


def test_two_threads(apps: Apps) -> None:
    """Commands of two threads run one after the other, each in its application."""
    migrate = BatchMigrate()
    made = []
    for number in range(4):
        folder = apps.path / f"m{number}"
        write_revision(folder, "aa11", None, create(f"t{number}"))
        write_revision(
            folder, "bb22", "aa11", create(f"u{number}"), f"op.drop_table('u{number}')"
        )
        app = apps.make({}, migrate, f"{number}.db", directory=str(folder))
        made.append(app)
    failures: list[BaseException] = []

    def work(app: t.Any) -> None:
        try:
            with app.app_context():
                fb.upgrade()
                fb.downgrade()
                fb.upgrade()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[app]) for app in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for number in range(4):
        assert tables_of(apps.path / f"{number}.db") == {
            f"t{number}",
            f"u{number}",
            "alembic_version",
        }


@pytest.mark.parametrize(
    "call",
    [
        "fb.upgrade()",
        "fb.current()",
        "alembic.command.current(current_app.extensions['migrate'].migrate"
        ".get_config())",
    ],
)
def test_command_inside_a_migration(apps: Apps, call: str) -> None:
    """A script that calls a command is told so, and changes nothing."""
    head = (
        "import alembic.command\nimport flask_batchmigrate as fb\n"
        "from flask import current_app\n"
    )
    folder = apps.path / "migrations"
    path = write_revision(folder, "aa11", None, f"{create('x')}\n    {call}", head=head)
    with apps.make().app_context():
        with pytest.raises(fb.AlreadyRunning):
            fb.upgrade()
        path.unlink()
        write_revision(folder, "aa11", None, create("x"))
        fb.upgrade()
    assert "x" in tables_of(apps.path / "app.db")


def test_questions_inside_a_migration(apps: Apps) -> None:
    """What needs no database may be asked from a script."""
    write_revision(
        apps.path / "migrations",
        "aa11",
        None,
        "assert fb.heads()[0].revision == 'aa11'",
        head="import flask_batchmigrate as fb",
    )
    with apps.make().app_context():
        fb.upgrade()


def test_session_in_a_script(apps: Apps) -> None:
    """``db.session`` in a script works on the migration, all or nothing."""
    head = "from flask import current_app"
    insert = (
        "session = current_app.extensions['sqlalchemy'].session\n"
        "    insert = sa.text(\"INSERT INTO user (id, name) VALUES (1, 'a')\")\n"
        "    session.execute(insert)\n"
        "    session.commit()"
    )
    folder = apps.path / "migrations"
    table = (
        "op.create_table('user', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('name', sa.String))"
    )
    write_revision(folder, "aa11", None, f"{table}\n    {insert}", head=head)
    failing = write_revision(folder, "bb22", "aa11", "1 / 0")
    with apps.make().app_context():
        with pytest.raises(fb.RevisionFailed):
            fb.upgrade()
        assert tables_of(apps.path / "app.db") <= {"alembic_version"}
        failing.unlink()
        fb.upgrade()
    assert query(apps.path / "app.db", "SELECT * FROM user") == [(1, "a")]


def test_stock_alembic_afterwards(apps: Apps) -> None:
    """Alembic elsewhere in the process is as it was."""
    from alembic.migration import MigrationContext

    with apps.make().app_context():
        fb.migrate()
        fb.upgrade()
    engine = sa.create_engine(apps.url("app.db"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert type(context.impl).__module__ == "alembic.ddl.sqlite"
        assert len(context.get_current_heads()) == 1
    engine.dispose()


def test_in_memory(apps: Apps) -> None:
    """A database in memory is migrated on the application's own connection."""
    app = apps.make(config={"SQLALCHEMY_DATABASE_URI": "sqlite://"})
    db = app.extensions["sqlalchemy"]
    with app.app_context():
        fb.migrate()
        fb.upgrade()
        db.session.execute(sa.text("INSERT INTO user (name) VALUES ('a')"))
        db.session.commit()
        assert fb.check() is True
        assert [each.is_head for each in fb.current()] == [True]
        assert db.session.execute(sa.text("SELECT name FROM user")).all() == [("a",)]


def test_nothing_to_do_needs_no_lock(apps: Apps) -> None:
    """An upgrade that finds nothing works while another process writes."""
    write_revision(apps.path / "migrations", "aa11", None, create("x"))
    with apps.make(lock_timeout=0.2).app_context():
        fb.upgrade()
        writer = sqlite3.connect(apps.path / "app.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        assert fb.upgrade() == []
        with pytest.raises(fb.LockTimeout, match=r"app\.db"):
            fb.downgrade()
        writer.execute("ROLLBACK")
        writer.close()
        fb.downgrade()
    assert version_of(apps.path / "app.db") == set()

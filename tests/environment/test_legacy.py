"""Migrations folders of Flask-Migrate run unchanged."""

from __future__ import annotations

import logging
import pathlib
import typing as t

import alembic.command
import pytest
from flask import Flask

import flask_batchmigrate as fb
from flask_batchmigrate import BatchMigrate
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision
from tests.legacy import folders

# The env.py files ask for it, as they did when it was the only way.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated")


class Warnings(Reporter):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


TABLES: dict[str, dict[str | None, list[str]]] = {
    "single 2": {None: ["user name"]},
    "single 4": {None: ["user name"]},
    "multi": {None: ["user name"], "logs": ["entry text"]},
}


@pytest.fixture(params=list(folders.KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(apps: Apps, kind: str) -> Flask:
    folders.write(apps.path / "migrations", kind)
    return apps.make(TABLES[kind])


def test_cycle(apps: Apps, app: Flask, kind: str) -> None:
    """Generate, apply, compare and revert, with the values of the packaged one."""
    with app.app_context():
        (script,) = fb.migrate(message="first")
        applied = fb.upgrade()
        assert [each.revision for each in applied] == (
            [script.revision] * len(TABLES[kind])
        )
        assert fb.check() is True
        assert "user" in tables_of(apps.path / "app.db")
        if kind == "multi":
            assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}
            assert [each.bind for each in fb.current()] == ["", "logs"]
        fb.downgrade()
        assert tables_of(apps.path / "app.db") == {"alembic_version"}


def test_no_empty_file_after_an_upgrade(app: Flask, apps: Apps) -> None:
    """What an old env.py leaves behind does not reach the next command."""
    with app.app_context():
        fb.migrate()
        fb.upgrade()
        assert fb.migrate() == []
        args = app.extensions["migrate"].configure_args
        assert "process_revision_directives" not in args
    assert len(list((apps.path / "migrations" / "versions").glob("*.py"))) == 1


def test_second_application(app: Flask, apps: Apps, kind: str) -> None:
    """Nor does it reach another application of the process."""
    with app.app_context():
        fb.migrate()
        fb.upgrade()
    other = apps.make({None: ["thing"]}, file="other.db", directory="others")
    with other.app_context():
        (script,) = fb.migrate()
        fb.upgrade()
    assert tables_of(apps.path / "other.db") == {"thing", "alembic_version"}
    assert pathlib.Path(script.path).parent == apps.path / "others" / "versions"


def logging_state() -> dict[str, t.Any]:
    """What ``fileConfig`` would change."""
    loggers = {
        name: (logger.level, list(logger.handlers), logger.disabled, logger.propagate)
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    root = logging.getLogger()
    return {**loggers, "": (root.level, list(root.handlers), root.disabled)}


def test_logging_is_left_alone(app: Flask) -> None:
    """Calls inside a process never change its logging."""
    own = logging.getLogger("an_app.own")
    own.setLevel(logging.DEBUG)
    before = logging_state()
    with app.app_context():
        fb.migrate()
        fb.upgrade()
        fb.current()
    after = logging_state()
    assert {name: after[name] for name in before} == before
    new = {k: v for k, v in after.items() if k not in before}
    assert all(v == (logging.NOTSET, [], False, True) for v in new.values())


def test_offline(app: Flask, apps: Apps, kind: str) -> None:
    """SQL is returned, whichever engine an old env.py takes; nothing is changed."""
    with app.app_context():
        fb.migrate()
        text = fb.upgrade(sql=True)
    assert "CREATE TABLE user" in text
    assert ("CREATE TABLE entry" in text) == (kind == "multi")
    assert tables_of(apps.path / "app.db") <= {"alembic_version"}


def test_rehearsal(app: Flask, apps: Apps, kind: str) -> None:
    """A rehearsal stays away from the database, whichever engine env.py takes."""
    with app.app_context():
        fb.migrate()
        before = (apps.path / "app.db").read_bytes()
        for with_rows in (False, True):
            (revision, *_) = fb.rehearse(with_rows=with_rows).revisions
            assert "CREATE TABLE user" in str(revision.changes)
        assert {each.kind for each in fb.findings()} == {"pending"}
    assert (apps.path / "app.db").read_bytes() == before


def test_failing_script_changes_nothing(app: Flask, apps: Apps, kind: str) -> None:
    """An old env.py has the same safety: all or nothing."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("first"))
    write_revision(folder, "bb22", "aa11", f"{create('second')}\n    1 / 0")
    with app.app_context(), pytest.raises(fb.RevisionFailed) as caught:
        fb.upgrade()
    assert str(caught.value).endswith("Nothing was changed.")
    assert tables_of(apps.path / "app.db") <= {"alembic_version"}


def test_alembics_own_command(apps: Apps, kind: str) -> None:
    """``alembic.command`` with our config is as safe."""
    folder = folders.write(apps.path / "migrations", kind)
    migrate = BatchMigrate()
    app = apps.make(TABLES[kind], migrate=migrate)
    write_revision(folder, "aa11", None, create("first"))
    with app.app_context():
        alembic.command.upgrade(migrate.get_config(), "head")
        assert version_of(apps.path / "app.db") == {"aa11"}
        write_revision(folder, "bb22", "aa11", f"{create('second')}\n    1 / 0")
        with pytest.raises(fb.RevisionFailed):
            alembic.command.upgrade(migrate.get_config(), "head")
    assert "second" not in tables_of(apps.path / "app.db")


def test_bind_left_out(apps: Apps) -> None:
    """A bind that an old env.py leaves out is warned of, with the way out."""
    folder = folders.write(apps.path / "migrations", "single 4")
    warnings = Warnings()
    app = apps.make({None: ["user"], "logs": ["entry"]})
    with app.app_context(), reporting_to(warnings):
        fb.migrate()
        fb.upgrade()
        assert len(warnings.texts) == 2
        assert "'logs'" in warnings.texts[0]
        assert "env.py and script.py.mako" in warnings.texts[0]
        assert str(folder) in warnings.texts[0]
        warnings.texts.clear()
        (folder / "env.py").unlink()
        (folder / "script.py.mako").unlink()
        with pytest.raises(fb.DatabaseNotUpToDate, match="flask db upgrade"):
            fb.migrate()
        fb.upgrade()
        fb.migrate()
        fb.upgrade()
    assert warnings.texts == []
    assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}
    assert tables_of(apps.path / "app.db") == {"user", "alembic_version"}


def test_left_out_on_purpose(apps: Apps) -> None:
    """A bind that is excluded is not warned of."""
    folders.write(apps.path / "migrations", "single 4")
    warnings = Warnings()
    app = apps.make({None: ["user"], "logs": ["entry"]}, exclude_binds=["logs"])
    with app.app_context(), reporting_to(warnings):
        fb.migrate()
        fb.upgrade()
    assert warnings.texts == []
    assert not (apps.path / "logs.db").exists()


def test_asynchronous_env(apps: Apps) -> None:
    """A folder for asynchronous engines is answered with a message that says so."""
    folder = folders.write(apps.path / "migrations", "single 4")
    (folder / "env.py").write_text(folders.ASYNCHRONOUS)
    with apps.make().app_context(), pytest.raises(fb.NotSupported, match="asynch"):
        fb.upgrade()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("def broken(:\n", r"env\.py', line 1: "),
        ("\nimport nothing_like_it\n", r"env\.py', line 2: ModuleNotFoundError"),
        ("x = 1 / 0\n", r"env\.py', line 1: ZeroDivisionError"),
    ],
)
def test_broken_env(apps: Apps, text: str, match: str) -> None:
    """A broken env.py is named with its line."""
    folder = folders.write(apps.path / "migrations", "single 4")
    (folder / "env.py").write_text(text)
    with apps.make().app_context(), pytest.raises(fb.BrokenScript, match=match):
        fb.upgrade()


def test_env_sees_its_own_folder(apps: Apps) -> None:
    """``__file__`` and ``script_location`` are the user's."""
    folder = folders.write(apps.path / "migrations", "single 4")
    env = folder / "env.py"
    env.write_text(
        "from alembic import context\nfrom flask import current_app\n"
        "current_app.seen = [__file__, context.config.get_main_option("
        "'script_location'), context.config.config_file_name]\n"
    )
    app = apps.make()
    with app.app_context():
        fb.upgrade()
    seen = app.seen  # type: ignore[attr-defined]
    assert seen == [str(env), str(folder), str(folder / "alembic.ini")]


def test_private_arguments_of_scripts(apps: Apps) -> None:
    """Arguments that an env.py gives its scripts pass through."""
    folder = folders.write(apps.path / "migrations", "single 4")
    env = (folder / "env.py").read_text()
    (folder / "env.py").write_text(
        env.replace("run_migrations()", "run_migrations(tenant='t1')")
    )
    (folder / "versions" / "aa11_.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n"
        "def upgrade(tenant):\n"
        "    op.create_table(tenant, sa.Column('id', sa.Integer))\n"
        "def downgrade(tenant):\n    op.drop_table(tenant)\n"
    )
    with apps.make().app_context():
        fb.upgrade()
        assert "t1" in tables_of(apps.path / "app.db")


def test_old_path_lists(apps: Apps) -> None:
    """An ini file with a list split by the rules of its time works, unwarned."""
    folder = folders.write(apps.path / "migrations", "single 4")
    (folder / "alembic.ini").write_text(
        "[alembic]\nversion_locations = %(here)s/versions %(here)s/more\n"
        "prepend_sys_path = .\n"
    )
    write_revision(folder, "aa11", None, create("first"))
    write_revision(folder, "bb22", "aa11", create("second"))
    (folder / "more").mkdir()
    (folder / "versions" / "bb22_.py").rename(folder / "more" / "bb22_.py")
    with apps.make().app_context():
        fb.upgrade()
    assert {"first", "second"} <= tables_of(apps.path / "app.db")

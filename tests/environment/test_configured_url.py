"""``sqlalchemy.url`` is in Alembic's configuration, as with Flask-Migrate."""

from __future__ import annotations

import pathlib
import typing as t

import alembic.command
import pytest
import sqlalchemy as sa
from flask import current_app

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import write_revision

HEAD = """\
import sqlalchemy as sa
from alembic import context
config = context.config
at_import = config.get_main_option("sqlalchemy.url")

def connected():
    section = config.get_section(config.config_ini_section)
    engine = sa.engine_from_config(section, prefix="sqlalchemy.")
    assert at_import == config.get_main_option("sqlalchemy.url")
    assert at_import == section["sqlalchemy.url"]
    assert sa.make_url(at_import) == op.get_bind().engine.url
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    engine.dispose()
"""

ENV = """
from alembic import context
from flask import current_app
import sqlalchemy as sa
config = context.config
engine = sa.engine_from_config(
    config.get_section(config.config_ini_section), poolclass=sa.NullPool
)
assert config.get_main_option("sqlalchemy.url") == str(engine.url)
if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"))
    with context.begin_transaction():
        context.run_migrations()
else:
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


@pytest.mark.parametrize("file", ["app.db", "100%.db", "a%(b)s.db", "a%%b.db", "ä.db"])
@pytest.mark.parametrize("env", [None, "template", ENV], ids=["none", "short", "own"])
def test_in_scripts(apps: Apps, file: str, env: str | None) -> None:
    """Scripts find it when they are loaded and when they run."""
    with apps.make(file=file).app_context():
        if env is not None:
            fb.init()
        if env == ENV:
            (apps.path / "migrations" / "env.py").write_text(ENV)
        call = f"{create('x')}\n    connected()"
        write_revision(apps.path / "migrations", "aa11", None, call, head=HEAD)
        fb.upgrade()
        assert [each.is_head for each in fb.current()] == [True]
        (status,) = current_app.extensions["migrate"].migrate.status()
        assert status.state == "current"
    assert "x" in tables_of(apps.path / file)


def test_the_url_of_the_ini_file(apps: Apps) -> None:
    """An ``env.py`` that connects to what its ini file says does so."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"))
    (folder / "env.py").write_text(ENV)
    (folder / "alembic.ini").write_text(
        f"[alembic]\nsqlalchemy.url = {apps.url('other.db')}\n"
    )
    with apps.make().app_context():
        fb.upgrade()
        assert tables_of(apps.path / "other.db") == {"x", "alembic_version"}
        # The packaged environment connects to what the application says, and says so.
        (folder / "env.py").unlink()
        write_revision(folder, "bb22", "aa11", "connected()", head=HEAD)
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == {"x", "alembic_version"}


def test_several_binds(apps: Apps) -> None:
    """The main option is the bind at work's, and each bind has a section."""
    files = {"": "app.db", "logs": "logs.db", "%d": "%d.db"}
    urls = {name: str(sa.make_url(apps.url(file))) for name, file in files.items()}
    versions = apps.path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "aa11_.py").write_text(
        "from alembic import context, op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n"
        "def current_environment():\n"
        "    get = context.config.get_main_option\n"
        "    assert get('sqlalchemy.url') == str(op.get_bind().engine.url)\n"
        f"    for name, url in {urls!r}.items():\n"
        "        section = context.config.get_section(name or 'alembic')\n"
        "        if name:\n"
        "            assert section['sqlalchemy.url'] == url\n"
        "    op.create_table('x', sa.Column('id', sa.Integer, primary_key=True))\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
        "def downgrade(engine_name):\n    pass\n"
        "upgrade_ = upgrade_logs = upgrade__d = current_environment\n"
        "def downgrade_():\n    pass\n"
        "downgrade_logs = downgrade__d = downgrade_\n"
    )
    with apps.make({None: ["user"], "logs": ["entry"], "%d": ["y"]}).app_context():
        fb.upgrade()
    for file in ("app.db", "logs.db", "%d.db"):
        assert "x" in tables_of(apps.path / file)


def test_the_sections_of_the_ini_file(apps: Apps) -> None:
    """Nor is what they say replaced where an ``env.py`` connects to it."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"))
    (folder / "env.py").write_text(
        ENV.replace("config.config_ini_section", "'logs'").replace("assert", "0 and")
    )
    (folder / "alembic.ini").write_text(
        f"[alembic]\n[logs]\nsqlalchemy.url = {apps.url('other.db')}\n"
    )
    with apps.make({None: ["user"], "logs": []}).app_context():
        fb.upgrade()
    assert tables_of(apps.path / "other.db") == {"x", "alembic_version"}


@pytest.mark.parametrize("bind", ["alembic", "DEFAULT", "loggers"])
def test_a_bind_called_as_a_section(apps: Apps, bind: str) -> None:
    """No name of a bind gets into the way of Alembic's own sections."""
    write_revision(
        apps.path / "migrations",
        "aa11",
        None,
        "assert str(op.get_bind().engine.url) == at_import",
        head=HEAD,
    )
    app = apps.make({None: ["user"], bind: []})
    with app.app_context():
        fb.upgrade()


def test_in_the_sql_of_a_run(apps: Apps) -> None:
    """It is there where no database is touched."""
    head = "from alembic import context"
    call = "op.execute('-- ' + context.config.get_main_option('sqlalchemy.url'))"
    write_revision(apps.path / "migrations", "aa11", None, call, head=head)
    with apps.make().app_context():
        assert f"-- {apps.url('app.db')}" in fb.upgrade(sql=True)


def test_with_alembics_own_commands(apps: Apps) -> None:
    """``alembic.command`` with our config finds it too."""
    write_revision(apps.path / "migrations", "aa11", None, "connected()", head=HEAD)
    with apps.make().app_context():
        migrate = current_app.extensions["migrate"].migrate
        alembic.command.upgrade(migrate.get_config(), "head")


@pytest.mark.parametrize("place", ["script", "env"])
def test_no_message_shows_a_password(
    apps: Apps, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that raises with the URL does not give the password away."""
    # What is below takes any user and password.
    url = sa.make_url(apps.url("app.db"))
    shown = url.set(username="me", password="se%cret", host="here", database="db")
    engine: t.Any = sa.create_engine(url)
    engine.url = shown
    engine.dialect.name = "sqlite"
    failing = "raise OSError(context.config.get_main_option('sqlalchemy.url'))"
    folder = apps.path / "migrations"
    write_revision(
        folder,
        "aa11",
        None,
        failing if place == "script" else "pass",
        head="from alembic import context",
    )
    if place == "env":
        pathlib.Path(folder / "env.py").write_text(
            f"from alembic import context\n{failing}\n"
        )
    app = apps.make({None: []})
    app.extensions["migrate"].databases = fb.state.Databases(None, {"": engine})
    with app.app_context(), pytest.raises(fb.BatchMigrateError) as caught:
        fb.upgrade()
    assert "OSError" in str(caught.value)
    assert "se%" not in str(caught.value)
    assert "me:***@here" in str(caught.value)
    engine.dispose()

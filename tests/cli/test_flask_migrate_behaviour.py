"""What users of Flask-Migrate rely on, with real ``flask`` processes."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import pytest

from tests.cli_project import flask
from tests.cli_project import Outcome
from tests.cli_project import write_app


def ok(path: pathlib.Path, *args: str, **kwargs: str) -> Outcome:
    outcome = flask(path, *args, **kwargs)
    assert outcome.exit_code == 0, outcome.output
    return outcome


def names(file: pathlib.Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master")
        }


def test_from_init_to_check(tmp_path: pathlib.Path) -> None:
    """init, migrate, upgrade; ``check`` fails until the database is up to date."""
    write_app(tmp_path)
    ok(tmp_path, "db", "init")
    assert flask(tmp_path, "db", "check").exit_code == 1
    ok(tmp_path, "db", "migrate")
    assert flask(tmp_path, "db", "check").exit_code == 4
    ok(tmp_path, "db", "upgrade")
    ok(tmp_path, "db", "check")
    with contextlib.closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute("INSERT INTO user (name) VALUES ('susan')")
        assert connection.execute("SELECT name FROM user").fetchall() == [("susan",)]


@pytest.mark.parametrize("kind", ["'temp_folder/temp_migrations'", "Path('a') / 'b'"])
def test_custom_directory(tmp_path: pathlib.Path, kind: str) -> None:
    """The folder may be named when the extension is made, as text or as a path."""
    write_app(tmp_path)
    source = (tmp_path / "app.py").read_text()
    source = source.replace("Migrate(app, db)", f"Migrate(app, db, directory={kind})")
    (tmp_path / "app.py").write_text("from pathlib import Path\n" + source)
    ok(tmp_path, "db", "init")
    ok(tmp_path, "db", "migrate")
    ok(tmp_path, "db", "upgrade")
    assert "user" in names(tmp_path / "app.db")
    assert not (tmp_path / "migrations").exists()


def test_compare_type(tmp_path: pathlib.Path) -> None:
    """A changed type is found, and named on standard error in Alembic's words."""
    write_app(tmp_path)
    ok(tmp_path, "db", "init")
    ok(tmp_path, "db", "migrate")
    ok(tmp_path, "db", "upgrade")
    source = (tmp_path / "app.py").read_text()
    (tmp_path / "app2.py").write_text(source.replace("String(128)", "String(10)"))
    found = "Detected type change from VARCHAR(length=128) to String(length=10)"
    assert found in ok(tmp_path, "db", "migrate", app="app2.py").stderr


def test_compare_type_off(tmp_path: pathlib.Path) -> None:
    """``compare_type=False`` leaves types alone."""
    write_app(tmp_path)
    ok(tmp_path, "db", "migrate")
    ok(tmp_path, "db", "upgrade")
    source = (tmp_path / "app.py").read_text().replace("String(128)", "String(10)")
    source = source.replace("Migrate(app, db)", "Migrate(app, db, compare_type=False)")
    (tmp_path / "app.py").write_text(source)
    before = set((tmp_path / "migrations" / "versions").glob("*.py"))
    assert "No changes in schema" in ok(tmp_path, "db", "migrate").stderr
    assert set((tmp_path / "migrations" / "versions").glob("*.py")) == before


def test_custom_template(tmp_path: pathlib.Path) -> None:
    """``init -t`` takes the path of a template folder of one's own."""
    write_app(tmp_path)
    template = tmp_path / "house_style"
    template.mkdir()
    (template / "README").write_text("Made from our template.\n")
    (template / "alembic.ini.mako").write_text("# ours\n[alembic]\n")
    (template / "env.py").write_text(
        "# ours\nfrom flask_batchmigrate.environment import run\nrun()\n"
    )
    (template / "script.py.mako").write_text(
        '# ours\n"""${message}"""\n'
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n"
        "def upgrade():\n    ${upgrades if upgrades else 'pass'}\n"
        "def downgrade():\n    ${downgrades if downgrades else 'pass'}\n"
    )
    ok(tmp_path, "db", "init", "-t", "./house_style")
    ok(tmp_path, "db", "migrate")
    ok(tmp_path, "db", "upgrade")
    folder = tmp_path / "migrations"
    (script,) = (folder / "versions").glob("*.py")
    for file in (folder / "alembic.ini", folder / "env.py", script):
        assert file.read_text().startswith("# ours\n"), file
    assert (folder / "README").read_text() == "Made from our template.\n"
    assert "user" in names(tmp_path / "app.db")


def test_package(tmp_path: pathlib.Path) -> None:
    """``init --package`` makes the folder and its versions importable."""
    write_app(tmp_path)
    ok(tmp_path, "db", "init", "--package")
    assert (tmp_path / "migrations" / "__init__.py").is_file()
    assert (tmp_path / "migrations" / "versions" / "__init__.py").is_file()


def test_multidb(tmp_path: pathlib.Path) -> None:
    """``init --multidb``: each table is made in, and dropped from, its own database."""
    models = """
class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)

class Group(db.Model):
    __bind_key__ = "db1"
    id = db.Column(db.Integer, primary_key=True)
"""
    file1, file2 = tmp_path / "app.db", tmp_path / "app2.db"
    write_app(tmp_path, models, binds={"db1": f"sqlite:///{file2}"})
    ok(tmp_path, "db", "init", "--multidb")
    ok(tmp_path, "db", "migrate")
    ok(tmp_path, "db", "upgrade")
    assert names(file1) >= {"user", "alembic_version"}
    assert names(file2) >= {"group", "alembic_version"}
    assert "group" not in names(file1)
    assert "user" not in names(file2)
    ok(tmp_path, "db", "downgrade")
    assert names(file1) >= {"alembic_version"}
    assert "user" not in names(file1)
    assert "group" not in names(file2)


def test_command_of_another_name(tmp_path: pathlib.Path) -> None:
    """``Migrate(command="database")`` names the group."""
    write_app(tmp_path)
    source = (tmp_path / "app.py").read_text()
    source = source.replace("Migrate(app, db)", "Migrate(app, db, command='database')")
    (tmp_path / "app.py").write_text(source)
    ok(tmp_path, "database", "migrate")
    ok(tmp_path, "database", "upgrade")
    assert flask(tmp_path, "db", "upgrade").exit_code == 2


def test_configure_callback(tmp_path: pathlib.Path) -> None:
    """A function under ``@migrate.configure`` changes Alembic's config."""
    write_app(tmp_path)
    with (tmp_path / "app.py").open("a") as file:
        file.write(
            "\n@migrate.configure\ndef named(config):\n"
            "    config.set_main_option('file_template', 'step_%%(rev)s')\n"
            "    return config\n"
        )
    ok(tmp_path, "db", "migrate", "--rev-id", "aa11")
    assert (tmp_path / "migrations" / "versions" / "step_aa11.py").is_file()


def test_alembic_version() -> None:
    """The release of Alembic can be asked for, as three numbers."""
    from flask_batchmigrate import alembic_version

    assert len(alembic_version) == 3
    assert all(isinstance(number, int) for number in alembic_version)

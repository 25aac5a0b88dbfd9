"""The extension object and what it keeps for each application."""

from __future__ import annotations

import inspect
import pathlib
import re

import pytest
from flask import Flask
from flask import g
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate
from flask_batchmigrate import BatchMigrate
from flask_batchmigrate import commands
from flask_batchmigrate import Config
from flask_batchmigrate import Migrate
from flask_batchmigrate import NoApplication
from flask_batchmigrate import SetupError
from flask_batchmigrate.state import set_command_line
from tests.apps import Apps
from tests.apps import tables_of


def test_names() -> None:
    """Every public name exists; ``Migrate`` is the same class; others are refused."""
    for name in flask_batchmigrate.__all__:
        assert getattr(flask_batchmigrate, name) is not None
    assert Migrate is BatchMigrate
    assert set(flask_batchmigrate.__all__) <= set(dir(flask_batchmigrate))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        flask_batchmigrate.nothing  # noqa: B018


def test_a_lazy_name_is_listed_once() -> None:
    """One list serves ``import *``, type checkers, and what loads on use."""
    sources = inspect.getsource(flask_batchmigrate) + inspect.getsource(commands)
    lazy = set(flask_batchmigrate.__all__) - {"BatchMigrate", "Migrate", "SetupError"}
    assert lazy - {"Config"} <= set(flask_batchmigrate._LAZY)
    for name in lazy - {"Config"}:
        listed = re.findall(rf'^ +(?:"{name}",|from .* import {name}\b)', sources, re.M)
        assert len(listed) == 1, listed


def test_signatures() -> None:
    """The parameters of Flask-Migrate, in its order."""
    names = ["app", "db", "directory", "command", "compare_type", "render_as_batch"]
    for function in (BatchMigrate.__init__, BatchMigrate.init_app):
        assert list(inspect.signature(function).parameters)[1:] == [*names, "kwargs"]


def test_contract(apps: Apps) -> None:
    """``app.extensions["migrate"]`` has what ``env.py`` files read."""
    migrate = BatchMigrate(include_schemas=True)
    app = apps.make(migrate=migrate, directory="elsewhere")
    state = app.extensions["migrate"]
    assert state.migrate is migrate
    assert state.db is app.extensions["sqlalchemy"]
    assert state.directory == "elsewhere"
    with app.app_context():
        assert state.metadata is state.db.metadata
        assert state.configure_args == {
            "include_schemas": True,
            "compare_type": True,
            "render_as_batch": True,
        }
        assert migrate.db is state.db
        assert migrate.directory == "elsewhere"
        assert migrate.command == "db"
    assert migrate.alembic_ctx_kwargs == {"include_schemas": True}


def test_batch_shown_off_without_sqlite() -> None:
    """``configure_args`` shows batch mode off where no bind is SQLite."""
    pytest.importorskip("psycopg")
    app = Flask("an_app")
    app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql+psycopg://nobody@nowhere/x"
    BatchMigrate(app, SQLAlchemy(app))
    with app.app_context():
        assert not app.extensions["migrate"].configure_args["render_as_batch"]
        app.extensions["migrate"].configure_args["render_as_batch"] = True
        assert app.extensions["migrate"].configure_args["render_as_batch"] is True


@pytest.mark.parametrize(
    ("setting", "batch"), [({}, True), ({"render_as_batch": False}, False)]
)
def test_batch_in_generated_scripts(
    apps: Apps, setting: dict[str, bool], batch: bool
) -> None:
    """SQLite gets batch blocks by itself; an explicit value is kept."""
    app = apps.make(**setting)  # type: ignore[arg-type]
    with app.app_context():
        flask_batchmigrate.migrate()
        flask_batchmigrate.upgrade()
    app = apps.make({None: ["user name email"]}, **setting)  # type: ignore[arg-type]
    with app.app_context():
        (script,) = flask_batchmigrate.migrate()
    assert ("batch_alter_table" in pathlib.Path(script.path).read_text()) is batch


def test_defaults_without_an_application() -> None:
    """The attributes tell what was set, before any application."""
    migrate = BatchMigrate(command="data")
    assert migrate.db is None
    assert migrate.directory == "migrations"
    assert migrate.command == "data"


def test_needs_a_context(apps: Apps) -> None:
    """Outside an application context the error says what to do."""
    apps.make()
    with pytest.raises(NoApplication, match="app_context"):
        flask_batchmigrate.upgrade()


def test_needs_init_app() -> None:
    """So it does where the application was never set up."""
    app = Flask("an_app")
    with app.app_context(), pytest.raises(NoApplication, match="init_app"):
        flask_batchmigrate.upgrade()


def test_init_app_before_the_database(apps: Apps) -> None:
    """``init_app`` may come before ``db.init_app``."""
    app, db, migrate = Flask("an_app"), SQLAlchemy(), BatchMigrate()
    migrate.init_app(app, db)
    app.config["SQLALCHEMY_DATABASE_URI"] = apps.url("app.db")
    db.init_app(app)
    db.Table("user", db.Column("id", db.Integer, primary_key=True))
    with app.app_context():
        flask_batchmigrate.migrate()
        flask_batchmigrate.upgrade()
        db.engine.dispose()
    assert "user" in tables_of(apps.path / "app.db")


def test_several_applications(apps: Apps) -> None:
    """Applications on one object share nothing: options, folders, databases."""
    migrate = BatchMigrate(compare_type=False)
    one = apps.make({None: ["one"]}, migrate, "one.db", directory="m1", command="a")
    two = apps.make(
        {None: ["two"]}, migrate, "two.db", directory="m2", include_schemas=True
    )
    for app in (one, two, one):
        with app.app_context():
            flask_batchmigrate.migrate()
            flask_batchmigrate.upgrade()
    assert tables_of(apps.path / "one.db") == {"one", "alembic_version"}
    assert tables_of(apps.path / "two.db") == {"two", "alembic_version"}
    assert len(list((apps.path / "m1" / "versions").glob("*.py"))) == 1
    assert len(list((apps.path / "m2" / "versions").glob("*.py"))) == 1
    assert "include_schemas" not in one.extensions["migrate"].configure_args
    assert one.extensions["migrate"].configure_args["compare_type"] is False
    assert "a" in one.cli.commands
    assert "db" in two.cli.commands
    assert "db" not in one.cli.commands


def test_configure_callbacks(apps: Apps) -> None:
    """Registered functions see every config, in order."""
    migrate = BatchMigrate()
    app = apps.make(migrate=migrate)
    seen = []

    @migrate.configure
    def first(config: Config) -> Config:
        seen.append(config.get_main_option("script_location"))
        config.set_main_option("version_locations", str(apps.path / "elsewhere"))
        return config

    with app.app_context():
        (script,) = flask_batchmigrate.migrate()
    assert migrate.configure_callbacks == [first]
    assert seen == [str(apps.path / "migrations")]
    assert script.path.startswith(str(apps.path / "elsewhere"))


def test_configure_callback_without_a_result(apps: Apps) -> None:
    """A function that forgets to return the config is told so."""
    migrate = BatchMigrate()
    app = apps.make(migrate=migrate)
    migrate.configure(lambda config: None)
    with app.app_context(), pytest.raises(SetupError, match="must return the config"):
        flask_batchmigrate.heads()


def test_config(apps: Apps) -> None:
    """``get_config`` gives Alembic's config with a namespace of options."""
    migrate = BatchMigrate()
    app = apps.make(migrate=migrate)
    with app.app_context():
        config = migrate.get_config(x_arg=["a=1", "b"], opts=["autogenerate"])
        assert isinstance(config, Config)
        assert config.cmd_opts is not None
        assert config.cmd_opts.x == ["a=1", "b"]
        assert config.cmd_opts.autogenerate is True
        assert migrate.get_config(x_arg="c").cmd_opts.x == ["c"]  # type: ignore[union-attr]
        g.x_arg = ("the application's",)
        assert migrate.get_config(x_arg="c").cmd_opts.x == ["c"]  # type: ignore[union-attr]
        set_command_line(None, ("group",))
        assert migrate.get_config(x_arg="c").cmd_opts.x == ["group", "c"]  # type: ignore[union-attr]
        assert migrate.get_config(x_arg=("group",)).cmd_opts.x == ["group"]  # type: ignore[union-attr]

"""Which databases are migrated, where they come from, and what their names become."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import orm

import flask_batchmigrate as fb
from flask_batchmigrate import BatchMigrate
from flask_batchmigrate.project.binds import identifier
from tests.apps import add_table
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision


def test_two_binds(apps: Apps) -> None:
    """Both get a function in one file, and their own tables."""
    app = apps.make({None: ["user"], "logs": ["entry"]})
    with app.app_context():
        (script,) = fb.migrate()
        applied = fb.upgrade()
        assert fb.check() is True
        assert fb.migrate() == []
        assert [each.bind for each in applied] == ["", "logs"]
        assert [each.bind for each in fb.current()] == ["", "logs"]
        fb.downgrade()
    text = pathlib.Path(script.path).read_text()
    assert "def upgrade_():" in text
    assert "def upgrade_logs():" in text
    assert tables_of(apps.path / "app.db") == {"alembic_version"}
    assert tables_of(apps.path / "logs.db") == {"alembic_version"}


def test_change_in_one_bind(apps: Apps) -> None:
    """A change in any bind is written, and only there."""
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.migrate()
        fb.upgrade()
    with apps.make({None: ["user"], "logs": ["entry text"]}).app_context():
        (script,) = fb.migrate()
        fb.upgrade()
    text = pathlib.Path(script.path).read_text()
    for_default = text.partition("def upgrade_():")[2].partition("def ")[0]
    assert "op." not in for_default
    with apps.make({None: ["user"], "logs": ["entry text"]}).app_context():
        assert fb.check() is True


def test_init_multidb(apps: Apps) -> None:
    """A written folder for several databases behaves as none at all."""
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.init(multidb=True)
        (script,) = fb.migrate()
        fb.upgrade()
        assert fb.migrate() == []
    text = pathlib.Path(script.path).read_text()
    assert "def upgrade_logs():" in text
    assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}


def test_init_sees_several_binds(apps: Apps) -> None:
    """``init`` without ``multidb`` does not leave a bind out either."""
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.init()
        fb.migrate()
        fb.upgrade()
    assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}


def test_bind_without_tables_is_left_alone(apps: Apps) -> None:
    """A database that the application only reads is not touched."""
    with apps.make({None: ["user"], "foreign": []}).app_context():
        fb.migrate()
        fb.upgrade()
    assert not (apps.path / "foreign.db").exists()


def test_only_another_bind(apps: Apps) -> None:
    """Tables in another bind alone make functions for that bind alone."""
    with apps.make({None: [], "logs": ["entry"]}).app_context():
        (script,) = fb.migrate()
        fb.upgrade()
    text = pathlib.Path(script.path).read_text()
    assert "def upgrade_():" not in text
    assert not (apps.path / "app.db").exists()
    assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}


@pytest.mark.parametrize(
    ("setting", "made"),
    [
        ({"binds": ["logs"]}, {"logs"}),
        ({"binds": [None]}, {"app"}),
        ({"binds": ["", "logs"]}, {"app", "logs"}),
        ({"exclude_binds": ["logs"]}, {"app"}),
        ({"exclude_binds": [None]}, {"logs"}),
    ],
)
def test_settings(apps: Apps, setting: dict[str, t.Any], made: set[str]) -> None:
    """Settings include and exclude."""
    app = apps.make({None: ["user"], "logs": ["entry"]}, **setting)
    with app.app_context():
        fb.migrate()
        fb.upgrade()
    assert {path.stem for path in apps.path.glob("*.db")} == made


@pytest.mark.parametrize("name", ["binds", "exclude_binds"])
def test_unknown_bind(apps: Apps, name: str) -> None:
    """A setting that names a bind the application does not have is refused."""
    setting: dict[str, t.Any] = {name: ["nope"]}
    with (
        apps.make(**setting).app_context(),
        pytest.raises(fb.UnknownBind, match=r"no bind 'nope'; it has ''"),
    ):
        fb.upgrade(directory=str(some_history(apps)))
    assert not (apps.path / "app.db").exists()


def some_history(apps: Apps) -> pathlib.Path:
    write_revision(apps.path / "migrations", "aa11", None, create("first"))
    return apps.path / "migrations"


def test_nothing_left(apps: Apps) -> None:
    """Excluding everything is refused."""
    some_history(apps)
    with (
        apps.make(exclude_binds=[""]).app_context(),
        pytest.raises(fb.UnknownBind, match="no bind to migrate"),
    ):
        fb.upgrade()


def test_bind_of_scripts_is_gone(apps: Apps) -> None:
    """Scripts for a bind that is gone need a word from the user."""
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.migrate()
    with (
        apps.make({None: ["user"]}).app_context(),
        pytest.raises(fb.UnknownBind, match=r"'logs'.*BATCHMIGRATE_EXCLUDE_BINDS"),
    ):
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == set()
    with apps.make({None: ["user"]}, exclude_binds=["logs"]).app_context():
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == {"user", "alembic_version"}


def test_bind_comes_later(apps: Apps) -> None:
    """A folder for one database takes in a second one from the next revision on."""
    with apps.make({None: ["user"]}).app_context():
        (first,) = fb.migrate()
        fb.upgrade()
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.upgrade()
        assert version_of(apps.path / "logs.db") == {first.revision}
        assert tables_of(apps.path / "logs.db") == {"alembic_version"}
        (second,) = fb.migrate()
        fb.upgrade()
        assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}
        fb.downgrade(revision="base")
    assert "def upgrade_logs():" in pathlib.Path(second.path).read_text()
    assert tables_of(apps.path / "app.db") == {"alembic_version"}


def test_third_bind_comes_later(apps: Apps) -> None:
    """A script for several binds has nothing to do for one that came later."""
    with apps.make({None: ["user"], "logs": ["entry"]}).app_context():
        fb.migrate()
        fb.upgrade()
    with apps.make({None: ["user"], "logs": ["entry"], "x": ["thing"]}).app_context():
        fb.upgrade()
        fb.migrate()
        fb.upgrade()
        assert fb.check() is True
    assert tables_of(apps.path / "x.db") == {"thing", "alembic_version"}


def test_all_or_nothing_over_binds(apps: Apps) -> None:
    """A failure in one bind leaves the others as they were."""
    app = apps.make({None: ["user"], "logs": ["entry"]})
    with app.app_context():
        (script,) = fb.migrate()
        path = pathlib.Path(script.path)
        path.write_text(
            path.read_text().replace(
                "def upgrade_logs():\n", "def upgrade_logs():\n    1 / 0\n"
            )
        )
        with pytest.raises(fb.RevisionFailed, match=r"on '.*logs\.db' failed") as e:
            fb.upgrade()
    assert str(e.value).endswith("Nothing was changed.")
    assert tables_of(apps.path / "app.db") <= {"alembic_version"}
    assert tables_of(apps.path / "logs.db") <= {"alembic_version"}


def test_two_binds_in_one_file(apps: Apps) -> None:
    """Binds that share a file share the connection, and each revision runs for both."""
    config = {"SQLALCHEMY_BINDS": {"logs": apps.url("app.db")}}
    app = apps.make({None: ["user"], "logs": ["entry"]}, config=config)
    with app.app_context():
        fb.migrate()
        fb.upgrade()
        assert tables_of(apps.path / "app.db") == {"user", "entry", "alembic_version"}
        assert fb.check() is True
        fb.downgrade()
    assert tables_of(apps.path / "app.db") == {"alembic_version"}


def test_two_binds_in_one_file_by_hand(apps: Apps) -> None:
    """So it is for scripts that have a function for each of them."""
    config = {"SQLALCHEMY_BINDS": {"logs": apps.url("app.db")}}
    versions = apps.path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "aa11_.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
        "def downgrade(engine_name):\n    globals()[f'downgrade_{engine_name}']()\n"
        f"def upgrade_():\n    {create('user')}\n"
        f"def upgrade_logs():\n    {create('entry')}\n"
        "def downgrade_():\n    op.drop_table('user')\n"
        "def downgrade_logs():\n    op.drop_table('entry')\n"
    )
    app = apps.make({None: ["user"], "logs": ["entry"]}, config=config)
    with app.app_context():
        fb.upgrade()
        assert tables_of(apps.path / "app.db") == {"user", "entry", "alembic_version"}
        fb.downgrade()
    assert tables_of(apps.path / "app.db") == {"alembic_version"}


@pytest.mark.parametrize("key", ["my-db", "größe", "a b", "2nd", "%s", "ﬁle", "class"])
def test_any_string_is_a_bind_key(apps: Apps, key: str) -> None:
    """A bind key need not be an identifier."""
    app = apps.make({None: ["user"]}, config={"SQLALCHEMY_BINDS": {}})
    app = apps.make(
        {None: ["user"], key: ["entry"]},
        config={"SQLALCHEMY_BINDS": {key: apps.url("other.db")}},
    )
    with app.app_context():
        fb.migrate()
        applied = fb.upgrade()
        assert [each.bind for each in applied] == sorted(["", key])
        assert fb.check() is True
    assert tables_of(apps.path / "other.db") == {"entry", "alembic_version"}


def test_keys_with_one_name(apps: Apps) -> None:
    """Two keys that become the same name are refused, both named."""
    app = apps.make({None: ["user"], "my-db": ["a"], "my_db": ["b"]})
    with (
        app.app_context(),
        pytest.raises(fb.UnknownBind, match=r"'my-db' and 'my_db'.*upgrade_my_db"),
    ):
        fb.migrate()
    assert list(apps.path.iterdir()) == []


@given(st.text())
def test_identifier(key: str) -> None:
    """What comes out can stand after ``upgrade_``; a name comes out as it is."""
    name = identifier(key)
    assert f"upgrade_{name}".isidentifier()
    assert identifier(name) == name
    namespace: dict[str, t.Any] = {}
    exec(f"def upgrade_{name}(): pass", namespace)
    assert namespace[f"upgrade_{name}"]


def lite() -> t.Any:
    """Return the class of Flask-SQLAlchemy-Lite, which needs Flask 3."""
    pytest.importorskip("flask.sansio", reason="needs Flask 3")
    return pytest.importorskip("flask_sqlalchemy_lite").SQLAlchemy


def test_plain_sqlalchemy_by_url(apps: Apps) -> None:
    """Without an extension: metadata and a URL."""
    metadata = sa.MetaData()
    sa.Table("user", metadata, sa.Column("id", sa.Integer, primary_key=True))
    app = Flask("an_app", root_path=str(apps.path))
    BatchMigrate(app, metadata=metadata, url=apps.url("plain.db"))
    with app.app_context():
        assert app.extensions["migrate"].metadata is metadata
        fb.migrate()
        fb.upgrade()
        assert fb.check() is True
    assert tables_of(apps.path / "plain.db") == {"user", "alembic_version"}


def test_plain_sqlalchemy_with_engines(apps: Apps) -> None:
    """Without an extension: several engines, several metadatas for one of them."""
    metadatas = [sa.MetaData() for _ in range(3)]
    for metadata, name in zip(metadatas, ("a", "b", "c"), strict=True):
        sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True))
    engines = {
        None: sa.create_engine(apps.url("one.db")),
        "two": sa.create_engine(apps.url("two.db")),
    }
    app = Flask("an_app", root_path=str(apps.path))
    migrate = BatchMigrate()
    migrate.init_app(
        app, metadata={None: metadatas[:2], "two": metadatas[2]}, engines=engines
    )
    with app.app_context():
        assert app.extensions["migrate"].metadata is metadatas[0]
        assert app.extensions["migrate"].configure_args["render_as_batch"]
        fb.migrate()
        fb.upgrade()
        assert fb.check() is True
    for engine in engines.values():
        engine.dispose()
    assert tables_of(apps.path / "one.db") == {"a", "b", "alembic_version"}
    assert tables_of(apps.path / "two.db") == {"c", "alembic_version"}


def test_metadata_for_no_engine(apps: Apps) -> None:
    """Tables for a bind without an engine are not overlooked."""
    metadata = sa.MetaData()
    sa.Table("user", metadata, sa.Column("id", sa.Integer, primary_key=True))
    app = Flask("an_app", root_path=str(apps.path))
    BatchMigrate(app, metadata={"nope": metadata}, url=apps.url("plain.db"))
    with app.app_context(), pytest.raises(fb.UnknownBind, match="'nope' has tables"):
        fb.migrate()


def test_no_database_at_all(apps: Apps) -> None:
    """Neither ``db`` nor an engine: the error says what to pass."""
    app = Flask("an_app", root_path=str(apps.path))
    BatchMigrate().init_app(app)
    with app.app_context(), pytest.raises(fb.SetupError, match="'db'"):
        fb.migrate()


def test_lite(apps: Apps) -> None:
    """Flask-SQLAlchemy-Lite: its default engine, and the model's metadata."""

    class Model(orm.DeclarativeBase):
        pass

    class Other(orm.DeclarativeBase):
        pass

    sa.Table("user", Model.metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("entry", Other.metadata, sa.Column("id", sa.Integer, primary_key=True))
    app = Flask("an_app", root_path=str(apps.path), instance_path=str(apps.path))
    app.config["SQLALCHEMY_ENGINES"] = {
        "default": apps.url("app.db"),
        "logs": apps.url("logs.db"),
    }
    db = lite()(app)
    BatchMigrate(app, db, metadata={"default": Model.metadata, "logs": Other.metadata})
    with app.app_context():
        fb.migrate()
        applied = fb.upgrade()
        assert [each.bind for each in applied] == ["", "logs"]
        for engine in db.engines.values():
            engine.dispose()
    assert tables_of(apps.path / "app.db") == {"user", "alembic_version"}
    assert tables_of(apps.path / "logs.db") == {"entry", "alembic_version"}


def test_lite_with_asynchronous_engines_only(apps: Apps) -> None:
    """Asynchronous engines are answered with a message that says so."""
    app = Flask("an_app", root_path=str(apps.path), instance_path=str(apps.path))
    db = lite()(app, require_default_engine=False)
    db._app_state[app].async_engines["default"] = object()
    BatchMigrate(app, db, metadata=sa.MetaData())
    with app.app_context(), pytest.raises(fb.NotSupported, match="asynchronous"):
        fb.migrate()


def test_tables_added_later(apps: Apps) -> None:
    """Binds are read when a command runs: models may be imported after set-up."""
    app = apps.make({None: []})
    add_table(app.extensions["sqlalchemy"], "late")
    with app.app_context():
        fb.migrate()
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == {"late", "alembic_version"}

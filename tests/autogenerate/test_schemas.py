"""Tables of other schemas: databases that an application attaches to a SQLite file."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.apps import query
from tests.servers import new_database
from tests.servers import SERVERS

from .changes import Define
from .laboratory import Place


def make(path: pathlib.Path, *columns: str, **options: t.Any) -> Flask:
    """An application whose only table is in a file that its connections attach."""
    app = Flask("an_app", root_path=str(path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path / 'app.db'}"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": sa.pool.NullPool}
    db = SQLAlchemy(app)
    sa.Table(
        "person",
        db.metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String(50)) for name in columns),
        schema="shop",
    )
    fb.BatchMigrate(app, db, directory=str(path / "migrations"), **options)

    def attach(connection: t.Any, record: t.Any) -> None:
        connection.execute(f"ATTACH DATABASE '{path / 'shop.db'}' AS shop")

    with app.app_context():
        sa.event.listen(db.engine, "connect", attach)
    return app


def contents(path: pathlib.Path) -> tuple[list[t.Any], list[t.Any]]:
    """The catalogue of the attached file, and the rows of its table."""
    file = path / "shop.db"
    return query(file, "SELECT * FROM sqlite_master"), query(
        file, "SELECT * FROM person"
    )


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a migrated database and a row in the attached file."""
    with make(tmp_path, "name").app_context():
        fb.migrate()
        assert query(tmp_path / "shop.db", "SELECT * FROM sqlite_master") == []
        fb.upgrade()
        assert fb.migrate() == []
    execute(tmp_path, "INSERT INTO person VALUES (4, 'Ada')")
    return tmp_path


def execute(path: pathlib.Path, sql: str) -> None:
    engine = sa.create_engine(f"sqlite:///{path / 'shop.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(sql)
    engine.dispose()


@pytest.mark.parametrize(
    ("columns", "request_"),
    [
        (["name", "age"], Request()),
        ([], Request()),
        (["full_name"], Request(renames=["person.name:full_name"])),
    ],
    ids=["added", "removed", "renamed"],
)
def test_generation_changes_no_attached_file(
    path: pathlib.Path, columns: list[str], request_: Request
) -> None:
    """The proof runs on copies of attached databases, too."""
    before = contents(path)
    with make(path, *columns).app_context():
        with pytest.raises(fb.SchemaDiffers):
            fb.check()
        (script,) = fb.migrate(request=request_)
        assert contents(path) == before
        fb.upgrade()
        assert fb.check()
        assert fb.migrate() == []
        fb.downgrade()
    after = contents(path)
    assert [row[:3] for row in after[0]] == [row[:3] for row in before[0]]
    assert after[1] == ([(4, None)] if not columns else before[1])
    assert "schema='shop'" in pathlib.Path(script.path).read_text()


def test_a_script_that_does_not_restore(path: pathlib.Path) -> None:
    """The proof judges the tables of an attached database, too."""

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        directives[0].downgrade_ops.ops.clear()

    before = contents(path)
    app = make(path, "name", "age", process_revision_directives=hook)
    failed = pytest.raises(fb.NotVerified, match=r"'person.age' is still there")
    with app.app_context(), failed:
        fb.migrate()
    assert contents(path) == before


def twins(names: dict[str | None, str], **options: t.Any) -> Define:
    """A table of the same name in two schemas, each with a column."""

    def define(metadata: sa.MetaData) -> None:
        for schema, column in names.items():
            sa.Table(
                "person",
                metadata,
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column(column, sa.String(50), **options),
                schema=metadata.info["schema"] if schema else None,
            )

    return define


RENAMES = {
    "default schema": ("person.name:label", {None: "label", "shop": "name"}),
    "other schema": ("{}.person.name:label", {None: "name", "shop": "label"}),
}


@pytest.mark.servers
@pytest.mark.parametrize("renamed", RENAMES)
@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_tables_of_one_name(tmp_path: pathlib.Path, kind: str, renamed: str) -> None:
    """``--rename`` means the table of the schema that it names."""
    option, after = RENAMES[renamed]
    with contextlib.ExitStack() as stack:
        urls: list[t.Any] = [f"sqlite:///{tmp_path / 'app.db'}", None]
        if kind != "sqlite":
            urls = [stack.enter_context(new_database(kind)) for _ in urls]
        place = Place(*urls, tmp_path)
        stack.callback(place.close)
        place.empty()
        app, db = place.app(twins({None: "name", "shop": "name"}))
        with app.app_context():
            fb.migrate(rev_id="aa11")
            fb.upgrade()
            with db.engine.begin() as connection:
                for table in db.metadata.tables.values():
                    connection.execute(table.insert(), {"id": 4, "name": table.key})
        option = option.format(place.schema())
        likely = pytest.raises(fb.BatchMigrateError, match=f"'--rename {option}'")
        app, _ = place.app(twins(after))
        with app.app_context(), likely:
            fb.migrate()
        app, db = place.app(twins(after, nullable=False))
        request = Request(renames=[option])
        with app.app_context():
            (script,) = fb.migrate(request=request)
            fb.upgrade()
            with db.engine.connect() as connection:
                held = [
                    tuple(connection.execute(sa.select(table)).one())
                    for table in db.metadata.tables.values()
                ]
            assert fb.migrate() == []
            fb.downgrade()
            fb.upgrade()
    assert held == [(4, "person"), (4, f"{place.schema()}.person")]
    assert "Loses" not in pathlib.Path(script.path).read_text()


def test_schemas_that_the_user_chooses(path: pathlib.Path) -> None:
    """``include_schemas=False`` is obeyed: Alembic then knows only the default one."""
    with make(path, "name", include_schemas=False).app_context():
        (script,) = fb.migrate(request=Request(verify=False))
    assert "create_table('person'" in pathlib.Path(script.path).read_text()

"""The naming convention of the models is in force for what scripts say."""

from __future__ import annotations

import itertools
import pathlib
import sqlite3
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate import BatchMigrate
from tests.apps import Apps
from tests.apps import query
from tests.apps import write_revision

CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
OTHER = {"ck": "c_%(constraint_name)s", "pk": "p_%(table_name)s"}

TABLE = (
    "op.create_table('p', sa.Column('id', sa.Integer, primary_key=True), "
    "sa.Column('n', sa.Integer, unique=True), sa.Column('up', sa.Integer), "
    "sa.ForeignKeyConstraint(['up'], ['p.id']), "
    "sa.CheckConstraint('n > 0', name='pos'), "
    "sa.CheckConstraint('n < 9', name=op.f('exact')))"
)
BLOCK = (
    "op.create_table('p', sa.Column('id', sa.Integer), sa.Column('n', sa.Integer), "
    "sa.Column('up', sa.Integer))\n"
    "    with op.batch_alter_table('p') as b:\n"
    "        b.create_primary_key(None, ['id'])\n"
    "        b.create_unique_constraint(None, ['n'])\n"
    "        b.create_check_constraint('pos', 'n > 0')\n"
    "        b.create_check_constraint(op.f('exact'), 'n < 9')\n"
    "        b.create_foreign_key(None, 'p', ['up'], ['id'])"
)
NAMES = {"pk_p", "uq_p_n", "ck_p_pos", "fk_p_up_p", "exact"}


def named(*conventions: dict[str, str]) -> list[sa.MetaData]:
    """Metadata with a table and a convention each."""
    made = [sa.MetaData(naming_convention=each) for each in conventions]
    for number, metadata in enumerate(made):
        sa.Table(f"t{number}", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return made


def application(
    apps: Apps, conventions: t.Mapping[str, dict[str, str]], **files: str
) -> Flask:
    """An application of Flask-SQLAlchemy with a convention for each bind."""
    app = Flask("an_app", root_path=str(apps.path))
    uris = {key: files.get(key, f"{key or 'app'}.db") for key in conventions}
    app.config["SQLALCHEMY_DATABASE_URI"] = apps.url(uris.pop(""))
    app.config["SQLALCHEMY_BINDS"] = {key: apps.url(file) for key, file in uris.items()}
    db = SQLAlchemy(app, metadata=sa.MetaData(naming_convention=conventions[""]))
    for key, convention in conventions.items():
        if key:
            db.metadatas[key] = sa.MetaData(naming_convention=convention)
        metadata = db.metadatas[key or None]
        sa.Table(f"m_{key}", metadata, sa.Column("id", sa.Integer, primary_key=True))
    BatchMigrate(app, db)
    apps._made.append((app, db))
    return app


def plain(apps: Apps, metadata: t.Any) -> Flask:
    """An application of plain SQLAlchemy."""
    app = Flask("an_app", root_path=str(apps.path))
    BatchMigrate(app, metadata=metadata, url=apps.url("app.db"))
    return app


def names_in(file: pathlib.Path, table: str = "p") -> set[str]:
    """The names of the constraints of a table, as its stored text has them."""
    ((text,),) = query(file, f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
    words = text.split()
    pairs = itertools.pairwise(words)
    return {after for word, after in pairs if word == "CONSTRAINT"}


@pytest.mark.parametrize("script", [TABLE, BLOCK], ids=["table", "block"])
@pytest.mark.parametrize(
    "metadata",
    [
        named(CONVENTION)[0],
        named(CONVENTION),
        named(CONVENTION, CONVENTION),
        [*named(CONVENTION), sa.MetaData()],
        {"": named(CONVENTION)},
    ],
    ids=["one", "list", "two that agree", "an empty one", "by bind"],
)
def test_metadata(apps: Apps, script: str, metadata: t.Any) -> None:
    """However the models are handed over, their convention names what has no name."""
    write_revision(apps.path / "migrations", "aa11", None, script)
    with plain(apps, metadata).app_context():
        if script is TABLE:
            assert "CONSTRAINT ck_p_pos CHECK" in fb.upgrade(sql=True)
        fb.upgrade()
    assert names_in(apps.path / "app.db") == NAMES


def test_metadata_that_differ(apps: Apps) -> None:
    """Where no convention is that of all models, none is, as in Alembic."""
    write_revision(apps.path / "migrations", "aa11", None, TABLE)
    with plain(apps, named(CONVENTION, OTHER)).app_context():
        fb.upgrade()
    assert names_in(apps.path / "app.db") == {"pos", "exact"}


READ = (
    "found = context.get_context().opts['target_metadata'].naming_convention\n"
    "    assert found == {expected!r}"
)


@pytest.mark.parametrize("files", [{}, {"logs": "app.db"}], ids=["two", "shared"])
def test_each_bind_has_its_own(apps: Apps, files: dict[str, str]) -> None:
    """The function of a bind finds the models of that bind, also on one database."""
    versions = apps.path / "migrations" / "versions"
    versions.mkdir(parents=True)
    table = "op.create_table({!r}, sa.Column('id', sa.Integer, primary_key=True))"
    (versions / "aa11_.py").write_text(
        "from alembic import context, op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
        "def downgrade(engine_name):\n    globals()[f'downgrade_{engine_name}']()\n"
        f"def upgrade_():\n    {READ.format(expected=CONVENTION)}\n"
        f"    {table.format('p')}\n"
        f"def upgrade_logs():\n    {READ.format(expected=OTHER)}\n"
        f"    {table.format('q')}\n"
        "def downgrade_():\n    pass\ndef downgrade_logs():\n    pass\n"
    )
    app = application(apps, {"": CONVENTION, "logs": OTHER}, **files)
    with app.app_context():
        fb.upgrade()
    assert names_in(apps.path / "app.db", "p") == {"pk_p"}
    assert names_in(apps.path / files.get("logs", "logs.db"), "q") == {"p_q"}


def test_models_of_a_bind_that_shares_a_database(apps: Apps) -> None:
    """What is compared are the models of all binds on it."""
    app = application(apps, {"": CONVENTION, "logs": OTHER}, logs="app.db")
    with app.app_context():
        (script,) = fb.migrate()
        fb.upgrade()
        assert fb.check() is True
    assert "p_m_logs" in pathlib.Path(script.path).read_text()
    assert names_in(apps.path / "app.db", "m_logs") == {"p_m_logs"}
    assert names_in(apps.path / "app.db", "m_") == {"pk_m_"}


@pytest.mark.parametrize("template", [None, "flask"])
def test_a_script_reads_the_convention(apps: Apps, template: str | None) -> None:
    """``opts["target_metadata"]`` is the MetaData, whichever environment runs."""
    app = application(apps, {"": CONVENTION})
    body = (
        f"{READ.format(expected=CONVENTION)}\n"
        "    assert 'm_' in context.get_context().opts['target_metadata'].tables"
    )
    with app.app_context():
        if template:
            fb.init(template=template)
        write_revision(
            apps.path / "migrations",
            "aa11",
            None,
            body,
            head="from alembic import context",
        )
        fb.upgrade()


def test_a_bind_without_models(apps: Apps) -> None:
    """It has the convention that its first model would get."""
    versions = apps.path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "aa11_.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision = 'aa11'\ndown_revision = None\n"
        "def upgrade(engine_name):\n    globals()[f'upgrade_{engine_name}']()\n"
        "def downgrade(engine_name):\n    pass\n"
        f"def upgrade_():\n    pass\ndef upgrade_logs():\n    {TABLE}\n"
        "def downgrade_():\n    pass\ndef downgrade_logs():\n    pass\n"
    )
    app = Flask("an_app", root_path=str(apps.path))
    app.config["SQLALCHEMY_DATABASE_URI"] = apps.url("app.db")
    app.config["SQLALCHEMY_BINDS"] = {"logs": apps.url("logs.db")}
    db = SQLAlchemy(app, metadata=sa.MetaData(naming_convention=CONVENTION))
    BatchMigrate(app, db)
    apps._made.append((app, db))
    with app.app_context():
        fb.upgrade()
    assert names_in(apps.path / "logs.db") == NAMES


OLD = {
    "check by its name": ("CONSTRAINT pos CHECK (n > 0)", "'pos', type_='check'"),
    "check by convention": (
        "CONSTRAINT pos CHECK (n > 0)",
        "op.f('ck_p_pos'), type_='check'",
    ),
    "conventional check": (
        "CONSTRAINT ck_p_pos CHECK (n > 0)",
        "'pos', type_='check'",
    ),
    "exact check": ("CONSTRAINT pos CHECK (n > 0)", "op.f('pos'), type_='check'"),
    "full name": ("CONSTRAINT ck_p_pos CHECK (n > 0)", "'ck_p_pos', type_='check'"),
    "unnamed unique": ("UNIQUE (n)", "'uq_p_n', type_='unique'"),
    "unnamed key": (
        "FOREIGN KEY (n) REFERENCES p (id)",
        "'fk_p_n_p', type_='foreignkey'",
    ),
}


@pytest.mark.parametrize("batch", [True, False], ids=["batch", "plain"])
@pytest.mark.parametrize("old", OLD)
def test_drop_on_an_older_database(apps: Apps, old: str, batch: bool) -> None:
    """A constraint is found whether it was made with the convention or without."""
    constraint, arguments = OLD[old]
    file = apps.path / "app.db"
    with sqlite3.connect(file) as connection:
        connection.execute(
            f"CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER, {constraint})"
        )
        connection.execute("INSERT INTO p VALUES (1, 1)")
    connection.close()
    name, kind = arguments.split(", ")
    call = f"op.drop_constraint({name}, 'p', {kind})"
    if batch:
        block = "with op.batch_alter_table('p') as b:\n        b."
        call = f"{block}drop_constraint({name}, {kind})"
    write_revision(apps.path / "migrations", "aa11", None, call)
    with application(apps, {"": CONVENTION}).app_context():
        fb.upgrade()
    ((text,),) = query(file, "SELECT sql FROM sqlite_master WHERE name = 'p'")
    assert not {"CHECK", "UNIQUE", "FOREIGN"} & set(text.split())
    assert query(file, "SELECT * FROM p") == [(1, 1)]


NAMED = "CONSTRAINT kind"
CONVENTIONAL = "CONSTRAINT ck_p_kind"
OTHERWISE = "CONSTRAINT x"


@pytest.mark.parametrize(
    ("convention", "name", "existing"),
    [
        *((CONVENTION, name, True) for name in (NAMED, CONVENTIONAL, OTHERWISE, "")),
        *((CONVENTION, name, False) for name in (NAMED, CONVENTIONAL, "")),
        *(({}, name, True) for name in (NAMED, CONVENTIONAL, OTHERWISE, "")),
        *(({}, name, False) for name in (NAMED, "")),
    ],
)
def test_widened_enum(
    apps: Apps, convention: dict[str, str], name: str, existing: bool
) -> None:
    """The check of the old members is replaced, whatever it is called."""
    file = apps.path / "app.db"
    with sqlite3.connect(file) as connection:
        connection.execute(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, k VARCHAR(1) NOT NULL, "
            f"{name} CHECK (k IN ('a', 'b')), CONSTRAINT own CHECK (k <> 'z'))"
        )
        connection.execute("INSERT INTO p VALUES (1, 'a')")
    connection.close()
    enum = "sa.Enum({}, name='kind', create_constraint=True)"
    told = f", existing_type={enum.format(repr('a') + ',' + repr('b'))}"
    write_revision(
        apps.path / "migrations",
        "aa11",
        None,
        "with op.batch_alter_table('p') as b:\n        b.alter_column('k', type_="
        + enum.format("'a', 'b', 'c'")
        + (told if existing else "")
        + ")",
    )
    with application(apps, {"": convention}).app_context():
        fb.upgrade()
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO p VALUES (2, 'c')")
        for value in ("d", "z"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute("INSERT INTO p VALUES (3, ?)", [value])
    connection.close()
    assert query(file, "SELECT k FROM p") == [("a",), ("c",)]
    wanted = "ck_p_kind" if convention else "kind"
    assert names_in(file) == {wanted, "own"}


@pytest.mark.servers
@pytest.mark.parametrize("script", [TABLE, BLOCK], ids=["table", "block"])
def test_servers(apps: Apps, url: str, kind: str, script: str) -> None:
    """Names are the same on other databases, and in the SQL for them."""
    write_revision(apps.path / "migrations", "aa11", None, script)
    app = Flask("an_app", root_path=str(apps.path))
    (metadata,) = named(CONVENTION)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    BatchMigrate(app, metadata=metadata, engine=engine)
    with app.app_context():
        text = fb.upgrade(sql=True)
        fb.upgrade()
    inspector = sa.inspect(engine)
    found = {
        str(inspector.get_pk_constraint("p")["name"]),
        *(str(each["name"]) for each in inspector.get_unique_constraints("p")),
        *(str(each["name"]) for each in inspector.get_foreign_keys("p")),
        *(str(each["name"]) for each in inspector.get_check_constraints("p")),
    }
    # A primary key has no name of its own in MariaDB.
    assert found - {"None"} == NAMES - (set() if kind == "postgresql" else {"pk_p"})
    assert all(name in text for name in NAMES)

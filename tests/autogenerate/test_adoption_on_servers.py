"""Databases on servers whose tables were made by ``db.create_all()``, and stamped.

Constraints that nobody named have other names there than where scripts made the tables.
"""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.apps import write_revision
from tests.servers import new_database
from tests.servers import SERVERS

from .changes import find
from .laboratory import Laboratory
from .laboratory import Place

#: Changes that take away what has no name, or add a name beside it.
CHANGES = (
    "column with UNIQUE removed",
    "column with CHECK removed",
    "column with a foreign key and an index removed",
    "Boolean column with a check removed",
    "check of a Boolean removed",
    "UNIQUE without a name removed",
    "UNIQUE of two columns removed",
    "CHECK without a name removed",
    "CHECK changed",
    "second CHECK without a name added",
    "foreign key removed",
    "foreign key of two columns removed",
    "ON DELETE added",
    "member of the primary key added",
    "constraints named by a convention",
)


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest,
) -> cabc.Iterator[tuple[str, str, str]]:
    """Databases to make by ``create_all()``, to make by scripts, and to judge by."""
    kind = request.param
    with (
        new_database(kind) as made,
        new_database(kind) as scripted,
        new_database(kind) as judged,
    ):
        yield made, scripted, judged


@pytest.fixture
def places(
    server: tuple[str, str, str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> cabc.Iterator[tuple[Place, Place]]:
    """The empty databases, of which both run the scripts of one folder."""
    monkeypatch.chdir(tmp_path)
    made, scripted = (Place(url, server[2], tmp_path) for url in server[:2])
    made.empty()
    scripted.empty()
    yield made, scripted
    made.close()
    scripted.close()


@pytest.mark.servers
@pytest.mark.parametrize("where", ["create_all", "scripts"])
@pytest.mark.parametrize("name", CHANGES)
def test_one_script_for_both(
    places: tuple[Place, Place], name: str, where: str
) -> None:
    """A script that was generated for either database runs on both, up and down."""
    change, (made, scripted) = find(name), places
    if made.kind not in change.only:
        pytest.skip(f"{made.kind} does not have it")
    laboratory = Laboratory(change, scripted)
    laboratory.start()
    app, db = made.app(laboratory.before)
    with app.app_context():
        db.create_all()
        fb.stamp(revision="aa11")
        assert fb.migrate() == []
    start, end = (
        scripted.wanted(define, laboratory.names)
        for define in (laboratory.before, laboratory.after)
    )
    if start == end:
        pytest.skip(f"{made.kind} does not know the difference")
    both = (made, scripted) if where == "create_all" else (scripted, made)
    app, _ = both[0].app(laboratory.after)
    with app.app_context():
        fb.migrate(rev_id="bb22", request=Request(**change.options))
    for place in both:
        app, _ = place.app(laboratory.after)
        with app.app_context():
            for _ in range(2):
                fb.upgrade()
                assert place.found(laboratory.names) == end
                assert fb.migrate() == []
                fb.downgrade()
                assert place.found(laboratory.names) == start


#: What a database has, and what a script drops that is not there: kind and name.
NOT_MEANT = {
    "foreign key of a column whose name goes on": (
        "ALTER TABLE pet ADD FOREIGN KEY (owner) REFERENCES person (id)",
        ("foreignkey", "fk_pet_owner_id_person"),
    ),
    "the same, as PostgreSQL calls it": (
        "ALTER TABLE pet ADD CONSTRAINT fk_pet_owner_id_person"
        " FOREIGN KEY (owner_id) REFERENCES person (id)",
        ("foreignkey", "pet_owner_fkey"),
    ),
    "UNIQUE of fewer columns": (
        "ALTER TABLE pet ADD UNIQUE (code)",
        ("unique", "uq_pet_code_owner"),
    ),
    "UNIQUE with a name that somebody chose": (
        "ALTER TABLE pet ADD CONSTRAINT one_code UNIQUE (code)",
        ("unique", "uq_pet_code"),
    ),
}


@pytest.mark.parametrize("case", NOT_MEANT)
def test_nothing_else_is_dropped(
    tmp_path: pathlib.Path, server: tuple[str, str, str], case: str
) -> None:
    """A constraint that only resembles the one that a script names stays."""
    statement, (kind, name) = NOT_MEANT[case]
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = server[0]
    db = SQLAlchemy(app)
    fb.BatchMigrate(app, db, directory=tmp_path / "migrations")
    drop = f"op.drop_constraint({name!r}, 'pet', type_={kind!r})"
    write_revision(tmp_path / "migrations", "aa11", None, upgrade=drop)
    with app.app_context():
        with db.engine.begin() as connection:
            for table in ("alembic_version", "pet", "person"):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
            connection.exec_driver_sql("CREATE TABLE person (id INT PRIMARY KEY)")
            connection.exec_driver_sql(
                "CREATE TABLE pet (id INT PRIMARY KEY, owner INT, owner_id INT,"
                " code INT)"
            )
            connection.exec_driver_sql(statement)
        before = constraints_of(db.engine)
        with pytest.raises(fb.BatchMigrateError, match="aa11"):
            fb.upgrade()
        assert constraints_of(db.engine) == before
        with db.engine.begin() as connection:
            for table in ("pet", "person"):
                connection.exec_driver_sql(f"DROP TABLE {table}")
        db.engine.dispose()


def constraints_of(engine: sa.Engine) -> list[t.Any]:
    """Return the UNIQUE constraints and foreign keys of the pet."""
    inspector = sa.inspect(engine)
    return [
        *inspector.get_unique_constraints("pet"),
        *inspector.get_foreign_keys("pet"),
    ]

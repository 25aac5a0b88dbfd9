"""Destinations that count steps are counted from where the database is."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import write_revision
from tests.servers import new_database
from tests.servers import SERVERS

Move: t.TypeAlias = tuple[str, str, set[str]]

LINE: list[Move] = [
    ("upgrade", "+1", {"aa11"}),
    ("downgrade", "-1", set()),
    ("upgrade", "+2", {"aa22"}),
    ("downgrade", "1", {"aa11"}),
    ("upgrade", "aa22+1", {"aa33"}),
    ("downgrade", "aa33-1", {"aa22"}),
    ("upgrade", "shop@+1", {"aa33"}),
    ("upgrade", "heads", {"aa33"}),
    ("downgrade", "shop@-1", {"aa22"}),
    ("downgrade", "-2", set()),
    ("upgrade", "shop@head", {"aa33"}),
    ("downgrade", "-3", set()),
]
"""Moves in a folder of three revisions, and where each leads to."""

BASES: list[Move] = [
    ("upgrade", "shop@+1", {"aa11"}),
    ("downgrade", "shop@-1", set()),
    ("upgrade", "shop@+2", {"aa22"}),
    ("downgrade", "-1", {"aa11"}),
    ("upgrade", "blog@+1", {"aa11", "bb11"}),
    ("upgrade", "shop@+2", {"aa33", "bb11"}),
    ("downgrade", "blog@-1", {"aa33"}),
    ("downgrade", "shop@-2", {"aa11"}),
    ("upgrade", "heads", {"aa33", "bb33"}),
    ("downgrade", "shop@-3", {"bb33"}),
    ("downgrade", "-3", set()),
]
"""The same with two bases."""


@contextlib.contextmanager
def database(kind: str, apps: Apps) -> cabc.Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield apps.url("app.db")
        return
    with new_database(kind) as url:
        yield url


@pytest.mark.parametrize(
    "kind",
    ["sqlite", *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS)],
)
@pytest.mark.parametrize("moves", [LINE, BASES], ids=["line", "bases"])
def test_steps(apps: Apps, kind: str, moves: list[Move]) -> None:
    """Up and down by steps, on every kind of database."""
    labels = {"aa": "shop", "bb": "blog"}
    for base in labels if moves is BASES else ["aa"]:
        down = None
        for name in (f"{base}11", f"{base}22", f"{base}33"):
            named = {"branch_labels": (labels[base],)} if down is None else {}
            drop = f"op.drop_table('t_{name}')"
            write_revision(
                apps.path / "migrations", name, down, create(f"t_{name}"), drop, **named
            )
            down = name
    with database(kind, apps) as url:
        app = apps.make({None: []}, config={"SQLALCHEMY_DATABASE_URI": url})
        for number, (command, revision, stored) in enumerate(moves):
            with app.app_context():
                getattr(fb, command)(revision=revision)
                engine = app.extensions["sqlalchemy"].engine
                with engine.connect() as connection:
                    rows = connection.execute(sa.text("SELECT * FROM alembic_version"))
                    assert {name for (name,) in rows} == stored, (number, revision)
        apps.close()


@pytest.mark.parametrize(
    "kind",
    ["sqlite", *(pytest.param(kind, marks=pytest.mark.servers) for kind in SERVERS)],
)
@pytest.mark.parametrize(
    ("command", "revision"),
    [("downgrade", "-1"), ("downgrade", "2"), ("upgrade", "+3"), ("upgrade", "x@+1")],
)
def test_too_many_steps(apps: Apps, kind: str, command: str, revision: str) -> None:
    """Steps that lead nowhere are refused in one line; nothing happens."""
    write_revision(apps.path / "migrations", "aa11", None, create("t"))
    with database(kind, apps) as url:
        app = apps.make({None: []}, config={"SQLALCHEMY_DATABASE_URI": url})
        with app.app_context(), pytest.raises(fb.BatchMigrateError):
            getattr(fb, command)(revision=revision)
        with app.app_context():
            names = sa.inspect(app.extensions["sqlalchemy"].engine).get_table_names()
        assert "t" not in names
        apps.close()

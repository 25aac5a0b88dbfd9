"""Constraints and indexes for some databases only, by ``ddl_if()``."""

from __future__ import annotations

import collections.abc as cabc
import pathlib
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from tests.servers import new_database
from tests.servers import SERVERS

from . import server_judge
from .bench import Bench
from .changes import Define

#: What SQLAlchemy calls the databases.
DIALECTS: t.Final = {"postgresql": "postgresql", "mariadb": "mysql"}
NAMES: t.Final = {
    f"{kind}_{dialect}"
    for kind in ("ck", "uq", "ix", "fk")
    for dialect in ("sqlite", "postgresql", "mysql")
}


def models(*dialects: str, checked: bool = True) -> Define:
    """Return models with a constraint of each kind, and an index, for each database.

    :param checked: whether something for all databases is there as well.
    """

    def define(metadata: sa.MetaData) -> None:
        sa.Table("parent", metadata, sa.Column("id", sa.Integer, primary_key=True))
        a, b, c = (sa.Column(name, sa.Integer) for name in "abc")
        key = sa.Column("id", sa.Integer, primary_key=True)
        made = sa.Table("child", metadata, key, a, b, c)
        if checked:
            made.append_constraint(sa.CheckConstraint("a < 100", name="ck_all"))
            sa.Index("ix_all", b)
        for number, dialect in enumerate(dialects):
            # No server has two foreign keys, or UNIQUE, on one column by all rules.
            column, other = ((a, b), (b, c), (c, a))[number]
            target = "parent.id"
            for part in (
                sa.CheckConstraint(f"{column.name} <> {number}", name=f"ck_{dialect}"),
                sa.UniqueConstraint(column, name=f"uq_{dialect}"),
                sa.ForeignKeyConstraint([other], [target], name=f"fk_{dialect}"),
            ):
                made.append_constraint(part)
                part.ddl_if(dialect=dialect)
            sa.Index(f"ix_{dialect}", column, other).ddl_if(dialect=dialect)

    return define


def own(kind: str) -> tuple[Define, Define]:
    """Return models without, and with, parts for a database and for others."""
    return models(), models("sqlite", DIALECTS[kind])


def others(kind: str) -> tuple[Define, Define]:
    """Return models of which only the parts for other databases differ."""
    unlike = [name for name in DIALECTS.values() if name != DIALECTS[kind]]
    return models(DIALECTS[kind]), models(DIALECTS[kind], "sqlite", *unlike)


def alone(kind: str) -> tuple[Define, Define]:
    """Return models with nothing else, without and with parts for other databases."""
    unlike = [name for name in DIALECTS.values() if name != DIALECTS[kind]]
    return models(checked=False), models("sqlite", *unlike, checked=False)


def moved(kind: str) -> tuple[Define, Define]:
    """Return models whose parts are for this database, then for another one."""
    return models(DIALECTS[kind]), models("sqlite")


@pytest.mark.servers
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("pair", [own, others, alone, moved])
@pytest.mark.parametrize("kind", SERVERS)
def test_for_databases(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    pair: cabc.Callable[[str], tuple[Define, Define]],
    back: bool,
) -> None:
    """A database is as ``create_all()`` makes it, up and down."""
    monkeypatch.chdir(tmp_path)
    first, second = reversed(pair(kind)) if back else pair(kind)
    with new_database(kind) as url, new_database(kind) as judged:
        states = []
        for define in (first, second):
            metadata = sa.MetaData()
            define(metadata)
            states.append(server_judge.schema_of_models(metadata, judged, NAMES))
        bench = Bench(url, tmp_path)
        for number, define in enumerate((first, second)):
            app, _ = bench.app(define)
            with app.app_context():
                written = fb.migrate(rev_id=f"aa{number}")
                assert bool(written) is (not number or states[0] != states[1])
                fb.upgrade()
                assert fb.check()
                (status,) = app.extensions["migrate"].migrate.status(compare=True)
                assert not status.differing
            assert server_judge.schema_of_server(url, NAMES) == states[number]
        if states[0] != states[1]:
            app, _ = bench.app(second)
            with app.app_context():
                fb.downgrade()
            assert server_judge.schema_of_server(url, NAMES) == states[0]

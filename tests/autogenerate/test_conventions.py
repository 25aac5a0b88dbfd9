"""Naming conventions: in force, and given to models that are migrated already."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import sqlalchemy as sa

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request
from tests.apps import query

from .bench import Bench
from .changes import Define

USUAL = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
NAMES = {
    None: {},
    "usual": USUAL,
    "every name": {kind: f"{kind}__%(constraint_name)s" for kind in ("uq", "ck")},
    "columns": {"ck": "check_%(table_name)s_%(column_0_name)s"},
}


def models(convention: str | None, *columns: str) -> Define:
    """A table whose constraints have names of their own, with some of the columns."""

    def define(metadata: sa.MetaData) -> None:
        metadata.naming_convention = NAMES[convention]
        types: dict[str, t.Any] = {
            "mood": sa.Enum("good", "bad", name="mood", create_constraint=True),
            "text mood": sa.Enum(
                "good", "bad", name="text", create_constraint=True, native_enum=False
            ),
            "flag": sa.Boolean(create_constraint=True, name="flag"),
        }
        if convention in (None, "columns"):
            types["bare"] = sa.Boolean(create_constraint=True)
        sa.Table(
            "person",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("age", sa.Integer),
            sa.Column("boss_id", sa.Integer),
            *(sa.Column(n, type_) for n, type_ in types.items() if n in columns),
            sa.UniqueConstraint("age", name="one_age"),
            sa.CheckConstraint("age > 0", name="age_fits"),
            sa.ForeignKeyConstraint(["boss_id"], ["person.id"], name="boss"),
        )

    return define


ALL = ("mood", "text mood", "flag", "bare")


def names(file: pathlib.Path) -> list[str]:
    """The names of constraints, in the order of the alphabet."""
    ((sql,),) = query(file, "SELECT sql FROM sqlite_master WHERE name = 'person'")
    return sorted(re.findall(r'CONSTRAINT "?(\w+)', sql))


def wanted(define: Define) -> list[str]:
    """The same of ``create_all()``, but for names that only scripts give."""
    metadata = sa.MetaData()
    define(metadata)
    sql = str(sa.schema.CreateTable(metadata.tables["person"]))
    return sorted(re.findall(r'CONSTRAINT "?(\w+)', sql))


def rename(path: pathlib.Path, *steps: Define) -> Bench:
    """Generate each step on a database that has the one before, and go back and on."""
    bench = Bench(f"sqlite:///{path / 'app.db'}", path)
    for number, define in enumerate(steps):
        app, _ = bench.app(define)
        with app.app_context():
            before = names(path / "app.db") if number else []
            written = fb.migrate(rev_id=f"aa{number}", request=Request(no_rename=True))
            fb.upgrade()
            assert set(wanted(define)) <= set(names(path / "app.db"))
            assert fb.check()
            if number and written:
                fb.downgrade()
                assert names(path / "app.db") == before
                fb.upgrade()
    return bench


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("second", NAMES)
def test_another_convention(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    first: str | None,
    second: str | None,
) -> None:
    """The new names come, the old ones come back, and columns come and go."""
    monkeypatch.chdir(tmp_path)
    rename(
        tmp_path,
        models(first, *ALL),
        models(second, *ALL),
        models(second),
        models(second, *ALL),
    )


@pytest.mark.parametrize("second", NAMES)
def test_column_goes_with_another_convention(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, second: str | None
) -> None:
    """The downgrade makes the check by the name that it had."""
    monkeypatch.chdir(tmp_path)
    rename(tmp_path, models(None, *ALL), models(second))


@pytest.mark.parametrize("second", NAMES)
def test_first_convention_on_a_new_database(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, second: str | None
) -> None:
    """Revisions from before the convention make the same names as ever under it."""
    monkeypatch.chdir(tmp_path)
    rename(tmp_path, models(None, "mood"), models(None, *ALL), models(second, *ALL))
    app, _ = Bench(f"sqlite:///{tmp_path / 'new.db'}", tmp_path).app(
        models(second, *ALL)
    )
    with app.app_context():
        fb.upgrade()
        assert fb.check()
    assert names(tmp_path / "new.db") == names(tmp_path / "app.db")

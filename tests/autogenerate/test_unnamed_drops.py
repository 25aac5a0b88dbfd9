"""Generated scripts that drop a constraint without a name, on SQLite."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from flask import Flask

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import write_revision


def make(apps: Apps, key: bool, **options: t.Any) -> Flask:
    """Return an application whose pets have an owner, maybe as a foreign key."""
    app = apps.make({None: ["user"]}, **options)
    db = app.extensions["sqlalchemy"]
    db.Table(
        "pet",
        db.Column("id", db.Integer, primary_key=True),
        db.Column("owner", db.Integer, *([db.ForeignKey("user.id")] if key else [])),
    )
    return app


def keys(apps: Apps) -> list[t.Any]:
    return query(apps.path / "app.db", "PRAGMA foreign_key_list(pet)")


@pytest.mark.parametrize("options", [{}, {"render_as_batch": False}])
@pytest.mark.parametrize("before", [True, False])
def test_foreign_key_without_a_name(
    apps: Apps, before: bool, options: dict[str, t.Any]
) -> None:
    """No warning, no word of a failure; and the script works both ways."""
    with make(apps, before, **options).app_context():
        fb.migrate(rev_id="aa11")
        fb.upgrade()
    with make(apps, not before, **options).app_context():
        (script,) = fb.migrate(rev_id="bb22")
        fb.upgrade()
        assert bool(keys(apps)) is not before
        assert fb.check() is True
        fb.downgrade()
    assert bool(keys(apps)) is before
    text = pathlib.Path(script.path).read_text()
    assert text.count("drop_constraint(None, ") == 1
    assert text.count("PostgreSQL and MySQL") == 1
    assert "fail" not in text


def test_differences_as_alembic_tells_them(apps: Apps) -> None:
    """A hook of the user sees Alembic's operations, and the differences stay."""
    seen: list[str] = []

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        (table,) = directives[0].upgrade_ops.ops
        seen.extend(type(each).__name__ for each in table.ops)

    with make(apps, True).app_context():
        fb.migrate()
        fb.upgrade()
    app = make(apps, False, process_revision_directives=hook)
    with app.app_context():
        with pytest.raises(fb.SchemaDiffers) as caught:
            fb.check()
        fb.migrate()
    assert [diff[0] for diff in caught.value.diffs] == ["remove_fk"]
    assert seen == ["DropConstraintOp"] * 2


@pytest.mark.parametrize("name", [None, "uq_user_email"])
def test_removal_of_a_unique_constraint(apps: Apps, name: str | None) -> None:
    """What the limits say: Alembic notices it only where the constraint has a name."""
    for step in ("aa11", "bb22"):
        app = apps.make({None: []})
        db = app.extensions["sqlalchemy"]
        unique = [db.UniqueConstraint("email", name=name)] if step == "aa11" else []
        db.Table(
            "user",
            db.Column("id", db.Integer, primary_key=True),
            db.Column("email", db.String(50)),
            *unique,
        )
        with app.app_context():
            scripts = fb.migrate(rev_id=step)
            fb.upgrade()
    assert bool(scripts) is (name is not None)
    if name is None:
        removal = "op.drop_constraint('user_email_key', 'user', type_='unique')"
        write_revision(apps.path / "migrations", "cc33", "aa11", removal)
        with app.app_context():
            fb.upgrade()
    rows = query(apps.path / "app.db", "PRAGMA index_list(user)")
    assert rows == []


def test_several_binds(apps: Apps) -> None:
    """Each bind's own removal is rendered, in its own function."""
    for key in (True, False):
        app = apps.make({None: [], "other": []})
        db = app.extensions["sqlalchemy"]
        for bind in (None, "other"):
            reference = [db.ForeignKey("user.id")] if key else []
            db.Table(
                "user", db.Column("id", db.Integer, primary_key=True), bind_key=bind
            )
            db.Table(
                "pet",
                db.Column("id", db.Integer, primary_key=True),
                db.Column("owner", db.Integer, *reference),
                bind_key=bind,
            )
        with app.app_context():
            (script,) = fb.migrate()
            fb.upgrade()
    text = pathlib.Path(script.path).read_text()
    assert text.count("drop_constraint(None, ") == 2
    assert text.count("# No name: on SQLite") == 2
    for file in ("app.db", "other.db"):
        assert query(apps.path / file, "PRAGMA foreign_key_list(pet)") == []

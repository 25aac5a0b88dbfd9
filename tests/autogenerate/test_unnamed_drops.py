"""Generated scripts and constraints without a name, on SQLite."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from alembic.operations import ops
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
    """A name in every script, and the script works both ways."""
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
    assert text.count("f('fk_pet_owner_user')") == 2
    assert "fail" not in text


def test_differences_as_alembic_tells_them(apps: Apps) -> None:
    """A hook of the user sees Alembic's operations, and the differences stay."""
    seen: list[bool] = []

    def hook(_: t.Any, __: t.Any, directives: list[t.Any]) -> None:
        (table,) = directives[0].upgrade_ops.ops
        seen.extend(isinstance(each, ops.DropConstraintOp) for each in table.ops)

    with make(apps, True).app_context():
        fb.migrate()
        fb.upgrade()
    app = make(apps, False, process_revision_directives=hook)
    with app.app_context():
        with pytest.raises(fb.SchemaDiffers) as caught:
            fb.check()
        fb.migrate()
    assert [diff[0] for diff in caught.value.diffs] == ["remove_fk"]
    assert seen == [True] * 2


def test_removal_of_what_has_no_name(apps: Apps) -> None:
    """A UNIQUE that an older script made is dropped by the name PostgreSQL gave it."""
    made = "op.create_table('user', sa.Column('id', sa.Integer, primary_key=True), "
    made += "sa.Column('email', sa.String(50)), sa.UniqueConstraint('email'))"
    write_revision(apps.path / "migrations", "aa11", None, made)
    app = apps.make({None: ["user email"]})
    with app.app_context():
        fb.upgrade()
        (script,) = fb.migrate(rev_id="bb22")
        fb.upgrade()
        assert query(apps.path / "app.db", "PRAGMA index_list(user)") == []
        assert fb.check() is True
        fb.downgrade()
        assert len(query(apps.path / "app.db", "PRAGMA index_list(user)")) == 1
        fb.upgrade()
    assert query(apps.path / "app.db", "PRAGMA index_list(user)") == []
    assert pathlib.Path(script.path).read_text().count("f('user_email_key')") == 2


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
    assert text.count("drop_constraint(batch_op.f('fk_pet_owner_user')") == 2
    for file in ("app.db", "other.db"):
        assert query(apps.path / file, "PRAGMA foreign_key_list(pet)") == []

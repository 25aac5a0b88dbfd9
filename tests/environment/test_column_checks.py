"""On MariaDB, altering a column keeps the CHECK that is a part of it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate as fb
from tests.apps import write_revision
from tests.servers import new_database

#: Alterations of ``x``, and the name that the column has afterwards.
ALTERATIONS = {
    "type": ("type_=sa.BigInteger()", "x"),
    "nullable": ("nullable=False, existing_type=sa.Integer()", "x"),
    "comment": ("comment='5 %', existing_type=sa.Integer()", "x"),
    "default": ("server_default='5', existing_type=sa.Integer()", "x"),
    "name": ("new_column_name='z`y', existing_type=sa.Integer()", "z`y"),
}


@pytest.fixture
def app(tmp_path: pathlib.Path) -> t.Iterator[Flask]:
    """A database that ``create_all()`` made, with CHECKs in its columns."""
    with new_database("mariadb") as url:
        app = Flask(__name__)
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        db = SQLAlchemy(app)
        check = sa.CheckConstraint("x > 0 and 'x `x`' <> '%'")
        db.Table(
            "thing",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("x", sa.Integer, check),
            sa.Column("y", sa.Integer, sa.CheckConstraint("y > 0")),
            sa.CheckConstraint("y < 9", name="ck_thing_x"),
        )
        fb.BatchMigrate(app, db, directory=tmp_path / "migrations")
        with app.app_context():
            db.create_all()
            yield app
            db.engine.dispose()


@pytest.mark.servers
@pytest.mark.parametrize("case", ALTERATIONS)
def test_check_is_kept(app: Flask, tmp_path: pathlib.Path, case: str) -> None:
    """Rows that it forbids are refused as before, up and down."""
    options, name = ALTERATIONS[case]
    body = f"op.alter_column('thing', 'x', {options})"
    write_revision(tmp_path / "migrations", "aa11", None, upgrade=body)
    fb.upgrade()
    engine = app.extensions["sqlalchemy"].engine
    column = "`" + name.replace("`", "``") + "`"
    with engine.begin() as connection:
        insert = f"INSERT INTO thing ({column}, y) VALUES (%s, %s)"
        connection.exec_driver_sql(insert, (1, 1))
        for values in ((0, 1), (1, 0), (1, 9)):
            with pytest.raises(sa.exc.OperationalError, match="CONSTRAINT"):
                connection.exec_driver_sql(insert, values)


@pytest.mark.servers
def test_nothing_differs_afterwards(app: Flask, tmp_path: pathlib.Path) -> None:
    """``migrate`` has nothing to add."""
    body = "op.alter_column('thing', 'x', comment=None, existing_type=sa.Integer())"
    write_revision(tmp_path / "migrations", "aa11", None, upgrade=body)
    fb.upgrade()
    assert fb.check()


@pytest.mark.servers
def test_check_of_json_goes_with_the_type(app: Flask, tmp_path: pathlib.Path) -> None:
    """A column that was JSON holds any text."""
    body = (
        "op.add_column('thing', sa.Column('j', sa.JSON))\n"
        "    op.alter_column('thing', 'j', type_=sa.Text())"
    )
    write_revision(tmp_path / "migrations", "aa11", None, upgrade=body)
    fb.upgrade()
    engine = app.extensions["sqlalchemy"].engine
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO thing (j) VALUES ('{')")

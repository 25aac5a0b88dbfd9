"""Types with variants, and types that contain others, become text that can be run."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from tests.cli_project import flask
from tests.cli_project import write_app
from tests.servers import new_database

OWN = """
import sqlalchemy as sa

class Words(sa.TypeDecorator):
    impl = sa.Text
    cache_ok = True

class Choice(sa.TypeDecorator):
    impl = sa.JSON
    cache_ok = True
    def __init__(self, choices):
        super().__init__()
        self.choices = choices

class Pair(sa.types.UserDefinedType):
    cache_ok = True
    def __init__(self, first, second):
        self.first, self.second = first, second
    def get_col_spec(self, **kw):
        return "TEXT"
"""
MODELS = """
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from own.kinds import Choice, Pair, Words

class Thing(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    {columns}
"""
#: What each type is on PostgreSQL, as the server says it.
TYPES = {
    "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')": "jsonb",
    "postgresql.JSONB().with_variant(sa.JSON(), 'sqlite', 'mysql')": "jsonb",
    "postgresql.JSON()": "json",
    "sa.JSON().with_variant(postgresql.ARRAY(sa.String(9)), 'postgresql')": (
        "character varying(9)[]"
    ),
    "postgresql.ARRAY(sa.Integer).with_variant(sa.JSON(), 'sqlite')": "integer[]",
    "sa.ARRAY(sa.Text).with_variant(sa.JSON(), 'sqlite')": "text[]",
    "sa.ARRAY(Words()).with_variant(sa.JSON(), 'sqlite')": "text[]",
    "sa.JSON().with_variant(postgresql.ARRAY(Choice([1])), 'postgresql')": "json[]",
    "Words().with_variant(postgresql.ARRAY(sa.Integer), 'postgresql')": "integer[]",
    "Choice([1]).with_variant(postgresql.JSONB(), 'postgresql')": "jsonb",
    "sa.JSON().with_variant(Words(), 'sqlite')": "json",
    "Pair(sa.String(3), sa.Integer())": "text",
    "sa.PickleType(impl=sa.JSON)": "json",
    "sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')": "text",
    "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')": "bigint",
}


def _copies_variants() -> bool:
    """Tell whether SQLAlchemy copies the variants of an array along with a table."""
    array = sa.ARRAY(sa.Text).with_variant(sa.JSON(), "sqlite")
    made = sa.Table("t", sa.MetaData(), sa.Column("a", array))
    copied = made.to_metadata(sa.MetaData()).c.a.type
    return isinstance(copied.dialect_impl(sqlite.dialect()), sa.JSON)


if not _copies_variants():
    # Not even create_all() can make these on SQLite, once the table is copied.
    for each in [text for text in TYPES if "ARRAY" in text.partition(".with_")[0]]:
        del TYPES[each]


def project(folder: pathlib.Path) -> pathlib.Path:
    """Write an application in which each type is the type of a column."""
    own = folder / "own"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("")
    (own / "kinds.py").write_text(OWN)
    columns = [f"c{n} = db.Column({text})" for n, text in enumerate(TYPES)]
    write_app(folder, MODELS.format(columns="\n    ".join(columns)))
    return folder


def run(path: pathlib.Path, *commands: str) -> None:
    for command in commands:
        outcome = flask(path, "db", *command.split())
        assert outcome.exit_code == 0, outcome.output


def test_types_on_sqlite(tmp_path: pathlib.Path) -> None:
    """A script with each of them makes the table of the models, and drops it."""
    path = project(tmp_path / "made")
    run(path, "migrate", "upgrade", "check", "downgrade", "upgrade", "check")


@pytest.mark.servers
def test_types_on_another_database(tmp_path: pathlib.Path) -> None:
    """A script that was made on SQLite makes the columns of the models elsewhere."""
    path = project(tmp_path / "made")
    run(path, "migrate")
    with new_database("postgresql") as url:
        app = path / "app.py"
        lines = app.read_text().splitlines()
        lines = [
            f'app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}'
            if "SQLALCHEMY_DATABASE_URI" in line
            else line
            for line in lines
        ]
        app.write_text("\n".join(lines))
        run(path, "upgrade", "check")
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = 'thing'::regclass AND attnum > 1 ORDER BY attnum"
            )
            assert dict(zip(TYPES, found.scalars(), strict=True)) == TYPES
        # What was made there is the same again.
        shutil.rmtree(path / "migrations")
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE thing, alembic_version")
        run(path, "migrate", "upgrade", "check", "downgrade", "upgrade")

"""Makes the table of the index page: what a change of one column does to the rest.

Each row is tried on a real file, here and with Flask-Migrate, by its own commands:
``python -m tools.docs.comparison``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import typing as t

APP: t.Final = """
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from {package} import Migrate

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{file}"
db = SQLAlchemy(app)
Migrate(app, db)


@sa.event.listens_for(sa.Engine, "connect")
def enforce(connection, record):
    connection.execute("PRAGMA foreign_keys = ON")
"""
REVISION: t.Final = """
import sqlalchemy as sa
from alembic import op

revision = "aa11"
down_revision = None


def upgrade():
    with op.batch_alter_table("book") as batch:
        batch.alter_column("title", nullable=True)
    {then}
"""
BOOK: t.Final = (
    "CREATE TABLE book (id INTEGER PRIMARY KEY{key}, title TEXT NOT NULL{more})"
)
DEFINITION: t.Final = "SELECT sql FROM sqlite_master WHERE name = 'book'"


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table.

    :param what: what is looked at.
    :param key: what the primary key has besides.
    :param more: what the table has besides two columns.
    :param others: statements that make what stands around it.
    :param query: asks what is there afterwards.
    :param wanted: the answer where nothing was lost.
    :param then: what the revision does after the change.
    """

    what: str
    query: str
    wanted: str
    key: str = ""
    more: str = ""
    others: tuple[str, ...] = ()
    then: str = ""


CASES: t.Final = (
    Case(
        "a trigger of the table",
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'",
        "1",
        others=("CREATE TRIGGER t AFTER INSERT ON book BEGIN SELECT 1; END",),
    ),
    Case("a `CHECK` without a name", DEFINITION, "CHECK", more=", CHECK (title <> '')"),
    Case(
        "a collation", DEFINITION, "COLLATE NOCASE", more=", code TEXT COLLATE NOCASE"
    ),
    Case(
        "a computed column",
        "SELECT size FROM book",
        "12",
        more=", size AS (length(title))",
    ),
    Case("`AUTOINCREMENT`", DEFINITION, "AUTOINCREMENT", key=" AUTOINCREMENT"),
    Case(
        "an index on an expression",
        "SELECT count(*) FROM sqlite_master WHERE name = 'ix'",
        "1",
        others=("CREATE INDEX ix ON book (lower(title))",),
    ),
    Case(
        "a view on the table",
        "SELECT count(*) FROM seen",
        "1",
        others=("CREATE VIEW seen AS SELECT title FROM book",),
    ),
    Case(
        "rows that refer to it, `ON DELETE CASCADE`",
        "SELECT count(*) FROM loan",
        "1",
        others=(
            "CREATE TABLE loan (id INTEGER PRIMARY KEY,"
            " book_id INTEGER REFERENCES book (id) ON DELETE CASCADE)",
            "INSERT INTO book (title) VALUES ('Frankenstein')",
            "INSERT INTO loan VALUES (1, 1)",
        ),
    ),
    Case(
        "what a script did before it failed is undone",
        "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'alembic_version'"
        " AND name NOT LIKE 'sqlite%'",
        "(1,)",
        then="op.execute('INSERT INTO no_such_table VALUES (1)')",
    ),
)


def outcome(case: Case, package: str, folder: pathlib.Path) -> str:
    """Run a case with a package, and say what has become of it.

    :param folder: an empty folder.
    """
    file = folder / "app.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(BOOK.format(key=case.key, more=case.more))
        for statement in case.others:
            connection.execute(statement)
        if not any("INSERT" in each for each in case.others):
            connection.execute("INSERT INTO book (title) VALUES ('Frankenstein')")
        connection.commit()
    (folder / "app.py").write_text(APP.format(package=package, file=file))
    flask = (sys.executable, "-m", "flask", "--app", "app.py", "db")
    subprocess.run([*flask, "init"], cwd=folder, check=True, capture_output=True)
    (folder / "migrations" / "versions" / "aa11.py").write_text(
        REVISION.format(then=case.then)
    )
    done = subprocess.run(
        [*flask, "upgrade"], cwd=folder, check=False, capture_output=True
    )
    with contextlib.closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(case.query).fetchall()
    is_kept = case.wanted in str(rows)
    if done.returncode and not case.then:
        return "stops"
    return "yes" if is_kept else "no"


def table() -> str:
    """Return the table, as it stands on the index page."""
    lines = [
        "| After a change of one column, still there | here | Flask-Migrate |",
        "|---|---|---|",
    ]
    for case in CASES:
        answers = []
        for package in ("flask_batchmigrate", "flask_migrate"):
            with tempfile.TemporaryDirectory() as folder:
                answers.append(outcome(case, package, pathlib.Path(folder)))
        lines.append(f"| {case.what} | {' | '.join(answers)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")

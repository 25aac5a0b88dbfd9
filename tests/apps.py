"""Applications for tests, made in-process, on SQLite files."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import typing as t

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_batchmigrate import BatchMigrate


class Apps:
    """Makes applications whose databases are files in one folder.

    :param path: the folder; the current directory of the test.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._made: list[tuple[Flask, SQLAlchemy]] = []

    def make(
        self,
        tables: t.Mapping[str | None, t.Sequence[str]] | None = None,
        migrate: BatchMigrate | None = None,
        file: str = "app.db",
        config: t.Mapping[str, t.Any] | None = None,
        **options: t.Any,
    ) -> Flask:
        """Return an application.

        :param tables: by bind key, tables as ``"user"`` or ``"user name email"``: a
            primary key, and the columns named.
        :param migrate: an extension object to share.
        :param file: the database of the default bind; other binds are ``<bind>.db``.
        :param config: more configuration.
        :param options: arguments for ``BatchMigrate``.
        """
        tables = {None: ["user name"]} if tables is None else tables
        app = Flask("an_app", root_path=str(self.path))
        app.config["SQLALCHEMY_DATABASE_URI"] = self.url(file)
        app.config["SQLALCHEMY_BINDS"] = {
            key: self.url(f"{key}.db") for key in tables if key is not None
        }
        app.config.update(config or {})
        db = SQLAlchemy(app)
        for key, specs in tables.items():
            for spec in specs:
                add_table(db, spec, key)
        if migrate is None:
            BatchMigrate(app, db, **options)
        else:
            migrate.init_app(app, db, **options)
        self._made.append((app, db))
        return app

    def url(self, file: str) -> str:
        return f"sqlite:///{self.path / file}"

    def close(self) -> None:
        for app, db in self._made:
            with app.app_context():
                for engine in db.engines.values():
                    engine.dispose()


def add_table(db: SQLAlchemy, spec: str, bind: str | None = None) -> None:
    """Define a table, as in ``Apps.make``."""
    name, *columns = spec.split()
    db.Table(
        name,
        db.Column("id", db.Integer, primary_key=True),
        *(db.Column(column, db.String(50)) for column in columns),
        bind_key=bind,
    )


def query(file: pathlib.Path, sql: str) -> list[t.Any]:
    """Return the rows that SQLite itself gives."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def tables_of(file: pathlib.Path) -> set[str]:
    """Return the tables of a SQLite file."""
    rows = query(file, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in rows}


def version_of(file: pathlib.Path) -> set[str]:
    """Return the revisions stored in a SQLite file."""
    return {name for (name,) in query(file, "SELECT * FROM alembic_version")}


def write_revision(
    folder: pathlib.Path,
    revision: str,
    down: str | tuple[str, ...] | None,
    upgrade: str = "pass",
    downgrade: str = "pass",
    head: str = "",
    **names: t.Any,
) -> pathlib.Path:
    """Write a revision file by hand, for one database.

    :param head: lines before the functions.
    :param names: more module variables, such as ``branch_labels``.
    """
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    path = versions / f"{revision}_.py"
    variables = {"revision": revision, "down_revision": down, **names}
    path.write_text(
        f'"""Step {revision}"""\nfrom alembic import op\nimport sqlalchemy as sa\n'
        + "".join(f"{name} = {value!r}\n" for name, value in variables.items())
        + f"{head}\n\ndef upgrade():\n    {upgrade}\n\n\ndef downgrade():\n"
        f"    {downgrade}\n"
    )
    return path


def create(name: str) -> str:
    """Return the line of a script that makes a table."""
    return f"op.create_table({name!r}, sa.Column('id', sa.Integer, primary_key=True))"

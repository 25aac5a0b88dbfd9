"""A small project in a folder, driven through ``flask db`` as its owner would."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import pathlib
import sqlite3
import subprocess
import typing as t

import click.testing
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_batchmigrate import BatchMigrate
from tests import processes

APP = """\
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_batchmigrate import Migrate

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{database}"
app.config["SQLALCHEMY_BINDS"] = {binds!r}
db = SQLAlchemy(app)
migrate = Migrate(app, db)
"""

USER = """
class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(128))
"""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command wrote, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclasses.dataclass
class Project:
    """A folder with an application, its database and its migrations.

    :param path: the folder; it is the current directory while commands run.
    :param tables: the tables of the models: ``{name: [column, ...]}``, or by bind.
    :param options: keywords of the extension.
    """

    path: pathlib.Path
    tables: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    bound: dict[str, dict[str, list[str]]] = dataclasses.field(default_factory=dict)
    options: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    uri: str | None = None

    @property
    def database(self) -> pathlib.Path:
        return self.path / "app.db"

    @property
    def versions(self) -> pathlib.Path:
        return self.path / "migrations" / "versions"

    @contextlib.contextmanager
    def app(self) -> t.Iterator[Flask]:
        """A fresh application, as a new process would have; its engines are closed."""
        app = Flask("project", root_path=str(self.path))
        app.config["SQLALCHEMY_DATABASE_URI"] = self.uri or f"sqlite:///{self.database}"
        app.config["SQLALCHEMY_BINDS"] = {
            key: f"sqlite:///{self.path / f'{key}.db'}" for key in self.bound
        }
        db = SQLAlchemy(app)
        everything: dict[str | None, dict[str, list[str]]] = {None: self.tables}
        everything.update(self.bound)
        for bind, tables in everything.items():
            for name, columns in tables.items():
                db.Table(
                    name,
                    sa.Column("id", sa.Integer, primary_key=True),
                    *[sa.Column(column, sa.String(50)) for column in columns],
                    bind_key=bind,
                )
        BatchMigrate(app, db, **self.options)
        try:
            yield app
        finally:
            with app.app_context():
                for engine in db.engines.values():
                    engine.dispose()

    def db(self, *args: str, env: dict[str, str] | None = None) -> Outcome:
        """Run ``flask db`` with these arguments, in this process."""
        kwargs = {}
        if "mix_stderr" in inspect.signature(click.testing.CliRunner).parameters:
            kwargs["mix_stderr"] = False  # click before 8.2 joins the streams
        before = pathlib.Path.cwd()
        os.chdir(self.path)
        try:
            with self.app() as app:
                runner = app.test_cli_runner(**kwargs)
                result = runner.invoke(args=["db", *args], env=env)
        finally:
            os.chdir(before)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.stdout, result.stderr, result.exit_code)

    def ok(self, *args: str, env: dict[str, str] | None = None) -> Outcome:
        """Run a command that must work."""
        outcome = self.db(*args, env=env)
        assert outcome.exit_code == 0, outcome.output
        return outcome

    def add_revision(
        self,
        revision: str,
        down_revision: str | tuple[str, ...] | None = None,
        upgrade: str = "pass",
        downgrade: str = "pass",
        extra: str = "",
    ) -> pathlib.Path:
        """Write a revision file by hand."""
        self.versions.mkdir(parents=True, exist_ok=True)
        file = self.versions / f"{revision}_.py"
        lines = [
            f'"""step {revision}"""',
            "import sqlalchemy as sa",
            "from alembic import op",
            f"revision = {revision!r}",
            f"down_revision = {down_revision!r}",
            extra,
            "def upgrade():",
            f"    {upgrade}",
            "def downgrade():",
            f"    {downgrade}",
        ]
        file.write_text("\n".join(lines) + "\n")
        return file

    def add_history(self, *revisions: str) -> None:
        """Write a line of revisions, each of which creates and drops a table."""
        down = None
        for each in revisions:
            self.add_revision(
                each,
                down,
                f"op.create_table('t_{each}', sa.Column('id', sa.Integer()))",
                f"op.drop_table('t_{each}')",
            )
            down = each

    def tables_in(self, file: str = "app.db") -> set[str]:
        """The names of the tables in a database; none if the file is missing."""
        if not (self.path / file).exists():
            return set()
        with contextlib.closing(sqlite3.connect(self.path / file)) as connection:
            rows = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
            return {name for (name,) in rows}

    def version(self, file: str = "app.db") -> set[str]:
        """The revisions stored in a database."""
        if "alembic_version" not in self.tables_in(file):
            return set()
        with contextlib.closing(sqlite3.connect(self.path / file)) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version")
            return {revision for (revision,) in rows}

    def state(self) -> dict[str, bytes | None]:
        """Every file and folder of the project and its bytes, but for bytecode."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            if path.is_file()
            else None
            for path in self.path.rglob("*")
            if "__pycache__" not in path.parts
        }


def write_app(
    path: pathlib.Path,
    models: str = USER,
    *,
    name: str = "app.py",
    binds: dict[str, str] | None = None,
) -> None:
    """Write an application module for :func:`flask`."""
    source = APP.format(database=path / "app.db", binds=binds or {})
    (path / name).write_text(source + models)


def start_flask(
    path: pathlib.Path,
    *args: str,
    app: str = "app.py",
    stdin: int | None = None,
    stderr: int = subprocess.PIPE,
    **env: str,
) -> subprocess.Popen[str]:
    """Start a real ``flask`` process in a folder.

    :param stdin: where its input comes from; None: as ours.
    :param stderr: where its messages go.
    """
    return processes.start_python(
        "-m",
        "flask",
        *args,
        where=path,
        env={"FLASK_APP": app, **env},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def flask(path: pathlib.Path, *args: str, app: str = "app.py", **env: str) -> Outcome:
    """Run a real ``flask`` process in a folder."""
    with start_flask(path, *args, app=app, **env) as process:
        stdout, stderr = process.communicate(timeout=120)
    return Outcome(stdout, stderr, process.returncode)

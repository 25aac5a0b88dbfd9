"""A folder that Flask-Migrate has written is looked at without Alembic."""

from __future__ import annotations

import ast
import collections.abc as cabc
import importlib.util
import pathlib
import sqlite3
import typing as t

import pytest

from flask_batchmigrate.project import stock
from tests.processes import python

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("flask_migrate") is None, reason="needs its templates"
)

APP = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_batchmigrate import Migrate
{before}
app = Flask(__name__, instance_path={instance!r})
app.config["SQLALCHEMY_DATABASE_URI"] = {uri!r}
app.config["SQLALCHEMY_BINDS"] = {binds!r}
db = {db}()
db.init_app(app)
Migrate(app, db{arguments})

class Thing(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""
RUN = """
import sys
from flask.cli import cli
for command in {commands!r}:
    try:
        cli.main(["--app", "app", "db", command], standalone_mode=False)
    except Exception as error:
        print(type(error).__name__)
    print(command, "long" if "alembic" in sys.modules else "quick")
"""
REVISION = """
revision = {revision!r}
down_revision = {down_revision!r}
branch_labels = None
depends_on = None

def upgrade({parameter}):
    pass

def downgrade({parameter}):
    pass
"""


def template(form: str, name: str) -> str:
    """The text of a file that Flask-Migrate writes."""
    found = importlib.util.find_spec("flask_migrate")
    assert found is not None and found.origin is not None
    path = pathlib.Path(found.origin).parent / "templates" / form / name
    return path.read_text()


class Stock:
    """A project in the form of Flask-Migrate, at its only revision.

    :param path: the folder.
    :param form: the name of the template.
    :param binds: the keys of the databases besides the default one.
    """

    def __init__(self, path: pathlib.Path, form: str, binds: tuple[str, ...]) -> None:
        self.path = path
        self.form = form
        self.binds = binds
        self.folder = path / "migrations"
        self.env = self.folder / "env.py"
        self.ini = self.folder / "alembic.ini"
        (self.folder / "versions").mkdir(parents=True, exist_ok=True)
        self.revision("aa11", None)
        self.env.write_text(template(form, "env.py"))
        self.ini.write_text(template(form, "alembic.ini.mako"))
        self.app()
        self.stamp("aa11")

    def revision(self, revision: str, down_revision: str | None) -> None:
        """Write a revision file that does nothing."""
        text = REVISION.format(
            revision=revision,
            down_revision=down_revision,
            parameter="engine_name" if self.form == "flask-multidb" else "",
        )
        (self.folder / "versions" / f"{revision}_.py").write_text(text)

    def app(self, **changes: t.Any) -> None:
        """Write the application, with these changes to it."""
        values = {
            "before": "",
            "instance": str(self.path),
            "uri": "sqlite:///app.db",
            "binds": {key: f"sqlite:///{key}.db" for key in self.binds},
            "db": "SQLAlchemy",
            "arguments": "",
        }
        (self.path / "app.py").write_text(APP.format(**{**values, **changes}))

    def stamp(self, revision: str, *names: str, table: str = "alembic_version") -> None:
        """Store a revision in the databases."""
        for name in names or ("app", *self.binds):
            with sqlite3.connect(self.path / f"{name}.db") as connection:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"CREATE TABLE {table} (version_num VARCHAR(32))")
                connection.execute(f"INSERT INTO {table} VALUES (?)", (revision,))
            connection.close()

    def look(self, *commands: str) -> list[str]:
        """Run commands, and return what they print and how they knew it."""
        text = python(self.path, RUN.format(commands=commands))
        return [line for line in text.splitlines() if not line.startswith("INFO")]


@pytest.fixture(params=["flask", "flask-multidb"])
def project(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Stock:
    """A project of one database, and one of three."""
    binds = ("one", "two") if request.param == "flask-multidb" else ()
    return Stock(tmp_path, request.param, binds)


@pytest.fixture
def single(tmp_path: pathlib.Path) -> Stock:
    """A project of one database."""
    return Stock(tmp_path, "flask", ())


def test_it_is_known_without_alembic(project: Stock) -> None:
    """What the commands say is what Alembic would have them say."""
    told = project.look("heads", "upgrade")
    assert told == ["aa11 (head)", "heads quick", "upgrade quick"]
    if project.form == "flask":
        assert project.look("current") == ["aa11 (head)", "current quick"]
    project.env.write_text(project.env.read_text() + "logger.info('mine')\n")
    assert project.look("upgrade") == ["upgrade long"]


def test_a_pending_revision(project: Stock) -> None:
    """A database that is behind is upgraded, whichever of them it is."""
    project.revision("bb22", "aa11")
    for name in ("app", *project.binds)[:-1]:
        project.stamp("bb22", name)
    assert project.look("upgrade") == ["upgrade long"]
    assert project.look("upgrade") == ["upgrade quick"]


def reformatted(text: str) -> str:
    """The same module in another layout and without its comments."""
    return ast.unparse(ast.parse(text)).replace("'", '"')


def reordered(text: str) -> str:
    """The same module with its imports in another order."""
    tree = ast.parse(text)
    is_import = [isinstance(node, ast.ImportFrom | ast.Import) for node in tree.body]
    imports = [node for node, yes in zip(tree.body, is_import, strict=True) if yes]
    others = [node for node, yes in zip(tree.body, is_import, strict=True) if not yes]
    tree.body = [*reversed(imports), *others]
    return ast.unparse(tree)


def undocumented(text: str) -> str:
    """The same module without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return ast.unparse(tree)


@pytest.mark.parametrize("form", ["flask", "flask-multidb"])
@pytest.mark.parametrize("change", [reformatted, reordered, undocumented])
def test_a_file_in_another_layout(
    tmp_path: pathlib.Path, form: str, change: cabc.Callable[[str], str]
) -> None:
    """A formatter that went over a file has not changed what it means."""
    path = tmp_path / "env.py"
    path.write_text(template(form, "env.py"))
    connects = stock.recognise(path)
    assert connects is not None
    path.write_text(change(template(form, "env.py")))
    assert stock.recognise(path) is connects


def statements(text: str) -> cabc.Iterator[str]:
    """The module without each of its statements and clauses in turn."""
    count = sum(1 for _ in ast.walk(ast.parse(text)))
    for number in range(count):
        tree = ast.parse(text)
        node = list(ast.walk(tree))[number]
        for _, value in ast.iter_fields(node):
            if not isinstance(value, list) or not value:
                continue
            if isinstance(value[-1], ast.Expr) and len(value) == 1:
                continue
            value.pop()
            try:
                changed = ast.unparse(tree)
                ast.parse(changed)
            except (SyntaxError, ValueError, IndexError):
                continue
            yield changed


@pytest.mark.parametrize("form", ["flask", "flask-multidb"])
def test_a_file_of_ones_own(tmp_path: pathlib.Path, form: str) -> None:
    """A file that lacks anything, or has anything more, is not recognised."""
    path, text = tmp_path / "env.py", template(form, "env.py")
    for changed in statements(text):
        path.write_text(changed)
        assert stock.recognise(path) is None, changed
    for more in ("import os", "x = 1", "context.configure(version_table='v')"):
        path.write_text(f"{text}\n{more}\n")
        assert stock.recognise(path) is None
    for broken in ("(", "\0", ""):
        path.write_text(broken)
        assert stock.recognise(path) is None
    path.unlink()
    assert stock.recognise(path) is None


INI = {
    "version_locations = elsewhere": False,
    "sourceless = true": False,
    "recursive_version_locations = true": False,
    "sqlalchemy.url = sqlite://": False,
    "prepend_sys_path = .": False,
    "script_location = elsewhere": False,
    "unknown = 1": False,
    "file_template = %%(rev)s": True,
    "timezone = UTC": True,
    "file_template = %(rev)s": False,
    "# voil\N{LATIN SMALL LETTER A WITH GRAVE}": False,
    "[DEFAULT]\nversion_locations = elsewhere": False,
    "[alembic]": False,
    "no option": False,
}


@pytest.mark.parametrize("line", INI)
def test_options(tmp_path: pathlib.Path, line: str) -> None:
    """An option that may concern what there is to do takes the closer look."""
    path = tmp_path / "alembic.ini"
    text = template("flask", "alembic.ini.mako")
    assert stock.is_plain(path)
    path.write_text(text.replace("[alembic]\n", f"[alembic]\n{line}\n"), "utf-8")
    assert stock.is_plain(path) is INI[line]


def test_an_option_counts(single: Stock) -> None:
    """Revisions in another folder are found, with the rest of the files as it was."""
    elsewhere = single.path / "elsewhere"
    (single.folder / "versions").rename(elsewhere)
    (single.folder / "versions").mkdir()
    text = single.ini.read_text()
    option = f"[alembic]\nversion_locations = {elsewhere}\n"
    single.ini.write_text(text.replace("[alembic]\n", option))
    assert single.look("heads") == ["aa11 (head)", "heads long"]
    assert single.look("upgrade") == ["upgrade long"]


def test_another_version_table(single: Stock) -> None:
    """The table that the application names is the one that is looked at."""
    single.app(arguments=", version_table='versions'")
    single.stamp("aa11", table="versions")
    single.stamp("gone")
    assert single.look("upgrade") == ["upgrade quick"]


CUSTOM_DB = """
class Routing(SQLAlchemy):
    def get_engine(self, *args, **kwargs):
        return self.engines[None]
"""


def test_an_engine_of_ones_own(single: Stock) -> None:
    """An ``env.py`` may get another engine from an extension that was changed."""
    single.app(before=CUSTOM_DB, db="Routing")
    assert single.look("upgrade") == ["upgrade long"]


def test_a_bind_that_is_not_migrated(tmp_path: pathlib.Path) -> None:
    """One database is behind the others, or one is there that the file leaves out."""
    project = Stock(tmp_path, "flask-multidb", ("one",))
    project.app(binds={"one": "sqlite:///one.db", "two": "sqlite:///two.db"})
    assert project.look("upgrade") == ["upgrade long"]
    single = Stock(tmp_path, "flask", ("one",))
    assert single.look("upgrade") == ["upgrade long"]

"""Scripts with types that are not SQLAlchemy's own can be run."""

from __future__ import annotations

import pathlib

import pytest

from tests.cli_project import flask
from tests.cli_project import write_app

TYPES = '''
import sqlalchemy as sa

class Money(sa.TypeDecorator):
    """Rebuilt from its repr."""
    impl = sa.Numeric
    cache_ok = True

class Choice(sa.TypeDecorator):
    """Its repr names what its impl was given, which it does not take."""
    impl = sa.String
    cache_ok = True
    def __init__(self, choices):
        super().__init__(20)
        self.choices = choices

class Point(sa.types.UserDefinedType):
    cache_ok = True
    def __init__(self, srid=4326):
        self.srid = srid
    def get_col_spec(self, **kw):
        return f"POINT{self.srid}"
'''
MODELS = """
from kinds.of import Choice, Money, Point

class Thing(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50))
    {columns}
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    package = tmp_path / "kinds"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "of.py").write_text(TYPES)
    return tmp_path


def run(path: pathlib.Path, *columns: str, more: str = "") -> str:
    """Write and run a revision for these columns; return the script."""
    before = set(path.glob("migrations/versions/*.py"))
    write_app(path, more + MODELS.format(columns="\n    ".join(columns)))
    for command in (["migrate"], ["upgrade"], ["check"]):
        outcome = flask(path, "db", *command)
        assert outcome.exit_code == 0, outcome.output
    (new,) = set(path.glob("migrations/versions/*.py")) - before
    return new.read_text()


def test_types_of_a_package(project: pathlib.Path) -> None:
    """Types in a package come with their import, or as the type they are stored as."""
    run(project)
    text = run(
        project,
        "a = db.Column(Money(10, 2))",
        "b = db.Column(Choice(['x']))",
        "c = db.Column(Point(3857))",
    )
    assert "import kinds.of\n" in text
    assert "kinds.of.Point(srid=3857)" in text
    assert "kinds.of.Money(precision=10, scale=2)" in text
    assert "sa.Column('b', sa.String(length=20)" in text
    for command in ("downgrade", "upgrade"):
        assert flask(project, "db", command).exit_code == 0


def test_types_in_a_new_table(project: pathlib.Path) -> None:
    """The same in the script that makes the table."""
    text = run(project, "b = db.Column(Choice(['x']))")
    assert "sa.Column('b', sa.String(length=20), nullable=True)" in text


def test_types_of_the_application(project: pathlib.Path) -> None:
    """Types in ``app.py`` itself come with its import."""
    run(project)
    own = "import sqlalchemy as sa\nclass Lower(sa.TypeDecorator):\n"
    own += "    impl = sa.String\n    cache_ok = True\n"
    text = run(project, "a = db.Column(Lower(9))", more=own)
    assert "import app\n" in text
    assert "app.Lower(length=9)" in text


def test_prefix_of_ones_own(project: pathlib.Path) -> None:
    """With ``user_module_prefix``, types are written as Alembic writes them."""
    write_app(project, MODELS.format(columns="c = db.Column(Point())"))
    app = project / "app.py"
    app.write_text(
        app.read_text().replace("(app, db)", "(app, db, user_module_prefix='of.')")
    )
    assert flask(project, "db", "migrate", "--no-verify").exit_code == 0
    (script,) = project.glob("migrations/versions/*.py")
    assert "sa.Column('c', of.Point()" in script.read_text()
    assert "import kinds" not in script.read_text()

"""A migrations folder without sources, as Alembic's ``sourceless`` allows it."""

from __future__ import annotations

import collections.abc as cabc
import compileall
import pathlib
import re
from importlib.util import MAGIC_NUMBER

import pytest

import flask_batchmigrate as fb
from flask_batchmigrate.project.fast_path import nothing_to_upgrade
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import write_revision

ENV = (
    "from flask_batchmigrate.environment import run\n"
    "run(version_table='mine', include_object=lambda o, n, *_: n != 'other')\n"
)
PLACES = {"beside": True, "__pycache__": False}


def compiled(folder: pathlib.Path, place: str) -> None:
    """Compile a folder, and delete the sources."""
    legacy = PLACES[place]
    assert compileall.compile_dir(folder, legacy=legacy, quiet=1, force=True)
    for path in folder.rglob("*.py"):
        path.unlink()


@pytest.fixture
def folder(apps: Apps) -> cabc.Iterator[pathlib.Path]:
    """Two revisions, with an ``env.py`` that says something."""
    made = apps.path / "migrations"
    write_revision(made, "aa11", None, create("first"), "op.drop_table('first')")
    write_revision(made, "bb22", "aa11", create("second"), "op.drop_table('second')")
    (made / "env.py").write_text(ENV)
    (made / "alembic.ini").write_text("[alembic]\nsourceless = true\n")
    yield made


@pytest.mark.parametrize("place", PLACES)
def test_everything_works(apps: Apps, folder: pathlib.Path, place: str) -> None:
    """The compiled environment runs, and what is written follows what is compiled."""
    compiled(folder, place)
    with apps.make({None: ["first", "second", "third", "other"]}).app_context():
        assert [info.revision for info in fb.heads()] == ["bb22"]
        assert len(fb.upgrade()) == 2
        assert tables_of(apps.path / "app.db") == {"first", "second", "mine"}
        assert nothing_to_upgrade() is False
        assert [each.heads for each in fb.current()] == [("bb22",)]
        (script,) = fb.migrate(rev_id="cc33")
        text = pathlib.Path(script.path).read_text()
        assert re.findall("create_table\\('(.*)'", text) == ["third"]
        assert [each.revision for each in fb.upgrade()] == ["cc33"]
        assert tables_of(apps.path / "app.db") == {"first", "second", "third", "mine"}
        fb.downgrade(revision="aa11")
    assert tables_of(apps.path / "app.db") == {"first", "mine"}


@pytest.mark.parametrize("place", PLACES)
def test_several_heads(apps: Apps, folder: pathlib.Path, place: str) -> None:
    """Heads are counted among the compiled and the other files."""
    compiled(folder, place)
    write_revision(folder, "cc33", "aa11")
    with apps.make().app_context(), pytest.raises(fb.MultipleHeads):
        fb.upgrade()


def test_without_an_ini_file(apps: Apps) -> None:
    """An ``env.pyc`` in the place of ``env.py`` is that, as in Alembic."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "env.py").write_text(ENV)
    compiled(folder, "beside")
    write_revision(folder, "aa11", None, create("first"))
    with apps.make({None: ["first"]}).app_context():
        fb.upgrade()
        assert fb.upgrade() == []
    assert tables_of(apps.path / "app.db") == {"first", "mine"}


def test_what_was_deleted(apps: Apps) -> None:
    """What Python keeps of a deleted ``env.py`` is not run."""
    folder = apps.path / "migrations"
    folder.mkdir()
    (folder / "env.py").write_text(ENV)
    compiled(folder, "__pycache__")
    write_revision(folder, "aa11", None, create("first"))
    with apps.make({None: ["first"]}).app_context():
        fb.upgrade()
    assert tables_of(apps.path / "app.db") == {"first", "alembic_version"}


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 20, MAGIC_NUMBER, MAGIC_NUMBER + b"\x00" * 40]
)
def test_damaged(apps: Apps, folder: pathlib.Path, content: bytes) -> None:
    """A file that this Python cannot load is named."""
    compiled(folder, "beside")
    (folder / "env.pyc").write_bytes(content)
    with (
        apps.make().app_context(),
        pytest.raises(fb.BrokenScript, match=r"env\.pyc' cannot be loaded"),
    ):
        fb.upgrade()
    assert not (apps.path / "app.db").exists()

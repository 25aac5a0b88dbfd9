"""What an ``env.py`` of the user's may do, and what is the application's own."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from flask import current_app
from flask import g

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision

ONLINE = """
from alembic import context
from flask import current_app

def online(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

engine = current_app.extensions["migrate"].db.engine
"""

ASYNC = {
    "unused": ONLINE
    + "async def unused():\n    pass\nwith engine.connect() as c:\n    online(c)\n",
    "a branch": ONLINE + "import asyncio\n"
    "async def later():\n    async with engine.connect() as c:\n"
    "        await c.run_sync(online)\n"
    "if engine.dialect.is_async:\n    asyncio.run(later())\n"
    "else:\n    with engine.connect() as c:\n        online(c)\n",
    "around it": ONLINE + "import asyncio\n"
    "async def main():\n    with engine.connect() as c:\n        online(c)\n"
    "asyncio.run(main())\n",
    "lambda": ONLINE
    + "async def rows(items):\n    return [each async for each in items]\n"
    "with engine.connect() as c:\n    online(c)\n",
}


@pytest.mark.parametrize("env", ASYNC)
def test_async_functions(apps: Apps, env: str) -> None:
    """An ``env.py`` may have them, so long as the engine is synchronous."""
    path = write_revision(apps.path / "migrations", "aa11", None, create("x"))
    (path.parents[1] / "env.py").write_text(ASYNC[env])
    with apps.make().app_context():
        fb.upgrade()
        assert [each.is_head for each in fb.current()] == [True]
    assert version_of(apps.path / "app.db") == {"aa11"}


def test_an_asynchronous_engine(apps: Apps) -> None:
    """One that an ``env.py`` makes by itself is refused before anything is done."""
    pytest.importorskip("aiosqlite")
    path = write_revision(apps.path / "migrations", "aa11", None, create("x"))
    (path.parents[1] / "env.py").write_text(
        ONLINE + "import asyncio\n"
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        "async def main():\n"
        f"    engine = create_async_engine('sqlite+aiosqlite:///{apps.path}/app.db')\n"
        "    async with engine.connect() as connection:\n"
        "        await connection.run_sync(online)\n"
        "    await engine.dispose()\n"
        "asyncio.run(main())\n"
    )
    with apps.make().app_context(), pytest.raises(fb.NotSupported, match="aiosqlite"):
        fb.upgrade()
    assert "x" not in tables_of(apps.path / "app.db")


def test_a_mistake_is_no_sign_of_async(apps: Apps) -> None:
    """Beside an unused ``async`` function an error is what it is."""
    path = write_revision(apps.path / "migrations", "aa11", None, create("x"))
    (path.parents[1] / "env.py").write_text(
        ONLINE + "async def unused():\n    pass\nonline.connection\n"
    )
    with (
        apps.make().app_context(),
        pytest.raises(fb.BrokenScript, match=r"env\.py', line 13: AttributeError"),
    ):
        fb.upgrade()


@pytest.mark.parametrize("value", [{"a": 1}, "text", 7, ["x=1"]])
def test_names_of_the_application(apps: Apps, value: t.Any) -> None:
    """``g.directory`` and ``g.x_arg`` of the application say nothing to functions."""
    folder = apps.path / "migrations"
    write_revision(folder, "aa11", None, create("x"))
    (folder / "env.py").write_text(
        f"from alembic import context\n{ONLINE}\n"
        "assert context.get_x_argument() == []\n"
        "with engine.connect() as c:\n    online(c)\n"
    )
    with apps.make().app_context():
        g.directory = g.x_arg = value
        fb.upgrade()
        (folder / "env.py").unlink()
        assert fb.upgrade() == []
        assert [each.is_head for each in fb.current()] == [True]
        (status,) = current_app.extensions["migrate"].migrate.status()
        assert status.state == "current"
        assert (g.directory, g.x_arg) == (value, value)
    assert version_of(apps.path / "app.db") == {"aa11"}


@pytest.mark.parametrize("configured", ["%(here)s/../revs", "%(here)s/x/../../revs"])
@pytest.mark.parametrize("given", ["revs", "./revs", "migrations/../revs", "absolute"])
def test_version_path(apps: Apps, configured: str, given: str) -> None:
    """A version folder is found whatever way its path is written."""
    folder = apps.path / "migrations"
    (folder / "x").mkdir(parents=True)
    (folder / "alembic.ini").write_text(
        "[alembic]\npath_separator = os\n"
        f"version_locations = %(here)s/versions:{configured}\n"
    )
    path = str(apps.path / "revs") if given == "absolute" else given
    with apps.make().app_context():
        (script,) = fb.migrate(version_path=path, rev_id="aa11")
        fb.upgrade()
        (other,) = fb.revision(version_path=pathlib.Path(path), rev_id="bb22")
        (third,) = fb.revision(rev_id="cc33")
    found = [
        pathlib.Path(each.path).resolve().parent for each in (script, other, third)
    ]
    assert found == [apps.path / "revs"] * 3
    with apps.make().app_context():
        fb.revision(head="aa11", splice=True, rev_id="dd44")
        merged = fb.merge(revisions=["cc33", "dd44"])
    assert pathlib.Path(merged.path).resolve().parent == apps.path / "revs"
    with apps.make().app_context(), pytest.raises(fb.BatchMigrateError, match="nowher"):
        fb.revision(version_path="nowhere")

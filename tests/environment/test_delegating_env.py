"""An ``env.py`` that leaves its work to other modules is followed there."""

from __future__ import annotations

import collections.abc as cabc
import logging
import pathlib
import sys

import pytest

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import create
from tests.apps import tables_of
from tests.apps import version_of
from tests.apps import write_revision

_ONLINE = """
def online(context, connection=None):
    from flask import current_app
    migrate = current_app.extensions["migrate"]
    if context.is_offline_mode():
        context.configure(url=migrate.db.engine.url, target_metadata=migrate.metadata)
        with context.begin_transaction():
            context.run_migrations()
        return
    with migrate.db.engine.connect() as connection:
        context.configure(
            connection, target_metadata=migrate.metadata, **migrate.configure_args
        )
        with context.begin_transaction():
            context.run_migrations()
"""

HELPERS = {
    "import": ("from alembic import context", "online(context)"),
    "module": ("import alembic.context", "online(alembic.context)"),
    "inside a function": ("", "from alembic import context as c\n    online(c)"),
    "importlib": (
        "import importlib",
        "online(importlib.import_module('alembic.context'))",
    ),
    "functions": (
        "import types\n"
        "from alembic.context import begin_transaction, configure\n"
        "from alembic.context import is_offline_mode, run_migrations",
        "online(types.SimpleNamespace(configure=configure, begin_transaction="
        "begin_transaction, is_offline_mode=is_offline_mode, "
        "run_migrations=run_migrations))",
    ),
    "star import": (
        "from alembic import *\nfrom alembic import context",
        "online(context)",
    ),
    "re-export": ("from env_exports import context", "online(context)"),
}

ENVS = {
    "function": "from env_helper import run\nrun()\n",
    "base class": "from env_helper import Base\n"
    "class Mine(Base):\n    pass\nMine().run()\n",
    "star import": "from env_helper import *\nrun()\n",
    "importlib": "import importlib\nimportlib.import_module('env_helper').run()\n",
    "runpy": "import env_helper, runpy\n"
    "runpy.run_path(env_helper.__file__, run_name='now')\n",
    "own context": "from env_helper import online\nfrom sys import modules\n"
    "online(modules['alembic.context'])\n",
}


@pytest.fixture
def helper(
    apps: Apps, monkeypatch: pytest.MonkeyPatch
) -> cabc.Iterator[cabc.Callable[[str, str], None]]:
    """Writes ``env.py`` and the module that it calls."""
    monkeypatch.syspath_prepend(str(apps.path))

    def write(head: str, body: str, env: str) -> None:
        (apps.path / "env_exports.py").write_text("from alembic import context\n")
        (apps.path / "env_helper.py").write_text(
            f"{head}\n{_ONLINE}\ndef run():\n    {body}\n\n"
            "class Base:\n    def run(self):\n        run()\n\n"
            "if __name__ == 'now':\n    run()\n"
        )
        (apps.path / "migrations" / "env.py").write_text(env)

    (apps.path / "migrations").mkdir()
    yield write
    for name in ("env_helper", "env_exports"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("imported", ["before", "by env.py"])
@pytest.mark.parametrize(
    ("head", "env"),
    [*((head, "function") for head in HELPERS), *(("import", env) for env in ENVS)],
)
def test_whoever_calls_the_context(
    apps: Apps, helper: cabc.Callable[..., None], head: str, env: str, imported: str
) -> None:
    """Every command sees the database that a helper configures."""
    helper(*HELPERS[head], ENVS[env])
    if imported == "before":
        __import__("env_helper")
    database = apps.path / "app.db"
    app = apps.make({None: ["first", "second"]}, auto_upgrade=True)
    with app.app_context():
        (script,) = fb.migrate(rev_id="aa11")
        assert "'second'" in pathlib.Path(script.path).read_text()
        assert [each.is_head for each in fb.current()] == [False]
        (status,) = app.extensions["migrate"].migrate.status()
        assert (status.state, status.pending_count) == ("pending", 1)
        assert "CREATE TABLE first" in fb.upgrade(sql=True)
        assert tables_of(database) <= {"alembic_version"}
        (applied,) = fb.upgrade()
        assert (applied.bind, applied.database) == ("", str(database))
        assert [each.is_head for each in fb.current()] == [True]
        assert fb.check() is True
        fb.downgrade()
        assert tables_of(database) == {"alembic_version"}
    app.test_client().get("/")
    assert version_of(database) == {"aa11"}


def test_auto_upgrade(apps: Apps, helper: cabc.Callable[..., None]) -> None:
    """The first request finds the database upgraded."""
    helper(*HELPERS["import"], ENVS["function"])
    write_revision(apps.path / "migrations", "aa11", None, create("first"))
    app = apps.make({None: ["first"]}, auto_upgrade="always")
    app.test_client().get("/")
    assert version_of(apps.path / "app.db") == {"aa11"}


def test_the_engine_is_at_work(apps: Apps, helper: cabc.Callable[..., None]) -> None:
    """What a helper starts is all or nothing on SQLite, and says which file failed."""
    helper(*HELPERS["import"], ENVS["function"])
    write_revision(apps.path / "migrations", "aa11", None, f"{create('x')}\n    1 / 0")
    with apps.make().app_context(), pytest.raises(fb.RevisionFailed, match="'aa11' on"):
        fb.upgrade()
    assert tables_of(apps.path / "app.db") <= {"alembic_version"}


def test_alembic_is_as_before(apps: Apps, helper: cabc.Callable[..., None]) -> None:
    """Nothing stays in ``alembic.context`` after a run, not even a failed one."""
    from alembic import context

    before = dict(vars(context))
    helper(*HELPERS["import"], ENVS["function"])
    write_revision(apps.path / "migrations", "aa11", None, create("x"))
    write_revision(apps.path / "migrations", "bb22", "aa11", "1 / 0")
    with apps.make().app_context():
        fb.upgrade(revision="aa11")
        with pytest.raises(fb.RevisionFailed):
            fb.upgrade()
    for name in ("configure", "run_migrations", "begin_transaction", "get_bind"):
        assert vars(context)[name] is before[name]


def test_an_env_that_does_nothing(apps: Apps, caplog: pytest.LogCaptureFixture) -> None:
    """It is allowed to, as for no tenants, and it is said."""
    path = write_revision(apps.path / "migrations", "aa11", None, create("x"))
    (path.parents[1] / "env.py").write_text("tenants = []\n")
    with apps.make().app_context(), caplog.at_level(logging.WARNING):
        assert fb.upgrade() == []
    assert "configured no database" in caplog.text
    assert not (apps.path / "app.db").exists()

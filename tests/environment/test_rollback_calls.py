"""A script may take what it rolls back with from any kind of module."""

from __future__ import annotations

import sys
import zipfile

import pytest

import flask_batchmigrate as fb
from tests.apps import Apps
from tests.apps import query
from tests.apps import write_revision

UNDO = "def undo(connection):\n    connection.rollback()\n"
MADE = f"exec({UNDO!r}, made)\n"
MODULE = "made_by_hand"

#: The lines before a script's functions, and what of it rolls back.
SCRIPTS = {
    "package without __init__": ("import without_init", ""),
    "module of one": ("from without_init import undoing", "undoing.undo"),
    "module in an archive": ("import in_archive", "in_archive.undo"),
    "function in an archive": ("from in_archive import undo", "undo"),
    "function without a module": (f"made = {{}}\n{MADE}undo = made['undo']", "undo"),
    "module without a file": (
        f"import sys, types\nundoing = types.ModuleType({MODULE!r})\n"
        f"sys.modules[{MODULE!r}] = undoing\nmade = vars(undoing)\n{MADE}",
        "undoing.undo",
    ),
    "class without a module": ("made = type('Made', (), {'__module__': None})()", ""),
}


@pytest.mark.parametrize(("head", "undo"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_module_of_any_kind(
    apps: Apps, monkeypatch: pytest.MonkeyPatch, head: str, undo: str
) -> None:
    """What a script undoes by it is undone, and nothing else."""
    package = apps.path / "lib" / "without_init"
    package.mkdir(parents=True)
    (package / "undoing.py").write_text(UNDO)
    archive = apps.path / "lib.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("in_archive.py", UNDO)
    for name in ("without_init", "without_init.undoing", "in_archive", MODULE):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.syspath_prepend(str(archive))
    folder = apps.path / "migrations"
    table = "op.create_table('numbers', sa.Column('id', sa.Integer))"
    write_revision(folder, "aaaa", None, table)
    add = "op.execute('INSERT INTO numbers VALUES ({})')"
    middle = f"{undo}(op.get_bind())" if undo else "pass"
    body = "\n    ".join([add.format(1), middle, add.format(2)])
    write_revision(folder, "bbbb", "aaaa", body, head=head)
    with apps.make().app_context():
        fb.upgrade()
    numbers = [n for (n,) in query(apps.path / "app.db", "SELECT id FROM numbers")]
    assert numbers == ([2] if undo else [1, 2])

"""Compares the SQL of real migrations, run by a shell, with the migrations themselves.

Run by hand; nothing of the projects is kept here::

    python benchmarks/offline_histories.py path/to/migrations

The scripts run in the packaged environment, whichever ``env.py`` the folder has. From
nothing, and from three revisions on the way whose tables were filled with rows, the SQL
is run by the ``sqlite3`` shell on a copy, and ``upgrade`` on the database itself. Then
everything in the two files is compared, and every difference is printed.

``--stubs`` names folders for the import path; a module that is in none of them becomes
one whose names are types of texts. A module ``history_setup`` in one of them may have
the convention of names, ``NAMING``. ``--shell`` is another ``sqlite3``.
"""

from __future__ import annotations

import argparse
import collections.abc as cabc
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback
import types
import typing as t

from real_histories import fill
from real_histories import NOW
from real_histories import without_environment

PRAGMAS: t.Final = (
    "user_version",
    "application_id",
    "encoding",
    "auto_vacuum",
    "journal_mode",
    "integrity_check",
)


class Invented(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes modules that cannot be found, whose names are types of texts."""

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find whatever no finder before this one has found, if a script asks."""
        frame = sys._getframe(1)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back  # type: ignore[assignment]
        asking = frame.f_code.co_filename if frame is not None else ""
        if "/packaged/versions/" not in asking and name.split(".")[0] not in self.known:
            return None
        self.known.add(name.split(".")[0])
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    known: t.ClassVar[set[str]] = set()

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Make a module that has every name."""
        import sqlalchemy as sa

        def attribute(name: str) -> t.Any:
            if name.startswith("_"):
                raise AttributeError(name)

            def accept(self: t.Any, *args: object, **options: object) -> None:
                sa.types.TypeDecorator.__init__(self)

            body = {"impl": sa.Text, "cache_ok": True, "__init__": accept}
            return Kind(name, (sa.types.TypeDecorator,), body)

        class Kind(type(sa.types.TypeDecorator)):  # type: ignore[misc]
            def __getattr__(cls, name: str) -> t.Any:
                return attribute(name)

        module = types.ModuleType(spec.name)
        module.__getattr__ = attribute  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: there is no code."""


def everything(path: pathlib.Path) -> dict[str, list[str]]:
    """Everything in a database, as lines; an index may be listed in another place."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        master = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        objects = [repr(row) for row in master]
        found = {
            "objects": [
                *[x for x in objects if not x.startswith("('index'")],
                *sorted(x for x in objects if x.startswith("('index'")),
            ],
            "pragmas": [
                f"{x}: {db.execute(f'PRAGMA {x}').fetchall()}" for x in PRAGMAS
            ],
        }
        tables = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        for (table,) in tables.fetchall():
            columns = [x[1] for x in db.execute(f'PRAGMA table_xinfo("{table}")')]
            shown = ", ".join(f'typeof("{x}"), quote("{x}")' for x in columns)
            try:
                rows = db.execute(f'SELECT rowid, {shown} FROM "{table}"').fetchall()
            except sqlite3.OperationalError:
                rows = db.execute(f'SELECT NULL, {shown} FROM "{table}"').fetchall()
            found[f"rows of {table}"] = [NOW.sub("now", repr(row)) for row in rows]
        return found


def differences(script: pathlib.Path, command: pathlib.Path) -> cabc.Iterator[str]:
    """Tell how the database that a script made differs from that of the command."""
    first, second = everything(script), everything(command)
    for what in dict.fromkeys([*first, *second]):
        one, two = first.get(what, []), second.get(what, [])
        if one == two:
            continue
        yield from (f"{what}: only by the script: {x}" for x in one if x not in two)
        yield from (f"{what}: only by the command: {x}" for x in two if x not in one)
        if sorted(one) == sorted(two):
            yield f"{what}: in another order"


class Histories:
    """One folder of migrations, run up in parts by script and by command."""

    def __init__(self, folder: str, work: pathlib.Path, shell: str) -> None:
        from alembic.script import ScriptDirectory

        self.folder, self.work, self.shell = folder, work, shell
        self.history = [*ScriptDirectory(folder).walk_revisions()][::-1]
        self.filled: dict[str, str] = {}
        self.naming = None
        with contextlib.suppress(ImportError):
            self.naming = importlib.import_module("history_setup").NAMING

    @contextlib.contextmanager
    def application(self, path: pathlib.Path) -> cabc.Iterator[None]:
        """Have an application with a database, inside the block."""
        import sqlalchemy as sa
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy

        from flask_batchmigrate import Migrate

        app = Flask("history")
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
        database = SQLAlchemy(app, metadata=sa.MetaData(naming_convention=self.naming))
        Migrate(app, database, directory=self.folder)
        with app.app_context():
            yield
            database.engine.dispose()

    def run(self) -> None:
        """Compare from nothing, and from three revisions on the way."""
        from flask_batchmigrate import upgrade

        self.compare("base", self.work / "nothing.db")
        path = self.work / "filled.db"
        stops = {len(self.history) * part // 4 for part in (1, 2, 3)} - {0}
        for number, script in enumerate(self.history[: max(stops, default=0)], 1):
            try:
                with self.application(path):
                    upgrade(revision=script.revision)
            except Exception as error:
                print(f"   {script.revision}: starts without rows: {str(error)[:200]}")
                path.unlink()
                self.filled.clear()
                with self.application(path):
                    upgrade(revision=script.revision)
            fill(path, self.filled, {})
            if number in stops:
                copy = self.work / f"{number}.db"
                shutil.copy(path, copy)
                self.compare(script.revision, copy)

    def compare(self, start: str, path: pathlib.Path) -> None:
        """Run a script and the command on the same database, and compare."""
        from flask_batchmigrate import downgrade
        from flask_batchmigrate import upgrade

        sides = [("up", f"{start}:heads", lambda: upgrade(revision="heads"))]
        if start != "base":
            last = self.history[-1].revision
            sides.append(("down", f"{last}:{start}", lambda: downgrade(revision=start)))
        for side, part, command in sides:
            write = upgrade if side == "up" else downgrade
            by_script = path.with_suffix(f".{side}-script.db")
            if path.exists():
                shutil.copy(path, by_script)
            failed, reads = "", 0
            with self.application(path):
                try:
                    text = write(revision=part, sql=True)
                    reads = text.count("-- A script reads rows here.")
                    path.with_suffix(f".{side}.sql").write_text(text)
                except Exception as error:
                    traceback.print_exc()
                    print(f"   {side} {part}: no script: {str(error)[:300]}")
                    return
                try:
                    command()
                except Exception as error:
                    failed = str(error)
            with path.with_suffix(f".{side}.sql").open() as script:
                done = subprocess.run(
                    [self.shell, by_script],
                    stdin=script,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            wrong = done.stderr.strip()
            told = f"{reads} queries of rows" if reads else "reads no rows"
            if failed or wrong:
                print(f"   {side} {part}: {told}; command: {failed[:300] or 'done'}")
                print(f"      script: {wrong[:300] or 'done'}")
            stops = "a script reads rows here" in wrong
            found = [] if stops else [*differences(by_script, path)]
            verdict = f"{len(found)} differences" if found else "the same"
            verdict = "stops at rows that a script reads" if stops else verdict
            print(f"   {side} {part}: {told}; {verdict}", flush=True)
            for line in found[:12]:
                print(f"      {re.sub(chr(10), ' ', line)[:300]}")
            if failed:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--stubs", nargs="*", default=[])
    parser.add_argument("--shell", default="sqlite3")
    parser.add_argument("--kept", help="where databases and scripts are to stay")
    args = parser.parse_args()
    sys.path[:0] = args.stubs
    sys.meta_path.append(Invented())
    with tempfile.TemporaryDirectory() as folder:
        for each in args.folders:
            kept = pathlib.Path(args.kept or folder).resolve() / pathlib.Path(each).name
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            print(f"== {each}", flush=True)
            copy = without_environment(pathlib.Path(each), kept)
            Histories(copy, kept, args.shell).run()


if __name__ == "__main__":
    main()

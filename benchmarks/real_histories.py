"""Compares what a folder of real migrations does with Flask-Migrate and with this.

Run by hand, with both packages installed; nothing of the projects is kept here::

    python benchmarks/real_histories.py path/to/migrations

The folder is one of Flask-Migrate's form, with its ``env.py``. Its scripts run three
times: to the head at once, without rows; one by one, with rows put into every table
between two revisions; the same with foreign keys enforced. Each time up, down and up
again. What is printed is where each package came to, and every difference between the
two databases at the revision where it appears first.

``--stubs`` names folders for the import path, for scripts that import their application
(a module ``history_setup`` in one of them may have a function ``set_up(app)``).
``--value table.column=text`` is for scripts that read what they find; the text may be
``NULL``. ``--value table=1`` limits the rows of a table. ``--full`` leaves no empty
values in columns that may be empty. With ``--packaged`` this package runs a copy of the
folder without its ``env.py`` and ``alembic.ini``, in the environment of its own.
"""

from __future__ import annotations

import argparse
import collections.abc as cabc
import contextlib
import datetime
import hashlib
import importlib
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback
import typing as t

PACKAGES: t.Final = ("flask_migrate", "flask_batchmigrate")
MODES: t.Final = ("empty", "rows", "enforced")
FIRST_KEY: t.Final = 5000
#: given as a column: leave nothing empty
FULL: t.Final = "*"
NOW: t.Final = re.compile(
    rf"{datetime.date.today().year}-\d\d-\d\d.\d\d:\d\d:\d\d[.\d]*"
)
State = dict[str, t.Any]


# -- rows ------------------------------------------------------------------------------


def text_value(column: str, declared: str, number: int) -> str:
    """A text that a column of this type could well hold."""
    if "json" in column.lower() or "JSON" in declared:
        return "{}"
    if "DATE" in declared or "TIMESTAMP" in declared:
        return f"2024-01-{number % 28 + 1:02} 10:00:00.000000"[
            : 10 if declared == "DATE" else 26
        ]
    if declared.startswith("TIME"):
        return f"10:{number % 60:02}:00.000000"
    if declared in ("CHAR(32)", "UUID"):
        return hashlib.md5(f"{column}{number}".encode()).hexdigest()
    length = re.search(r"\((\d+)\)", declared)
    text = f"{number}@{column}.org" if "mail" in column else f"{number}{column}"
    return text[: int(length[1]) if length else None]


def value(column: str, declared: str, number: int, sql: str) -> t.Any:
    """A value that a column could well hold; different for each number."""
    allowed = re.search(rf"\b{re.escape(column)}\W? IN \(([^()]*)\)", sql)
    if allowed:
        choices = [x.strip() for x in allowed[1].split(",")]
        choice = choices[number % len(choices)]
        return choice.strip("'") if choice.startswith("'") else int(choice)
    declared = declared.upper()
    if "BOOL" in declared:
        return number % 2
    if "INT" in declared:
        return number
    if "BLOB" in declared or "BINARY" in declared:
        return f"{number}{column}".encode()
    if re.search("REAL|FLOA|DOUB|NUMERIC|DECIMAL", declared):
        return number + 0.5
    return text_value(column, declared, number)


def parents(
    db: sqlite3.Connection, table: str, number: int, orphans: bool
) -> dict[str, t.Any] | None:
    """Values for the columns of a table's foreign keys; ``None`` if there is no parent.

    :param orphans: whether columns that may be empty are left so.
    """
    found: dict[str, t.Any] = {}
    keys: dict[int, list[t.Any]] = {}
    for key in db.execute(f'PRAGMA foreign_key_list("{table}")'):
        keys.setdefault(key[0], []).append(key)
    required = {x[1]: x[3] or x[5] for x in db.execute(f'PRAGMA table_info("{table}")')}
    for pairs in keys.values():
        parent, columns = pairs[0][2], [x[3] for x in pairs]
        primary = [
            x[1] for x in db.execute(f'PRAGMA table_info("{parent}")') if x[5]
        ] or ["rowid"]
        names = [x[4] or primary[0] for x in pairs]
        chosen = ", ".join(f'"{x}"' for x in names)
        try:
            rows = db.execute(f'SELECT {chosen} FROM "{parent}" ORDER BY 1').fetchall()
        except sqlite3.Error:
            rows = []
        if rows and parent.lower() != table.lower():
            found.update(zip(columns, rows[number % len(rows)], strict=True))
        elif any(required.get(x) for x in columns) or (
            not orphans and parent.lower() != table.lower()
        ):
            return None
        else:
            found.update(dict.fromkeys(columns))
    return found


def insert_row(
    db: sqlite3.Connection,
    table: str,
    sql: str,
    given: dict[str, str],
    orphans: bool,
) -> bool:
    """Insert one more row into a table, if that can be."""
    (number,) = db.execute(f'SELECT count(*) + 1 FROM "{table}"').fetchone()
    row = parents(db, table, number, orphans)
    if row is None or number > int(given.get(table, number)):
        return False
    columns = [x for x in db.execute(f'PRAGMA table_xinfo("{table}")') if not x[6]]
    keys = [x for x in columns if x[5]]
    for _, name, declared, not_null, default, key, _ in columns:
        if f"{table}.{name}" in given:
            text = given[f"{table}.{name}"]
            row[name] = None if text == "NULL" else text
        if name in row:
            continue
        if key and len(keys) == 1 and "INT" in declared.upper():
            row[name] = FIRST_KEY + number
            continue
        if default is not None and number % 2:
            continue
        text = re.search("CHAR|TEXT|CLOB", declared.upper())
        future_key = name.endswith("_id")
        emptied = future_key or (number % 3 == 0 and FULL not in given)
        if emptied and not (not_null or key or text):
            continue
        row[name] = value(name, declared, number, sql)
    names = ", ".join(f'"{x}"' for x in row)
    marks = ", ".join("?" * len(row))
    try:
        db.execute(
            f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
            if row
            else f'INSERT INTO "{table}" DEFAULT VALUES',
            tuple(row.values()),
        )
    except sqlite3.Error:
        return False
    return True


def fill(path: pathlib.Path, done: dict[str, str], given: dict[str, str]) -> None:
    """Insert rows into tables that are new, and one into those whose columns changed.

    :param done: the columns of each table when it was filled last.
    :param given: values by "table.column", for scripts that read what they find.
    """
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        tables = dict(tables_of(db))
        wanted: list[str] = []
        for table in sorted(tables):
            columns = repr(db.execute(f'PRAGMA table_xinfo("{table}")').fetchall())
            if done.get(table) != columns:
                wanted += [table] if table in done else [table] * 3
                done[table] = columns
        for orphans in (False, True):
            progress = True
            while progress:
                left = [
                    x
                    for x in wanted
                    if not insert_row(db, x, tables[x], given, orphans)
                ]
                progress, wanted = len(left) < len(wanted), left
        db.commit()


# -- the state of a database -----------------------------------------------------------


def tables_of(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name <> 'alembic_version'"
    ).fetchall()


def index_lines(db: sqlite3.Connection, table: str) -> cabc.Iterator[str]:
    for _, name, unique, origin, partial in db.execute(f'PRAGMA index_list("{table}")'):
        terms = [x[1:] for x in db.execute(f'PRAGMA index_xinfo("{name}")') if x[5]]
        shown = name if origin == "c" else ""
        columns = [(x[1], x[2], x[3]) for x in terms]
        where = ""
        if partial:
            query = "SELECT sql FROM sqlite_master WHERE name = ?"
            (text,) = db.execute(query, (name,)).fetchone()
            where = re.split(r"\bWHERE\b", text, flags=re.I)[-1].strip()
        yield f"index {origin} {shown} unique={unique} {columns} {where}"


def key_lines(db: sqlite3.Connection, table: str) -> cabc.Iterator[str]:
    keys: dict[int, list[t.Any]] = {}
    for key in db.execute(f'PRAGMA foreign_key_list("{table}")'):
        keys.setdefault(key[0], []).append(key)
    for pairs in keys.values():
        columns = [(x[3], x[4]) for x in pairs]
        yield f"foreign key {columns} to {pairs[0][2]} {pairs[0][5:]}"


def named_lines(inspector: t.Any, table: str) -> cabc.Iterator[str]:
    for kind in ("foreign_keys", "unique_constraints"):
        for found in getattr(inspector, f"get_{kind}")(table):
            columns = found.get("constrained_columns") or found.get("column_names")
            yield f"name of {kind} {columns}: {found['name']}"
    yield f"name of pk: {inspector.get_pk_constraint(table)['name']}"
    for check in inspector.get_check_constraints(table):
        text = re.sub(r'[\s"`\[\]]+', "", check["sqltext"]).lower()
        yield f"check {check['name']}: {text}"


def schema(path: pathlib.Path) -> list[str]:
    """What a database's schema means, as lines."""
    import sqlalchemy as sa

    lines = []
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    with contextlib.closing(sqlite3.connect(path)) as db:
        for table, sql in tables_of(db):
            found = [
                f"column {name} {declared.upper()} not_null={not_null}"
                f" default={default} key={key} hidden={hidden}"
                for _, name, declared, not_null, default, key, hidden in db.execute(
                    f'PRAGMA table_xinfo("{table}")'
                )
            ]
            found += [*index_lines(db, table), *key_lines(db, table)]
            found += named_lines(inspector, table)
            found += [
                f"option {x}"
                for x in ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT", "COLLATE")
                if re.search(rf"\b{x}\b", sql, re.I)
            ]
            lines += [f"{table}: {x}" for x in found]
        lines += [
            f"{kind} {name} on {table}: {' '.join(str(sql).split())}"
            for kind, name, table, sql in db.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
                " WHERE type IN ('trigger', 'view')"
            )
        ]
    engine.dispose()
    return sorted(lines)


def rows(path: pathlib.Path) -> list[str]:
    """All values, as lines: of each row by its keys or its place, of each column."""
    lines = []
    with contextlib.closing(sqlite3.connect(path)) as db:
        for table, _ in tables_of(db):
            info = db.execute(f'PRAGMA table_info("{table}")').fetchall()
            names = sorted(x[1] for x in info)
            keys = [x[1] for x in info if x[5]]
            chosen = ", ".join(f'"{x}"' for x in names)
            for row in db.execute(f'SELECT {chosen} FROM "{table}"'):
                values = dict(zip(names, row, strict=True))
                key = [values[x] for x in sorted(keys)] or row
                where = NOW.sub("now", repr(key))
                lines.append(f"{table} {where}")
                lines += [
                    f"{table} {where} {x}={NOW.sub('now', repr(values[x]))}"
                    for x in names
                ]
    return sorted(lines)


# -- one run, in a process of its own --------------------------------------------------


class Run:
    """A history that runs up, down and up again with one of the packages."""

    def __init__(
        self, package: str, folder: str, mode: str, path: pathlib.Path
    ) -> None:
        import sqlalchemy as sa
        from alembic.script import ScriptDirectory
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy

        self.library = importlib.import_module(package)
        self.folder, self.mode, self.path = folder, mode, path
        self.filled: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.states: State = {}
        self.ends: State = {}
        self.app = Flask("history")
        self.app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
        database = SQLAlchemy(self.app)
        self.app.extensions["database_of_history"] = database
        self.library.Migrate(self.app, database, directory=folder)
        with contextlib.suppress(ImportError):
            importlib.import_module("history_setup").set_up(self.app)
        with self.app.app_context():

            @sa.event.listens_for(database.engine, "connect")
            def connect(dbapi: t.Any, record: object) -> None:
                dbapi.execute("PRAGMA synchronous = OFF")
                if mode == "enforced":
                    dbapi.execute("PRAGMA foreign_keys = ON")

        scripts = ScriptDirectory(folder)
        self.history = [*scripts.walk_revisions()][::-1]

    def step(self, part: str, name: str, function: str, target: str) -> bool:
        """Run one command and keep what it led to."""
        try:
            with self.app.app_context():
                getattr(self.library, function)(directory=self.folder, revision=target)
        except (Exception, SystemExit) as error:
            cause = error.__context__ if isinstance(error, SystemExit) else error
            text = f"{type(cause or error).__name__}: {cause or error}"
            self.ends[part] = f"{name}: {text[:1500]}"
            traceback.print_exc()
            return False
        if self.mode != "empty" and part == "up":
            fill(self.path, self.filled, self.given)
        self.states[f"{part} {name}"] = {
            "schema": schema(self.path),
            "rows": rows(self.path),
        }
        return True

    def up(self, part: str) -> bool:
        if self.mode == "empty":
            return self.step(part, "heads", "upgrade", "heads")
        return all(
            self.step(part, x.revision, "upgrade", x.revision) for x in self.history
        )

    def down(self) -> None:
        if self.mode == "empty":
            self.step("down", "base", "downgrade", "base")
            return
        for script in self.history[::-1]:
            below = script.down_revision or "base"
            target = below if isinstance(below, str) else below[0]
            if not self.step("down", script.revision, "downgrade", target):
                return

    def run(self) -> State:
        if self.up("up"):
            self.down()
            self.up("again")
        return {"states": self.states, "ends": self.ends, "count": len(self.history)}


# -- the comparison --------------------------------------------------------------------


def run_both(args: argparse.Namespace, mode: str, kept: pathlib.Path) -> list[State]:
    results = []
    for package in PACKAGES:
        name = f"{mode}-{package}"
        folder = args.folder
        if args.packaged and package != "flask_migrate":
            folder = without_environment(pathlib.Path(folder), kept)
        command = [sys.executable, __file__, folder, "--worker", package]
        command += ["--mode", mode, "--kept", str(kept), "--stubs", *args.stubs]
        command += [f"--value={x}" for x in args.value]
        command += ["--full"] * args.full
        with (kept / f"{name}.log").open("w") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)
        results.append(json.loads((kept / f"{name}.json").read_text()))
    return results


def without_environment(folder: pathlib.Path, kept: pathlib.Path) -> str:
    """Copy a folder without what is the packaged environment's.

    :return: the copy.
    """
    copy = kept / "packaged"
    left_out = shutil.ignore_patterns("env.py", "alembic.ini", "__pycache__")
    shutil.copytree(folder, copy, ignore=left_out, dirs_exist_ok=True)
    return str(copy)


def compare(mode: str, stock: State, ours: State) -> None:
    """Print what differs, at the revision where it does so first."""
    print(f"== {mode}: {ours['count']} revisions")
    for part in ("up", "down", "again"):
        for package, result in zip(PACKAGES, (stock, ours), strict=True):
            states = [x for x in result["states"] if x.startswith(f"{part} ")]
            end = result["ends"].get(part, "all" if states else "not reached")
            print(f"   {part:6} {package:19} {len(states):4} done; {end}")
    seen: set[str] = set()
    for key in ours["states"]:
        if key not in stock["states"]:
            continue
        for what in ("schema", "rows"):
            was, is_ = (set(x["states"][key][what]) for x in (stock, ours))
            only = [f"- {x}" for x in sorted(was - is_)]
            only += [f"+ {x}" for x in sorted(is_ - was)]
            fresh = [x for x in only if x not in seen]
            seen.update(only)
            for line in fresh:
                print(f"   {key} {what} {line[:400]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--stubs", nargs="*", default=[])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--packaged", action="store_true")
    parser.add_argument("--value", action="append", default=[])
    parser.add_argument("--mode", choices=MODES, nargs="*", default=MODES)
    parser.add_argument("--kept", help="where databases and logs are to stay")
    parser.add_argument("--worker", choices=PACKAGES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path[:0] = args.stubs
    if args.worker:
        kept = pathlib.Path(args.kept)
        name = f"{args.mode[0]}-{args.worker}"
        path = kept / f"{name}.db"
        path.unlink(missing_ok=True)
        run = Run(args.worker, args.folder, args.mode[0], path)
        run.given = dict(x.split("=", 1) for x in args.value)
        if args.full:
            run.given[FULL] = ""
        found = run.run()
        (kept / f"{name}.json").write_text(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(args.kept or folder)
        kept.mkdir(exist_ok=True, parents=True)
        for mode in args.mode:
            compare(mode, *run_both(args, mode, kept))


if __name__ == "__main__":
    main()

"""The same blocks by the SQL that ``--sql`` writes, beside a migration of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import sqlite3
import typing as t

from flask_batchmigrate.environment.rehearsal.recording import Recording
from flask_batchmigrate.environment.rehearsal.recording import recording_connection
from flask_batchmigrate.environment.rehearsal.sql_script import HEAD
from flask_batchmigrate.sqlite.ddl.quoting import always_quoted
from flask_batchmigrate.sqlite.errors import ChangeRefused
from flask_batchmigrate.sqlite.plan.plan import Plan
from tests.sqlite.alembic_route import alter_by_alembic
from tests.sqlite.random_choices import Choices
from tests.sqlite.random_example import connect
from tests.sqlite.random_example import Example
from tests.sqlite.random_example import make_example
from tests.sqlite.random_example import STANDARD
from tests.sqlite.random_example import Wrong

_ROWS: t.Final = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE|ANALYZE)\b", re.I)


def compare_script(choices: Choices) -> str:
    """Make a random block by the engine and by its SQL, and compare the databases.

    :return: what came of it.
    :raises Discard: the choices lead to no block that a migration script can say.
    :raises Wrong: the SQL does something else.
    """
    with (
        contextlib.closing(connect(":memory:")) as database,
        contextlib.closing(connect(":memory:")) as copy,
    ):
        example = make_example(choices, database, STANDARD)
        database.backup(copy)
        return _compare(example, copy)


def _compare(example: Example, copy: sqlite3.Connection) -> str:
    plans: list[Plan] = []
    refusal = _refusal(example, plans)
    try:
        script = _recorded(example)
    except ChangeRefused as error:
        if refusal is None:
            # The way that the rows do not decide is ruled out.
            if example.recreate == "never":
                return "no script: recreate='never'"
            raise Wrong(f"no script: {error}\n{example.told()}") from error
        return "refused, no script"
    complaint = _run(script, copy)
    if refusal is not None and not complaint:
        raise Wrong(f"the script does not stop: {refusal}\n{script}\n{example.told()}")
    if complaint and refusal is None and any(map(_numbers_rows, plans)):
        return "stops where the engine numbers rows"
    if complaint and refusal is None:
        raise Wrong(f"the script stops: {complaint}\n{script}\n{example.told()}")
    one, two = everything(example.database), everything(copy)
    if one != two:
        lines = [f"by the engine: {line}" for line in one if line not in two]
        lines += [f"by the script: {line}" for line in two if line not in one]
        listed = "\n  ".join(lines) or "another order"
        raise Wrong(f"not alike\n  {listed}\n{script}\n{example.told()}")
    return "refused, and stops" if refusal else "done alike"


def _numbers_rows(plan: Plan) -> bool:
    """Whether an empty column becomes the rowid, which only the rows tell."""
    sources = plan.target.sources if plan.target is not None else ()
    return any(source.using in ("rowid", "oid", "_rowid_") for source in sources)


def _refusal(example: Example, plans: list[Plan]) -> str | None:
    try:
        alter_by_alembic(example, planned=plans.append)
    except ChangeRefused as error:
        return str(error)
    return None


def _recorded(example: Example) -> str:
    """Record the block on a database without rows."""
    recording = Recording()
    kind = recording_connection(recording, sqlite3.Connection)
    database = sqlite3.connect(":memory:", isolation_level=None, factory=kind)
    with contextlib.closing(database):
        for statement, values in example.statements:
            if not _ROWS.match(statement):
                database.execute(statement, values)
        recording.start("alembic_version")
        alter_by_alembic(
            dataclasses.replace(example, database=database), recording.may_be_short
        )
        return recording.script("the example")


def _run(script: str, database: sqlite3.Connection) -> str:
    """Run a script; return what it complains of."""
    try:
        database.executescript(script.replace(HEAD, "", 1))
    except sqlite3.Error as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        return str(error)
    return ""


def everything(database: sqlite3.Connection) -> list[t.Any]:
    """Everything but statistics; indexes may be listed in another place."""
    database.text_factory = bytes
    master = database.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
        " WHERE name NOT LIKE 'sqlite~_stat_' ESCAPE '~'"
    ).fetchall()
    found: list[t.Any] = [row for row in master if row[0] != b"index"]
    found += sorted((row for row in master if row[0] == b"index"), key=repr)
    for kind, name, *_ in master:
        if kind == b"table":
            found += _rows(database, name.decode())
    for pragma in ("user_version", "auto_vacuum", "integrity_check"):
        found += database.execute(f"PRAGMA {pragma}").fetchall()
    return found


def _rows(database: sqlite3.Connection, table: str) -> list[t.Any]:
    table = always_quoted(table)
    names = [
        always_quoted(row[1].decode())
        for row in database.execute(f"PRAGMA table_xinfo({table})")
    ]
    shown = ", ".join(f"typeof({name}), {name}" for name in names)
    try:
        query = f"SELECT rowid, {shown} FROM {table} NOT INDEXED"
        return [(table, *row) for row in database.execute(query)]
    except sqlite3.OperationalError:
        # Without a rowid, SQLite may read the rows by any index.
        rows = database.execute(f"SELECT {shown} FROM {table}").fetchall()
        return [(table, *row) for row in sorted(rows, key=repr)]

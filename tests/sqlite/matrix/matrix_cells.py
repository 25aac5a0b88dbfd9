"""Runs one feature through one operation, by the commands on a real file."""

from __future__ import annotations

import collections.abc as cabc
import contextlib
import dataclasses
import pathlib
import re
import shutil
import sqlite3
import textwrap
import typing as t

import sqlalchemy as sa
from alembic.util import CommandError
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import flask_batchmigrate
from flask_batchmigrate.reporting import Reporter
from flask_batchmigrate.reporting import reporting_to
from flask_batchmigrate.results import TablePlan
from tests.oracles.database_state import Names
from tests.oracles.database_state import probe
from tests.oracles.database_state import read_state
from tests.oracles.plan_reasons import unexplained
from tests.sqlite.matrix.comparison import compare
from tests.sqlite.matrix.features import Feature
from tests.sqlite.matrix.features import FEATURES
from tests.sqlite.matrix.operations import Operation
from tests.sqlite.matrix.operations import OPERATIONS

KEPT: t.Final = "kept"
CHANGED: t.Final = "changed"
REFUSED: t.Final = "refused"
NAMED: t.Final = {
    ("autoincrement", "autoincrement"),
    ("without-rowid", "without-rowid"),
    ("rowids", "without-rowid"),
    ("key-desc", "without-rowid"),
    ("key-desc", "strict"),
    ("strict", "strict"),
}
"""Cells in which the operation is about the very thing that the feature is."""
SCRIPT: t.Final = '''\
"""{name}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = None


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    :param result: :data:`KEPT`, :data:`CHANGED` or :data:`REFUSED`.
    :param reason: why it was refused.
    """

    result: str
    reason: str = ""


class _Plans(Reporter):
    """Collects the plans of tables that are copied."""

    def __init__(self) -> None:
        self.of_copies: list[TablePlan] = []

    def table_changed(self, plan: TablePlan) -> None:
        if plan.way == "copy":
            self.of_copies.append(plan)


class Laboratory:
    """An application, a database file and a migrations folder for each operation.

    :param folder: where to put them.
    :param enforce: whether the application enforces foreign keys.
    """

    def __init__(self, folder: pathlib.Path, enforce: bool) -> None:
        self.folder = folder
        self.enforce = enforce
        self.path = folder / "app.db"
        for name, operation in OPERATIONS.items():
            self._write(name, operation)
        self.app = Flask("laboratory")
        self.app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{self.path}"
        # Files are exchanged below the application, so it must not keep one open.
        options = {"poolclass": sa.NullPool}
        self.app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
        db = SQLAlchemy(self.app)
        flask_batchmigrate.BatchMigrate(self.app, db)
        with self.app.app_context():
            sa.event.listen(db.engine, "connect", self._connect)

    def _connect(self, connection: t.Any, record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF").close()
        if self.enforce:
            connection.execute("PRAGMA foreign_keys = ON").close()

    def _write(self, name: str, operation: Operation) -> None:
        versions = self.folder / name / "versions"
        versions.mkdir(parents=True)
        code = [
            _body(step.code, operation.block, arguments)
            for step, arguments in zip(
                (operation.up, operation.down), operation.arguments, strict=True
            )
        ]
        revision = name.replace("-", "_")
        text = SCRIPT.format(
            name=name, revision=revision, upgrade=code[0], downgrade=code[1]
        )
        (versions / "one.py").write_text(text)

    def _prepare(self, name: str) -> None:
        """Put the database of a feature in place; it is made once."""
        model = self.folder / f"{name}.db"
        if not model.exists():
            with contextlib.closing(sqlite3.connect(model)) as connection:
                connection.executescript(FEATURES[name].script)
        shutil.copy(model, self.path)

    def run(self, feature: str, operation: str) -> Outcome:
        """Upgrade and downgrade, and assert that nothing else changed.

        :raises AssertionError: something is lost, or an error left something changed.
        """
        self._prepare(feature)
        asked = OPERATIONS[operation]
        named = (feature, operation) in NAMED
        cell = _Cell(
            FEATURES[feature],
            asked,
            str(self.folder / operation),
            () if named or not asked.probes else FEATURES[feature].probes,
        )
        reason = self._step(cell, 0)
        if reason is not None:
            return Outcome(REFUSED, reason)
        reason = self._step(cell, 1)
        if reason is not None:
            return Outcome(REFUSED, f"On the way back: {reason}")
        return Outcome(CHANGED if asked.on or named else KEPT)

    def _step(self, cell: _Cell, direction: int) -> str | None:
        """Run one direction; return why it was refused, if it was."""
        steps = (cell.operation.up, cell.operation.down)
        names = (Names(), steps[0].names)[direction]
        command = (flask_batchmigrate.upgrade, flask_batchmigrate.downgrade)[direction]
        before = read_state(self.path)
        content = self.path.read_bytes()
        behaviour = probe(self.path, cell.probes, names, self.enforce)
        plans = _Plans()
        with self.app.app_context(), reporting_to(plans):
            try:
                command(directory=cell.directory)
            except CommandError as error:
                return self._refused(content, str(error))
        found = read_state(self.path)
        tables = [table for state in (before, found) for table in state.tables.values()]
        texts = "\n".join(table.sql for table in tables)
        for plan in plans.of_copies:
            assert unexplained(plan.reason, texts) == []
        how = cell.operation.text[direction]
        compare(before, found, steps[direction], cell.feature, how)
        names = steps[direction].names
        assert probe(self.path, cell.probes, names, self.enforce) == behaviour
        return None

    def _refused(self, content: bytes, message: str) -> str:
        """Assert that an error says why, and that not one byte was changed."""
        assert self.path.read_bytes() == content
        assert not list(self.folder.glob("app.db-*"))
        assert "Internal error" not in message
        assert "_batchmigrate_" not in message
        found = re.search(
            r"((?:Table|Column|SQLite) .*) Nothing was changed\.", message
        )
        assert found is not None, message
        return found[1]


@dataclasses.dataclass(frozen=True)
class _Cell:
    """One feature with one operation."""

    feature: Feature
    operation: Operation
    directory: str
    probes: tuple[str, ...]


def _body(code: str, block: bool, arguments: str) -> str:
    if not block:
        return textwrap.indent(code, "    ")
    opening = f"with op.batch_alter_table('thing'{arguments}) as b:"
    return f"    {opening}\n{textwrap.indent(code, '        ')}"


def cells() -> cabc.Iterator[tuple[str, str]]:
    """Every feature with every operation."""
    for feature in FEATURES:
        for operation in OPERATIONS:
            yield feature, operation

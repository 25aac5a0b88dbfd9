"""From any models to any others and back, with rows."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import typing as t

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st

import flask_batchmigrate as fb
from flask_batchmigrate.autogenerate.request import Request

from .changes import Define
from .judge import schema_of
from .test_changes import Bench
from .test_changes import made_by

TYPES: dict[str, t.Callable[[], t.Any]] = {
    "int": sa.Integer,
    "big": sa.BigInteger,
    "short": lambda: sa.String(20),
    "long": lambda: sa.String(80),
    "nocase": lambda: sa.String(40, collation="NOCASE"),
    "text": sa.Text,
    "number": lambda: sa.Numeric(10, 2),
    "flag": sa.Boolean,
    "checked flag": lambda: sa.Boolean(create_constraint=True),
    "mood": lambda: sa.Enum("good", "bad", name="mood", create_constraint=True),
    "moods": lambda: sa.Enum("good", "bad", "odd", name="mood", create_constraint=True),
    "day": sa.Date,
}


@dataclasses.dataclass(frozen=True)
class Column:
    """One column besides the number."""

    type: str
    nullable: bool
    default: bool
    unique: bool
    index: bool
    check: bool
    parent: bool
    on_delete: bool

    def make(self, name: str, table: str) -> list[sa.SchemaItem]:
        default = sa.text("1") if self.default and "mood" not in self.type else None
        keys = []
        if self.parent and self.type == "int" and table != "a":
            keys = [
                sa.ForeignKey("a.id", ondelete="CASCADE" if self.on_delete else None)
            ]
        made: list[sa.SchemaItem] = [
            sa.Column(
                name,
                TYPES[self.type](),
                *keys,
                nullable=self.nullable,
                server_default=default,
                unique=self.unique or None,
                index=self.index or None,
            )
        ]
        if self.check:
            made.append(sa.CheckConstraint(f"{name} <> 'never'"))
        return made


@dataclasses.dataclass(frozen=True)
class Table:
    """One table."""

    columns: dict[str, Column]
    both_unique: bool
    down: bool
    counter: bool

    def make(self, name: str, metadata: sa.MetaData) -> None:
        items = [i for n, c in self.columns.items() for i in c.make(n, name)]
        made = sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            *items,
            sqlite_autoincrement=self.counter,
        )
        names = list(self.columns)
        if self.both_unique and len(names) > 1:
            made.append_constraint(sa.UniqueConstraint(*names[:2]))
        if self.down and names:
            sa.Index(f"ix_{name}_down", made.c[names[-1]].desc())


COLUMN = st.builds(Column, st.sampled_from(sorted(TYPES)), *[st.booleans()] * 7)
TABLE = st.builds(
    Table, st.dictionaries(st.sampled_from("xyz"), COLUMN), *[st.booleans()] * 3
)
MODELS = st.dictionaries(st.sampled_from("abc"), TABLE, min_size=1)


def define(models: dict[str, Table]) -> Define:
    """Return what makes the tables; there is always one to refer to."""

    def make(metadata: sa.MetaData) -> None:
        empty = Table({}, False, False, False)
        for name, table in {"a": empty, **models}.items():
            table.make(name, metadata)

    return make


def walk(path: pathlib.Path, first: Define, second: Define) -> None:
    """Generate from one to the other, and judge each step by ``create_all()``."""
    bench = Bench(f"sqlite:///{path / 'app.db'}", path)
    file = path / "app.db"
    request = Request(no_rename=True)
    folder = path / "migrations"
    for number, wanted in enumerate([first, second]):
        app, db = bench.app(wanted, directory=folder)
        with app.app_context():
            fb.migrate(rev_id=f"aa{number}", request=request)
            try:
                fb.upgrade()
            except fb.AlterationError as error:
                # A value that the new type cannot hold is nobody's to invent.
                refused = ("cannot become", "there is no row in")
                hypothesis.assume(not any(text in str(error) for text in refused))
                raise
            assert fb.migrate(request=request) == []
            with db.engine.begin() as connection:
                # A row only where every column takes NULL or has a default.
                for table in db.metadata.sorted_tables if not number else ():
                    if all(
                        c.nullable or c.server_default is not None or c.primary_key
                        for c in table.columns
                    ):
                        connection.execute(table.insert(), {"id": 7})
        assert schema_of(file) == made_by(wanted, path)
    if schema_of(file) == made_by(first, path):
        return
    app, db = bench.app(first, directory=folder)
    with app.app_context():
        fb.downgrade()
        assert schema_of(file) == made_by(first, path)
        fb.upgrade()
    assert schema_of(file) == made_by(second, path)


@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=25, phases=[hypothesis.Phase.generate])
def test_any_to_any(first: dict[str, Table], second: dict[str, Table]) -> None:
    """Upgrade reaches the models, a second comparison finds nothing, back restores."""
    check(first, second)


@pytest.mark.long
@hypothesis.given(MODELS, MODELS)
@hypothesis.settings(max_examples=2000)
def test_any_to_any_for_long(first: dict[str, Table], second: dict[str, Table]) -> None:
    """The same, many times."""
    check(first, second)


def check(first: dict[str, Table], second: dict[str, Table]) -> None:
    """Walk, where the rows can stay: what must not be NULL has a value then."""
    for models in (first, second):
        for table in models.values():
            moods = [c for c in table.columns.values() if "mood" in c.type]
            # The engine takes no second check of the same name.
            hypothesis.assume(len(moods) < 2)
    for name, table in second.items():
        before = first.get(name, Table({}, False, False, False))
        for column, new in table.columns.items():
            old = before.columns.get(column)
            hypothesis.assume(
                new.nullable
                or (new.default and "mood" not in new.type)
                or (old is not None and old == new)
            )
            hypothesis.assume(not (new.unique and new.default))
            # A type that says no collation leaves the one that there is.
            types = {new.type} | ({old.type} if old is not None else set())
            texts = {"nocase", "short", "long", "text"}
            hypothesis.assume("nocase" not in types or types <= texts)
    with tempfile.TemporaryDirectory() as path:
        walk(pathlib.Path(path), define(first), define(second))
